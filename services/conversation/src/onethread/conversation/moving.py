"""Messages go from one thread to another: the one step of which split, move, merge and the undo of each are made.

Nothing is written anew. A message changes its thread and keeps its id, its position, its number and its home.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from onethread.contracts import ids
from onethread.contracts import threads as t
from onethread.contracts.messages import Author
from onethread.conversation import outbox, threads
from onethread.conversation.database import Connection

IDS_AN_EVENT = 10_000
"""The bus takes a megabyte an event."""

WAITING = """with first as (
        select coalesce(max(created_at) filter (where created_at <= %(since)s), %(since)s) as at
        from message where thread_id = %(source)s and author_kind = 'customer')
    select min(m.created_at) filter (where not m.id = any(%(ids)s)) as stays,
        min(m.created_at) filter (where m.id = any(%(ids)s)) as goes
    from message m, first where m.thread_id = %(source)s and m.author_kind = 'customer' and m.created_at >= first.at"""
MOVE = "update message set thread_id = %s where id = any(%s) and thread_id = %s"
PLACES = """update place set thread_id = %(target)s where thread_id = %(source)s and (
        (channel_id, key) in (select * from unnest(%(channels)s::text[], %(keys)s::text[]))
        or (select m.id from message m where m.thread_id in (%(source)s, %(target)s)
            and m.channel_id = place.channel_id and m.place_key = place.key
            order by m.position desc limit 1) = any(%(ids)s))"""
PENDING = "update pending_reply set thread_id = %s where id = any(%s) and thread_id = %s"
READS = """select t.id, l.last_text, l.last_author_kind, l.last_author_id, l.last_author_name, l.last_message_at,
        c.trust, coalesce(f.verdict, c.verdict) as verdict, a.machine, c.channel_id, c.channel_kind, c.place_key,
        coalesce(p.position, 0) as last_position
    from unnest(%(ids)s::uuid[]) as t(id)
    left join lateral (select max(position) as position from message where thread_id = t.id) p on true
    left join lateral (select left(text, %(preview)s) as last_text, author_kind as last_author_kind,
            author_id as last_author_id, author_name as last_author_name, created_at as last_message_at
        from message where thread_id = t.id and not note order by position desc limit 1) l on true
    left join lateral (select verdict from message where thread_id = t.id and verdict = 'forged' limit 1) f on true
    left join lateral (select identity_trust as trust, verdict, channel_id, channel_kind, place_key
        from message where thread_id = t.id and author_kind = 'customer' order by position desc limit 1) c on true
    left join lateral (select machine from message where thread_id = t.id and author_kind = 'customer'
        order by coalesce(machine = any(%(quiet)s), false), position desc limit 1) a on true"""
ALL = "select id from message where thread_id = %s order by position"
SILENT_PLACES = """select channel_id, key from place p where thread_id = %s and not exists (
    select from message m where m.thread_id = p.thread_id and m.channel_id = p.channel_id and m.place_key = p.key)"""
ALL_PENDING = "select id from pending_reply where thread_id = %s"


async def all_of(connection: Connection, row: Any) -> tuple[list[UUID], dict[str, list[Any]]]:
    """The ids of all messages of a thread, and what goes along with the last of them: places where nothing was said
    yet and replies that wait, as `move` takes it and as JSON keeps it.
    """
    said = await connection.execute(ALL, [row.id])
    places = await connection.execute(SILENT_PLACES, [row.id])
    pending = await connection.execute(ALL_PENDING, [row.id])
    along = {
        "places": [[place.channel_id, place.key] for place in await places.fetchall()],
        "pending": [str(one.id) for one in await pending.fetchall()],
    }
    return [one.id for one in await said.fetchall()], along


async def move(
    connection: Connection,
    source: Any,
    target: Any,
    message_ids: Sequence[UUID],
    *,
    act_id: UUID,
    by: Author | None,
    undoes: UUID | None = None,
    along: dict[str, list[Any]] | None = None,
    source_changes: dict[str, Any] | None = None,
    target_changes: dict[str, Any] | None = None,
) -> tuple[Any, Any]:
    """Moves those messages of `source` to `target` and tells both threads' readers. Returns both rows as they are now.

    The caller has the graph alone and both rows locked. `along` is what `all_of` gave, for a thread that moves whole.
    The changes are of fields that do not follow from the messages, or that are to be other than what follows.
    """
    moved = list(message_ids)
    stays, goes = await _waiting(connection, source, target, moved)
    await _rearrange(connection, source, target, moved, along or {})
    asked = {"ids": [source.id, target.id], "preview": threads.PREVIEW, "quiet": list(threads.QUIET)}
    reads = {row.id: row._asdict() for row in await (await connection.execute(READS, asked)).fetchall()}
    parts = [moved[n : n + IDS_AN_EVENT] for n in range(0, len(moved), IDS_AN_EVENT)] or [[]]
    left = await _save(connection, source, reads, stays | (source_changes or {}), events=1)
    joined = await _save(connection, target, reads, goes | (target_changes or {}), events=len(parts))
    change = {"by": by, "act_id": act_id, "undoes": undoes}
    split = t.ThreadChange(thread=threads.contract(left), other_thread_id=target.id, **change)
    told: list[outbox.Told] = [(t.ThreadSplit(**_head(left, act_id, left.sequence), data=split), ())]
    for sequence, part in enumerate(parts, target.sequence + 1):
        merged = t.ThreadChange(thread=threads.contract(joined), other_thread_id=source.id, message_ids=part, **change)
        told.append((t.ThreadMerged(**_head(joined, act_id, sequence), data=merged), ()))
    await outbox.record(connection, *told)
    return left, joined


def _head(row: Any, act_id: UUID, sequence: int) -> dict[str, Any]:
    return threads.envelope(row, ids.derived_id(act_id, f"{row.id} {sequence}"), sequence, None)


async def _waiting(
    connection: Connection, source: Any, target: Any, moved: list[UUID]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Who waits for a person: the customer's message that began the wait, and those after it, take it along."""
    if source.waiting_since is None:
        return {}, {}
    asked = {"source": source.id, "since": source.waiting_since, "ids": moved}
    row = await (await connection.execute(WAITING, asked)).fetchone()
    stays, goes = (row.stays, row.goes) if row else (None, None)
    since = [target.waiting_since, goes and max(goes, source.waiting_since)]
    return (
        {"waiting_since": stays and max(stays, source.waiting_since)},
        {"waiting_since": min((at for at in since if at), default=None)},
    )


async def _rearrange(
    connection: Connection, source: Any, target: Any, moved: list[UUID], along: dict[str, list[Any]]
) -> None:
    places = along.get("places", [])
    asked = {
        "source": source.id,
        "target": target.id,
        "ids": moved,
        "channels": [c for c, _ in places],
        "keys": [k for _, k in places],
    }
    await connection.execute(MOVE, [target.id, moved, source.id])
    await connection.execute(PLACES, asked)
    if pending := along.get("pending"):
        await connection.execute(PENDING, [target.id, pending, source.id])


async def _save(
    connection: Connection, row: Any, reads: dict[UUID, dict[str, Any]], changes: dict[str, Any], *, events: int
) -> Any:
    """What a thread's row says of its messages, after some came or went. The last position is never given twice."""
    of_messages = {name: value for name, value in reads[row.id].items() if name != "id"}
    of_messages["last_position"] = max(row.last_position, of_messages["last_position"])
    counted = {"sequence": row.sequence + events, "version": row.version + 1}
    return await threads.save(connection, row, **of_messages | changes | counted)
