"""The CloudEvents 1.0 envelope that every event travels in (structured mode)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

CONTENT_TYPE = "application/cloudevents+json"


def now() -> datetime:
    return datetime.now(UTC)


class Contract(BaseModel):
    """What crosses a service boundary. Unknown fields are ignored, so that a newer publisher breaks nobody."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class CloudEvent(Contract):
    """One fact. A subclass fixes `type` and the shape of `data`.

    `id` is deterministic (see `ids.py`) and is also the `Nats-Msg-Id`: the same fact published twice is one event.
    """

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    type: str
    source: str = Field(description="The service that published it, as a URI reference: `/gateway-email`.")
    subject: str | None = Field(default=None, description="The id of what the event is about.")
    time: AwareDatetime = Field(default_factory=now)
    datacontenttype: Literal["application/json"] = "application/json"
    workspaceid: str = Field(description="The tenant. Everything belongs to exactly one.")
    traceparent: str | None = Field(default=None, description="W3C trace context of what caused the event.")
    threadid: UUID | None = None
    customerid: UUID | None = None
    causationid: UUID | None = Field(default=None, description="The id of the event that caused this one.")
    sequence: int | None = Field(default=None, description="Gapless number of the event within its thread, from 1.")

    def to_json(self) -> bytes:
        return self.model_dump_json(exclude_none=True).encode()
