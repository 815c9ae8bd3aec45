"""From the browser to the bus, over a real WebSocket."""

from __future__ import annotations

import json
import time
from uuid import UUID, uuid4

import pytest
from websockets.exceptions import InvalidStatus

from onethread.contracts.envelope import now
from onethread.contracts.ids import lane, received_id
from onethread.contracts.messages import MessageFeedback, MessageReceived
from onethread.contracts.replies import FeedbackReceived, ReplyDelivered
from onethread.gateway_widget import catching_up, connections
from onethread.gateway_widget.sessions import Session, session_token

from .conftest import gateway_on, until


async def test_a_message_is_acknowledged_with_its_id_after_it_is_durable(running, visitor_of):
    token = (await running.session())["session_token"]
    async with running.browser(token) as browser:
        assert browser.socket.subprotocol == "onethread.v1"
        running.bus.gate.clear()
        client_id = await browser.say("Where is my order?")
        assert await browser.hears_nothing()
        running.bus.gate.set()
        ack = await browser.hear()
    [(event, tokens)] = running.bus.published
    visitor = visitor_of(token)
    assert event.id == received_id("local", "local", f"{visitor}:{client_id}")
    assert ack == {"type": "ack", "client_id": client_id, "message_id": str(event.id)}
    assert tokens == ("widget", lane(visitor))
    assert event.data.text == "Where is my order?"
    assert event.traceparent


async def test_a_signed_in_persons_message_carries_what_they_proved(running, vouch):
    token = (await running.session(identity_token=vouch("u-1")))["session_token"]
    async with running.browser(token) as browser:
        await browser.say("Hi")
        await browser.hear()
    [event] = running.bus.events(MessageReceived)
    assert [(one.kind, one.trust) for one in event.data.identities] == [
        ("site_user", "verified"),
        ("email", "verified"),
        ("visitor", "verified"),
    ]
    assert event.data.name == "Ana Ruiz"


async def test_messages_sent_at_once_are_stored_in_their_order(running):
    async with running.browser() as browser:
        sent = [await browser.say(str(number)) for number in range(15)]
        acks = [(await browser.hear())["client_id"] for _ in sent]
    assert acks == sent
    assert [event.data.text for event in running.bus.events(MessageReceived)] == [str(n) for n in range(15)]


async def test_a_message_sent_twice_is_acknowledged_twice_and_is_one(running):
    async with running.browser() as browser:
        client_id = await browser.say("Hi")
        await browser.say("Hi", client_id)
        first, second = await browser.hear(), await browser.hear()
    assert first == second
    assert len({event.id for event in running.bus.events(MessageReceived)}) == 1


async def test_without_the_bus_the_browser_is_told_to_try_again_and_then_succeeds(running):
    async with running.browser() as browser:
        running.bus.away = True
        client_id = await browser.say("Hi")
        refused = await browser.hear()
        assert (refused["type"], refused["code"], refused["client_id"]) == ("error", "try_again", client_id)
        running.bus.away = False
        await browser.say("Hi", client_id)
        assert (await browser.hear())["type"] == "ack"


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "{",
        "[]",
        "null",
        '{"type":"dance"}',
        '{"type":"message","text":"no id"}',
        '{"type":"message","client_id":"x","text":"Hi"}',
        b"\x00\x01",
        "[" * 20_000,
    ],
)
async def test_a_malformed_frame_is_told_so_and_the_talk_goes_on(running, raw):
    async with running.browser() as browser:
        await browser.socket.send(raw)
        assert (await browser.hear())["code"] == "malformed"
        await browser.say("Hi")
        assert (await browser.hear())["type"] == "ack"


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"text": "x" * 8_001}, "too_long"),
        ({"text": "x" * 33_000}, "too_large"),
        ({"text": "é" * 17_000}, "too_large"),
        ({"text": "  "}, "malformed"),
        ({"text": "Look", "attachments": [{"name": "a.png"}]}, "unsupported"),
    ],
)
async def test_a_message_that_cannot_be_taken_is_refused_by_name(running, frame, code):
    client_id = str(uuid4())
    async with running.browser() as browser:
        await browser.socket.send(text_of({"type": "message", "client_id": client_id, **frame}))
        refused = await browser.hear()
    assert (refused["type"], refused["code"], refused["client_id"]) == ("error", code, client_id)
    assert refused["message"].endswith(".")
    assert running.bus.published == []


def text_of(frame: dict) -> str:
    return json.dumps(frame, ensure_ascii=False)


async def test_the_longest_message_is_taken_whatever_its_script(running):
    async with running.browser() as browser:
        await browser.socket.send(text_of({"type": "message", "client_id": str(uuid4()), "text": "🙂" * 8_000}))
        assert (await browser.hear())["type"] == "ack"


async def test_a_flood_is_slowed_down_and_nothing_of_it_is_lost_by_surprise(running, settings):
    running.app.state.settings = settings.model_copy(update={"widget_rate": 0.01})  # however long it takes
    async with running.browser() as browser:
        sent = [await browser.say("Hi") for _ in range(30)]
        heard = [await browser.hear() for _ in sent]
    refused = [frame for frame in heard if frame["type"] == "error"]
    assert {frame["code"] for frame in refused} == {"slow_down"}
    assert len(refused) == 10
    assert [frame["client_id"] for frame in heard] == sent


async def test_the_limit_can_be_switched_off(running, settings):
    running.app.state.settings = settings.model_copy(update={"widget_rate": 0})
    async with running.browser() as browser:
        for _ in range(60):
            await browser.say("Hi")
        assert [(await browser.hear())["type"] for _ in range(60)] == ["ack"] * 60


@pytest.mark.parametrize("token", ["nonsense", "a.b.c"])
async def test_a_bad_token_closes_with_4401(running, token):
    async with running.browser(token) as browser:
        assert await browser.closed() == 4401
    assert len(running.app.state.connections) == 0


async def test_a_session_of_another_channel_has_no_socket_here(running):
    for session in (Session("local", "other", "v-1"), Session("acme", "local", "v-1")):
        token = session_token(session, running.app.state.settings.session_secret.get_secret_value(), now())
        async with running.browser(token) as browser:
            assert await browser.closed() == 4401


async def test_a_page_of_a_wrong_origin_gets_no_socket(settings, memory_bus):
    choosy = settings.model_copy(update={"widget_origins": "https://shop.example/, http://b.example"})
    async with gateway_on(choosy, memory_bus) as running:
        token = (await running.session())["session_token"]
        with pytest.raises(InvalidStatus) as refused:
            async with running.browser(token, origin="https://evil.example"):
                pass
        assert refused.value.response.status_code == 403
        for origin in ("https://shop.example", "http://b.example", None):
            async with running.browser(token, origin=origin) as browser:
                await browser.say("Hi")
                assert (await browser.hear())["type"] == "ack"


async def test_a_resume_brings_what_came_after_the_cursor(running, a_history, a_message):
    reply = a_message(2, "agent", state="sent")
    running.bus.history = lambda _: a_history(reply)
    async with running.browser() as browser:
        await browser.send(type="resume", after="7:1")
        frame = await browser.hear()
        await until(lambda: running.bus.events(ReplyDelivered))
    assert running.bus.asked[-1].after == "7:1"
    assert frame["type"] == "message"
    assert frame["message"]["id"] == str(reply.id)
    assert frame["message"]["cursor"] == "2"
    assert [event.data.message_id for event in running.bus.events(ReplyDelivered)] == [reply.id]


async def test_a_long_history_comes_whole_page_by_page(running, a_history, a_message):
    messages = [a_message(number) for number in range(450)]

    def page(question):
        after = -1 if question.after is None else int(question.after)
        return a_history(*[m for m in messages if m.sequence > after][:200])

    running.bus.history = page
    async with running.browser() as browser:
        await browser.send(type="resume", after=None)
        heard = [(await browser.hear())["message"]["text"] for _ in messages]
    assert heard == [message.text for message in messages]


async def test_a_resume_waits_for_conversation_and_holds_nothing_up(running, a_history, a_message, monkeypatch):
    monkeypatch.setattr(catching_up, "RESUME_WAITS", (0.05,))
    running.bus.history = None
    async with running.browser() as browser:
        await browser.send(type="resume", after=None)
        await browser.say("Hi")
        assert (await browser.hear())["type"] == "ack"
        running.bus.history = lambda _: a_history(a_message(1))
        assert (await browser.hear())["message"]["text"] == "said 1"


async def test_what_was_said_while_the_bus_was_away_is_brought_when_it_is_back(
    running, a_history, a_message, monkeypatch
):
    monkeypatch.setattr(connections, "REFRESH_SECONDS", 0)
    async with running.browser() as browser:
        await browser.say("Hi")
        assert (await browser.hear())["type"] == "ack"
        running.bus.history = lambda _: a_history(a_message(1))
        running.bus.comes_back()
        assert (await browser.hear())["message"]["text"] == "said 1"


async def test_a_history_that_cannot_be_read_closes_the_socket_for_another_try(running):
    def broken(_):
        raise ValueError("not a history")

    running.bus.history = broken
    async with running.browser() as browser:
        await browser.send(type="resume", after=None)
        assert await browser.closed() == 1011


async def test_feedback_is_an_event_and_is_answered_by_nothing(running):
    message_id = uuid4()
    async with running.browser() as browser:
        await browser.send(type="feedback", message_id=str(message_id), score=1)
        await browser.send(type="ping")
        client_id = await browser.say("Hi")
        assert (await browser.hear())["client_id"] == client_id, "the first that is heard"
    [event] = running.bus.events(FeedbackReceived)
    assert (event.data.message_id, event.data.score) == (message_id, 1)


async def test_a_thumb_with_a_key_is_acknowledged_once_it_is_durable(running):
    message_id, key = str(uuid4()), str(uuid4())
    async with running.browser() as browser:
        running.bus.away = True
        await browser.send(type="feedback", client_id=key, message_id=message_id, score=-1)
        refused = await browser.hear()
        assert (refused["type"], refused["code"], refused["client_id"]) == ("error", "try_again", key)
        running.bus.away = False
        await browser.send(type="feedback", client_id=key, message_id=message_id, score=-1)
        assert await browser.hear() == {"type": "ack", "client_id": key, "message_id": message_id}


async def test_up_down_and_up_again_are_three_verdicts_and_the_same_one_sent_twice_is_one(running):
    message_id, first = str(uuid4()), str(uuid4())
    async with running.browser() as browser:
        for key, score in [(first, 1), (str(uuid4()), -1), (str(uuid4()), 1), (first, 1)]:
            await browser.send(type="feedback", client_id=key, message_id=message_id, score=score)
            await browser.hear()
    up, down, again, twice = running.bus.events(FeedbackReceived)
    assert len({up.id, down.id, again.id}) == 3
    assert twice.id == up.id


async def test_the_thumb_that_was_given_comes_back_with_the_history(running, a_history, a_message):
    given = MessageFeedback(score=-1, scale="thumbs", at=now())
    stars = MessageFeedback(score=1, scale="csat", at=now())
    judged = [a_message(1), a_message(2).model_copy(update={"feedback": given})]
    running.bus.history = lambda _: a_history(*judged, a_message(3).model_copy(update={"feedback": stars}))
    async with running.browser() as browser:
        await browser.send(type="resume", after=None)
        heard = [(await browser.hear())["message"]["feedback"] for _ in range(3)]
    assert heard == [None, -1, None]


async def test_typing_and_reading_are_shown_live_once_the_thread_is_known(running, a_history, a_message):
    running.bus.history = lambda _: a_history(a_message(1))
    async with running.browser() as browser:
        await browser.send(type="typing")
        await browser.send(type="resume", after=None)
        await browser.hear()
        await browser.send(type="typing")
        await browser.send(type="read", message_id=str(uuid4()))
        await browser.say("Hi")
        await browser.hear()
    assert [subject for subject, _ in running.bus.live] == ["live.local.typing.widget", "live.local.read.widget"]
    assert {body.thread_id for _, body in running.bus.live} == {UUID(int=7)}


async def test_a_stopping_gateway_finishes_what_is_in_hand_and_sends_the_browsers_away(running):
    async with running.browser() as browser, running.browser() as idle:
        running.bus.gate.clear()
        client_id = await browser.say("the last word")
        await until(lambda: running.bus.begun)
        for end in running.app.state.on_stop:
            end()
        assert await idle.closed() == 1012
        assert await browser.hears_nothing()
        running.bus.gate.set()
        assert (await browser.hear())["client_id"] == client_id
        assert await browser.closed() == 1012
        async with running.browser() as late:
            assert await late.closed() == 1012
    assert len(running.bus.events(MessageReceived)) == 1


async def test_the_server_stops_soon_with_open_sockets(running):
    async with running.browser() as browser:
        await browser.say("Hi")
        await browser.hear()
        started = time.monotonic()
        running.server.should_exit = True
        assert await browser.closed() == 1012
        await running.settled(0)
    assert time.monotonic() - started < 10


async def test_a_browser_that_leaves_is_forgotten(running):
    async with running.browser(), running.browser() as second:
        await running.settled(2)
        second.socket.transport.abort()
        await running.settled(1)
    await running.settled(0)
    connections = running.app.state.connections
    assert (connections._by_place, connections._by_customer) == ({}, {})


async def test_a_message_in_hand_is_stored_when_its_browser_leaves(running):
    async with running.browser() as browser:
        running.bus.gate.clear()
        await browser.say("and gone")
        await until(lambda: running.bus.begun)
        browser.socket.transport.abort()
    running.bus.gate.set()
    await running.settled(0)
    assert len(running.bus.events(MessageReceived)) == 1
