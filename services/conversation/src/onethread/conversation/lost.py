"""What the stream lost of the event log: found here, published again by the relay.

A row of the outbox that was published knows where it stands in the stream. It was lost if it stands nowhere
(`stream_sequence` null).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import nats.errors
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy, StreamInfo

from onethread.contracts.customers import CustomerErased
from onethread.contracts.ids import derived_id
from onethread.contracts.replies import ReplyRequested
from onethread.contracts.streams import EVENTS
from onethread.contracts.subjects import EVERYTHING
from onethread.contracts.threads import MessageAdded
from onethread.conversation.database import Connection, Database
from onethread.runtime.bus import Bus, UnavailableError

REQUESTED, ADDED, ERASED = (
    model.model_fields["type"].default for model in (ReplyRequested, MessageAdded, CustomerErased)
)
CHUNK = 5_000
SILENCE_SECONDS = 5.0
MARGIN = timedelta(hours=1)
"""The stream forgets a little before the last second of an event's age."""

CLOCK = "select now()"
LOST_END = """update outbox set stream_sequence = null
    where stream_sequence > %(last)s and created_at > %(since)s and published_at < %(now)s"""
LOST_BEGINNING = """update outbox set stream_sequence = null
    where stream_sequence < %(first)s and created_at > %(since)s"""
LOST_BETWEEN = """update outbox o set stream_sequence = null
    where stream_sequence between %(first)s and %(last)s and created_at > %(since)s and not exists (
        select from unnest(%(sequences)s::bigint[], %(ids)s::uuid[]) as h(sequence, id)
            where h.sequence = o.stream_sequence and h.id = o.id)"""
FOUND = """update outbox o set stream_sequence = h.sequence
    from unnest(%(sequences)s::bigint[], %(ids)s::uuid[]) as h(sequence, id)
    where o.id = h.id and o.published_at is not null
        and (o.stream_sequence is null or o.stream_sequence < %(first)s or o.stream_sequence > %(last)s)"""
UNDELIVERED = """select r.id from unnest(%s::uuid[]) as r(id) where exists (select from message m
    where (m.id = r.id or m.mail_id = r.id) and m.delivery_state in ('queued', 'retrying'))"""
HANDLED = "select event_id as id from inbox where event_id = any(%s)"


@dataclass(frozen=True)
class Mark:
    """How far the stream was compared. As long as this holds, nothing before it was lost since."""

    created: datetime | None
    sequence: int
    message_id: str | None
    deleted: int


async def state_of(bus: Bus) -> StreamInfo:
    """Raises `UnavailableError` while there is no stream, or no bus."""
    try:
        await bus.check()
        return await bus.js.stream_info(EVENTS.name)
    except (nats.errors.Error, OSError, TimeoutError) as error:
        raise UnavailableError(f"the stream did not answer: {type(error).__name__}") from error


async def notice_lost_end(connection: Connection, bus: Bus) -> int:
    """The usual losses, a stream that was made anew and an end that was cut off, found at once. Returns how many."""
    begun = await _now(connection)
    info = await state_of(bus)
    return await _run(connection, LOST_END, _asked(info, begun) | {"last": info.state.last_seq})


async def compare(connection: Connection, bus: Bus, known: Mark | None = None) -> tuple[int, Mark]:
    """Compares the log with the stream, from `known` on where that still holds. Returns how many events were lost.

    Raises `UnavailableError` when the bus goes away meanwhile; what was found until then stays found.
    """
    begun = await _now(connection)
    info = await state_of(bus)
    first, last = max(info.state.first_seq, 1), info.state.last_seq  # a stream that never held anything says 0
    asked = _asked(info, begun)
    is_held = known is not None and await _holds(bus.js, known, info)
    start = known.sequence + 1 if known and is_held else first
    last_id = known.message_id if known and is_held else None
    lost = await _run(connection, LOST_END, asked | {"last": last})
    async for chunk in _chunks(bus.js, start, last):
        until = chunk[-1][0] if len(chunk) == CHUNK else last
        ids = {sequence: id_ for sequence, text in chunk if (id_ := _uuid(text))}
        here = asked | {"first": start, "last": until, "sequences": list(ids), "ids": list(ids.values())}
        lost += await _run(connection, LOST_BETWEEN, here) - await _run(connection, FOUND, here)
        last_id = chunk[-1][1] if chunk and chunk[-1][0] == last else last_id
        start = until + 1
    if not is_held:
        lost += await _run(connection, LOST_BEGINNING, asked | {"first": first})
    return max(lost, 0), Mark(info.created, last, last_id, info.state.num_deleted or 0)


async def still_open(database: Database, rows: Sequence[Any]) -> set[UUID]:
    """Of events that are told again, those on which somebody has yet to act: a reply that did not go out, a question
    that the agent did not see. With all others it would be a second mail, or another month of answers to write.
    """
    by_workspace: defaultdict[str, list[Any]] = defaultdict(list)
    for row in rows:
        by_workspace[row.workspace_id].append(row)
    found = [await _open_in(database, workspace, theirs) for workspace, theirs in by_workspace.items()]
    return set().union(*found)


async def _open_in(database: Database, workspace: str, rows: Sequence[Any]) -> set[UUID]:
    messages = {UUID(_data(row)["message_id"]): row.id for row in rows if row.type == REQUESTED}
    proposals = {derived_id(row.id, "proposed"): row.id for row in rows if row.type == ADDED and _is_asked(row)}
    async with database.transaction(workspace) as connection:
        undelivered = await connection.execute(UNDELIVERED, [list(messages)])
        is_open = {messages[row.id] for row in await undelivered.fetchall()}
        handled = await connection.execute(HANDLED, [list(proposals)])
        answered = {proposals[row.id] for row in await handled.fetchall()}
    always = {row.id for row in rows if row.type == ERASED}  # to forget twice does no harm
    return is_open | always | (set(proposals.values()) - answered)


def _is_asked(row: Any) -> bool:
    return bool(_data(row).get("agent_may_answer"))


def _data(row: Any) -> dict[str, Any]:
    return json.loads(row.body)["data"]


async def _chunks(js: JetStreamContext, first: int, last: int) -> AsyncIterator[list[tuple[int, str]]]:
    """(sequence, message id) of all that stands in the stream from `first` to `last`; the last chunk is not full."""
    chunk: list[tuple[int, str]] = []
    async for sequence, id_ in _headers(js, first, last):
        chunk.append((sequence, id_))
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    yield chunk


async def _headers(js: JetStreamContext, first: int, last: int) -> AsyncIterator[tuple[int, str]]:
    if first > last:
        return
    start = ConsumerConfig(deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=first)
    try:
        reader = await js.subscribe(
            EVERYTHING, stream=EVENTS.name, ordered_consumer=True, headers_only=True, config=start
        )
        try:
            left = (await reader.consumer_info()).num_pending
            while left or reader.pending_msgs:
                message = await reader.next_msg(SILENCE_SECONDS)
                stands = message.metadata
                if stands.sequence.stream > last:
                    return
                left = stands.num_pending
                yield stands.sequence.stream, (message.headers or {}).get("Nats-Msg-Id", "")
        finally:
            await reader.unsubscribe()
    except (nats.errors.Error, OSError, TimeoutError) as error:
        raise UnavailableError(f"the stream was not read to its end: {type(error).__name__}") from error


async def _holds(js: JetStreamContext, known: Mark, info: StreamInfo) -> bool:
    same = (info.created, info.state.num_deleted or 0) == (known.created, known.deleted)
    if not same or known.message_id is None or info.state.last_seq < known.sequence:
        return False
    try:
        message = await js.get_msg(EVENTS.name, known.sequence)
    except nats.errors.Error:
        return False
    return (message.headers or {}).get("Nats-Msg-Id") == known.message_id


def _asked(info: StreamInfo, begun: datetime) -> dict[str, Any]:
    age = info.config.max_age
    since = begun - timedelta(seconds=age) + MARGIN if age else datetime.min.replace(tzinfo=begun.tzinfo)
    return {"now": begun, "since": since}


async def _now(connection: Connection) -> datetime:
    [(moment,)] = await (await connection.execute(CLOCK)).fetchall()
    return moment


async def _run(connection: Connection, statement: str, parameters: dict[str, Any]) -> int:
    return (await connection.execute(statement, parameters)).rowcount  # type: ignore[call-overload]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
