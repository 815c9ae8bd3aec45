"""Tells the open pages what has just happened."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

from fastapi.sse import ServerSentEvent

QUEUE_LIMIT = 1000


class Live:
    """One queue per open page. A page that cannot keep up is cut off: it reconnects and reads everything afresh."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[ServerSentEvent | None]] = set()
        self._closed = False

    def tell(self, event: str, data: dict[str, Any]) -> None:
        for queue in self._queues:
            if queue.qsize() < QUEUE_LIMIT:
                queue.put_nowait(ServerSentEvent(event=event, data=data))
            elif queue.qsize() == QUEUE_LIMIT:
                queue.put_nowait(None)

    async def listen(self) -> AsyncIterator[ServerSentEvent]:
        with self._queue() as queue:
            yield ServerSentEvent(event="hello", data={})
            while not self._closed and (event := await queue.get()) is not None:
                yield event

    def close(self) -> None:
        """Ends every listening; one that begins later ends at once."""
        self._closed = True
        for queue in self._queues:
            queue.put_nowait(None)

    @contextmanager
    def _queue(self) -> Iterator[asyncio.Queue[ServerSentEvent | None]]:
        queue: asyncio.Queue[ServerSentEvent | None] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)
