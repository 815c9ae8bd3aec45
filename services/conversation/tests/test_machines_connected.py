"""What machines write: it stands in the thread, and nothing else comes of it."""

from __future__ import annotations

from typing import Any

import pytest
from plugins.conversation_world import received, verified

pytestmark = pytest.mark.connected
ANA = verified("email", "ana@pineandpaper.example")
AWAY = {"automatic": True, "machine": "auto_reply"}


async def thread_of(outside: Any, thread_id: Any) -> dict[str, Any]:
    return (await outside.api.get(f"/api/v1/threads/{thread_id}")).json()


@pytest.mark.parametrize(
    "before", [{"status": "closed"}, {"status": "snoozed", "snoozed_until": "2099-01-01T00:00:00Z"}, {}]
)
async def test_an_automatic_reply_joins_its_thread_and_changes_nothing_of_it(outside: Any, before: dict) -> None:
    added = await outside.hear(received("email", "how long?", ANA))
    await outside.api.post(f"/api/v1/threads/{added.threadid}/messages", json={"text": "Three days."})
    if before:
        await outside.api.patch(f"/api/v1/threads/{added.threadid}", json=before)
    known = await thread_of(outside, added.threadid)
    away = await outside.hear(received("email", "I am away", ANA, place="email:elsewhere", **AWAY))
    assert (away.threadid, away.data.agent_may_answer) == (added.threadid, False)
    now = await thread_of(outside, added.threadid)
    same = ("status", "snoozed_until", "waiting_since", "last_message", "channel", "reply_channels", "version")
    assert {name: now[name] for name in same} == {name: known[name] for name in same}
    assert [m["machine"] for m in await outside.messages(added.threadid)] == [None, None, "auto_reply"]


async def test_a_thread_closed_long_ago_takes_an_automatic_reply_and_no_new_one_is_opened(outside: Any) -> None:
    added = await outside.hear(received("email", "how long?", ANA))
    await outside.api.patch("/api/v1/workspaces/local", json={"settings": {"reopen_days": 0}})
    await outside.api.patch(f"/api/v1/threads/{added.threadid}", json={"status": "closed"})
    outside.app.state.workspaces.changed("local")
    assert (await outside.hear(received("email", "I am away", ANA, **AWAY))).threadid == added.threadid
    assert (await outside.hear(received("email", "a new question", ANA))).threadid != added.threadid


async def test_a_list_or_a_contact_form_opens_what_waits_as_anybody_does(outside: Any) -> None:
    added = await outside.hear(received("email", "how long?", ANA))
    await outside.api.patch(f"/api/v1/threads/{added.threadid}", json={"status": "closed"})
    form = await outside.hear(received("email", "from the form", ANA, automatic=True))
    assert form.threadid == added.threadid
    assert (await thread_of(outside, added.threadid))["status"] == "open"
    assert (await outside.messages(added.threadid))[-1]["machine"] == "notice"


async def test_two_desks_that_answer_each_other_are_stopped_and_the_thread_says_why(outside: Any) -> None:
    first = await outside.hear(received("email", "answer 1", ANA))
    for number in range(2, 6):
        assert (await outside.hear(received("email", f"answer {number}", ANA))).data.agent_may_answer
    sixth = await outside.hear(received("email", "answer 6", ANA))
    assert not sixth.data.agent_may_answer
    thread = await thread_of(outside, first.threadid)
    assert thread["agent"] == "quiet"
    assert thread["handoff"]["reason"].startswith("More than 5 messages of one sender in 10 minutes")
    assert thread["waiting_since"]
    await outside.api.patch(f"/api/v1/threads/{first.threadid}", json={"agent": "active"})
    assert not (await outside.hear(received("email", "answer 7", ANA))).data.agent_may_answer


async def test_they_are_stopped_at_once_in_a_thread_into_which_theirs_was_merged(outside: Any) -> None:
    for number in range(1, 6):
        before = await outside.hear(received("email", f"answer {number}", ANA))
    await outside.api.patch("/api/v1/workspaces/local", json={"settings": {"reopen_days": 0}})
    outside.app.state.workspaces.changed("local")
    await outside.api.patch(f"/api/v1/threads/{before.threadid}", json={"status": "closed"})
    young = await outside.hear(received("email", "answer 6", ANA))
    assert (young.threadid != before.threadid, young.data.agent_may_answer) == (True, True)
    other = {"other_thread_id": str(before.threadid)}
    merged = await outside.api.post(f"/api/v1/threads/{young.threadid}/merge", json=other)
    assert merged.status_code < 300, merged.text
    seventh = await outside.hear(received("email", "answer 7", ANA))
    assert (seventh.threadid, seventh.data.agent_may_answer) == (young.threadid, False)
    assert (await thread_of(outside, young.threadid))["handoff"]["reason"].startswith("More than 5 messages")


async def test_in_a_chat_people_write_many_short_messages(outside: Any) -> None:
    visitor = verified("visitor", "v1")
    for number in range(8):
        assert (await outside.hear(received("widget", f"line {number}", visitor))).data.agent_may_answer


async def listed(outside: Any, assignee: str) -> list[str]:
    return [one["id"] for one in (await outside.api.get(f"/api/v1/threads?assignee={assignee}")).json()["items"]]


@pytest.mark.parametrize("machine", ["auto_reply", "bounce", "list", "notice"])
async def test_what_a_machine_opens_is_held_by_nobody_until_a_person_writes(outside: Any, machine: str) -> None:
    opened = await outside.hear(received("email", "from a machine", ANA, automatic=True, machine=machine))
    thread = await thread_of(outside, opened.threadid)
    assert (thread["machine"], thread["agent"], thread["waiting_since"]) == (machine, "active", None)
    assert (await listed(outside, "none"), await listed(outside, "agent")) == ([thread["id"]], [])
    await outside.hear(received("email", "it is me", ANA))
    assert (await thread_of(outside, opened.threadid))["machine"] is None
    assert (await listed(outside, "none"), await listed(outside, "agent")) == ([], [thread["id"]])


async def test_a_thread_whose_person_moved_out_is_the_machines(outside: Any) -> None:
    opened = await outside.hear(received("email", "news", ANA, automatic=True, machine="list"))
    await outside.hear(received("email", "it is me", ANA))
    await outside.hear(received("email", "I am away", ANA, **AWAY))
    assert (await thread_of(outside, opened.threadid))["machine"] is None
    said = next(m for m in await outside.messages(opened.threadid) if m["text"] == "it is me")
    split = await outside.api.post(f"/api/v1/threads/{opened.threadid}/split", json={"message_ids": [said["id"]]})
    assert split.status_code < 300, split.text
    assert (await thread_of(outside, opened.threadid))["machine"] == "list"
