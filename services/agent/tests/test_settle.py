"""How long is waited for more, and what ends a run."""

import asyncio
from uuid import uuid4

import pytest

from onethread.agent.bursts import Burst, Taken
from onethread.agent.settle import pause


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("How long does delivery take?", 0.0),
        ("how much is shipping to France", 0.0),
        ("Hi, do you ship to Japan?", 0.0),
        ("运费是多少?", 0.0),
        ("I want to speak to a human", 0.0),
        ("thanks, that helps", 0.0),
        ("2", 0.0),
        ("B)", 0.0),
        ("I ordered a fountain pen last week.", 1.0),
        ("Hi", 2.0),
        ("I have a problem with", 2.0),
        ("and?", 2.0),
    ],
)
def test_a_whole_question_is_answered_at_once_and_half_a_sentence_waited_for(text: str, seconds: float) -> None:
    assert pause(text, "widget", 2.0) == pause(text, "slack", 2.0) == seconds
    assert pause(text, "email", 2.0) == 0.0
    assert pause(text, "widget", 0.0) == 0.0


async def test_each_message_begins_a_new_pause_up_to_a_limit(added) -> None:
    burst, thread = Burst(), uuid4()
    burst.add(added("Hi", thread=thread))
    settled = asyncio.create_task(burst.settled(30.0))
    await asyncio.sleep(0)
    burst.add(added("How long does delivery take?", thread=thread, sequence=2))
    batch = await asyncio.wait_for(settled, 5)
    assert [event.data.message.text for event in batch] == ["Hi", "How long does delivery take?"]


async def test_a_burst_that_is_stopped_while_it_settles_has_nothing_to_answer(added) -> None:
    burst = Burst()
    burst.add(added("Hi"))
    settled = asyncio.create_task(burst.settled(30.0))
    await asyncio.sleep(0)
    burst.stop()
    assert await asyncio.wait_for(settled, 5) == []


async def test_a_run_ends_as_it_was_ended(added) -> None:
    burst = Burst()
    burst.add(added("x"))
    running = asyncio.create_task(burst.run(asyncio.create_task(asyncio.sleep(30))))
    await asyncio.sleep(0)
    burst.add(added("y"))
    assert await running == "overtaken"
    running = asyncio.create_task(burst.run(asyncio.create_task(asyncio.sleep(30))))
    await asyncio.sleep(0)
    burst.stop()
    assert await running == "stopped"
    assert await burst.run(asyncio.create_task(asyncio.sleep(0))) == "done"


async def test_a_run_does_not_outlive_who_waits_for_it() -> None:
    task = asyncio.create_task(asyncio.sleep(30))
    running = asyncio.create_task(Burst().run(task))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.sleep(0)
    assert task.cancelled()


def test_only_what_came_before_it_was_taken_is_people_s(added) -> None:
    taken, event = Taken(), added("x", sequence=5)
    assert not taken.before(event)
    taken.add(event.data.message.thread_id, 6)
    assert taken.before(event)
    taken.add(event.data.message.thread_id, 3)  # news that came late
    assert taken.before(event)
    taken = Taken()
    taken.add(event.data.message.thread_id, 5)
    assert not taken.before(event)
