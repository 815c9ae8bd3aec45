"""A turn on a bus that records."""

import asyncio
from uuid import uuid4

import pytest

from onethread.agent.answer import Answerer
from onethread.agent.turn import Turns
from onethread.contracts.ids import derived_id
from onethread.contracts.knowledge import KnowledgeFound, KnowledgeGapFound
from onethread.contracts.replies import ReplyProposed
from onethread.runtime.bus import RefusedError, UnavailableError

ASKED = "What is your return policy?"


def proposal(bus) -> ReplyProposed:
    (event,) = [event for event in bus.published if isinstance(event, ReplyProposed)]
    return event


async def test_a_question_is_answered_from_its_article(bus, turns, added) -> None:
    event = added(ASKED)
    await turns.take(event)
    proposed = proposal(bus)
    assert proposed.data.decision == "answer"
    assert "30 days" in proposed.data.text
    assert [source.document_id for source in proposed.data.sources] == ["return-policy"]
    assert proposed.data.confidence == 0.9
    assert bus.searches[0].audience == "public"
    assert bus.searches[0].workspace == "local"


async def test_a_proposal_has_ids_that_a_second_try_has_too(bus, turns, added) -> None:
    event = added(ASKED)
    await turns.take(event)
    await turns.take(event)
    first, second = bus.published
    assert first.id == second.id == derived_id(event.id, "proposed")
    assert first.data == second.data
    assert first.data.reply_id == derived_id(event.data.message.id, "reply")
    assert first.data.message_id == event.data.message.id
    assert (first.threadid, first.customerid, first.causationid) == (event.threadid, event.customerid, event.id)


@pytest.mark.parametrize("fields", [{"may_answer": False}, {"author": "teammate"}, {"author": "agent"}])
async def test_what_is_not_the_agent_s_to_answer_gets_no_answer(bus, turns, added, fields) -> None:
    await turns.take(added(ASKED, **fields))
    assert not bus.published
    assert not bus.searches
    assert not bus.live


async def test_an_uncovered_question_is_handed_off_and_told_as_a_gap(bus, turns, added, returns) -> None:
    bus.found = KnowledgeFound(confidence=0.2, passages=[returns])
    await turns.take(added("Do you sell left-handed scissors?"))
    proposed, gap = bus.published
    assert proposed.data.decision == "handoff"
    assert "a person" in proposed.data.text
    assert "20%" in proposed.data.reason
    assert proposed.data.summary == "Ana Ruiz wrote: “Do you sell left-handed scissors?”."
    assert proposed.data.handoff == "unsure"
    assert proposed.data.topic == "Our return policy"
    assert not proposed.data.sources
    assert isinstance(gap, KnowledgeGapFound)
    assert gap.data.question == "Do you sell left-handed scissors?"
    assert gap.data.locale == "en"


def slow() -> UnavailableError:
    error = UnavailableError("svc.knowledge.search did not answer")
    error.__cause__ = TimeoutError()
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UnavailableError("no responders"), "The knowledge base is away"),
        (slow(), "The knowledge base is slow: its search took too long"),
        (RefusedError("x"), "The knowledge base could not search"),
    ],
)
async def test_without_knowledge_the_customer_gets_a_person_and_the_teammate_the_cause(
    bus, turns, added, error, reason
) -> None:
    bus.found = error
    await turns.take(added(ASKED))
    assert proposal(bus).data.decision == "handoff"
    assert proposal(bus).data.handoff == "trouble"
    assert proposal(bus).data.reason == reason
    assert "person" in proposal(bus).data.text
    assert len(bus.published) == 1  # that is no gap in the knowledge


@pytest.mark.parametrize(
    ("text", "decision", "confidence"),
    [
        ("hello!", "answer", 1.0),
        ("thanks, that helps", "answer", 1.0),
        ("a human please", "handoff", 0.0),
    ],
)
async def test_some_messages_need_no_search(bus, turns, added, text, decision, confidence) -> None:
    await turns.take(added(text))
    assert not bus.searches
    assert proposal(bus).data.decision == decision
    assert proposal(bus).data.confidence == confidence
    assert not proposal(bus).data.sources


async def test_the_widget_sees_the_answer_as_it_is_written(bus, turns, added) -> None:
    event = added(ASKED)
    await turns.take(event)
    subject, first = bus.live[0]
    assert subject == "live.local.delta.widget"
    assert (first.kind, first.place, first.thread_id) == ("delta", "visitor/1", event.data.message.thread_id)
    assert {delta.reply_id for _, delta in bus.live} == {proposal(bus).data.reply_id}
    assert "".join(delta.text for _, delta in bus.live).strip() == proposal(bus).data.text


@pytest.mark.parametrize("kind", ["email", "slack"])
async def test_other_channels_hear_nothing_before_the_answer_is_whole(bus, turns, added, kind) -> None:
    await turns.take(added(ASKED, kind=kind))
    assert not bus.live
    assert ("Hello Ana," in proposal(bus).data.text) == (kind == "email")


async def test_nobody_watches_a_draft_being_written(bus, turns, added) -> None:
    event = added(ASKED)
    drafting = event.data.thread.model_copy(update={"agent": "drafting"})
    await turns.take(event.model_copy(update={"data": event.data.model_copy(update={"thread": drafting})}))
    assert not bus.live
    assert proposal(bus).data.decision == "answer"


async def test_a_lost_delta_does_not_lose_the_answer(bus, turns, added) -> None:
    async def broken(subject, body) -> None:
        raise ConnectionError

    bus.say_live = broken
    await turns.take(added(ASKED))
    assert proposal(bus).data.decision == "answer"


async def test_a_proposal_that_the_bus_did_not_take_is_tried_again(bus, turns, added) -> None:
    bus.publish_fails = [UnavailableError("x")]
    event = added(ASKED)
    with pytest.raises(UnavailableError):
        await turns.take(event)
    await turns.take(event)
    assert proposal(bus).data.decision == "answer"


async def test_a_burst_gets_one_answer_to_all_of_it(bus, added) -> None:
    thread = uuid4()
    turns = Turns(bus, Answerer(bus.search, 0.6), settle=0.02)
    burst = [added(text, thread=thread, sequence=n) for n, text in enumerate(["Hi", ASKED, "thanks"], 1)]
    await asyncio.gather(*map(turns.take, burst))
    assert proposal(bus).data.message_id == burst[-1].data.message.id
    assert "30 days" in proposal(bus).data.text


async def test_a_message_during_the_search_restarts_the_turn(bus, turns, added) -> None:
    thread = uuid4()
    second = added("I mean unused pens", thread=thread, sequence=2)
    begun = asyncio.Event()

    async def search(question):
        begun.set()
        await asyncio.sleep(0.02)
        return KnowledgeFound(confidence=0.9, passages=[bus_passage])

    bus_passage = bus.found.passages[0]
    turns = Turns(bus, Answerer(search, 0.6))
    running = asyncio.create_task(turns.take(added(ASKED, thread=thread)))
    await begun.wait()
    await asyncio.gather(running, turns.take(second))
    assert proposal(bus).data.message_id == second.data.message.id


async def test_a_customer_who_never_stops_is_answered_all_the_same(bus, added) -> None:
    thread, more, running = uuid4(), iter(range(2, 30)), []

    async def search(question):
        if len(running) < 20:
            running.append(asyncio.create_task(turns.take(added("and more?", thread=thread, sequence=next(more)))))
        await asyncio.sleep(0)
        return bus.found

    turns = Turns(bus, Answerer(search, 0.6))
    await asyncio.wait_for(turns.take(added(ASKED, thread=thread)), 5)
    assert bus.published
    while not all(task.done() for task in running):
        await asyncio.gather(*running)
    assert not turns._bursts


async def test_threads_do_not_wait_for_each_other(bus, added) -> None:
    gate = asyncio.Event()

    async def search(question):
        if "slow" in question.query:
            await gate.wait()
        return bus.found

    turns = Turns(bus, Answerer(search, 0.6))
    slow = asyncio.create_task(turns.take(added("slow return policy question")))
    await asyncio.sleep(0)
    await asyncio.wait_for(turns.take(added(ASKED)), 2)
    gate.set()
    await slow
    assert len(bus.published) == 2


async def test_a_follow_up_is_searched_with_the_question_before_it(bus, turns, added, message) -> None:
    thread = uuid4()
    bus.said = [
        message("How much is shipping?", thread=thread),
        message("€4.90", thread=thread, sequence=2, author="agent"),
    ]
    event = added("and to France?", thread=thread, sequence=3)
    await turns.take(event)
    assert bus.searches[0].query == "How much is shipping?\nand to France?"
    (asked,) = bus.histories
    assert (asked.thread_id, asked.place, asked.workspace) == (thread, "visitor/1", "local")


async def test_a_short_question_that_finds_nothing_is_tried_with_the_one_before_it(
    bus, turns, added, message, returns
) -> None:
    thread = uuid4()
    bus.said = [message("How much is shipping?", thread=thread)]
    bus.found = lambda query: KnowledgeFound(confidence=0.9 if "shipping" in query else 0.1, passages=[returns])
    await turns.take(added("France", thread=thread, sequence=3))
    assert [search.query for search in bus.searches] == ["France", "How much is shipping?\nFrance"]


async def test_a_whole_question_asks_for_no_history(bus, turns, added) -> None:
    await turns.take(added("How do I return an unused fountain pen?"))
    assert not bus.histories


async def test_without_history_the_question_stands_alone(bus, turns, added) -> None:
    bus.said = UnavailableError("x")
    await turns.take(added("and the return policy?"))
    assert bus.searches[0].query == "and the return policy?"
    assert proposal(bus).data.decision == "answer"


async def test_notes_are_not_history(bus, turns, added, message) -> None:
    thread = uuid4()
    bus.said = [message("secret note question about refunds", thread=thread, note=True)]
    await turns.take(added("and that?", thread=thread, sequence=3))
    assert all("secret" not in search.query for search in bus.searches)


async def test_what_was_moved_here_counts_by_where_it_stands(bus, turns, added, message) -> None:
    thread = uuid4()
    moved = message("What is your return policy?", thread=thread, sequence=9).model_copy(update={"position": 1})
    later = message("I wrote more about shipping", thread=thread, sequence=2).model_copy(update={"position": 9})
    bus.said = [moved, later]
    event = added("and for shoes?", thread=thread, sequence=3)
    stands = event.data.message.model_copy(update={"position": 5})
    await turns.take(event.model_copy(update={"data": event.data.model_copy(update={"message": stands})}))
    asked = " ".join(search.query for search in bus.searches)
    assert "return policy" in asked
    assert "shipping" not in asked


@pytest.mark.parametrize("text", ["", "  \n "])
async def test_a_message_without_text_gets_a_person(bus, turns, added, text) -> None:
    await turns.take(added(text))
    assert proposal(bus).data.decision == "handoff"
    assert "no text" in proposal(bus).data.reason


async def test_a_mail_with_nothing_but_a_subject_is_answered(bus, turns, added) -> None:
    event = added("")
    mail = event.data.message.model_copy(update={"subject": ASKED})
    await turns.take(event.model_copy(update={"data": event.data.model_copy(update={"message": mail})}))
    assert proposal(bus).data.decision == "answer"


async def test_a_fault_of_the_agent_ends_at_a_person_too(bus, turns, added) -> None:
    bus.found = ZeroDivisionError("a bug")
    await turns.take(added(ASKED))
    assert proposal(bus).data.decision == "handoff"
    assert "failed" in proposal(bus).data.reason
