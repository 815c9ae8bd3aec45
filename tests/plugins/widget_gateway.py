"""A stand-in for gateway-widget and a shop page of another origin, for tests that drive the widget in a browser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

STATIC = Path(__file__).resolve().parents[2] / "services/gateway-widget/src/onethread/gateway_widget/static"


class StandInGateway:
    """A gateway in memory whose answers a test can lose, refuse or delay."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.frames: list[dict[str, Any]] = []
        self.sessions: list[dict[str, Any]] = []
        self.sockets: set[WebSocket] = set()
        self.numbers = count(1)
        self.acks_to_lose = 0
        self.errors: list[dict[str, Any]] = []
        self.refuse_next_token = False
        self.answers: list[dict[str, Any]] = []
        """To `prove` and `code`, in their order."""
        self.deaf_to: set[str] = set()
        """Kinds of frames that it does not answer."""
        self.down = False
        self.removed = False
        self.files: dict[str, bytes] = {}
        """By their sum."""
        self.brand = "#0b6e4f"
        self.loop: asyncio.AbstractEventLoop | None = None

    def app(self) -> Starlette:
        routes = [
            Route("/widget.js", lambda _: FileResponse(STATIC / "widget.js")),
            Route("/widget/panel.js", lambda _: FileResponse(STATIC / "panel.js")),
            Route("/v1/session", self.session, methods=["POST"]),
            Route("/v1/messages/{id}/attachments/{sha256}", self.file),
            WebSocketRoute("/v1/socket", self.socket),
        ]
        cors = Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
        return Starlette(routes=routes, middleware=[cors])

    async def session(self, request: Request) -> Response:
        body = await request.json()
        if self.down:
            return JSONResponse({"title": "down"}, status_code=503)
        if self.removed:
            return JSONResponse({"title": "There is no such channel"}, status_code=404)
        self.sessions.append(body)
        if body.get("identity_token") == "forged":
            return JSONResponse({"title": "Bad identity", "detail": "The identity token is not valid."}, 401)
        token = body.get("session_token") or f"token-{next(self.numbers)}"
        config = {"name": "Petal & Stem", "greeting": "Hello! Ask about orders and plants.", "brand": self.brand}
        return JSONResponse({"session_token": token, "config": config, "thread": None, "messages": self.messages})

    async def file(self, request: Request) -> Response:
        content = self.files.get(request.path_params["sha256"])
        if content is None or not request.headers["authorization"].startswith("Bearer token-"):
            return JSONResponse({"title": "There is no such file"}, 404)
        return Response(content, media_type="application/octet-stream")

    async def socket(self, socket: WebSocket) -> None:
        self.loop = asyncio.get_running_loop()
        assert socket.scope["subprotocols"][0] == "onethread.v1"
        await socket.accept("onethread.v1")
        if self.refuse_next_token or self.down:
            code = 4401 if self.refuse_next_token else 1012
            self.refuse_next_token = False
            return await socket.close(code)
        self.sockets.add(socket)
        try:
            while True:
                await self.receive(socket, await socket.receive_json())
        except WebSocketDisconnect:
            return None
        finally:
            self.sockets.discard(socket)

    async def receive(self, socket: WebSocket, frame: dict[str, Any]) -> None:
        self.frames.append(frame)
        if frame["type"] == "resume":
            seen = next((i for i, m in enumerate(self.messages) if m["cursor"] == frame["after"]), -1)
            for message in self.messages[seen + 1 :]:
                await socket.send_json({"type": "message", "message": message})
        if frame["type"] in ("prove", "code") and self.answers:
            await socket.send_json({"type": frame["type"], "proof_id": "proof-1", **self.answers.pop(0)})
        if frame["type"] == "feedback" and "feedback" not in self.deaf_to:
            await socket.send_json({"type": "ack", "client_id": frame["client_id"], "message_id": frame["message_id"]})
        if frame["type"] != "message":
            return
        if self.errors:
            await socket.send_json({"type": "error", "client_id": frame["client_id"], **self.errors.pop(0)})
            return
        message = self.store("customer", frame["text"], client_id=frame["client_id"])
        if self.acks_to_lose:
            self.acks_to_lose -= 1
            return
        await socket.send_json({"type": "ack", "client_id": frame["client_id"], "message_id": message["id"]})

    def store(self, kind: str, text: str, *, client_id: str | None = None, **more: Any) -> dict[str, Any]:
        known = [m for m in self.messages if client_id and m["key"] == client_id]
        if known:
            return known[0]
        number = next(self.numbers)
        message = {
            "id": f"message-{number}",
            "cursor": f"cursor-{number}",
            "author": {"kind": kind, "name": None},
            "text": text,
            "html": "<b>never used</b>",
            "channel": "widget",
            "created_at": "2026-11-23T09:41:00Z",
            "sources": [],
            "key": client_id,
            **more,
        }
        self.messages.append(message)
        return message

    def push(self, *frames: dict[str, Any]) -> None:
        async def send() -> None:
            for frame in frames:
                for socket in list(self.sockets):
                    await socket.send_json(frame)

        assert self.loop
        asyncio.run_coroutine_threadsafe(send(), self.loop).result(5)

    def cut(self, code: int = 1012) -> None:
        async def close() -> None:
            for socket in list(self.sockets):
                await socket.close(code)

        assert self.loop
        asyncio.run_coroutine_threadsafe(close(), self.loop).result(5)

    def sent(self, kind: str = "message") -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame["type"] == kind]


@pytest.fixture
def gateway() -> StandInGateway:
    return StandInGateway()


@pytest.fixture
def shop(gateway: StandInGateway, serve_app: Callable[[Any], str]) -> Callable[..., str]:
    """Addresses of shop pages of another origin than the gateway's; `attributes` go to the script tag."""
    origin = serve_app(gateway.app())
    policy = (
        f"default-src 'none'; script-src {origin} 'nonce-shop'; require-trusted-types-for 'script'; "
        f"connect-src {origin} {origin.replace('http', 'ws')}; img-src {origin}; style-src 'nonce-shop'"
    )

    def page(request: Request) -> Response:
        attributes = request.query_params.get("attributes", "")
        before = request.query_params.get("before", "")
        body = f"""<!doctype html><html lang="en"><meta name="viewport" content="width=device-width">
          <title>Petal &amp; Stem</title><main><h1>Petal &amp; Stem</h1><p>Plants by post.</p></main>
          <script nonce="shop">{before}</script><script src="{origin}/widget.js" {attributes}></script></html>"""
        return HTMLResponse(body, headers={"content-security-policy": policy})

    site = serve_app(Starlette(routes=[Route("/", page)]))

    def address(attributes: str = 'data-channel="local"', before: str = "") -> str:
        return f"{site}/?{urlencode({'attributes': attributes, 'before': before})}"

    return address
