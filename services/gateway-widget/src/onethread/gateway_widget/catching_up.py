"""What a browser missed: brought from conversation, and before all that happens meanwhile."""

from __future__ import annotations

import asyncio
from itertools import chain, repeat

import structlog

from onethread.gateway_widget import convert, frames
from onethread.gateway_widget.connections import BROKEN, Connection, Connections
from onethread.gateway_widget.history import handed_out, pages_of
from onethread.runtime.bus import Bus, UnavailableError

log = structlog.get_logger()
RESUME_WAITS = (1.0, 2.0, 5.0, 10.0)
"""Seconds. The browser asks once; as long as its socket is open, the gateway goes on asking for it."""


class CatchUp:
    def __init__(self, bus: Bus, connection: Connection, connections: Connections) -> None:
        self._bus, self._connection, self._connections = bus, connection, connections
        self._has_until: str | None = None
        """Cursor of what the browser has by way of the history."""
        self._again, self._begun = False, 0
        self.task: asyncio.Task[None] | None = None

    def begin(self, after: str | None) -> None:
        """Brings what came after the cursor `after`; None: all."""
        self._has_until = after
        self._begun += 1
        self.go_on()

    def go_on(self) -> None:
        """Brings what is new since the last time."""
        self._again = True
        if self.task is None or self.task.done():
            self._connection.hold()
            self.task = asyncio.create_task(self._bring_all())

    async def _bring_all(self) -> None:
        for wait in chain(RESUME_WAITS, repeat(RESUME_WAITS[-1])):
            try:
                while self._again:
                    self._again = False
                    await self._bring()
            except UnavailableError:
                self._again = True
                log.info("resume.waits")
            except Exception:
                self._connection.close(BROKEN)
                raise
            else:
                return
            finally:
                self._connection.release()  # what happens now is not held back by what happened before
            await asyncio.sleep(wait)

    async def _bring(self) -> None:
        session, begun = self._connection.session, self._begun
        async for history in pages_of(self._bus, session, self._has_until):
            if history.thread is not None:
                self._connections.learn(self._connection, history.thread.customer.id, history.thread.id)
            for message in convert.shown_history(history):
                await self._connection.frames.put(frames.Arrived(message=message).to_json())
            for ours in convert.unseen_in(history.messages):
                self._connection.unseen.add(ours)
            if history.cursors and begun == self._begun:
                self._has_until = history.cursors[-1]
            await handed_out(self._bus, session.workspace, history)
