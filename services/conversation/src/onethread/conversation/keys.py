"""API keys: made, listed and revoked by an administrator. How they are believed is in `access.py`."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID, uuid4

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from onethread.contracts.envelope import now
from onethread.conversation import audit
from onethread.conversation.access import Caller, Scope, hash_of
from onethread.conversation.database import Connection
from onethread.runtime.errors import Problem

ADD = """insert into api_key (id, workspace_id, name, key_hash, scopes, created_by_name, expires_at, created_at)
    values (%s, %s, %s, %s, %s, %s, %s, now()) returning *"""
ALL = "select * from api_key where workspace_id = %s and revoked_at is null order by created_at desc, id"
REVOKE = """update api_key set revoked_at = now() where workspace_id = %s and id = %s and revoked_at is null
    returning id"""


class NewKey(BaseModel):
    """`admin` holds the others; `write` alone cannot read."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*\S[^\x00]*$")
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=3)]
    expires_at: AwareDatetime | None = None


async def create(connection: Connection, caller: Caller, new: NewKey) -> tuple[Any, str]:
    """Returns the row and the key, which is kept nowhere. Raises a 422 problem."""
    if new.expires_at and new.expires_at <= now():
        raise Problem(422, "The key would have expired already", "Choose a moment in the future, or none.")
    key = f"ot_{caller.workspace}_{secrets.token_urlsafe(32)}"
    scopes = sorted(set(new.scopes))
    own = [uuid4(), caller.workspace, new.name.strip(), hash_of(key), scopes, caller.name, new.expires_at]
    row: Any = await (await connection.execute(ADD, own)).fetchone()
    await audit.record(connection, caller, "api_key.created", row.id, {"scopes": scopes})
    return row, key


async def unrevoked(connection: Connection, workspace: str) -> Sequence[Any]:
    return await (await connection.execute(ALL, [workspace])).fetchall()


async def revoke(connection: Connection, caller: Caller, id_: UUID) -> None:
    """It opens nothing from now on, and what it holds open ends within seconds. Raises a 404 problem."""
    if await (await connection.execute(REVOKE, [caller.workspace, id_])).fetchone() is None:
        raise Problem(404, "There is no such key")
    await audit.record(connection, caller, "api_key.revoked", id_)
