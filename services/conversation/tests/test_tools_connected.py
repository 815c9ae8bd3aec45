"""Tools: the administrator's own system answers for the customer who is proven to ask, and for nobody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import psycopg
import pytest
from plugins.conversation_world import Outside, asserted, received, running, verified
from plugins.local_site import LocalSite, serving

from onethread.contracts import subjects
from onethread.contracts.agent import AgentConfig, AgentConfigOf
from onethread.contracts.proofs import ProofMail, ProofMailSent
from onethread.contracts.threads import MessageAdded
from onethread.contracts.tools import CallTool, ToolResult
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.bus import Bus

pytestmark = pytest.mark.connected
ANA, BEN = verified("email", "ana@customers.example"), verified("email", "ben@customers.example")
SECRET = "Bearer key-of-the-shop"
ORDERS = {"1042": ("ana@customers.example", "packed"), "2001": ("ben@customers.example", "sent")}


class Shop:
    """A shop's API, which knows whose order is whose and tells only the one it is asked for."""

    def __init__(self, site: LocalSite) -> None:
        self.site = site
        self.cancelled: list[str | None] = []
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
        self._answer(request, 200 if asked_for == owner else 404, found if asked_for == owner else {})

    def _cancel(self, request: BaseHTTPRequestHandler) -> None:
        request.rfile.read(int(request.headers["content-length"]))
        self.cancelled.append(request.headers["idempotency-key"])
        self._answer(request, 200, {"status": "cancelled"})

    def _answer(self, request: BaseHTTPRequestHandler, status: int, found: dict[str, Any]) -> None:
        body = json.dumps(found).encode()
        request.send_response(status)
        request.send_header("content-length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with serving() as site:
        yield Shop(site)


@pytest.fixture
async def world(nats_url: str, database_url: str, shop: Shop) -> AsyncIterator[Outside]:
    own = {"tool_networks": "127.0.0.0/8", "tool_ports": f"443,{shop.site.port}", "secret": "a secret of sixteen"}
    async with running(nats_url, database_url, **own) as app:
        bus = Bus("test", ConversationSettings(nats_url=nats_url, api_key="key", admin_password="pw"))
        headers = {"Authorization": "Bearer key"}
        api = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://inbox", headers=headers)
        outside = Outside(bus, api, app)
        await bus.start()

        async def on_added(message: Any) -> None:
            outside.added.append(MessageAdded.model_validate_json(message.data))

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


def order_status(shop: Shop, **more: Any) -> dict[str, Any]:
    return {
        "name": "order_status", "title": "our order system", "examples": ["where is my order 1042?"],
        "url": f"{shop.site.url}/orders/{{order}}", "bindings": {"email": "email"},
        "parameters": {
            "type": "object", "required": ["order"],
            "properties": {"order": {"type": "string", "title": "order number", "pattern": "^[0-9]{4,8}$"}},
        },
        "fields": {"status": "/status", "items": "/items"}, "answer": "Your order {order} is {status}.\nIn it: {items}",
        "secret_headers": {"Authorization": SECRET}, **more,
    }  # fmt: skip


def cancelling(shop: Shop, **more: Any) -> dict[str, Any]:
    own = {"name": "cancel_order", "method": "POST", "url": f"{shop.site.url}/orders/{{order}}/cancel"}
    shown = {"access": "writes", "fields": {"status": "/status"}, "answer": "Your order {order} is {status}."}
    return order_status(shop) | own | shown | more


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


async def test_the_agent_knows_a_tool_without_its_address_and_secrets(world: Outside, shop: Shop) -> None:
    made = await make(world, order_status(shop))
    assert made["secret_header_names"] == ["Authorization"]
    config = await world.bus.ask(subjects.CONVERSATION_AGENT, AgentConfigOf(workspace="local"), AgentConfig)
    told = config.model_dump_json()
    assert config.tools[0].name == "order_status"
    assert "key-of-the-shop" not in told + json.dumps(made)
    assert shop.site.url not in told


async def test_the_customer_gets_their_own_order_and_only_its_declared_fields(world: Outside, shop: Shop) -> None:
    await make(world, order_status(shop))
    result = await call(world, await asks(world))
    assert (result.outcome, result.text) == ("done", "Your order 1042 is packed.\nIn it: lamp, bulb")
    assert "4111" not in result.model_dump_json()
    assert shop.site.asked[0][1]["authorization"] == SECRET


async def test_another_customers_order_gives_nothing(world: Outside, shop: Shop) -> None:
    await make(world, order_status(shop))
    result = await call(world, await asks(world), arguments={"order": "2001"})
    assert (result.outcome, result.text, result.fields) == ("nothing", "", {})


async def test_an_email_that_a_model_sets_is_overridden_by_the_customers_own(world: Outside, shop: Shop) -> None:
    await make(world, order_status(shop))
    result = await call(world, await asks(world), arguments={"order": "2001", "email": BEN.value})
    assert result.outcome == "nothing"
    assert shop.site.paths() == ["/orders/2001?email=ana%40customers.example"]


async def test_a_system_that_does_not_look_whose_it_is_is_looked_after(world: Outside, shop: Shop) -> None:
    await make(world, order_status(shop, bindings={}, owner={"pointer": "/email", "is": "email"}))
    added = await asks(world)
    assert (await call(world, added)).outcome == "done"
    assert (await call(world, added, arguments={"order": "2001"})).outcome == "nothing"


@pytest.mark.parametrize("order", ["1042/../2001", "../admin", "1042?email=ben@customers.example", "10 42", ""])
async def test_arguments_out_of_scope_reach_nothing(world: Outside, shop: Shop, order: str) -> None:
    await make(world, order_status(shop))
    result = await call(world, await asks(world), arguments={"order": order})
    assert result.outcome in {"failed", "missing"}
    assert shop.site.asked == []


async def test_what_no_pattern_holds_back_still_leads_nowhere_else(world: Outside, shop: Shop) -> None:
    loose = {"type": "object", "required": ["order"], "properties": {"order": {"type": "string"}}}
    await make(world, order_status(shop, parameters=loose))
    added = await asks(world)
    for order in ("../admin", "..", "1042?x=1", "1042#"):
        assert (await call(world, added, arguments={"order": order})).outcome in {"failed", "nothing"}
    assert not [path for path in shop.site.paths() if not path.startswith("/orders/")]


async def test_a_mail_that_nobody_vouches_for_gets_nothing_and_is_left_to_people(
    world: Outside, shop: Shop, mails: list[ProofMail]
) -> None:
    await make(world, order_status(shop))
    forged = await asks(world, asserted("email", ANA.value))
    result = await call(world, forged)
    assert (result.outcome, result.text, result.address) == ("failed", "", "")
    assert mails == []
    assert shop.site.asked == []


async def test_a_visitor_who_types_the_code_gets_the_answer(world: Outside, shop: Shop, mails: list[ProofMail]) -> None:
    await make(world, order_status(shop))
    visitor = verified("visitor", "v-1")
    first = await asks(world, visitor, kind="widget")
    assert (await call(world, first)).outcome == "address"
    second = await asks(world, visitor, "it is Ana@customers.example", kind="widget")
    assert (await call(world, second)).outcome == "code"
    wrong = await asks(world, visitor, "000000" if mails[0].code != "000000" else "111111", kind="widget")
    assert (await call(world, wrong, tool="", code=wrong.data.message.text)).outcome == "wrong_code"
    right = await asks(world, visitor, mails[0].code, kind="widget")
    result = await call(world, right, tool="", code=mails[0].code)
    assert (result.outcome, result.text) == ("done", "Your order 1042 is packed.\nIn it: lamp, bulb")


async def test_another_visitor_cannot_type_the_code(world: Outside, shop: Shop, mails: list[ProofMail]) -> None:
    await make(world, order_status(shop))
    first = await asks(world, verified("visitor", "v-2"), "my order 1042? I am ana@customers.example", kind="widget")
    assert (await call(world, first)).outcome == "code"
    other = await asks(world, verified("visitor", "w-3"), mails[0].code, kind="widget")
    assert (await call(world, other, tool="", code=mails[0].code)).outcome == "unknown"


async def test_a_shared_place_gets_nothing(world: Outside, shop: Shop) -> None:
    await make(world, order_status(shop))
    added = await asks(world, ANA, shared="Ana and Ben")
    assert (await call(world, added)).outcome == "private"
    assert shop.site.asked == []


async def test_a_write_waits_for_a_teammate_and_is_done_once(world: Outside, shop: Shop) -> None:
    await make(world, cancelling(shop))
    added = await asks(world, ANA, "please cancel my order 1042")
    assert (await call(world, added, "cancel_order")).outcome == "waits"
    assert (await call(world, added, "cancel_order")).outcome == "waits"
    assert shop.cancelled == []
    thread = added.data.message.thread_id
    [waiting] = (await world.api.get(f"/api/v1/threads/{thread}/tool-calls")).json()["items"]
    assert waiting["wants"] == "cancel order: order 1042"
    approve = f"/api/v1/tool-calls/{waiting['id']}/approve"
    both = await asyncio.gather(world.api.post(approve), world.api.post(approve))
    assert sorted(one.status_code for one in both) == [200, 409]
    assert (await world.api.post(approve)).status_code == 409
    assert shop.cancelled == [waiting["id"]]
    said = [m["text"] for m in await world.messages(thread) if m["author"]["kind"] == "agent"]
    assert said == ["Your order 1042 is cancelled."]


async def test_what_is_declined_is_never_done(world: Outside, shop: Shop) -> None:
    await make(world, cancelling(shop))
    added = await asks(world, ANA, "please cancel my order 1042")
    await call(world, added, "cancel_order")
    [waiting] = (await world.api.get(f"/api/v1/threads/{added.data.message.thread_id}/tool-calls")).json()["items"]
    declined = await world.api.post(f"/api/v1/tool-calls/{waiting['id']}/decline")
    late = await world.api.post(f"/api/v1/tool-calls/{waiting['id']}/approve")
    assert (declined.json()["state"], late.status_code, shop.cancelled) == ("declined", 409, [])


async def test_a_write_without_approval_is_attempted_once_for_a_message(world: Outside, shop: Shop) -> None:
    await make(world, cancelling(shop, approval=False))
    added = await asks(world, ANA, "please cancel my order 1042")
    assert (await call(world, added, "cancel_order")).outcome == "done"
    assert (await call(world, added, "cancel_order")).outcome == "failed"
    assert len(shop.cancelled) == 1


async def test_no_more_than_three_calls_for_a_message(world: Outside, shop: Shop) -> None:
    await make(world, order_status(shop))
    added = await asks(world)
    outcomes = [(await call(world, added)).outcome for _ in range(5)]
    assert outcomes == ["done", "done", "done", "failed", "failed"]
    assert len(shop.site.asked) == 3


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [("<html>", 200, "not JSON"), ("{}", 500, "HTTP 500"), ("{}", 401, "refuses our key"), ("", 302, "HTTP 302"),
     ('{"a": "' + "x" * 70_000 + '"}', 200, "larger")],
)  # fmt: skip
async def test_a_system_that_answers_wrong_is_named_with_the_reason(
    world: Outside, shop: Shop, body: str, status: int, reason: str
) -> None:
    await make(world, order_status(shop))
    shop.site.put("/orders/1042?email=ana%40customers.example", body, status, location="http://127.0.0.1:1/")
    result = await call(world, await asks(world))
    assert result.outcome == "failed"
    assert reason in result.reason
    assert "our order system" in result.reason


async def test_neither_log_nor_audit_holds_a_secret_or_a_value(
    world: Outside, shop: Shop, database_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    made = await make(world, order_status(shop))
    await call(world, await asks(world, text="please look it up"))
    audit = (await world.api.get("/api/v1/audit")).text
    calls = await world.api.get(f"/api/v1/agent/tools/{made['id']}/calls")
    assert calls.json()["items"][0]["state"] == "done"
    with psycopg.connect(database_url) as connection:
        kept = str(connection.execute("select * from tool_call").fetchall())
        events = str(connection.execute("select body from outbox").fetchall())
        tools = str(connection.execute("select * from tool").fetchall())
    logged = "".join(capfd.readouterr())
    for text in (audit, kept, events, logged, calls.text):
        assert "key-of-the-shop" not in text
        assert "1042" not in text.replace("where is my order 1042", "")
        assert "packed" not in text
    assert "key-of-the-shop" not in tools
    assert '"tool.called"' in audit


async def test_a_tool_of_another_workspace_is_unknown(world: Outside, shop: Shop) -> None:
    await make(world, order_status(shop))
    other = f"w{uuid4().hex[:8]}"
    assert (await world.api.post("/api/v1/workspaces", json={"slug": other, "name": "Other"})).status_code == 201
    added = await asks(world)
    asked = CallTool(
        workspace=other, message_id=added.data.message.id, tool="order_status", arguments={"order": "1042"}
    )
    assert (await world.bus.ask(subjects.CONVERSATION_TOOL, asked, ToolResult)).outcome == "unknown"
    config = await world.bus.ask(subjects.CONVERSATION_AGENT, AgentConfigOf(workspace=other), AgentConfig)
    assert config.tools == []


@pytest.mark.parametrize(
    ("change", "says"),
    [({"bindings": {}}, "bind a parameter"), ({"url": "https://{order}.shop.example/"}, "fixed"),
     ({"url": "ftp://shop.example/{order}"}, "https://"), ({"answer": "It is {card}."}, "neither"),
     ({"bindings": {"order": "email"}}, "not both"), ({"identified": False}, "proven identity"),
     ({"parameters": {"type": "object", "properties": {"order": {"$ref": "http://x"}}}}, "order is a"),
     ({"parameters": {"type": "object", "properties": {"order": {"type": "string", "pattern": "("}}}}, "pattern"),
     ({"secret_headers": {"Host": "x"}}, "set by the server")],
)  # fmt: skip
async def test_a_tool_that_could_be_turned_against_customers_is_refused(
    world: Outside, shop: Shop, change: dict[str, Any], says: str
) -> None:
    refused = await world.api.post("/api/v1/agent/tools", json=order_status(shop) | change)
    assert refused.status_code == 422
    assert says in refused.text


async def test_secrets_do_not_follow_an_address_to_another_host(world: Outside, shop: Shop) -> None:
    made = await make(world, order_status(shop))
    moved = await world.api.patch(
        f"/api/v1/agent/tools/{made['id']}", json={"definition": {"url": "https://evil.example/{order}"}}
    )
    assert moved.status_code == 422


async def test_an_administrator_tries_a_tool_as_a_customer(world: Outside, shop: Shop) -> None:
    made = await make(world, order_status(shop))
    added = await asks(world)
    asked = {"customer_id": str(added.data.message.customer_id), "arguments": {"order": "1042"}}
    tried = await world.api.post(f"/api/v1/agent/tools/{made['id']}/try", json=asked)
    assert (tried.json()["outcome"], tried.json()["status"]) == ("done", 200)
    assert tried.json()["text"].startswith("Your order 1042 is packed.")


@pytest.mark.parametrize("mode", ["draft", "shadow"])
async def test_what_no_customer_shall_notice_mails_no_code_and_writes_nothing(
    world: Outside, shop: Shop, mails: list[ProofMail], mode: str
) -> None:
    await make(world, order_status(shop))
    await make(world, cancelling(shop, approval=False))
    modes = {"settings": {"agent": {"modes": {"email": mode}}}}
    assert (await world.api.patch("/api/v1/workspaces/local", json=modes)).status_code == 200
    added = await asks(world)
    assert (await call(world, added)).outcome == "done"
    assert (await call(world, added, "cancel_order")).outcome == "failed"
    assert (await call(world, await asks(world, asserted("email", BEN.value)))).outcome == "failed"
    assert (mails, shop.cancelled) == ([], [])
