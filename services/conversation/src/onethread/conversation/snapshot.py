"""A workspace as it is at one moment, read to its end in bounded memory, on a connection of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection, IsolationLevel
from psycopg.rows import namedtuple_row

from onethread.conversation import isolation
from onethread.conversation.database import AS_APP, Connection

BATCH = 1_000


@asynccontextmanager
async def of_workspace(url: str, workspace: str) -> AsyncIterator[Connection]:
    """Moments come in UTC, as events tell them."""
    options = f"{AS_APP} -c timezone=UTC"
    async with await AsyncConnection.connect(url, row_factory=namedtuple_row, options=options) as connection:
        await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        await connection.execute(isolation.ENTER, [workspace])
        yield connection


async def rows(connection: Connection, query: str, parameters: Mapping[str, Any] | None = None) -> AsyncIterator[Any]:
    async with connection.cursor(name="rows") as cursor:
        cursor.itersize = BATCH
        await cursor.execute(query, parameters)  # type: ignore[call-overload]
        async for row in cursor:
            yield row
