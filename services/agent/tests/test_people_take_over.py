"""People take a thread while the agent works on it; customers write on while it answers."""

import asyncio
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from onethread.agent.answer import Answerer
from onethread.agent.turn import Turns
from onethread.contracts.messages import Author
from onethread.contracts.replies import ReplyProposed
from onethread.contracts.threads import AddedMessage, MessageAdded, TeammateName, ThreadAssigned, ThreadChange

ASKED = "What is your return policy?"
MARA = TeammateName(id=uuid4(), name="Mara")


@dataclass
class Heard:
    """What NATS hands over."""

    data: bytes


@dataclass
class SlowSearch:
    """Begins, and waits to be let go."""

    found: object

    def __post_init__(self) -> None:
        self.begun, self.go, self.ended = asyncio.Event(), asyncio.Event(), False

    async def __call__(self, question) -> object:
        self.begun.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.ended = True
            raise
        return self.found


def from_teammate(event: MessageAdded, *, sequence: int = 9, note: bool = False, kind: str = "teammate") -> Heard:
    said = event.data.message.model_copy(update={"id": uuid4(), "note": note, "author": Author(kind=kind, id=MARA.id)})
    thread = event.data.thread.model_copy(update={"sequence": sequence})
    return Heard(event.model_copy(update={"data": AddedMessage(message=said, thread=thread)}).to_json())


def assigned(event: MessageAdded, *, to: TeammateName | None, agent: str = "active", sequence: int = 9) -> Heard:
    thread = event.data.thread.model_copy(update={"assignee": to, "agent": agent, "sequence": sequence})
    change = ThreadAssigned(
        id=uuid4(), source="/conversation", workspaceid="local", threadid=thread.id, data=ThreadChange(thread=thread)
    )
    return Heard(change.to_json())


async def begun(bus, event: MessageAdded) -> tuple[Turns, SlowSearch, asyncio.Task]:
    search = SlowSearch(bus.found)
    turns = Turns(bus, Answerer(search, 0.6))
    running = asyncio.create_task(turns.take(event))
    await asyncio.wait_for(search.begun.wait(), 5)
    return turns, search, running


@pytest.mark.parametrize(
    "act",
    [
        from_teammate,
        lambda event: assigned(event, to=MARA),
        lambda event: assigned(event, to=None, agent="quiet"),
        lambda event: assigned(event, to=None, agent="off"),
    ],
    ids=["reply", "assigned", "quiet", "off"],
)
async def test_when_people_take_the_thread_the_agent_stops_at_once(bus, added, act) -> None:
    event = added(ASKED)
    turns, search, running = await begun(bus, event)
    await turns.on_people(act(event))
    await asyncio.wait_for(running, 5)  # done: it does not come again
    assert search.ended
    assert not bus.published
    assert not turns._bursts


@pytest.mark.parametrize(
    "act",
    [
        lambda event: from_teammate(event, note=True),
        lambda event: from_teammate(event, kind="agent"),
        lambda event: assigned(event, to=None),
        lambda event: from_teammate(event.model_copy(update={"data": _in_thread(event, uuid4())})),
    ],
    ids=["note", "own message", "unassigned", "another thread"],
)
async def test_what_is_no_taking_over_does_not_stop_it(bus, added, act) -> None:
    event = added(ASKED)
    turns, search, running = await begun(bus, event)
    await turns.on_people(act(event))
    search.go.set()
    await asyncio.wait_for(running, 5)
    assert [proposed.data.decision for proposed in bus.published] == ["answer"]


@pytest.mark.parametrize("mode", ["draft", "shadow"])
async def test_what_people_alone_read_is_finished(bus, added, mode) -> None:
    event = in_mode(added(ASKED), mode)
    turns, search, running = await begun(bus, event)
    await turns.on_people(from_teammate(event))
    search.go.set()
    await asyncio.wait_for(running, 5)
    assert isinstance(bus.published[0], ReplyProposed)
    assert not bus.live


async def test_a_message_from_before_the_taking_is_people_s_and_one_after_is_not(bus, turns, added) -> None:
    thread = uuid4()
    first = added(ASKED, thread=thread, sequence=2)
    await turns.on_people(from_teammate(first, sequence=5))
    await turns.take(first)
    assert not bus.published
    await turns.take(added(ASKED, thread=thread, sequence=8))
    assert len(bus.published) == 1


async def test_a_streamed_answer_that_is_stopped_is_taken_away(bus, added) -> None:
    event = added(ASKED)
    turns = Turns(bus, Answerer(bus.search, 0.6))
    say = bus.say_live

    async def say_live(subject, delta) -> None:
        await say(subject, delta)
        if delta.kind == "delta":
            await turns.on_people(from_teammate(event))
            await asyncio.sleep(0)

    bus.say_live = say_live
    await asyncio.wait_for(turns.take(event), 5)
    assert not bus.published
    assert [delta.kind for _, delta in bus.live] == ["delta", "stop"]
    assert len({delta.reply_id for _, delta in bus.live}) == 1


async def test_an_answer_that_a_new_message_overtakes_is_taken_away_too(bus, added) -> None:
    thread, more = uuid4(), []
    turns = Turns(bus, Answerer(bus.search, 0.6))
    say = bus.say_live

    async def say_live(subject, delta) -> None:
        await say(subject, delta)
        if not more:
            more.append(asyncio.create_task(turns.take(added("I mean unused pens", thread=thread, sequence=3))))
            await asyncio.sleep(0)

    bus.say_live = say_live
    await asyncio.wait_for(turns.take(added(ASKED, thread=thread, sequence=2)), 5)
    await asyncio.gather(*more)
    kinds = [(delta.kind, str(delta.reply_id)) for _, delta in bus.live]
    (proposed,) = bus.published
    first = kinds[0][1]
    assert ("stop", first) in kinds
    assert kinds[-1] == ("delta", str(proposed.data.reply_id))
    assert first != str(proposed.data.reply_id)


async def test_a_proposal_on_its_way_is_not_ended(bus, added) -> None:
    event = added(ASKED)
    turns = Turns(bus, Answerer(bus.search, 0.6))
    publish = bus.publish

    async def slow_publish(proposed, *tokens) -> None:
        await turns.on_people(from_teammate(event))
        await asyncio.sleep(0)
        await publish(proposed, *tokens)

    bus.publish = slow_publish
    await asyncio.wait_for(turns.take(event), 5)
    assert len(bus.published) == 1  # conversation knows that people were quicker


def in_mode(event: MessageAdded, mode: str) -> MessageAdded:
    return event.model_copy(update={"data": event.data.model_copy(update={"agent_mode": mode})})


def _in_thread(event: MessageAdded, thread: UUID) -> AddedMessage:
    state = event.data.thread.model_copy(update={"id": thread})
    said = event.data.message.model_copy(update={"thread_id": thread})
    return event.data.model_copy(update={"thread": state, "message": said})
