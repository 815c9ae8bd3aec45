"""What was sent, in a NATS key-value bucket. Written before each attempt, and read before the next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from nats.js import JetStreamContext
from nats.js.errors import KeyNotFoundError
from pydantic import AwareDatetime

from onethread.contracts.envelope import Contract
from onethread.contracts.replies import ReplyOutcome
from onethread.contracts.streams import EMAIL_LEDGER


class Delivery(Contract):
    """`sending` found on a later try means that nobody knows whether the mail went out."""

    state: Literal["sending", "done"] = "sending"
    since: AwareDatetime
    outcome: ReplyOutcome | None = None


class Ledger(Protocol):
    async def begin(self, message: UUID, now: datetime) -> Delivery:
        """The delivery of this message as it stands; a new one is written as `sending` first."""
        ...

    async def finish(self, message: UUID, delivery: Delivery, outcome: ReplyOutcome) -> None: ...


class BucketLedger:
    """Raises `nats.errors.Error` when the bus is away."""

    def __init__(self, js: Callable[[], JetStreamContext]) -> None:
        self._js = js

    async def begin(self, message: UUID, now: datetime) -> Delivery:
        bucket = await self._js().key_value(EMAIL_LEDGER.name)
        try:
            entry = await bucket.get(str(message))
        except KeyNotFoundError:
            delivery = Delivery(since=now)
            await bucket.put(str(message), delivery.model_dump_json().encode())
            return delivery
        return Delivery.model_validate_json(entry.value or b"")

    async def finish(self, message: UUID, delivery: Delivery, outcome: ReplyOutcome) -> None:
        bucket = await self._js().key_value(EMAIL_LEDGER.name)
        done = delivery.model_copy(update={"state": "done", "outcome": outcome})
        await bucket.put(str(message), done.model_dump_json().encode())
