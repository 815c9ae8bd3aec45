"""What the customer has looked at is told once, and only what they may have been sent."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from onethread.contracts.ids import derived_id
from onethread.contracts.messages import Channel
from onethread.contracts.replies import ReplyDelivered


@pytest.fixture
async def visitor(running, visitor_of):
    token = (await running.session())["session_token"]
    return token, visitor_of(token)


def seen(running) -> list:
    return [event for event in running.bus.events(ReplyDelivered) if event.data.state == "seen"]


async def read(browser, *messages) -> None:
    for message in messages:
        await browser.send(type="read", message_id=str(message))
    await browser.handled()
    await asyncio.sleep(0.05)  # it is worked out aside, from memory


async def test_a_reply_that_was_pushed_and_looked_at_is_seen_once_with_those_before_it(running, visitor, a_reply):
    token, name = visitor
    replies = [a_reply(name, str(number)) for number in range(3)]
    first, second, third = (reply.data.message_id for reply in replies)
    async with running.browser(token) as browser, running.browser(token) as other:
        await running.settled(2)
        for reply in replies:
            await running.bus.replies(reply)
        await read(browser, second, second, first)
        assert [event.data.message_id for event in seen(running)] == [first, second]
        await read(other, third, second)
    told = seen(running)
    assert {event.id for event in told} == {derived_id(one, f"seen\n{name}") for one in (first, second, third)}
    assert {(event.workspaceid, event.threadid) for event in told} == {("local", replies[0].threadid)}
    assert {event.source for event in told} == {"/gateway-widget"}


async def test_what_came_with_the_session_is_seen_when_conversation_shows_it(running, visitor, a_history, a_message):
    answers = [
        a_message(n, "agent", state=state) for n, state in ((2, "seen"), (3, "delivered"), (4, "sent"), (5, "sent"))
    ]
    running.bus.history = lambda _: a_history(a_message(1), *answers)
    async with running.browser(visitor[0]) as browser:
        await read(browser, answers[2].id)
    assert [event.data.message_id for event in seen(running)] == [answers[1].id, answers[2].id]


async def test_a_reply_that_was_pushed_is_seen_with_what_came_with_the_session(
    running, visitor, a_history, a_message, a_reply
):
    token, name = visitor
    before, reply = a_message(1, "agent", state="delivered"), a_reply(name)
    pushed = a_message(4, "agent", id=reply.data.message_id, state="sent")
    running.bus.history = lambda _: a_history(before, pushed)
    async with running.browser(token) as browser:
        await running.settled(1)
        await running.bus.replies(reply)
        await read(browser, pushed.id)
        second = a_reply(name)
        await running.bus.replies(second)
        await read(browser, second.data.message_id)
    assert [event.data.message_id for event in seen(running)] == [before.id, pushed.id, second.data.message_id]
    assert len(running.bus.asked) == 1


async def test_who_sees_what_came_on_another_channel_has_seen_what_stood_before_it(
    running, visitor, a_history, a_message
):
    answer = a_message(1, "agent", state="delivered")
    by_mail = a_message(2, "teammate", Channel(id="e", kind="email"), state="sent")
    running.bus.history = lambda _: a_history(answer, by_mail, a_message(3, "agent", state="sent"))
    async with running.browser(visitor[0]) as browser:
        await read(browser, by_mail.id, by_mail.id)
    assert [event.data.message_id for event in seen(running)] == [answer.id]
    assert len(running.bus.asked) == 1


async def test_what_this_visitor_cannot_have_been_sent_is_not_seen(running, visitor, a_history, a_message, a_reply):
    foreign = a_reply("somebody-else")
    said = a_message(1)
    running.bus.history = lambda _: a_history(said, a_message(2, "agent", state="sent"))
    await running.bus.replies(foreign)
    async with running.browser(visitor[0]) as browser:
        await read(browser, foreign.data.message_id, uuid4(), said.id)
    assert seen(running) == []


async def test_what_could_not_be_told_is_told_by_the_next_look(running, visitor, a_reply):
    token, name = visitor
    reply = a_reply(name)
    async with running.browser(token) as browser:
        await running.settled(1)
        await running.bus.replies(reply)
        running.bus.away = True
        await read(browser, reply.data.message_id)
        running.bus.away = False
        await read(browser, reply.data.message_id)
    assert [event.data.message_id for event in seen(running)] == [reply.data.message_id]
