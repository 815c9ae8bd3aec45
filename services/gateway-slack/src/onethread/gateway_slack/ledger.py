"""What was posted, and in which threads the bot takes part: in a NATS bucket, so that a restart forgets nothing."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import suppress
from typing import TypeVar
from uuid import UUID

import nats.errors
from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue
from pydantic import AwareDatetime, Field

from onethread.contracts.customers import CustomerErased
from onethread.contracts.envelope import Contract, now
from onethread.contracts.streams import SLACK_LEDGER
from onethread.runtime.bus import Bus, UnavailableError
from onethread.runtime.erasing import erase

T = TypeVar("T")


class Entry(Contract):
    """`sending` is written before the first attempt: whoever finds it looks on Slack before posting again."""

    state: str = Field(default="sending", description="`sending`, `sent` or `failed`.")
    since: AwareDatetime = Field(default_factory=now)
    attempt: int = Field(default=1, description="The latest one that was begun.")
    ts: str | None = None
    reason: str | None = None


class Ledger:
    """Every method raises `UnavailableError` when the bucket is away."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._bucket: KeyValue | None = None

    async def entry(self, message_id: UUID) -> Entry | None:
        value = await self._get(f"reply.{message_id}")
        return Entry.model_validate_json(value) if value else None

    async def record(self, message_id: UUID, entry: Entry) -> Entry:
        await self._put(f"reply.{message_id}", entry.model_dump_json(exclude_none=True).encode())
        return entry

    async def forget(self, event: CustomerErased) -> None:
        """Nothing is kept of the deliveries of an erased customer."""
        bucket = await self._open()
        for message_id in event.data.erased_message_ids:
            with suppress(KeyNotFoundError):
                entry = await _reached(bucket.get(f"reply.{message_id}"))
                # A deleted key leaves its value in the file; a deleted message is written over.
                await _reached(erase(self._bus.js, f"KV_{SLACK_LEDGER.name}", entry.revision or 0))

    async def join_thread(self, thread: str) -> None:
        """From now on what is said in the thread is for us."""
        await self._put(f"thread.{thread}", b"1")

    async def is_in_thread(self, thread: str) -> bool:
        return await self._get(f"thread.{thread}") is not None

    async def _get(self, key: str) -> bytes | None:
        bucket = await self._open()
        try:
            return (await _reached(bucket.get(key))).value
        except KeyNotFoundError:
            return None

    async def _put(self, key: str, value: bytes) -> None:
        bucket = await self._open()
        await _reached(bucket.put(key, value))

    async def _open(self) -> KeyValue:
        await self._bus.check()
        if self._bucket is None:
            self._bucket = await _reached(self._bus.js.key_value(SLACK_LEDGER.name))
        return self._bucket


async def _reached(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except KeyNotFoundError:
        raise
    except (nats.errors.Error, OSError, TimeoutError) as error:
        raise UnavailableError(f"the delivery ledger did not answer: {type(error).__name__}") from error
