"""A POST that is repeated with its `Idempotency-Key` makes nothing more, and is answered as the first was."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Request
from psycopg.types.json import Jsonb

from onethread.conversation.database import Connection, Database
from onethread.conversation.isolation import WORKSPACE
from onethread.runtime.errors import Problem

LOCK = f"select pg_advisory_xact_lock(hashtextextended(current_setting('{WORKSPACE}') || %s, 1))"
FIND = "select fingerprint, message_id, answer from idempotency where key = %s"
KEEP = f"""insert into idempotency (workspace_id, key, fingerprint, message_id, answer, created_at)
    values (current_setting('{WORKSPACE}'), %s, %s, %s, %s, now())"""  # noqa: S608
KEPT = "7 days"
"""Whoever repeats a request does so within hours. What is kept longer is only a trace of what was said."""
NEXT_OLD = f"""select min(created_at) + interval '{KEPT}' from idempotency
    where workspace_id = %(workspace)s"""  # noqa: S608
OLD = f"""select 1 from idempotency where workspace_id = %(workspace)s
    and created_at < now() - interval '{KEPT}' limit 1"""  # noqa: S608
FORGET = f"delete from idempotency where created_at < now() - interval '{KEPT}'"  # noqa: S608
GIVE_BACK = "delete from idempotency where key = %s"
DONE = "update idempotency set answer = %s where key = %s"

NOT_ENDED = Problem(
    409,
    "The first request with this Idempotency-Key has not ended",
    "It is under way, or was cut off. Ask again in a moment. If that does not help, see what it did and use a new key.",
)


@dataclass(frozen=True)
class Once:
    """What one request asks for. Without a key every request is a new one."""

    key: str | None = None
    fingerprint: str = ""

    async def earlier(self, connection: Connection) -> Any | None:
        """What the first request with the key left: `message_id` or `answer`. Waits for one that is under way.

        Raises a 422 problem when that one asked for something else.
        """
        if self.key is None:
            return None
        await connection.execute(LOCK, [f"\n{self.key}"])
        row = await (await connection.execute(FIND, [self.key])).fetchone()
        if row and row.fingerprint not in {"", self.fingerprint}:
            raise Problem(
                422, "This Idempotency-Key was used for another request", "Nothing was changed. Use a new key."
            )
        return row

    async def keep(
        self, connection: Connection, *, answer: dict[str, Any] | None = None, message_id: UUID | None = None
    ) -> None:
        """In the transaction that made it. An `answer` is JSON without a secret and without what a customer said:
        a message is kept by its id.
        """
        if self.key is not None:
            kept = Jsonb(answer) if answer is not None else None
            await connection.execute(KEEP, [self.key, self.fingerprint, message_id, kept])

    async def ids(self, connection: Connection, make: Callable[[], Awaitable[dict[str, UUID]]]) -> dict[str, UUID]:
        """The ids of what the first request with the key made. If this is the first, it is made now."""
        if earlier := await self.earlier(connection):
            return {name: UUID(id_) for name, id_ in earlier.answer.items()}
        made = await make()
        await self.keep(connection, answer={name: str(id_) for name, id_ in made.items()})
        return made

    async def outside(
        self, database: Database, workspace: str, about: dict[str, UUID], do: Callable[[], Awaitable[None]]
    ) -> None:
        """Does what no transaction holds, as sending a mail, unless the first request with the key did.

        The key is taken before, and given back by a refusal. Raises a 409 problem while the first is under way.
        """
        if await self.begin(database, workspace, about) is not None:
            return
        try:
            await do()
        except Problem:
            await self.give_back(database, workspace)
            raise
        await self.end(database, workspace, {name: str(id_) for name, id_ in about.items()})

    async def begin(self, database: Database, workspace: str, about: dict[str, UUID]) -> dict[str, Any] | None:
        """Takes the key for what no transaction holds. Returns what the first request with it kept, if there was one.

        Raises a 409 problem while that one is under way.
        """
        if self.key is None:
            return None
        async with database.transaction(workspace) as connection:
            if earlier := await self.earlier(connection):
                if "under_way" in earlier.answer:
                    raise NOT_ENDED
                return earlier.answer
            ids = {name: str(id_) for name, id_ in about.items()}
            await self.keep(connection, answer={**ids, "under_way": True})
        return None

    async def end(self, database: Database, workspace: str, answer: dict[str, Any]) -> None:
        """It was done. `answer`: as of `keep`."""
        if self.key is not None:
            async with database.transaction(workspace) as connection:
                await connection.execute(DONE, [Jsonb(answer), self.key])

    async def give_back(self, database: Database, workspace: str) -> None:
        """Nothing was done."""
        if self.key is not None:
            async with database.transaction(workspace) as connection:
                await connection.execute(GIVE_BACK, [self.key])


IdempotencyKey = Annotated[
    str | None, Header(min_length=1, max_length=200, description=f"Makes a repetition harmless for {KEPT}.")
]


async def _once(request: Request, idempotency_key: IdempotencyKey = None) -> Once:
    return of(idempotency_key, request, await request.body())


def of(key: str | None, request: Request, body: bytes) -> Once:
    asked = b"\n".join((request.method.encode(), request.url.path.encode(), body))
    return Once(key, hashlib.sha256(asked).hexdigest())


OnceDep = Annotated[Once, Depends(_once)]
