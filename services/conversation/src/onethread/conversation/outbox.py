"""The transactional outbox: events are written with the change that they tell of, and relayed in that order."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from uuid import UUID

import structlog

from onethread.contracts import subjects
from onethread.contracts.envelope import CloudEvent
from onethread.conversation import lost
from onethread.conversation.database import AWAY, Connection, Database, Together
from onethread.runtime.bus import OPEN, SETTLED, Bus, UnavailableError

log = structlog.get_logger()

INSERT = """insert into outbox (id, workspace_id, subject, type, thread_id, sequence, body, created_at) values {}
    on conflict (id) do nothing"""
ROW = "(%s, %s, %s, %s, %s, %s, %s, now())"
# What the stream lost of a thread goes before what is new in it.
WAITING = """with live as (select position, id, workspace_id, subject, type, body, thread_id, false as again from outbox
        where published_at is null order by position limit 256)
    select * from live union all
    select position, id, workspace_id, subject, type, body, thread_id, true from outbox
        where published_at is not null and stream_sequence is null and thread_id in (select thread_id from live)
    order by position"""
LOST = """select position, id, workspace_id, subject, type, body, thread_id, true as again from outbox
    where published_at is not null and stream_sequence is null order by position limit 256"""
PUBLISHED = """update outbox o set published_at = now(), stream_sequence = p.sequence
    from unnest(%s::bigint[], %s::bigint[]) as p(position, sequence) where o.position = p.position"""
RELAY_LOCK = 7_011_001
IDLE_SECONDS = 1.0
RETRY_SECONDS = 0.5
_TRACE = re.compile(r'"traceparent":"([^"]*)"')


Told = tuple[CloudEvent, tuple[str, ...]]
"""An event, and the tokens that narrow its subject."""


async def record(connection: Connection | Together, *told: Told) -> None:
    """Writes the events into the caller's transaction, to be relayed in this order."""
    if isinstance(connection, Together):
        for event, tokens in told:
            connection.insert(INSERT, ROW, _row(event, tokens))
    elif told:
        values = [value for event, tokens in told for value in _row(event, tokens)]
        await connection.execute(INSERT.format(", ".join([ROW] * len(told))), values)  # type: ignore[arg-type]


def _row(event: CloudEvent, tokens: tuple[str, ...]) -> tuple[Any, ...]:
    subject = subjects.event(event.workspaceid, event.type, *tokens)
    body = event.model_dump_json(exclude_none=True)
    return (event.id, event.workspaceid, subject, event.type, event.threadid, event.sequence, body)


class Relay:
    """Publishes waiting events. Of several replicas one relays; the others wait for its lock."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database, self._bus = database, bus
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.leading = False

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Relays what is committed, then ends."""
        self._stopping = True
        self._wake.set()
        if self._task:
            await asyncio.wait([self._task], timeout=5)
            self._task.cancel()

    def wake(self) -> None:
        """Something was committed in this process."""
        self._wake.set()

    async def check(self) -> None:
        """Raises when the relay has ended: what is committed would never be told."""
        if self._task is None or self._task.done():
            raise UnavailableError("the outbox is not relayed")

    async def notify(self, connection: Connection) -> None:
        """Wakes the replica that relays, once the transaction commits."""
        if not self.leading:
            await connection.execute("notify outbox")

    async def _run(self) -> None:
        while not self._stopping:
            try:
                async with await self._database.system() as connection:
                    await self._lead(connection)
            except (*AWAY, UnavailableError) as error:
                log.warning("relay.waits", error=type(error).__name__)
            finally:
                self.leading = False
            if not self._stopping:
                await asyncio.sleep(RETRY_SECONDS)

    async def _lead(self, connection: Connection) -> None:
        while not await _is_first(connection):
            if self._stopping:
                return
            await asyncio.sleep(IDLE_SECONDS)
        self.leading = True
        await connection.execute("listen outbox")
        await lost.notice_lost_end(connection, self._bus)
        while True:
            self._wake.clear()
            # One after the other, so that what happens now does not wait for all that is told again.
            if await self._relay(connection, WAITING) + await self._relay(connection, LOST):
                continue
            if self._stopping:
                return
            await self._wait(connection)

    async def _wait(self, connection: Connection) -> None:
        """Until something was committed here or elsewhere; the poll is for what slipped through."""
        told = asyncio.create_task(_notified(connection))
        woken = asyncio.create_task(self._wake.wait())
        _, pending = await asyncio.wait({told, woken}, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(told, woken, return_exceptions=True)

    async def _relay(self, connection: Connection, which: str) -> int:
        rows = await (await connection.execute(which)).fetchall()  # type: ignore[call-overload]
        if not rows:
            return 0
        still_open = await lost.still_open(self._database, [row for row in rows if row.again])
        # Written to one connection in this order, so the server stores them in this order.
        stands = await asyncio.gather(*(self._publish(row, still_open) for row in rows))
        await connection.execute(PUBLISHED, [[row.position for row in rows], stands])
        return len(rows)

    async def _publish(self, row: Any, still_open: set[UUID]) -> int:
        again = (OPEN if row.id in still_open else SETTLED) if row.again else None
        return await self._bus.publish_raw(row.subject, row.body.encode(), str(row.id), _trace(row.body), again)


async def _is_first(connection: Connection) -> bool:
    cursor = await connection.execute("select pg_try_advisory_lock(%s)", [RELAY_LOCK])
    return bool((await cursor.fetchone() or [False])[0])


def _trace(body: str) -> str | None:
    """The trace of the change that the event tells of: the relay works for nobody in particular."""
    found = _TRACE.search(body)
    return found[1] if found else None


async def _notified(connection: Connection) -> None:
    async for _ in connection.notifies(timeout=IDLE_SECONDS, stop_after=1):
        return
