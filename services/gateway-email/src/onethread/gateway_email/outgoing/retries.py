"""Tries the mails again that were put off. Every replica looks; what one has taken, the others pass over."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import nats.errors
import structlog
from prometheus_client import Gauge

from onethread.gateway_email.outgoing.ledger import Ledger
from onethread.gateway_email.outgoing.outbound import Outbound
from onethread.gateway_email.outgoing.waiting import Found, Lines, copies_of
from onethread.runtime.bus import UnavailableError
from onethread.runtime.context import service_name
from onethread.runtime.tasks import end

LOOK_SECONDS = 5.0
LEASE = timedelta(minutes=5)
"""Longer than one try takes. What somebody took and did not live to send, another sends then."""
AT_ONCE = 8
DRAIN_SECONDS = 8.0
AWAY = (UnavailableError, nats.errors.Error, OSError, TimeoutError)

log = structlog.get_logger()
WAITING = Gauge("onethread_email_replies_waiting", "Replies that were put off and are tried again")


class Retries:
    def __init__(
        self, lines: Lines, ledger: Ledger, outbound: Outbound, *, look: float = LOOK_SECONDS, lease: timedelta = LEASE
    ) -> None:
        self._lines, self._ledger, self._outbound = lines, ledger, outbound
        self._look, self._lease = look, lease
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._in_hand: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._ending = False

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Finishes what is in hand."""
        self._ending = True
        await end(self._task)
        if self._in_hand:
            await asyncio.wait(self._in_hand, timeout=DRAIN_SECONDS)

    async def check(self) -> None:
        """Raises when it has ended: what was put off would wait for ever."""
        if self._task is None or self._task.done():
            raise UnavailableError("nobody tries again what was put off")

    async def _run(self) -> None:
        service_name.set("gateway-email")
        while True:
            try:
                await self._round()
            except AWAY as error:
                log.info("retries.wait", error=type(error).__name__)
            except Exception:
                log.exception("retries.failed")
            await asyncio.sleep(self._look)

    async def _round(self) -> None:
        found = await self._lines.all()
        WAITING.set(sum(len(one.line.mails) for one in found))
        for one in _due(found, datetime.now(UTC)):
            await self._turn.acquire()
            task = asyncio.create_task(self._take(one))
            self._in_hand.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._turn.release()
        self._in_hand.discard(task)

    async def _take(self, one: Found) -> None:
        """Its first mail, and those behind it that need not wait: a long line is not one mail a look."""
        due: Found | None = one
        try:
            while due and not self._ending and await self._lines.take(due, datetime.now(UTC) + self._lease):
                one = due
                await self._try(one)
                due = await self._due_at(one.key)
        except AWAY as error:
            log.warning("retry.waits", message_id=str(one.line.mails[0].message), error=type(error).__name__)
        except Exception:
            log.exception("retry.failed", message_id=str(one.line.mails[0].message))

    async def _due_at(self, key: str) -> Found | None:
        found = await self._lines.find(key)
        return found if found and found.line.at <= datetime.now(UTC) else None

    async def _try(self, one: Found) -> None:
        """The first of the line. What the ledger knows nothing of was erased, or sent by somebody who died of it."""
        first = one.line.mails[0]
        delivery = await self._ledger.begin(first.message, datetime.now(UTC), first.attempt)
        if delivery.request is None:
            await self._lines.leave(one.key, first, datetime.now(UTC))
        elif one.key == copies_of(delivery.request):
            await self._outbound.attempt_copies(one)
        else:
            await self._outbound.attempt(delivery.request, delivery)


def _due(found: Sequence[Found], now: datetime) -> list[Found]:
    return sorted((one for one in found if one.line.at <= now), key=lambda one: one.line.at)
