"""The automatic receipt: to whom, how often, and what it says. On a real bus, with a real mail server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any

import nats
import pytest
from nats.js import JetStreamContext

from onethread.contracts.ids import received_id
from onethread.contracts.messages import MessageReceived
from onethread.gateway_email.convert import Arrival, received
from onethread.gateway_email.desks import Desk, desk_of, own_desk
from onethread.gateway_email.outgoing.receipts import SUBJECT, TEXT, Receipts
from onethread.gateway_email.outgoing.relay import Relay
from onethread.gateway_email.parsing import mime
from onethread.runtime.channels import ChannelBook
from onethread.runtime.provision import provision

SPAM = "Win a prize at https://evil.example"
VERIFIED = "Authentication-Results: mx.desk.example; dmarc=pass header.from=customer.example\r\n"
MAIL = (
    "From: {spam} <{sender}>\r\nTo: {to}\r\nSubject: {spam}\r\nMessage-ID: <1@customer.example>\r\n{more}\r\n{spam}\r\n"
)


@pytest.fixture
def desk(settings) -> Desk:
    return own_desk(settings.model_copy(update={"receipt": True}))


@pytest.fixture
async def js(nats_url: str) -> AsyncIterator[JetStreamContext]:
    connection = await nats.connect(nats_url)
    await provision(connection.jetstream())
    yield connection.jetstream()
    await connection.close()


def mail(
    desk: Desk, sender: str = "ann@customer.example", to: str = "support@desk.example", more: str = "",
    verified: str = VERIFIED, envelope: str | None = None,
) -> MessageReceived:  # fmt: skip
    raw = (verified + MAIL.format(spam=SPAM, sender=sender, to=to, more=more)).encode()
    arrival = Arrival(
        "127.0.0.1", sender if envelope is None else envelope, ("support@desk.example",), datetime.now(UTC)
    )
    data = received(mime.parse(raw), arrival, desk)
    id_ = received_id(desk.workspace, desk.id, data.external_id)
    return MessageReceived(id=id_, source="/gateway-email", workspaceid=desk.workspace, data=data)


@pytest.mark.parametrize(
    "odd",
    [
        {"verified": ""},
        {"verified": VERIFIED.replace("pass", "fail")},
        {"more": "Auto-Submitted: auto-replied\r\n"},
        {"more": "List-Id: <everybody.customer.example>\r\n"},
        {"more": "Precedence: bulk\r\n"},
        {"more": "X-Auto-Response-Suppress: DR, AutoReply\r\n"},
        {"sender": "noreply@customer.example"},
        {"envelope": ""},
        {"to": "somebody@elsewhere.example"},
    ],
    ids=str,
)
def test_none_to_the_unproven_to_machines_to_lists_and_to_whom_we_were_hidden(desk: Desk, odd: dict[str, str]):
    assert mail(desk).data.acknowledge
    assert not mail(desk, **odd).data.acknowledge


def test_none_in_a_conversation_that_goes_on_and_none_where_it_is_not_wanted(desk: Desk, settings):
    from uuid import uuid4

    ours = desk.signer.message_id(uuid4(), "desk.example")
    assert not mail(desk, more=f"In-Reply-To: {ours}\r\n").data.acknowledge
    assert not mail(desk, to=desk.reply_address(uuid4(), "ann@customer.example")).data.acknowledge
    assert not mail(own_desk(settings)).data.acknowledge


@pytest.fixture
def receipts(settings, desk, bus, sink, js) -> Receipts:
    book = ChannelBook(bus, "email", desk, lambda config: desk_of(config, settings))
    return Receipts(book, Relay(sink.url), lambda: js, an_hour=3)


async def offered(receipts: Receipts, *events: Any) -> None:
    for event in events:
        receipts.offer(event)
    await receipts.done()


@pytest.mark.connected
async def test_one_a_day_for_each_sender_with_nothing_in_it_that_they_wrote(receipts: Receipts, desk: Desk, sink):
    await offered(receipts, *[mail(desk)] * 5, mail(desk, sender="bob@customer.example"))
    assert sorted(sink.recipients) == ["ann@customer.example", "bob@customer.example"]
    assert sink.senders == ["<>", "<>"]  # what comes back of it goes nowhere
    told = message_from_bytes(sink.mails[0], policy=policy.default)
    assert (told["Subject"], told.get_content().replace("\r\n", "\n")) == (SUBJECT, TEXT)
    assert (told["Auto-Submitted"], told["X-Auto-Response-Suppress"]) == ("auto-replied", "All")
    assert told["In-Reply-To"] == "<1@customer.example>"
    assert not any(b"evil" in raw or b"prize" in raw for raw in sink.mails)
    await offered(receipts, mail(desk))
    assert len(sink.mails) == 2


@pytest.mark.connected
async def test_nobody_makes_a_mail_bomb_of_many_senders(receipts: Receipts, desk: Desk, sink):
    await offered(receipts, *(mail(desk, sender=f"p{number}@customer.example") for number in range(8)))
    assert len(sink.mails) == 3


@pytest.mark.connected
async def test_a_receipt_that_cannot_be_sent_is_none_and_stops_nothing(receipts: Receipts, desk: Desk, sink):
    sink.answer = "451 4.7.1 Greylisted"
    await offered(receipts, mail(desk))
    sink.answer = "250 OK"
    await offered(receipts, mail(desk), mail(desk, sender="bob@customer.example"))
    assert sink.recipients == ["bob@customer.example"]
    await asyncio.sleep(0)
