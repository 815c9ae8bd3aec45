"""The gateway between a stand-in Slack, which listens on a real socket, and a stand-in bus."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from nats.js.errors import KeyNotFoundError

from onethread.contracts.channels import ChannelConfig, Channels
from onethread.gateway_slack.app import create_app
from onethread.gateway_slack.settings import Settings
from onethread.runtime.bus import UnavailableError
from onethread.runtime.telemetry import Tracing

FIXTURES = Path(__file__).parents[4] / "shared/fixtures/slack"
SECRET = "a-signing-secret"
TEAM, BOT = "T111", "UBOT"
ANA = {
    "id": "U111",
    "team_id": TEAM,
    "name": "ana",
    "real_name": "Ana Ruiz",
    "is_email_confirmed": True,
    "profile": {"email": "Ana@PineAndPaper.example"},
}


def fixture(path: str) -> Any:
    file = FIXTURES / path
    if not file.exists():
        pytest.skip(f"the shared fixture {path} is not on this machine")
    return json.loads(file.read_text())


class FakeSlack:
    """A workspace. `broken` maps a method to the answers that it gives before it works; None: that call does."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.tokens: list[str] = []
        """Of the calls, in their order."""
        self.users = {"U111": ANA, BOT: {"id": BOT, "team_id": TEAM, "real_name": "Support", "is_bot": True}}
        self.posts: list[dict[str, Any]] = []
        self.broken: defaultdict[str, list[Any]] = defaultdict(list)
        self.slow: dict[str, float] = {}
        self.group = False

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self.call)
        return app

    def made(self, method: str) -> list[dict[str, Any]]:
        return [arguments for name, arguments in self.calls if name == method]

    async def call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        arguments = {**request.query, **(await request.json() if request.content_type == "application/json" else {})}
        if request.content_type == "application/x-www-form-urlencoded":
            arguments |= dict(await request.post())
        self.calls.append((method, arguments))
        self.tokens.append(request.headers.get("Authorization", "").removeprefix("Bearer "))
        await asyncio.sleep(self.slow.get(method, 0))
        if self.broken[method] and (answer := self.broken[method].pop(0)) is not None:
            if answer == "posted, then cut off":
                self.post(arguments)
                request.transport.close()
                return web.Response()
            if isinstance(answer, str):
                return web.json_response({"ok": False, "error": answer})
            status, headers, body = answer
            return web.Response(status=status, headers=headers, text=body, content_type="application/json")
        return web.json_response(self.answer(method, arguments))

    def answer(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        match method:
            case "auth.test":
                return {"ok": True, "team_id": TEAM, "user_id": BOT}
            case "users.info":
                user = self.users.get(arguments["user"])
                return {"ok": True, "user": user} if user else {"ok": False, "error": "user_not_found"}
            case "conversations.info":
                about = {"name": "mpdm-1", "is_mpim": True} if self.group else {"name": "acme-support"}
                return {"ok": True, "channel": {"id": arguments["channel"], **about}}
            case "chat.postMessage":
                return {"ok": True, "channel": arguments["channel"], "ts": self.post(arguments)}
            case "conversations.replies" | "conversations.history":
                return {"ok": True, "messages": self.posts, "response_metadata": {"next_cursor": ""}}
            case _:
                return {"ok": False, "error": "unknown_method"}

    def post(self, arguments: dict[str, Any]) -> str:
        ts = f"1700000000.{len(self.posts):06}"
        self.posts.append({**arguments, "ts": ts})
        return ts


class FakeBucket:
    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    async def get(self, key: str) -> Any:
        if key not in self.values:
            raise KeyNotFoundError
        return type("Entry", (), {"value": self.values[key]})

    async def put(self, key: str, value: bytes) -> None:
        self.values[key] = value


class FakeBus:
    """Takes each event id once, as the stream does. `away` makes it refuse."""

    def __init__(self, settings: Settings) -> None:
        self.tracing = Tracing("gateway-slack", settings)
        self.events: dict[Any, tuple[Any, tuple[str, ...]]] = {}
        self.attempts = 0
        self.away = False
        self.bucket = FakeBucket()
        self.handlers: dict[str, Any] = {}
        self.channels: list[ChannelConfig] | None = []
        """Those that conversation tells. None: it is away."""
        self.js = self

    async def key_value(self, name: str) -> FakeBucket:
        assert name == "deliveries-slack"
        return self.bucket

    async def check(self) -> None:
        if self.away:
            raise UnavailableError("the bus is not connected")

    async def check_consumers(self) -> None:
        pass

    def on(self, consumer: Any, event: Any, handler: Any) -> None:
        self.handlers[consumer.name] = handler

    async def ask(self, subject: str, question: Any, answer: Any) -> Channels:
        assert (subject, question.kind) == ("svc.conversation.channels", "slack")
        if self.channels is None:
            raise UnavailableError("conversation is away")
        return Channels(items=self.channels)

    async def listen(self, subject: str, handler: Any) -> None:
        self.handlers[subject] = handler

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def publish(self, event: Any, *tokens: str) -> None:
        await self.check()
        self.attempts += 1
        self.events.setdefault(event.id, (event, tokens))

    @property
    def published(self) -> list[Any]:
        return [event for event, _ in self.events.values()]


class Gateway:
    def __init__(self, http: httpx.AsyncClient, slack: FakeSlack, bus: FakeBus) -> None:
        self.http, self.slack, self.bus = http, slack, bus

    async def send(self, body: Any, *, secret: str = SECRET, age: float = 0, **headers: str) -> httpx.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        stamp = str(int(time.time() - age))
        digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + raw, hashlib.sha256).hexdigest()
        signed = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}
        signed |= {"Content-Type": "application/json"} | headers
        return await self.http.post("/slack/events", content=raw, headers=signed)

    async def hear(self, event: dict[str, Any], **more: Any) -> httpx.Response:
        return await self.send(envelope(event, **more))

    async def deliver(self, event: Any) -> None:
        with self.bus.tracing.span("gateway-slack-replies process"):  # as the bus does
            await self.bus.handlers["gateway-slack-replies"](event)


def envelope(event: dict[str, Any], **more: Any) -> dict[str, Any]:
    authorizations = [{"team_id": TEAM, "user_id": BOT, "is_bot": True}]
    return {"type": "event_callback", "team_id": TEAM, "event": event, "authorizations": authorizations, **more}


def said(text: str, **more: Any) -> dict[str, Any]:
    """A direct message; `channel="C1"` makes it one in a channel."""
    event = {"type": "message", "user": "U111", "team": TEAM, "channel": "D1", "ts": "1700000001.000100", "text": text}
    return {**event, "channel_type": "channel" if more.get("channel", "D1").startswith("C") else "im", **more}


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    fake = FakeSlack()
    async with TestServer(fake.app()) as server:
        fake.url = str(server.make_url("/api/"))
        yield fake


@asynccontextmanager
async def started(
    slack: FakeSlack, channels: list[ChannelConfig] | None = (), **settings: Any
) -> AsyncIterator[Gateway]:
    config = Settings(slack_bot_token="xoxb-test", slack_signing_secret=SECRET, slack_api_url=slack.url, **settings)
    bus = FakeBus(config)
    bus.channels = None if channels is None else list(channels)
    app = create_app(config, bus)
    async with app.router.lifespan_context(app):
        await asyncio.sleep(0.01)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
            yield Gateway(http, slack, bus)


@pytest.fixture
async def gateway(slack: FakeSlack) -> AsyncIterator[Gateway]:
    async with started(slack) as running:
        yield running
