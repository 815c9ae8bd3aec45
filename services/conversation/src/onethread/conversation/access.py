"""Who makes a request, and whether they may: a teammate by their cookie, or a program by its API key.

Keys and session tokens carry their workspace, so that they are looked for within it and nowhere else. What an endpoint
needs follows from its method and its tags; `allowed` asks for it, and stands before every router but the login's.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer

from onethread.contracts.messages import Author
from onethread.conversation.database import AWAY, Database
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.errors import Problem

log = structlog.get_logger()
COOKIE = "onethread_session"
WORKSPACE_HEADER = "X-Onethread-Workspace"
SLUG = re.compile("[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
INSTALLATION_KEY = UUID(int=0)
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
WATCH_SECONDS = 2.0

Scope = Literal["read", "write", "admin"]
ADMINISTRATION = "administration"
INSTALLATION = "installation"
NEEDED_BY_TAG = {ADMINISTRATION: "admin", INSTALLATION: INSTALLATION}
"""Tags of endpoints that need more than their method says."""

SCOPES = {"teammate": frozenset({"read", "write"}), "admin": frozenset({"read", "write", "admin"})}
"""What the roles of teammates may."""

SESSION = """select t.id, t.name, t.email, t.role, t.version from session s join teammate t on t.id = s.teammate_id
    where s.token_hash = %s and s.expires_at > now() and t.deactivated_at is null"""
KEY = """select id, name, scopes, coalesce(last_used_at < now() - interval '1 minute', true) as to_note from api_key
    where key_hash = %s and revoked_at is null and (expires_at is null or expires_at > now())"""
NOTE_USE = "update api_key set last_used_at = now() where id = %s"
VALID = """select s.token_hash from session s join teammate t on t.id = s.teammate_id
        where s.token_hash = any(%(open)s) and s.expires_at > now() and t.deactivated_at is null
    union all select key_hash from api_key
        where key_hash = any(%(open)s) and revoked_at is null and (expires_at is null or expires_at > now())"""
WORKSPACE = "select id from workspace where id = %s"


@dataclass(frozen=True)
class Caller:
    """Who makes a request. `id` is a teammate's, an API key's, or zero for the installation's own key."""

    id: UUID
    name: str
    email: str
    workspace: str
    kind: Literal["teammate", "api_key"]
    scopes: frozenset[str]
    credential: str | None = None
    """The hash of their token or key. None: the installation's own key, which ends with the process."""
    version: int | None = None
    """Of a teammate."""

    @property
    def author(self) -> Author:
        return Author(kind="teammate", id=self.id if self.kind == "teammate" else None, name=self.name)


class OpenStreams(Protocol):
    def credentials(self) -> Mapping[str, set[str]]: ...
    def end(self, credentials: set[str]) -> None: ...


class Access:
    def __init__(self, database: Database, settings: ConversationSettings) -> None:
        self._database, self._settings = database, settings

    async def caller(self, request: Request) -> Caller:
        """Raises 401, 403 and 404 problems."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        named = request.headers.get(WORKSPACE_HEADER)
        if scheme.lower() != "bearer":
            caller = await self._by_cookie(request)
        elif _same(key.strip(), self._settings.api_key.get_secret_value()):
            return await self._installation(named)
        else:
            caller = await self._by_key(key.strip())
        if named not in {None, caller.workspace}:
            raise Problem(404, "There is no such workspace")
        return caller

    async def _installation(self, workspace: str | None) -> Caller:
        if workspace and not (SLUG.fullmatch(workspace) and await self._find(workspace, WORKSPACE, workspace)):
            raise Problem(404, "There is no such workspace")
        scopes = SCOPES["admin"] | {INSTALLATION}
        return Caller(INSTALLATION_KEY, "API", "", workspace or self._settings.workspace, "api_key", scopes)

    async def _by_cookie(self, request: Request) -> Caller:
        token = request.cookies.get(COOKIE)
        if not token:
            raise Problem(401, "Sign in first")
        same_origin(request)
        workspace, hashed = workspace_of_token(token), hash_of(token)
        row = await self._find(workspace, SESSION, hashed)
        if row is None:
            raise Problem(401, "Your session has ended", "Sign in again. Nothing you wrote is lost.")
        return Caller(row.id, row.name, row.email, workspace, "teammate", SCOPES[row.role], hashed, row.version)

    async def _by_key(self, key: str) -> Caller:
        """`ot_{workspace}_{secret}`."""
        prefix, _, rest = key.partition("_")
        workspace, hashed = rest.partition("_")[0], hash_of(key)
        row = await self._find(workspace, KEY, hashed) if prefix == "ot" else None
        if row is None:
            raise Problem(401, "The API key is not valid", "It is wrong, has expired or was revoked.")
        if row.to_note:
            async with self._database.transaction(workspace) as connection:
                await connection.execute(NOTE_USE, [row.id])
        scopes = SCOPES["admin"] if "admin" in row.scopes else frozenset(row.scopes)
        return Caller(row.id, row.name, "", workspace, "api_key", scopes, hashed)

    async def _find(self, workspace: str, query: str, hashed: str) -> Any | None:
        if not SLUG.fullmatch(workspace):
            return None
        async with self._database.transaction(workspace) as connection:
            return await (await connection.execute(query, [hashed])).fetchone()  # type: ignore[arg-type]

    async def watch(self, streams: OpenStreams) -> None:
        """Ends, for ever, the open streams of whoever may no longer read: signed out, revoked, expired."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            for workspace, credentials in streams.credentials().items():
                try:
                    streams.end(credentials - await self._valid(workspace, credentials))
                except AWAY as error:  # nothing happens that they could read
                    log.warning("access.not_checked", error=type(error).__name__)

    async def _valid(self, workspace: str, credentials: set[str]) -> set[str]:
        async with self._database.transaction(workspace) as connection:
            cursor = await connection.execute(VALID, {"open": list(credentials)})
            return {row[0] for row in await cursor.fetchall()}


def workspace_of_token(token: str) -> str:
    return token.partition(".")[0]


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def same_origin(request: Request) -> None:
    """Refuses a change that another site makes a signed-in browser ask for. What is no browser says neither header."""
    if request.method in SAFE_METHODS:
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    own = site in {"same-origin", "none"} if site else origin is None or _host(origin) == request.headers.get("host")
    if not own:
        raise Problem(403, "This came from another site", "Nothing was changed.")


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None


async def _caller(request: Request) -> Caller:
    return await request.app.state.access.caller(request)


CallerDep = Annotated[Caller, Depends(_caller)]


def needed(method: str, tags: list[Any]) -> str:
    """The scope that an endpoint asks for."""
    by_tag = [NEEDED_BY_TAG[tag] for tag in tags if tag in NEEDED_BY_TAG]
    return by_tag[0] if by_tag else "read" if method in SAFE_METHODS else "write"


async def allowed(request: Request, caller: CallerDep) -> None:
    """Raises a 403 problem when the caller's scopes do not cover the endpoint."""
    scope = needed(request.method, request.scope["route"].tags)
    if scope not in caller.scopes:
        who = "Only an administrator" if caller.kind == "teammate" else f"Only an API key with the scope {scope}"
        raise Problem(403, f"{who} may do this", "Nothing was changed.")


API_KEY = HTTPBearer(
    scheme_name="ApiKey", bearerFormat="ot_{workspace}_{secret}", auto_error=False,
    description="An API key, for programs. The installation's own works in the workspace that `X-Onethread-Workspace` "
    "names.",
)  # fmt: skip
SESSION_COOKIE = APIKeyCookie(
    name=COOKIE, scheme_name="Session", auto_error=False, description="A teammate's session, begun by `POST /session`."
)
GUARD = [Depends(API_KEY), Depends(SESSION_COOKIE), Depends(allowed)]
"""Stands before whatever asks who is there. The first two only tell the documentation of the two ways in."""
