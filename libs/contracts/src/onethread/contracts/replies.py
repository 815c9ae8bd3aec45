"""A reply, from the agent's proposal to its delivery."""

# pyright: reportIncompatibleVariableOverride=false
# Each event narrows `type`; a frozen model may.

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from onethread.contracts.agent import HandoffKind, Usage
from onethread.contracts.envelope import CloudEvent, Contract
from onethread.contracts.knowledge import Evidence
from onethread.contracts.messages import Attachment, Author, Channel, FeedbackScale, Place, Report, Source

Decision = Literal["answer", "clarify", "draft", "handoff"]


class ProposedReply(Contract):
    """What the agent decided on one customer message. `text` is what the customer will read, also on a handoff."""

    message_id: UUID = Field(description="The customer message that it answers.")
    reply_id: UUID = Field(description="Id of the message to be; streamed deltas carried it already.")
    decision: Decision
    text: str
    sources: list[Source] = Field(default_factory=list[Source])
    confidence: float = Field(ge=0, le=1)
    reason: str = Field(default="", description="Why, in words that a teammate reads.")
    summary: str = Field(default="", description="On a handoff: what the customer wants.")
    handoff: HandoffKind | None = Field(default=None, description="On a handoff: why, for rules and reports.")
    suggested_reply: str = Field(default="", description="On a handoff: what the teammate may send or build on.")
    tags: list[str] = Field(default_factory=list[str], description="On a handoff: for the thread.")
    topic: str | None = Field(default=None, description="Title of the nearest article: what reports group by.")
    usage: list[Usage] = Field(default_factory=list[Usage], description="What language models did for it.")
    evidence: Evidence | None = Field(
        default=None, description="What the confidence was made of, where one search found the answer."
    )


class ReplyProposed(CloudEvent):
    type: Literal["onethread.reply.proposed.v1"] = "onethread.reply.proposed.v1"
    data: ProposedReply


class RequestedReply(Contract):
    """Deliver this, here. `route` is what the gateway gave with the customer's latest message in that place."""

    message_id: UUID
    channel: Channel
    place: Place
    author: Author
    text: str = Field(description="Markdown.")
    html: str = Field(description="The same, rendered and sanitized.")
    sources: list[Source] = Field(default_factory=list[Source])
    subject: str | None = None
    sequence: int = Field(description="The message's number in its thread.")
    position: int | None = Field(default=None, description="Where it stands among the messages of its thread.")
    cc: list[str] = Field(
        default_factory=list[str], description="By mail: who gets it besides the customer, as the teammate chose."
    )
    attachments: list[Attachment] = Field(
        default_factory=list[Attachment], description="What goes with it: `svc.conversation.file` has the contents."
    )
    attempt: int = Field(
        default=1, ge=1, description="A teammate's retry counts up: what was settled for earlier ones is tried again."
    )
    unsubscribe: str | None = Field(
        default=None, description="Where whoever wants no more mails of this kind says so, by a POST alone."
    )


class ReplyRequested(CloudEvent):
    """Deliver this through this channel."""

    type: Literal["onethread.reply.requested.v1"] = "onethread.reply.requested.v1"
    data: RequestedReply


class ReplyOutcome(Contract):
    message_id: UUID
    channel: Channel
    external_id: str | None = Field(default=None, description="The outside's own id: Message-ID, Slack `channel:ts`.")
    state: Literal["sent", "delivered", "seen", "retrying", "failed"] = "sent"
    reason: str | None = Field(default=None, description="Why it failed or waits, in words.")
    retry_at: AwareDatetime | None = Field(default=None, description="While `retrying`: when it is tried again.")
    attempt: int | None = Field(default=None, description="As requested. None: the latest, as far as is known.")
    place: Place | None = Field(
        default=None, description="The place as it is after the sending, where the sending made it."
    )
    report: Report | None = Field(default=None, description="What came back of it, where something did.")
    address: str | None = Field(default=None, description="Whom the report names. Only whom we wrote to counts.")
    report_reason: str | None = Field(
        default=None, description="What came back of that address alone. None: it is what `reason` says."
    )


class ReplyDelivered(CloudEvent):
    """How far it got: the outside took it (`sent`), the customer's own device has it (`delivered`), they looked at it
    (`seen`), or the outside puts it off and it is tried again (`retrying`).
    """

    type: Literal["onethread.reply.delivered.v1"] = "onethread.reply.delivered.v1"
    data: ReplyOutcome


class ReplyFailed(CloudEvent):
    type: Literal["onethread.reply.failed.v1"] = "onethread.reply.failed.v1"
    data: ReplyOutcome


class Feedback(Contract):
    message_id: UUID
    score: int = Field(ge=-1, le=5, description="-1 and 1 are thumbs, 1 to 5 a CSAT score.")
    comment: str | None = None
    scale: FeedbackScale | None = Field(default=None, description="None: a score of 1 is a thumb up.")


class FeedbackReceived(CloudEvent):
    type: Literal["onethread.feedback.received.v1"] = "onethread.feedback.received.v1"
    data: Feedback
