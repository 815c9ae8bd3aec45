"""Mails that are kept are read again, and what their messages say is put right."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from onethread.contracts import subjects
from onethread.contracts.originals import Corrected, CorrectMessage
from onethread.gateway_email import unread
from onethread.gateway_email.names import Names
from onethread.gateway_email.outgoing.receipts import Receipts
from onethread.gateway_email.parsing import mime
from onethread.gateway_email.pipeline import Pipeline, events_of
from onethread.gateway_email.reading import Reader
from onethread.gateway_email.reprocess import Again
from onethread.gateway_email.sender.checks import Checks
from onethread.gateway_email.storage.mails import Mails
from onethread.gateway_email.storage.store import Folder

MAIL = (
    b"From: Ann <ann@customer.example>\r\nTo: support@desk.example\r\nSubject: My order\r\n"
    b"Message-ID: <1@customer.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    b"Gr\xc3\xb6\xc3\x9fe?\r\n"
)


class Desks:
    """In place of the book of channels."""

    def __init__(self, desk: Any) -> None:
        self._desk = desk

    def __iter__(self) -> Any:
        return iter([self._desk])

    def get(self, id_: str, workspace: str) -> Any:
        return self._desk if (id_, workspace) == (self._desk.id, self._desk.workspace) else None

    def at(self, address: str) -> Any:
        return self._desk if address == self._desk.address else None


class Conversation:
    """Hears corrections, on the bus of a test."""

    def __init__(self, bus: Any) -> None:
        self.heard: list[CorrectMessage] = []
        bus.ask = self.ask

    async def ask(self, subject: str, question: CorrectMessage, _answer: Any) -> Corrected:
        assert subject == subjects.CONVERSATION_CORRECT
        self.heard.append(question)
        return Corrected(outcome="corrected")


@pytest.fixture
def conversation(bus) -> Conversation:
    return Conversation(bus)


@pytest.fixture
def mails(tmp_path) -> Mails:
    return Mails(Folder(tmp_path))


@pytest.fixture
def again(bus, mails, desk) -> Again:
    return Again(Desks(desk), bus, mails, Reader(0))  # type: ignore[arg-type]


@pytest.fixture
def pipeline(bus, mails, desk) -> Pipeline:
    checks, desks = Checks(Names("127.0.0.1:1")), Desks(desk)
    return Pipeline(desks, bus, mails, Reader(0), checks, Receipts(desks, None, None))  # type: ignore[arg-type]


async def test_a_message_is_corrected_to_what_is_read_now(again, conversation, pipeline, arrival):
    taken = await pipeline.take(MAIL, arrival)
    message = taken.events[0].id
    assert await again.one("local", message) == "corrected"
    [heard] = conversation.heard
    assert (heard.workspace, heard.message_id, heard.text) == ("local", message, "Größe?")


async def test_a_mail_that_can_be_read_now_comes_in_and_its_stand_in_says_so(
    again, conversation, pipeline, bus, mails, arrival, desk, monkeypatch
):
    def fails(_: bytes) -> Any:
        raise RecursionError

    with monkeypatch.context() as patch:
        patch.setattr(mime, "parse", fails)
        await pipeline.take(MAIL, arrival)
        [(stand_in, _)] = bus.published
        assert await again.one("local", stand_in.id) == "unreadable"
    assert await again.one("local", stand_in.id) == "corrected"
    [(_, _), (event, tokens)] = bus.published
    read_now = events_of(MAIL, arrival, [desk])[0]
    assert (event.id, event.data) == (read_now.id, read_now.data)
    assert tokens[0] == "email"
    assert (conversation.heard[-1].message_id, conversation.heard[-1].text) == (stand_in.id, unread.READ_SINCE)
    kept = await mails.read("local", event.id)
    assert kept is not None
    assert kept.raw == MAIL


async def test_a_refused_mail_that_was_set_aside_stays_so(again, conversation, pipeline, arrival):
    raw = MAIL.replace(b"From: Ann <ann@customer.example>\r\n", b"")
    taken = await pipeline.set_aside(raw, arrival, "550 5.6.0 This mail has no From field")
    assert await again.one("local", taken.events[0].id) == "unreadable"
    assert conversation.heard == []


@pytest.mark.parametrize("workspace", ["local", "elsewhere"])
async def test_what_is_not_kept_is_gone(workspace: str, again, conversation):
    message: UUID = uuid4()
    assert await again.one(workspace, message) == "gone"
    assert conversation.heard == []


async def test_every_mail_of_a_workspace_is_found_and_no_report(pipeline, mails, arrival, desk):
    bounce = (
        b"From: MAILER-DAEMON@mx.customer.example\r\nTo: support@desk.example\r\n"
        b"Message-ID: <b@x>\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\n'
        b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
        b"Final-Recipient: rfc822; ann@customer.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b\r\n"
        b"Content-Type: message/rfc822\r\n\r\nMessage-ID: %b\r\n\r\nHi\r\n--b--\r\n"
    ) % desk.signer.message_id(uuid4(), "desk.example").encode()
    taken = await pipeline.take(MAIL, arrival)
    await pipeline.take(bounce, arrival)
    assert [message async for message in mails.messages("local")] == [taken.events[0].id]
