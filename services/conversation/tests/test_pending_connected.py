from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from plugins.conversation_world import asserted, received, running, verified
from plugins.replicas import HOLD, replica, waiting_for_a_lock

pytestmark = pytest.mark.connected
EMAIL = verified("email", "ana@pineandpaper.example")
VISITOR = verified("visitor", "v1")
SIGNED_IN = (verified("site_user", "ana"), EMAIL, VISITOR)
SLACK = verified("slack_user", "T/ana")


async def held(outside: Any, thread_id: Any, text: str, seconds: int = 1, **more: Any) -> dict[str, Any]:
    url = f"/api/v1/threads/{thread_id}/messages"
    headers = {"Idempotency-Key": more.pop("key")} if "key" in more else {}
    answer = await outside.api.post(url, json={"text": text, "undo_seconds": seconds, **more}, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def request_of(outside: Any, text: str) -> Any:
    return await outside.wait(lambda: next((r for r in outside.requested if r.data.text == text), None))


async def test_a_reply_waits_for_its_undo_window_and_then_is_sent_once_under_the_same_id(
    outside: Any, nats_url: str, database_url: str
) -> None:
    added = await outside.hear(received("email", "hi", EMAIL))
    async with running(nats_url, database_url):
        waiting = await held(outside, added.threadid, "in a moment")
        url = f"/api/v1/threads/{added.threadid}"
        [shown] = (await outside.api.get(url)).json()["pending"]
        assert shown == waiting
        assert (shown["text"], shown["channel_id"], shown["author"]["kind"]) == ("in a moment", None, "teammate")
        assert outside.requested == []
        request = await request_of(outside, "in a moment")
        await asyncio.sleep(1)
    assert str(request.data.message_id) == waiting["id"]
    assert [r.data.text for r in outside.requested] == ["in a moment"]
    assert [m["text"] for m in await outside.messages(added.threadid)] == ["hi", "in a moment"]
    assert (await outside.api.get(url)).json()["pending"] == []
    assert (await outside.api.get(url)).json()["agent"] == "quiet"


async def test_a_reply_that_is_taken_back_is_never_sent_and_one_that_was_sent_cannot_be(outside: Any) -> None:
    added = await outside.hear(received("email", "hi", EMAIL))
    waiting = await held(outside, added.threadid, "oops", 2)
    url = f"/api/v1/threads/{added.threadid}/pending"
    assert (await outside.api.delete(f"{url}/{waiting['id']}")).status_code == 204
    assert (await outside.api.delete(f"{url}/{waiting['id']}")).status_code == 404
    assert (await outside.api.delete(f"{url}/{uuid4()}")).status_code == 404
    sent = await held(outside, added.threadid, "meant so")
    await request_of(outside, "meant so")
    late = await outside.api.delete(f"{url}/{sent['id']}")
    assert (late.status_code, late.json()["title"]) == (409, "It has been sent already")
    await asyncio.sleep(1.5)
    assert "oops" not in [m["text"] for m in await outside.messages(added.threadid)]


async def test_colleagues_are_told_of_a_reply_that_waits_and_of_one_that_was_taken_back(outside: Any) -> None:
    added = await outside.hear(received("email", "hi", EMAIL))
    heard: list[dict[str, Any]] = []
    connected: list[str] = []

    async def listen() -> None:
        async for text in outside.app.state.stream.read("local", None):
            connected.append(text)
            told = itertools.pairwise(text.splitlines())
            heard.extend(json.loads(data[6:]) for event, data in told if event == "event: reply.pending")

    task = asyncio.create_task(listen())
    await outside.wait(lambda: connected)
    waiting = await held(outside, added.threadid, "oops", 20)
    await outside.api.delete(f"/api/v1/threads/{added.threadid}/pending/{waiting['id']}")
    await outside.wait(lambda: len(heard) == 2)
    task.cancel()
    about = {"thread_id": str(added.threadid), "id": waiting["id"]}
    assert heard == [{**about, "reply": waiting}, {**about, "reply": None}]


async def test_a_repeated_post_holds_one_reply_and_an_undone_one_stays_undone(outside: Any) -> None:
    added = await outside.hear(received("email", "hi", EMAIL))
    key = str(uuid4())
    first, second = [await held(outside, added.threadid, "once", 1, key=key) for _ in range(2)]
    assert first == second
    await request_of(outside, "once")
    url = f"/api/v1/threads/{added.threadid}/messages"
    body = {"text": "once", "undo_seconds": 1}
    after = await outside.api.post(url, json=body, headers={"Idempotency-Key": key})
    assert (after.status_code, after.json()["id"]) == (201, first["id"])
    other = await outside.api.post(url, json={"text": "else"}, headers={"Idempotency-Key": key})
    assert other.status_code == 422
    undone = await held(outside, added.threadid, "not this", 20, key="another")
    await outside.api.delete(f"/api/v1/threads/{added.threadid}/pending/{undone['id']}")
    body = {"text": "not this", "undo_seconds": 20}
    again = await outside.api.post(url, json=body, headers={"Idempotency-Key": "another"})
    assert (again.status_code, again.json()["title"]) == (409, "It was taken back")


async def test_if_the_customer_switches_while_a_reply_waits_it_goes_once_where_they_are_now(outside: Any) -> None:
    added = await outside.hear(received("email", "hi", EMAIL))
    await held(outside, added.threadid, "to wherever", 2)
    await held(outside, added.threadid, "by mail", 2, channel_id="email-local")
    await outside.hear(received("widget", "I am in the chat now", *SIGNED_IN))
    assert (await request_of(outside, "to wherever")).data.channel.kind == "widget"
    assert (await request_of(outside, "by mail")).data.channel.kind == "email"
    await asyncio.sleep(0.5)
    assert len(outside.requested) == 2


async def test_a_reply_written_for_the_customer_alone_does_not_follow_them_to_where_others_read(outside: Any) -> None:
    added = await outside.hear(received("slack", "between us", SLACK, EMAIL, place="slack:D1"))
    await held(outside, added.threadid, "your PIN is 4711", 2)
    await outside.hear(received("slack", "hello all", SLACK, EMAIL, place="slack:C:1", shared="#acme"))
    request = await request_of(outside, "your PIN is 4711")
    assert (request.data.place.key, request.data.place.audience.shared) == ("slack:D1", False)


async def test_a_note_waits_for_nothing_and_no_window_is_longer_than_half_a_minute(outside: Any) -> None:
    added = await outside.hear(received("email", "hi", EMAIL))
    url = f"/api/v1/threads/{added.threadid}/messages"
    note = await outside.api.post(url, json={"text": "VIP", "note": True, "undo_seconds": 10})
    assert (note.status_code, note.json()["note"]) == (201, True)
    for seconds in (-1, 31):
        assert (await outside.api.post(url, json={"text": "x", "undo_seconds": seconds})).status_code == 422
    assert (await outside.api.post(url, json={"text": " \n "})).status_code == 422


async def test_a_replica_that_is_killed_between_the_moment_and_the_commit_neither_loses_nor_doubles_the_reply(
    outside: Any, nats_url: str, database_url: str
) -> None:
    added = await outside.hear(received("email", "hi", EMAIL))
    with (
        replica(nats_url, database_url) as other,
        psycopg.connect(database_url, autocommit=True) as looking,
        psycopg.connect(database_url) as holding,
    ):
        await asyncio.to_thread(holding.execute, HOLD, [added.threadid])
        with psycopg.connect(database_url, autocommit=True) as writing:
            # Written behind the service's back, so that both replicas find it by themselves.
            writing.execute(
                """insert into pending_reply (id, workspace_id, thread_id, text, author, send_at, created_at)
                    values (gen_random_uuid(), 'local', %s, 'exactly once', '{"kind": "teammate"}', now(), now())""",
                [added.threadid],
            )
        for _ in range(1_200):
            if len(waiting_for_a_lock(looking, "select * from thread%")) == 2:
                break
            await asyncio.sleep(0.1)
        assert len(waiting_for_a_lock(looking, "select * from thread%")) == 2
        other.kill()
        holding.rollback()
        await request_of(outside, "exactly once")
        await asyncio.sleep(1)
    assert [m["text"] for m in await outside.messages(added.threadid)] == ["hi", "exactly once"]
    assert len(outside.requested) == 1


async def test_a_teammate_may_choose_an_address_that_is_proven_though_nothing_came_from_it_here(outside: Any) -> None:
    added = await outside.hear(received("widget", "in the chat", *SIGNED_IN))
    url = f"/api/v1/threads/{added.threadid}"
    channels = (await outside.api.get(url)).json()["reply_channels"]
    assert [(c["id"], c["audience"]["words"]) for c in channels] == [
        ("local", "ana@pineandpaper.example alone"), ("email-local", "ana@pineandpaper.example alone"),
    ]  # fmt: skip
    await outside.api.post(f"{url}/messages", json={"text": "by mail", "channel_id": "email-local"})
    request = await request_of(outside, "by mail")
    assert request.data.place.key == f"email:{EMAIL.value}"
    assert request.data.place.route == {"to": EMAIL.value}
    answer = await outside.hear(received("email", "got it", EMAIL))
    assert answer.threadid == added.threadid


async def test_an_address_that_is_only_claimed_is_offered_only_where_the_customer_spoke_from_it_last(
    outside: Any,
) -> None:
    claimed = asserted("email", "bea@elsewhere.example")
    added = await outside.hear(received("widget", "hi", VISITOR, claimed))
    url = f"/api/v1/threads/{added.threadid}"
    assert [c["kind"] for c in (await outside.api.get(url)).json()["reply_channels"]] == ["widget"]
    mail = await outside.hear(received("email", "me", claimed))
    other = f"/api/v1/threads/{mail.threadid}"
    assert mail.threadid != added.threadid
    assert [c["kind"] for c in (await outside.api.get(other)).json()["reply_channels"]] == ["email"]


async def test_the_composer_is_told_who_reads_a_shared_place(outside: Any) -> None:
    added = await outside.hear(received("slack", "hello all", SLACK, EMAIL, place="slack:C:1", shared="#acme"))
    channels = (await outside.api.get(f"/api/v1/threads/{added.threadid}")).json()["reply_channels"]
    assert channels[0]["audience"] == {"shared": True, "name": "#acme", "words": "Everyone in #acme"}
