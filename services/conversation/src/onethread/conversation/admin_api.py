"""What administrators do over REST: teammates, API keys, workspaces, the audit, and what could not be handled."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from onethread.conversation import audit, dead_letters, etags, keys, workspaces
from onethread.conversation.access import ADMINISTRATION, INSTALLATION, Caller, CallerDep
from onethread.conversation.database import Database
from onethread.conversation.etags import IfMatchDep
from onethread.conversation.keys import NewKey
from onethread.conversation.once import OnceDep
from onethread.conversation.queries import position_in
from onethread.conversation.teammates import NewTeammate, TeammatePatch, TeammatesDep, find_teammate
from onethread.conversation.workspaces import NewWorkspace, WorkspacePatch, WorkspaceSettings
from onethread.runtime.errors import Problem

router = APIRouter(prefix="/api/v1", tags=[ADMINISTRATION])
installation_router = APIRouter(prefix="/api/v1", tags=[INSTALLATION])
"""For the installation's own key alone."""

Limit = Annotated[int, Query(ge=1, le=200)]


def _database(request: Request) -> Database:
    return request.app.state.database


DatabaseDep = Annotated[Database, Depends(_database)]


# Teammates


class Teammate(BaseModel):
    id: UUID
    name: str = Field(examples=["Ana Ruiz"])
    email: str = Field(examples=["ana@onethread.localhost"])
    role: str = Field(examples=["teammate"])
    active: bool
    version: int
    created_at: datetime

    @classmethod
    def of(cls, row: Any) -> Teammate:
        return cls(
            id=row.id, name=row.name, email=row.email, role=row.role, active=row.deactivated_at is None,
            version=row.version, created_at=row.created_at,
        )  # fmt: skip


class TeammateList(BaseModel):
    items: list[Teammate]
    next: None = None


@router.post("/teammates", status_code=201)
async def add_teammate(
    new: NewTeammate, caller: CallerDep, database: DatabaseDep, teammates: TeammatesDep, once: OnceDep
) -> Teammate:
    """Somebody who answers customers. They sign in with the address and the password."""
    async with database.transaction(caller.workspace) as connection:
        if before := await once.earlier(connection):
            return Teammate.of(await find_teammate(connection, caller.workspace, before.answer["id"]))
        row = await teammates.add(connection, caller, new)
        await once.keep(connection, answer={"id": str(row.id)})
    return Teammate.of(row)


@router.patch("/teammates/{teammate_id}")
async def change_teammate(
    teammate_id: UUID,
    patch: TeammatePatch,
    caller: CallerDep,
    teammates: TeammatesDep,
    response: Response,
    version: IfMatchDep,
) -> Teammate:
    row = await teammates.change(caller, teammate_id, patch, version)
    etags.tag(response, row.version)
    return Teammate.of(row)


# API keys


class ApiKey(BaseModel):
    id: UUID
    name: str = Field(examples=["CRM sync"])
    scopes: list[str] = Field(examples=[["read", "write"]])
    created_by: str | None = Field(examples=["Ana Ruiz"])
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="Within a minute.")

    @classmethod
    def of(cls, row: Any, **more: Any) -> ApiKey:
        return cls(
            id=row.id, name=row.name, scopes=row.scopes, created_by=row.created_by_name, created_at=row.created_at,
            expires_at=row.expires_at, last_used_at=row.last_used_at, **more,
        )  # fmt: skip


class ShownKey(ApiKey):
    key: str | None = Field(
        examples=["ot_local_4QkZ…"], description="Shown this once: a repeated request is answered without it."
    )


class ApiKeys(BaseModel):
    items: list[ApiKey]
    next: None = None


@router.get("/api-keys")
async def list_keys(caller: CallerDep, database: DatabaseDep) -> ApiKeys:
    async with database.transaction(caller.workspace) as connection:
        return ApiKeys(items=[ApiKey.of(row) for row in await keys.unrevoked(connection, caller.workspace)])


@router.post("/api-keys", status_code=201)
async def create_key(new: NewKey, caller: CallerDep, database: DatabaseDep, once: OnceDep) -> ShownKey:
    """A program's way in, sent as `Authorization: Bearer …`. The key itself is not kept."""
    async with database.transaction(caller.workspace) as connection:
        if before := await once.earlier(connection):
            return ShownKey.model_validate(before.answer)
        row, key = await keys.create(connection, caller, new)
        await once.keep(connection, answer=ShownKey.of(row, key=None).model_dump(mode="json"))
    return ShownKey.of(row, key=key)  # type: ignore[return-value]


@router.delete("/api-keys/{key_id}", status_code=204)
async def revoke_key(key_id: UUID, caller: CallerDep, database: DatabaseDep) -> None:
    async with database.transaction(caller.workspace) as connection:
        await keys.revoke(connection, caller, key_id)


# Workspaces


class Workspace(BaseModel):
    id: str = Field(examples=["acme"], description="Its slug: what subjects, keys and the header name it by.")
    slug: str = Field(examples=["acme"])
    name: str = Field(examples=["Acme Inc."])
    settings: WorkspaceSettings
    version: int
    created_at: datetime

    @classmethod
    def of(cls, row: Any) -> Workspace:
        return cls(
            id=row.id, slug=row.id, name=row.name, settings=workspaces.settings_of(row), version=row.version,
            created_at=row.created_at,
        )  # fmt: skip


class WorkspaceList(BaseModel):
    items: list[Workspace]
    next: str | None = None


@installation_router.get("/workspaces")
async def list_workspaces(
    request: Request, limit: Limit = 100, cursor: Annotated[str, Query(max_length=40)] = ""
) -> WorkspaceList:
    rows = await request.app.state.workspaces.page(cursor, limit + 1)
    page = rows[:limit]
    return WorkspaceList(items=[Workspace.of(row) for row in page], next=page[-1].id if len(rows) > limit else None)


@installation_router.post("/workspaces", status_code=201)
async def create_workspace(new: NewWorkspace, caller: CallerDep, database: DatabaseDep, once: OnceDep) -> Workspace:
    """One more company. The installation's key works in it with the header `X-Onethread-Workspace`."""
    async with database.transaction(caller.workspace) as connection:
        if not await once.earlier(connection):
            await workspaces.create(connection, caller, new)
            await once.keep(connection, answer={"id": new.slug})
    async with database.transaction(new.slug) as connection:
        return Workspace.of(await workspaces.one(connection, new.slug))


@router.get("/workspaces/{slug}")
async def get_workspace(slug: str, caller: CallerDep, database: DatabaseDep, response: Response) -> Workspace:
    async with database.transaction(_own(caller, slug)) as connection:
        row = await workspaces.one(connection, slug)
    etags.tag(response, row.version)
    return Workspace.of(row)


@router.patch("/workspaces/{slug}")
async def change_workspace(
    slug: str,
    patch: WorkspacePatch,
    caller: CallerDep,
    database: DatabaseDep,
    request: Request,
    response: Response,
    version: IfMatchDep,
) -> Workspace:
    """`settings.agent` says what the agent does on each channel: it holds within five seconds everywhere."""
    async with database.transaction(_own(caller, slug)) as connection:
        before = await workspaces.one(connection, slug, held=True)
        row = await workspaces.change(connection, caller, slug, patch, version)
        await request.app.state.bench_settings(connection, before, row)
    request.app.state.workspaces.changed(slug)
    etags.tag(response, row.version)
    return Workspace.of(row)


def _own(caller: Caller, slug: str) -> str:
    """Another workspace is as if it were not there, but to the installation's key."""
    if slug != caller.workspace and INSTALLATION not in caller.scopes:
        raise Problem(404, "There is no such workspace")
    return slug


# The audit


class AuditEntry(BaseModel):
    id: int
    at: datetime
    by: dict[str, Any] = Field(
        examples=[{"kind": "teammate", "id": "0b8e0e0e-5f3a-4a39-9c0e-0a4b3c2d1e0f", "name": "Ana Ruiz"}],
        description="`kind` is `teammate`, `api_key` or `system`.",
    )
    action: str = Field(examples=["customer.merged"])
    target: str = Field(examples=["5a0c7e4e-2d5b-4b0e-8d0c-2f1e0d3c4b5a"])
    detail: dict[str, Any] = Field(examples=[{"reason": "the same person"}])


class Audit(BaseModel):
    items: list[AuditEntry]
    next: str | None = None


@router.get("/audit")
async def list_audit(caller: CallerDep, database: DatabaseDep, limit: Limit = 50, cursor: str | None = None) -> Audit:
    """Every merge and administrative act, newest first. Nothing can change it."""
    before = position_in(cursor) if cursor else None
    async with database.transaction(caller.workspace) as connection:
        rows = await audit.page(connection, before, limit + 1)
    entries = [
        AuditEntry(
            id=row.position, at=row.at, by={"kind": row.by_kind, "id": row.by_id, "name": row.by_name},
            action=row.action, target=row.target, detail=row.detail,
        )
        for row in rows[:limit]
    ]  # fmt: skip
    return Audit(items=entries, next=str(entries[-1].id) if len(rows) > limit else None)


# Dead letters


class DeadLetterAction(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"id": 7, "action": "replay"}]})

    id: int = Field(ge=1)
    action: str = Field("replay", pattern="^replay$")


@router.get("/dead-letters")
async def list_dead_letters(
    caller: CallerDep, request: Request, limit: Limit = 50, cursor: str | None = None
) -> dict[str, Any]:
    """Messages that could not be handled, newest first, each with its reason."""
    before = position_in(cursor) if cursor else None
    letters, following = await dead_letters.page(request.app.state.bus.js, before, limit, _whose(caller))
    return {"items": letters, "next": str(following) if following else None}


@router.post("/dead-letters", status_code=202)
async def replay_dead_letter(
    action: DeadLetterAction, caller: CallerDep, database: DatabaseDep, request: Request, once: OnceDep
) -> dict[str, Any]:
    """Puts a message back on the subject it came from."""
    async with database.transaction(caller.workspace) as connection:
        if not await once.earlier(connection):
            await dead_letters.replay(request.app.state.bus.js, action.id, _whose(caller))
            await audit.record(connection, caller, "dead_letter.replayed", action.id)
            await once.keep(connection, answer={"dead_letter": action.id})
    return {"id": action.id, "replayed": True}


def _whose(caller: Caller) -> str | None:
    """The installation's key sees those of every workspace, and of none."""
    return None if INSTALLATION in caller.scopes else caller.workspace
