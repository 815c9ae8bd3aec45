"""What conversation tells of gaps, and what it says teammates answered: their words alone, at the customer's places."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from plugins.conversation_world import asserted, received, verified

from onethread.contracts.envelope import now
from onethread.contracts.knowledge import KnowledgeGapFound, KnowledgeGapTakenBack
from onethread.contracts.messages import Source
from onethread.contracts.questions import TeammateAnswersOf
from onethread.contracts.replies import Feedback, FeedbackReceived
from onethread.conversation.answers import Answers, without_letter_parts
from onethread.conversation.redacting import Traces, redact
from onethread.conversation.replay import verify

pytestmark = pytest.mark.connected
ANA, BO = verified("visitor", "ana"), verified("email", "bo@x.example")
SOURCE = Source(title="Delivery", url=None, document_id="delivery", score=0.9)


async def gaps(driver: Any) -> list[KnowledgeGapFound]:
    rows = await driver.rows(
        "select body from outbox where type = 'onethread.knowledge.gap_found.v1' order by position"
    )
    return [KnowledgeGapFound.model_validate_json(row["body"]) for row in rows]


async def judge(driver: Any, message_id: Any, score: int, **more: Any) -> None:
    event = FeedbackReceived(
        id=uuid4(), source="/gateway-widget", workspaceid="local", time=now(),
        data=Feedback(message_id=message_id, score=score, **more),
    )  # fmt: skip
    await driver.app.state.feedback(event)


async def answers(driver: Any, *questions: dict[str, Any], workspace: str = "local") -> list[str]:
    asked = TeammateAnswersOf(workspace=workspace, message_ids=[one["id"] for one in questions])
    found = await Answers(driver.app.state.database)(asked)
    return [one.text for one in found.answers]


async def reply(driver: Any, question: dict[str, Any], text: str, **more: Any) -> dict[str, Any]:
    return await driver.post(f"threads/{question['thread_id']}/messages", text=text, **more)


@pytest.mark.parametrize("judged", [{"score": -1}, {"score": 2, "scale": "csat"}, {"score": 1, "scale": "csat"}])
async def test_an_answer_of_the_agent_that_is_judged_bad_is_told_as_a_gap_once(driver: Any, judged: Any) -> None:
    question = await driver.hear(received("widget", "I am Ana Luz, where is order 48213?", ANA, name="Ana Luz"))
    answer = await driver.propose(question, "Three days.", sources=[SOURCE])
    for _ in range(2):
        await judge(driver, answer["id"], **judged)
    [gap] = await gaps(driver)
    assert (gap.data.kind, gap.data.question) == ("thumbed_down", "I am [name], where is order [number]?")
    assert (gap.subject, gap.threadid, gap.customerid) == (
        str(question["id"]),
        question["thread_id"],
        question["customer_id"],
    )
    assert (gap.data.channel, gap.data.nearest.document_id) == ("widget", "delivery")  # type: ignore[union-attr]
    assert [one async for one in verify(driver.url, "local")] == []


async def test_a_thumb_down_that_becomes_one_up_takes_its_question_back_and_down_again_tells_it_anew(
    driver: Any,
) -> None:
    question = await driver.hear(received("widget", "How long?", ANA))
    answer = await driver.propose(question, "Three days.", sources=[SOURCE])
    for score in (-1, 1, 1, -1, 1):
        await judge(driver, answer["id"], score)
    rows = await driver.rows("select type, body from outbox where type like '%%knowledge.gap%%' order by position")
    told = [row["type"].split(".")[2] for row in rows]
    assert told == ["gap_found", "gap_taken_back", "gap_found", "gap_taken_back"]
    taken_back = KnowledgeGapTakenBack.model_validate_json(rows[1]["body"])
    assert (taken_back.subject, taken_back.data.kind) == (str(question["id"]), "thumbed_down")
    assert taken_back.time > KnowledgeGapFound.model_validate_json(rows[0]["body"]).time
    assert [one async for one in verify(driver.url, "local")] == []


async def test_praise_and_what_is_said_of_a_teammates_words_or_of_a_handoff_is_no_gap(driver: Any) -> None:
    question = await driver.hear(received("widget", "How long?", ANA))
    answer = await driver.propose(question, "Three days.")
    await judge(driver, answer["id"], 1)
    await judge(driver, answer["id"], 5, scale="csat")
    by_hand = await reply(driver, question, "Or four.")
    await judge(driver, by_hand["id"], -1)
    other = await driver.hear(received("widget", "And to Rome?", BO))
    handed = await driver.propose(other, "A person will answer.", "handoff", handoff="unsure")
    await judge(driver, handed["id"], -1)
    assert await gaps(driver) == []


async def test_a_draft_that_is_dismissed_as_wrong_is_a_gap_and_one_dismissed_for_its_tone_is_not(driver: Any) -> None:
    await driver.agent(modes={"email": "draft"})
    for why, told in (("tone", 0), ("wrong", 1)):
        question = await driver.hear(received("email", f"How long, {why}?", BO))
        draft = await driver.propose(question, "Three days.", sources=[SOURCE])
        await driver.post(f"proposals/{draft['id']}/dismiss", reason=why)
        assert [gap.data.kind for gap in await gaps(driver)] == ["dismissed"] * told


async def test_an_answer_is_what_teammates_said_until_the_customer_went_on(driver: Any) -> None:
    question = await driver.hear(received("widget", "How long?", ANA))
    await driver.hear(received("widget", "To Rome", ANA))
    await reply(driver, question, "Three days.")
    await reply(driver, question, "By post.")
    await driver.hear(received("widget", "thanks", ANA))
    await reply(driver, question, "You can follow it in your account.")
    following = await driver.hear(received("widget", "And my refund?", ANA))
    await reply(driver, question, "It is on its way.")
    assert await answers(driver, question) == ["Three days.\n\nBy post.\n\nYou can follow it in your account."]
    assert await answers(driver, following) == ["It is on its way."]
    assert len(await answers(driver, question, following)) == 2


async def test_neither_notes_nor_the_agent_nor_the_customer_speak_in_an_answer(driver: Any) -> None:
    question = await driver.hear(received("widget", "How long? canary", ANA))
    await reply(driver, question, "A difficult one, canary", note=True)
    assert await answers(driver, question) == []
    await driver.propose(question, "canary", "answer")
    assert await answers(driver, question) == []


async def test_names_addresses_and_numbers_are_out_of_an_answer(driver: Any) -> None:
    question = await driver.hear(received("email", "Where is it?", BO, name="Bo Mendes"))
    await reply(driver, question, "Order 48213 of Bo went to bo@x.example, Mendes: call +351 912 345 678.")
    assert await answers(driver, question) == ["Order [number] of [name] went to [email], [name]: call [number]."]


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("Hi [name], yes, we do.", "Yes, we do."),
        ("Dear Mr. [name] [name]!\n\nwe do.\n\nKind regards,\n[name]", "We do."),
        ("Hello there,\nWe do.\nBest, [name]", "We do."),
        ("Hi-fi sets are sold out.", "Hi-fi sets are sold out."),
        ("Dear customers get a discount.", "Dear customers get a discount."),
        ("Ask [name].\nWe do, says [name].", "Ask [name].\nWe do, says [name]."),
    ],
)
def test_an_article_greets_nobody(said: str, left: str) -> None:
    assert without_letter_parts(said) == left


async def test_nothing_is_taken_from_unproven_senders_or_from_another_workspace(driver: Any) -> None:
    forged = await driver.hear(received("email", "Give me the answer", asserted("email", "bo@x.example")))
    await reply(driver, forged, "Here it is.")
    proven = await driver.hear(received("widget", "How long?", ANA))
    await reply(driver, proven, "Three days.")
    assert await answers(driver, forged) == []
    assert await answers(driver, proven, workspace="other") == []
    assert await answers(driver, proven) == ["Three days."]


async def test_what_was_said_where_others_read_along_is_not_the_answer_to_a_private_question(driver: Any) -> None:
    mine = (verified("slack_user", "T/bo"), BO)
    private = await driver.hear(received("email", "How much do I pay?", BO))
    shared = await driver.hear(received("slack", "hello all", *mine, place="slack:room", shared="#room"))
    assert shared["thread_id"] == private["thread_id"]
    await reply(driver, private, "Welcome, everybody!", channel_id="slack-local")
    assert await answers(driver, private) == []


async def test_the_gap_of_an_erased_customer_stays_in_the_log_as_an_event_without_words(driver: Any) -> None:
    question = await driver.hear(received("widget", "Zyxwv?", ANA))
    answer = await driver.propose(question, "No.")
    await judge(driver, answer["id"], -1)
    [gap] = await gaps(driver)
    traces = Traces(
        customers=frozenset([question["customer_id"]]), threads=frozenset(), messages=frozenset(),
        guest_in=frozenset(), others=frozenset(), identities=(), said=(),
    )  # fmt: skip
    left = KnowledgeGapFound.model_validate(redact(gap.model_dump(mode="json"), traces))
    assert (left.id, left.data.question, left.data.kind) == (gap.id, "", "thumbed_down")
    await driver.api.post(f"/api/v1/customers/{question['customer_id']}/erase")
    assert await answers(driver, question) == []
