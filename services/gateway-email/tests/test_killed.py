"""The service as a process of its own that is killed, at the moments when a mail could be lost or sent twice."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiosmtplib
import nats
import psutil
import pytest
from aiosmtpd.smtp import SMTP
from nats.js import JetStreamContext
from plugins.ports import free_port

from onethread.contracts.ids import lane
from onethread.contracts.messages import Audience, Author, Channel, Place
from onethread.contracts.replies import ReplyRequested, RequestedReply

pytestmark = pytest.mark.connected
SUPPORT, SECONDS = "support@desk.example", 60
MAILS = 24


class Holding:
    """A mail server that takes mails, and says so when the test lets it."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.may_answer = asyncio.Event()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(envelope.content)
        await self.may_answer.wait()
        return "250 OK"

    @property
    def ids(self) -> list[str]:
        return [str(message_from_bytes(raw)["Message-ID"]) for raw in self.mails]

    @property
    def texts(self) -> list[str]:
        return [message_from_bytes(raw).get_payload()[0].get_payload().strip() for raw in self.mails]  # type: ignore[union-attr,index]


@pytest.fixture
async def js(nats_url: str) -> AsyncIterator[JetStreamContext]:
    connection = await nats.connect(nats_url)
    yield connection.jetstream()
    await connection.close()


@pytest.fixture
def ports() -> dict[str, int]:
    return {name: free_port() for name in ("http", "smtp", "relay")}


@pytest.fixture
def gateway(nats_url: str, tmp_path: Path, ports: dict[str, int]) -> Callable[[], Any]:
    @contextmanager
    def start() -> Iterator[subprocess.Popen[bytes]]:
        ours = {
            "NATS_URL": nats_url, "ONETHREAD_PORT": str(ports["http"]), "ONETHREAD_SMTP_PORT": str(ports["smtp"]),
            "ONETHREAD_SMTP_URL": f"smtp://127.0.0.1:{ports['relay']}", "ONETHREAD_SUPPORT_ADDRESS": SUPPORT,
            "ONETHREAD_REPLY_SECRET": "a secret of a test", "ONETHREAD_HOME": str(tmp_path),
            "ONETHREAD_MAIL_READERS": "1",
        }  # fmt: skip
        command = [sys.executable, "-m", "onethread.gateway_email"]
        with (tmp_path / "said.txt").open("ab") as said:
            process = subprocess.Popen(command, env=os.environ | ours, stdout=said, stderr=said)
        try:
            yield process
        finally:
            end(process)

    return start


def end(process: subprocess.Popen[bytes]) -> None:
    """As by `kill -9`. The processes that read mails for it end by themselves."""
    with suppress(psutil.Error):
        readers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        assert psutil.wait_procs(readers, timeout=20)[1] == []


async def relay_at(port: int, handler: Holding) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: SMTP(handler, hostname="relay", loop=loop), "127.0.0.1", port)


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(SECONDS):
        while not true():
            await asyncio.sleep(0.05)


async def ask_for(js: JetStreamContext, text: str, thread: Any) -> ReplyRequested:
    place = Place(key="email:ann@x.example", audience=Audience(shared=False), route={"to": "ann@x.example"})
    reply = RequestedReply(
        message_id=uuid4(), channel=Channel(id="email-local", kind="email"), place=place,
        author=Author(kind="teammate", name="Kim"), text=text, html=f"<p>{text}</p>", sequence=2,
    )  # fmt: skip
    event = ReplyRequested(id=uuid4(), source="/conversation", workspaceid="local", threadid=thread, data=reply)
    subject = f"ot.local.reply.requested.email.{lane(str(thread))}"
    await js.publish(subject, event.to_json(), headers={"Nats-Msg-Id": str(event.id)})
    return event


class Told:
    """What the service says of its replies."""

    def __init__(self) -> None:
        self.states: list[str] = []

    async def hear(self, js: JetStreamContext) -> None:
        async def on(message: Any) -> None:
            self.states.append(message.data.decode().partition('"state":"')[2].partition('"')[0])

        await js.subscribe("ot.local.reply.*", ordered_consumer=True, cb=on)


@pytest.fixture
async def told(js: JetStreamContext) -> Told:
    told = Told()
    await told.hear(js)
    return told


async def test_killed_between_the_end_of_a_mail_and_its_answer_it_sends_the_same_mail_once_more_and_no_other(
    gateway: Any, js: JetStreamContext, ports: dict[str, int], told: Told
) -> None:
    relay = Holding()
    server, thread = await relay_at(ports["relay"], relay), uuid4()
    with gateway() as process:
        await ask_for(js, "first", thread)
        await ask_for(js, "second", thread)
        await until(lambda: relay.mails)
        end(process)
    relay.may_answer.set()
    with gateway():
        await until(lambda: told.states.count("sent") == 2)
        await asyncio.sleep(1)
    assert relay.texts == ["first", "first", "second"]
    assert len(set(relay.ids)) == 2
    assert told.states == ["sent", "sent"]
    server.close()


async def test_killed_while_mails_wait_it_loses_none_and_sends_each_once_in_order(
    gateway: Any, js: JetStreamContext, ports: dict[str, int], told: Told
) -> None:
    threads = [uuid4(), uuid4()]
    with gateway() as process:  # nobody listens where the relay should be
        for number in range(3):
            for at, thread in enumerate(threads):
                await ask_for(js, f"{at} {number}", thread)
        await until(lambda: told.states.count("retrying") >= 6)
        end(process)
    relay = Holding()
    relay.may_answer.set()
    server = await relay_at(ports["relay"], relay)
    with gateway():
        await until(lambda: told.states.count("sent") == 6)
        await asyncio.sleep(1)
    for at in range(2):
        assert [text for text in relay.texts if text.startswith(f"{at} ")] == [f"{at} {number}" for number in range(3)]
    assert len(relay.mails) == len(set(relay.ids)) == 6
    server.close()


async def test_killed_while_mails_come_in_it_has_each_whose_sender_was_told_so_and_each_once(
    gateway: Any, js: JetStreamContext, ports: dict[str, int]
) -> None:
    waiting, answered = set(range(MAILS)), asyncio.Event()
    with gateway() as process:
        await until(lambda: _is_open(ports["smtp"]))
        turn = [asyncio.create_task(_deliver(ports["smtp"], number, waiting, answered)) for number in range(MAILS)]
        await answered.wait()
        end(process)
        await asyncio.gather(*turn)
    with gateway():
        await until(lambda: _is_open(ports["smtp"]))
        while waiting:  # as mail servers do that got no answer
            await asyncio.gather(*(_deliver(ports["smtp"], number, waiting, answered) for number in set(waiting)))
            await asyncio.sleep(0.2)
    subjects = (await js.stream_info("EVENTS", subjects_filter="ot.local.message.received.>")).state.subjects or {}
    assert sum(subjects.values()) == MAILS


def _is_open(port: int) -> bool:
    with socket.socket() as there:
        return there.connect_ex(("127.0.0.1", port)) == 0


async def _deliver(port: int, number: int, waiting: set[int], answered: asyncio.Event) -> None:
    raw = (
        f"From: Ann <ann@x.example>\r\nTo: {SUPPORT}\r\nSubject: {number}\r\nMessage-ID: <{number}@x.example>\r\n"
        f"Date: Mon, 02 Nov 2026 09:59:58 +0000\r\n\r\nMail {number}\r\n"
    ).encode()
    with suppress(aiosmtplib.SMTPException, OSError):
        await aiosmtplib.send(
            raw, sender="ann@x.example", recipients=[SUPPORT], hostname="127.0.0.1", port=port, start_tls=False
        )
        waiting.discard(number)
        answered.set()
