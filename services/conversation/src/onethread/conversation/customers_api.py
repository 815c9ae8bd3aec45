"""Customers over REST: their profile and timeline, and who is who."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from onethread.conversation import etags, merging, preview, profiles, queries, unlinking
from onethread.conversation.access import Caller, CallerDep
from onethread.conversation.alone import alone
from onethread.conversation.api import DatabaseDep, Limit, Messages
from onethread.conversation.database import Connection
from onethread.conversation.etags import IfMatchDep
from onethread.conversation.once import OnceDep
from onethread.conversation.replies import message_contract
from onethread.runtime.errors import Problem

router = APIRouter(prefix="/api/v1/customers", tags=["customers"])
PROFILES = {"customer", "other"}

Known = dict[str, UUID]
"""The ids of what was decided, by the names that they have in the answer. Of PROFILES the whole is answered."""
Decide = Callable[[Connection], Awaitable[Known]]


class OtherCustomer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    other_id: UUID
    reason: str = Field(default="", max_length=500, examples=["Ana told us on the phone"])


class Unmerge(BaseModel):
    model_config = ConfigDict(extra="forbid")

    act_id: UUID | None = Field(default=None, description="Which merge is undone; without it that of `other_id`.")
    other_id: UUID | None = Field(default=None, description="Who is parted from them; with neither, who came last.")
    reason: str = Field(default="not the same person", min_length=1, max_length=500)


class IdentityId(BaseModel):
    model_config = ConfigDict(extra="forbid")

    identity_id: UUID


class Unlink(IdentityId):
    keep_messages: bool = Field(
        default=False, description="What was said by it so far stays: a recycled address was once truly theirs."
    )


@router.get("")
async def list_customers(
    caller: CallerDep,
    database: DatabaseDep,
    q: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Newest first; merged ones are found under the customer who stands for them."""
    rows, following = await queries.list_customers(database, caller.workspace, q, limit, cursor)
    items = [{"id": row.id, "name": row.name, "email": row.email, "created_at": row.created_at} for row in rows]
    return {"items": items, "next": following}


@router.get("/{customer_id}")
async def get_customer(
    customer_id: UUID, caller: CallerDep, database: DatabaseDep, response: Response
) -> dict[str, Any]:
    """The one profile of everybody who was found to be this customer, and who they may also be."""
    async with database.transaction(caller.workspace) as connection:
        return await _profile(connection, customer_id, response)


@router.patch("/{customer_id}")
async def change_customer(
    customer_id: UUID,
    patch: profiles.CustomerPatch,
    request: Request,
    caller: CallerDep,
    response: Response,
    version: IfMatchDep,
) -> dict[str, Any]:
    async with alone(request, caller) as connection:
        root = await profiles.change(connection, caller.workspace, customer_id, patch, caller.author, version)
        return await _profile(connection, root, response)


@router.get("/{customer_id}/timeline")
async def get_timeline(
    customer_id: UUID, caller: CallerDep, database: DatabaseDep, cursor: str | None = None, limit: Limit = 100
) -> Messages:
    """All threads of the customer, end to end."""
    rows, following = await queries.timeline(database, caller.workspace, customer_id, cursor, limit)
    return Messages(items=[message_contract(row) for row in rows], next=following)


@router.get("/{customer_id}/merge-preview")
async def preview_merge(customer_id: UUID, other: UUID, caller: CallerDep, database: DatabaseDep) -> dict[str, Any]:
    """What a merge would join, and what speaks against it. Nothing is changed."""
    async with database.transaction(caller.workspace) as connection:
        return await preview.of_merge(connection, customer_id, other)


@dataclass
class Deciding:
    """One request about who is who. A repetition of it is answered as the first was, with what is known by now."""

    request: Request
    response: Response
    caller: CallerDep
    once: OnceDep

    async def on(self, decide: Decide) -> dict[str, Any]:
        async with alone(self.request, self.caller) as connection:
            known = await self.once.ids(connection, lambda: decide(connection))
            whole = {name: await profiles.read(connection, id_) for name, id_ in known.items() if name in PROFILES}
        etags.tag(self.response, whole["customer"]["version"])
        return known | whole


DecidingDep = Annotated[Deciding, Depends()]


@router.post("/{customer_id}/merge")
async def merge_customers(
    customer_id: UUID, body: OtherCustomer, caller: CallerDep, deciding: DecidingDep
) -> dict[str, Any]:
    """`other_id` is found to be this customer. Undone by `unmerge`, whenever."""
    return await deciding.on(lambda c: _merge(c, caller, customer_id, body.other_id, body.reason))


@router.post("/{customer_id}/unmerge")
async def unmerge_customers(
    customer_id: UUID, body: Unmerge, request: Request, caller: CallerDep, deciding: DecidingDep
) -> dict[str, Any]:
    """Each message goes back to whom it came in as; the two are kept apart until a teammate merges them again."""
    window = await _window(request, caller)
    return await deciding.on(lambda c: _unmerge(c, caller, customer_id, body, window))


@router.post("/{customer_id}/link")
async def link_identity(
    customer_id: UUID, body: IdentityId, caller: CallerDep, deciding: DecidingDep
) -> dict[str, Any]:
    """An identity that stands alone is this customer's. For one that belongs to somebody: merge, or unlink it first."""
    return await deciding.on(lambda c: _link(c, caller, customer_id, body.identity_id))


@router.post("/{customer_id}/unlink")
async def unlink_identity(
    customer_id: UUID, body: Unlink, request: Request, caller: CallerDep, deciding: DecidingDep
) -> dict[str, Any]:
    """The identity is somebody else's: it gets a customer of its own."""
    window = await _window(request, caller)
    return await deciding.on(lambda c: _unlink(c, caller, customer_id, body, window))


@router.post("/{customer_id}/dismiss", status_code=204)
async def dismiss_suggestion(
    customer_id: UUID, body: OtherCustomer, request: Request, caller: CallerDep, once: OnceDep
) -> None:
    """They are two people: no longer suggested, and not merged by any evidence."""
    async with alone(request, caller) as connection:
        await once.ids(connection, lambda: _dismiss(connection, caller, customer_id, body))


async def _merge(connection: Connection, caller: Caller, kept_id: UUID, other_id: UUID, reason: str) -> Known:
    kept, absorbed = await _two(connection, caller, kept_id, other_id)
    act = await merging.merge(
        connection, caller.workspace, kept, absorbed, how="teammate", reason=reason, by=caller.author
    )
    return {"act_id": act, "customer": kept}


async def _unmerge(
    connection: Connection, caller: Caller, customer_id: UUID, body: Unmerge, window: timedelta
) -> Known:
    root = await profiles.lock_root(connection, caller.workspace, customer_id)
    act = await merging.find(connection, root.id, body.act_id, body.other_id)
    stays, leaves = await merging.unmerge(connection, caller.workspace, act, caller.author, body.reason, window)
    return {"customer": stays, "other": leaves}


async def _link(connection: Connection, caller: Caller, customer_id: UUID, identity_id: UUID) -> Known:
    other = await merging.customer_of_lone(connection, identity_id)
    return await _merge(connection, caller, customer_id, other, "linked by a teammate")


async def _unlink(connection: Connection, caller: Caller, customer_id: UUID, body: Unlink, window: timedelta) -> Known:
    root = await profiles.lock_root(connection, caller.workspace, customer_id)
    act, new = await unlinking.unlink(
        connection, caller.workspace, root.id, body.identity_id, caller.author,
        keep_messages=body.keep_messages, window=window,
    )  # fmt: skip
    return {"act_id": act, "customer": root.id, "other": new}


async def _dismiss(connection: Connection, caller: Caller, customer_id: UUID, body: OtherCustomer) -> Known:
    one, other = await _two(connection, caller, customer_id, body.other_id)
    reason = body.reason or "not the same person"
    await merging.set_apart(connection, caller.workspace, one, other, reason, caller.author)
    return {"customer": one, "other": other}


async def _two(connection: Connection, caller: Caller, one: UUID, other: UUID) -> tuple[UUID, UUID]:
    """The roots of two customers. Raises 404 and 409 problems."""
    first = await profiles.lock_root(connection, caller.workspace, one)
    second = await profiles.lock_root(connection, caller.workspace, other)
    if first.id == second.id:
        raise Problem(409, "They are one customer already", "Nothing was changed.")
    if first.erased_at or second.erased_at:
        raise Problem(409, "One of them was erased", "What is left of an erased customer cannot be joined to anybody.")
    return first.id, second.id


async def _profile(connection: Connection, customer_id: UUID, response: Response) -> dict[str, Any]:
    profile = await profiles.read(connection, customer_id)
    etags.tag(response, profile["version"])
    return profile


async def _window(request: Request, caller: Caller) -> timedelta:
    return await request.app.state.workspaces.reopen_window(caller.workspace)
