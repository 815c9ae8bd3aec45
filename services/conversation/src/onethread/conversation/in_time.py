"""Every request is answered in time, also while the database hangs.

A server that hangs ends no connection, and psycopg waits for its word even when the query is cancelled. So it is not
the query that has the time limit, but the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from onethread.runtime.errors import Problem

SECONDS = 8.0
LONGER = {"/api/v1/files": 300.0, "/api/v1/knowledge/uploads": 300.0, "/api/v1/agent/ask": 75.0}
"""By path: a file comes slowly over a slow line, and a language model takes its time."""
LATE = Problem(
    503,
    "This took too long",
    "The database does not answer just now. Try again in a moment, with the same Idempotency-Key if you sent one.",
)


class AnswerInTime:
    """Middleware: answers 503 when the application has not begun to answer after `seconds`. Streams may last."""

    def __init__(self, app: ASGIApp, seconds: float = SECONDS, longer: Mapping[str, float] = LONGER) -> None:
        self._app, self._seconds, self._longer = app, seconds, longer
        self._late: set[asyncio.Future[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def pass_on(message: Message) -> None:
            if begun.cancelled():
                return  # it was answered for
            if not begun.done():
                begun.set_result(None)
            await send(message)

        task = asyncio.ensure_future(self._app(scope, receive, pass_on))
        try:
            seconds = self._longer.get(scope["path"], self._seconds)
            await asyncio.wait({task, begun}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if task.done() or begun.done():
            await task
            return
        begun.cancel()
        self._give_up(task)
        await LATE.response()(scope, receive, send)

    def _give_up(self, task: asyncio.Future[None]) -> None:
        """Cancelled now, it ends when the database is back."""
        task.cancel()
        self._late.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Future[None]) -> None:
        self._late.discard(task)
        if not task.cancelled():
            task.exception()  # it has been answered for already
