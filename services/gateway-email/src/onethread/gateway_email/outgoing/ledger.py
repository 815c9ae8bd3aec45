"""What was sent, in a NATS key-value bucket. Written before each attempt, and read before the next."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from itertools import count
from typing import Literal, Protocol
from uuid import UUID

from nats.js import JetStreamContext
from nats.js.errors import KeyNotFoundError
from pydantic import AwareDatetime, Field

from onethread.contracts.customers import CustomerErased
from onethread.contracts.envelope import Contract
from onethread.contracts.replies import ReplyOutcome, ReplyRequested
from onethread.contracts.streams import EMAIL_LEDGER
from onethread.runtime.erasing import erase


class Delivery(Contract):
    """`sending` found on a later try means that nobody knows whether the mail went out."""

    state: Literal["sending", "done"] = "sending"
    since: AwareDatetime
    tries: int = Field(default=0, description="How often it was put off.")
    request: ReplyRequested | None = Field(default=None, description="What is to be sent, while it waits.")
    outcome: ReplyOutcome | None = None
    left: list[str] | None = Field(default=None, description="Who has not got it yet. None: nobody has.")
    lost: dict[str, str] = Field(
        default_factory=dict[str, str], description="Who besides the customer does not get it, and what was said."
    )


class Ledger(Protocol):
    """Each attempt that a teammate asks for is another delivery of the same message."""

    async def begin(self, message: UUID, now: datetime, attempt: int = 1) -> Delivery:
        """The delivery of this message as it stands; a new one is written as `sending` first."""
        ...

    async def put_off(self, message: UUID, delivery: Delivery, attempt: int = 1) -> None:
        """Keeps the delivery as one that waits."""
        ...

    async def finish(self, message: UUID, delivery: Delivery, outcome: ReplyOutcome, attempt: int = 1) -> None: ...

    async def forget(self, event: CustomerErased) -> None:
        """Nothing is kept of the deliveries of an erased customer."""
        ...


class BucketLedger:
    """Raises `nats.errors.Error` when the bus is away."""

    def __init__(self, js: Callable[[], JetStreamContext]) -> None:
        self._js = js

    async def begin(self, message: UUID, now: datetime, attempt: int = 1) -> Delivery:
        bucket = await self._js().key_value(EMAIL_LEDGER.name)
        try:
            entry = await bucket.get(_key(message, attempt))
        except KeyNotFoundError:
            delivery = Delivery(since=now)
            await self._put(message, attempt, delivery)
            return delivery
        return Delivery.model_validate_json(entry.value or b"")

    async def put_off(self, message: UUID, delivery: Delivery, attempt: int = 1) -> None:
        await self._put(message, attempt, delivery)

    async def finish(self, message: UUID, delivery: Delivery, outcome: ReplyOutcome, attempt: int = 1) -> None:
        await self._put(message, attempt, delivery.model_copy(update={"state": "done", "outcome": outcome}))

    async def forget(self, event: CustomerErased) -> None:
        bucket = await self._js().key_value(EMAIL_LEDGER.name)
        for message in event.data.erased_message_ids:
            with suppress(KeyNotFoundError):
                for attempt in count(1):
                    entry = await bucket.get(_key(message, attempt))
                    # A deleted key leaves its value in the file; a deleted message is written over.
                    await erase(self._js(), f"KV_{EMAIL_LEDGER.name}", entry.revision or 0)

    async def _put(self, message: UUID, attempt: int, delivery: Delivery) -> None:
        bucket = await self._js().key_value(EMAIL_LEDGER.name)
        await bucket.put(_key(message, attempt), delivery.model_dump_json().encode())


def _key(message: UUID, attempt: int) -> str:
    return str(message) if attempt == 1 else f"{message}.{attempt}"
