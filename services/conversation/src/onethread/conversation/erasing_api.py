"""Over REST, for administrators: everything about one customer, as a file, or for ever gone."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from onethread.conversation import audit, erasing, profiles
from onethread.conversation.access import ADMINISTRATION, CallerDep
from onethread.conversation.admin_api import DatabaseDep
from onethread.conversation.export import export

router = APIRouter(prefix="/api/v1/customers", tags=[ADMINISTRATION])


class Erasing(BaseModel):
    customer_id: UUID
    state: Literal["erasing", "erased"] = Field(
        description="`erasing`: the inbox knows them no more; copies on the bus are still being looked for."
    )
    others: list[UUID] = Field(
        default_factory=list[UUID],
        description="Customers who say, unproven, that an address of theirs is their own. They were left as they are.",
    )


@router.post("/{customer_id}/erase", status_code=202)
async def erase_customer(customer_id: UUID, request: Request, caller: CallerDep, database: DatabaseDep) -> Erasing:
    """Erases the customer and everybody who was found to be them. This cannot be undone.

    Ids, numbers and moments stay, so that counts still hold. Ask again to see how far it is.
    """
    async with database.transaction(caller.workspace) as connection:
        others = await erasing.erase(connection, caller.workspace, customer_id, caller.author, caller)
        root, state = await erasing.state(connection, customer_id)
        await request.app.state.relay.notify(connection)
    request.app.state.relay.wake()
    request.app.state.forgetting.poke()
    return Erasing(customer_id=root, state=state, others=others)


@router.post("/{customer_id}/export")
async def export_customer(customer_id: UUID, caller: CallerDep, database: DatabaseDep) -> StreamingResponse:
    """Everything that is kept about the customer: profile, identities, claims, threads, messages with their
    deliveries, notes (`note` is true), places, acts, proofs and audit.
    """
    async with database.transaction(caller.workspace) as connection:
        root = await profiles.lock_root(connection, caller.workspace, customer_id)
        await audit.record(connection, caller, "customer.exported", root.id)
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="customer-{root.id}.json"'}
    text = export(database.url, caller.workspace, root.id)
    return StreamingResponse(text, media_type="application/json", headers=headers)
