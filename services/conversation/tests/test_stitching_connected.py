from __future__ import annotations

import asyncio
import random
from typing import Any
from uuid import uuid4

import pytest
from plugins.conversation_world import asserted, behind_its_back, received, running, verified

pytestmark = pytest.mark.connected
EMAIL = verified("email", "ana@pineandpaper.example")


async def test_one_verified_email_on_three_channels_is_one_customer_and_one_thread(outside: Any) -> None:
    widget = received("widget", "Hi", verified("site_user", "ana"), EMAIL, verified("visitor", "v1"), name="Ana Ruiz")
    first = await outside.hear(widget)
    second = await outside.hear(received("email", "And by mail", EMAIL))
    third = await outside.hear(received("slack", "And here", verified("slack_user", "T1/U1"), EMAIL))
    assert {a.threadid for a in (first, second, third)} == {first.threadid}
    assert {a.customerid for a in (first, second, third)} == {first.customerid}
    [thread] = await outside.threads()
    assert thread["customer"]["name"] == "Ana Ruiz"
    assert thread["channel"]["kind"] == "slack"
    assert [msg["channel"]["kind"] for msg in await outside.messages(thread["id"])] == ["widget", "email", "slack"]


async def test_a_mail_that_only_claims_the_address_is_somebody_else_and_is_not_answered_by_the_agent(
    outside: Any,
) -> None:
    real = await outside.hear(received("email", "It is me", EMAIL))
    forged = await outside.hear(received("email", "It is me too", asserted("email", EMAIL.value)))
    assert forged.customerid != real.customerid
    assert forged.threadid != real.threadid
    assert real.data.agent_may_answer
    assert not forged.data.agent_may_answer
    assert forged.data.thread.waiting_since is not None
    assert (real.data.thread.trust, forged.data.thread.trust) == ("verified", "asserted")
    profile = (await outside.api.get(f"/api/v1/customers/{forged.customerid}")).json()
    assert [other["id"] for other in profile["maybe"]] == [str(real.customerid)]


async def test_a_proven_sender_is_not_drawn_to_an_address_that_was_only_typed(outside: Any) -> None:
    typed = received("widget", "I am Ana", verified("visitor", "v9"), asserted("email", EMAIL.value))
    visitor = await outside.hear(typed)
    real = await outside.hear(received("email", "I am Ana", EMAIL))
    assert visitor.customerid != real.customerid


async def test_an_event_delivered_twice_is_one_message(outside: Any) -> None:
    event = received("email", "once", EMAIL, external_id="<a@b>:1")
    added = await outside.hear(event)
    # Another Nats-Msg-Id, as after the server's duplicate window: only the inbox table stands in the way.
    await outside.bus.publish_raw("ot.local.message.received.email.l0", event.to_json(), f"again-{event.id}")
    await outside.hear(received("email", "twice", EMAIL))
    assert [msg["text"] for msg in await outside.messages(added.threadid)] == ["once", "twice"]


async def test_new_customers_on_all_channels_at_once_twice_in_any_order_over_four_replicas_make_one_thread_each(
    outside: Any, nats_url: str, database_url: str
) -> None:
    people, events = 50, []
    for n in range(people):
        email = verified("email", f"p{n}@example.com")
        events += [
            received("widget", "widget", verified("site_user", f"u{n}"), email),
            received("email", "mail 1", email),
            received("email", "mail 2", email),
            received("slack", "slack", verified("slack_user", f"T/{n}"), email),
        ]
    wanted = [(event, copy) for event in events for copy in range(2)]
    random.Random(7).shuffle(wanted)
    async with (
        running(nats_url, database_url),
        running(nats_url, database_url),
        running(nats_url, database_url),
    ):
        await asyncio.gather(
            *(
                outside.bus.publish_raw(
                    f"ot.local.message.received.{event.data.channel.kind}.l{random.randrange(8)}",
                    event.to_json(),
                    f"{event.id}-{copy}",
                )
                for event, copy in wanted
            )
        )
        await outside.wait(lambda: len({a.data.message.id for a in outside.added}) == 4 * people, seconds=60)
    threads = await outside.threads(limit="200")
    assert len(threads) == people
    assert len({thread["customer"]["id"] for thread in threads}) == people
    for thread in threads:
        texts = [msg["text"] for msg in await outside.messages(thread["id"])]
        assert sorted(texts) == ["mail 1", "mail 2", "slack", "widget"]
        assert texts.index("mail 1") < texts.index("mail 2")


async def test_the_sequence_of_a_thread_has_no_gap_and_is_relayed_in_order(outside: Any) -> None:
    seen: list[int] = []

    async def on_any(message: Any) -> None:
        import json

        event = json.loads(message.data)
        if "sequence" in event and event.get("threadid") == str(first.threadid):
            seen.append(event["sequence"])

    first = await outside.hear(received("email", "0", EMAIL))
    await outside.bus.listen("ot.local.>", on_any)
    for n in range(1, 6):
        await outside.say(received("email", str(n), EMAIL))
        await outside.api.post(f"/api/v1/threads/{first.threadid}/messages", json={"text": f"re {n}"})
    await outside.wait(lambda: len(outside.added) == 11)
    await outside.wait(lambda: len(seen) >= 15)
    start = min(seen)
    assert seen == list(range(start, start + len(seen)))


async def test_messages_of_one_sender_keep_their_order(outside: Any) -> None:
    texts = [f"message {n}" for n in range(40)]
    for text in texts:
        await outside.say(received("widget", text, verified("visitor", "v")))
    await outside.wait(lambda: len(outside.added) == 40)
    [thread] = await outside.threads()
    assert [msg["text"] for msg in await outside.messages(thread["id"])] == texts


async def test_a_closed_thread_is_reopened_within_the_window_and_continued_after_it(
    outside: Any, database_url: str
) -> None:
    first = await outside.hear(received("email", "one", EMAIL))
    await outside.api.patch(f"/api/v1/threads/{first.threadid}", json={"status": "closed"})
    second = await outside.hear(received("email", "two", EMAIL))
    assert second.threadid == first.threadid
    assert second.data.thread.status == "open"
    await outside.api.patch(f"/api/v1/threads/{first.threadid}", json={"status": "closed"})
    await behind_its_back(database_url, "update thread set closed_at = now() - interval '15 days'")
    third = await outside.hear(received("email", "three", EMAIL))
    assert third.threadid != first.threadid
    assert third.data.thread.previous_thread_id == first.threadid


async def test_a_visitor_who_signs_in_becomes_the_customer_who_proved_that_address(outside: Any) -> None:
    mail = await outside.hear(received("email", "by mail", EMAIL))
    guest = await outside.hear(received("widget", "as a guest", verified("visitor", "v1")))
    assert guest.customerid != mail.customerid
    signed = received("widget", "signed in", verified("site_user", "ana"), EMAIL, verified("visitor", "v1"))
    proven = await outside.hear(signed)
    assert proven.customerid == mail.customerid
    threads = await outside.threads()
    assert {thread["customer"]["id"] for thread in threads} == {str(mail.customerid)}


async def test_a_colleague_in_a_shared_place_joins_its_thread_as_a_participant(outside: Any) -> None:
    ana, bob = verified("slack_user", "T/ana"), verified("slack_user", "T/bob")
    first = await outside.hear(received("slack", "help", ana, EMAIL, place="slack:C1:1", shared="#acme-support"))
    second = await outside.hear(received("slack", "me too", bob, place="slack:C1:1", shared="#acme-support"))
    assert second.threadid == first.threadid
    assert second.customerid == first.customerid
    elsewhere = await outside.hear(received("slack", "in private", bob))
    assert elsewhere.threadid != first.threadid


async def test_an_unproven_mail_with_a_reply_token_joins_only_from_an_address_that_the_thread_knows(
    outside: Any,
) -> None:
    real = await outside.hear(received("email", "hello", EMAIL))
    known = await outside.hear(
        received("email", "no dmarc today", asserted("email", EMAIL.value), thread_token=real.threadid)
    )
    assert known.threadid == real.threadid
    assert known.data.message.identity.trust == "asserted"
    stranger = await outside.hear(
        received("email", "let me in", asserted("email", "eve@evil.example"), thread_token=real.threadid)
    )
    assert stranger.threadid != real.threadid


async def test_a_stranger_who_proves_their_own_address_does_not_enter_by_anothers_token(outside: Any) -> None:
    real = await outside.hear(received("email", "hello", EMAIL))
    eve = await outside.hear(received("email", "hi", verified("email", "eve@evil.example"), thread_token=real.threadid))
    assert eve.threadid != real.threadid


async def test_a_malformed_event_is_parked_with_its_reason_and_blocks_nobody(outside: Any) -> None:
    await outside.bus.publish_raw("ot.local.message.received.email.l1", b'{"specversion": "1.0"}', str(uuid4()))
    await outside.hear(received("email", "after it", EMAIL))

    async def letters() -> list[dict[str, Any]]:
        return (await outside.api.get("/api/v1/dead-letters")).json()["items"]

    for _ in range(400):
        if found := await letters():
            break
        await asyncio.sleep(0.05)
    assert "ValidationError" in found[0]["reason"]
    assert found[0]["subject"] == "ot.local.message.received.email.l1"
