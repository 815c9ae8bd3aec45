"""Files of a reply as parts of its mail: what another program reads of them, and what happens when they are not had."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any
from uuid import uuid4

import pytest

from onethread.contracts.calls import Body
from onethread.contracts.envelope import now
from onethread.contracts.files import FileOf
from onethread.contracts.messages import Attachment, Audience, Author, Channel, Place
from onethread.contracts.originals import Original
from onethread.contracts.replies import ReplyRequested, RequestedReply
from onethread.gateway_email.desks import desk_of, own_desk
from onethread.gateway_email.outgoing.files import part
from onethread.gateway_email.outgoing.outbound import Outbound
from onethread.gateway_email.outgoing.relay import Relay
from onethread.gateway_email.parsing import mime
from onethread.runtime.bus import UnavailableError
from onethread.runtime.channels import ChannelBook

PDF = b"%PDF-1.7 " + bytes(range(256)) * 400
TABLE = "Größe;1\r\n".encode()


def file(name: str, content: bytes, type_: str = "application/pdf") -> Attachment:
    return Attachment(name=name, type=type_, size=len(content), sha256=hashlib.sha256(content).hexdigest())


@pytest.fixture
def kept(bus, monkeypatch) -> dict[str, bytes]:
    """What conversation gives, by its sum."""
    kept: dict[str, bytes] = {}

    async def ask(subject: str, asked: FileOf, _answer: Any, _seconds: float) -> Original:
        assert subject == "svc.conversation.file"
        if bus.away:
            raise UnavailableError("conversation is away")
        content = kept.get(asked.sha256)
        return Original(body=Body(inline=content) if content is not None else None)

    monkeypatch.setattr(bus, "ask", ask)
    return kept


@pytest.fixture
def outbound(settings, sink, memory_ledger, memory_lines, bus) -> Outbound:
    desks = ChannelBook(bus, "email", own_desk(settings), lambda config: desk_of(config, settings))
    return Outbound(desks, Relay(sink.url), memory_ledger, memory_lines, bus, patience=timedelta(hours=48))


def reply(*files: Attachment) -> ReplyRequested:
    place = Place(key="email:ann", audience=Audience(shared=False), route={"to": "ann@customer.example"})
    data = RequestedReply(
        message_id=uuid4(), channel=Channel(id="email-local", kind="email"), place=place, sequence=3,
        author=Author(kind="teammate", name="Mara"), text="It **arrives** today. Grüße",
        html="<p>It <strong>arrives</strong> today. Grüße</p>", attachments=list(files),
    )  # fmt: skip
    return ReplyRequested(id=uuid4(), workspaceid="local", threadid=uuid4(), source="/conversation", data=data)


async def test_a_reply_is_words_and_files_and_other_programs_read_both(outbound: Outbound, sink, kept):
    files = [file("Rechnung – größer.pdf", PDF), file("table.csv", TABLE, "text/csv")]
    kept |= {files[0].sha256: PDF, files[1].sha256: TABLE}
    await outbound(reply(*files))
    mail = message_from_bytes(sink.mails[0], policy=policy.default)
    assert mail.get_content_type() == "multipart/mixed"
    words, *parts = mail.iter_parts()
    assert words.get_content_type() == "multipart/alternative"
    assert [one.get_content_type() for one in parts] == ["application/pdf", "text/csv"]
    assert [one.get_filename() for one in parts] == ["Rechnung – größer.pdf", "table.csv"]
    assert [one.get_payload(decode=True) for one in parts] == [PDF, TABLE]
    assert parts[1].get_content() == "Größe;1\r\n"
    assert {one.get_content_disposition() for one in parts} == {"attachment"}
    read = mime.parse(sink.mails[0])
    assert [(one.name, one.type, one.sha256) for one in read.attachments] == [(f.name, f.type, f.sha256) for f in files]
    assert "It **arrives**" in read.text


async def test_programs_of_before_rfc_2231_find_the_name_too(outbound: Outbound, sink, kept):
    one = file("Rechnung – größer.pdf", PDF)
    kept[one.sha256] = PDF
    await outbound(reply(one))
    raw = sink.mails[0].replace(b"\r\n", b"\n")
    assert b"filename*=utf-8''Rechnung%20%E2%80%93%20gr%C3%B6%C3%9Fer.pdf" in raw
    assert b'name="=?utf-8?' in raw


@pytest.mark.parametrize(
    "name",
    [
        'a "b" \\c.pdf',
        "a; b=c.pdf",
        "x" * 196 + ".pdf",
        "图" * 65 + ".pdf",
        "🙂" * 49 + ".pdf",
        "a\r\nBcc: e@x.example",
    ],
)
async def test_no_name_breaks_the_mail_or_its_lines(name: str, outbound: Outbound, sink, kept):
    one = file(name, PDF)
    kept[one.sha256] = PDF
    await outbound(reply(one))
    head, _, _ = sink.mails[0].partition(b"\r\n\r\n")
    assert max(map(len, sink.mails[0].split(b"\r\n"))) < 998
    assert b"\nBcc" not in sink.mails[0]
    mail = message_from_bytes(sink.mails[0], policy=policy.default)
    assert mail["Bcc"] is None
    assert b"multipart/mixed" in head
    [_, attached] = mail.iter_parts()
    assert attached.get_filename() == " ".join(name.split())
    assert attached.get_payload(decode=True) == PDF


@pytest.mark.parametrize("type_", ["multipart/mixed", "message/rfc822", "not a type", "text/plain; charset=x", ""])
def test_a_type_that_would_change_how_the_mail_is_read_is_any_bytes(type_: str):
    assert part(file("x", b"1", type_), b"1").get_content_type() == "application/octet-stream"


async def test_a_reply_waits_while_its_files_cannot_be_had_and_goes_out_once(
    outbound: Outbound, sink, bus, kept, memory_ledger
):
    one = file("x.pdf", PDF)
    event = reply(one)
    kept[one.sha256] = b"damaged"
    await outbound(event)
    assert sink.mails == []
    assert (bus.published[-1][0].data.state, bus.published[-1][0].data.reason) == (
        "retrying", "Its files cannot be had at the moment.",
    )  # fmt: skip
    kept[one.sha256] = PDF
    await outbound.attempt(event, await memory_ledger.begin(event.data.message_id, now()))
    await outbound(event)
    assert len(sink.mails) == 1
    assert bus.published[-1][0].data.state == "sent"


async def test_a_file_that_is_no_longer_kept_fails_in_words(outbound: Outbound, sink, bus, kept):
    await outbound(reply(file("offer.pdf", PDF)))
    [(told, _)] = bus.published
    assert (sink.mails, told.data.state) == ([], "failed")
    assert told.data.reason == "The file offer.pdf is no longer kept. Write again, with the file."
    assert kept == {}


async def test_files_of_more_than_20_mb_are_refused_before_anything_is_sent(outbound: Outbound, sink, bus, kept):
    large = file("film.mp4", PDF).model_copy(update={"size": 20_000_001})
    await outbound(reply(large))
    [(told, _)] = bus.published
    assert (sink.mails, told.data.state) == ([], "failed")
    assert told.data.reason == "Its files have more than 20 MB together. Send a link to them instead."
    assert kept == {}


async def test_a_crash_before_the_record_sends_the_same_mail_with_its_files(
    outbound: Outbound, sink, memory_ledger, kept
):
    one = file("x.pdf", PDF)
    kept[one.sha256] = PDF
    event = reply(one)
    await outbound(event)
    crashed = {"state": "sending", "outcome": None}
    key = event.data.message_id, 1
    memory_ledger.deliveries[key] = memory_ledger.deliveries[key].model_copy(update=crashed)
    await outbound(event)
    first, second = (message_from_bytes(raw, policy=policy.default) for raw in sink.mails)
    assert first["Message-ID"] == second["Message-ID"]
    assert len(list(second.iter_attachments())) == 1
