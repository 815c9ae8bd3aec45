"""An address to which nothing goes any more: how it becomes one, what that stops, and what ends it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from plugins.conversation_world import asserted, behind_its_back, received, verified

from onethread.contracts.envelope import now
from onethread.contracts.ids import derived_id
from onethread.contracts.messages import Audience, MessageReceived, Place
from onethread.contracts.replies import ReplyDelivered, ReplyFailed, ReplyOutcome, ReplyRequested

pytestmark = pytest.mark.connected
ADDRESS = "ana@pineandpaper.example"
ANA = verified("email", ADDRESS)
DEAD = "The mailbox does not exist (5.1.1)"


def mail(text: str, who: Any = ANA, **more: Any) -> MessageReceived:
    """As gateway-email tells it: the place says whom its answers go to."""
    event = received("email", text, who, **more)
    place = Place(key=event.data.place.key, audience=Audience(shared=False), route={"to": who.value})
    return event.model_copy(update={"data": event.data.model_copy(update={"place": place})})


async def reply(outside: Any, thread_id: Any, text: str) -> ReplyRequested:
    made = await outside.api.post(f"/api/v1/threads/{thread_id}/messages", json={"text": text})
    assert made.status_code == httpx.codes.CREATED, made.text
    return await outside.wait(lambda: next((r for r in outside.requested if r.data.text == text), None))


async def comes_back(outside: Any, request: ReplyRequested, report: str, **data: Any) -> dict[str, Any]:
    """As gateway-email tells it. Returns the message as it is then."""
    state = "delivered" if report == "complaint" else "failed"
    data = {"reason": DEAD, "address": ADDRESS, **data}
    outcome = ReplyOutcome(
        message_id=request.data.message_id, channel=request.data.channel, state=state, report=report, **data
    )
    kind = ReplyFailed if state == "failed" else ReplyDelivered
    event = kind(id=uuid4(), source="/gateway-email", workspaceid="local", threadid=request.threadid, data=outcome)
    await outside.bus.publish(event)
    for _ in range(1_000):
        for message in await outside.messages(request.threadid):
            if message["id"] == str(request.data.message_id) and message["delivery"]["report"] == report:
                return message
        await asyncio.sleep(0.02)
    raise AssertionError("nothing came back")


async def said(outside: Any, thread_id: Any, text: str) -> dict[str, Any]:
    for _ in range(1_000):
        for message in await outside.messages(thread_id):
            if message["text"] == text:
                return message
        await asyncio.sleep(0.02)
    raise AssertionError("it was not said")


async def stopped(outside: Any, thread_id: Any) -> dict[str, Any] | None:
    """What the composer is told before anybody writes."""
    [channel] = (await outside.api.get(f"/api/v1/threads/{thread_id}")).json()["reply_channels"]
    return channel["stopped"]


async def audited(outside: Any) -> list[str]:
    items = (await outside.api.get("/api/v1/audit")).json()["items"]
    return [one["action"] for one in reversed(items) if one["action"].startswith("address.")]


async def test_to_a_dead_address_nothing_more_is_sent_and_the_composer_says_so_before(outside: Any) -> None:
    added = await outside.hear(mail("hi"))
    assert await stopped(outside, added.threadid) is None
    message = await comes_back(outside, await reply(outside, added.threadid, "one"), "hard")
    assert message["delivery"] == {"state": "failed", "reason": DEAD, "retry_at": None, "report": "hard"}
    told = await stopped(outside, added.threadid)
    assert told is not None
    assert (told["address"], told["reason"], told["scope"]) == (ADDRESS, DEAD, "all")
    refused = await outside.api.post(f"/api/v1/threads/{added.threadid}/messages", json={"text": "two"})
    assert refused.status_code == httpx.codes.CONFLICT
    assert refused.json()["title"] == f"Nothing is sent to {ADDRESS}: {DEAD}"
    again = await outside.api.post(f"/api/v1/threads/{added.threadid}/messages/{message['id']}/retry")
    assert again.status_code == httpx.codes.CONFLICT
    note = await outside.api.post(f"/api/v1/threads/{added.threadid}/messages", json={"text": "gone", "note": True})
    assert note.status_code == httpx.codes.CREATED
    assert [request.data.text for request in outside.requested] == ["one"]


async def test_what_the_agent_writes_there_fails_in_words_and_the_customer_waits_for_a_person(outside: Any) -> None:
    added = await outside.hear(mail("hi"))
    first = await reply(outside, added.threadid, "one")
    await outside.api.patch(f"/api/v1/threads/{added.threadid}", json={"agent": "active", "assignee": None})
    asked = await outside.hear(mail("and now?"))
    await comes_back(outside, first, "complaint", reason="Reported as spam")
    await outside.propose(asked, "answer", "By the agent")
    message = await said(outside, added.threadid, "By the agent")
    assert message["delivery"]["state"] == "failed"
    assert message["delivery"]["reason"] == f"Nothing automatic is sent to {ADDRESS}: Reported as spam"
    thread = (await outside.api.get(f"/api/v1/threads/{added.threadid}")).json()
    assert thread["waiting_since"] is not None
    assert await stopped(outside, added.threadid) is None  # a teammate may write
    await reply(outside, added.threadid, "By a person")
    assert [request.data.text for request in outside.requested] == ["one", "By a person"]
    sequences = sorted(row.sequence for row in outside.requested if row.sequence)
    assert len(set(sequences)) == len(sequences)


async def test_a_teammate_lifts_it_and_that_is_kept(outside: Any) -> None:
    added = await outside.hear(mail("hi"))
    await comes_back(outside, await reply(outside, added.threadid, "one"), "hard")
    [listed] = (await outside.api.get("/api/v1/suppressions")).json()["items"]
    assert listed["address"] == ADDRESS
    assert (await outside.api.delete(f"/api/v1/suppressions/{listed['id']}")).status_code == httpx.codes.NO_CONTENT
    assert (await outside.api.delete(f"/api/v1/suppressions/{listed['id']}")).status_code == httpx.codes.NOT_FOUND
    assert await stopped(outside, added.threadid) is None
    second = await reply(outside, added.threadid, "two")
    assert await audited(outside) == ["address.suppressed", "address.released"]
    await comes_back(outside, second, "hard")
    assert await stopped(outside, added.threadid)


async def test_whoever_writes_from_it_lifts_it_and_whoever_only_claims_to_does_not(outside: Any) -> None:
    added = await outside.hear(mail("hi"))
    await comes_back(outside, await reply(outside, added.threadid, "one"), "hard")
    await outside.hear(mail("I am Ana", asserted("email", ADDRESS)))
    await outside.hear(mail("I am away", automatic=True, machine="auto_reply"))
    assert await stopped(outside, added.threadid)
    await outside.hear(mail("it works again"))
    assert await stopped(outside, added.threadid) is None
    assert await audited(outside) == ["address.suppressed", "address.released"]
    await reply(outside, added.threadid, "two")


async def test_mails_that_come_back_for_now_stop_it_only_when_they_are_many(outside: Any, database_url: str) -> None:
    added = await outside.hear(mail("hi"))
    for number in range(3):
        request = await reply(outside, added.threadid, f"try {number}")
        await comes_back(outside, request, "soft", reason="The mailbox is full (5.2.2)")
        await comes_back(outside, request, "soft", reason="The mailbox is full (5.2.2)")  # told twice, counted once
    assert await stopped(outside, added.threadid) is None
    two_weeks_pass = "update suppression set soft_at = array(select at - interval '15 days' from unnest(soft_at) at)"
    await behind_its_back(database_url, two_weeks_pass)
    for number in range(3, 6):
        await comes_back(outside, await reply(outside, added.threadid, f"try {number}"), "soft", reason="Full")
    assert await stopped(outside, added.threadid) is None
    await comes_back(outside, await reply(outside, added.threadid, "try 6"), "soft", reason="Full")
    assert (await stopped(outside, added.threadid) or {})["reason"] == "Full"


async def test_they_are_found_by_words_and_lead_to_the_mail_that_came_back(outside: Any) -> None:
    added = await outside.hear(mail("hi"))
    await comes_back(outside, await reply(outside, added.threadid, "one"), "hard")
    for words, count in (("PineAndPaper", 1), ("does not exist", 1), ("%", 0), ("max@", 0), ("", 1)):
        found = (await outside.api.get("/api/v1/suppressions", params={"q": words})).json()["items"]
        assert len(found) == count, words
    assert found[0]["thread_id"] == str(added.threadid)


@pytest.mark.parametrize("named", ["boss@elsewhere.example", None])
async def test_a_report_that_names_somebody_else_ends_only_the_address_that_was_written_to(
    outside: Any, named: str | None
) -> None:
    """A server that passed the mail on names whom it gave it to. Nobody can have a stranger's address stopped."""
    added = await outside.hear(mail("hi"))
    await comes_back(outside, await reply(outside, added.threadid, "one"), "hard", address=named)
    assert [one["address"] for one in (await outside.api.get("/api/v1/suppressions")).json()["items"]] == [ADDRESS]


async def test_of_an_erased_customer_no_address_is_kept(outside: Any, database_url: str) -> None:
    added = await outside.hear(mail("hi"))
    await comes_back(outside, await reply(outside, added.threadid, "one"), "hard")
    await outside.api.post(f"/api/v1/customers/{added.customerid}/erase")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select count(*) from suppression").fetchone() == (0,)


async def test_another_workspace_sees_and_stops_nothing_of_it(outside: Any, database_url: str) -> None:
    added = await outside.hear(mail("hi"))
    await comes_back(outside, await reply(outside, added.threadid, "one"), "hard")
    await behind_its_back(database_url, "update suppression set workspace_id = 'other'")
    assert (await outside.api.get("/api/v1/suppressions")).json()["items"] == []
    assert await stopped(outside, added.threadid) is None


BOB = "bob@pineandpaper.example"


def with_bob(text: str) -> MessageReceived:
    event = mail(text)
    shared = Audience(shared=True, name=f"Email with cc {BOB}")
    place = Place(key=f"{event.data.place.key}:bob", audience=shared, route={"to": ADDRESS, "cc": [BOB]})
    return event.model_copy(update={"data": event.data.model_copy(update={"place": place})})


async def channel_of(outside: Any, thread_id: Any) -> dict[str, Any]:
    [channel] = (await outside.api.get(f"/api/v1/threads/{thread_id}")).json()["reply_channels"]
    return channel


async def test_a_reader_whose_address_is_dead_gets_no_more_copies_and_the_customer_still_gets_answers(
    outside: Any,
) -> None:
    added = await outside.hear(with_bob("hi"))
    first = await reply(outside, added.threadid, "one")
    assert first.data.cc == [BOB]
    why = f"Refused for {BOB} (550 5.1.1 No such user)"
    sent = ReplyOutcome(
        message_id=first.data.message_id, channel=first.data.channel, state="sent", reason=why, report="hard",
        address=BOB, attempt=1, report_reason=DEAD,
    )  # fmt: skip
    await outside.bus.publish(ReplyDelivered(id=uuid4(), source="/g", workspaceid="local", data=sent))
    for _ in range(1_000):
        channel = await channel_of(outside, added.threadid)
        if channel["left_out"]:
            break
        await asyncio.sleep(0.02)
    assert (channel["stopped"], channel["cc"]) == (None, [])
    assert [(one["address"], one["reason"]) for one in channel["left_out"]] == [(BOB, DEAD)]
    message = await said(outside, added.threadid, "one")
    assert (message["delivery"]["state"], message["delivery"]["reason"]) == ("sent", why)
    wanted = {"text": "with bob", "cc": [BOB]}
    refused = await outside.api.post(f"/api/v1/threads/{added.threadid}/messages", json=wanted)
    assert (refused.status_code, refused.json()["title"]) == (409, f"Nothing is sent to {BOB}: {DEAD}")
    second = await reply(outside, added.threadid, "two")
    assert (second.data.place.route["to"], second.data.cc) == (ADDRESS, [])


async def test_copies_that_wait_are_told_until_they_are_there(outside: Any) -> None:
    added = await outside.hear(with_bob("hi"))
    request = await reply(outside, added.threadid, "one")
    later = now() + timedelta(minutes=1)
    steps: list[tuple[str | None, Any]] = [
        ("puts it off", later),
        ("still", later + timedelta(minutes=5)),
        (None, None),
    ]
    for reason, at in steps:
        outcome = ReplyOutcome(
            message_id=request.data.message_id, channel=request.data.channel, state="sent", reason=reason, retry_at=at,
            attempt=1,
        )  # fmt: skip
        event = ReplyDelivered(id=uuid4(), source="/g", workspaceid="local", data=outcome)
        await outside.bus.publish(event)
        for _ in range(1_000):
            delivery = (await said(outside, added.threadid, "one"))["delivery"]
            if (delivery["state"], delivery["reason"]) == ("sent", reason):
                break
            await asyncio.sleep(0.02)
        assert (delivery["state"], delivery["reason"], delivery["retry_at"] is None) == ("sent", reason, at is None)


async def test_a_report_that_names_a_reader_who_got_no_copy_stops_nobody(outside: Any) -> None:
    """The agent answers the customer alone."""
    asked = await outside.hear(with_bob("hi"))
    await outside.propose(asked, "answer", "By the agent")
    request = await outside.wait(lambda: next((r for r in outside.requested if r.data.text == "By the agent"), None))
    await comes_back(outside, request, "hard", address=BOB)
    listed = (await outside.api.get("/api/v1/suppressions")).json()["items"]
    assert [one["address"] for one in listed] == [ADDRESS]


async def test_a_complaint_is_told_of_what_has_arrived(outside: Any) -> None:
    request = await reply(outside, (await outside.hear(mail("hi"))).threadid, "one")
    sent = ReplyOutcome(message_id=request.data.message_id, channel=request.data.channel, state="delivered")
    await outside.bus.publish(
        ReplyDelivered(id=derived_id(request.id, "d"), source="/g", workspaceid="local", data=sent)
    )
    await asyncio.sleep(0.2)
    message = await comes_back(outside, request, "complaint", reason="Reported as spam")
    assert message["delivery"] | {"retry_at": None} == {
        "state": "delivered", "reason": "Reported as spam", "retry_at": None, "report": "complaint"
    }  # fmt: skip


async def test_they_are_paged_through_latest_first_each_once(outside: Any, database_url: str) -> None:
    add = """insert into suppression (id, workspace_id, address, scope, report, reason, since)
        select gen_random_uuid(), 'local', n || '@x.example', 'all', 'hard', %s, now() - (n / 2) * interval '1 minute'
        from generate_series(0, 6) n"""
    with psycopg.connect(database_url) as connection:  # two of each moment
        connection.execute(add, [DEAD])
    found: list[str] = []
    asked: dict[str, Any] = {"limit": 3, "q": "exist"}
    for size in (3, 3, 1):
        page = (await outside.api.get("/api/v1/suppressions", params=asked)).json()
        assert len(page["items"]) == size
        found += [one["address"][0] for one in page["items"]]
        asked["cursor"] = page["next"]
    assert asked["cursor"] is None
    assert [int(number) // 2 for number in found] == [0, 0, 1, 1, 2, 2, 3]
    assert len(set(found)) == len(found)
    wrong = await outside.api.get("/api/v1/suppressions", params={"cursor": "x"})
    assert wrong.status_code == httpx.codes.UNPROCESSABLE_ENTITY
