"""Connections to PostgreSQL: a pool of plain ones for the hot path, an engine for the API's reads.

All work as a role that owns nothing and sees only the rows of the workspace that a transaction names.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from itertools import count
from typing import Any

import psycopg
import sqlalchemy.exc
from psycopg import AsyncConnection, AsyncRawCursor
from psycopg.rows import namedtuple_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from onethread.conversation import isolation

Connection = AsyncConnection[Any]


class Together:
    """Writes of one transaction that do not build on each other, gathered and sent as one statement.

    PostgreSQL runs them in an order of its own. Rows that must keep theirs go to `insert`.
    """

    def __init__(self) -> None:
        self._statements: list[str] = []
        self._parameters: list[Any] = []
        self._rows: dict[str, list[tuple[str, Sequence[Any]]]] = {}

    async def execute(self, statement: str, parameters: Sequence[Any]) -> None:
        self._statements.append(statement)
        self._parameters += parameters

    def insert(self, statement: str, row: str, parameters: Sequence[Any]) -> None:
        """A row more for `statement`, whose `{}` takes all rows that were given for it, in that order."""
        self._rows.setdefault(statement, []).append((row, parameters))

    async def send(self, connection: Connection) -> None:
        for statement, rows in self._rows.items():
            values = [value for _, parameters in rows for value in parameters]
            await self.execute(statement.format(", ".join(row for row, _ in rows)), values)
        await AsyncRawCursor(connection).execute(_as_one(*self._statements), self._parameters)


# psycopg reads a statement with so many parameters anew each time.
@lru_cache(maxsize=256)
def _as_one(*statements: str) -> bytes:
    """One statement of them all, its parameters numbered through."""
    *others, last = statements
    named = ", ".join(f"part{number} as ({statement})" for number, statement in enumerate(others))
    query, numbers = f"with {named} {last}" if named else last, count(1)
    return re.sub("%[s%]", lambda found: "%" if found[0] == "%%" else f"${next(numbers)}", query).encode()


@asynccontextmanager
async def together(connection: Connection) -> AsyncIterator[Together]:
    """Sending a statement costs more than most of ours take to run."""
    writes = Together()
    yield writes
    await writes.send(connection)


AWAY: tuple[type[Exception], ...] = (psycopg.OperationalError, PoolTimeout, sqlalchemy.exc.OperationalError)
"""What it looks like when the database is gone for a while."""
UNFIT: tuple[type[Exception], ...] = (psycopg.DataError, sqlalchemy.exc.DataError)
"""What it looks like when a value fits into no column: a NUL in a text, a number or a date out of range."""
NOTICE_LOSS: dict[str, Any] = {
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""A machine that vanished says no goodbye, and the system's own defaults would wait two hours for one."""

BY_KEY = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off"
"""All that the hot path runs goes by key: planning it anew for each parameter takes longer than running it.

And of a table that was small when the plan was made, as a new one is, every row would be read until the next plan.
"""


AS_APP = isolation.as_role(isolation.APP)
ENTER = text(f"select set_config('{isolation.WORKSPACE}', :workspace, true)")
SEES_ALL = "select rolsuper or rolbypassrls from pg_roles where rolname = current_user"
WORKSPACES = "select id from workspace order by id"


class Database:
    def __init__(self, url: str, size: int) -> None:
        self.url = url
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            min_size=2,
            max_size=size,
            timeout=5,
            open=False,
            kwargs={
                "autocommit": True,  # `transaction` begins and commits itself
                "row_factory": namedtuple_row,
                "prepare_threshold": 1,
                "options": f"{BY_KEY} {AS_APP}",
                **NOTICE_LOSS,
            },
        )
        self.engine: AsyncEngine = create_async_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=4,
            pool_pre_ping=True,
            connect_args={"options": AS_APP, **NOTICE_LOSS},
        )

    async def start(self) -> None:
        await self.check_role()
        await self._pool.open(wait=True, timeout=15)

    async def check_role(self) -> None:
        """Stops the process, with one sentence, when its connections would see more than the workspace they name."""
        try:
            async with await AsyncConnection.connect(self.url, options=AS_APP) as connection:
                sees_all = await (await connection.execute(SEES_ALL)).fetchone()
        except psycopg.OperationalError as error:
            if f'role "{isolation.APP}"' not in str(error):
                return  # it is away: the pool waits for it
            raise SystemExit(
                f"Cannot start, the role {isolation.APP} is not ours to use: run onethread-migrate."
            ) from None
        if sees_all != (False,):
            raise SystemExit(
                f"Cannot start, the role {isolation.APP} sees every workspace: "
                f"alter role {isolation.APP} nosuperuser nobypassrls."
            )

    async def stop(self) -> None:
        await self._pool.close()
        await self.engine.dispose()

    @asynccontextmanager
    async def transaction(self, workspace: str, hold: str = "", keys: Sequence[Any] = ()) -> AsyncIterator[Connection]:
        """Sees and writes what is the workspace's. Commits once, at the end; nothing inside commits.

        `hold`: locks that it has from its beginning, each an expression after a comma; `keys` are their parameters.
        What needs no answer waits for none, and its error comes with the next answer. So it is with the beginning and
        the commit too, for which psycopg's own would wait.
        """
        async with self._pool.connection() as connection, connection.pipeline():
            await connection.execute("begin")
            await connection.execute(isolation.ENTER + hold, [workspace, *keys])  # type: ignore[arg-type]
            yield connection
            await connection.execute("commit")

    @asynccontextmanager
    async def transaction_of_large(self, workspace: str) -> AsyncIterator[Connection]:
        """As `transaction`, each statement by itself: psycopg's pipeline hangs at one of more than 16 MB."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(isolation.ENTER, [workspace])
            yield connection

    @asynccontextmanager
    async def session(self, workspace: str) -> AsyncIterator[AsyncSession]:
        """A session for one transaction: after a commit it sees nothing more."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            await session.execute(ENTER, {"workspace": workspace})
            yield session

    async def workspaces(self) -> list[str]:
        """The ids of all workspaces of the installation."""
        async with await self.system() as connection:
            return [row[0] for row in await (await connection.execute(WORKSPACES)).fetchall()]

    async def system(self) -> Connection:
        """A connection of its own that sees the outbox of every workspace, and which workspaces there are."""
        return await AsyncConnection.connect(
            self.url,
            autocommit=True,
            row_factory=namedtuple_row,
            options=isolation.as_role(isolation.SYSTEM_ROLE),
            **NOTICE_LOSS,
        )

    async def check(self) -> None:
        async with self._pool.connection(timeout=1.5) as connection:
            await connection.execute("select 1")
