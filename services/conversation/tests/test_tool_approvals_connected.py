"""What the agent wants to change waits for a teammate: it is done once, for whom it was asked, or else people know."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import psycopg
import pytest
from plugins.conversation_world import Outside, behind_its_back, verified
from plugins.tool_world import ANA, Store, asks, call, cancelling, make, order_status

from onethread.contracts.proofs import ProofMail
from onethread.conversation import tool_approving

pytestmark = pytest.mark.connected
CANCEL = "please cancel my order 1042"
Sql = Callable[..., Awaitable[None]]


@pytest.fixture
def sql(database_url: str) -> Sql:
    return partial(behind_its_back, database_url)


async def waits(world: Outside, store: Store) -> dict[str, Any]:
    """A cancellation that waits for a teammate."""
    await make(world, cancelling(store))
    added = await asks(world, ANA, CANCEL)
    assert (await call(world, added, "cancel_order")).outcome == "waits"
    return await the_call(world, added.data.message.thread_id)


async def the_call(world: Outside, thread: Any) -> dict[str, Any]:
    [one] = (await world.api.get(f"/api/v1/threads/{thread}/tool-calls")).json()["items"]
    return one


async def becomes(world: Outside, waiting: dict[str, Any], state: str) -> dict[str, Any]:
    world.app.state.timers.poke()
    for _ in range(1_000):
        found = await the_call(world, waiting["thread_id"])
        if found["state"] == state:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"the call is {found['state']}")


async def approve(world: Outside, waiting: dict[str, Any]) -> Any:
    return await world.api.post(f"/api/v1/tool-calls/{waiting['id']}/approve")


async def check(world: Outside, waiting: dict[str, Any], *, done: bool) -> Any:
    return await world.api.post(f"/api/v1/tool-calls/{waiting['id']}/check", json={"done": done})


async def close(world: Outside, thread: str) -> None:
    closed = await world.api.patch(f"/api/v1/threads/{thread}", json={"status": "closed"})
    assert closed.status_code == 200


async def notes(world: Outside, thread: str) -> list[str]:
    return [one["text"] for one in await world.messages(thread) if one["note"]]


async def needs_a_person(world: Outside, thread: str) -> bool:
    found = (await world.api.get(f"/api/v1/threads/{thread}")).json()
    return found["status"] == "open" and found["waiting_since"] is not None


async def test_a_write_waits_for_a_teammate_and_is_done_once(world: Outside, store: Store) -> None:
    await make(world, cancelling(store))
    added = await asks(world, ANA, CANCEL)
    assert (await call(world, added, "cancel_order")).outcome == "waits"
    assert (await call(world, added, "cancel_order")).outcome == "waits"
    assert store.cancelled == []
    thread = added.data.message.thread_id
    waiting = await the_call(world, thread)
    assert waiting["wants"] == "cancel order: order 1042"
    both = await asyncio.gather(approve(world, waiting), approve(world, waiting))
    assert sorted(one.status_code for one in both) == [200, 409]
    assert (await approve(world, waiting)).status_code == 409
    assert store.cancelled == [waiting["id"]]
    said = [m["text"] for m in await world.messages(thread) if m["author"]["kind"] == "agent"]
    assert said == ["Your order 1042 is cancelled."]


async def test_what_is_declined_is_never_done(world: Outside, store: Store) -> None:
    waiting = await waits(world, store)
    declined = await world.api.post(f"/api/v1/tool-calls/{waiting['id']}/decline")
    late = await approve(world, waiting)
    assert (declined.json()["state"], late.status_code, store.cancelled) == ("declined", 409, [])


async def test_a_write_without_approval_is_attempted_once_for_a_message(world: Outside, store: Store) -> None:
    await make(world, cancelling(store, approval=False))
    added = await asks(world, ANA, CANCEL)
    assert (await call(world, added, "cancel_order")).outcome == "done"
    assert (await call(world, added, "cancel_order")).outcome == "failed"
    assert len(store.cancelled) == 1


# A service that ended in the middle

LEFT = "update tool_call set state = 'running', began_at = now() - interval '3 minutes' where id = %s"
"""As a process leaves a call that is killed while it waits for the system's answer."""


async def test_a_change_that_was_cut_off_is_pointed_out_and_never_made_twice(
    world: Outside, store: Store, sql: Sql
) -> None:
    waiting = await waits(world, store)
    thread = waiting["thread_id"]
    await close(world, thread)
    await sql(LEFT, waiting["id"])
    left = await becomes(world, waiting, "unclear")
    assert left["wants"] == "cancel order: order 1042"
    assert await needs_a_person(world, thread)
    [note] = await notes(world, thread)
    assert "It is not known whether this was done" in note
    assert (await approve(world, waiting)).status_code == 409
    assert store.cancelled == []
    checked = await check(world, waiting, done=True)
    assert (checked.json()["state"], checked.json()["wants"]) == ("done", "cancel order")
    assert (await check(world, waiting, done=False)).status_code == 409
    assert [one["text"] for one in await world.messages(thread) if one["author"]["kind"] == "agent"] == [note]


async def test_a_change_that_nobody_approves_is_not_asked_for_again_after_a_crash(
    world: Outside, store: Store, sql: Sql
) -> None:
    await make(world, cancelling(store, approval=False))
    added = await asks(world, ANA, CANCEL)
    store.answers(500)
    assert (await call(world, added, "cancel_order")).outcome == "failed"
    made = await the_call(world, added.data.message.thread_id)
    await sql(LEFT, made["id"])
    await becomes(world, made, "unclear")
    again = await call(world, added, "cancel_order")
    assert (again.outcome, len(store.cancelled)) == ("failed", 1)
    assert (await check(world, made, done=False)).json()["state"] == "failed"


async def test_a_reading_that_was_cut_off_has_failed_and_calls_nobody(world: Outside, store: Store, sql: Sql) -> None:
    await make(world, order_status(store))
    added = await asks(world)
    await call(world, added)
    made = await the_call(world, added.data.message.thread_id)
    await sql(LEFT, made["id"])
    await becomes(world, made, "failed")
    assert await notes(world, made["thread_id"]) == []


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [(500, "{}", "unclear"), (504, "", "unclear"), (200, "<html>", "unclear"), (200, "{}", "unclear"),
     (400, "{}", "failed"), (409, "{}", "failed"), (401, "{}", "failed"), (404, "{}", "nothing")],
)  # fmt: skip
async def test_what_the_system_did_not_refuse_may_be_done(
    world: Outside, store: Store, status: int, body: str, state: str
) -> None:
    waiting = await waits(world, store)
    store.answers(status, body)
    ended = (await approve(world, waiting)).json()
    assert ended["state"] == state
    [note] = await notes(world, waiting["thread_id"])
    assert note.startswith("**It is not known whether" if state == "unclear" else "**Not done:**")
    assert await needs_a_person(world, waiting["thread_id"])


async def test_a_system_that_cannot_be_reached_has_done_nothing(world: Outside, store: Store) -> None:
    waiting = await waits(world, store)
    store.site.close()
    ended = (await approve(world, waiting)).json()
    assert (ended["state"], ended["reason"]) == ("failed", "it refuses connections")


async def test_a_slow_system_is_waited_for_though_the_teammate_has_gone(
    world: Outside, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool_approving, "ANSWER_SECONDS", 0.05)
    waiting = await waits(world, store)
    store.slow(1.0)
    assert (await approve(world, waiting)).json()["state"] == "running"
    await becomes(world, waiting, "done")
    said = [one["text"] for one in await world.messages(waiting["thread_id"]) if one["author"]["kind"] == "agent"]
    assert (said, len(store.cancelled)) == (["Your order 1042 is cancelled."], 1)


async def test_an_approval_holds_though_its_browser_closes_at_once(world: Outside, store: Store) -> None:
    waiting = await waits(world, store)
    store.slow(0.5)
    gone = asyncio.create_task(approve(world, waiting))
    while not store.site.asked:
        await asyncio.sleep(0.01)
    gone.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await gone
    await becomes(world, waiting, "done")


# A teammate who comes late

TOO_OLD = "update tool_call set created_at = now() - interval '25 hours' where id = %s"


async def test_what_nobody_approves_in_a_day_is_withdrawn_and_a_person_takes_it(
    world: Outside, store: Store, sql: Sql
) -> None:
    waiting = await waits(world, store)
    await close(world, waiting["thread_id"])
    await sql(TOO_OLD, waiting["id"])
    assert (await approve(world, waiting)).json()["title"] == "This waited too long and is withdrawn"
    withdrawn = await becomes(world, waiting, "withdrawn")
    assert withdrawn["wants"] == "cancel order"
    [note] = await notes(world, waiting["thread_id"])
    assert "Nobody approved in time" in note
    assert await needs_a_person(world, waiting["thread_id"])
    assert (await approve(world, waiting)).status_code == 409
    assert store.cancelled == []
    assert '"tool.withdrawn"' in (await world.api.get("/api/v1/audit")).text


async def test_a_workspace_says_itself_how_long_a_change_may_wait(world: Outside, store: Store, sql: Sql) -> None:
    waiting = await waits(world, store)
    longer = {"settings": {"approval_hours": 48}}
    assert (await world.api.patch("/api/v1/workspaces/local", json=longer)).status_code == 200
    await sql(TOO_OLD, waiting["id"])
    assert (await approve(world, waiting)).json()["state"] == "done"
    too_long = {"settings": {"approval_hours": 1_000}}
    assert (await world.api.patch("/api/v1/workspaces/local", json=too_long)).status_code == 422


# A customer who turns out to be somebody else


@pytest.mark.parametrize("which", ["email", "visitor"])
async def test_nothing_is_done_for_an_identity_that_was_found_to_be_anothers(
    world: Outside, store: Store, mails: list[ProofMail], which: str
) -> None:
    await make(world, cancelling(store))
    visitor = verified("visitor", "v-9")
    await call(
        world, await asks(world, visitor, f"{CANCEL}, I am ana@customers.example", kind="widget"), "cancel_order"
    )
    added = await asks(world, visitor, mails[0].code, kind="widget")
    assert (await call(world, added, tool="", code=mails[0].code)).outcome == "waits"
    waiting = await the_call(world, added.data.message.thread_id)
    customer = f"/api/v1/customers/{added.data.message.customer_id}"
    known = (await world.api.get(customer)).json()["identities"]
    body = {"identity_id": next(one["id"] for one in known if one["kind"] == which), "keep_messages": True}
    assert (await world.api.post(f"{customer}/unlink", json=body)).status_code == 200
    refused = await approve(world, waiting)
    assert (refused.status_code, refused.json()["title"]) == (
        409, "It is no longer proven that this customer asked for it"
    )  # fmt: skip
    assert store.cancelled == []
    assert (await the_call(world, waiting["thread_id"]))["state"] == "waits"


async def test_the_export_lists_what_was_asked_of_tools_and_an_erasure_takes_it(
    world: Outside, store: Store, database_url: str
) -> None:
    waiting = await waits(world, store)
    customer = f"/api/v1/customers/{(await world.threads())[0]['customer']['id']}"
    [exported] = (await world.api.post(f"{customer}/export")).json()["tool_calls"]
    assert (exported["id"], exported["state"], exported["arguments"]) == (waiting["id"], "waits", {"order": "1042"})
    assert (await world.api.post(f"{customer}/erase")).status_code in {200, 202}
    assert (await approve(world, waiting)).status_code == 404
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select * from tool_call").fetchall() == []
