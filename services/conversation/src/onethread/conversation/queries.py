"""What the API reads."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import or_, tuple_
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from onethread.conversation.database import Database
from onethread.conversation.models import CustomerRow, IdentityRow, MessageRow, ThreadRow
from onethread.runtime.errors import Problem

Statuses = Literal["open", "waiting", "snoozed", "closed", "all"]
POSITION_DIGITS = 18
TAGS = """select tag from (
        select tags from thread where workspace_id = %s order by updated_at desc, id desc limit 5000) latest,
    unnest(latest.tags) as tag group by tag order by count(*) desc, tag limit 200"""


def cursor_of(moment: datetime, id_: UUID) -> str:
    return base64.urlsafe_b64encode(json.dumps([moment.isoformat(), str(id_)]).encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, UUID]:
    """Raises a 422 problem for a cursor that is not ours."""
    try:
        moment, id_ = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return datetime.fromisoformat(moment), UUID(id_)
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise Problem(422, "The cursor is not valid", "Start again from the first page.") from None


def position_in(cursor: str) -> int:
    """Raises a 422 problem for a cursor that is not a position."""
    if not cursor.isdecimal() or len(cursor) > POSITION_DIGITS:
        raise Problem(422, "The cursor is not valid", "Start again from the first page.")
    return int(cursor)


def cluster_of(customer_id: UUID) -> Any:
    """The ids of all customers that were found to be one with `customer_id`, itself among them."""
    root = select(CustomerRow.root_id).where(CustomerRow.id == customer_id).scalar_subquery()
    return select(CustomerRow.id).where(CustomerRow.root_id == root)


async def list_threads(
    database: Database,
    workspace: str,
    *,
    me: UUID,
    status: Statuses,
    assignee: str | None,
    channel: str | None,
    tag: str | None,
    q: str | None,
    limit: int,
    cursor: str | None,
) -> tuple[list[ThreadRow], str | None]:
    """A page of threads, newest activity first, and the cursor of the next."""
    row = ThreadRow
    find = select(row).where(row.workspace_id == workspace, col(row.last_message_at).is_not(None))
    if status != "all":
        find = find.where(row.status == status)
    if assignee == "none":
        find = find.where(
            col(row.assignee_id).is_(None),
            or_(col(row.agent) != "active", col(row.waiting_since).is_not(None), col(row.machine).is_not(None)),
        )
    elif assignee == "agent":
        find = find.where(
            col(row.assignee_id).is_(None), row.agent == "active", col(row.waiting_since).is_(None),
            col(row.machine).is_(None),
        )  # fmt: skip
    elif assignee:
        find = find.where(row.assignee_id == (me if assignee == "me" else _uuid(assignee)))
    if channel:
        find = find.where(row.channel_kind == channel)
    if tag:
        find = find.where(col(row.tags).contains([tag]))
    if q:
        like = f"%{q.replace('%', '').replace('_', '')}%"
        columns = (row.customer_name, row.customer_email, row.subject, row.last_text)
        find = find.where(or_(*(col(c).ilike(like) for c in columns)))
    if cursor:
        find = find.where(tuple_(col(row.updated_at), col(row.id)) < tuple_(*read_cursor(cursor)))
    find = find.order_by(col(row.updated_at).desc(), col(row.id).desc()).limit(limit + 1)
    async with database.session(workspace) as session:
        rows = list((await session.exec(find)).all())
    page = rows[:limit]
    return page, cursor_of(page[-1].updated_at, page[-1].id) if len(rows) > limit else None


async def get_thread(database: Database, workspace: str, id_: UUID) -> ThreadRow:
    async with database.session(workspace) as session:
        row = await session.get(ThreadRow, id_)
    if row is None or row.workspace_id != workspace:
        raise Problem(404, "There is no such thread")
    return row


async def tags(database: Database, workspace: str) -> list[str]:
    """Of the threads in which something happened lately, most used first."""
    async with database.transaction(workspace) as connection:
        return [row.tag for row in await (await connection.execute(TAGS, [workspace])).fetchall()]


async def list_messages(
    database: Database, workspace: str, thread_id: UUID, after: int, limit: int
) -> tuple[Sequence[MessageRow], str | None]:
    find = (
        select(MessageRow)
        .where(
            MessageRow.workspace_id == workspace, MessageRow.thread_id == thread_id, col(MessageRow.position) > after
        )
        .order_by(col(MessageRow.position))
        .limit(limit + 1)
    )
    async with database.session(workspace) as session:
        rows = (await session.exec(find)).all()
    return rows[:limit], str(rows[limit - 1].position) if len(rows) > limit else None


async def timeline(
    database: Database, workspace: str, customer_id: UUID, cursor: str | None, limit: int
) -> tuple[Sequence[MessageRow], str | None]:
    """All threads of one customer, end to end, oldest message first. Raises a 404 problem."""
    row = MessageRow
    find = select(row).where(row.workspace_id == workspace, col(row.customer_id).in_(cluster_of(customer_id)))
    if cursor:
        find = find.where(col(row.position) > position_in(cursor))
    find = find.order_by(col(row.position), col(row.id)).limit(limit + 1)
    async with database.session(workspace) as session:
        if await session.get(CustomerRow, customer_id) is None:
            raise Problem(404, "There is no such customer")
        rows = (await session.exec(find)).all()
    page = rows[:limit]
    return page, str(page[-1].position) if len(rows) > limit else None


async def list_customers(
    database: Database, workspace: str, q: str | None, limit: int, cursor: str | None
) -> tuple[Sequence[CustomerRow], str | None]:
    """A page of those who stand for their cluster, newest first, without those of whom nothing is known any more."""
    row, member = CustomerRow, aliased(CustomerRow)
    is_known = (
        select(IdentityRow.id).join(member, col(IdentityRow.customer_id) == member.id).where(member.root_id == row.id)
    )
    find = select(row).where(row.workspace_id == workspace, row.id == row.root_id, is_known.exists())
    if q:
        like = f"%{q.replace('%', '').replace('_', '')}%"
        named = select(row.root_id).where(or_(col(row.name).ilike(like), col(row.email).ilike(like)))
        find = find.where(col(row.id).in_(named))
    if cursor:
        find = find.where(tuple_(col(row.created_at), col(row.id)) < tuple_(*read_cursor(cursor)))
    async with database.session(workspace) as session:
        newest = find.order_by(col(row.created_at).desc(), col(row.id).desc()).limit(limit + 1)
        rows = (await session.exec(newest)).all()
    page = rows[:limit]
    return page, cursor_of(page[-1].created_at, page[-1].id) if len(rows) > limit else None


async def participants(database: Database, workspace: str, thread_id: UUID) -> list[dict[str, Any]]:
    """Everyone who spoke in the thread as a customer."""
    row = MessageRow
    find = (
        select(row.author_name, row.identity_kind, row.identity_value, row.identity_trust)
        .where(row.thread_id == thread_id, row.author_kind == "customer")
        .distinct()
    )
    async with database.session(workspace) as session:
        found = (await session.exec(find)).all()
    return [{"name": n, "identity": {"kind": k, "value": v, "trust": t}} for n, k, v, t in found]


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Problem(422, "The assignee is not valid", "Use me, none, agent or a teammate's id.") from None
