from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from prometheus_client import REGISTRY

from onethread.contracts import ids
from onethread.gateway_email.app import create_app

SENDER = "ann@customer.example"
MAIL = (
    b"From: Ann <ann@customer.example>\r\nTo: support@desk.example\r\nSubject: My order\r\n"
    b"Message-ID: <1@customer.example>\r\nDate: Mon, 02 Nov 2026 09:59:58 +0000\r\n\r\nWhere is it?\r\n"
)


class Conversation:
    """SMTP by hand, since a well-behaved client would not send what is tried here."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def hear(self) -> str:
        said = (await asyncio.wait_for(self.reader.readline(), 20)).decode()
        return await self.hear() if said[3:4] == "-" else said.strip()

    async def say(self, line: str) -> str:
        self.writer.write(f"{line}\r\n".encode())
        return await self.hear()

    async def begin(self, recipient: str = "support@desk.example", sender: str = SENDER) -> str:
        await self.say("EHLO mx.customer.example")
        assert (await self.say(f"MAIL FROM:<{sender}>")).startswith("250")
        return await self.say(f"RCPT TO:<{recipient}>")

    async def hand_over(self, raw: bytes = MAIL, sender: str = SENDER) -> str:
        assert (await self.begin(sender=sender)).startswith("250")
        assert (await self.say("DATA")).startswith("354")
        self.writer.write(raw + b"\r\n.\r\n")
        return await self.hear()


@pytest.fixture
async def app(settings, bus, memory_ledger) -> AsyncIterator[FastAPI]:
    app = create_app(settings, bus, memory_ledger)
    async with app.router.lifespan_context(app):
        yield app


@asynccontextmanager
async def talking_to(app: FastAPI) -> AsyncIterator[Conversation]:
    reader, writer = await asyncio.open_connection("127.0.0.1", app.state.mail.port)
    client = Conversation(reader, writer)
    assert (await client.hear()).startswith("220 desk.example")
    yield client
    writer.close()


async def test_a_mail_from_a_server_that_nobody_named_is_checked_here(settings, bus, memory_ledger, name_server):
    name_server.text("customer.example", "v=spf1 ip4:127.0.0.1 -all")
    name_server.text("mallory.example", "v=spf1 -all")
    for domain in ("customer.example", "mallory.example"):
        name_server.text(f"_dmarc.{domain}", "v=DMARC1; p=reject")
    direct = settings.model_copy(update={"trusted_relays": "", "dns_server": name_server.address})
    app = create_app(direct, bus, memory_ledger)
    async with app.router.lifespan_context(app), talking_to(app) as client:
        assert (await client.hand_over()).startswith("250")
        forged = b"Authentication-Results: mx.desk.example; dmarc=pass header.from=mallory.example\r\n" + MAIL
        forged = forged.replace(b"ann@customer.example", b"eve@mallory.example")
        assert (await client.hand_over(forged, sender="eve@mallory.example")).startswith("250")
    genuine, false = (event.data for event, _ in bus.published)
    assert (genuine.verdict, genuine.identities[0].trust) == ("verified", "verified")
    assert (false.verdict, false.identities[0].trust) == ("forged", "asserted")
    assert false.identities[0].evidence == "failed DMARC for mallory.example, which asks to refuse such mail"


async def test_a_mail_is_receipted_after_it_is_published(app, bus):
    async with talking_to(app) as client:
        answer = await client.hand_over()
    [(event, tokens)] = bus.published
    assert answer == f"250 2.0.0 Kept as {event.id}"
    assert tokens == ("email", ids.lane(SENDER))
    assert event.source == "/gateway-email"
    assert event.id == ids.received_id("local", "email-local", event.data.external_id)
    assert event.data.text == "Where is it?"


async def test_the_receipt_waits_for_the_bus(app, bus):
    taken = asyncio.Event()
    publish = bus.publish

    async def slow(event, *tokens):
        await taken.wait()
        await publish(event, *tokens)

    bus.publish = slow
    async with talking_to(app) as client:
        answering = asyncio.ensure_future(client.hand_over())
        await asyncio.sleep(0.3)
        assert not answering.done()
        taken.set()
        assert (await answering).startswith("250")


async def test_the_same_mail_sent_twice_is_one_event(app, bus):
    async with talking_to(app) as client:
        await client.hand_over()
        await client.hand_over()
    assert len({event.id for event, _ in bus.published}) == 1


async def test_a_bus_that_is_away_makes_the_sender_try_again(app, bus):
    bus.away = True
    async with talking_to(app) as client:
        assert (await client.hand_over()).startswith("451 4.3.0")
        bus.away = False
        assert (await client.hand_over()).startswith("250")


async def test_a_fault_of_ours_makes_the_sender_try_again_and_tells_nothing(app, bus):
    async def broken(*_):
        raise KeyError("inner workings")

    bus.publish = broken
    async with talking_to(app) as client:
        answer = await client.hand_over()
    assert answer.startswith("451")
    assert "inner" not in answer


@pytest.mark.parametrize("recipient", ["sales@desk.example", "support@other.example", "supporter@desk.example"])
async def test_an_unknown_address_is_refused(recipient: str, app):
    async with talking_to(app) as client:
        assert (await client.begin(recipient)).startswith("550 5.1.1")


@pytest.mark.parametrize("recipient", ["Support@Desk.Example", "support+anything@desk.example"])
async def test_our_address_and_its_extensions_are_taken(recipient: str, app):
    async with talking_to(app) as client:
        assert (await client.begin(recipient)).startswith("250")


async def test_a_bounce_with_the_null_sender_is_taken_and_marked(app, bus):
    async with talking_to(app) as client:
        assert (await client.hand_over(sender="")).startswith("250")
    assert bus.published[0][0].data.automatic


async def test_a_mail_without_message_id_is_taken(app, bus):
    async with talking_to(app) as client:
        await client.hand_over(MAIL.replace(b"Message-ID: <1@customer.example>\r\n", b""))
        await client.hand_over(MAIL.replace(b"Message-ID: <1@customer.example>\r\n", b""))
    assert len({event.id for event, _ in bus.published}) == 1


async def test_a_mail_without_from_is_refused_in_words(app, bus):
    async with talking_to(app) as client:
        answer = await client.hand_over(MAIL.replace(b"From: Ann <ann@customer.example>\r\n", b""))
    assert answer.startswith("550 5.6.0 This mail has no From field")
    assert not bus.published


async def test_an_oversize_mail_is_refused_before_and_after_it_is_sent(app, bus):
    async with talking_to(app) as client:
        await client.say("EHLO x")
        assert (await client.say(f"MAIL FROM:<{SENDER}> SIZE=300000")).startswith("552")
        assert (await client.hand_over(MAIL + b"x" * 70 + (b"y" * 76 + b"\r\n") * 3000)).startswith("552")
        assert (await client.hand_over()).startswith("250")
    assert len(bus.published) == 1


@pytest.mark.parametrize("loose", [b"\n", b"\r", b"\n.\n", b"\n.\r\n"])
async def test_a_loose_line_break_is_refused(loose: bytes, app, bus):
    smuggled = MAIL + b"more" + loose + b"MAIL FROM:<mallory@evil.example>"
    async with talking_to(app) as client:
        assert (await client.hand_over(smuggled)).startswith("550 5.6.11")
    assert not bus.published


async def test_a_line_longer_than_the_standard_is_taken(app, bus):
    async with talking_to(app) as client:
        assert (await client.hand_over(MAIL + b"x" * 50_000)).startswith("250")
    assert len(bus.published[0][0].data.text) > 50_000


async def test_our_own_mail_is_taken_off_the_sender_and_dropped(app, bus, settings):
    ours = f"X-Onethread-Instance: {settings.signer('local').instances()[0]}\r\n".encode()
    async with talking_to(app) as client:
        assert (await client.hand_over(ours + MAIL)).startswith("250")
    assert not bus.published


async def test_an_attachment_is_named_in_the_event(app, bus):
    raw = MAIL.replace(b"\r\n\r\nWhere", b"\r\nContent-Type: image/png; name=x.png\r\n\r\nWhere")
    async with talking_to(app) as client:
        assert (await client.hand_over(raw)).startswith("250")
    assert bus.published[0][0].data.attachments[0].name == "x.png"


async def test_a_drain_finishes_the_mail_in_hand_and_takes_no_other(settings, bus, memory_ledger):
    app = create_app(settings, bus, memory_ledger)
    started, go_on = asyncio.Event(), asyncio.Event()
    publish = bus.publish

    async def slow(event, *tokens):
        started.set()
        await go_on.wait()
        await publish(event, *tokens)

    bus.publish = slow
    async with talking_to_during(app) as (busy, idle, stop):
        answering = asyncio.ensure_future(busy.hand_over())
        await asyncio.wait_for(started.wait(), 20)
        stopping = asyncio.ensure_future(stop())
        await asyncio.sleep(0.1)
        assert (await idle.say("EHLO again")).startswith("421")
        go_on.set()
        assert (await answering).startswith("250")
        await asyncio.wait_for(stopping, 20)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", app.state.mail.port)
    assert len(bus.published) == 1


@asynccontextmanager
async def talking_to_during(app: FastAPI):
    await app.state.mail.start("127.0.0.1", 0)
    async with talking_to(app) as busy, talking_to(app) as idle:
        yield busy, idle, app.state.mail.stop


async def test_probes_answer(app):
    async with AsyncClient(transport=ASGITransport(app), base_url="http://x") as client:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).json()["ok"]
        assert "onethread_email_mails_total" in (await client.get("/metrics")).text


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


async def test_what_a_mail_became_and_what_was_found_out_about_its_sender_is_counted(app: FastAPI) -> None:
    names = {"kind": "message", "verdict": "asserted"}, {"kind": "auto_reply", "verdict": "asserted"}
    before = [counted("onethread_email_told_total", **one) for one in names]
    async with talking_to(app) as client:
        await client.hand_over()
    async with talking_to(app) as client:
        await client.hand_over(MAIL.replace(b"<1@", b"<2@").replace(b"To:", b"Auto-Submitted: auto-replied\r\nTo:"))
    assert [counted("onethread_email_told_total", **one) for one in names] == [was + 1 for was in before]
