"""Carries bodies of any size beside a question and its answer: small ones in it, large ones through a bucket."""

# pyright: reportUnknownMemberType=false
# nats-py leaves out parts of its types.

from __future__ import annotations

import asyncio
import io
from contextlib import suppress
from uuid import uuid4

import nats.errors
import structlog
from nats.js.object_store import ObjectStore

from onethread.contracts.calls import Body
from onethread.contracts.streams import BODIES
from onethread.runtime.bus import Bus, UnavailableError

log = structlog.get_logger()
INLINE_BYTES = 512 * 1024
"""Written as text and with what stands around it, this is still less than the 1 MB that any NATS server takes."""
SECONDS = 30.0


class Bodies:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def send(self, content: bytes) -> Body:
        """Raises `UnavailableError` when the bucket does not take it."""
        if len(content) <= INLINE_BYTES:
            return Body(inline=content)
        name = uuid4().hex
        try:
            async with asyncio.timeout(SECONDS):
                await (await self._store()).put(name, content)
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise UnavailableError(f"the bus did not take a body: {type(error).__name__}") from error
        return Body(stored=name)

    async def receive(self, body: Body) -> bytes:
        """Can be done once: what was stored is removed. Raises `UnavailableError`."""
        if body.stored is None:
            return body.inline
        content = io.BytesIO()
        try:
            async with asyncio.timeout(SECONDS):
                await (await self._store()).get(body.stored, content)
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise UnavailableError(f"the bus did not give a body: {type(error).__name__}") from error
        await self.remove(body)
        return content.getvalue()

    async def remove(self, body: Body) -> None:
        """What cannot be removed now goes by its age. Nothing is wrong when it is gone already."""
        if body.stored is not None:
            with suppress(nats.errors.Error, OSError, TimeoutError):
                async with asyncio.timeout(SECONDS):
                    await (await self._store()).delete(body.stored)

    async def _store(self) -> ObjectStore:
        return await self._bus.js.object_store(BODIES.name)
