"""What happens by itself when its time has come. Every replica looks; what one has taken, the others pass over."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

import structlog

from onethread.conversation.database import AWAY, Database
from onethread.runtime.bus import UnavailableError

log = structlog.get_logger()

LOOK_SECONDS = 5.0
"""What another replica scheduled, and did not live to do, is found by then."""
AGAIN_SECONDS = 0.5
SET_ASIDE_SECONDS = 60.0
WORKSPACES_SECONDS = 10.0


@dataclass(frozen=True)
class Job:
    """`next`: SQL for the moment when something is due first, or null; `due`: SQL for what is due, each a row.

    `do` handles one such row in a transaction of its own. It takes what it changes with `skip locked`, and does nothing
    when it is gone.
    """

    name: str
    next: LiteralString
    due: LiteralString
    do: Callable[[str, Any], Awaitable[None]]


class Timers:
    def __init__(self, database: Database, jobs: Sequence[Job]) -> None:
        self._database, self._jobs = database, jobs
        moments = ", ".join(f"({job.next})" for job in jobs)
        self._next = f"select extract(epoch from least({moments}) - now())::float8"  # noqa: S608 the jobs' own SQL
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._known: list[str] = []
        self._known_at = -math.inf
        self._set_aside: dict[tuple[str, Any], float] = {}

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Finishes what is in hand."""
        self._stopping = True
        self._wake.set()
        if self._task:
            await asyncio.wait([self._task], timeout=5)
            self._task.cancel()

    def poke(self) -> None:
        """Something was scheduled in this process."""
        self._wake.set()

    async def check(self) -> None:
        """Raises when the timers have ended: what waits for its time would wait for ever."""
        if self._task is None or self._task.done():
            raise UnavailableError("the timers have stopped")

    async def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            seconds = await self._round()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), seconds)

    async def _round(self) -> float:
        """Does all that is due. Returns the seconds until something may be again."""
        try:
            waits = [await self._serve(workspace) for workspace in await self._workspaces()]
        except AWAY as error:
            log.warning("timers.wait", error=type(error).__name__)
            return AGAIN_SECONDS
        return min([LOOK_SECONDS, *waits])

    async def _workspaces(self) -> list[str]:
        if time.monotonic() - self._known_at > WORKSPACES_SECONDS:
            self._known, self._known_at = await self._database.workspaces(), time.monotonic()
        return self._known

    async def _serve(self, workspace: str) -> float:
        if (seconds := await self._until_next(workspace)) > 0:
            return seconds
        for job in self._jobs:
            async with self._database.transaction(workspace) as connection:
                due = await (await connection.execute(job.due, {"workspace": workspace})).fetchall()
            for row in due:
                await self._do(job, workspace, row)
        return max(await self._until_next(workspace), AGAIN_SECONDS)

    async def _until_next(self, workspace: str) -> float:
        async with self._database.transaction(workspace) as connection:
            row = await (await connection.execute(self._next, {"workspace": workspace})).fetchone()  # type: ignore[arg-type]
        return math.inf if row is None or row[0] is None else row[0]

    async def _do(self, job: Job, workspace: str, row: Any) -> None:
        """One that fails does not hold up the others, and is tried again a minute later."""
        key = (job.name, tuple(row))
        if self._set_aside.get(key, -math.inf) > time.monotonic():
            return
        self._set_aside.pop(key, None)
        try:
            await job.do(workspace, row)
        except AWAY:
            raise
        except Exception:
            log.exception("timer.failed", job=job.name, ids=[str(part) for part in row if isinstance(part, UUID)])
            self._set_aside[key] = time.monotonic() + SET_ASIDE_SECONDS
