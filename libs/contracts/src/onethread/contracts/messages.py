"""A message as the customer sends it and as the thread shows it."""

# pyright: reportIncompatibleVariableOverride=false
# Each event narrows `type`; a frozen model may.

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from onethread.contracts.envelope import CloudEvent, Contract

ChannelKind = Literal["widget", "email", "slack"]
Trust = Literal["asserted", "verified"]
Verdict = Literal["verified", "asserted", "forged"]
"""Of a mail: `forged` where the domain that it names as its sender's says that it is not."""
IdentityKind = Literal["visitor", "site_user", "email", "slack_user"]
AuthorKind = Literal["customer", "agent", "teammate", "system"]
FeedbackScale = Literal["thumbs", "csat"]
DeliveryState = Literal["queued", "sent", "delivered", "seen", "retrying", "failed"]
Report = Literal["hard", "soft", "complaint"]
"""What came back of a message: its address is dead, it was not taken, or whoever got it complained."""
Machine = Literal["auto_reply", "bounce", "complaint", "list", "notice"]
"""What a machine wrote: an answer by itself, a report of a mail server or of a complaint, a mail of a list, else."""


class Channel(Contract):
    """A connected surface: one website's widget, one support address, one Slack installation."""

    id: str
    kind: ChannelKind


class Identity(Contract):
    """One way a person is known. Only evidence makes it `verified`, and only verified identities link."""

    kind: IdentityKind
    value: str = Field(description="Normalized: an address in lower case, `team/user` for Slack, a visitor's id.")
    trust: Trust
    evidence: str = Field(default="", description="Why the trust is what it is, in words that a teammate reads.")


class Audience(Contract):
    """Who sees the place where a message was said."""

    shared: bool = Field(description="True when others than the customer see the place.")
    name: str | None = Field(default=None, description="How people call the place: `#acme-support`.")


class Place(Contract):
    """Where on a channel a message was said. Only the gateway understands `key` and `route`."""

    key: str = Field(description="Stable key of the place: a visitor, a mail address, a Slack channel and thread.")
    audience: Audience
    route: dict[str, Any] = Field(
        default_factory=dict[str, Any],
        description="What the gateway needs to answer here. Handed back in `reply.requested`.",
    )


class Attachment(Contract):
    name: str
    type: str
    size: int = Field(description="Bytes.")
    sha256: str
    inline: bool = Field(default=False, description="It stands in the text: the HTML shows it.")


class Source(Contract):
    """An article that an answer rests on."""

    title: str
    url: str | None = None
    document_id: str
    score: float = Field(ge=0)


class ForwardedMail(Contract):
    """A message inside a message, as its text shows it. Who wrote it is a claim of whoever forwards it."""

    sender: str = Field(description="Normalized address.")
    name: str | None = None
    subject: str | None = None
    text: str = Field(max_length=200_000)
    note: str = Field(default="", max_length=200_000, description="What the forwarding person wrote above it.")


class ReceivedMessage(Contract):
    """What a gateway heard. The first identity is the one the message came in with; the others are what it carries."""

    channel: Channel
    external_id: str = Field(description="The outside's key for the message; unique within the channel.")
    identities: list[Identity] = Field(min_length=1)
    name: str | None = Field(default=None, description="The sender's name as the channel tells it. Proves nothing.")
    participants: list[Identity] = Field(
        default_factory=list[Identity], description="Others who were named: Cc and To."
    )
    place: Place
    answers: list[str] = Field(
        default_factory=list[str],
        description="Outside ids of messages of ours that this one answers, the surest first.",
    )
    thread_token: UUID | None = Field(
        default=None, description="The thread named by a valid signed reply token. Routes only."
    )
    outside_ids: list[str] = Field(
        default_factory=list[str], description="Outside ids of this very message: answers to it name it by them."
    )
    remarks: list[str] = Field(
        default_factory=list[str], description="What the gateway noticed about it, in sentences that a teammate reads."
    )
    subject: str | None = None
    text: str = Field(max_length=200_000)
    html: str | None = Field(
        default=None,
        description="Sanitized: it runs and fetches nothing. History and signature of a mail stand in `details`. "
        "A picture has its address in `data-picture`, or the SHA-256 of the attachment that it is in `data-file`.",
    )
    attachments: list[Attachment] = Field(default_factory=list[Attachment])
    forward: ForwardedMail | None = Field(
        default=None, description="The mail that it forwards. From a teammate, it is the message of who wrote that."
    )
    automatic: bool = Field(default=False, description="Sent by a machine: never answered by the agent.")
    machine: Machine | None = Field(default=None, description="What the machine wrote, where it is known.")
    acknowledge: bool = Field(
        default=False, description="Its channel sends receipts, and this is one that a machine may acknowledge."
    )
    verdict: Verdict | None = Field(
        default=None,
        description="On the sender of a mail; the evidence stands in the first identity, whose trust it is.",
    )
    warnings: list[str] = Field(
        default_factory=list[str], description="What may deceive whoever reads it, in sentences: a look-alike address."
    )
    sent_at: AwareDatetime


class MessageReceived(CloudEvent):
    """A customer said something, and the outside has its receipt."""

    type: Literal["onethread.message.received.v1"] = "onethread.message.received.v1"
    data: ReceivedMessage


class Author(Contract):
    kind: AuthorKind
    id: UUID | None = None
    name: str | None = None


class Delivery(Contract):
    """How far the sending of a message got."""

    state: DeliveryState
    reason: str | None = Field(default=None, description="Why it failed or waits, in words.")
    retry_at: AwareDatetime | None = Field(default=None, description="While `retrying`: when it is tried again.")
    report: Report | None = Field(default=None, description="What came back of it, where something did.")


class MessageFeedback(Contract):
    """What the customer thinks of a message of ours, as they said it last."""

    score: int = Field(ge=-1, le=5, description="Thumbs: -1 or 1. CSAT: 1 to 5.")
    scale: FeedbackScale
    comment: str | None = None
    at: AwareDatetime


class Message(Contract):
    """Something said in a thread, or a note (`note`, no channel, never sent)."""

    id: UUID
    thread_id: UUID
    customer_id: UUID | None = Field(default=None, description="In whose timeline it stands; a merge changes nothing.")
    sequence: int = Field(description="Number of the event that added it, in the thread where it was said.")
    position: int | None = Field(default=None, description="Orders the messages of a thread and of a timeline.")
    note: bool = False
    channel: Channel | None = None
    author: Author
    identity: Identity | None = None
    verdict: Verdict | None = Field(default=None, description="On the sender of a mail.")
    warnings: list[str] = Field(default_factory=list[str], description="What may deceive whoever reads it.")
    audience: Audience
    subject: str | None = Field(default=None, description="Of the mail, as it was written. Of ours: none.")
    text: str
    html: str | None = None
    attachments: list[Attachment] = Field(default_factory=list[Attachment])
    sources: list[Source] = Field(default_factory=list[Source])
    delivery: Delivery | None = None
    feedback: MessageFeedback | None = None
    created_at: AwareDatetime
    client_id: str | None = Field(
        default=None, description="The sender's own key for it, on channels where they wait for it."
    )
    machine: Machine | None = Field(default=None, description="No person wrote it, but this kind of machine.")
    remarks: list[str] = Field(
        default_factory=list[str],
        description="Why it stands in this thread and not in the one that it names, and what else is odd about it: "
        "sentences for teammates.",
    )
    may_belong_to: UUID | None = Field(
        default=None, description="The thread that it names and was not let into. For teammates alone."
    )
