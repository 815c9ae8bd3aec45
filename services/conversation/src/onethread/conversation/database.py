"""Connections to PostgreSQL: a pool of plain ones for the hot path, an engine for the API's reads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import namedtuple_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

Connection = AsyncConnection[Any]


class Together:
    """Writes of one transaction that do not build on each other, gathered and sent as one statement."""

    def __init__(self) -> None:
        self._statements: list[str] = []
        self._parameters: list[Any] = []

    async def execute(self, statement: str, parameters: Sequence[Any]) -> None:
        self._statements.append(statement)
        self._parameters += parameters

    async def send(self, connection: Connection) -> None:
        *others, last = self._statements
        named = ", ".join(f"part{number} as ({statement})" for number, statement in enumerate(others))
        query = f"with {named} {last}" if named else last
        await connection.execute(query, self._parameters)  # type: ignore[arg-type]


@asynccontextmanager
async def together(connection: Connection) -> AsyncIterator[Together]:
    """Sending a statement costs more than most of ours take to run."""
    writes = Together()
    yield writes
    await writes.send(connection)


AWAY: tuple[type[Exception], ...] = (psycopg.OperationalError, PoolTimeout)
"""What it looks like when the database is gone for a while."""
NOTICE_LOSS = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}
"""A machine that vanished says no goodbye, and the system's own defaults would wait two hours for one."""

ONE_PLAN = "-c plan_cache_mode=force_generic_plan"
"""All that the hot path runs goes by key: planning it anew for each parameter takes longer than running it."""


class Database:
    def __init__(self, url: str, size: int) -> None:
        self.url = url
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            min_size=2,
            max_size=size,
            timeout=5,
            open=False,
            kwargs={"row_factory": namedtuple_row, "prepare_threshold": 1, "options": ONE_PLAN, **NOTICE_LOSS},
        )
        self.engine: AsyncEngine = create_async_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=4,
            pool_pre_ping=True,
            connect_args=NOTICE_LOSS,
        )

    async def start(self) -> None:
        await self._pool.open(wait=True, timeout=15)

    async def stop(self) -> None:
        await self._pool.close()
        await self.engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Commits once, at the end; nothing inside commits."""
        async with self._pool.connection() as connection:
            yield connection

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A session for reading."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            yield session

    async def check(self) -> None:
        async with self._pool.connection(timeout=1.5) as connection:
            await connection.execute("select 1")
