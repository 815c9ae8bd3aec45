"""Teammates: who may come in, by password and cookie or by API key."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from fastapi import Depends, Request
from sqlmodel import col, select
from starlette.concurrency import run_in_threadpool

from onethread.contracts.envelope import now
from onethread.contracts.messages import Author
from onethread.conversation.admin_models import SessionRow, TeammateRow, WorkspaceRow
from onethread.conversation.database import Database
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.errors import Problem

COOKIE = "onethread_session"
KEY_USER = UUID(int=0)
_hasher = PasswordHasher()
_NOBODY = _hasher.hash("nobody")
"""Checked when the address is unknown, so that the time of the answer does not tell whether it is."""


@dataclass(frozen=True)
class Caller:
    """Who makes a request: a teammate, or a program with the API key (`id` is zero)."""

    id: UUID
    name: str
    email: str
    workspace: str

    @property
    def kind(self) -> str:
        return "api_key" if self.id == KEY_USER else "teammate"

    @property
    def credential_id(self) -> UUID | None:
        """The teammate's id, or the key's; the bootstrap key has none."""
        return None if self.id == KEY_USER else self.id

    @property
    def author(self) -> Author:
        return Author(kind="teammate", id=None if self.id == KEY_USER else self.id, name=self.name)


class Teammates:
    def __init__(self, database: Database, settings: ConversationSettings) -> None:
        self._database, self._settings = database, settings

    async def ensure_first(self) -> None:
        """Makes the workspace and the first teammate of the settings, or gives them the password set there now."""
        settings = self._settings
        password = settings.admin_password.get_secret_value()
        find = select(TeammateRow).where(
            TeammateRow.workspace_id == settings.workspace, TeammateRow.email == settings.admin_email.lower()
        )
        async with self._database.session(settings.workspace) as session:
            if await session.get(WorkspaceRow, settings.workspace) is None:
                session.add(WorkspaceRow(id=settings.workspace, name=settings.workspace.capitalize()))
                await session.flush()
            row = (await session.exec(find)).first()
            if row is None:
                row = TeammateRow(
                    workspace_id=settings.workspace, email=settings.admin_email.lower(), name="Admin", role="admin",
                    password_hash="",
                )  # fmt: skip
            if not await _verify(row.password_hash, password):
                row.password_hash = await run_in_threadpool(_hasher.hash, password)
            session.add(row)
            await session.commit()

    async def log_in(self, email: str, password: str) -> tuple[str, TeammateRow]:
        """Returns a new session's token. Raises a 401 problem that does not say which of the two was wrong."""
        find = select(TeammateRow).where(
            TeammateRow.workspace_id == self._settings.workspace, TeammateRow.email == email.strip().lower()
        )
        async with self._database.session(self._settings.workspace) as session:
            row = (await session.exec(find)).first()
            valid = await _verify(row.password_hash if row else _NOBODY, password)
            if row is None or not valid:
                raise Problem(401, "Wrong e-mail or password")
            token = f"{row.workspace_id}.{secrets.token_urlsafe(32)}"
            expires = now() + timedelta(days=self._settings.session_days)
            own = {"workspace_id": row.workspace_id, "teammate_id": row.id}
            session.add(SessionRow(token_hash=_hash(token), expires_at=expires, **own))
            await session.commit()
            return token, row

    async def log_out(self, token: str) -> None:
        async with self._database.session(_workspace_of(token)) as session:
            row = await session.get(SessionRow, _hash(token))
            if row:
                await session.delete(row)
                await session.commit()

    async def all(self, workspace: str) -> list[TeammateRow]:
        async with self._database.session(workspace) as session:
            return list((await session.exec(select(TeammateRow).where(TeammateRow.workspace_id == workspace))).all())

    async def caller(self, request: Request) -> Caller:
        """Raises a 401 problem."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._by_key(key.strip())
        token = request.cookies.get(COOKIE)
        if not token:
            raise Problem(401, "Sign in first")
        find = (
            select(TeammateRow)
            .join(SessionRow, col(SessionRow.teammate_id) == TeammateRow.id)
            .where(SessionRow.token_hash == _hash(token), SessionRow.expires_at > now())
        )
        async with self._database.session(_workspace_of(token)) as session:
            row = (await session.exec(find)).first()
        if row is None:
            raise Problem(401, "Your session has ended", "Sign in again. Nothing you wrote is lost.")
        return Caller(row.id, row.name, row.email, row.workspace_id)

    def _by_key(self, key: str) -> Caller:
        if not hmac.compare_digest(key.encode(), self._settings.api_key.get_secret_value().encode()):
            raise Problem(401, "The API key is not valid")
        return Caller(KEY_USER, "API", "", self._settings.workspace)


async def _verify(password_hash: str, password: str) -> bool:
    """In a thread: argon2 is slow on purpose."""
    try:
        return await run_in_threadpool(_hasher.verify, password_hash, password)
    except (Argon2Error, InvalidHashError):
        return False


def _workspace_of(token: str) -> str:
    """A session is looked for within the workspace that its token names, and nowhere else."""
    return token.partition(".")[0]


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def _caller(request: Request) -> Caller:
    return await request.app.state.teammates.caller(request)


CallerDep = Annotated[Caller, Depends(_caller)]
