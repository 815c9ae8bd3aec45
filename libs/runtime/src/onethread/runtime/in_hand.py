"""What a process has in hand: the messages that came to it and are not done."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from faststream.nats import NatsMessage

CANCEL_SECONDS = 1


class InHand:
    """Works on messages, each in a task of its own."""

    def __init__(self) -> None:
        self._messages: dict[asyncio.Task[None], NatsMessage] = {}

    def take(self, message: NatsMessage, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._messages[task] = message
        task.add_done_callback(self._messages.pop)

    async def done(self, seconds: float) -> list[NatsMessage]:
        """Returns when everything is done. What is not done in time is given up, and returned."""
        if self._messages:
            await asyncio.wait(self._messages, timeout=seconds)
        late = dict(self._messages)
        if late:
            for task in late:
                task.cancel()
            await asyncio.wait(late, timeout=CANCEL_SECONDS)
        return list(late.values())
