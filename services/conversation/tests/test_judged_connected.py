"""What conversation tells knowledge of judged answers: the numbers that a confidence was made of, and no words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from plugins.conversation_world import asserted, received, verified

from onethread.contracts.envelope import now
from onethread.contracts.knowledge import Evidence, KnowledgeAnswerJudged
from onethread.contracts.messages import Source
from onethread.contracts.replies import Feedback, FeedbackReceived
from onethread.conversation.redacting import Traces, redact
from onethread.conversation.replay import verify

pytestmark = pytest.mark.connected
ANA, BO = verified("visitor", "ana"), verified("email", "bo@x.example")
SOURCE = Source(title="Delivery", url=None, document_id="delivery", score=0.9)
FOUND: dict[str, Any] = {
    "sources": [SOURCE],
    "evidence": Evidence(model="minilm", calibration="pooled-2", numbers=[0.5, 0.25]),
}


async def told(driver: Any) -> list[KnowledgeAnswerJudged]:
    rows = await driver.rows(
        "select body from outbox where type = 'onethread.knowledge.answer_judged.v1' order by position"
    )
    return [KnowledgeAnswerJudged.model_validate_json(row["body"]) for row in rows]


async def judgements(driver: Any) -> list[tuple[str, bool]]:
    return [(one.data.how, one.data.right) for one in await told(driver)]


async def judge(driver: Any, message_id: Any, score: int, **more: Any) -> None:
    event = FeedbackReceived(
        id=uuid4(), source="/gateway-widget", workspaceid="local", time=more.pop("at", now()),
        data=Feedback(message_id=message_id, score=score, **more),
    )  # fmt: skip
    await driver.app.state.feedback(event)


async def test_a_thumb_is_told_with_what_the_answer_was_found_by_and_whose_it_was(driver: Any) -> None:
    question = await driver.hear(received("widget", "How long, canary?", ANA))
    answer = await driver.propose(question, "Three days.", **FOUND)
    await judge(driver, answer["id"], -1)
    await judge(driver, answer["id"], 1, at=now() + timedelta(seconds=1))
    assert await judgements(driver) == [("thumb", False), ("thumb", True)]
    event = (await told(driver))[0]
    assert (event.subject, event.customerid) == (str(question["id"]), question["customer_id"])
    assert event.data.evidence == FOUND["evidence"]
    assert "canary" not in event.model_dump_json()
    assert [one async for one in verify(driver.url, "local")] == []


async def test_a_thumb_that_is_heard_of_late_or_twice_is_told_once(driver: Any) -> None:
    question = await driver.hear(received("widget", "How long?", ANA))
    answer = await driver.propose(question, "Three days.", **FOUND)
    at = now()
    for _ in range(2):
        await judge(driver, answer["id"], 1, at=at)
    await judge(driver, answer["id"], -1, at=at - timedelta(minutes=1))
    assert await judgements(driver) == [("thumb", True)]


async def test_a_score_of_the_service_and_an_answer_that_no_single_search_found_say_nothing(driver: Any) -> None:
    question = await driver.hear(received("widget", "How long?", ANA))
    answer = await driver.propose(question, "Three days.", **FOUND)
    await judge(driver, answer["id"], 1, scale="csat")
    by_hand = await driver.post(f"threads/{question['thread_id']}/messages", text="Or four.")
    await judge(driver, by_hand["id"], 1)
    other = await driver.hear(received("email", "How long and how much?", BO))
    in_parts = await driver.propose(other, "Three days. Nine euros.", sources=[SOURCE])
    await judge(driver, in_parts["id"], 1)
    assert await judgements(driver) == []


async def test_a_draft_is_right_when_it_is_sent_as_it_is_and_wrong_when_it_is_dismissed_as_that(driver: Any) -> None:
    await driver.agent(modes={"email": "draft"})

    async def draft(text: str) -> dict[str, Any]:
        return await driver.propose(await driver.hear(received("email", text, BO)), "Three days.", **FOUND)

    rewritten = await draft("And to Rome?")
    thread = f"threads/{(await driver.message(rewritten['question_id']))['thread_id']}/messages"
    await driver.post(thread, text="Four days.", draft_id=str(rewritten["id"]))
    for why in ("tone", "incomplete"):
        await driver.post(f"proposals/{(await draft(f'How long, {why}?'))['id']}/dismiss", reason=why)
    assert await judgements(driver) == []
    await driver.post(f"proposals/{(await draft('How long?'))['id']}/use")
    await driver.post(f"proposals/{(await draft('How much?'))['id']}/dismiss", reason="wrong")
    assert await judgements(driver) == [("used", True), ("dismissed", False)]


async def test_a_draft_whose_sending_is_taken_back_is_not_judged(driver: Any) -> None:
    await driver.agent(modes={"email": "draft"})
    question = await driver.hear(received("email", "How long?", BO))
    draft = await driver.propose(question, "Three days.", **FOUND)
    held = await driver.post(f"proposals/{draft['id']}/use", undo_seconds=20)
    (await driver.api.delete(f"/api/v1/threads/{question['thread_id']}/pending/{held['id']}")).raise_for_status()
    assert (await driver.proposal(draft["id"]))["state"] == "open"
    assert await judgements(driver) == []


async def test_whoever_proves_nothing_judges_nothing(driver: Any) -> None:
    forged = await driver.hear(received("email", "How long?", asserted("email", "bo@x.example")))
    answer = await driver.propose(forged, "Three days.", **FOUND)
    await judge(driver, answer["id"], -1)
    assert await judgements(driver) == []


async def test_of_an_erased_customer_neither_the_proposal_nor_the_log_keeps_the_numbers(driver: Any) -> None:
    question = await driver.hear(received("widget", "How long?", ANA))
    answer = await driver.propose(question, "Three days.", **FOUND)
    await judge(driver, answer["id"], -1)
    [event] = await told(driver)
    traces = Traces(
        customers=frozenset([question["customer_id"]]), threads=frozenset(), messages=frozenset(),
        guest_in=frozenset(), others=frozenset(), identities=(), said=(),
    )  # fmt: skip
    left = KnowledgeAnswerJudged.model_validate(redact(event.model_dump(mode="json"), traces))
    assert (left.data.how, left.data.right, left.data.evidence) == ("thumb", False, None)
    (await driver.api.post(f"/api/v1/customers/{question['customer_id']}/erase")).raise_for_status()
    assert (await driver.proposal(answer["id"]))["evidence"] is None
