"""Ending what runs in the background."""

from __future__ import annotations

import asyncio
from typing import Any

AGAIN_SECONDS = 0.5


async def end(task: asyncio.Task[Any] | None) -> None:
    """Cancels the task until it has ended. Once is not enough: what it waits for may swallow a cancellation that comes
    in the moment of its own completion (`asyncio.wait_for` before Python 3.12 does).
    """
    while task is not None and not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=AGAIN_SECONDS)
