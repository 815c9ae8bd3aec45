"""Support addresses of several workspaces on one gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes
from uuid import uuid4

import aiosmtplib
import pytest
from fastapi import FastAPI

from onethread.contracts import ids
from onethread.contracts.channels import ChannelConfig
from onethread.contracts.messages import Audience, Author, Channel, Place
from onethread.contracts.replies import ReplyRequested, RequestedReply
from onethread.gateway_email.app import create_app
from onethread.runtime.bus import UnavailableError

OWN, HELP, SALES, ZETA = "support@desk.example", "help@acme.example", "sales@acme.example", "hi@zeta.example"
ANN = "ann@customer.example"
MAIL = "From: Ann <{sender}>\r\nTo: {to}\r\nSubject: My order\r\nMessage-ID: <{id}@customer.example>\r\n\r\nHi\r\n"


def a_desk(id_: str, workspace: str, address: str) -> ChannelConfig:
    settings = {"address": address, "display_name": f"{workspace} help"}
    return ChannelConfig(id=id_, workspace=workspace, kind="email", name=id_, settings=settings)


@pytest.fixture
async def app(settings, bus, memory_ledger, memory_lines, sink) -> AsyncIterator[FastAPI]:
    bus.channels = [a_desk("acme-help", "acme", HELP), a_desk("acme-sales", "acme", SALES), a_desk("z", "zeta", ZETA)]
    app = create_app(settings.model_copy(update={"smtp_url": sink.url}), bus, memory_ledger, lines=memory_lines)
    async with app.router.lifespan_context(app):
        yield app


async def send(app: FastAPI, *to: str, sender: str = ANN) -> str:
    raw = MAIL.format(sender=sender, to=", ".join(to), id=uuid4()).encode()
    where = {"hostname": "127.0.0.1", "port": app.state.mail.port, "start_tls": False}
    return (await aiosmtplib.send(raw, sender=sender, recipients=list(to), **where))[1]


def request(channel: str, workspace: str, thread=None) -> ReplyRequested:
    reply = RequestedReply(
        message_id=uuid4(),
        channel=Channel(id=channel, kind="email"),
        place=Place(key=f"email:{ANN}", audience=Audience(shared=False), route={"to": ANN, "subject": "My order"}),
        author=Author(kind="teammate"),
        text="Soon.",
        html="<p>Soon.</p>",
        sequence=2,
    )
    return ReplyRequested(id=uuid4(), source="/c", workspaceid=workspace, threadid=thread or uuid4(), data=reply)


async def reply_address(bus, sink, channel: str, workspace: str, thread) -> str:
    await bus.handlers["gateway-email-replies"](request(channel, workspace, thread))
    return message_from_bytes(sink.mails[-1])["Reply-To"]


@pytest.mark.parametrize(
    ("to", "channel", "workspace"),
    [
        (OWN, "email-local", "local"),
        (HELP, "acme-help", "acme"),
        ("Help+what@ACME.example", "acme-help", "acme"),
        (SALES, "acme-sales", "acme"),
        (ZETA, "z", "zeta"),
    ],
)
async def test_a_mail_goes_to_the_channel_and_workspace_of_its_recipient(app, bus, to, channel, workspace):
    await send(app, to)
    [(event, _)] = bus.published
    assert (event.data.channel.id, event.workspaceid) == (channel, workspace)
    assert event.id == ids.received_id(workspace, channel, event.data.external_id)


async def test_one_mail_to_two_workspaces_is_a_message_in_each(app, bus):
    answer = await send(app, HELP, ZETA)
    assert [event.workspaceid for event, _ in bus.published] == ["acme", "zeta"]
    assert all(str(event.id) in answer for event, _ in bus.published)


async def test_an_address_that_nobody_has_is_refused_for_good_and_the_other_recipients_are_not(app, bus):
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
        await send(app, "nobody@acme.example")
    assert refused.value.recipients[0].code == 550
    await send(app, "nobody@acme.example", HELP)
    assert len(bus.published) == 1


async def test_an_address_that_was_removed_is_refused(app, bus):
    bus.channels = []
    await bus.handlers["live.*.channels.email"](None)
    await asyncio.sleep(0.3)
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        await send(app, HELP)
    await send(app, OWN)


async def test_until_conversation_has_told_the_addresses_a_mail_is_put_off_and_ours_is_taken(
    settings, bus, memory_ledger
):
    bus.channels = None
    app = create_app(settings, bus, memory_ledger)
    async with app.router.lifespan_context(app):
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
            await send(app, HELP)
        assert refused.value.recipients[0].code == 451
        assert (await send(app, OWN)).startswith("2.0.0 Kept")
        with pytest.raises(UnavailableError):
            await bus.handlers["gateway-email-replies"](request("acme-help", "acme"))


async def test_a_reply_token_is_worth_something_at_its_own_address_only(app, bus, sink):
    thread = uuid4()
    address = await reply_address(bus, sink, "acme-help", "acme", thread)
    token = address.partition("+")[2].partition("@")[0]
    bus.published.clear()
    for to in (address, f"hi+{token}@zeta.example", f"sales+{token}@acme.example", f"support+{token}@desk.example"):
        await send(app, to)
    assert [event.data.thread_token for event, _ in bus.published] == [thread, None, None, None]


async def test_a_reply_leaves_from_the_address_of_its_channel(app, bus, sink):
    await bus.handlers["gateway-email-replies"](request("z", "zeta"))
    mail = message_from_bytes(sink.mails[0])
    assert mail["From"] == "zeta help <hi@zeta.example>"
    assert mail["Reply-To"].startswith("hi+")
    assert mail["Message-ID"].endswith("@zeta.example>")
    [(told, _)] = bus.published
    assert (told.workspaceid, told.data.state) == ("zeta", "sent")


@pytest.mark.parametrize(("channel", "workspace"), [("gone", "acme"), ("acme-help", "zeta")])
async def test_a_reply_through_a_channel_that_is_gone_or_anothers_fails_in_words(app, bus, sink, channel, workspace):
    await bus.handlers["gateway-email-replies"](request(channel, workspace))
    [(told, _)] = bus.published
    assert (told.workspaceid, told.data.state) == (workspace, "failed")
    assert told.data.reason.startswith("The support address")
    assert not sink.mails


async def test_our_own_mail_that_comes_back_is_dropped_where_it_is_ours(app, bus, sink):
    await reply_address(bus, sink, "acme-help", "acme", uuid4())
    bus.published.clear()
    where = {"hostname": "127.0.0.1", "port": app.state.mail.port, "start_tls": False}
    await aiosmtplib.send(sink.mails[0], sender=HELP, recipients=[SALES, ZETA], **where)
    assert [event.workspaceid for event, _ in bus.published] == ["zeta"], "to another company it is a mail"
