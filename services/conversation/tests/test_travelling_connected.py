from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from plugins.conversation_world import behind_its_back, received, running, verified

from onethread.contracts.envelope import now

pytestmark = pytest.mark.connected
EMAIL = verified("email", "ana@pineandpaper.example")
SIGNED_IN = (verified("site_user", "ana"), EMAIL, verified("visitor", "v1"))
LOGIN = {"email": "admin@onethread.localhost", "password": "pw-of-admin"}


@pytest.fixture
async def events(outside: Any) -> list[dict[str, Any]]:
    """Every event about a thread, as it is told."""
    import json

    heard: list[dict[str, Any]] = []

    async def on_event(message: Any) -> None:
        heard.append(json.loads(message.data))

    await outside.bus.listen("ot.local.thread.*", on_event)
    return heard


async def log_in(outside: Any) -> None:
    outside.api.headers.pop("Authorization", None)
    assert (await outside.api.post("/api/v1/session", json=LOGIN)).status_code == 200


async def thread_when(outside: Any, thread_id: Any, **state: Any) -> dict[str, Any]:
    for _ in range(1_000):
        thread = (await outside.api.get(f"/api/v1/threads/{thread_id}")).json()
        if all(thread[name] == value for name, value in state.items()):
            return thread
        await asyncio.sleep(0.02)
    raise AssertionError(f"the thread did not become {state}")


async def test_what_teammates_set_holds_when_the_customer_comes_back_on_another_channel(outside: Any) -> None:
    added = await outside.hear(received("email", "a question", EMAIL))
    url = f"/api/v1/threads/{added.threadid}"
    await log_in(outside)
    travels = {"assignee": "me", "priority": "high", "tags": ["vip", "billing"], "topic": "Refund", "agent": "drafting"}
    set_ = (await outside.api.patch(url, json=travels)).json()
    following = await outside.hear(received("widget", "in the chat now", *SIGNED_IN))
    assert following.threadid == added.threadid
    for thread in (set_, (await outside.api.get(url)).json(), following.data.thread.model_dump(mode="json")):
        assert thread["assignee"]["name"] == "Admin"
        assert (thread["priority"], thread["topic"], thread["agent"]) == ("high", "Refund", "drafting")
        assert thread["tags"] == ["billing", "vip"]
        assert thread["agent_set"]["by"]["name"] == "Admin"
    assert (set_["channel"]["kind"], following.data.thread.channel.kind) == ("email", "widget")


@pytest.mark.parametrize("status", ["waiting", "snoozed", "closed"])
async def test_a_customers_message_opens_the_thread(outside: Any, status: str) -> None:
    added = await outside.hear(received("email", "hi", EMAIL))
    until = {"snoozed_until": (now() + timedelta(hours=3)).isoformat()} if status == "snoozed" else {}
    url = f"/api/v1/threads/{added.threadid}"
    before = (await outside.api.patch(url, json={"status": status, **until})).json()
    assert before["status"] == status
    again = await outside.hear(received("email", "still there?", EMAIL))
    assert again.threadid == added.threadid
    assert (again.data.thread.status, again.data.thread.snoozed_until) == ("open", None)
    assert again.data.thread.version > before["version"]


async def test_a_snoozed_thread_wakes_by_itself_once_and_by_nobody_though_two_replicas_look(
    outside: Any, events: list[Any], nats_url: str, database_url: str
) -> None:
    added = await outside.hear(received("email", "hi", EMAIL))
    url = f"/api/v1/threads/{added.threadid}"
    async with running(nats_url, database_url) as other:
        until = (now() + timedelta(hours=1)).isoformat()
        snoozed = (await outside.api.patch(url, json={"status": "snoozed", "snoozed_until": until})).json()
        assert snoozed["status"] == "snoozed"
        await behind_its_back(database_url, "update thread set snoozed_until = now()")  # the hour has passed
        for app in (outside.app, other):
            app.state.timers.poke()
        await thread_when(outside, added.threadid, status="open", snoozed_until=None)
        await outside.wait(lambda: len(events) >= 3)
        await asyncio.sleep(1)
    woken = [e for e in events if e["type"] == "onethread.thread.reopened.v1"]
    assert [e["data"].get("by") for e in woken] == [None]
    assert woken[0]["data"]["thread"]["status"] == "open"
    assert [e["type"].split(".")[2] for e in events] == ["opened", "snoozed", "reopened"]


@pytest.mark.parametrize(
    "patch",
    [
        {"status": "snoozed"},
        {"status": "snoozed", "snoozed_until": "2020-01-01T00:00:00Z"},
        {"status": "snoozed", "snoozed_until": "9999-12-31T23:59:59-12:00"},
        {"status": "snoozed", "snoozed_until": "2027-01-01T00:00:00"},
        {"snoozed_until": (now() + timedelta(hours=1)).isoformat()},
        {"status": None},
        {"agent": "asleep"},
        {"priority": None},
        {"version": 3},
        {"agent_set": None},
        {"tags": ["x" * 101]},
    ],
)
async def test_a_patch_that_makes_no_sense_is_refused_and_changes_nothing(outside: Any, patch: Any) -> None:
    added = await outside.hear(received("email", "hi", EMAIL))
    url = f"/api/v1/threads/{added.threadid}"
    before = (await outside.api.get(url)).json()
    refused = await outside.api.patch(url, json=patch)
    assert refused.status_code == 422
    assert (await outside.api.get(url)).json() == before


async def test_a_lost_update_is_refused_and_told_what_changed_since(outside: Any) -> None:
    added = await outside.hear(received("email", "hi", EMAIL))
    url = f"/api/v1/threads/{added.threadid}"
    read = await outside.api.get(url)
    assert read.headers["etag"] == f'"{read.json()["version"]}"'
    first = await outside.api.patch(url, json={"tags": ["a"]}, headers={"If-Match": read.headers["etag"]})
    assert first.status_code == 200
    assert first.headers["etag"] != read.headers["etag"]
    lost = await outside.api.patch(url, json={"priority": "low"}, headers={"If-Match": read.headers["etag"]})
    assert lost.status_code == 412
    assert "tags" in lost.json()["detail"]
    assert lost.json()["version"] == first.json()["version"]
    assert (await outside.api.get(url)).json()["priority"] == "normal"
    without = await outside.api.patch(url, json={"priority": "low"})
    assert (without.status_code, without.json()["version"]) == (200, first.json()["version"] + 1)


async def test_a_patch_that_changes_nothing_is_no_event_and_no_new_version(outside: Any, events: list[Any]) -> None:
    added = await outside.hear(received("email", "hi", EMAIL))
    url = f"/api/v1/threads/{added.threadid}"
    patch = {"status": "closed", "tags": ["x"], "topic": " Billing "}
    first = (await outside.api.patch(url, json=patch)).json()
    second = (await outside.api.patch(url, json=patch)).json()
    assert second == first
    await outside.wait(lambda: len(events) == 4)
    assert [e["type"].split(".")[2] for e in events] == ["opened", "closed", "tagged", "updated"]
    assert events[-1]["data"]["thread"]["topic"] == "Billing"
    assert [e["sequence"] for e in events] == [1, 3, 4, 5]


async def test_a_drafting_agent_is_asked_and_what_it_writes_is_a_draft_while_the_customer_waits(outside: Any) -> None:
    added = await outside.hear(received("email", "hi", EMAIL))
    url = f"/api/v1/threads/{added.threadid}"
    await outside.api.patch(url, json={"agent": "drafting"})
    asked = await outside.hear(received("email", "how long?", EMAIL))
    assert (asked.data.agent_may_answer, asked.data.agent_mode) == (True, "draft")
    assert asked.data.thread.waiting_since
    await outside.propose(asked, "answer", "Three days.")

    async def drafts() -> list[dict[str, Any]]:
        return (await outside.api.get(f"{url}/proposals", params={"state": "open"})).json()["items"]

    for _ in range(1_000):
        if found := await drafts():
            break
        await asyncio.sleep(0.02)
    [draft] = found
    assert (draft["text"], draft["message_id"]) == ("Three days.", str(asked.data.message.id))
    thread = (await outside.api.get(url)).json()
    assert (thread["agent"], thread["agent_mode"]) == ("drafting", "draft")
    assert thread["waiting_since"]
    assert [m["text"] for m in await outside.messages(added.threadid)] == ["hi", "how long?"]
    assert outside.requested == []


async def test_an_agent_that_was_switched_off_stays_off_when_the_thread_reopens_and_a_quiet_one_is_given_back(
    outside: Any,
) -> None:
    added = await outside.hear(received("email", "hi", EMAIL))
    url = f"/api/v1/threads/{added.threadid}"
    for state in ("off", "quiet"):
        await outside.api.patch(url, json={"agent": state, "status": "closed"})
        again = await outside.hear(received("email", f"hello, {state} one", EMAIL))
        assert again.threadid == added.threadid
        assert (again.data.thread.agent, again.data.agent_may_answer) == (state, False)
    await outside.api.patch(url, json={"agent": "active"})
    assert (await outside.hear(received("email", "and now?", EMAIL))).data.agent_may_answer
    await outside.api.patch(url, json={"agent": "off"})
    await outside.api.post(f"{url}/messages", json={"text": "a person answers"})
    assert (await outside.api.get(url)).json()["agent"] == "off"


async def test_the_thread_says_who_made_the_agent_quiet(outside: Any) -> None:
    added = await outside.hear(received("email", "a person, please", EMAIL))
    await outside.propose(added, "handoff", "Somebody will write.", reason="Asked for a person", summary="-")
    quiet = await thread_when(outside, added.threadid, agent="quiet")
    assert quiet["agent_set"]["by"] == {"kind": "agent", "id": None, "name": "AI assistant"}
    url = f"/api/v1/threads/{added.threadid}"
    await outside.api.patch(url, json={"agent": "active"})
    await log_in(outside)
    await outside.api.post(f"{url}/messages", json={"text": "I am here"})
    taken = (await outside.api.get(url)).json()
    assert (taken["agent"], taken["agent_set"]["by"]["name"]) == ("quiet", "Admin")


async def test_timers_live_through_a_database_that_drops_their_connections(outside: Any, database_url: str) -> None:
    added = await outside.hear(received("email", "hi", EMAIL))
    url = f"/api/v1/threads/{added.threadid}"
    until = (now() + timedelta(hours=1)).isoformat()
    snoozed = await outside.api.patch(url, json={"status": "snoozed", "snoozed_until": until})
    assert snoozed.json()["status"] == "snoozed"
    with psycopg.connect(database_url, autocommit=True) as connection:
        for _ in range(8):
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
                " and pid <> pg_backend_pid()"
            )
            await asyncio.sleep(0.2)
    await behind_its_back(database_url, "update thread set snoozed_until = now()")
    outside.app.state.timers.poke()

    async def is_open() -> bool:
        answer: httpx.Response = await outside.api.get(url)
        return answer.status_code == 200 and answer.json()["status"] == "open"

    for _ in range(200):
        if await is_open():
            break
        await asyncio.sleep(0.1)
    assert await is_open()
    assert (await outside.api.get("/healthz")).json()["ok"]
