"""Tools: the administrator's own system answers for the customer who is proven to ask, and for nobody else."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from plugins.conversation_world import Outside, asserted, verified
from plugins.tool_world import ANA, BEN, SECRET, Store, asks, call, cancelling, make, order_status

from onethread.contracts import subjects
from onethread.contracts.agent import AgentConfig, AgentConfigOf
from onethread.contracts.proofs import ProofMail
from onethread.contracts.tools import CallTool, ToolResult

pytestmark = pytest.mark.connected


async def test_the_agent_knows_a_tool_without_its_address_and_secrets(world: Outside, store: Store) -> None:
    made = await make(world, order_status(store))
    assert made["secret_header_names"] == ["Authorization"]
    config = await world.bus.ask(subjects.CONVERSATION_AGENT, AgentConfigOf(workspace="local"), AgentConfig)
    told = config.model_dump_json()
    assert config.tools[0].name == "order_status"
    assert "key-of-the-shop" not in told + json.dumps(made)
    assert store.site.url not in told


async def test_the_customer_gets_their_own_order_and_only_its_declared_fields(world: Outside, store: Store) -> None:
    await make(world, order_status(store))
    result = await call(world, await asks(world))
    assert (result.outcome, result.text) == ("done", "Your order 1042 is packed.\nIn it: lamp, bulb")
    assert "4111 1111" not in result.model_dump_json()
    assert store.site.asked[0][1]["authorization"] == SECRET


async def test_another_customers_order_gives_nothing(world: Outside, store: Store) -> None:
    await make(world, order_status(store))
    result = await call(world, await asks(world), arguments={"order": "2001"})
    assert (result.outcome, result.text, result.fields) == ("nothing", "", {})


async def test_an_email_that_a_model_sets_is_overridden_by_the_customers_own(world: Outside, store: Store) -> None:
    await make(world, order_status(store))
    result = await call(world, await asks(world), arguments={"order": "2001", "email": BEN.value})
    assert result.outcome == "nothing"
    assert store.site.paths() == ["/orders/2001?email=ana%40customers.example"]


async def test_a_system_that_does_not_look_whose_it_is_is_looked_after(world: Outside, store: Store) -> None:
    await make(world, order_status(store, bindings={}, owner={"pointer": "/email", "is": "email"}))
    added = await asks(world)
    assert (await call(world, added)).outcome == "done"
    assert (await call(world, added, arguments={"order": "2001"})).outcome == "nothing"


@pytest.mark.parametrize("order", ["1042/../2001", "../admin", "1042?email=ben@customers.example", "10 42", ""])
async def test_arguments_out_of_scope_reach_nothing(world: Outside, store: Store, order: str) -> None:
    await make(world, order_status(store))
    result = await call(world, await asks(world), arguments={"order": order})
    assert result.outcome in {"failed", "missing"}
    assert store.site.asked == []


async def test_what_no_pattern_holds_back_still_leads_nowhere_else(world: Outside, store: Store) -> None:
    loose = {"type": "object", "required": ["order"], "properties": {"order": {"type": "string"}}}
    await make(world, order_status(store, parameters=loose))
    added = await asks(world)
    for order in ("../admin", "..", "1042?x=1", "1042#"):
        assert (await call(world, added, arguments={"order": order})).outcome in {"failed", "nothing"}
    assert not [path for path in store.site.paths() if not path.startswith("/orders/")]


async def test_a_mail_that_nobody_vouches_for_gets_nothing_and_is_left_to_people(
    world: Outside, store: Store, mails: list[ProofMail]
) -> None:
    await make(world, order_status(store))
    forged = await asks(world, asserted("email", ANA.value))
    result = await call(world, forged)
    assert (result.outcome, result.text, result.address) == ("failed", "", "")
    assert mails == []
    assert store.site.asked == []


async def test_a_visitor_who_types_the_code_gets_the_answer(
    world: Outside, store: Store, mails: list[ProofMail]
) -> None:
    await make(world, order_status(store))
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


async def test_another_visitor_cannot_type_the_code(world: Outside, store: Store, mails: list[ProofMail]) -> None:
    await make(world, order_status(store))
    first = await asks(world, verified("visitor", "v-2"), "my order 1042? I am ana@customers.example", kind="widget")
    assert (await call(world, first)).outcome == "code"
    other = await asks(world, verified("visitor", "w-3"), mails[0].code, kind="widget")
    assert (await call(world, other, tool="", code=mails[0].code)).outcome == "unknown"


async def test_a_shared_place_gets_nothing(world: Outside, store: Store) -> None:
    await make(world, order_status(store))
    added = await asks(world, ANA, shared="Ana and Ben")
    assert (await call(world, added)).outcome == "private"
    assert store.site.asked == []


async def test_no_more_than_three_calls_for_a_message(world: Outside, store: Store) -> None:
    await make(world, order_status(store))
    added = await asks(world)
    outcomes = [(await call(world, added)).outcome for _ in range(5)]
    assert outcomes == ["done", "done", "done", "failed", "failed"]
    assert len(store.site.asked) == 3


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [("<html>", 200, "not JSON"), ("{}", 500, "HTTP 500"), ("{}", 401, "refuses our key"), ("", 302, "HTTP 302"),
     ('{"a": "' + "x" * 70_000 + '"}', 200, "larger")],
)  # fmt: skip
async def test_a_system_that_answers_wrong_is_named_with_the_reason(
    world: Outside, store: Store, body: str, status: int, reason: str
) -> None:
    await make(world, order_status(store))
    store.site.put("/orders/1042?email=ana%40customers.example", body, status, location="http://127.0.0.1:1/")
    result = await call(world, await asks(world))
    assert result.outcome == "failed"
    assert reason in result.reason
    assert "our order system" in result.reason


async def test_neither_log_nor_audit_holds_a_secret_or_a_value(
    world: Outside, store: Store, database_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    order = {"type": "string", "title": "order", "pattern": "^[a-z-]+$"}  # a number could be part of some id
    parameters = {"type": "object", "required": ["order"], "properties": {"order": order}}
    made = await make(world, order_status(store, parameters=parameters))
    store.site.put("/orders/my-lamp?email=ana%40customers.example", '{"status": "packed", "items": ["lamp"]}')
    await call(world, await asks(world, text="please look it up"), arguments={"order": "my-lamp"})
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
        assert "my-lamp" not in text
        assert "packed" not in text
    assert "key-of-the-shop" not in tools
    assert '"tool.called"' in audit


async def test_a_tool_of_another_workspace_is_unknown(world: Outside, store: Store) -> None:
    await make(world, order_status(store))
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
     ({"secret_headers": {"Host": "x"}}, "set by the server"),
     ({"access": "writes", "bindings": {}, "owner": {"pointer": "/email", "is": "email"}}, "comes when the change")],
)  # fmt: skip
async def test_a_tool_that_could_be_turned_against_customers_is_refused(
    world: Outside, store: Store, change: dict[str, Any], says: str
) -> None:
    refused = await world.api.post("/api/v1/agent/tools", json=order_status(store) | change)
    assert refused.status_code == 422
    assert says in refused.text


async def test_secrets_do_not_follow_an_address_to_another_host(world: Outside, store: Store) -> None:
    made = await make(world, order_status(store))
    moved = await world.api.patch(
        f"/api/v1/agent/tools/{made['id']}", json={"definition": {"url": "https://evil.example/{order}"}}
    )
    assert moved.status_code == 422


async def test_an_administrator_tries_a_tool_as_a_customer(world: Outside, store: Store) -> None:
    made = await make(world, order_status(store))
    added = await asks(world)
    asked = {"customer_id": str(added.data.message.customer_id), "arguments": {"order": "1042"}}
    tried = await world.api.post(f"/api/v1/agent/tools/{made['id']}/try", json=asked)
    assert (tried.json()["outcome"], tried.json()["status"]) == ("done", 200)
    assert tried.json()["text"].startswith("Your order 1042 is packed.")


@pytest.mark.parametrize("mode", ["draft", "shadow"])
async def test_what_no_customer_shall_notice_mails_no_code_and_writes_nothing(
    world: Outside, store: Store, mails: list[ProofMail], mode: str
) -> None:
    await make(world, order_status(store))
    await make(world, cancelling(store, approval=False))
    modes = {"settings": {"agent": {"modes": {"email": mode}}}}
    assert (await world.api.patch("/api/v1/workspaces/local", json=modes)).status_code == 200
    added = await asks(world)
    assert (await call(world, added)).outcome == "done"
    assert (await call(world, added, "cancel_order")).outcome == "failed"
    assert (await call(world, await asks(world, asserted("email", BEN.value)))).outcome == "failed"
    assert (mails, store.cancelled) == ([], [])
