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
from onethread.gateway_email.desks import Desk, at_home, desk_of, own_desk
from onethread.gateway_email.outgoing.compose import UNTITLED, UndeliverableError, Writer
from onethread.gateway_email.outgoing.outbound import Outbound
from onethread.gateway_email.outgoing.relay import Relay
from onethread.gateway_email.outgoing.waiting import copies_of
from onethread.gateway_email.tokens import token_in
from onethread.runtime.bus import UnavailableError
from onethread.runtime.channels import ChannelBook

SUPPORT = "support@desk.example"
PLACE = "email:ann@customer.example"
THREAD = UUID("4f0c0ce5-8f65-4a0e-9a6b-0d3f1a1b2c3d")
ROUTE = {
    "to": "ann@customer.example",
    "cc": ["bob@customer.example"],
    "subject": "My order",
    "message_id": "<2@customer.example>",
    "references": ["<1@customer.example>"],
}


def requested(route: dict[str, Any] | None = None, place_key: str = PLACE, **changes: Any) -> ReplyRequested:
    reply = {
        "message_id": uuid4(),
        "channel": Channel(id="email-local", kind="email"),
        "place": Place(key=place_key, audience=Audience(shared=False), route=route or ROUTE),
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
def outbound(desks, sink, memory_ledger, memory_lines, bus) -> Outbound:
    return Outbound(desks, Relay(sink.url), memory_ledger, memory_lines, bus, patience=timedelta(hours=48))


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
    # Our own id stands last: relays that put another over it leave this one, and answers repeat it.
    assert mail["References"] == f"<1@customer.example> <2@customer.example> {mail['Message-ID']}"
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["Message-ID"] == writer.message_id(event.data.message_id)
    token = token_in(mail["Reply-To"], SUPPORT)
    assert token
    assert writer.desk.signer.thread_of(token, "ann@customer.example") == THREAD
    assert writer.desk.signer.thread_of(token, "bob@customer.example") is None


def test_what_can_be_declined_says_how_by_one_post_and_is_no_answer_of_a_machine(writer: Writer):
    url = f"https://desk.example/mail/{'x' * 120}"
    mail, raw = written(writer, requested(author=Author(kind="system"), unsubscribe=url))
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"List-Unsubscribe: <{url}>".encode() in raw.replace(b"\r\n ", b" ")
    plain, _ = written(writer, requested())
    assert plain["List-Unsubscribe"] is None


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
    assert "→ Delivery <times>: https://shop.example/help?a=1&b=2" in plain
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
    assert (chain[0], *chain[-2:]) == (ids[0], ids[-1], mail["Message-ID"])
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


async def test_what_comes_back_goes_to_an_address_of_the_message_alone(
    outbound: Outbound, sink, writer: Writer, settings
):
    event = requested()
    await outbound(event)
    [sender] = sink.senders
    token = token_in(sender, SUPPORT)
    assert token
    assert writer.desk.signer.bounced(token) == event.data.message_id
    assert writer.desk.signer.thread_of(token, "ann@customer.example") is None
    plain = Writer(own_desk(settings.model_copy(update={"bounce_tokens": False})))
    assert plain.desk.bounce_address(event.data.message_id) == SUPPORT


async def test_what_comes_back_goes_to_a_domain_of_its_own_where_there_is_one_for_the_address(
    sink, memory_ledger, memory_lines, bus, settings
):
    theirs = settings.model_copy(update={"bounce_domains": "bounces.other.example, bounces.desk.example"})
    for known in (theirs, theirs.model_copy(update={"plus_addresses": False})):
        own = own_desk(known)
        book = ChannelBook(bus, "email", own, lambda config: desk_of(config, settings))
        event = requested()
        await Outbound(book, Relay(sink.url), memory_ledger, memory_lines, bus, patience=timedelta(hours=1))(event)
        assert sink.senders[-1] == own.bounce_address(event.data.message_id)
        assert sink.senders[-1].endswith("@bounces.desk.example")
        token = token_in(at_home([own], sink.senders[-1].upper()), SUPPORT)
        assert token
        assert own.signer.bounced(token) == event.data.message_id
    assert own_desk(settings.model_copy(update={"bounce_domains": "bounces.other.example"})).bounce_domain == ""


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


@pytest.mark.parametrize(
    ("said", "words", "report"),
    [
        ("550 5.1.1 No such user", "The mailbox does not exist (5.1.1). ", "hard"),
        ("550 No such user", "The mailbox does not exist. ", "hard"),
        ("552 5.2.2 Mailbox full", "The mailbox is full (5.2.2). ", "soft"),
        ("554 Not today", "", "soft"),
    ],
)
async def test_a_refusal_for_good_is_told_at_once_in_words(
    said: str, words: str, report: str, outbound: Outbound, sink, bus, memory_lines
):
    reason = f"{words}The mail server refused it: {said}"
    sink.answer = said
    event = requested()
    await outbound(event)
    [(told, _)] = bus.published
    assert told.type == "onethread.reply.failed.v1"
    assert told.id == derived_id(event.id, "failed")
    assert (told.data.reason, told.data.report, told.data.address) == (reason, report, "ann@customer.example")
    assert memory_lines.lines == {}


async def test_a_sender_who_is_refused_is_no_dead_recipient(outbound: Outbound, sink, bus):
    sink.answer_to_sender = "550 5.1.1 User unknown"
    await outbound(requested())
    assert (bus.published[0][0].data.state, bus.published[0][0].data.report) == ("failed", "soft")


async def test_a_refusal_for_now_waits_with_growing_pauses_and_holds_nobody_up(
    outbound: Outbound, sink, bus, memory_lines
):
    sink.answer = "451 4.7.1 Greylisted"
    event, others = requested(), requested({**ROUTE, "to": "bob@other.example"}, place_key="email:bob")
    await outbound(event)  # returns: the next in the lane is handled
    [waiting] = bus.published
    assert waiting[0].data.state == "retrying"
    assert waiting[0].data.reason == "The mail server puts it off: 451 4.7.1 Greylisted"
    minutes = []
    for _ in range(6):
        [found] = await memory_lines.all()
        minutes.append(round((found.line.at - now()).total_seconds() / 60))
        assert bus.published[-1][0].data.retry_at == found.line.at
        await again(outbound, event)
    assert minutes == [1, 5, 15, 60, 180, 180]
    assert len({told.id for told, _ in bus.published}) == 7
    sink.answer = "250 OK"
    await outbound(others)
    assert sink.recipients == ["bob@other.example"]


async def again(outbound: Outbound, event: ReplyRequested) -> None:
    """As `retries.py` does when its time has come."""
    delivery = await outbound._ledger.begin(event.data.message_id, now(), event.data.attempt)
    assert delivery.request == event
    await outbound.attempt(event, delivery)


async def test_what_is_put_off_for_two_days_fails_and_leaves_its_line(
    outbound: Outbound, sink, bus, memory_ledger, memory_lines
):
    sink.answer = "451 4.7.1 Greylisted"
    event = requested()
    await outbound(event)
    waiting = memory_ledger.deliveries[event.data.message_id, 1]
    late = waiting.model_copy(update={"since": waiting.since - timedelta(hours=49)})
    memory_ledger.deliveries[event.data.message_id, 1] = late
    await again(outbound, event)
    assert (bus.published[-1][0].data.state, bus.published[-1][0].data.report) == ("failed", "soft")
    assert memory_lines.lines == {}
    assert memory_ledger.deliveries[event.data.message_id, 1].request is None


async def test_what_follows_in_the_same_place_waits_behind_it_and_leaves_after_it(
    outbound: Outbound, sink, bus, memory_lines
):
    sink.answer = "451 4.7.1 Greylisted"
    first, second = requested(text="first"), requested(text="second")
    await outbound(first)
    sink.answer = "250 OK"
    for _ in range(2):  # the relay of the outbox may publish it again
        await outbound(second)
    assert sink.mails == []
    [behind] = {told.data.reason for told, _ in bus.published if told.data.message_id == second.data.message_id}
    assert behind.startswith("It goes out after an earlier mail")
    [found] = await memory_lines.all()
    assert [one.message for one in found.line.mails] == [first.data.message_id, second.data.message_id]
    await again(outbound, first)
    [found] = await memory_lines.all()
    assert [one.message for one in found.line.mails] == [second.data.message_id]
    assert found.line.at <= now()
    await again(outbound, second)
    assert [b"first" in raw for raw in sink.mails] == [True, False]
    assert memory_lines.lines == {}


async def test_a_request_that_is_delivered_again_while_it_waits_is_neither_sent_nor_told_twice(
    outbound: Outbound, sink, bus, memory_lines
):
    sink.answer = "451 4.7.1 Greylisted"
    event = requested()
    await outbound(event)
    sink.answer = "250 OK"
    await outbound(event)
    assert (sink.mails, len(bus.published)) == ([], 1)
    [found] = await memory_lines.all()
    assert len(found.line.mails) == 1


async def test_a_crash_at_any_step_of_putting_off_loses_nothing(outbound: Outbound, sink, bus, memory_lines):
    sink.answer = "451 4.7.1 Greylisted"
    event = requested()
    bus.away = True  # it is kept, and neither told nor in the line
    with pytest.raises(UnavailableError):
        await outbound(event)
    bus.away = False
    await outbound(event)
    assert [told.data.state for told, _ in bus.published] == ["retrying"]
    assert len(memory_lines.lines) == 1
    sink.answer = "250 OK"
    bus.away = True  # it was sent and recorded, and not told
    with pytest.raises(UnavailableError):
        await again(outbound, event)
    bus.away = False
    assert len(memory_lines.lines) == 1
    await again(outbound, event)
    assert (len(sink.mails), bus.published[-1][0].data.state) == (1, "sent")
    assert memory_lines.lines == {}


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


async def away_outbound(desks, memory_ledger, memory_lines, bus) -> Outbound:
    relay = Relay("smtp://127.0.0.1:1")
    return Outbound(desks, relay, memory_ledger, memory_lines, bus, patience=timedelta(hours=48))


async def test_what_a_relay_cannot_be_given_waits_outside_of_the_lane_until_the_relay_is_tried_again(
    desks: ChannelBook[Desk], memory_ledger, memory_lines, bus
):
    outbound = await away_outbound(desks, memory_ledger, memory_lines, bus)
    events = [requested(), requested(text="behind"), requested({**ROUTE, "to": "bob@other.example"}, "email:bob")]
    for event in events:
        await outbound(event)  # returns: the next in the lane is handled
    assert [told.data.state for told, _ in bus.published] == ["retrying"] * 3
    assert bus.published[0][0].data.reason == "The mail server cannot be reached."
    assert [len(found.line.mails) for found in await memory_lines.all()] == [2, 1]
    ats = {found.line.at for found in await memory_lines.all()}
    assert len(ats) == 1  # all when the relay is: it was knocked at once
    assert memory_ledger.deliveries[events[0].data.message_id, 1].tries == 0


async def test_a_relay_that_is_away_for_two_days_fails_what_waits_and_says_what_to_do(
    desks: ChannelBook[Desk], memory_ledger, memory_lines, bus
):
    outbound, event = await away_outbound(desks, memory_ledger, memory_lines, bus), requested()
    await outbound(event)
    waiting = memory_ledger.deliveries[event.data.message_id, 1]
    late = waiting.model_copy(update={"since": waiting.since - timedelta(hours=49)})
    memory_ledger.deliveries[event.data.message_id, 1] = late
    await again(outbound, event)
    assert bus.published[-1][0].data.state == "failed"
    assert "Send it again once the server is back." in bus.published[-1][0].data.reason
    assert (memory_lines.lines, bus.published[-1][0].data.report) == ({}, None)


async def copies_again(outbound: Outbound, event: ReplyRequested) -> None:
    """As `retries.py` does with the line of the copies."""
    found = await outbound._lines.find(copies_of(event))
    assert found
    await outbound.attempt_copies(found)


CC = ["bob@customer.example", "cyd@customer.example"]


async def test_a_copy_that_is_put_off_is_sent_to_that_reader_alone_as_the_same_mail(
    outbound: Outbound, sink, bus, memory_lines, memory_ledger
):
    sink.answers["bob@customer.example"] = "451 4.7.1 Greylisted"
    event = requested(cc=CC)
    await outbound(event)
    assert sink.recipients == ["ann@customer.example", "cyd@customer.example"]
    [told] = [told.data for told, _ in bus.published]
    assert told.state == "sent"
    assert told.reason == ("The mail server puts it off for bob@customer.example; it is tried again for them alone")
    assert told.retry_at
    [found] = await memory_lines.all()
    assert found.key == copies_of(event)  # nothing else waits for it
    await outbound(requested(text="the next"))
    await copies_again(outbound, event)
    [found] = await memory_lines.all()
    sink.answers.clear()
    await copies_again(outbound, event)
    assert sink.recipients == ["ann@customer.example", "cyd@customer.example", "ann@customer.example", CC[0]]
    assert len({message_from_bytes(raw)["Message-ID"] for raw in (sink.mails[0], sink.mails[2])}) == 1
    last = bus.published[-1][0].data
    assert (last.state, last.reason, last.retry_at, last.report) == ("sent", None, None, None)
    assert memory_lines.lines == {}
    delivery = memory_ledger.deliveries[event.data.message_id, 1]
    assert (delivery.state, delivery.left, delivery.request) == ("done", [], None)
    assert len({told.id for told, _ in bus.published}) == len(bus.published)


def got(sink: Any, reader: str) -> list[str]:
    """The first word of each mail that a reader was sent, in order."""
    theirs = [raw for raw, readers in zip(sink.mails, sink.groups, strict=True) if reader in readers]
    whole = [message_from_bytes(raw, policy=policy.default) for raw in theirs]
    return [mail.get_body(("plain",)).get_content().split()[0] for mail in whole]


async def test_a_reader_whose_copy_waits_gets_the_next_mails_behind_it_and_others_get_theirs_at_once(
    outbound: Outbound, sink, bus, memory_lines
):
    bob, cyd = CC
    sink.answers[bob] = "451 4.7.1 Greylisted"
    first, second, third = (requested(text=text, cc=CC) for text in ("first", "second", "third"))
    await outbound(first)
    sink.answers = {cyd: "451 4.7.1 Greylisted"}
    await outbound(second)
    await outbound(third)
    assert (got(sink, bob), got(sink, cyd)) == ([], ["first"])
    assert got(sink, "ann@customer.example") == ["first", "second", "third"]
    [found] = await memory_lines.all()
    assert len(found.line.mails) == 3
    assert bus.published[-1][0].data.retry_at == found.line.at  # of the line, not of this mail alone
    await copies_again(outbound, first)
    assert (got(sink, bob), got(sink, cyd)) == (["first", "second", "third"], ["first"])
    sink.answers.clear()
    await copies_again(outbound, first)
    assert (got(sink, bob), got(sink, cyd)) == (["first", "second", "third"],) * 2
    assert memory_lines.lines == {}
    assert [told.data.retry_at for told, _ in bus.published][-2:] == [None, None]


async def test_a_reader_is_tried_again_for_the_first_that_waits_only(outbound: Outbound, sink, memory_lines):
    sink.answers[CC[0]] = "451 4.7.1 Greylisted"
    first, second = requested(text="first", cc=CC), requested(text="second", cc=CC)
    await outbound(first)
    await outbound(second)
    sink.refused.clear()
    await copies_again(outbound, first)
    assert sink.refused == [CC[0]]
    [found] = await memory_lines.all()
    assert [one.message for one in found.line.mails] == [first.data.message_id, second.data.message_id]
    assert found.line.at > now() + timedelta(seconds=30)


async def test_whom_a_mail_was_put_off_for_gets_the_next_behind_it_though_others_read_that(
    outbound: Outbound, sink, memory_lines
):
    sink.answer = "451 4.7.1 Greylisted"
    first = requested(text="first")
    second = requested(text="second", place_key="email:ann with bob", cc=CC[:1])
    await outbound(first)
    sink.answer = "250 OK"
    await outbound(second)
    assert sink.mails == []
    await again(outbound, first)
    await again(outbound, second)
    assert (got(sink, "ann@customer.example"), got(sink, CC[0])) == (["first", "second"], ["second"])
    assert memory_lines.lines == {}


async def test_readers_whose_address_is_dead_are_told_each_and_the_customer_has_the_mail(
    outbound: Outbound, sink, bus, memory_lines
):
    sink.answers = dict.fromkeys(CC, "550 5.1.1 No such user")
    await outbound(requested(cc=CC))
    assert sink.recipients == ["ann@customer.example"]
    told = [told.data for told, _ in bus.published]
    assert [(one.state, one.report, one.address) for one in told] == [("sent", "hard", CC[0]), ("sent", "hard", CC[1])]
    assert {one.report_reason for one in told} == {"The mailbox does not exist (5.1.1)"}  # and names nobody else
    assert told[0].reason == f"Refused for {CC[0]} (550 5.1.1 No such user); {CC[1]} (550 5.1.1 No such user)"
    assert memory_lines.lines == {}


async def test_a_customer_who_is_put_off_while_readers_have_the_mail_is_tried_again_alone(
    outbound: Outbound, sink, bus, memory_lines
):
    """Regression: the mail was called sent."""
    sink.answers["ann@customer.example"] = "451 4.7.1 Greylisted"
    event = requested(cc=CC)
    await outbound(event)
    assert (bus.published[0][0].data.state, sink.recipients) == ("retrying", CC)
    sink.answers.clear()
    await again(outbound, event)
    assert sink.recipients == [*CC, "ann@customer.example"]
    assert bus.published[-1][0].data.state == "sent"
    assert memory_lines.lines == {}


async def test_a_customer_whose_address_is_dead_is_told_though_readers_have_the_mail(outbound: Outbound, sink, bus):
    """Regression: the mail was called sent."""
    sink.answers["ann@customer.example"] = "550 5.1.1 No such user"
    await outbound(requested(cc=CC))
    told = bus.published[-1][0].data
    assert (told.state, told.report, told.address) == ("failed", "hard", "ann@customer.example")
    assert sink.recipients == CC


async def test_a_copy_that_is_put_off_for_two_days_is_lost_in_words(
    outbound: Outbound, sink, bus, memory_ledger, memory_lines
):
    sink.answers[CC[0]] = "451 4.7.1 Greylisted"
    event = requested(cc=CC)
    await outbound(event)
    waiting = memory_ledger.deliveries[event.data.message_id, 1]
    late = waiting.model_copy(update={"since": waiting.since - timedelta(hours=49)})
    memory_ledger.deliveries[event.data.message_id, 1] = late
    await copies_again(outbound, event)
    last = bus.published[-1][0].data
    assert (last.reason, last.report) == (f"Refused for {CC[0]} (451 4.7.1 Greylisted)", "soft")
    assert memory_lines.lines == {}


async def test_a_crash_at_any_step_of_a_copy_loses_nothing(outbound: Outbound, sink, bus, memory_lines):
    sink.answers[CC[0]] = "451 4.7.1 Greylisted"
    event = requested(cc=CC)
    bus.away = True  # it is sent and recorded, and neither told nor in the line
    with pytest.raises(UnavailableError):
        await outbound(event)
    bus.away = False
    await outbound(event)
    assert (len(sink.mails), len(memory_lines.lines)) == (1, 1)
    sink.answers.clear()
    bus.away = True  # the copy is sent and recorded, and not told
    with pytest.raises(UnavailableError):
        await copies_again(outbound, event)
    bus.away = False
    await copies_again(outbound, event)
    assert (len(sink.mails), bus.published[-1][0].data.reason) == (2, None)
    assert memory_lines.lines == {}


async def test_a_place_without_an_address_fails_in_words(outbound: Outbound, bus):
    await outbound(requested({"subject": "x"}))
    assert bus.published[0][0].data.reason == (
        "The customer's mail address is not known here. Reply on another channel."
    )


def test_the_service_hears_its_own_requests(settings, bus, memory_ledger, memory_lines):
    create_app(settings, bus, memory_ledger, lines=memory_lines)
    assert {"gateway-email-replies", "svc.gateway-email.prove"} <= bus.handlers.keys()


def test_a_new_secret_signs_and_the_old_one_is_still_read(settings):
    rotated = settings.model_copy(update={"reply_secret": f"a newer secret here,{settings.reply_secret}"})
    token = settings.signer("local").token(THREAD, "a@x.example")
    assert rotated.signer("local").thread_of(token, "a@x.example") == THREAD
