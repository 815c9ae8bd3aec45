"""The widget protocol, version 1: every frame and answer, as it is on the wire."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from onethread.contracts.messages import AuthorKind, ChannelKind
from onethread.contracts.threads import ThreadStatus


class Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    def to_json(self) -> str:
        return self.model_dump_json()


def _without_blanks(text: str) -> str:
    said = text.replace("\0", "").strip()  # no store of text takes a NUL
    if not said:
        raise ValueError("there is no text")
    return said


class MessageFrame(Wire):
    """The customer says something. `client_id` is the browser's own key for it, the same each time it is sent."""

    type: Literal["message"]
    client_id: UUID
    text: Annotated[str, AfterValidator(_without_blanks)]
    attachments: list[Any] = Field(default_factory=list)


class TypingFrame(Wire):
    type: Literal["typing"]


class ReadFrame(Wire):
    type: Literal["read"]
    message_id: UUID


class ResumeFrame(Wire):
    """What came after the last message that the browser has? `after` is that message's cursor."""

    type: Literal["resume"]
    after: str | None = Field(None, max_length=200)


class FeedbackFrame(Wire):
    """A thumb (-1, 1) or stars (1 to 5). With a `client_id`, the same each time it is sent, it is acknowledged."""

    type: Literal["feedback"]
    client_id: UUID | None = None
    message_id: UUID
    score: int = Field(ge=-1, le=5)
    comment: str | None = Field(None, max_length=2_000)


class ProveFrame(Wire):
    """They say that an address is theirs: a code is to be sent there."""

    type: Literal["prove"]
    email: Annotated[str, Field(max_length=254, repr=False)]


class CodeFrame(Wire):
    """The code that they read there."""

    type: Literal["code"]
    proof_id: UUID
    code: Annotated[str, Field(max_length=20, repr=False)]


class PingFrame(Wire):
    type: Literal["ping"]


FrameFromBrowser = Annotated[
    MessageFrame | TypingFrame | ReadFrame | ResumeFrame | FeedbackFrame | ProveFrame | CodeFrame | PingFrame,
    Field(discriminator="type"),
]
from_browser: TypeAdapter[FrameFromBrowser] = TypeAdapter(FrameFromBrowser)


class WidgetAuthor(Wire):
    kind: AuthorKind
    name: str | None = None


class WidgetSource(Wire):
    title: str
    url: str | None = None


class WidgetFile(Wire):
    """`GET /v1/messages/{id}/attachments/{sha256}`, with the session as the bearer, has its contents."""

    name: str
    type: str
    size: int
    sha256: str


class WidgetMessage(Wire):
    """A message as the customer may see it. `cursor` is opaque; a resume begins behind it.

    What is said while a browser resumes may come twice, as history and live, with the same `id`.
    """

    id: UUID
    cursor: str
    author: WidgetAuthor
    text: str
    html: str | None = None
    channel: ChannelKind
    created_at: AwareDatetime
    sources: list[WidgetSource] = Field(default_factory=list)
    attachments: list[WidgetFile] = Field(default_factory=list, description="Of ours.")
    client_id: str | None = None
    feedback: Literal[-1, 1] | None = Field(default=None, description="The customer's own thumb for it.")


class Ack(Wire):
    """The message, or the feedback on it, is durable."""

    type: Literal["ack"] = "ack"
    client_id: UUID
    message_id: UUID


class Arrived(Wire):
    type: Literal["message"] = "message"
    message: WidgetMessage


class Grew(Wire):
    """A piece of an answer; the message whose id is `reply_id` replaces the pieces."""

    type: Literal["delta"] = "delta"
    reply_id: UUID
    text: str


class Stopped(Wire):
    """The answer whose pieces came is not coming: they are taken away. A widget that does not know it waits a while."""

    type: Literal["stop"] = "stop"
    reply_id: UUID


class Typing(Wire):
    type: Literal["typing"] = "typing"
    author: WidgetAuthor


class ProofState(Wire):
    """What became of a `prove`. `message` is for the customer."""

    type: Literal["prove"] = "prove"
    proof_id: UUID | None = None
    state: Literal["sent", "refused"]
    message: str
    retry_after: int | None = Field(default=None, description="Seconds after which another try may be made.")
    by_teammate: bool = Field(default=False, description="It was not asked for here: the form opens by itself.")


class CodeState(Wire):
    """What became of a `code`. After `over` a new proof must be started."""

    type: Literal["code"] = "code"
    proof_id: UUID
    state: Literal["proven", "wrong", "over"]
    message: str


ErrorCode = Literal["malformed", "too_large", "too_long", "unsupported", "slow_down", "try_again"]


class Refused(Wire):
    """`try_again` and `slow_down`: the same frame is welcome later. The others: never as it is."""

    type: Literal["error"] = "error"
    code: ErrorCode
    message: str
    client_id: str | None = None


class SessionRequest(Wire):
    channel_id: str = Field(max_length=100)
    session_token: str | None = None
    identity_token: str | None = None


class WidgetConfig(Wire):
    name: str
    greeting: str
    brand: str | None = None


class WidgetThread(Wire):
    id: UUID
    status: ThreadStatus


class SessionAnswer(Wire):
    session_token: str
    config: WidgetConfig
    thread: WidgetThread | None = None
    messages: list[WidgetMessage] = Field(default_factory=list)
    history: Literal["complete", "unavailable"] = Field(
        "complete", description="`unavailable`: what was said is safe, but cannot be shown now; resume brings it."
    )


def client_id_in(raw: str) -> str | None:
    """The `client_id` of a frame that could not be taken, so that the browser knows which one it was."""
    try:
        frame = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    client_id = frame.get("client_id") if isinstance(frame, dict) else None
    return client_id[:100] if isinstance(client_id, str) else None
