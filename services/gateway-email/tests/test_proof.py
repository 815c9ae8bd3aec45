"""The mail with the code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from typing import Any

import pytest
import structlog
from fastapi import FastAPI

from onethread.contracts import subjects
from onethread.contracts.channels import ChannelConfig
from onethread.contracts.proofs import ProofMail, ProofMailSent
from onethread.gateway_email.app import create_app
from onethread.gateway_email.outgoing import proof
from onethread.runtime.bus import Bus

LINK = 'https://desk.example/prove?a=1&b="2"'


def asked(**more: Any) -> ProofMail:
    fields = {"workspace": "local", "channel_id": "email-local", "to": "Ann@Customer.example", "code": "042137"}
    return ProofMail(**{**fields, "link": LINK, "minutes": 10, **more})


@pytest.fixture
async def app(settings, bus, memory_ledger, sink) -> AsyncIterator[FastAPI]:
    desk = {"address": "help@acme.example", "display_name": "Acme"}
    bus.channels = [ChannelConfig(id="acme-help", workspace="acme", kind="email", name="Help", settings=desk)]
    app = create_app(settings.model_copy(update={"smtp_url": sink.url}), bus, memory_ledger)
    async with app.router.lifespan_context(app):
        await asyncio.sleep(0.01)
        yield app


async def prove(bus, **more: Any) -> ProofMailSent:
    return await bus.handlers["svc.gateway-email.prove"](asked(**more))


async def test_the_mail_says_the_code_the_link_and_what_to_do_and_nothing_else(app, bus, sink):
    assert await prove(bus) == ProofMailSent(sent=True)
    mail = message_from_bytes(sink.mails[0], policy=policy.default)
    assert (mail["From"], mail["To"]) == ("Support <support@desk.example>", "ann@customer.example")
    assert sink.recipients == ["ann@customer.example"]
    assert mail["Subject"] == "Your confirmation code"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert (mail["Reply-To"], mail["In-Reply-To"], mail["Cc"]) == (None, None, None)
    plain, rich = (part.get_content().replace("\r\n", "\n") for part in mail.iter_parts())
    assert plain == (
        "Your code is 042137\n\n"
        f"Or open this link:\n{LINK}\n\n"
        "Both are valid for 10 minutes and can be used once.\n\n"
        "If you did not ask for this, ignore this mail; nothing happens.\n"
    )
    assert 'href="https://desk.example/prove?a=1&amp;b=&quot;2&quot;"' in rich
    assert all(words in rich for words in ("042137", "10 minutes", proof.IGNORE))
    assert "Ann" not in sink.mails[0].decode()


async def test_a_mail_without_a_link_says_the_code_alone(app, bus, sink):
    await prove(bus, link=None, minutes=1)
    plain = message_from_bytes(sink.mails[0], policy=policy.default).get_body(("plain",)).get_content()
    assert "link" not in plain
    assert "It is valid for 1 minute and" in plain


async def test_it_comes_from_the_channel_of_the_workspace(app, bus, sink):
    await prove(bus, workspace="acme", channel_id="acme-help")
    assert message_from_bytes(sink.mails[0])["From"] == "Acme <help@acme.example>"
    for workspace, channel in (("local", "acme-help"), ("acme", "email-local"), ("acme", "gone")):
        answer = await prove(bus, workspace=workspace, channel_id=channel)
        assert (answer.sent, answer.reason) == (False, proof.NO_DESK)
    assert len(sink.mails) == 1


async def test_our_own_server_drops_it_when_the_address_is_ours(app, bus, sink, settings):
    await prove(bus, to="support@desk.example")
    assert message_from_bytes(sink.mails[0])["X-Onethread-Instance"] in settings.signer("local").instances()


@pytest.mark.parametrize(
    "to", ["", "nobody", "a@x.example, b@x.example", "a@x.example\r\nBcc: b@x.example", "ä@x.example"]
)
async def test_what_is_no_address_is_told_so(app, bus, sink, to):
    assert (await prove(bus, to=to)).reason == proof.NO_ADDRESS
    assert not sink.mails


@pytest.mark.parametrize(
    ("answer", "reason"), [("550 5.1.1 No such person", proof.REFUSED), ("451 later", proof.LATER)]
)
async def test_what_the_relay_refuses_is_told_in_words(app, bus, sink, answer, reason):
    sink.answer = answer
    assert await prove(bus) == ProofMailSent(sent=False, reason=reason)


async def test_a_relay_that_is_away_or_hangs_is_told_in_words(settings, bus, memory_ledger, monkeypatch):
    monkeypatch.setattr(proof, "SECONDS", 0.1)
    hanging = await asyncio.start_server(lambda *_: asyncio.sleep(5), "127.0.0.1", 0)
    port = hanging.sockets[0].getsockname()[1]
    for url in ("smtp://127.0.0.1:1", f"smtp://127.0.0.1:{port}"):
        create_app(settings.model_copy(update={"smtp_url": url}), bus, memory_ledger)
        assert await prove(bus) == ProofMailSent(sent=False, reason=proof.LATER)
    hanging.close()


async def test_neither_code_nor_address_is_logged_or_published_or_kept(app, bus, sink, memory_ledger):
    with structlog.testing.capture_logs() as lines:
        await prove(bus)
        sink.answer = "550 5.1.1 <ann@customer.example> 042137"
        answer = await prove(bus)
        await prove(bus, to="nobody 042137")
    said = f"{lines} {answer} {bus.published} {memory_ledger.deliveries}"
    assert not any(secret in said.lower() for secret in ("042137", "customer.example", "desk.example/prove"))


@pytest.mark.connected
async def test_conversation_asks_for_it_on_the_bus(settings, nats_url: str, sink):
    there = settings.model_copy(update={"nats_url": nats_url, "smtp_url": sink.url})
    conversation = Bus("conversation", there)
    await conversation.start()
    app = create_app(there)
    async with app.router.lifespan_context(app):
        answer = await conversation.ask(subjects.EMAIL_PROVE, asked(), ProofMailSent)
    await conversation.stop()
    assert answer.sent
    assert len(sink.mails) == 1
