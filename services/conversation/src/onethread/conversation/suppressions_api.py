"""REST: addresses to which nothing goes any more."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from onethread.conversation import queries, suppressions
from onethread.conversation.access import CallerDep
from onethread.conversation.api import DatabaseDep, Limit
from onethread.conversation.suppressions import Listed

router = APIRouter(prefix="/api/v1/suppressions")


class Suppressions(BaseModel):
    items: list[Listed]
    next: str | None


@router.get("")
async def list_suppressions(
    caller: CallerDep,
    database: DatabaseDep,
    q: Annotated[str, Query(max_length=254, description="In the address or the reason.")] = "",
    limit: Limit = 100,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Suppressions:
    """The latest first."""
    before = queries.read_cursor(cursor) if cursor else None
    async with database.transaction(caller.workspace) as connection:
        found = await suppressions.page(connection, caller.workspace, q, before, limit + 1)
    items = found[:limit]
    following = queries.cursor_of(items[-1].since, items[-1].id) if len(found) > limit else None
    return Suppressions(items=items, next=following)


@router.delete("/{suppression_id}", status_code=204)
async def lift_suppression(suppression_id: UUID, caller: CallerDep, database: DatabaseDep) -> None:
    """Mail goes there again, until the next one comes back."""
    async with database.transaction(caller.workspace) as connection:
        await suppressions.lift(connection, caller, suppression_id)
