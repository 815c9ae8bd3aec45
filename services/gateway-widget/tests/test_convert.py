"""Frames to events and back."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from onethread.contracts.envelope import now
from onethread.contracts.messages import Channel
from onethread.gateway_widget import convert
from onethread.gateway_widget.allowance import Allowance
from onethread.gateway_widget.frames import MessageFrame, client_id_in, from_browser
from onethread.gateway_widget.sessions import Person, Session

CLIENT_ID = UUID("6f1f8f3c-9a4b-4e0e-8a55-0e7b1f2c4d60")
FRAME = MessageFrame(type="message", client_id=CLIENT_ID, text="Hi")


def event_of(session: Session, frame: MessageFrame = FRAME):
    return convert.received(session, frame, now(), "00-1-2-01")


def test_a_message_says_where_and_by_whom_it_was_said():
    event = event_of(Session("local", "local", "v-1", Person("u-1", "ana@shop.example", "Ana")))
    assert event.workspaceid == "local"
    assert event.traceparent == "00-1-2-01"
    assert event.data.external_id == f"v-1:{CLIENT_ID}"
    assert event.data.place.key == "widget:v-1"
    assert event.data.place.route == {"visitor": "v-1"}
    assert not event.data.place.audience.shared
    assert [one.kind for one in event.data.identities] == ["site_user", "email", "visitor"]
    assert event.data.name == "Ana"


def test_the_same_message_has_the_same_id_and_no_other_visitor_can_have_it():
    session = Session("local", "local", "v-1")
    assert event_of(session).id == event_of(session).id
    assert event_of(session).id != event_of(Session("local", "local", "v-2")).id


def test_text_is_stripped_and_has_no_character_that_a_store_refuses():
    assert from_browser.validate_json(frame(text=" \\u0000Hi\\u0000 ")).text == "Hi"


@pytest.mark.parametrize("text", ["", "   ", "\\u0000", "\\ud800"])
def test_no_text_is_no_message(text):
    with pytest.raises(ValidationError):
        from_browser.validate_json(frame(text=text))


def frame(text: str) -> str:
    return f'{{"type":"message","client_id":"{CLIENT_ID}","text":"{text}"}}'


def test_a_frame_that_cannot_be_taken_still_says_which_it_was():
    assert client_id_in('{"client_id":"x","text":7}') == "x"
    assert [client_id_in(raw) for raw in ("", "[1]", '{"client_id":7}', "[" * 100_000)] == [None] * 4


def test_the_customer_gets_back_their_own_key_and_not_the_visitor(a_message):
    shown = convert.shown(a_message(client_id=f"v-1:{CLIENT_ID}"), "at")
    assert shown.client_id == str(CLIENT_ID)
    assert convert.shown(a_message(client_id=None), "at").client_id is None
    email = Channel(id="email-local", kind="email")
    assert convert.shown(a_message(client_id="<a:b@c>", channel=email), "at").client_id is None


def test_a_live_reply_and_the_history_have_the_same_cursor(a_reply, a_message):
    reply = a_reply("v-1")
    stored = a_message(reply.data.sequence)
    assert convert.reply_frame(reply).message.cursor == convert.cursor(stored.position)


def test_whom_an_event_is_about_is_read_without_parsing(added, a_message):
    spoof = '{"place":"widget:v-2","customerid":"00000000-0000-0000-0000-000000000001"}'
    event = added(a_message(text=spoof), "widget:v-1")
    assert convert.whom(event) == ("widget:v-1", str(UUID(int=9)))
    assert convert.whom(added(a_message(text=spoof), None))[0] is None
    assert convert.whom(event.replace(b'"place":"', b'"place" : "'))[0] == "widget:v-1"


def test_only_replies_of_this_channel_that_no_browser_had_are_delivered_by_the_history(a_history, a_message):
    email = Channel(id="email-local", kind="email")
    waiting = a_message(2, "agent", state="sent")
    others = [
        a_message(1),
        a_message(3, "agent", state="delivered"),
        a_message(4, "agent", state="failed"),
        a_message(5, "agent", channel=email, state="sent"),
    ]
    events = convert.delivered_by("local", a_history(waiting, *others))
    assert [(event.data.message_id, event.data.state) for event in events] == [(waiting.id, "delivered")]
    again = convert.delivered("local", waiting.id, waiting.channel, waiting.thread_id)
    assert events[0].id == again.id


def test_a_changed_verdict_is_another_fact():
    def verdict(score: int) -> UUID:
        frame = from_browser.validate_json(f'{{"type":"feedback","message_id":"{CLIENT_ID}","score":{score}}}')
        return convert.feedback(Session("local", "local", "v-1"), frame, uuid4()).id

    assert verdict(1) == verdict(1)
    assert verdict(1) != verdict(-1)


def test_an_allowance_lets_a_burst_through_and_then_its_rate():
    allowance = Allowance(rate=5, burst=20, now=0)
    assert [allowance.spend(0) for _ in range(21)] == [True] * 20 + [False]
    assert [allowance.spend(0.2), allowance.spend(0.2)] == [True, False]
    assert all(allowance.spend(1_000) for _ in range(20))
    assert not allowance.spend(1_000)
    assert all(Allowance(rate=0, burst=1, now=0).spend(0) for _ in range(100))
