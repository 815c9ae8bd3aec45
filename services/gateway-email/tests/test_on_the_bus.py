"""The whole service on a real NATS: a mail in, a reply out, and the server gone in between."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import aiosmtplib
import nats
import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from nats.js import JetStreamContext

from onethread.contracts.messages import Author, Channel, MessageReceived, Place
from onethread.contracts.replies import ReplyDelivered, ReplyRequested, RequestedReply
from onethread.gateway_email.app import create_app
from onethread.gateway_email.mailboxes.bookmarks import LEASE_SECONDS, Bookmark, Bookmarks
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
    return await put(app, MAIL.format(number=number, to=to), to)


async def put(app: FastAPI, mail: str, to: str = "support@desk.example") -> str:
    where = {"hostname": "127.0.0.1", "port": app.state.mail.port, "start_tls": False}
    return (await aiosmtplib.send(mail.encode(), sender="ann@customer.example", recipients=[to], **where))[1]


async def next_on(js: JetStreamContext, subject: str, kind: Any) -> Any:
    subscription = await js.subscribe(subject, ordered_consumer=True)
    return kind.model_validate_json((await subscription.next_msg(timeout=20)).data)


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
        MessageReceived.model_validate_json((await subscription.next_msg(timeout=20)).data).data for _ in range(2)
    ]
    assert [answer.thread_token for answer in answers] == [None, thread]


async def test_a_signature_that_was_used_by_one_replica_is_used_for_all(settings, nats_url: str, js: JetStreamContext):
    key = "key-of-a-mailgun-account"
    stamp = str(int(time.time()))
    signature = hmac.digest(key.encode(), f"{stamp}token".encode(), "sha256").hex()
    signed = {"timestamp": stamp, "token": "token", "signature": signature, "recipient": "support@desk.example"}
    for number in (1, 2):
        app = create_app(settings.model_copy(update={"nats_url": nats_url, "inbound_mailgun": key}))
        transport = ASGITransport(app)
        async with app.router.lifespan_context(app), AsyncClient(transport=transport, base_url="http://g") as http:
            mail = MAIL.format(number=number, to="support@desk.example")
            answer = await http.post("/inbound/mailgun/mime", data=signed | {"body-mime": mail})
            assert (answer.status_code, bool(answer.json()["kept"])) == (200, number == 1)
    assert (await js.stream_info("EVENTS")).state.messages == 1


async def test_a_mailbox_is_read_by_one_replica_and_its_bookmark_is_everybodys(nats_url: str, js: JetStreamContext):
    now = [1000.0]
    one, other = (Bookmarks(lambda: js, name, lambda: now[0]) for name in ("one", "other"))
    assert await one.get("email-local") is None
    assert [await one.hold("email-local"), await other.hold("email-local")] == [True, False]
    assert sum(await asyncio.gather(one.hold("second"), other.hold("second"))) == 1
    mark = Bookmark(place="imap.example:993 u INBOX", validity=7, uid=3)
    await one.put("email-local", mark)
    await one.let_go("email-local")
    assert await other.hold("email-local")
    assert await other.get("email-local") == mark
    now[0] += LEASE_SECONDS + 1
    assert [await one.hold("email-local"), await other.hold("email-local")] == [True, False]


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


async def test_one_id_at_two_replicas_at_once_is_each_mail_once(
    settings, nats_url: str, js: JetStreamContext, tmp_path
):
    """The genuine mail, a forged copy of it and another mail that took its id, five times each, on both."""
    genuine = MAIL.format(number=7, to="support@desk.example")
    mails = [genuine, genuine.replace("dmarc=pass", "dmarc=fail"), genuine.replace("Where is it?", "I was first.")]
    apps = [
        create_app(settings.model_copy(update={"nats_url": nats_url, "home": tmp_path / name, "smtp_port": 0}))
        for name in ("one", "two")
    ]
    async with apps[0].router.lifespan_context(apps[0]), apps[1].router.lifespan_context(apps[1]):
        answers = await asyncio.gather(*(put(app, mail) for app in apps for mail in mails for _ in range(5)))
    assert all(answer.startswith("2.0.0 Kept as") for answer in answers)
    assert (await js.stream_info("EVENTS")).state.messages == 3
    subscription = await js.subscribe("ot.local.message.received.email.*", ordered_consumer=True)
    heard = [MessageReceived.model_validate_json((await subscription.next_msg(timeout=20)).data).data for _ in range(3)]
    assert sorted((one.text, one.verdict) for one in heard) == [
        ("I was first.", "verified"),
        ("Where is it?", "forged"),
        ("Where is it?", "verified"),
    ]
