"""A thread: how its row reads as a contract, and what teammates do to it."""

from __future__ import annotations

import time
from collections import namedtuple
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from onethread.contracts import messages as m
from onethread.contracts import threads as t
from onethread.contracts.envelope import now
from onethread.conversation.database import Connection, Together
from onethread.conversation.models import ThreadRow
from onethread.runtime.errors import Problem
from onethread.runtime.telemetry import traceparent

SOURCE = "/conversation"
PREVIEW = 200
COLUMNS = tuple(ThreadRow.model_fields)
Row = namedtuple("Row", COLUMNS, defaults=[None] * len(COLUMNS))  # type: ignore[misc] # noqa: PYI024 as rows are read
INSERT = f"insert into thread ({', '.join(COLUMNS)}) values ({', '.join(['%s'] * len(COLUMNS))})"  # noqa: S608 names of ours
QUIET = ("auto_reply", "bounce", "complaint")
"""What such machines write stands in its thread and changes nothing else of it."""
NEW: dict[str, Any] = {"agent": "active", "tags": [], "priority": "normal", "version": 1, "last_position": 0}


def contract(row: Any) -> t.Thread:
    """A `ThreadRow`, read by either way, as the contract."""
    last = handoff = assignee = channel = None
    if row.last_message_at:
        author = m.Author(kind=row.last_author_kind, id=row.last_author_id, name=row.last_author_name)
        last = t.LastMessage(text=row.last_text, author=author, created_at=row.last_message_at)
    if row.handoff_at:
        handoff = t.Handoff(reason=row.handoff_reason or "", summary=row.handoff_summary or "", at=row.handoff_at)
    if row.assignee_id:
        assignee = t.TeammateName(id=row.assignee_id, name=row.assignee_name)
    if row.channel_id:
        channel = m.Channel(id=row.channel_id, kind=row.channel_kind)
    return t.Thread(
        id=row.id,
        status=row.status,
        snoozed_until=row.snoozed_until,
        topic=row.topic,
        customer=t.CustomerName(id=row.customer_id, name=row.customer_name, email=row.customer_email),
        channel=channel,
        trust=row.trust,
        verdict=row.verdict,
        machine=row.machine,
        assignee=assignee,
        agent=row.agent,
        agent_set=t.AgentSet(by=row.agent_by, at=row.agent_at) if row.agent_at and row.agent_by else None,
        handoff=handoff,
        tags=row.tags,
        priority=row.priority,
        last_message=last,
        waiting_since=row.waiting_since,
        sequence=row.sequence,
        version=row.version,
        previous_thread_id=row.previous_thread_id,
        side_of_id=row.side_of_id,
        merged_into_id=row.merged_into_id,
        home_id=row.home_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


async def lock(connection: Connection, workspace: str, thread_id: UUID) -> Any:
    """The thread's row, held until the transaction ends. Raises a 404 problem, and 409 for one that was merged away."""
    query = "select * from thread where id = %s and workspace_id = %s for no key update"
    row = await (await connection.execute(query, [thread_id, workspace])).fetchone()
    if row is None:
        raise Problem(404, "There is no such thread")
    if row.merged_into_id is not None:
        detail = f"Nothing was changed. Go on in the thread {row.merged_into_id}, which holds its messages now."
        raise Problem(409, "This thread was merged into another", detail, merged_into_id=str(row.merged_into_id))
    return row


async def save(connection: Connection | Together, row: Any, **changes: Any) -> Any:
    """Writes `changes` to a locked thread and returns the new row."""
    changes["updated_at"] = now()
    columns = ", ".join(f"{name} = %s" for name in changes)
    query = f"update thread set {columns} where id = %s"  # noqa: S608 the names are this module's own
    await connection.execute(query, [*map(_written, changes.values()), row.id])  # type: ignore[arg-type]
    return row._replace(**changes)


async def count(connection: Connection, row: Any) -> Any:
    """The row of a locked thread, with a number for one more event, which tells of no change to the thread."""
    query = "update thread set sequence = sequence + 1 where id = %s returning *"
    [row] = await (await connection.execute(query, [row.id])).fetchall()
    return row


def agent_set(by: m.Author | None) -> dict[str, Any]:
    """Who gave the agent its state, and when."""
    return {"agent_by": by.model_dump(mode="json") if by else None, "agent_at": now() if by else None}


def next_position(row: Any | None) -> int:
    """Where the next message of a locked thread (None: of a new one) stands: microseconds, growing whatever the clock
    does.
    """
    return max((row.last_position if row else 0) + 1, time.time_ns() // 1000)


async def insert(connection: Connection | Together, **columns: Any) -> Any:
    """Opens a thread and returns its row."""
    row = Row(**NEW | columns, created_at=now(), updated_at=now())
    await connection.execute(INSERT, [*map(_written, row)])  # type: ignore[arg-type]
    return row


def _written(value: Any) -> Any:
    return Jsonb(value) if isinstance(value, dict) else value


def envelope(row: Any, event_id: UUID, sequence: int, cause: UUID | None) -> dict[str, Any]:
    """What every event about a thread carries."""
    return {
        "id": event_id,
        "source": SOURCE,
        "subject": str(row.id),
        "workspaceid": row.workspace_id,
        "threadid": row.id,
        "customerid": row.customer_id,
        "causationid": cause,
        "sequence": sequence,
        "traceparent": traceparent(),
    }
