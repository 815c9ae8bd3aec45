from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any
from uuid import UUID, uuid4

import pytest

from onethread.contracts.envelope import now
from onethread.contracts.ids import derived_id
from onethread.contracts.messages import Audience, Author, Channel, Place, Source
from onethread.contracts.replies import ReplyRequested, RequestedReply
from onethread.gateway_email.app import create_app
from onethread.gateway_email.compose import UNTITLED, UndeliverableError, Writer
from onethread.gateway_email.desks import Desk, desk_of, own_desk
from onethread.gateway_email.outbound import Outbound
from onethread.gateway_email.relay import Relay
from onethread.gateway_email.tokens import token_in
from onethread.runtime.bus import UnavailableError
from onethread.runtime.channels import ChannelBook

SUPPORT = "support@desk.example"
THREAD = UUID("4f0c0ce5-8f65-4a0e-9a6b-0d3f1a1b2c3d")
ROUTE = {
    "to": "ann@customer.example",
    "cc": ["bob@customer.example"],
    "subject": "My order",
    "message_id": "<2@customer.example>",
    "references": ["<1@customer.example>"],
}


def requested(route: dict[str, Any] | None = None, **changes: Any) -> ReplyRequested:
    reply = {
        "message_id": uuid4(),
        "channel": Channel(id="email-local", kind="email"),
        "place": Place(key="email:ann@customer.example", audience=Audience(shared=False), route=route or ROUTE),
        "author": Author(kind="agent", name="Onethread"),
        "text": "It arrives **today**. Grüße",
        "html": "<p>It arrives <strong>today</strong>. Grüße</p>",
        "sources": [
            Source(title="Delivery <times>", url="https://shop.example/help?a=1&b=2", document_id="d", score=1)
        ],
        "sequence": 3,
        **changes,
    }
    head = {"workspaceid": "local", "threadid": THREAD, "customerid": uuid4(), "source": "/conversation"}
    return ReplyRequested(id=uuid4(), data=RequestedReply(**reply), **head)


@pytest.fixture
def writer(settings) -> Writer:
    return Writer(own_desk(settings))


@pytest.fixture
def desks(settings, bus) -> ChannelBook[Desk]:
    return ChannelBook(bus, "email", own_desk(settings), lambda config: desk_of(config, settings))


@pytest.fixture
def outbound(desks, sink, memory_ledger, bus) -> Outbound:
    return Outbound(desks, Relay(sink.url), memory_ledger, bus)


def written(writer: Writer, event: ReplyRequested):
    raw = writer.write(event.data, event.threadid, now()).as_bytes()
    return message_from_bytes(raw, policy=policy.default), raw


def test_a_reply_has_the_headers_that_thread_it(writer: Writer):
    event = requested()
    mail, _ = written(writer, event)
    assert mail["From"] == "Onethread <support@desk.example>"
    assert (mail["To"], mail["Cc"], mail["Bcc"]) == ("ann@customer.example", None, None)
    assert mail["Subject"] == "Re: My order"
    assert mail["In-Reply-To"] == "<2@customer.example>"
    assert mail["References"] == "<1@customer.example> <2@customer.example>"
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["Message-ID"] == writer.message_id(event.data.message_id)
    token = token_in(mail["Reply-To"], SUPPORT)
    assert token
    assert writer.desk.signer.thread_of(token, "ann@customer.example") == THREAD
    assert writer.desk.signer.thread_of(token, "bob@customer.example") is None


def test_a_teammates_words_are_not_called_automatic(writer: Writer):
    mail, _ = written(writer, requested(author=Author(kind="teammate", name="Kim")))
    assert mail["Auto-Submitted"] is None
    assert mail["X-Auto-Response-Suppress"] is None
    assert mail["X-Onethread-Instance"]


def test_text_and_html_say_the_same_with_their_sources(writer: Writer):
    mail, _ = written(writer, requested())
    assert mail.get_content_type() == "multipart/alternative"
    plain, rich = (part.get_content() for part in mail.iter_parts())
    assert "It arrives **today**. Grüße" in plain
    assert "- Delivery <times>: https://shop.example/help?a=1&b=2" in plain
    assert "<strong>today</strong>. Grüße" in rich
    assert '<a href="https://shop.example/help?a=1&amp;b=2">Delivery &lt;times&gt;</a>' in rich


def test_a_source_that_is_no_web_page_is_named_without_a_link(writer: Writer):
    mail, _ = written(
        writer, requested(sources=[Source(title="x", url="javascript:alert(1)", document_id="d", score=1)])
    )
    assert "javascript" not in mail.as_string()


@pytest.mark.parametrize(
    ("subject", "parent", "expected"),
    [
        ("My order", "<2@x>", "Re: My order"),
        ("RE: My order", "<2@x>", "RE: My order"),
        ("", "<2@x>", f"Re: {UNTITLED}"),
        ("", None, UNTITLED),
    ],
)
def test_a_subject_says_re_once(subject: str, parent: str | None, expected: str, writer: Writer):
    mail, _ = written(writer, requested({"to": "a@x.example", "subject": subject, "message_id": parent}))
    assert mail["Subject"] == expected


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\0", "\u2028", "\x85", "\r\n\r\n"])
def test_no_value_can_add_a_header(break_: str, writer: Writer):
    evil = f"x{break_}Bcc: everyone@evil.example"
    route = {**ROUTE, "subject": evil, "message_id": f"<a{break_}Bcc:b@x>", "references": [f"<c{break_}Bcc:d@x>"]}
    _, raw = written(
        writer,
        requested(
            route, author=Author(kind="agent", name=evil), sources=[Source(title=evil, document_id="d", score=0)]
        ),
    )
    head = raw.partition(b"\r\n\r\n")[0]
    assert not [line for line in head.split(b"\r\n") if line.lower().startswith(b"bcc")]
    assert b"\n" not in head.replace(b"\r\n", b"")
    assert message_from_bytes(raw)["Bcc"] is None


def test_a_recipient_with_a_line_break_is_no_recipient(writer: Writer):
    for evil in ("a@x.example\r\nBcc: b@x.example", "a@x.example, b@x.example", "", None):
        with pytest.raises(UndeliverableError):
            written(writer, requested({**ROUTE, "to": evil}))


def test_ids_longer_than_a_line_stay_readable_and_no_line_is_too_long(writer: Writer):
    ids = [f"<{n}-{'x' * 150}@customer.example>" for n in range(60)]
    mail, raw = written(writer, requested({**ROUTE, "references": ids, "message_id": ids[-1], "subject": "ü" * 900}))
    head = raw.partition(b"\r\n\r\n")[0]
    chain = mail["References"].split()
    assert len(chain) == 20
    assert (chain[0], chain[-1]) == (ids[0], ids[-1])
    assert max(len(line) for line in head.split(b"\r\n")) < 998
    assert ids[-1].encode() in head
    assert mail["Subject"] == "Re: " + "ü" * 900


async def test_a_reply_is_sent_recorded_and_told(outbound: Outbound, sink, bus, memory_ledger, writer: Writer):
    event = requested()
    await outbound(event)
    assert sink.recipients == ["ann@customer.example"]
    [(told, tokens)] = bus.published
    assert tokens == ()
    assert told.type == "onethread.reply.delivered.v1"
    assert told.id == derived_id(event.id, "delivered")
    assert (told.threadid, told.customerid, told.causationid) == (event.threadid, event.customerid, event.id)
    assert told.data.state == "sent"
    assert told.data.external_id == writer.message_id(event.data.message_id)
    assert told.data.place.route["message_id"] == told.data.external_id
    assert told.data.place.route["references"] == ["<1@customer.example>", "<2@customer.example>"]
    assert memory_ledger.deliveries[event.data.message_id, 1].state == "done"


async def test_a_second_delivery_of_the_request_tells_again_and_sends_nothing(outbound: Outbound, sink, bus):
    event = requested()
    bus.away = True
    with pytest.raises(UnavailableError):
        await outbound(event)
    bus.away = False
    await outbound(event)
    await outbound(event)
    assert len(sink.mails) == 1
    assert len({told.id for told, _ in bus.published}) == 1


async def test_a_crash_before_the_record_sends_the_same_message_id(outbound: Outbound, sink, memory_ledger, bus):
    event = requested()
    await outbound(event)
    memory_ledger.deliveries[event.data.message_id, 1] = memory_ledger.deliveries[event.data.message_id, 1].model_copy(
        update={"state": "sending", "outcome": None}
    )
    await outbound(event)
    first, second = (message_from_bytes(raw)["Message-ID"] for raw in sink.mails)
    assert first == second


async def test_a_refusal_for_good_is_told_in_words(outbound: Outbound, sink, bus):
    sink.answer = "550 5.1.1 No such person"
    event = requested()
    await outbound(event)
    [(told, _)] = bus.published
    assert told.type == "onethread.reply.failed.v1"
    assert told.id == derived_id(event.id, "failed")
    assert told.data.reason == "The mail server refused it: 550 5.1.1 No such person"


async def test_a_refusal_for_now_is_tried_again_for_ten_minutes(outbound: Outbound, sink, bus, memory_ledger):
    sink.answer = "451 4.7.1 Greylisted"
    event = requested()
    with pytest.raises(UnavailableError):
        await outbound(event)
    assert bus.published.pop()[0].data.state == "retrying"
    delivery = (event.data.message_id, 1)
    waiting = memory_ledger.deliveries[delivery]
    memory_ledger.deliveries[delivery] = waiting.model_copy(update={"since": waiting.since - timedelta(minutes=11)})
    await outbound(event)
    assert bus.published[0][0].data.state == "failed"


async def test_that_a_mail_is_put_off_is_told_once_with_the_reason_and_when_it_is_tried_again(
    outbound: Outbound, sink, bus
):
    sink.answer = "451 4.7.1 Greylisted"
    event = requested()
    for _ in range(3):
        with pytest.raises(UnavailableError):
            await outbound(event)
    sink.answer = "250 OK"
    await outbound(event)
    waiting, sent = (told for told, _ in bus.published)
    assert waiting.data.reason == "The mail server puts it off: 451 4.7.1 Greylisted"
    assert waiting.data.retry_at > now() - timedelta(seconds=10)
    assert (waiting.id, sent.data.state) == (derived_id(event.id, "retrying"), "sent")


async def test_a_retry_sends_what_had_failed_and_what_had_come_back_with_the_same_message_id(
    outbound: Outbound, sink, bus
):
    event = requested()
    sink.answer = "550 5.1.1 No such person"
    await outbound(event)
    sink.answer = "250 OK"
    for attempt in (2, 3):
        again = event.model_copy(update={"id": uuid4(), "data": event.data.model_copy(update={"attempt": attempt})})
        for _ in range(2):
            await outbound(again)
    assert [told.data.state for told, _ in bus.published] == ["failed", "sent", "sent", "sent", "sent"]
    assert [told.data.attempt for told, _ in bus.published] == [1, 2, 2, 3, 3]
    ids = {message_from_bytes(raw)["Message-ID"] for raw in sink.mails}
    assert (len(sink.mails), len(ids)) == (2, 1)


async def test_a_relay_that_is_away_keeps_the_reply(desks: ChannelBook[Desk], memory_ledger, bus):
    outbound = Outbound(desks, Relay("smtp://127.0.0.1:1"), memory_ledger, bus)
    with pytest.raises(UnavailableError):
        await outbound(requested())
    assert [told.data.state for told, _ in bus.published] == ["retrying"]


async def test_a_place_without_an_address_fails_in_words(outbound: Outbound, bus):
    await outbound(requested({"subject": "x"}))
    assert bus.published[0][0].data.reason == (
        "The customer's mail address is not known here. Reply on another channel."
    )


def test_the_service_hears_its_own_requests(settings, bus, memory_ledger):
    create_app(settings, bus, memory_ledger)
    assert {"gateway-email-replies", "svc.gateway-email.prove"} <= bus.handlers.keys()


def test_a_new_secret_signs_and_the_old_one_is_still_read(settings):
    rotated = settings.model_copy(update={"reply_secret": f"a newer secret here,{settings.reply_secret}"})
    token = settings.signer("local").token(THREAD, "a@x.example")
    assert rotated.signer("local").thread_of(token, "a@x.example") == THREAD
