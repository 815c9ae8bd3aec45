"""A mail that cannot be read is a message that says so, with the mail kept as it came."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI

from onethread.contracts.originals import OriginalOf
from onethread.gateway_email import unread
from onethread.gateway_email.app import create_app
from onethread.gateway_email.convert import RefusedMailError
from onethread.gateway_email.parsing import mime
from onethread.gateway_email.pipeline import NO_SUCH_ADDRESS, Pipeline
from onethread.gateway_email.reading import UnreadableError

MAIL = (
    b"From: Ann <Ann@Customer.example>\r\nTo: support@desk.example\r\nSubject: My order\r\n"
    b"Message-ID: <1@customer.example>\r\n\r\nWhere is it?\r\n"
)


@pytest.fixture
async def app(settings, bus, memory_ledger) -> AsyncIterator[FastAPI]:
    app = create_app(settings, bus, memory_ledger)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
def pipeline(app: FastAPI) -> Pipeline:
    return app.state.pipeline


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours, such as the next one that nobody knows of."""

    def fails(_: bytes) -> Any:
        raise RecursionError

    monkeypatch.setattr(mime, "parse", fails)


@pytest.mark.usefixtures("broken")
async def test_a_fault_of_ours_makes_a_message_that_says_so(pipeline, bus, arrival):
    taken = await pipeline.take(MAIL, arrival)
    [(event, tokens)] = bus.published
    assert (taken.outcome, taken.events[0].id) == ("unreadable", event.id)
    assert event.data.text == unread.TEXT
    assert event.data.subject == "My order"
    assert (event.data.identities[0].value, event.data.identities[0].trust) == ("ann@customer.example", "asserted")
    assert event.data.identities[0].evidence == unread.EVIDENCE
    assert event.data.automatic is False
    assert tokens[0] == "email"
    asked = OriginalOf(workspace="local", message_id=event.id)
    assert (await bus.handlers["svc.gateway-email.original"](asked)).body.inline == MAIL


async def test_a_mail_that_takes_too_long_is_one_too(pipeline, bus, arrival, monkeypatch):
    async def hangs(*_: object) -> bytes:
        raise UnreadableError("it was not read in 30 seconds")

    monkeypatch.setattr(pipeline._reader, "do", hangs)
    assert (await pipeline.take(MAIL, arrival)).outcome == "unreadable"
    assert bus.published[0][0].data.text == unread.TEXT


@pytest.mark.usefixtures("broken")
async def test_the_same_mail_brought_again_is_the_same_message(pipeline, bus, arrival):
    for _ in range(2):
        await pipeline.take(MAIL, arrival)
    assert len({event.id for event, _ in bus.published}) == 1


@pytest.mark.usefixtures("broken")
async def test_the_agent_is_not_asked_and_a_person_is(pipeline, bus, arrival):
    """What is only asserted is never answered by the agent, and what is not automatic waits for somebody."""
    await pipeline.take(MAIL, arrival)
    data = bus.published[0][0].data
    assert (data.identities[0].trust, data.automatic) == ("asserted", False)


async def test_a_sender_who_cannot_be_checked_by_a_fault_of_ours_is_not_proven(pipeline, bus, arrival, monkeypatch):
    async def fails(*_: object, **__: object) -> Any:
        raise RecursionError

    monkeypatch.setattr(pipeline._checks, "find", fails)
    brought = type(arrival)("203.0.113.7", arrival.sender, arrival.recipients, arrival.at)
    assert (await pipeline.take(MAIL, brought)).outcome == "taken"
    assert bus.published[0][0].data.identities[0].trust == "asserted"


async def test_a_header_of_millions_of_fields_is_refused_before_anything_reads_it(pipeline, bus, arrival):
    """It stopped the whole service for as long as it takes to read: 18 seconds for 24 MB."""
    brought = type(arrival)("203.0.113.7", arrival.sender, arrival.recipients, arrival.at)
    started = time.monotonic()
    with pytest.raises(RefusedMailError, match=r"552 5\.3\.4 The header"):
        await pipeline.take(b"From: Ann <ann@customer.example>\r\n" + b"X: y\r\n" * 4_000_000, brought)
    assert time.monotonic() - started < 10
    assert bus.published == []


async def test_a_refusal_that_nobody_hears_becomes_a_message(pipeline, bus, arrival):
    await pipeline.set_aside(MAIL, arrival, "554 5.4.6 This mail goes in circles.")
    text = bus.published[0][0].data.text
    assert text.startswith(
        "This mail could not be taken in: 554 5.4.6 This mail goes in circles. Nothing of it is lost"
    )


async def test_what_is_not_for_us_is_not_set_aside_either(pipeline, arrival, bus):
    elsewhere = type(arrival)(arrival.peer, arrival.sender, ("sales@desk.example",), arrival.at)
    with pytest.raises(Exception, match=NO_SUCH_ADDRESS[:10]):
        await pipeline.set_aside(MAIL, elsewhere, "no")
    assert bus.published == []


def head(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", "From: not@the.head", ""]).encode()


@pytest.mark.parametrize(
    ("raw", "sender"),
    [
        (head("From: ann@customer.example"), "ann@customer.example"),
        (head('From: "Ann, the first" <ann@customer.example>'), "ann@customer.example"),
        (head("FROM:ann@customer.example"), "ann@customer.example"),
        (head("From: a@x.example, b@x.example"), "envelope@customer.example"),
        (head("From: a@x.example", "From: b@x.example"), "envelope@customer.example"),
        (head("Subject: no From"), "envelope@customer.example"),
        (b"\x00\xff" * 50_000, "envelope@customer.example"),
        (b"From: " + b"a" * 10_000_000, "envelope@customer.example"),
        (b"From: " + b"a@" * 1_000_000, "envelope@customer.example"),
        (b"", "envelope@customer.example"),
    ],
)
def test_the_sender_is_the_only_address_of_the_only_from(raw: bytes, sender: str, arrival, desk):
    brought = type(arrival)(arrival.peer, "envelope@customer.example", arrival.recipients, arrival.at)
    assert unread.stand_in(raw, brought, desk).identities[0].value == sender


def test_who_is_not_known_at_all_is_nobody_else_and_is_not_written_to(arrival, desk):
    brought = type(arrival)(arrival.peer, "", arrival.recipients, arrival.at)
    one, other = (unread.stand_in(raw, brought, desk) for raw in (b"one", b"other"))
    assert one.identities[0].value != other.identities[0].value
    assert one.identities[0].value.endswith("@sender.invalid")
    assert one.place.key != other.place.key
    assert one.place.route == {}


@pytest.mark.parametrize(
    ("line", "subject"),
    [("Subject: My order", "My order"), ("Subject: =?utf-8?q?x?=", None), ("Subject: Größe", None), ("X: y", None)],
)
def test_a_subject_is_shown_only_where_it_needs_no_decoding(line: str, subject: str | None, arrival, desk):
    assert unread.stand_in(head("From: a@x.example", line), arrival, desk).subject == subject
