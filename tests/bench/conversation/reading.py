"""The pages that a teammate opens, by HTTP."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import httpx
from psycopg import AsyncConnection
from sqlalchemy import event
from tests.bench.conversation.installation import KEY, Installation
from tests.bench.conversation.world import LONGEST, TAGS, WORKSPACE, World

from onethread.conversation.app import create_app
from onethread.conversation.database import Database
from onethread.conversation.settings import ConversationSettings

HEADERS = {"Authorization": f"Bearer {KEY}"}
RARE = TAGS[-4:]


def pages(installation: Installation) -> dict[str, Callable[[], str]]:
    """For each kind of page, what gives the path of another one."""
    world = installation.world
    deep = _cursors(installation)
    return {
        "inbox, open": _threads,
        "inbox, everything": lambda: _threads(status="all"),
        "inbox of a teammate": lambda: _threads(assignee=random.choice(world.teammates)),
        "inbox of nobody": lambda: _threads(assignee="none"),
        "inbox by frequent tag": lambda: _threads(tag=random.choice(TAGS[:2])),
        "inbox by rare tag": lambda: _threads(tag=random.choice(RARE)),
        "inbox by channel": lambda: _threads(channel=random.choice(("email", "widget", "slack"))),
        "inbox, closed, of a teammate": lambda: _threads(status="closed", assignee=random.choice(world.teammates)),
        "inbox, deep page": lambda: _threads(status="all", cursor=random.choice(deep)),
        "inbox, search": lambda: _threads(status="all", q=random.choice(world.threads).who.value),
        "timeline": lambda: f"/api/v1/customers/{_any(world).who.id}/timeline",
        "timeline of many messages": lambda: f"/api/v1/customers/{_long(world).who.id}/timeline",
        "thread": lambda: f"/api/v1/threads/{_any(world).id}",
        "messages of a thread": lambda: f"/api/v1/threads/{_any(world).id}/messages",
        "messages of a long thread": lambda: f"/api/v1/threads/{_long(world).id}/messages",
        "customer": lambda: f"/api/v1/customers/{_any(world).who.id}",
        "tags in use": lambda: "/api/v1/tags",
        "audit": lambda: "/api/v1/audit",
        "preview of a merge": lambda: (
            f"/api/v1/customers/{_any(world).who.id}/merge-preview?other={_any(world).who.id}"
        ),
        "customers": lambda: "/api/v1/customers",
        "customers, search": lambda: f"/api/v1/customers?{urlencode({'q': _any(world).who.value})}",
    }


def _threads(**filters: str) -> str:
    return f"/api/v1/threads?{urlencode(filters)}"


def _any(world: World) -> Any:
    return random.choice(world.threads)


def _long(world: World) -> Any:
    return random.choice(world.threads[:10])


def _cursors(installation: Installation) -> list[str]:
    """Of pages anywhere in the list, found as a reader finds them: by walking."""
    found: list[str] = []
    with httpx.Client(base_url=installation.replicas[0].url, headers=HEADERS, timeout=30) as http:
        following: str | None = None
        while len(found) < LONGEST // 100:
            asked = {"status": "all", "limit": 200} | ({"cursor": following} if following else {})
            following = http.get("/api/v1/threads", params=asked).raise_for_status().json()["next"]
            if following is None:
                break
            found.append(following)
    return found[len(found) // 2 :] or [""]


async def seconds_of(http: httpx.AsyncClient, path: str) -> float:
    began = time.perf_counter()
    (await http.get(path)).raise_for_status()
    return time.perf_counter() - began


async def explained(installation: Installation, path: str) -> list[str]:
    """The plans of what the page reads, run once more in this process."""
    settings = ConversationSettings(database_url=installation.database_url, api_key=KEY, admin_password=KEY)
    app = create_app(settings)
    database: Database = app.state.database
    said: list[tuple[str, Any]] = []
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *got: said.append((got[2], got[3])))
    await database.start()
    with patch.object(AsyncConnection, "execute", _noting(said)):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://bench", headers=HEADERS) as http:
            await http.get(path)
    plans = [await _plan(database, *one) for one in said if " from " in one[0].lower().replace("\n", " ")]
    await database.stop()
    return plans


def _noting(said: list[tuple[str, Any]]) -> Callable[..., Awaitable[Any]]:
    execute = AsyncConnection.execute

    async def noting(self: AsyncConnection[Any], query: Any, params: Any = None, **more: Any) -> Any:
        said.append((str(query), params))
        return await execute(self, query, params, **more)

    return noting


async def _plan(database: Database, statement: str, parameters: Any) -> str:
    async with database.transaction(WORKSPACE) as connection:
        query = f"explain (analyze, buffers, costs off) {statement}"
        rows = await (await connection.execute(query, parameters)).fetchall()  # type: ignore[arg-type]
    return "\n".join([f"    {row[0]}" for row in rows])
