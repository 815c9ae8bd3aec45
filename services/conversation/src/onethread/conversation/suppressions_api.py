"""REST: addresses to which nothing goes any more."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from onethread.conversation import suppressions
from onethread.conversation.access import CallerDep
from onethread.conversation.api import DatabaseDep
from onethread.conversation.suppressions import Listed

router = APIRouter(prefix="/api/v1/suppressions")


class Suppressions(BaseModel):
    items: list[Listed]
    next: None = None


@router.get("")
async def list_suppressions(
    caller: CallerDep,
    database: DatabaseDep,
    q: Annotated[str, Query(max_length=254, description="In the address or the reason.")] = "",
) -> Suppressions:
    """The latest 200."""
    async with database.transaction(caller.workspace) as connection:
        return Suppressions(items=await suppressions.all_of(connection, caller.workspace, q))


@router.delete("/{suppression_id}", status_code=204)
async def lift_suppression(suppression_id: UUID, caller: CallerDep, database: DatabaseDep) -> None:
    """Mail goes there again, until the next one comes back."""
    async with database.transaction(caller.workspace) as connection:
        await suppressions.lift(connection, caller, suppression_id)
