"""Looks for an erased customer in the log and on the bus, until nothing is found any more.

An event of the log keeps its id and its number and loses its words; where the stream has it as it was, that copy is
deleted there, and the relay tells what is left of it. What others published about the customer is deleted.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from uuid import UUID

import nats.errors
import structlog
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy

from onethread.contracts.streams import DEAD, EVENTS
from onethread.conversation import erasing
from onethread.conversation.database import AWAY, Connection, Database
from onethread.conversation.redacting import Traces, redact
from onethread.runtime.bus import Bus, UnavailableError
from onethread.runtime.erasing import erase
from onethread.runtime.tasks import end

log = structlog.get_logger()

CHUNK = 500
PAUSE_SECONDS = 6.0
"""Longer than a publish may take: the relay may have read an event just before it lost its words."""
EVERY_SECONDS = 60.0
SILENCE_SECONDS = 5.0
LOCK = "select pg_try_advisory_lock(7011004)"

OF_LOG = """select position, id, body from outbox where workspace_id = %(workspace)s and position > %(after)s
        and type <> 'onethread.customer.erased.v1'
        and (thread_id = any(%(threads)s) or body ilike any(%(patterns)s))
    order by position limit %(limit)s"""
# What was not told yet is told as what was lost is: nobody acts on it.
REDACT = "update outbox set body = %s, published_at = coalesce(published_at, now()) where position = %s"
IN_LOG = "select id, body from outbox where id = any(%s)"
HANDLED = "select event_id from inbox where event_id = any(%s)"
NOT_IN_STREAM = "update outbox set stream_sequence = null where id = any(%s) and stream_sequence = any(%s)"


class Found(NamedTuple):
    """A message of a stream that names the customer."""

    sequence: int
    subject: str
    id: str
    headers: dict[str, str]
    body: bytes

    @property
    def event_id(self) -> UUID | None:
        try:
            return UUID(self.id)
        except ValueError:
            return None


class Forgetting:
    def __init__(self, database: Database, bus: Bus, pause: float = PAUSE_SECONDS) -> None:
        self._database, self._bus, self.pause = database, bus, pause
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """What is not finished is taken up again at the next start."""
        await end(self._task)

    def poke(self) -> None:
        """A customer was erased in this process."""
        self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                async with await self._database.system() as connection:
                    if (await (await connection.execute(LOCK)).fetchall())[0][0]:
                        await self._all()
            except (*AWAY, UnavailableError) as error:
                log.warning("erasing.waits", error=type(error).__name__)
            except Exception:
                log.exception("erasing.failed")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_SECONDS):
                    await self._wake.wait()

    async def _all(self) -> None:
        for workspace in await self._database.workspaces():
            async with self._database.transaction(workspace) as connection:
                waiting = await erasing.unfinished(connection)
            for customer_id, traces in waiting:
                await self._forget(workspace, traces)
                async with self._database.transaction(workspace) as connection:
                    await erasing.finish(connection, customer_id, traces)
                log.info("customer.erased", customer=str(customer_id))

    async def _forget(self, workspace: str, traces: Traces) -> None:
        """Each step can be repeated, and is, until it finds nothing."""
        while True:
            found = await self._log(workspace, traces)
            found += await self._stream(workspace, traces) + await self._dead(workspace, traces)
            if not found:
                return
            await asyncio.sleep(self.pause)

    async def _log(self, workspace: str, traces: Traces) -> int:
        asked = {
            "workspace": workspace, "after": 0, "limit": CHUNK, "patterns": traces.patterns,
            "threads": [*traces.threads, *traces.guest_in],
        }  # fmt: skip
        changed = 0
        while True:
            async with self._database.transaction(workspace) as connection:
                rows = await (await connection.execute(OF_LOG, asked)).fetchall()
                changed += sum([await _redact(connection, row, traces) for row in rows])
            if len(rows) < CHUNK:
                return changed
            asked["after"] = rows[-1].position

    async def _stream(self, workspace: str, traces: Traces) -> int:
        deleted = 0
        async for found in _reading(self._bus, EVENTS.name, f"ot.{workspace}.>", traces):
            gone = await self._to_delete(workspace, found, traces)
            await _delete(self._bus.js, EVENTS.name, gone)
            deleted += len(gone)
            async with self._database.transaction(workspace) as connection:
                ids = [one.event_id for one in gone if one.event_id]
                await connection.execute(NOT_IN_STREAM, [ids, [one.sequence for one in gone]])
        return deleted

    async def _to_delete(self, workspace: str, found: list[Found], traces: Traces) -> list[Found]:
        ids = [one.event_id for one in found if one.event_id]
        async with self._database.transaction(workspace) as connection:
            in_log = {row.id: row.body for row in await (await connection.execute(IN_LOG, [ids])).fetchall()}
            handled = {row.event_id for row in await (await connection.execute(HANDLED, [ids])).fetchall()}

        def is_old(one: Found) -> bool:
            if one.event_id in in_log:
                return in_log[one.event_id].encode() != one.body
            if not traces.are_in(one.body):
                return False
            event = _parsed(one.body)
            # Somebody else's message that names them is only on the bus until it stands in a thread.
            return ".message.received." not in one.subject or one.event_id in handled or _is_own(event, traces)

        return [one for one in found if is_old(one)]

    async def _dead(self, workspace: str, traces: Traces) -> int:
        deleted = 0
        async for found in _reading(self._bus, DEAD.name, "dead.>", traces):
            ours = [one for one in found if _is_of(workspace, one) and traces.are_in(one.body)]
            for one in ours:
                event = _parsed(one.body)
                if ".message.received." in one.headers["Onethread-Subject"] and event and not _is_own(event, traces):
                    await self._put_back(one, event, traces)
            await _delete(self._bus.js, DEAD.name, ours)
            deleted += len(ours)
        return deleted

    async def _put_back(self, one: Found, event: dict[str, Any], traces: Traces) -> None:
        """A message of somebody else that names them waits for an operator: without the name."""
        body = json.dumps(event | {"data": traces.take_out(event["data"])}).encode()
        headers = one.headers | {"Nats-Msg-Id": f"{one.id}-redacted"}
        await self._bus.js.publish(one.subject, body, stream=DEAD.name, headers=headers)


async def _redact(connection: Connection, row: Any, traces: Traces) -> bool:
    event = json.loads(row.body)
    redacted = redact(event, traces)
    if redacted == event:
        return False
    await connection.execute(REDACT, [json.dumps(redacted, ensure_ascii=False, separators=(",", ":")), row.position])
    return True


async def _reading(bus: Bus, stream: str, subject: str, traces: Traces) -> AsyncIterator[list[Found]]:
    """What names them, some at a time, until the stream's present end."""
    try:
        await bus.check()
        async for chunk in _chunks(bus.js, stream, subject, traces):
            yield chunk
    except (nats.errors.Error, OSError, TimeoutError) as error:
        raise UnavailableError(f"the stream {stream} was not read to its end: {type(error).__name__}") from error


async def _chunks(js: JetStreamContext, stream: str, subject: str, traces: Traces) -> AsyncIterator[list[Found]]:
    start = ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
    reader = await js.subscribe(subject, stream=stream, ordered_consumer=True, config=start)
    chunk: list[Found] = []
    try:
        left = (await reader.consumer_info()).num_pending
        while left or reader.pending_msgs:
            message = await reader.next_msg(SILENCE_SECONDS)
            left = message.metadata.num_pending
            if traces.may_be_in(message.data):
                headers = dict(message.headers or {})
                sequence = message.metadata.sequence.stream
                chunk.append(Found(sequence, message.subject, headers.get("Nats-Msg-Id", ""), headers, message.data))
            if len(chunk) == CHUNK:
                yield chunk
                chunk = []
    finally:
        await reader.unsubscribe()
    yield chunk


async def _delete(js: JetStreamContext, stream: str, found: list[Found]) -> None:
    """The server writes over what it deletes so."""
    for one in found:
        await erase(js, stream, one.sequence)


def _is_of(workspace: str, letter: Found) -> bool:
    return letter.headers.get("Onethread-Subject", "").startswith(f"ot.{workspace}.")


def _parsed(body: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(body)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("data"), dict) else None


def _is_own(event: dict[str, Any] | None, traces: Traces) -> bool:
    """What nobody can read is taken for theirs."""
    return event is None or traces.said_it(event["data"])
