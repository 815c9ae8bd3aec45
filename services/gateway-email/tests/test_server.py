"""What the mail server lets come in, and from whom: by raw protocol."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI

from onethread.gateway_email.app import create_app
from onethread.gateway_email.settings import Settings
from onethread.gateway_email.smtp import server
from onethread.runtime.bus import FullError

STRANGER = "203.0.113.9"
MAIL = (
    b"Authentication-Results: mx.desk.example; dmarc=pass header.from=customer.example\r\n"
    b"From: Ann <ann@customer.example>\r\nTo: support@desk.example\r\nSubject: My order\r\n"
    b"Message-ID: <1@customer.example>\r\nDate: Mon, 02 Nov 2026 09:59:58 +0000\r\n\r\nWhere is it?"
)


class Wire:
    """A mail server's end of a connection, by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def hear(self) -> str:
        """The last line of an answer, without its end; empty when the connection is closed."""
        said = (await asyncio.wait_for(self.reader.readline(), 20)).decode()
        return await self.hear() if said[3:4] == "-" else said.strip()

    async def say(self, *lines: str) -> str:
        self.writer.write("".join(f"{line}\r\n" for line in lines).encode())
        return await self.hear()

    async def offers(self, greeting: str = "EHLO mx.customer.example") -> list[str]:
        self.writer.write(f"{greeting}\r\n".encode())
        said = [await self.reader.readline()]
        while said[-1][3:4] == b"-":
            said.append(await self.reader.readline())
        return [line.decode()[4:].strip() for line in said]

    async def hand_over(self, raw: bytes = MAIL, *recipients: str) -> str:
        await self.say("EHLO mx.customer.example")
        assert (await self.say("MAIL FROM:<ann@customer.example>")).startswith("250")
        for recipient in recipients or ("support@desk.example",):
            assert (await self.say(f"RCPT TO:<{recipient}>")).startswith("250")
        assert (await self.say("DATA")).startswith("354")
        self.writer.write(raw + b"\r\n.\r\n")
        return await self.hear()

    async def is_closed(self) -> bool:
        return await self.hear() == ""


Connect = Callable[..., "asyncio.Future[Wire]"]


@asynccontextmanager
async def running(settings: Settings, bus, ledger) -> AsyncIterator[FastAPI]:
    app = create_app(settings, bus, ledger)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def connect(settings: Settings, bus, memory_ledger):
    """Starts the service on first use, with `settings` as they are then. `first`: what is said before it greets."""
    async with AsyncExitStack() as stack:
        apps: list[FastAPI] = []

        async def one(first: bytes = b"", lmtp: bool = False) -> Wire:
            if not apps:
                apps.append(await stack.enter_async_context(running(settings, bus, memory_ledger)))
            mail = apps[0].state.mail
            reader, writer = await asyncio.open_connection("127.0.0.1", mail.lmtp_port if lmtp else mail.port)
            stack.callback(writer.close)
            writer.write(first)
            return Wire(reader, writer)

        yield one


def proxied(address: str = STRANGER) -> bytes:
    return f"PROXY TCP4 {address} 127.0.0.1 40000 25\r\n".encode()


def make_certificate(folder: Path, name: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding, none = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "tls.key").write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, none))
    (folder / "tls.crt").write_bytes(certificate.public_bytes(encoding))


@pytest.fixture
def with_certificate(settings: Settings, tmp_path: Path) -> Settings:
    make_certificate(tmp_path, "one.example")
    settings.smtp_certificate, settings.smtp_key = tmp_path / "tls.crt", tmp_path / "tls.key"
    return settings


async def secured(client: Wire) -> str:
    """Goes over to TLS. Returns the name in the certificate."""
    await client.say("EHLO mx.customer.example")
    assert (await client.say("STARTTLS")).startswith("220")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    await client.writer.start_tls(context)
    raw = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    name = x509.load_der_x509_certificate(raw).subject
    return str(name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)


# TLS


async def test_a_mail_comes_over_tls(with_certificate, connect, bus):
    client = await connect()
    await client.hear()
    assert "STARTTLS" in await client.offers()
    assert await secured(client) == "one.example"
    offers = await client.offers()
    assert not {"STARTTLS", "AUTH", "AUTH LOGIN PLAIN"} & {*offers}, "nobody logs in here"
    assert (await client.hand_over()).startswith("250 2.0.0 Kept")
    assert len(bus.published) == 1


def test_a_mail_comes_over_tls_in_the_loop_that_services_run_in(tmp_path, monkeypatch):
    """uvloop's transports are not asyncio's."""

    class Handler:
        async def handle_EHLO(self, _server, session, _envelope, name, offers):  # noqa: N802
            session.host_name = name
            return offers

        async def answers(self, _session, _envelope, raw):
            return [f"250 {len(raw)} bytes"]

    async def go() -> str:
        make_certificate(tmp_path, "one.example")
        made = Settings(smtp_certificate=tmp_path / "tls.crt", smtp_key=tmp_path / "tls.key", reply_secret="s" * 16)
        mails = server.MailServer(Handler(), made.front)
        await mails.start("127.0.0.1", 0)
        client = Wire(*await asyncio.open_connection("127.0.0.1", mails.port))
        await client.hear()
        assert await secured(client) == "one.example"
        answer = await client.hand_over(b"x" * 300_000)
        await mails.stop()
        return answer

    assert uvloop.run(go()) == "250 300002 bytes"


async def test_a_new_certificate_is_used_at_once_and_a_broken_one_is_not(with_certificate, connect, tmp_path):
    async def name_shown() -> str:
        client = await connect()
        await client.hear()
        return await secured(client)

    assert await name_shown() == "one.example"
    make_certificate(tmp_path, "two.example")
    assert await name_shown() == "two.example"
    (tmp_path / "tls.crt").write_text("half of a fi")
    assert await name_shown() == "two.example"
    make_certificate(tmp_path, "three.example")
    assert await name_shown() == "three.example"


async def test_what_was_said_before_tls_is_forgotten(with_certificate, connect, bus):
    """Somebody between the two could have put it there (RFC 3207, 4.2)."""
    client = await connect()
    await client.hear()
    await client.say("EHLO mx.customer.example")
    await client.say("MAIL FROM:<mallory@evil.example>")
    client.writer.write(b"STARTTLS\r\nMAIL FROM:<mallory@evil.example>\r\n")
    await client.hear()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    await client.writer.start_tls(context)
    assert (await client.say("RCPT TO:<support@desk.example>")).startswith("503")


@pytest.mark.parametrize("files", [("tls.crt", None), (None, "tls.key"), ("tls.crt", "tls.crt"), ("no.crt", "no.key")])
def test_a_certificate_that_cannot_be_used_stops_the_start_in_words(files, tmp_path, monkeypatch):
    make_certificate(tmp_path, "one.example")
    monkeypatch.setenv("ONETHREAD_REPLY_SECRET", "a secret of a test")
    for setting, file in zip(("CERTIFICATE", "KEY"), files, strict=True):
        monkeypatch.setenv(f"ONETHREAD_SMTP_{setting}", str(tmp_path / file) if file else "")
    with pytest.raises(SystemExit, match="ONETHREAD_SMTP_KEY"):
        Settings.load()


# LMTP


@pytest.fixture
def with_lmtp(settings: Settings) -> Settings:
    settings.lmtp_port = 0
    return settings


async def handed_over(client: Wire, *recipients: str, raw: bytes = MAIL) -> list[str]:
    await client.hear()
    await client.say("LHLO mx.desk.example")
    await client.say("MAIL FROM:<ann@customer.example>")
    for recipient in recipients:
        await client.say(f"RCPT TO:<{recipient}>")
    await client.say("DATA")
    client.writer.write(raw + b"\r\n.\r\n")
    answers = [await client.hear() for _ in recipients]
    assert (await client.say("NOOP")).startswith("250"), "there is an answer too many"
    return answers


async def test_lmtp_has_an_answer_for_each_recipient(with_lmtp, connect, bus):
    answers = await handed_over(await connect(lmtp=True), "support@desk.example", "support+some@desk.example")
    assert [answer[:3] for answer in answers] == ["250", "250"]
    assert len({event.id for event, _ in bus.published}) == 1, "both are the same desk"


async def test_lmtp_refuses_for_each_recipient(with_lmtp, connect, bus):
    twice = ("support@desk.example", "support+some@desk.example")
    assert [a[:9] for a in await handed_over(await connect(lmtp=True), *twice, raw=b"a\nb")] == ["550 5.6.1"] * 2
    large = b"a" * 201_000
    assert [a[:9] for a in await handed_over(await connect(lmtp=True), *twice, raw=large)] == ["552 5.3.4"] * 2
    bus.away = True
    assert [a[:9] for a in await handed_over(await connect(lmtp=True), *twice)] == ["451 4.3.0"] * 2
    assert not bus.published


async def test_a_fault_of_ours_is_told_to_each_recipient(with_lmtp, connect, bus):
    async def broken(*_):
        raise KeyError("inner workings")

    bus.publish = broken
    twice = ("support@desk.example", "support+some@desk.example")
    assert [a[:9] for a in await handed_over(await connect(lmtp=True), *twice)] == ["451 4.3.0"] * 2


async def test_smtp_is_not_spoken_on_the_port_for_lmtp_nor_lmtp_on_the_other(with_lmtp, connect):
    local, world = await connect(lmtp=True), await connect()
    await local.hear()
    await world.hear()
    assert (await local.say("EHLO x")).startswith("500")
    assert (await world.say("LHLO x")).startswith("500")


@pytest.mark.parametrize(("relays", "trust"), [("127.0.0.0/8", "verified"), ("", "asserted")])
async def test_who_hands_on_by_lmtp_is_believed_only_by_name(relays, trust, with_lmtp, connect, bus):
    with_lmtp.trusted_relays = relays
    await handed_over(await connect(lmtp=True), "support@desk.example")
    assert bus.published[-1][0].data.identities[0].trust == trust


# Limits


async def test_a_mail_server_with_too_many_connections_is_told_so(settings, connect):
    settings.trusted_relays, settings.smtp_connections_each = "", 2
    first = [await connect() for _ in range(2)]
    assert [(await one.hear())[:3] for one in first] == ["220", "220"]
    third = await connect()
    assert (await third.hear()).startswith("421 4.7.0")
    assert await third.is_closed()
    first[0].writer.close()
    async with asyncio.timeout(20):
        while not (await (await connect()).hear()).startswith("220"):
            await asyncio.sleep(0.02)


async def test_a_mail_server_that_brings_too_much_goes_on_in_a_minute(settings, connect, bus):
    settings.trusted_relays, settings.smtp_mails_a_minute = "", 2
    client = await connect()
    await client.hear()
    assert [(await client.hand_over())[:3] for _ in range(2)] == ["250", "250"]
    assert (await client.say("MAIL FROM:<ann@customer.example>")).startswith("451 4.7.1 Too many mails")
    assert (await client.say("NOOP")).startswith("250")


async def test_whoever_looks_for_addresses_gets_slower_answers_and_then_none(settings, connect, monkeypatch):
    settings.trusted_relays = ""
    monkeypatch.setattr(server, "WRONG_SECONDS", 1.0)
    monkeypatch.setattr(server, "WRONG_RECIPIENTS", 5)
    client = await connect()
    await client.hear()
    await client.say("EHLO x")
    await client.say("MAIL FROM:<ann@customer.example>")
    took, loop = [], asyncio.get_running_loop()
    for n in range(5):
        began = loop.time()
        assert (await client.say(f"RCPT TO:<guess{n}@desk.example>")).startswith("550 5.1.1")
        took.append(loop.time() - began >= 1)
    assert took == [False, False, False, True, True]
    assert (await client.say("RCPT TO:<guess9@desk.example>")).startswith("421 4.7.1")
    assert await client.is_closed()


async def test_a_mail_has_so_many_recipients(settings, connect):
    client = await connect()
    await client.hear()
    await client.say("EHLO x")
    await client.say("MAIL FROM:<ann@customer.example>")
    said = [await client.say(f"RCPT TO:<support+{n}@desk.example>") for n in range(server.RECIPIENTS + 1)]
    assert [one[:3] for one in said] == ["250"] * server.RECIPIENTS + ["452"]


async def test_a_silent_connection_is_closed_with_a_word(connect, monkeypatch):
    monkeypatch.setattr(server, "COMMAND_SECONDS", 0.2)
    client = await connect()
    await client.hear()
    assert (await client.hear()).startswith("421 4.4.2")
    assert await client.is_closed()


async def test_a_mail_that_comes_drop_by_drop_is_cut_off(connect, monkeypatch, bus):
    monkeypatch.setattr(server, "DATA_SECONDS", 0.3)
    client = await connect()
    await client.hear()
    await client.say("EHLO x")
    await client.say("MAIL FROM:<ann@customer.example>")
    await client.say("RCPT TO:<support@desk.example>")
    await client.say("DATA")
    client.writer.write(b"From: ")
    assert (await client.hear()).startswith("421 4.4.2")
    assert await client.is_closed()
    assert not bus.published


async def test_large_mails_at_once_wait_for_their_turn(connect, monkeypatch, bus):
    monkeypatch.setattr(server, "MAILS_IN_MEMORY", 1)
    half, other = await connect(), await connect()
    for client in (half, other):
        await client.hear()
    await half.say("EHLO x")
    await half.say("MAIL FROM:<ann@customer.example>")
    await half.say("RCPT TO:<support@desk.example>")
    await half.say("DATA")
    half.writer.write(MAIL + b"\r\n" + b"y" * 150_000)
    await asyncio.sleep(0.2)
    assert (await other.hand_over(MAIL + b"z" * 150_000)).startswith("452 4.3.1")
    half.writer.write(b"\r\n.\r\n")
    assert (await half.hear()).startswith("250")
    assert (await other.hand_over(MAIL + b"z" * 150_000)).startswith("250")


async def test_a_full_bus_is_told_apart_from_one_that_is_away(connect, bus):
    async def full(*_):
        raise FullError("no room")

    publish, bus.publish = bus.publish, full
    client = await connect()
    await client.hear()
    assert (await client.hand_over()).startswith("452 4.3.1")
    bus.publish = publish
    assert (await client.hand_over()).startswith("250")


# What ends a mail, and what does not


ENDED = [
    (b".\r\n", b""),
    (b"\r\n.\r\n", b"\r\n"),
    (b"a\r\n.\r\n", b"a\r\n"),
    (b"..a\r\n..\r\n...\r\n.\r\n", b".a\r\n.\r\n..\r\n"),
    (b"\r\n..\r\n.\r\n", b"\r\n.\r\n"),
    (b"a\r.\r\n\r\n.\r\n", b"a\r.\r\n\r\n"),
    (b"a\n.\r\n.\r\n", b"a\n.\r\n"),
    (b"\r\r\n.\r\n", b"\r\r\n"),
    (b"x" * 200_000 + b"\r\n.\r\n", b"x" * 200_000 + b"\r\n"),
    ((b"y" * 998 + b"\r\n") * 150 + b".\r\n", (b"y" * 998 + b"\r\n") * 150),
]
CUT = [(*mail, at_once) for mail in ENDED for at_once in (1, 7, 100_000) if at_once > 1 or len(mail[0]) < 1_000]
"""A large mail a byte at a time would take long."""


@pytest.mark.parametrize(("sent", "kept", "at_once"), CUT)
async def test_a_mail_ends_at_its_end_however_it_is_cut(sent: bytes, kept: bytes, at_once: int, settings, monkeypatch):
    taken: list[bytes] = []

    class Handler:
        async def answers(self, _session, _envelope, raw):
            taken.append(raw)
            return ["250 OK"]

    settings.mail_bytes = 300_000
    mails = server.MailServer(Handler(), settings.front)
    await mails.start("127.0.0.1", 0)
    client = Wire(*await asyncio.open_connection("127.0.0.1", mails.port))
    await client.hear()
    await client.say("EHLO x")
    await client.say("MAIL FROM:<ann@customer.example>")
    await client.say("RCPT TO:<support@desk.example>")
    await client.say("DATA")
    for start in range(0, len(sent), at_once):
        client.writer.write(sent[start : start + at_once])
        await client.writer.drain()
        await asyncio.sleep(0)
    assert await client.hear() == "250 OK"
    assert (await client.say("NOOP")).startswith("250")
    assert taken == [kept]
    await mails.stop()


async def test_commands_may_be_sent_ahead(connect, bus):
    client = await connect()
    await client.hear()
    assert "PIPELINING" in await client.offers()
    client.writer.write(b"MAIL FROM:<ann@customer.example>\r\nRCPT TO:<support@desk.example>\r\nDATA\r\n")
    assert [(await client.hear())[:3] for _ in range(3)] == ["250", "250", "354"]
    client.writer.write(MAIL + b"\r\n.\r\nMAIL FROM:<bob@customer.example>\r\nQUIT\r\n")
    assert [(await client.hear())[:3] for _ in range(3)] == ["250", "250", "221"]
    assert len(bus.published) == 1


async def test_what_is_sent_at_once_is_answered_at_once(connect):
    client = await connect()
    await client.hear()
    await client.offers()
    client.writer.write(b"MAIL FROM:<ann@customer.example>\r\nRCPT TO:<support@desk.example>\r\nDATA\r\n")
    first = await client.reader.read(4096)
    assert [line[:9] for line in first.split(b"\r\n")] == [b"250 2.1.0", b"250 2.1.5", b"354 End d", b""]


async def test_an_answer_is_not_held_back_for_half_a_command(connect):
    client = await connect()
    await client.hear()
    await client.offers()
    client.writer.write(b"MAIL FROM:<ann@customer.example>\r\nRCPT TO:<sup")
    assert (await client.hear()).startswith("250 2.1.0")
    client.writer.write(b"port@desk.example>\r\n")
    assert (await client.hear()).startswith("250 2.1.5")


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\n\r\n.\n"])
async def test_no_second_mail_is_smuggled_in_a_first(end: bytes, connect, bus):
    """Where two servers see the end of a mail in different places, what follows is a mail that nobody checked."""
    hidden = (
        b"MAIL FROM:<boss@desk.example>\r\nRCPT TO:<support@desk.example>\r\nDATA\r\nFrom: boss@desk.example\r\n\r\nPay"
    )
    client = await connect()
    await client.hear()
    assert (await client.hand_over(MAIL + end + hidden)).startswith("550 5.6.11")
    assert (await client.say("NOOP")).startswith("250"), "nothing of it is taken for a command"
    assert not bus.published


@pytest.mark.parametrize(
    "line",
    [
        "MAIL FROM:<a@b.example>\rRCPT TO:<x@y.example>",
        "MAIL FROM:<a@b.example\0>",
        "MAIL FROM:<a@b.example> X-INJECTED=1",
        "MAIL FROM:a@b.example\tBcc: x@y.example",
        "MAIL FROM:<" + "a" * 600 + "@b.example>",
        "MAIL FROM:<" + "(" * 300 + "@b.example>",
    ],
)
async def test_no_header_is_smuggled_in_a_command(line: str, connect):
    client = await connect()
    await client.hear()
    await client.say("EHLO x")
    assert (await client.say(line))[0] == "5"
    assert (await client.say("RCPT TO:<support@desk.example>")).startswith("503"), "no mail has begun"


async def test_a_command_without_end_is_no_burden(connect):
    client = await connect()
    await client.hear()
    client.writer.write(b"x" * 1_000_000 + b"\r\n")
    assert (await client.hear()).startswith("500")
    assert (await client.say("NOOP")).startswith("250")


# PROXY


@pytest.fixture
def behind_a_balancer(settings: Settings) -> Settings:
    settings.proxy_peers, settings.trusted_relays = "127.0.0.0/8", "198.51.100.0/24"
    return settings


async def test_whoever_the_balancer_names_is_the_peer(behind_a_balancer, connect, bus):
    for address, trust in (("198.51.100.7", "verified"), (STRANGER, "asserted")):
        client = await connect(proxied(address))
        assert (await client.hear()).startswith("220")
        await client.hand_over(MAIL.replace(b"<1@", f"<{address}@".encode()))
        assert bus.published[-1][0].data.identities[0].trust == trust


async def test_version_2_of_the_protocol_is_understood(behind_a_balancer, connect, bus):
    addresses = bytes([198, 51, 100, 7, 127, 0, 0, 1]) + (40000).to_bytes(2) + (25).to_bytes(2)
    client = await connect(b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + len(addresses).to_bytes(2) + addresses)
    assert (await client.hear()).startswith("220")
    await client.hand_over()
    assert bus.published[-1][0].data.identities[0].trust == "verified"


async def test_whom_the_balancer_named_is_not_forgotten_by_tls(behind_a_balancer, with_certificate, connect, bus):
    """Regression: after STARTTLS the connection begins anew, from the balancer's address."""
    behind_a_balancer.trusted_relays = "127.0.0.0/8"
    client = await connect(proxied())
    await client.hear()
    await secured(client)
    await client.hand_over()
    assert bus.published[-1][0].data.identities[0].trust == "asserted"


@pytest.mark.parametrize(
    "first", [b"EHLO mx.example\r\n", b"PROXY TCP4 1.2.3 x 1 1\r\n", b"PROXY \r\n", b"\r\n\r\n\0\r\nQUIX\n" + b"x" * 16]
)
async def test_a_balancer_must_say_for_whom_it_speaks(first: bytes, behind_a_balancer, connect):
    client = await connect(first)
    assert await client.is_closed()


async def test_a_balancer_that_says_nothing_is_cut_off(behind_a_balancer, connect, monkeypatch):
    monkeypatch.setattr(server, "PROXY_SECONDS", 0.2)
    client = await connect()
    assert (await client.hear()).startswith("421 4.4.2")
    assert await client.is_closed()


async def test_a_balancer_that_looks_whether_we_are_here_speaks_for_nobody(behind_a_balancer, connect, bus):
    behind_a_balancer.trusted_relays = "127.0.0.0/8"
    client = await connect(b"PROXY UNKNOWN\r\n")
    assert (await client.hear()).startswith("220")
    await client.hand_over()
    assert bus.published[-1][0].data.identities[0].trust == "asserted", "its own address is nobody's"


async def test_nobody_else_may_say_for_whom_they_speak(settings, connect, bus):
    client = await connect(proxied("198.51.100.7"))
    assert (await client.hear()).startswith("220")
    assert (await client.hear()).startswith("554 5.7.1")
    assert await client.is_closed()


async def test_those_behind_a_balancer_have_their_own_limits(behind_a_balancer, connect):
    behind_a_balancer.smtp_connections_each = 1
    assert (await (await connect(proxied())).hear()).startswith("220")
    second = await connect(proxied())
    assert (await second.hear()).startswith("421 4.7.0")
    assert await second.is_closed()
    assert (await (await connect(proxied("192.0.2.1"))).hear()).startswith("220")


async def test_what_is_counted_names_nobody(behind_a_balancer, connect):
    from prometheus_client import generate_latest

    client = await connect(proxied())
    await client.hear()
    shown = generate_latest().decode()
    assert 'onethread_email_connections_total{outcome="taken",protocol="smtp"}' in shown
    assert "onethread_email_servers_connected 1.0" in shown
    assert STRANGER not in shown
