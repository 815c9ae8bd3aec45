"""Who did what: written in the transaction of the act itself, and never changed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from onethread.contracts.messages import Author
from onethread.conversation.database import Connection
from onethread.conversation.isolation import WORKSPACE
from onethread.conversation.teammates import Caller

RECORD = f"""insert into audit (workspace_id, at, by_kind, by_id, by_name, action, target, detail)
    values (current_setting('{WORKSPACE}'), now(), %s, %s, %s, %s, %s, %s)"""  # noqa: S608


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
    return by.kind, by.credential_id, by.name
