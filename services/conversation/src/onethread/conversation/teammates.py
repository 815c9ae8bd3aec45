"""Teammates: who they are, and how they sign in."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import Depends, Request
from psycopg.errors import UniqueViolation
from pydantic import BaseModel, ConfigDict, Field

from onethread.conversation import audit, etags
from onethread.conversation.access import SLUG, Caller, hash_of, workspace_of_token
from onethread.conversation.attempts import Attempts
from onethread.conversation.database import Connection, Database
from onethread.conversation.passwords import Passwords
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.errors import Problem

TRIES_OF_ACCOUNT, TRIES_OF_ADDRESS = 10, 50
WRONG = Problem(401, "Wrong e-mail or password")
NOT_SAID = Problem(422, "Say your current password, too", "Nothing was changed.")
NOT_YOURS = Problem(403, "This is not your current password", "Nothing was changed.")
NO_TEAMMATE = Problem(
    409, "An API key is no teammate", "It has no password and no name of its own to change. Nothing was changed."
)

FIRST = """insert into teammate (id, workspace_id, email, name, role, password_hash, created_at)
    values (%s, %s, %s, 'Admin', 'admin', %s, now()) on conflict (workspace_id, email) do nothing"""
INSTALL = """insert into workspace (id, name, settings, created_at) values (%s, %s, '{}', now())
    on conflict (id) do nothing"""
INSTALLED = """select w.settings ->> 'first_password' as hash from workspace w
    where w.id = %s and exists (select from teammate t where t.workspace_id = w.id and t.email = %s) for update of w"""
REMEMBER = "update workspace set settings = settings || jsonb_build_object('first_password', %s::text) where id = %s"
RENEW = """update teammate set password_hash = %s, version = version + 1 where workspace_id = %s and email = %s
    returning id"""
BY_EMAIL = "select * from teammate where workspace_id = %s and email = %s and deactivated_at is null"
ALL = "select * from teammate where workspace_id = %s and (%s or deactivated_at is null) order by name, id"
ONE = "select * from teammate where workspace_id = %s and id = %s"
HOLD = f"{ONE} for update"
ADD = """insert into teammate (id, workspace_id, email, name, role, password_hash, created_at)
    values (%s, %s, %s, %s, %s, %s, now()) returning *"""
SAVE = """update teammate set name = %s, role = %s, password_hash = %s,
        deactivated_at = case when %s then null else coalesce(deactivated_at, now()) end, version = version + 1
    where id = %s returning *"""
HOLD_ADMINS = """select id from teammate where workspace_id = %s and role = 'admin' and deactivated_at is null
    order by id for update"""
BEGIN_SESSION = """insert into session (token_hash, workspace_id, teammate_id, expires_at)
    select %s, workspace_id, id, now() + make_interval(days => %s) from teammate
        where id = %s and password_hash = %s and deactivated_at is null for share
    returning teammate_id"""
"""None for one whose password was changed, or who was deactivated, since it was checked."""
END_SESSION = "delete from session where token_hash = %s"
END_EXPIRED = "delete from session where teammate_id = %s and expires_at < now()"
END_SESSIONS = "delete from session where teammate_id = %s"

Role = Literal["teammate", "admin"]
Email = Annotated[str, Field(max_length=254, pattern=r"^[^@\s\x00]+@[^@\s\x00]+$")]
Password = Annotated[str, Field(min_length=8, max_length=1_000)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*\S[^\x00]*$")]


class NewTeammate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    email: Email
    name: Name
    password: Password
    role: Role = "teammate"


class TeammatePatch(BaseModel):
    """Only the fields that are given change. A new password, or `active: false`, ends all their sessions."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    role: Role | None = None
    password: Password | None = None
    active: bool | None = None


class OwnPatch(BaseModel):
    """Only the fields that are given change. A new password ends all other sessions, and renews this one."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    password: Password | None = None
    current_password: str | None = Field(default=None, max_length=1_000, description="Needed for a new password.")


class Teammates:
    def __init__(self, database: Database, settings: ConversationSettings) -> None:
        self._database, self._settings = database, settings
        self._passwords = Passwords()
        self._of_account, self._of_address = Attempts(TRIES_OF_ACCOUNT), Attempts(TRIES_OF_ADDRESS)

    @property
    def session_seconds(self) -> int:
        return self._settings.session_days * 86_400

    async def ensure_first(self) -> None:
        """Makes the workspace and the first teammate of the settings. A password that is new there becomes theirs;
        one that they have changed themselves since stays. Replicas that start together wait for each other.
        """
        workspace, email = self._settings.workspace, self._settings.admin_email.lower()
        password = self._settings.admin_password.get_secret_value()
        async with self._database.transaction(workspace) as connection:
            await connection.execute(INSTALL, [workspace, workspace.capitalize()])
            installed = await (await connection.execute(INSTALLED, [workspace, email])).fetchone()
            if installed and await self._passwords.verify(installed.hash, password):
                return
            hashed = await self._passwords.hash(password)
            await connection.execute(FIRST, [uuid4(), workspace, email, hashed])
            changed = await (await connection.execute(RENEW, [hashed, workspace, email])).fetchone()
            await connection.execute(END_SESSIONS, [changed.id if changed else None])
            await connection.execute(REMEMBER, [hashed, workspace])

    async def log_in(
        self, email: str, password: str, *, workspace: str | None, address: str, old_token: str | None
    ) -> tuple[str, Any]:
        """Returns a new session's token and the teammate; the browser's earlier session ends.

        Raises a 401 problem that does not say what was wrong, and a 429 problem.
        """
        workspace, email = workspace or self._settings.workspace, email.strip().lower()
        row = await self._recognize(workspace, email, password, address, WRONG)
        async with self._database.transaction(workspace) as connection:
            await connection.execute(END_EXPIRED, [row.id])
            token = await self._begin(connection, row)
        if old_token:
            await self.log_out(old_token)
        return token, row

    async def _recognize(self, workspace: str, email: str, password: str, address: str, wrong: Problem) -> Any:
        """Whose password it is. Raises the problem `wrong`, and a 429 problem."""
        account = f"{workspace} {email}"
        self._of_address.take(address)
        self._of_account.take(account)
        row = await self._find(workspace, email)
        if not await self._passwords.verify(row.password_hash if row else None, password) or row is None:
            raise wrong
        self._of_account.forgive(account)
        self._of_address.give_back(address)
        return row

    async def _begin(self, connection: Connection, row: Any) -> str:
        """Begins a session of the teammate. Returns its token."""
        token = f"{row.workspace_id}.{secrets.token_urlsafe(32)}"
        own = [hash_of(token), self._settings.session_days, row.id, row.password_hash]
        if await (await connection.execute(BEGIN_SESSION, own)).fetchone() is None:
            raise WRONG
        return token

    async def _find(self, workspace: str, email: str) -> Any | None:
        if not SLUG.fullmatch(workspace) or "\x00" in email:
            return None
        async with self._database.transaction(workspace) as connection:
            return await (await connection.execute(BY_EMAIL, [workspace, email])).fetchone()

    async def log_out(self, token: str) -> None:
        workspace = workspace_of_token(token)
        if SLUG.fullmatch(workspace):
            async with self._database.transaction(workspace) as connection:
                await connection.execute(END_SESSION, [hash_of(token)])

    async def all(self, workspace: str, *, deactivated: bool = False) -> Sequence[Any]:
        async with self._database.transaction(workspace) as connection:
            return await (await connection.execute(ALL, [workspace, deactivated])).fetchall()

    async def add(self, connection: Connection, caller: Caller, new: NewTeammate) -> Any:
        """Raises a 409 problem when the address is taken."""
        hashed = await self._passwords.hash(new.password)
        own = [uuid4(), caller.workspace, new.email.lower(), new.name.strip(), new.role, hashed]
        try:
            row = await (await connection.execute(ADD, own)).fetchone()
        except UniqueViolation:
            raise Problem(409, "A teammate with this address is here already", "Nothing was changed.") from None
        await audit.record(connection, caller, "teammate.created", own[0], {"role": new.role})
        return row

    async def change(self, caller: Caller, id_: UUID, patch: TeammatePatch, version: int | None) -> Any:
        """Raises 404, 409 and 412 problems."""
        hashed = await self._passwords.hash(patch.password) if patch.password else None
        async with self._database.transaction(caller.workspace) as connection:
            admins = await (await connection.execute(HOLD_ADMINS, [caller.workspace])).fetchall()
            row = await find_teammate(connection, caller.workspace, id_, held=True)
            etags.expect(row, version, "teammate")
            _check(caller, row, patch, [admin.id for admin in admins])
            return await _save(connection, caller, row, patch, hashed)

    async def change_own(
        self, caller: Caller, patch: OwnPatch, version: int | None, *, address: str
    ) -> tuple[Any, str | None]:
        """Returns the row and, with a new password, the token of the session that takes the place of all theirs.

        Raises 403, 409, 412, 422 and 429 problems.
        """
        if caller.kind != "teammate":
            raise NO_TEAMMATE
        proven, hashed = await self._new_password(caller, patch, address)
        async with self._database.transaction(caller.workspace) as connection:
            row = await find_teammate(connection, caller.workspace, caller.id, held=True)
            etags.expect(row, version, "teammate")
            if proven and proven != row.password_hash:  # another change was quicker
                raise NOT_YOURS
            row = await _save(connection, caller, row, patch, hashed)
            return row, await self._begin(connection, row) if hashed else None

    async def _new_password(self, caller: Caller, patch: OwnPatch, address: str) -> tuple[str | None, str | None]:
        """The hashes of the password that they showed they know, and of the new one."""
        if patch.password is None:
            return None, None
        if patch.current_password is None:
            raise NOT_SAID
        row = await self._recognize(caller.workspace, caller.email, patch.current_password, address, NOT_YOURS)
        return row.password_hash, await self._passwords.hash(patch.password)


async def find_teammate(connection: Connection, workspace: str, id_: UUID, *, held: bool = False) -> Any:
    """Raises a 404 problem."""
    row = await (await connection.execute(HOLD if held else ONE, [workspace, id_])).fetchone()
    if row is None:
        raise Problem(404, "There is no such teammate")
    return row


async def _save(
    connection: Connection, caller: Caller, row: Any, patch: TeammatePatch | OwnPatch, hashed: str | None
) -> Any:
    """Returns the new row. A new password, or deactivation, ends all their sessions."""
    given = patch.model_dump(exclude_none=True, exclude={"password", "current_password"})
    new = {"name": row.name, "role": row.role, "active": row.deactivated_at is None} | given
    saved = [new["name"], new["role"], hashed or row.password_hash, new["active"], row.id]
    row = await (await connection.execute(SAVE, saved)).fetchone()
    if hashed or not new["active"]:
        await connection.execute(END_SESSIONS, [row.id])
    detail = given | ({"password": "new"} if hashed else {})
    await audit.record(connection, caller, "teammate.changed", row.id, detail)
    return row


def _check(caller: Caller, row: Any, patch: TeammatePatch, admins: list[UUID]) -> None:
    leaves = patch.active is False or (patch.role == "teammate" and row.role == "admin")
    if patch.active is False and row.id == caller.id:
        raise Problem(409, "You cannot deactivate yourself", "Another administrator can.")
    if leaves and admins == [row.id]:
        raise Problem(409, "This is the last administrator", "Make another teammate an administrator first.")


def _teammates(request: Request) -> Teammates:
    return request.app.state.teammates


TeammatesDep = Annotated[Teammates, Depends(_teammates)]
