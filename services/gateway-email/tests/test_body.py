"""What a reply says: words, sources, signature and history, once as text and once as HTML."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from onethread.contracts.channels import ChannelConfig
from onethread.contracts.mail import Before, SaidBefore
from onethread.contracts.messages import Audience, Author, Channel, Place
from onethread.contracts.replies import ReplyRequested, RequestedReply
from onethread.gateway_email.app import create_app
from onethread.gateway_email.desks import Desk
from onethread.gateway_email.outgoing import body
from onethread.gateway_email.parsing import mime
from onethread.gateway_email.quoting import quotes
from onethread.runtime.bus import UnavailableError

ANN = "ann@customer.example"
BEFORE = SaidBefore(
    author="Ann", address=ANN, text="Where is it?\n<b>1042</b>", said_at=datetime(2026, 11, 2, 10, 5, tzinfo=UTC)
)


def reply(**more) -> RequestedReply:
    fields = {
        "message_id": uuid4(), "channel": Channel(id="email-local", kind="email"),
        "place": Place(key=f"email:{ANN}", audience=Audience(shared=False), route={"to": ANN}),
        "author": Author(kind="teammate", name="Kim"), "text": "It is on its way.\n\n> quoted",
        "html": "<p>It is on its way.</p>\n<blockquote>\n<p>quoted</p>\n</blockquote>", "sequence": 2,
    }  # fmt: skip
    return RequestedReply(**fields | more)


@pytest.fixture
def signing(desk: Desk) -> Desk:
    return replace(
        desk,
        sender="{name} at Acme",
        signature="**{name}**, Acme",
        signature_html="<p><strong>{name}</strong>, Acme</p>",
    )


def test_a_reply_is_from_its_author_as_the_address_has_it(signing: Desk):
    assert body.sender_name(reply(), signing) == "Kim at Acme"
    assert body.sender_name(reply(author=Author(kind="teammate")), signing) == "Support"
    assert body.sender_name(reply(author=Author(kind="teammate", name="K\r\nBcc: x")), signing) == "K Bcc: x at Acme"


def test_the_signature_stands_below_the_words_in_both_parts(signing: Desk):
    assert body.text(reply(), signing, None).endswith("> quoted\n\n-- \n**Kim**, Acme\n")
    shown = body.html(reply(), signing, None)
    assert '<div class="onethread-signature"><p style="margin:0 0 12px"><strong>Kim</strong>, Acme</p></div>' in shown


def test_a_name_in_the_signature_is_no_markup(signing: Desk):
    shown = body.html(reply(author=Author(kind="teammate", name="<img src=x>")), signing, None)
    assert "<img" not in shown


def test_the_history_is_quoted_in_both_parts_and_is_data(desk: Desk):
    plain, shown = body.text(reply(), desk, BEFORE), body.html(reply(), desk, BEFORE)
    assert plain.endswith(f"Ann <{ANN}>, 2026-11-02 10:05 UTC:\n> Where is it?\n> <b>1042</b>\n")
    assert "&lt;b&gt;1042&lt;/b&gt;" in shown
    assert f"Ann &lt;{ANN}&gt;, 2026-11-02 10:05 UTC:" in shown
    assert shown.index("on its way") < shown.index('<div class="onethread-history">')


def test_what_we_said_before_is_cleaned_again(desk: Desk):
    ours = SaidBefore(author="Kim", text="x", html="<p>x</p><script>alert(1)</script>", said_at=BEFORE.said_at)
    assert "script" not in body.html(reply(), desk, ours)


def test_no_colour_of_text_or_ground_is_set_so_that_a_dark_program_can_turn_it(signing: Desk):
    shown = body.html(reply(html="<p>a <code>b</code></p><pre>c</pre>"), signing, BEFORE)
    styles = [part.split('"')[0] for part in shown.split('style="')[1:]]
    assert len(styles) > 5
    assert not [style for style in styles for rule in style.split(";") if rule.startswith(("color", "background"))]
    assert "<style" not in shown


@pytest.mark.parametrize("part", ["text", "html"])
def test_our_own_history_is_cut_off_when_it_comes_back(part: str, signing: Desk):
    ours = getattr(body, part)(reply(), signing, BEFORE)
    kind = "html" if part == "html" else "plain"
    raw = f"From: a@b.example\r\nContent-Type: text/{kind}; charset=utf-8\r\n\r\n{ours}".encode()
    mail = mime.parse(raw)
    said = quotes.new_text(mail.text, mail.source)
    assert "on its way" in said
    assert "Where is it" not in said


async def deliver(settings, bus, memory_ledger, memory_lines, sink, ask, **more) -> bytes:
    bus.channels = [
        ChannelConfig(
            id="email-local", workspace="local", kind="email", name="S",
            settings={"address": "support@desk.example", **more},
        )
    ]  # fmt: skip
    channels = bus.ask

    async def either(subject, question, answer):
        return await (ask(question) if subject == "svc.conversation.before" else channels(subject, question, answer))

    bus.ask = either
    app = create_app(settings.model_copy(update={"smtp_url": sink.url}), bus, memory_ledger, lines=memory_lines)
    async with app.router.lifespan_context(app):
        await bus.handlers["live.*.channels.email"](None)
        event = ReplyRequested(id=uuid4(), source="/c", workspaceid="local", threadid=uuid4(), data=reply())
        await bus.handlers["gateway-email-replies"](event)
    return sink.mails[-1]


async def test_history_is_asked_for_only_where_the_address_quotes_it(settings, bus, memory_ledger, memory_lines, sink):
    asked = []

    async def ask(question):
        asked.append(question)
        return Before(said=BEFORE)

    assert b"Where is it" not in await deliver(settings, bus, memory_ledger, memory_lines, sink, ask)
    assert asked == []
    assert b"Where is it" in await deliver(settings, bus, memory_ledger, memory_lines, sink, ask, quotes_history=True)
    assert [question.workspace for question in asked] == ["local"]


async def test_a_reply_does_not_wait_for_its_history(settings, bus, memory_ledger, memory_lines, sink):
    async def ask(_):
        raise UnavailableError("conversation is away")

    mail = await deliver(settings, bus, memory_ledger, memory_lines, sink, ask, quotes_history=True)
    assert b"on its way" in mail
