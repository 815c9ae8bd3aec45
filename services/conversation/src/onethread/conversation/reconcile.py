"""Compares the event log with the stream, at start and every hour: PostgreSQL is the truth, and the stream follows it.

onethread-reconcile
"""

from __future__ import annotations

import asyncio
import random
import sys

import structlog
from prometheus_client import Counter

from onethread.conversation import lost
from onethread.conversation.database import AWAY, Connection, Database
from onethread.conversation.outbox import Relay
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.bus import Bus, UnavailableError
from onethread.runtime.tasks import end

log = structlog.get_logger()
LOST = Counter("onethread_stream_lost_total", "Events that the stream had lost and that are published again")

LOCK = "select pg_try_advisory_lock(7011003)"
WAIT_FOR_LOCK = "select true from (select pg_advisory_lock(7011003)) locked"
UNLOCK = "select pg_advisory_unlock(7011003)"
TELL_RELAY = "notify outbox"
LEFT = "select exists (select from outbox where published_at is not null and stream_sequence is null)"
EVERY_SECONDS = 3600.0
JITTER = 0.2
RETRY_SECONDS = 15.0
POLL_SECONDS = 0.2


class Reconciler:
    """Of several replicas one compares at a time."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database, self._bus = database, bus
        self._known: lost.Mark | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        await end(self._task)

    async def _run(self) -> None:
        while True:
            try:
                await self.compare()
            except (*AWAY, UnavailableError) as error:
                log.warning("reconcile.waits", error=type(error).__name__, why=str(error.__cause__ or ""))
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                log.exception("reconcile.failed")
                await asyncio.sleep(EVERY_SECONDS)
            else:
                await asyncio.sleep(EVERY_SECONDS * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311

    async def compare(self, lock: str = LOCK) -> int:
        """Finds what the stream lost and hands it to the relay. Returns how many events that were."""
        async with await self._database.system() as connection:
            if not await _answer(connection, lock):
                return 0
            try:
                found, self._known = await lost.compare(connection, self._bus, self._known)
            finally:
                await connection.execute(UNLOCK)
            if found:
                LOST.inc(found)
                log.error("stream.lost", events=found)
                await connection.execute(TELL_RELAY)
            return found

    async def repaired(self) -> None:
        """Waits until the relay has published all that was lost."""
        async with await self._database.system() as connection:
            while await _answer(connection, LEFT):
                await asyncio.sleep(POLL_SECONDS)


async def _answer(connection: Connection, question: str) -> bool:
    return bool((await (await connection.execute(question)).fetchone() or [False])[0])  # type: ignore[call-overload]


async def reconcile(settings: ConversationSettings) -> int:
    """Compares once, and relays what is found unless a running service does. Returns how many events were lost."""
    database, bus = Database(settings.database, settings.database_pool), Bus("reconcile", settings, away=AWAY)
    relay, reconciler = Relay(database, bus), Reconciler(database, bus)
    await database.start()
    await bus.start()
    relay.start()
    try:
        found = await reconciler.compare(WAIT_FOR_LOCK)
        await reconciler.repaired()
        return found
    finally:
        await relay.stop()
        await bus.stop()
        await database.stop()


def main() -> None:
    try:
        found = asyncio.run(reconcile(ConversationSettings.load()))
    except (*AWAY, UnavailableError) as error:
        raise SystemExit(
            f"The log could not be compared with the stream: {error}. Nothing was lost by it. Try again."
        ) from None
    done = f"The stream had lost {found} events; all are published again." if found else "The stream holds the log."
    sys.stdout.write(f"{done}\n")


if __name__ == "__main__":
    main()
