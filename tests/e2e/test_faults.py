"""Servers and services that hang, die and come back under traffic: what was accepted is there once, in order.

The senders do as real ones do. Each waits for its receipt, and sends the same message again until it has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from plugins.customers import Desk, Mailer, eventually, somebody
from plugins.ledger import Ledger, balance
from plugins.stack import Stack
from plugins.traffic import MailSender, Sender, SlackSender, TeammateSender, WidgetSender

pytestmark = [pytest.mark.connected, pytest.mark.slow]

OUTAGE = 20
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
