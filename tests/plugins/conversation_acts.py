"""The stand-in's acts: merge, link, split, move and their undo, each kept as the state before it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from plugins.conversation_api import StandInConversation

STATE = ("threads", "messages", "customers")


class StandInActs:
    def __init__(self, world: StandInConversation) -> None:
        self.world = world
        self.before: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.warnings: list[str] = []

    def routes(self) -> list[Route]:
        post = {"methods": ["POST"]}
        return [
            Route("/threads/{id}/split", self.split, **post),
            Route("/threads/{id}/move", self.move, **post),
            Route("/threads/{id}/merge", self.merge_threads, **post),
            Route("/acts/{id}/undo", self.undo, **post),
            Route("/customers", self.find),
            Route("/customers/{id}/merge-preview", self.preview),
            Route("/customers/{id}/merge", self.merge, **post),
            Route("/customers/{id}/unmerge", self.unmerge, **post),
            Route("/customers/{id}/dismiss", self.dismiss, **post),
            Route("/customers/{id}/prove", self.prove, **post),
        ]

    def begin(self) -> str:
        act_id = f"act-{len(self.before)}"
        self.before[act_id] = {name: copy.deepcopy(getattr(self.world, name)) for name in STATE}
        return act_id

    async def undo(self, request: Request) -> Response:
        for name, state in self.before[request.path_params["id"]].items():
            setattr(self.world, name, state)
        return JSONResponse({"undone": True})

    async def split(self, request: Request) -> Response:
        act_id, old = self.begin(), self.world.threads[request.path_params["id"]]
        new = self.world.add_thread("split", old["customer"]["name"])
        del self.world.customers["customer-split"]
        new["customer"] = old["customer"]
        self.world.customers[old["customer"]["id"]]["threads"].append(_summary(new))
        return await self._moved(request, act_id, old["id"], new["id"])

    async def move(self, request: Request) -> Response:
        return await self._moved(
            request, self.begin(), request.path_params["id"], (await request.json())["to_thread_id"]
        )

    async def merge_threads(self, request: Request) -> Response:
        act_id, here, other = self.begin(), request.path_params["id"], (await request.json())["other_thread_id"]
        self._take([message["id"] for message in self.world.messages[other]], other, here)
        self.world.threads[other] |= {"merged_into_id": here, "status": "closed"}
        return JSONResponse({"act_id": act_id, "thread": self.world.threads[here]})

    async def _moved(self, request: Request, act_id: str, old: str, new: str) -> Response:
        self._take((await request.json())["message_ids"], old, new)
        return JSONResponse({"act_id": act_id, "thread": self.world.threads[new]}, 201)

    def _take(self, ids: list[str], old: str, new: str) -> None:
        messages = self.world.messages
        taken = [message | {"thread_id": new} for message in messages[old] if message["id"] in ids]
        messages[old] = [message for message in messages[old] if message["id"] not in ids]
        messages[new] = sorted([*messages[new], *taken], key=lambda message: message["position"])

    async def find(self, request: Request) -> Response:
        words = request.query_params["q"].lower()
        found = [one for one in self.world.customers.values() if words in (one["name"] or "visitor").lower()]
        return JSONResponse({"items": [_person(one) for one in found], "next": None})

    async def preview(self, request: Request) -> Response:
        keeps = self.world.customers[request.path_params["id"]]
        absorbs = self.world.customers[request.query_params["other"]]
        threads = [
            {"id": one["id"], "status": one["status"], "messages": len(self.world.messages[one["id"]])}
            for one in absorbs["threads"]
        ]
        return JSONResponse(
            {
                "keeps": _person(keeps),
                "absorbs": _person(absorbs),
                "identities": absorbs["identities"],
                "threads": threads,
                "messages": sum(one["messages"] for one in threads),
                "merges_threads": None,
                "warnings": self.warnings,
            }
        )

    async def merge(self, request: Request) -> Response:
        act_id, body = self.begin(), await request.json()
        keeps = self.world.customers[request.path_params["id"]]
        absorbs = self.world.customers.pop(body["other_id"])
        came_in_as = {"customer_id": absorbs["id"]}
        keeps["identities"] += [identity | came_in_as for identity in absorbs["identities"]]
        keeps["threads"] += absorbs["threads"]
        keeps["maybe"] = [one for one in keeps["maybe"] if one["id"] != absorbs["id"]]
        how = {"how": "teammate", "by": {"kind": "teammate", "id": "mara", "name": "Mara Lind"}}
        at = "2026-11-03T10:00:00Z"
        keeps["merges"].append(
            {"act_id": act_id, "customer": _person(absorbs), "at": at, "reason": body.get("reason"), **how}
        )
        for thread in self.world.threads.values():
            if thread["customer"]["id"] == absorbs["id"]:
                thread["customer"] = _person(keeps)
        return JSONResponse({"act_id": act_id, "customer": keeps})

    async def unmerge(self, request: Request) -> Response:
        for name, state in self.before[(await request.json())["act_id"]].items():
            setattr(self.world, name, state)
        return JSONResponse({"customer": self.world.customers[request.path_params["id"]], "other": {}})

    async def dismiss(self, request: Request) -> Response:
        customer, other = self.world.customers[request.path_params["id"]], (await request.json())["other_id"]
        customer["maybe"] = [one for one in customer["maybe"] if one["id"] != other]
        return Response(status_code=204)

    async def prove(self, request: Request) -> Response:
        self.asked.append((await request.json())["value"])
        return JSONResponse({"sent": True}, 202)


def _person(customer: dict[str, Any]) -> dict[str, Any]:
    return {name: customer[name] for name in ("id", "name", "email")}


def _summary(thread: dict[str, Any]) -> dict[str, Any]:
    return {name: thread[name] for name in ("id", "status", "created_at", "updated_at")}
