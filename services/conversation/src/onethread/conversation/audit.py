"""Who did what: written in the transaction of the act itself, and never changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from onethread.contracts.messages import Author
from onethread.conversation.access import INSTALLATION_KEY, Caller
from onethread.conversation.database import Connection
from onethread.conversation.isolation import WORKSPACE

RECORD = f"""insert into audit (workspace_id, at, by_kind, by_id, by_name, action, target, detail)
    values (current_setting('{WORKSPACE}'), now(), %s, %s, %s, %s, %s, %s)"""  # noqa: S608
PAGE = f"""select * from audit where workspace_id = current_setting('{WORKSPACE}') and position < %s
    order by position desc limit %s"""  # noqa: S608
NEWEST = 2**62


async def record(
    connection: Connection,
    by: Caller | Author | None,
    action: str,
    target: object,
    detail: dict[str, Any] | None = None,
) -> None:
    """Notes `action` (`customer.merged`, `api_key.created`) on the thing with the id `target`. `by` None: the system.

    `detail` is JSON, kept for ever: ids and names of fields. No secret, nothing that a customer said.
    """
    kind, id_, name = _who(by)
    await connection.execute(RECORD, [kind, id_, name, action, str(target), Jsonb(detail or {})])


def _who(by: Caller | Author | None) -> tuple[str, UUID | None, str | None]:
    if by is None:
        return "system", None, None
    if isinstance(by, Author):
        return by.kind if by.id or by.kind != "teammate" else "api_key", by.id, by.name
    return by.kind, by.id if by.id != INSTALLATION_KEY else None, by.name


async def page(connection: Connection, before: int | None, limit: int) -> Sequence[Any]:
    """Newest first, from behind the position `before`."""
    return await (await connection.execute(PAGE, [before or NEWEST, limit])).fetchall()
