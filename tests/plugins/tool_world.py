"""A store with an API of its own, and the agent that asks conversation to use it."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from plugins.conversation_world import Outside, once, received, running, verified
from plugins.local_site import LocalSite, serving

from onethread.contracts import subjects
from onethread.contracts.proofs import ProofMail, ProofMailSent
from onethread.contracts.threads import MessageAdded
from onethread.contracts.tools import CallTool, ToolResult
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.bus import Bus

ANA, BEN = verified("email", "ana@customers.example"), verified("email", "ben@customers.example")
SECRET = "Bearer key-of-the-shop"
ORDERS = {"1042": ("ana@customers.example", "packed"), "2001": ("ben@customers.example", "sent")}


class Store:
    """A store's API, which knows whose order is whose and tells only the one it is asked for."""

    def __init__(self, site: LocalSite) -> None:
        self.site = site
        self.cancelled: list[str | None] = []
        self._seconds, self._status, self._body = 0.0, 200, '{"status": "cancelled"}'
        for order in ORDERS:
            self.site.pages[f"/orders/{order}"] = self._order
            self.site.pages[f"/orders/{order}/cancel"] = self._cancel
        for owner, _ in ORDERS.values():
            for order in ORDERS:
                self.site.pages[f"/orders/{order}?email={owner.replace('@', '%40')}"] = self._order

    def _order(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        owner, status = ORDERS[parts.path.split("/")[2]]
        asked_for = parse_qs(parts.query).get("email", [owner])[0]
        found = {"status": status, "email": owner, "card": "4111 1111 1111 1111", "items": ["lamp", "bulb"]}
        theirs = asked_for == owner
        self._answer(request, 200 if theirs else 404, json.dumps(found) if theirs else "{}")

    def answers(self, status: int, body: str = "{}") -> None:
        """To a cancellation."""
        self._status, self._body = status, body

    def slow(self, seconds: float) -> None:
        self._seconds = seconds

    def _cancel(self, request: BaseHTTPRequestHandler) -> None:
        request.rfile.read(int(request.headers["content-length"]))
        self.cancelled.append(request.headers["idempotency-key"])
        time.sleep(self._seconds)
        self._answer(request, self._status, self._body)

    def _answer(self, request: BaseHTTPRequestHandler, status: int, text: str) -> None:
        body = text.encode()
        request.send_response(status)
        request.send_header("content-length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


@pytest.fixture
def store() -> Iterator[Store]:
    with serving() as site:
        yield Store(site)


@pytest.fixture
async def world(nats_url: str, database_url: str, store: Store) -> AsyncIterator[Outside]:
    own = {"tool_networks": "127.0.0.0/8", "tool_ports": f"443,{store.site.port}", "secret": "a secret of sixteen"}
    async with running(nats_url, database_url, **own) as app:
        bus = Bus("test", ConversationSettings(nats_url=nats_url, api_key="key", admin_password="pw"))
        headers = {"Authorization": "Bearer key"}
        api = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://inbox", headers=headers)
        outside = Outside(bus, api, app)
        await bus.start()

        async def on_added(message: Any) -> None:
            once(outside.added, MessageAdded.model_validate_json(message.data))

        await bus.listen("ot.*.message.added.>", on_added)
        await bus.broker.config.broker_config.connection_state.connection.flush()
        yield outside
        await api.aclose()
        await bus.stop()


@pytest.fixture
async def mails(world: Outside, nats_url: str) -> AsyncIterator[list[ProofMail]]:
    sent: list[ProofMail] = []

    async def send(mail: ProofMail) -> ProofMailSent:
        sent.append(mail)
        return ProofMailSent(sent=True)

    gateway = Bus("gateway-email", ConversationSettings(nats_url=nats_url, api_key="key", admin_password="pw"))
    gateway.answer(subjects.EMAIL_PROVE, ProofMail, send)
    await gateway.start()
    yield sent
    await gateway.stop()


def order_status(store: Store, **more: Any) -> dict[str, Any]:
    return {
        "name": "order_status", "title": "our order system", "examples": ["where is my order 1042?"],
        "url": f"{store.site.url}/orders/{{order}}", "bindings": {"email": "email"},
        "parameters": {
            "type": "object", "required": ["order"],
            "properties": {"order": {"type": "string", "title": "order number", "pattern": "^[0-9]{4,8}$"}},
        },
        "fields": {"status": "/status", "items": "/items"}, "answer": "Your order {order} is {status}.\nIn it: {items}",
        "secret_headers": {"Authorization": SECRET}, **more,
    }  # fmt: skip


def cancelling(store: Store, **more: Any) -> dict[str, Any]:
    own = {"name": "cancel_order", "method": "POST", "url": f"{store.site.url}/orders/{{order}}/cancel"}
    shown = {"access": "writes", "fields": {"status": "/status"}, "answer": "Your order {order} is {status}."}
    return order_status(store) | own | shown | more


async def make(world: Outside, tool: dict[str, Any]) -> dict[str, Any]:
    made = await world.api.post("/api/v1/agent/tools", json=tool)
    assert made.status_code == 201, made.text
    return made.json()


async def call(world: Outside, added: Any, tool: str = "order_status", **more: Any) -> ToolResult:
    arguments = more.pop("arguments", {"order": "1042"})
    asked = CallTool(workspace="local", message_id=added.data.message.id, tool=tool, arguments=arguments, **more)
    return await world.bus.ask(subjects.CONVERSATION_TOOL, asked, ToolResult)


async def asks(world: Outside, who: Any = ANA, text: str = "where is my order 1042?", **more: Any) -> Any:
    kind = more.pop("kind", "email")
    return await world.hear(received(kind, text, who, **more))
