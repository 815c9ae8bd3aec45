"""Mails as they came: kept before the receipt, given out, forgotten with their customer and by age."""

from __future__ import annotations

import asyncio
import base64
import errno
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import aiosmtplib
import pytest
from fastapi import FastAPI

from onethread.contracts.customers import Customer, CustomerErased, Erasure
from onethread.contracts.originals import OriginalOf
from onethread.gateway_email.app import create_app
from onethread.gateway_email.storage.mails import Mails
from onethread.gateway_email.storage.store import Folder, Store, store_at

MAIL = (
    b"From: Ann <ann@customer.example>\r\nTo: support@desk.example\r\nSubject: My order\r\n"
    b"Message-ID: <1@customer.example>\r\n\r\nWhere is it?\r\n"
)
BOUNCE = (
    b"From: MAILER-DAEMON@mx.customer.example\r\nTo: support@desk.example\r\nSubject: Undelivered\r\n"
    b"Message-ID: <3@mx.customer.example>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.customer.example\r\n\r\n"
    b"Final-Recipient: rfc822; ann@customer.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: support@desk.example\r\nMessage-ID: %b\r\n\r\nHi\r\n--b--\r\n"
)
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
WITH_PICTURE = (
    b"From: Ann <ann@customer.example>\r\nTo: support@desk.example\r\nSubject: A picture\r\nMIME-Version: 1.0\r\n"
    b'Message-ID: <2@customer.example>\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nSee.\r\n--b\r\n'
    b'Content-Type: image/png; name="lamp.png"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    + base64.encodebytes(PICTURE).replace(b"\n", b"\r\n")
    + b"--b--\r\n"
)


@pytest.fixture
def mails(tmp_path: Path) -> Mails:
    return Mails(Folder(tmp_path / "mails"))


@pytest.fixture
async def app(settings, bus, memory_ledger) -> AsyncIterator[FastAPI]:
    app = create_app(settings, bus, memory_ledger)
    async with app.router.lifespan_context(app):
        yield app


async def take(app: FastAPI, raw: bytes = MAIL) -> str:
    where = {"hostname": "127.0.0.1", "port": app.state.mail.port, "start_tls": False}
    sent = {"sender": "ann@customer.example", "recipients": ["support@desk.example"]}
    try:
        return f"250 {(await aiosmtplib.send(raw, **sent, **where))[1]}"
    except aiosmtplib.SMTPDataError as refused:
        return f"{refused.code} {refused.message}"


async def ask(bus, message: UUID, attachment: str | None = None) -> bytes | None:
    asked = OriginalOf(workspace="local", message_id=message, attachment=attachment)
    answer = await bus.handlers["svc.gateway-email.original"](asked)
    return answer.body and answer.body.inline


def erased(*messages: UUID, workspace: str = "local") -> CustomerErased:
    customer = uuid4()
    return CustomerErased(
        id=uuid4(), source="/conversation", workspaceid=workspace, customerid=customer,
        data=Erasure(customer=Customer(id=customer), erased_message_ids=list(messages)),
    )  # fmt: skip


def files(folder: Path) -> list[Path]:
    return [path for path in (folder / "mails").rglob("*") if path.is_file()]


async def test_a_mail_is_kept_as_it_came_with_how_it_came(app, bus, mails):
    await take(app)
    [(event, _)] = bus.published
    kept = await mails.read("local", event.id)
    assert kept is not None
    assert kept.raw == MAIL
    assert (kept.arrival.sender, kept.arrival.recipients) == ("ann@customer.example", ("support@desk.example",))
    assert (kept.arrival.peer, kept.channel) == ("127.0.0.1", "email-local")


async def test_a_mail_is_kept_before_it_is_published(app, bus, mails):
    seen: list[bool] = []

    async def look(event, *_):
        seen.append(await mails.read("local", event.id) is not None)

    bus.publish = look
    assert (await take(app)).startswith("250")
    assert seen == [True]


async def test_a_store_that_is_away_makes_the_sender_try_again_and_nothing_is_published(app, bus, settings):
    (settings.home / "mails").write_bytes(b"in the way")
    assert (await take(app)).startswith("451 4.3.0")
    assert bus.published == []
    (settings.home / "mails").unlink()
    assert (await take(app)).startswith("250")


async def test_a_full_disk_makes_the_sender_try_again_and_nothing_is_published(app, bus, monkeypatch):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert (await take(app)).startswith("452 4.3.1")
    assert bus.published == []
    assert (await take(app)).startswith("250")


async def test_a_mail_whose_publishing_failed_is_kept_once(app, bus, settings):
    bus.away = True
    assert (await take(app)).startswith("451")
    bus.away = False
    assert (await take(app)).startswith("250")
    assert len(files(settings.home)) == 1


async def test_what_is_refused_or_our_own_is_not_kept(app, settings):
    ours = f"X-Onethread-Instance: {settings.signer('local').instances()[0]}\r\n".encode()
    assert (await take(app, ours + MAIL)).startswith("250")
    assert (await take(app, MAIL.replace(b"From: Ann <ann@customer.example>\r\n", b""))).startswith("550")
    assert files(settings.home) == []


async def test_an_original_and_its_attachment_are_given_out(app, bus):
    await take(app, WITH_PICTURE)
    [(event, _)] = bus.published
    [attachment] = event.data.attachments
    assert attachment.sha256 == hashlib.sha256(PICTURE).hexdigest()
    assert await ask(bus, event.id, attachment.sha256) == PICTURE
    assert await ask(bus, event.id) == WITH_PICTURE
    assert await ask(bus, event.id, "0" * 64) is None
    assert await ask(bus, uuid4()) is None


async def test_the_mails_of_an_erased_customer_are_gone_and_others_stay(app, bus, settings, desk):
    replied = uuid4()
    await take(app)
    await take(app, WITH_PICTURE)
    await take(app, BOUNCE % desk.signer.message_id(replied, "desk.example").encode())
    first, second, _ = [event for event, _ in bus.published]
    assert len(files(settings.home)) == 3
    await bus.handlers["gateway-email-erasures"](erased(first.id, replied, workspace="another"))
    assert len(files(settings.home)) == 3
    for _ in range(2):
        await bus.handlers["gateway-email-erasures"](erased(first.id, replied, uuid4()))
    assert await ask(bus, first.id) is None
    assert len(files(settings.home)) == 1
    assert await ask(bus, second.id) is not None


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "bucket":
        request.getfixturevalue("s3")
    return store_at(f"s3://mails/{tmp_path.name}" if request.param == "bucket" else str(tmp_path / "mails"))


async def test_what_an_earlier_version_kept_in_narrower_folders_is_read_and_forgotten_there(store, arrival):
    mails, earlier, now = Mails(store), uuid4(), uuid4()
    for message in (earlier, now):
        await mails.keep("local", "e", message, MAIL, arrival)
        await mails.keep_report("local", "e", message, uuid4(), BOUNCE, arrival)
    wide, narrow = f"local/{earlier.hex[:2]}/{earlier}", f"local/{earlier.hex[:3]}/{earlier}"
    async for entry in store.entries(f"local/{earlier.hex[:2]}"):
        if entry.name.startswith(wide):
            await store.keep(entry.name.replace(wide, narrow), await store.read(entry.name) or b"")
            await store.remove(entry.name)
    kept = await mails.read("local", earlier)
    assert kept is not None
    assert kept.raw == MAIL
    assert {message async for message in mails.messages("local")} == {earlier, now}
    await mails.forget(erased(earlier))
    assert await mails.read("local", earlier) is None
    left = [entry.name async for entry in store.entries("local")]
    assert len(left) == 2
    assert all(str(now) in name for name in left)


async def test_a_mail_to_two_of_our_workspaces_is_erased_in_one(mails, arrival):
    message, other = uuid4(), uuid4()
    await mails.keep("acme", "a", message, MAIL, arrival)
    await mails.keep("zeta", "z", other, MAIL, arrival)
    await mails.forget(erased(message, other, workspace="acme"))
    assert await mails.read("acme", message) is None
    assert (await mails.read("zeta", other)) is not None


async def test_mails_go_with_their_age_where_that_is_set(mails, arrival, tmp_path):
    old, young = uuid4(), uuid4()
    await mails.keep("local", "e", old, MAIL, arrival)
    await mails.keep("local", "e", young, MAIL, arrival)
    [path] = (tmp_path / "mails").rglob(f"{old}*")
    os.utime(path, (0, 0))
    assert await mails.sweep(0) == 0
    assert await mails.sweep(30) == 1
    assert await mails.read("local", old) is None
    assert [message async for message in mails.messages("local")] == [young]


async def test_the_same_mail_brought_at_once_is_kept_whole(mails, arrival):
    message = uuid4()
    await asyncio.gather(*(mails.keep("local", "e", message, MAIL, arrival) for _ in range(20)))
    kept = await mails.read("local", message)
    assert kept is not None
    assert kept.raw == MAIL
