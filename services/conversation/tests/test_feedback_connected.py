"""What customers think of a message: kept, shown, and counted; and the resolutions that follow from it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from plugins.conversation_world import received, verified

from onethread.contracts.envelope import now
from onethread.contracts.replies import Feedback, FeedbackReceived
from onethread.conversation.replay import verify

pytestmark = pytest.mark.connected
ANA, BO = verified("visitor", "ana"), verified("visitor", "bo")


def feedback(message_id: Any, score: int, customer: Any = None, **more: Any) -> FeedbackReceived:
    at = more.pop("at", now())
    return FeedbackReceived(
        id=uuid4(), source="/gateway-widget", workspaceid="local", customerid=customer, time=at,
        data=Feedback(message_id=message_id, score=score, **more),
    )  # fmt: skip


async def an_answer(driver: Any, who: Any = ANA, text: str = "How long?") -> dict[str, Any]:
    question = await driver.hear(received("widget", text, who))
    proposal = await driver.propose(question, "Three days.")
    assert proposal["state"] == "sent"
    return await driver.message(proposal["id"])


async def shown(driver: Any, message: dict[str, Any]) -> dict[str, Any] | None:
    answer = await driver.api.get(f"/api/v1/threads/{message['thread_id']}/messages")
    return next(one["feedback"] for one in answer.json()["items"] if one["id"] == str(message["id"]))


async def resolutions(driver: Any, **asked: Any) -> dict[str, int]:
    found = (await driver.api.get("/api/v1/metrics/resolutions", params=asked)).json()["total"]
    return {name: count for name, count in found.items() if count}


async def test_a_thumb_stands_at_its_message_and_the_log_still_holds(driver: Any) -> None:
    message = await an_answer(driver)
    assert await shown(driver, message) is None
    await driver.app.state.feedback(feedback(message["id"], -1, message["customer_id"], comment="It took a week"))
    said = await shown(driver, message)
    assert said
    assert (said["score"], said["scale"], said["comment"]) == (-1, "thumbs", "It took a week")
    assert [one async for one in verify(driver.url, "local")] == []


async def test_the_latest_word_counts_whatever_order_the_events_come_in(driver: Any) -> None:
    message = await an_answer(driver)
    await driver.app.state.feedback(feedback(message["id"], 5, scale="csat"))
    await driver.app.state.feedback(feedback(message["id"], -1, at=now() - timedelta(minutes=1)))
    assert (await shown(driver, message))["score"] == 5  # type: ignore[index]


async def test_nobody_speaks_of_what_was_said_to_somebody_else_or_of_their_own_words(driver: Any) -> None:
    message = await an_answer(driver)
    other = await driver.hear(received("widget", "Hi", BO))
    await driver.app.state.feedback(feedback(message["id"], -1, other["customer_id"]))
    await driver.app.state.feedback(feedback(uuid4(), -1, message["customer_id"]))
    await driver.app.state.feedback(feedback(other["id"], 1, other["customer_id"]))
    assert await driver.rows("select id from message where feedback is not null") == []


async def test_a_customer_who_is_erased_leaves_the_score_and_not_the_comment(driver: Any) -> None:
    message = await an_answer(driver)
    await driver.app.state.feedback(feedback(message["id"], 1, comment="I am Ana"))
    await driver.api.post(f"/api/v1/customers/{message['customer_id']}/erase")
    kept = (await driver.message(message["id"]))["feedback"]
    assert (kept["score"], kept.get("comment")) == (1, None)


async def test_each_ending_is_counted_once_and_silence_is_not_called_confirmed(driver: Any) -> None:
    good, bad, silent = [await an_answer(driver, verified("visitor", name)) for name in ("good", "bad", "silent")]
    thanked = await an_answer(driver, verified("visitor", "thanked"))
    await driver.propose(
        await driver.hear(received("widget", "Thanks, perfect!", verified("visitor", "thanked"))), ":)"
    )
    await driver.app.state.feedback(feedback(good["id"], 1))
    await driver.app.state.feedback(feedback(bad["id"], -1))
    handed = await driver.hear(received("widget", "A person please", verified("visitor", "handed")))
    await driver.propose(handed, "One comes.", "handoff", handoff="person")
    taken = await an_answer(driver, verified("visitor", "taken"))
    await driver.post(f"threads/{taken['thread_id']}/messages", text="Let me add something.")
    expected = {"confirmed": 2, "negative": 1, "handed_off": 1, "taken_over": 1}
    assert await resolutions(driver) == {"answered_last": 4, "pending": 1, **expected}
    await driver.rows("update message set created_at = created_at - interval '73 hours'")
    assert await resolutions(driver) == {"answered_last": 4, "assumed": 1, **expected}
    await driver.hear(received("widget", "It still does not work", verified("visitor", "silent")))
    assert await resolutions(driver) == {"answered_last": 4, "reopened": 1, **expected}
    await driver.hear(received("widget", "One more thing", verified("visitor", "thanked")))
    again = {"answered_last": 4, "reopened": 2, **expected, "confirmed": 1}
    assert await resolutions(driver) == again
    assert await resolutions(driver, channel="widget") == again
    assert await resolutions(driver, channel="email") == {}
    assert silent["thread_id"] != thanked["thread_id"]


async def test_feedback_is_heard_on_the_bus(outside: Any) -> None:
    added = await outside.hear(received("widget", "How long?", ANA))
    await outside.propose(added, "answer", "Three days.")
    request = await outside.wait(lambda: outside.requested or None)
    await outside.bus.publish(feedback(request[0].data.message_id, 1, added.customerid))
    for _ in range(1_000):
        if (await outside.messages(added.threadid))[-1]["feedback"]:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen in time")
