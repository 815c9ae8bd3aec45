"""Servers and services that hang, die and come back under traffic: what was accepted is there once, in order.

The senders do as real ones do. Each waits for its receipt, and sends the same message again until it has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import aiosmtplib
import httpx
import pytest
import websockets
from plugins.customers import Desk, Mailer, Slack, Visitor, eventually, somebody
from plugins.ledger import Ledger, balance
from plugins.stack import Stack

pytestmark = [pytest.mark.connected, pytest.mark.slow]

OUTAGE = 20
PAUSE = 0.4
"""Seconds between two messages of one sender; the widget's gateway allows five a second."""
PATIENCE = {signal.SIGTERM: 12, signal.SIGKILL: 60}
"""Seconds until all is there. Whoever is asked to stop gives back what it has: nothing waits for its `ack_wait`."""
PROMISES_KEPT = Ledger(lost=0, doubled=0, inversions=0)
SERVICES = {
    "conversation": 8000,
    "gateway-widget": 8010,
    "gateway-email": 8020,
    "gateway-slack": 8030,
    "agent": 8040,
}


class Sender:
    """Sends numbered messages, one after the other, from `start` to `stop`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.accepted: list[str] = []
        self.refused: Counter[str] = Counter()
        self._stopped = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """After the message in hand has its receipt."""
        self._stopped.set()
        assert self._task
        await asyncio.wait_for(self._task, 60)

    async def _run(self) -> None:
        while not self._stopped.is_set():
            text = f"{self.name} number {len(self.accepted)}"
            await self._until_accepted(text)
            self.accepted.append(text)
            await asyncio.sleep(PAUSE)

    async def _until_accepted(self, text: str) -> None:
        attempt = self.prepare(text)
        while True:
            answer = await self._try(attempt)
            if answer == "accepted":
                return
            self.refused[answer] += 1
            await asyncio.sleep(PAUSE)

    async def _try(self, attempt: Callable[[], Awaitable[str]]) -> str:
        try:
            async with asyncio.timeout(10):
                return await attempt()
        except (OSError, httpx.HTTPError, aiosmtplib.SMTPException, websockets.WebSocketException, TimeoutError):
            return "no answer"

    def prepare(self, text: str) -> Callable[[], Awaitable[str]]:
        """One message, to be tried as often as it takes."""
        raise NotImplementedError

    async def shown(self, desk: Desk) -> list[str]:
        """What its thread holds, in order."""
        raise NotImplementedError


class WidgetSender(Sender):
    def __init__(self, stack: Stack) -> None:
        self.person = somebody("Wilma")
        super().__init__(self.person.email)
        self.browser = Visitor(stack, self.person)

    def prepare(self, text: str) -> Callable[[], Awaitable[str]]:
        client_id = str(uuid4())

        async def attempt() -> str:
            if self.browser.socket is None or self.browser.socket.state is not websockets.State.OPEN:
                await self.browser.connect()
            answer = await self.browser.say(text, client_id, seconds=9)
            return "accepted" if answer["type"] == "ack" else answer["code"]

        return attempt

    async def shown(self, desk: Desk) -> list[str]:
        return await _said_by(desk, self.person.email)


class MailSender(Sender):
    def __init__(self, stack: Stack) -> None:
        self.person = somebody("Emil")
        super().__init__(self.person.email)
        self.mailer = Mailer(stack, self.person)

    def prepare(self, text: str) -> Callable[[], Awaitable[str]]:
        raw = self.mailer.write(text)

        async def attempt() -> str:
            code, _ = await self.mailer.send(raw, seconds=9)
            return "accepted" if code == 250 else str(code)

        return attempt

    async def shown(self, desk: Desk) -> list[str]:
        return await _said_by(desk, self.person.email)


class SlackSender(Sender):
    """Slack gives each attempt three seconds."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(f"slack {uuid4().hex[:8]}")
        self.slack = Slack(stack, "U0BOBSTONE1")

    def prepare(self, text: str) -> Callable[[], Awaitable[str]]:
        body = self.slack.event(text)

        async def attempt() -> str:
            async with asyncio.timeout(9):
                answer = await self.slack.bring(body)
            return "accepted" if answer.status_code == httpx.codes.OK else str(answer.status_code)

        return attempt

    async def shown(self, desk: Desk) -> list[str]:
        return [text for text in await _said_by(desk, "bob@pineandpaper.example") if text.startswith(self.name)]


class TeammateSender(Sender):
    """A teammate who answers one customer again and again; what reaches the customer outside is what counts."""

    def __init__(self, desk: Desk, thread_id: str, reached: Callable[[], Awaitable[list[str]]]) -> None:
        super().__init__(f"teammate {uuid4().hex[:8]}")
        self.desk, self.thread_id, self.reached = desk, thread_id, reached

    def prepare(self, text: str) -> Callable[[], Awaitable[str]]:
        headers = {"Idempotency-Key": uuid4().hex}

        async def attempt() -> str:
            said = {"text": text}
            answer = await self.desk.http.post(f"threads/{self.thread_id}/messages", json=said, headers=headers)
            return "accepted" if answer.status_code == httpx.codes.CREATED else str(answer.status_code)

        return attempt

    async def shown(self, _: Desk) -> list[str]:
        return [found[0] for text in await self.reached() if (found := re.search(rf"{self.name} number \d+", text))]


async def _said_by(desk: Desk, email: str) -> list[str]:
    found = await desk.threads(email)
    assert len(found) <= 1, "one customer has one thread"
    messages = await desk.messages(found[0]["id"]) if found else []
    return [m["text"] for m in messages if m["author"]["kind"] == "customer"]


class Traffic:
    def __init__(self, stack: Stack) -> None:
        self.widgets = [WidgetSender(stack) for _ in range(2)]
        self.mails = [MailSender(stack) for _ in range(2)]
        self.slacks = [SlackSender(stack)]
        self.senders: list[Sender] = [*self.widgets, *self.mails, *self.slacks]

    async def add_teammates(self, desk: Desk) -> None:
        """Once their customers have threads."""
        mail, slack = self.mails[0], self.slacks[0]

        async def by_mail() -> list[str]:
            # Of a mail that was sent twice around a crash, both copies have one Message-ID: mail programs show one.
            return list({one["message_id"]: one["text"] for one in await mail.mailer.inbox()}.values())

        async def by_slack() -> list[str]:
            return [one["text"] for one in await slack.slack.messages() if one.get("bot_id")]

        for email, reached in ((mail.person.email, by_mail), ("bob@pineandpaper.example", by_slack)):
            thread = await desk.thread(email)
            self.senders.append(TeammateSender(desk, thread["id"], reached))
            self.senders[-1].start()

    def refused(self, senders: list[Sender] | None = None) -> set[str]:
        return {answer for sender in senders or self.senders for answer in sender.refused}

    async def balance(self, desk: Desk, seconds: float = 60) -> Ledger:
        """Once all is there, or the time is up: what a killed process had in hand comes back after its `ack_wait`."""
        accepted = {sender.name: sender.accepted for sender in self.senders}
        assert all(accepted.values())
        end = time.monotonic() + seconds
        while True:
            shown = {sender.name: await sender.shown(desk) for sender in self.senders}
            ledger = balance(accepted, shown)
            if not ledger.lost or time.monotonic() > end:
                break
            await asyncio.sleep(0.5)
        for sender in self.senders:
            print(f"{sender.name}: accepted {len(sender.accepted)}, shown {len(shown[sender.name])}, {sender.refused}")
        return ledger


@contextlib.asynccontextmanager
async def under_traffic(stack: Stack, desk: Desk) -> AsyncIterator[Traffic]:
    """Everybody writes for a while before, during and after what happens inside."""
    traffic = Traffic(stack)
    for sender in traffic.senders:
        sender.start()
    try:
        await traffic.add_teammates(desk)
        await asyncio.sleep(2)
        yield traffic
        await asyncio.sleep(2)
    finally:
        await asyncio.gather(*(sender.stop() for sender in traffic.senders))
        for one in traffic.widgets:
            await one.browser.close()


def process_ids(stack: Stack) -> dict[str, int]:
    return {service: stack.child(service).pid for service in SERVICES}


class TestLedger:
    """A ledger that cannot see a fault proves nothing."""

    sent = {"a": ["a0", "a1", "a2"], "b": ["b0"]}  # noqa: RUF012

    def test_it_is_clean_when_all_is_there_once_in_order(self):
        assert balance(self.sent, {"a": ["hello", "a0", "a1", "a2"], "b": ["b0"]}) == PROMISES_KEPT

    def test_it_sees_what_is_lost(self):
        assert balance(self.sent, {"a": ["a0", "a2"]}) == Ledger(lost=2, doubled=0, inversions=0)

    def test_it_sees_what_is_doubled(self):
        assert balance(self.sent, {"a": ["a0", "a1", "a0", "a2"], "b": ["b0"]}) == Ledger(0, doubled=1, inversions=0)

    def test_it_sees_what_is_out_of_order(self):
        assert balance(self.sent, {"a": ["a0", "a2", "a1"], "b": ["b0"]}) == Ledger(0, 0, inversions=1)


async def test_a_bus_that_hangs_for_20_seconds(stack: Stack, desk: Desk):
    before = process_ids(stack)
    async with under_traffic(stack, desk) as traffic:
        with stack.frozen("nats"):
            await asyncio.sleep(OUTAGE)
    assert "try_again" in traffic.refused(traffic.widgets)
    assert "451" in traffic.refused(traffic.mails)
    assert "503" in traffic.refused(traffic.slacks)
    assert await traffic.balance(desk) == PROMISES_KEPT
    assert process_ids(stack) == before, "a server that hangs is no reason to restart a service"


async def test_a_database_that_hangs_for_20_seconds(stack: Stack, desk: Desk):
    running = process_ids(stack)
    async with under_traffic(stack, desk) as traffic:
        with stack.frozen("postgres"):
            before = sum(len(sender.accepted) for sender in traffic.senders)
            answer = await asyncio.wait_for(desk.http.get("threads"), 15)
            assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
            assert answer.headers["content-type"] == "application/problem+json"
            await asyncio.sleep(OUTAGE - 10)
            # The bus keeps what customers say meanwhile.
            assert sum(len(sender.accepted) for sender in traffic.senders) > before
    assert await traffic.balance(desk) == PROMISES_KEPT
    assert process_ids(stack) == running


@pytest.mark.parametrize("server", ["nats", "postgres"])
async def test_a_server_that_is_killed(stack: Stack, desk: Desk, server: str):
    async with under_traffic(stack, desk) as traffic:
        await asyncio.to_thread(stack.end, server, signal.SIGKILL)
        await asyncio.sleep(5)
    assert await traffic.balance(desk) == PROMISES_KEPT


@pytest.mark.parametrize("how", list(PATIENCE))
async def test_every_service_is_ended_in_turn(stack: Stack, desk: Desk, how: signal.Signals):
    async with under_traffic(stack, desk) as traffic:
        for service, port in SERVICES.items():
            await asyncio.to_thread(stack.end, service, how)
            await asyncio.to_thread(stack.until_ready, service, port)
    assert await traffic.balance(desk, PATIENCE[how]) == PROMISES_KEPT


async def test_after_all_of_that_an_answer_comes_on_every_channel(stack: Stack, visitor):
    """What happened to the servers must not leave a consumer, a pool or a socket that is dead."""
    browser, mail = visitor(), Mailer(stack, somebody())
    await browser.connect()
    await browser.say("How long does delivery take?")
    assert (await browser.message("agent"))["sources"]
    await mail.send(mail.write("How long does delivery take?"))
    assert "pineandpaper.example/help/" in (await mail.answer())["text"]

    async def all_ready() -> bool:
        async with httpx.AsyncClient(timeout=5) as http:
            ports = [*SERVICES.values(), 8050]
            return all([(await http.get(stack.url(p, "/readyz"))).status_code == httpx.codes.OK for p in ports])

    await eventually(all_ready, what="every service ready")
