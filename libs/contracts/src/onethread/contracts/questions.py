"""What services ask each other by NATS request/reply, beside knowledge's search."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from onethread.contracts.envelope import Contract
from onethread.contracts.messages import Identity, Message
from onethread.contracts.threads import Thread


class HistoryOfThread(Contract):
    """`svc.conversation.history`, asked by the agent: what everyone at `place` may know of the thread."""

    workspace: str
    thread_id: UUID
    place: str
    limit: int = Field(default=20, ge=1, le=200)


class HistoryOfVisitor(Contract):
    """`svc.conversation.visitor`, asked by the widget: what this visitor, with these proofs, may see."""

    workspace: str
    identities: list[Identity] = Field(min_length=1)
    after: str | None = Field(default=None, description="Cursor of the last message the visitor has.")
    limit: int = Field(default=200, ge=1, le=500)


class History(Contract):
    """Messages oldest first. `cursors` runs beside them."""

    thread: Thread | None = None
    messages: list[Message] = Field(default_factory=list[Message])
    cursors: list[str] = Field(default_factory=list[str])


class TeammateAnswersOf(Contract):
    """`svc.conversation.answers`, asked by knowledge: what did teammates answer to these messages of customers?"""

    workspace: str
    message_ids: list[UUID] = Field(min_length=1, max_length=200)


class TeammateAnswer(Contract):
    """`text`: what teammates said to the customer, without names, addresses and numbers."""

    message_id: UUID
    text: str


class TeammateAnswers(Contract):
    """Answer: those that were answered, the latest first. Nothing of unproven senders, and no notes."""

    answers: list[TeammateAnswer] = Field(default_factory=list[TeammateAnswer])


class Refusal(Contract):
    """The answer to a question that could not be answered."""

    error: str


class Delta(Contract):
    """A piece of an answer while it is written; core NATS only, never stored. `stop`: it is not coming after all, and
    what was shown of it is to be taken away.
    """

    kind: Literal["delta", "typing", "stop"]
    thread_id: UUID
    place: str
    reply_id: UUID
    text: str = ""
