"""A stand-in for conversation's REST API and events, for tests that drive the inbox in a browser."""

from __future__ import annotations

import asyncio
import hashlib
import json
import mimetypes
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from plugins.conversation_acts import StandInActs
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).resolve().parents[2] / "services/conversation/src/onethread/conversation/static"
MARA = {"id": "mara", "name": "Mara Lind", "email": "mara@shop.example"}
FILES = {"number": 20, "bytes": 20_000_000}
PRIVATE = {"shared": False, "name": None}
CHANNELS = {kind: {"id": f"{kind}-1", "kind": kind} for kind in ("widget", "email", "slack")}


class StandInConversation:
    """The API in memory; a test can refuse, cut and change things behind the inbox's back."""

    def __init__(self) -> None:
        self.signed_in = True
        self.down = False
        self.threads: dict[str, dict[str, Any]] = {}
        self.messages: dict[str, list[dict[str, Any]]] = {}
        self.customers: dict[str, dict[str, Any]] = {}
        self.sides: list[dict[str, Any]] = []
        self.reply_channels: dict[str, list[dict[str, Any]]] = {}
        self.sent: list[dict[str, Any]] = []
        self.keys: dict[str, dict[str, Any]] = {}
        self.changes: list[dict[str, Any]] = []
        self.streams: set[asyncio.Queue[str | None]] = set()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.answers_to_lose = 0
        self.positions = 0
        self.holds = False
        self.pending: dict[str, list[dict[str, Any]]] = {}
        self.retried: list[str] = []
        self.files: dict[str, dict[str, Any]] = {}
        self.uploads_pass = asyncio.Event()
        self.uploads_pass.set()
        self.acts = StandInActs(self)
        self.clock = datetime.now(UTC) - timedelta(hours=20)

    def later(self, minutes: int = 7) -> str:
        """The next moment of the story, always in the past of the browser's clock."""
        self.clock = min(self.clock + timedelta(minutes=minutes), datetime.now(UTC))
        return self.clock.isoformat()

    def app(self) -> Starlette:
        api = [
            Route("/session", self.session, methods=["GET", "POST", "DELETE"]),
            Route("/threads", self.list_threads),
            Route("/threads/{id}", self.thread, methods=["GET", "PATCH"]),
            Route("/threads/{id}/messages", self.thread_messages, methods=["GET", "POST"]),
            Route("/files", self.upload, methods=["POST"]),
            Route("/files/{id}", self.remove_file, methods=["DELETE"]),
            Route("/threads/{id}/side", self.write_side_mail, methods=["POST"]),
            Route("/threads/{id}/pending/{message}", self.take_back, methods=["DELETE"]),
            Route("/threads/{id}/messages/{message}/retry", self.retry, methods=["POST"]),
            Route("/threads/{id}/proposals", self.no_proposals),
            Route("/drafts", self.no_drafts),
            Route("/tags", self.tags),
            *self.acts.routes(),
            Route("/customers/{id}", self.customer, methods=["GET", "PATCH"]),
            Route("/events", self.events),
        ]
        page = lambda _: FileResponse(STATIC / "index.html")  # noqa: E731
        return Starlette(
            routes=[
                Mount("/api/v1", routes=api),
                Mount("/assets", StaticFiles(directory=STATIC / "assets", check_dir=False)),
                Route("/", page),
                Route("/inbox/{rest:path}", page),
            ]
        )

    def add_thread(self, thread_id: str, name: str | None, kind: str = "widget", **more: Any) -> dict[str, Any]:
        customer_id = f"customer-{thread_id}"
        email = f"{thread_id}@example.org"
        self.customers[customer_id] = {
            "id": customer_id,
            "name": name,
            "email": email if name else None,
            "language": None,
            "time_zone": None,
            "attributes": {},
            "company": None,
            "claims": [],
            "merges": [],
            "version": 1,
            "identities": [{"kind": "email", "value": email, "trust": "verified"}],
            "maybe": [],
            "threads": [
                {
                    "id": thread_id,
                    "status": more.get("status", "open"),
                    "created_at": self.later(),
                    "updated_at": self.later(),
                }
            ],
            "created_at": "2023-04-01T09:00:00Z",
        }
        at = self.later()
        self.threads[thread_id] = {
            "id": thread_id,
            "status": "open",
            "customer": {"id": customer_id, "name": name, "email": email if name else None},
            "channel": CHANNELS[kind],
            "assignee": None,
            "agent": "quiet",
            "handoff": None,
            "tags": [],
            "priority": "normal",
            "last_message": None,
            "waiting_since": None,
            "sequence": 1,
            "version": 1,
            "topic": None,
            "snoozed_until": None,
            "agent_set": None,
            "created_at": at,
            "updated_at": at,
            **more,
        }
        self.messages[thread_id] = []
        channel = {**CHANNELS[kind], "label": f"{kind} of {name}", "audience": PRIVATE, "files": FILES}
        self.reply_channels[thread_id] = [channel]
        return self.threads[thread_id]

    def add_message(self, thread_id: str, kind: str, text: str, **more: Any) -> dict[str, Any]:
        thread = self.threads[thread_id]
        thread["sequence"] += 1
        self.positions += 1
        message = {
            "id": f"{thread_id}-{thread['sequence']}",
            "thread_id": thread_id,
            "sequence": thread["sequence"],
            "position": self.positions,
            "note": False,
            "channel": thread["channel"],
            "author": {"kind": kind, "id": None, "name": thread["customer"]["name"] if kind == "customer" else None},
            "identity": None,
            "audience": PRIVATE,
            "text": text,
            "html": None,
            "attachments": [],
            "sources": [],
            "delivery": None,
            "created_at": self.later(),
            **more,
        }
        self.messages[thread_id].append(message)
        if not message["note"]:
            last = {"text": text, "author": message["author"], "created_at": message["created_at"]}
            thread |= {"last_message": last, "channel": message["channel"], "updated_at": message["created_at"]}
        return message

    def tell(self, message: dict[str, Any]) -> None:
        thread = self.threads[message["thread_id"]]
        event = {"threadid": thread["id"], "customerid": thread["customer"]["id"]}
        self.emit("onethread.message.added.v1", {**event, "data": {"message": message, "thread": thread}})

    def emit(self, event: str, data: dict[str, Any]) -> None:
        self.put(f"event: {event}\ndata: {json.dumps(data)}\n\n")

    def cut(self) -> None:
        self.put(None)

    def put(self, text: str | None) -> None:
        assert self.loop
        for stream in list(self.streams):
            self.loop.call_soon_threadsafe(stream.put_nowait, text)

    async def session(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.signed_in = False
            return Response(status_code=204)
        if request.method == "POST":
            body = await request.json()
            self.signed_in = body == {"email": MARA["email"], "password": "secret"}
        return JSONResponse(MARA) if self.signed_in else problem(401, "Not signed in.")

    async def list_threads(self, request: Request) -> Response:
        if self.down:
            return problem(503, "The database is away.")
        wanted, assignee = request.query_params.get("status"), request.query_params.get("assignee")
        words = request.query_params.get("q", "").lower()
        tests = {
            None: lambda _: True,
            "me": lambda one: (one["assignee"] or {}).get("id") == MARA["id"],
            "none": lambda one: one["assignee"] is None,
            "agent": lambda one: one["agent"] == "active" and one["assignee"] is None,
        }
        found = [one for one in self.threads.values() if wanted in {one["status"], "all"} and tests[assignee](one)]
        found = [one for one in found if words in json.dumps(one).lower()]
        return JSONResponse({"items": sorted(found, key=lambda one: one["updated_at"], reverse=True), "next": None})

    async def thread(self, request: Request) -> Response:
        thread = self.threads.get(request.path_params["id"])
        if thread is None:
            return problem(404, "There is no such thread.")
        if request.method == "GET":
            channels = self.reply_channels[thread["id"]]
            pending = self.pending.get(thread["id"], [])
            return JSONResponse(
                {**thread, "sides": self.sides, "participants": [], "reply_channels": channels, "pending": pending}
            )
        if self.down:
            return problem(503, "The database is away.")
        if request.headers["if-match"] != f'"{thread["version"]}"':
            return problem(412, "The conversation was changed meanwhile.")
        change = await request.json()
        self.changes.append(change)
        assignee = {"assignee": {"me": MARA}.get(change["assignee"])} if "assignee" in change else {}
        thread |= change | assignee | {"sequence": thread["sequence"] + 1, "version": thread["version"] + 1}
        return JSONResponse(thread)

    async def thread_messages(self, request: Request) -> Response:
        thread_id = request.path_params["id"]
        if request.method == "POST":
            return await self.send(thread_id, await request.json(), request.headers["idempotency-key"])
        after = int(request.query_params.get("after", 0))
        items = [message for message in self.messages.get(thread_id, []) if message["position"] > after]
        return JSONResponse({"items": items, "next": None})

    async def upload(self, request: Request) -> Response:
        content = await request.body()
        await self.uploads_pass.wait()
        if self.down:
            return problem(503, "The database is away.")
        name, sha256 = request.query_params["name"], hashlib.sha256(content).hexdigest()
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        file = {"name": name, "type": kind, "size": len(content), "sha256": sha256, "inline": False}
        id_ = f"file-{len(self.files)}"
        self.files[id_] = file
        return JSONResponse({"id": id_, **file}, 201)

    async def remove_file(self, request: Request) -> Response:
        del self.files[request.path_params["id"]]
        return Response(status_code=204)

    async def write_side_mail(self, request: Request) -> Response:
        if self.down:
            return problem(503, "The database is away.")
        mail = await request.json()
        self.sent.append(mail)
        self.sides.append({"id": "side", "to": mail["to"], "subject": mail["subject"], "status": "waiting"})
        return JSONResponse({"thread_id": "side", "message_id": "m"}, 201)

    async def send(self, thread_id: str, body: dict[str, Any], key: str) -> Response:
        if self.down:
            return problem(503, "The database is away.")
        self.sent.append({**body, "key": key})
        if self.holds and not body["note"]:
            return self.hold(thread_id, body)
        if key not in self.keys:
            author = {"kind": "teammate", "id": MARA["id"], "name": MARA["name"]}
            wanted = body.get("channel_id") or self.reply_channels[thread_id][0]["id"]
            channel = None if body["note"] else next(one for one in CHANNELS.values() if one["id"] == wanted)
            delivery = None if body["note"] else {"state": "queued", "reason": None}
            files = [self.files[id_] for id_ in body.get("files", [])]
            more = {
                "attachments": files,
                "note": body["note"],
                "author": author,
                "channel": channel,
                "delivery": delivery,
            }
            self.keys[key] = self.add_message(thread_id, "teammate", body["text"], **more)
            self.tell(self.keys[key])
        if self.answers_to_lose:
            self.answers_to_lose -= 1
            return problem(502, "The gateway lost the answer.")
        return JSONResponse(self.keys[key], 201)

    def hold(self, thread_id: str, body: dict[str, Any]) -> Response:
        """Until `release`, for longer than was asked: a slow browser has its time."""
        author = {"kind": "teammate", "id": MARA["id"], "name": MARA["name"]}
        send_at = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
        reply = {"id": f"held-{len(self.sent)}", "text": body["text"], "author": author, "send_at": send_at}
        reply["attachments"] = [{"id": id_, **self.files[id_]} for id_ in body.get("files", [])]
        self.pending.setdefault(thread_id, []).append({**reply, "channel_id": body.get("channel_id")})
        return JSONResponse(reply, 202)

    def release(self, thread_id: str) -> None:
        """The time to undo is over: what was held goes out."""
        for reply in self.pending.pop(thread_id):
            said = {"id": reply["id"], "author": reply["author"], "delivery": {"state": "queued", "reason": None}}
            self.tell(self.add_message(thread_id, "teammate", reply["text"], **said))

    async def take_back(self, request: Request) -> Response:
        held, wanted = self.pending.get(request.path_params["id"], []), request.path_params["message"]
        if not any(reply["id"] == wanted for reply in held):
            return problem(409, "It is sent already.")
        held[:] = [reply for reply in held if reply["id"] != wanted]
        return Response(status_code=204)

    async def retry(self, request: Request) -> Response:
        self.retried.append(request.path_params["message"])
        message = next(one for one in self.messages[request.path_params["id"]] if one["id"] == self.retried[-1])
        return JSONResponse({**message, "delivery": {"state": "queued", "reason": None}}, 202)

    async def no_proposals(self, _: Request) -> Response:
        """What the agent does is tried on the real service."""
        return JSONResponse({"items": [], "next": None})

    async def no_drafts(self, _: Request) -> Response:
        return JSONResponse({"thread_ids": []})

    async def tags(self, _: Request) -> Response:
        used = {tag for thread in self.threads.values() for tag in thread["tags"]}
        return JSONResponse({"items": sorted(used), "next": None})

    async def customer(self, request: Request) -> Response:
        customer = self.customers.get(request.path_params["id"])
        if customer is None:
            return problem(404, "There is no such customer.")
        if request.method == "PATCH":
            if request.headers["if-match"] != f'"{customer["version"]}"':
                return problem(412, "The customer was changed meanwhile.")
            customer |= await request.json() | {"version": customer["version"] + 1}
        return JSONResponse(customer)

    async def events(self, _: Request) -> Response:
        if self.down:
            return problem(503, "The database is away.")
        self.loop = asyncio.get_running_loop()
        stream: asyncio.Queue[str | None] = asyncio.Queue()
        self.streams.add(stream)

        async def lines() -> AsyncIterator[str]:
            yield "retry: 200\n\n"
            try:
                while (line := await stream.get()) is not None:
                    yield line
            finally:
                self.streams.discard(stream)

        return StreamingResponse(lines(), media_type="text/event-stream")


def problem(status: int, title: str) -> Response:
    return JSONResponse({"title": title, "status": status}, status, media_type="application/problem+json")


@pytest.fixture
def conversation() -> StandInConversation:
    return StandInConversation()
