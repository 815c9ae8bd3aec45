"""The whole service on a real NATS: a mail in, a reply out, and the server gone in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import aiosmtplib
import nats
import pytest
from fastapi import FastAPI
from nats.js import JetStreamContext

from onethread.contracts.messages import Author, Channel, MessageReceived, Place
from onethread.contracts.replies import ReplyDelivered, ReplyRequested, RequestedReply
from onethread.gateway_email.app import create_app
from onethread.gateway_email.tokens import token_in

pytestmark = pytest.mark.connected
MAIL = (
    "Authentication-Results: mx.desk.example; dmarc=pass header.from=customer.example\r\n"
    "From: Ann <ann@customer.example>\r\nTo: {to}\r\nSubject: My order\r\nMessage-ID: <{number}@customer.example>\r\n"
    "Date: Mon, 02 Nov 2026 09:59:58 +0000\r\n\r\nWhere is it?\r\n"
)


@pytest.fixture
async def js(nats_url: str) -> AsyncIterator[JetStreamContext]:
    connection = await nats.connect(nats_url)
    yield connection.jetstream()
    await connection.close()


@pytest.fixture
async def app(settings, nats_url: str, sink) -> AsyncIterator[FastAPI]:
    app = create_app(settings.model_copy(update={"nats_url": nats_url, "smtp_url": sink.url}))
    async with app.router.lifespan_context(app):
        yield app


async def send(app: FastAPI, number: int, to: str = "support@desk.example") -> str:
    raw = MAIL.format(number=number, to=to).encode()
    where = {"hostname": "127.0.0.1", "port": app.state.mail.port, "start_tls": False}
    return (await aiosmtplib.send(raw, sender="ann@customer.example", recipients=[to], **where))[1]


async def next_on(js: JetStreamContext, subject: str, kind: Any) -> Any:
    subscription = await js.subscribe(subject, ordered_consumer=True)
    return kind.model_validate_json((await subscription.next_msg(timeout=10)).data)


def request_to(place: Place, thread) -> ReplyRequested:
    channel, author = Channel(id="email-local", kind="email"), Author(kind="agent", name="Onethread")
    reply = RequestedReply(
        message_id=uuid4(), channel=channel, place=place, author=author, text="Soon.", html="<p>Soon.</p>", sequence=2
    )
    return ReplyRequested(id=uuid4(), source="/conversation", workspaceid="local", threadid=thread, data=reply)


async def test_a_mail_its_answer_and_the_answer_to_that_are_one_thread(app: FastAPI, js: JetStreamContext, sink):
    thread = uuid4()
    await send(app, 1)
    heard = await next_on(js, "ot.local.message.received.email.*", MessageReceived)
    event = request_to(heard.data.place, thread)
    for _ in range(2):  # the relay of the outbox may publish it again
        await js.publish("ot.local.reply.requested.email.l1", event.to_json())
    told = await next_on(js, "ot.local.reply.delivered", ReplyDelivered)
    assert told.causationid == event.id
    assert told.threadid == thread
    await asyncio.sleep(0.5)
    [raw] = sink.mails
    reply_to = next(line for line in raw.decode().splitlines() if line.startswith("Reply-To: "))[len("Reply-To: ") :]
    assert token_in(reply_to, "support@desk.example")
    await send(app, 2, reply_to)
    subscription = await js.subscribe("ot.local.message.received.email.*", ordered_consumer=True)
    answers = [
        MessageReceived.model_validate_json((await subscription.next_msg(timeout=10)).data).data for _ in range(2)
    ]
    assert [answer.thread_token for answer in answers] == [None, thread]


async def test_a_bus_that_is_closed_defers_the_mail(settings, nats_url: str, js: JetStreamContext):
    from onethread.runtime.bus import Bus

    bus = Bus("gateway-email", settings.model_copy(update={"nats_url": nats_url}))
    app = create_app(settings, bus)
    async with app.router.lifespan_context(app):
        await bus.broker.stop()
        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await send(app, 3)
    assert refused.value.code == 451
    assert (await js.stream_info("EVENTS")).state.messages == 0
