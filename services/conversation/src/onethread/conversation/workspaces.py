"""Workspaces: made by whoever runs the installation, each set up by its own administrators."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field

from onethread.contracts.agent import AgentSettings
from onethread.contracts.envelope import CloudEvent
from onethread.conversation import audit, etags, isolation
from onethread.conversation.access import SLUG, Caller
from onethread.conversation.agent_settings import AgentChoices, check_channels
from onethread.conversation.database import Connection, Database
from onethread.runtime.bus import PoisonError
from onethread.runtime.errors import Problem

E = TypeVar("E", bound=CloudEvent)
FRESH_SECONDS = 5.0
ADD = """insert into workspace (id, name, settings, created_at) values (%s, %s, '{}', now())
    on conflict (id) do nothing returning id"""
PAGE = "select * from workspace where id > %s order by id limit %s"
ONE = "select * from workspace where id = %s"
HOLD = f"{ONE} for no key update"
"""Customers of the workspace come in meanwhile."""
SAVE = """update workspace set name = coalesce(%s, name), settings = jsonb_strip_nulls(settings || %s),
        version = version + 1
    where id = %s returning *"""


class WorkspaceSettings(BaseModel):
    """What is null follows the installation."""

    model_config = ConfigDict(extra="forbid")

    reopen_days: int | None = Field(
        default=None, ge=0, le=3_650, description="A thread closed within so many days is reopened by a new message."
    )
    unseen_reply_minutes: float | None = Field(
        default=None,
        ge=0,
        le=10_080,
        description="A widget reply not seen by then goes to the proven address; 0: never.",
    )
    undo_seconds: int | None = Field(default=None, ge=0, le=30, description="The inbox's undo window for a reply.")
    approval_hours: int | None = Field(
        default=None, ge=1, le=720, description="What the agent wants to change waits so long for a teammate; else 24."
    )
    agent: AgentChoices | None = Field(default=None, description="What is given replaces what was set; the rest stays.")

    @property
    def of_agent(self) -> AgentSettings:
        return self.agent or AgentSettings()


class NewWorkspace(BaseModel):
    model_config = ConfigDict(extra="forbid")

    slug: str = Field(pattern=f"^{SLUG.pattern}$")
    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*\S[^\x00]*$")


class WorkspacePatch(BaseModel):
    """Only what is given changes; null goes back to the installation's."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, min_length=1, max_length=200, pattern=r"^[^\x00]*\S[^\x00]*$")
    settings: WorkspaceSettings = WorkspaceSettings()


class Workspaces:
    """Which there are, and how they are set up; at most seconds old."""

    def __init__(self, database: Database, reopen_days: int) -> None:
        self._database, self._reopen_days = database, reopen_days
        self._known: dict[str, tuple[float, WorkspaceSettings]] = {}

    async def settings(self, workspace: str) -> WorkspaceSettings:
        """Raises `PoisonError` when there is no such workspace: nothing that names it can ever be handled."""
        until, known = self._known.get(workspace, (0.0, WorkspaceSettings()))
        if time.monotonic() > until:
            known = settings_of(await self._read(workspace))
            self._known[workspace] = (time.monotonic() + FRESH_SECONDS, known)
        return known

    def changed(self, workspace: str) -> None:
        """What was just changed here holds here at once; in other replicas within seconds."""
        self._known.pop(workspace, None)

    async def reopen_window(self, workspace: str) -> timedelta:
        """How long a closed thread may be reopened by a new message. Raises `PoisonError`."""
        return self.window(await self.settings(workspace))

    def window(self, settings: WorkspaceSettings) -> timedelta:
        own = settings.reopen_days
        return timedelta(days=self._reopen_days if own is None else own)

    def only_known(self, handler: Callable[[E], Awaitable[None]]) -> Callable[[E], Awaitable[None]]:
        async def on_event(event: E) -> None:
            await self.settings(event.workspaceid)
            await handler(event)

        return on_event

    async def _read(self, workspace: str) -> Any:
        async with self._database.transaction(workspace) as connection:
            row = await (await connection.execute(ONE, [workspace])).fetchone()
        if row is None:
            raise PoisonError("there is no such workspace")
        return row

    async def page(self, after: str, limit: int) -> Sequence[Any]:
        """All of the installation's, by slug."""
        async with await self._database.system() as connection:
            return await (await connection.execute(PAGE, [after, limit])).fetchall()


def settings_of(row: Any) -> WorkspaceSettings:
    """Other things stand beside them in the row."""
    return WorkspaceSettings(**{name: row.settings.get(name) for name in WorkspaceSettings.model_fields})


async def one(connection: Connection, slug: str, *, held: bool = False) -> Any:
    """Raises a 404 problem."""
    row = await (await connection.execute(HOLD if held else ONE, [slug])).fetchone()
    if row is None:
        raise Problem(404, "There is no such workspace")
    return row


async def create(connection: Connection, caller: Caller, new: NewWorkspace) -> None:
    """In a transaction of the caller's workspace; the new one's rows are written as the new one's. Raises 409."""
    await connection.execute(isolation.ENTER, [new.slug])
    if await (await connection.execute(ADD, [new.slug, new.name.strip()])).fetchone() is None:
        raise Problem(409, "There is a workspace with this slug already", "Nothing was changed.")
    await audit.record(connection, caller, "workspace.created", new.slug)
    await connection.execute(isolation.ENTER, [caller.workspace])


async def change(connection: Connection, caller: Caller, slug: str, patch: WorkspacePatch, version: int | None) -> Any:
    """Raises 404 and 412 problems."""
    row = await one(connection, slug, held=True)
    etags.expect(row, version, "workspace")
    given = patch.settings.model_dump(mode="json", exclude_unset=True)
    if patch.settings.agent:
        await check_channels(connection, slug, patch.settings.agent)
        given["agent"] = row.settings.get("agent", {}) | given["agent"]
    name = patch.name.strip() if patch.name else None
    row = await (await connection.execute(SAVE, [name, Jsonb(given), slug])).fetchone()
    await audit.record(connection, caller, "workspace.changed", slug, {**given, **({"name": name} if name else {})})
    return row
