"""A reply carries a signature that whoever has the key from the DNS can check."""

from __future__ import annotations

import base64
from uuid import uuid4

import dkim
import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import rsa

from onethread.contracts.channels import ChannelConfig
from onethread.contracts.messages import Audience, Author, Channel, Place
from onethread.contracts.replies import ReplyRequested, RequestedReply
from onethread.gateway_email.app import create_app

ANN = "ann@customer.example"


@pytest.fixture(scope="module")
def key() -> tuple[str, bytes]:
    """Private, as conversation hands it on; and the record that the DNS shows."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = made.private_bytes(form.Encoding.PEM, form.PrivateFormat.TraditionalOpenSSL, form.NoEncryption()).decode()
    public = made.public_key().public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
    return pem, b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


def config(id_: str, address: str, pem: str, **settings) -> ChannelConfig:
    return ChannelConfig(
        id=id_, workspace="local", kind="email", name="Help", settings={"address": address, **settings},
        secrets={"dkim_selector": "ot1", "dkim_key": pem},
    )  # fmt: skip


async def sent(settings, bus, memory_ledger, memory_lines, sink, told: ChannelConfig, channel: str) -> bytes:
    bus.channels = [told]
    reply = RequestedReply(
        message_id=uuid4(), channel=Channel(id=channel, kind="email"), author=Author(kind="teammate", name="Kim"),
        place=Place(key=f"email:{ANN}", audience=Audience(shared=False), route={"to": ANN, "subject": "Größe"}),
        text="Soon.  \n\n\n.\nGrüße", html="<p>Soon. Grüße</p>", sequence=2,
    )  # fmt: skip
    app = create_app(settings.model_copy(update={"smtp_url": sink.url}), bus, memory_ledger, lines=memory_lines)
    async with app.router.lifespan_context(app):
        await bus.handlers["live.*.channels.email"](None)
        event = ReplyRequested(id=uuid4(), source="/c", workspaceid="local", threadid=uuid4(), data=reply)
        await bus.handlers["gateway-email-replies"](event)
    return sink.mails[-1]


def holds(mail: bytes, record: bytes) -> bool:
    asked: list[bytes] = []

    def dns(name: bytes, timeout: int = 5) -> bytes:
        asked.append(name)
        return record

    found = dkim.verify(mail, dnsfunc=dns)
    assert asked in ([b"ot1._domainkey.acme.example."], [b"ot1._domainkey.desk.example."])
    return found


async def test_what_arrives_is_signed_for_the_domain_of_its_address(
    settings, bus, memory_ledger, memory_lines, sink, key
):
    mail = await sent(
        settings, bus, memory_ledger, memory_lines, sink, config("acme", "help@acme.example", key[0]), "acme"
    )
    assert b"d=acme.example" in mail.partition(b"\r\n\r\n")[0]
    assert holds(mail, key[1])


async def test_whatever_is_changed_on_the_way_is_seen(settings, bus, memory_ledger, memory_lines, sink, key):
    mail = await sent(
        settings, bus, memory_ledger, memory_lines, sink, config("acme", "help@acme.example", key[0]), "acme"
    )
    for changed in (
        b"From: Boss <boss@acme.example>\r\n" + mail,
        b"Reply-To: thief@evil.example\r\n" + mail,
        b"Cc: thief@evil.example\r\n" + mail,
        mail.replace(b"Soon", b"Never", 1),
        mail.replace(ANN.encode(), b"bob@customer.example"),
    ):
        assert not holds(changed, key[1])


async def test_the_address_of_the_settings_is_signed_and_looks_as_an_administrator_wants(
    settings, bus, memory_ledger, memory_lines, sink, key
):
    told = config("email-local", "support@desk.example", key[0], sender="{name} at Desk", signature="Bye")
    mail = await sent(settings, bus, memory_ledger, memory_lines, sink, told, "email-local")
    assert holds(mail, key[1])
    assert b"From: Kim at Desk <support@desk.example>" in mail
    assert b"-- \r\nBye" in mail or b"--=20\r\nBye" in mail


async def test_a_key_of_another_domain_signs_nothing(settings, bus, memory_ledger, memory_lines, sink, key):
    """The operator moved the address; the administrator's settings are of the old one."""
    told = config("email-local", "support@old.example", key[0], sender="{name} at Desk")
    mail = await sent(settings, bus, memory_ledger, memory_lines, sink, told, "email-local")
    assert b"DKIM-Signature" not in mail
    assert b"From: Kim at Desk <support@desk.example>" in mail


async def test_without_a_key_a_mail_goes_unsigned(settings, bus, memory_ledger, memory_lines, sink):
    told = ChannelConfig(
        id="acme", workspace="local", kind="email", name="A", settings={"address": "help@acme.example"}
    )
    assert b"DKIM-Signature" not in await sent(settings, bus, memory_ledger, memory_lines, sink, told, "acme")
