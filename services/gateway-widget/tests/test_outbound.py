"""From the bus to the browsers."""

from __future__ import annotations

import asyncio

import pytest

from onethread.contracts.messages import Channel
from onethread.contracts.questions import Delta
from onethread.contracts.replies import ReplyDelivered
from onethread.gateway_widget import socket
from onethread.gateway_widget.connections import WAITING_FRAMES
from onethread.gateway_widget.outbound import ADDED, DELTAS, FORWARDED
from onethread.runtime.bus import UnavailableError

EMAIL = Channel(id="email-local", kind="email")


@pytest.fixture
async def visitor(running, visitor_of):
    token = (await running.session())["session_token"]
    return token, visitor_of(token)


async def states(running) -> list[str]:
    return [event.data.state for event in running.bus.events(ReplyDelivered)]


def test_it_listens_where_the_others_speak():
    assert (ADDED, DELTAS, FORWARDED) == (
        "ot.*.message.added.>",
        "live.*.delta.widget",
        "live.*.reply.widget",
    )


async def test_a_reply_is_pushed_to_every_tab_of_its_place_and_told_delivered_once(running, visitor, a_reply):
    token, name = visitor
    reply = a_reply(name)
    async with running.browser(token) as one, running.browser(token) as two, running.browser() as stranger:
        await running.settled(3)
        await running.bus.replies(reply)
        for tab in (one, two):
            frame = await tab.hear()
            assert frame["type"] == "message"
            assert frame["message"]["id"] == str(reply.data.message_id)
            assert frame["message"]["cursor"] == "4"
            assert frame["message"]["author"] == {"kind": "agent", "name": None}
        assert await stranger.hears_nothing()
    assert await states(running) == ["delivered"]
    assert running.bus.live == []


async def test_a_reply_that_nobody_is_there_to_see_waits_and_the_other_replicas_hear_of_it(running, visitor, a_reply):
    _, name = visitor
    await running.bus.replies(a_reply(name))
    assert await states(running) == ["sent"]
    [(subject, body)] = running.bus.live
    assert subject == "live.local.reply.widget"
    await running.bus.hears(FORWARDED, body)  # by itself too: it has no socket, so nothing happens
    assert await states(running) == ["sent"]


async def test_a_reply_that_another_replica_took_is_pushed_here(running, visitor, a_reply):
    token, name = visitor
    async with running.browser(token) as browser:
        await running.settled(1)
        await running.bus.hears(FORWARDED, a_reply(name).to_json())
        assert (await browser.hear())["type"] == "message"
    assert await states(running) == ["delivered"]


async def test_a_reply_stays_on_the_bus_while_its_delivery_cannot_be_told(running, visitor, a_reply):
    _, name = visitor
    running.bus.away = True
    with pytest.raises(UnavailableError):
        await running.bus.replies(a_reply(name))


async def test_an_answer_appears_as_it_is_written(running, visitor, a_reply):
    token, name = visitor
    reply = a_reply(name)

    def delta(kind: str, text: str = "") -> Delta:
        known = {"thread_id": reply.threadid, "place": f"widget:{name}", "reply_id": reply.data.message_id}
        return Delta(kind=kind, text=text, **known)

    async with running.browser(token) as browser, running.browser() as stranger:
        await running.settled(2)
        await running.bus.hears(DELTAS, delta("typing"))
        await running.bus.hears(DELTAS, delta("delta", "Within "))
        assert await browser.hear() == {"type": "typing", "author": {"kind": "agent", "name": None}}
        assert await browser.hear() == {"type": "delta", "reply_id": str(reply.data.message_id), "text": "Within "}
        await running.bus.hears(DELTAS, delta("stop"))
        assert await browser.hear() == {"type": "stop", "reply_id": str(reply.data.message_id)}
        assert await stranger.hears_nothing()


async def test_what_one_tab_says_the_other_shows_under_the_same_key(running, visitor, added, a_message):
    token, name = visitor
    async with running.browser(token) as one, running.browser(token) as two:
        client_id = await one.say("Hi")
        await one.hear()
        await running.bus.hears(ADDED, added(a_message(1, client_id=f"{name}:{client_id}"), f"widget:{name}"))
        assert (await one.hear())["message"]["client_id"] == client_id
        assert (await two.hear())["message"]["client_id"] == client_id


async def test_of_what_is_said_elsewhere_each_browser_is_shown_what_conversation_lets_it_see(
    running, vouch, visitor_of, added, a_message, a_history
):
    said = [a_message(1), a_message(2, "teammate", EMAIL)]

    def history(question):
        signed_in = any(identity.kind == "site_user" for identity in question.identities)
        return a_history(*(said if signed_in and question.after is None else []))

    running.bus.history = history
    tokens = [(await running.session(identity_token=vouch("u-1")))["session_token"]]
    tokens.append((await running.session())["session_token"])
    async with running.browser(tokens[0]) as ana, running.browser(tokens[1]) as visitor:
        await running.settled(2)
        for token, browser in zip(tokens, (ana, visitor), strict=True):  # both are stitched to the same customer
            await running.bus.hears(ADDED, added(a_message(9), f"widget:{visitor_of(token)}"))
            assert (await browser.hear())["message"]["text"] == "said 9"
        await running.bus.hears(ADDED, added(said[1], "email:ana@shop.example"))
        assert [(await ana.hear())["message"]["channel"] for _ in said] == ["widget", "email"]
        assert await visitor.hears_nothing()


async def test_notes_and_system_lines_and_replies_that_come_by_delivery_are_not_pushed(
    running, vouch, visitor_of, added, a_message
):
    token = (await running.session(identity_token=vouch("u-1")))["session_token"]
    place = f"widget:{visitor_of(token)}"
    async with running.browser(token) as ana:
        await running.settled(1)
        await running.bus.hears(ADDED, added(a_message(1), place))
        await ana.hear()
        await running.bus.hears(ADDED, added(a_message(2, "teammate", None, note=True), None))
        await running.bus.hears(ADDED, added(a_message(3, "system"), place))
        await running.bus.hears(ADDED, added(a_message(4, "agent"), place))
        assert await ana.hears_nothing()


async def test_what_happens_during_a_resume_comes_behind_the_history(running, visitor, a_history, a_message, a_reply):
    token, name = visitor
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slowly(*_: object) -> object:
        asked.set()
        await answer.wait()
        return a_history(a_message(1))

    running.bus.ask = slowly
    async with running.browser(token) as browser:
        await browser.send(type="resume", after=None)
        await asked.wait()
        await running.bus.replies(a_reply(name, "after"))
        assert await browser.hears_nothing()
        answer.set()
        assert [(await browser.hear())["message"]["text"] for _ in range(2)] == ["said 1", "after"]


async def test_what_is_said_before_a_browser_resumes_comes_behind_what_it_missed(
    running, visitor, a_history, a_message, a_reply, monkeypatch
):
    monkeypatch.setattr(socket, "OPENING_SECONDS", 20)
    token, name = visitor
    running.bus.history = lambda _: a_history(a_message(1))
    async with running.browser(token) as browser:
        await running.settled(1)
        await running.bus.replies(a_reply(name, "after"))
        await browser.send(type="resume", after=None)
        assert [(await browser.hear())["message"]["text"] for _ in range(2)] == ["said 1", "after"]


async def test_a_browser_that_does_not_read_is_cut_off_and_the_others_go_on(running, visitor, visitor_of, a_reply):
    token, name = visitor
    other = (await running.session())["session_token"]
    slow_options = {"max_queue": 1, "max_size": None}
    async with running.browser(token, **slow_options) as slow, running.browser(other) as brisk:
        await running.settled(2)
        for _ in range(40):  # more than the buffers of the way and the queue together
            for _ in range(WAITING_FRAMES // 8):
                await running.bus.replies(a_reply(name, "x" * 20_000))
            if len(running.app.state.connections) == 1:
                break
        await running.settled(1)
        await running.bus.replies(a_reply(visitor_of(other), "still here"))
        assert (await brisk.hear())["message"]["text"] == "still here"
        slow.socket.transport.abort()
