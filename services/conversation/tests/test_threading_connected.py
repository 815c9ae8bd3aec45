"""Mail in its thread, by its ids: which thread, and why not another."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from plugins.conversation_driver import Driver
from plugins.conversation_world import asserted, received, verified

from onethread.contracts.envelope import now
from onethread.contracts.messages import Channel

pytestmark = pytest.mark.connected
ANA, BOB = verified("email", "ana@shop.example"), verified("email", "bob@shop.example")


async def closed_for(driver: Driver, thread_id: Any, days: int) -> None:
    await driver.patch(f"threads/{thread_id}", status="closed")
    await driver.rows("update thread set closed_at = now() - make_interval(days => %s) where id = %s", days, thread_id)


async def test_a_mail_that_answers_the_customers_own_mail_joins_its_thread(driver: Driver) -> None:
    first = await driver.hear(received("email", "one", ANA, outside_ids=["<1@shop>"]))
    newer = await driver.hear(received("email", "two", ANA))
    split = await driver.post(f"threads/{first['thread_id']}/split", message_ids=[str(newer["id"])])
    again = await driver.hear(received("email", "three", ANA, answers=["<1@shop>"]))
    assert again["thread_id"] == first["thread_id"]
    assert split
    assert again["remarks"] == []


async def test_what_we_sent_says_more_than_what_others_did(driver: Driver) -> None:
    """Outlook puts ids into References in an order of its own."""
    first = await driver.hear(received("email", "one", ANA))
    reply = await driver.post(f"threads/{first['thread_id']}/messages", text="ours")
    await driver.delivered(reply["id"], "<ours@desk>")
    other = await driver.hear(received("email", "two", ANA, outside_ids=["<2@shop>"]))
    await driver.post(f"threads/{first['thread_id']}/split", message_ids=[str(other["id"])])
    answer = await driver.hear(received("email", "three", ANA, answers=["<2@shop>", "<ours@desk>"]))
    assert answer["thread_id"] == first["thread_id"]


async def test_an_answer_after_the_window_is_a_new_thread_that_says_why(driver: Driver) -> None:
    first = await driver.hear(received("email", "one", ANA, outside_ids=["<1@shop>"]))
    await closed_for(driver, first["thread_id"], 40)
    second = await driver.hear(received("email", "two", ANA, answers=["<1@shop>"]))
    assert second["thread_id"] != first["thread_id"]
    assert second["remarks"] == ["The conversation before it was closed 40 days ago."]
    thread = (await driver.api.get(f"/api/v1/threads/{second['thread_id']}")).json()
    assert thread["previous_thread_id"] == str(first["thread_id"])


async def test_a_new_question_after_the_window_says_how_long_ago_the_last_was(driver: Driver) -> None:
    first = await driver.hear(received("email", "one", ANA))
    await closed_for(driver, first["thread_id"], 20)
    second = await driver.hear(received("email", "two", ANA))
    assert second["remarks"] == ["The conversation before it was closed 20 days ago."]


async def test_an_answer_to_a_mail_that_we_do_not_know_says_so(driver: Driver) -> None:
    first = await driver.hear(received("email", "one", ANA, answers=["<elsewhere@shop>"]))
    assert first["remarks"] == ["It answers a message that we do not know."]


async def test_a_changed_subject_does_not_split(driver: Driver) -> None:
    first = await driver.hear(received("email", "one", ANA, subject="My order", outside_ids=["<1@shop>"]))
    second = await driver.hear(received("email", "two", ANA, subject="Something else", answers=["<1@shop>"]))
    assert second["thread_id"] == first["thread_id"]


async def test_an_unproven_answer_to_a_thread_closed_long_ago_says_so_too(driver: Driver) -> None:
    first = await driver.hear(received("email", "one", ANA, outside_ids=["<1@shop>"]))
    await closed_for(driver, first["thread_id"], 40)
    second = await driver.hear(received("email", "two", asserted("email", ANA.value), answers=["<1@shop>"]))
    assert second["thread_id"] != first["thread_id"]
    assert second["remarks"] == ["The conversation before it was closed 40 days ago."]


async def test_the_same_mail_at_two_of_our_addresses_is_one_message(driver: Driver) -> None:
    at = now()
    how = {"outside_ids": ["<1@shop>"], "sent_at": at}
    first = received("email", "Where is it?", ANA, **how)
    other = received("email", "Where is it?", ANA, **how)
    other = other.model_copy(
        update={"data": other.data.model_copy(update={"channel": Channel(id="sales", kind="email")})}
    )
    await driver.hear(first)
    await driver.take(other)
    assert len(await driver.rows("select id from message")) == 1


async def test_the_same_mail_by_a_forwarder_that_adds_a_footer_is_one_message(driver: Driver) -> None:
    at = now()
    await driver.hear(received("email", "Where is it?", ANA, outside_ids=["<1@shop>"], sent_at=at))
    footed = received("email", "Where is it?\n\nSent by list.example", asserted("email", ANA.value),
                      outside_ids=["<1@shop>"], sent_at=at)  # fmt: skip
    await driver.take(footed)
    assert len(await driver.rows("select id from message")) == 1


async def test_a_proven_mail_is_kept_beside_a_forged_one_that_came_first(driver: Driver) -> None:
    at = now()
    how = {"outside_ids": ["<1@shop>"], "sent_at": at}
    await driver.hear(received("email", "Where is it?", asserted("email", ANA.value), **how))
    await driver.hear(received("email", "Where is it?", ANA, **how))
    assert len(await driver.rows("select id from message")) == 2


@pytest.mark.parametrize("change", [{"text": "Something else"}, {"sent_at": now() - timedelta(hours=1)}, {"who": BOB}])
async def test_two_mails_with_one_message_id_are_both_kept(driver: Driver, change: dict[str, Any]) -> None:
    at = now()
    await driver.hear(received("email", "Where is it?", ANA, outside_ids=["<1@shop>"], sent_at=at))
    how = {"text": "Where is it?", "who": ANA, "sent_at": at, **change}
    await driver.hear(received("email", how.pop("text"), how.pop("who"), outside_ids=["<1@shop>"], **how))
    assert len(await driver.rows("select id from message")) == 2


async def test_each_mail_keeps_its_own_subject_and_the_thread_that_of_the_first(driver: Driver) -> None:
    first = await driver.hear(received("email", "See above", ANA, subject="Lamp 12 is broken"))
    second = await driver.hear(received("email", "And also", ANA, subject="Invoice 7"))
    assert (first["subject"], second["subject"]) == ("Lamp 12 is broken", "Invoice 7")
    assert second["thread_id"] == first["thread_id"]
    [row] = await driver.rows("select subject from thread")
    assert row["subject"] == "Lamp 12 is broken"
