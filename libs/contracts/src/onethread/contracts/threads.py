"""A thread and what happens to it."""

# pyright: reportIncompatibleVariableOverride=false
# Each event narrows `type`; a frozen model may.

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from onethread.contracts.agent import AgentMode
from onethread.contracts.envelope import CloudEvent, Contract
from onethread.contracts.messages import Author, Channel, Machine, Message, Trust, Verdict

ThreadStatus = Literal["open", "waiting", "snoozed", "closed"]
AgentState = Literal["active", "drafting", "quiet", "off"]


class CustomerName(Contract):
    id: UUID
    name: str | None = None
    email: str | None = None


class TeammateName(Contract):
    id: UUID
    name: str


class Handoff(Contract):
    """The agent passed the thread to people."""

    reason: str
    summary: str
    at: AwareDatetime


class AgentSet(Contract):
    """Who gave the agent its state, and when."""

    by: Author
    at: AwareDatetime


class LastMessage(Contract):
    text: str = Field(description="The first 200 characters.")
    author: Author
    created_at: AwareDatetime


class Thread(Contract):
    """The state of a thread. It holds across channels."""

    id: UUID
    status: ThreadStatus = Field(description="`waiting` is for the customer, `snoozed` until `snoozed_until`.")
    snoozed_until: AwareDatetime | None = None
    topic: str | None = Field(default=None, description="What it is about, as teammates name it.")
    customer: CustomerName
    channel: Channel | None = Field(default=None, description="Where the customer spoke last.")
    trust: Trust | None = Field(default=None, description="Of the identity by which the customer spoke last.")
    verdict: Verdict | None = Field(
        default=None, description="On the mail by which the customer spoke last; `forged` where any mail in it is."
    )
    machine: Machine | None = Field(
        default=None, description="What no person wrote, last: the agent does not answer it. None: a person spoke last."
    )
    assignee: TeammateName | None = None
    agent: AgentState = Field(
        default="active",
        description="`drafting` writes for teammates alone; `quiet` until given back; `off` for good.",
    )
    agent_set: AgentSet | None = None
    handoff: Handoff | None = None
    tags: list[str] = Field(default_factory=list[str])
    priority: Literal["low", "normal", "high", "urgent"] = "normal"
    last_message: LastMessage | None = None
    waiting_since: AwareDatetime | None = Field(default=None, description="The customer waits for a person since then.")
    sequence: int = Field(description="Number of the thread's latest event.")
    version: int = Field(default=1, description="Of what teammates change: the ETag of the thread.")
    previous_thread_id: UUID | None = Field(default=None, description="The closed thread that this one continues.")
    side_of_id: UUID | None = Field(
        default=None, description="It is a teammate's side mail with a third party about that thread."
    )
    merged_into_id: UUID | None = Field(default=None, description="The thread that holds its messages now.")
    home_id: UUID | None = Field(default=None, description="The customer as whom it was opened, before any merge.")
    created_at: AwareDatetime
    updated_at: AwareDatetime


class AddedMessage(Contract):
    """`agent_may_answer` is the gate: the thread is the agent's and the message asks for an answer."""

    message: Message
    thread: Thread
    place: str | None = Field(default=None, description="Key of the place where it was said.")
    agent_may_answer: bool = False
    agent_mode: AgentMode = Field(default="auto", description="What becomes of the agent's answer to it.")


class MessageAdded(CloudEvent):
    """A message was stitched into a thread, whoever said it."""

    type: Literal["onethread.message.added.v1"] = "onethread.message.added.v1"
    data: AddedMessage


class CorrectedMessage(Contract):
    message: Message
    thread: Thread


class MessageCorrected(CloudEvent):
    """A mail was read again, after a fix of ours: the message says this instead. Nothing else follows from it."""

    type: Literal["onethread.message.corrected.v1"] = "onethread.message.corrected.v1"
    data: CorrectedMessage


class ThreadChange(Contract):
    thread: Thread
    by: Author | None = Field(default=None, description="Who did it. None: a rule.")
    other_thread_id: UUID | None = Field(default=None, description="The other thread of a merge, split or move.")
    message_ids: list[UUID] = Field(
        default_factory=list[UUID], description="Messages that came into this thread from the other one."
    )
    act_id: UUID | None = Field(default=None, description="The act of a teammate or proof, by which it is undone.")
    undoes: UUID | None = Field(default=None, description="The act that this undoes.")


class ThreadOpened(CloudEvent):
    type: Literal["onethread.thread.opened.v1"] = "onethread.thread.opened.v1"
    data: ThreadChange


class ThreadAssigned(CloudEvent):
    type: Literal["onethread.thread.assigned.v1"] = "onethread.thread.assigned.v1"
    data: ThreadChange


class ThreadTagged(CloudEvent):
    type: Literal["onethread.thread.tagged.v1"] = "onethread.thread.tagged.v1"
    data: ThreadChange


class ThreadEscalated(CloudEvent):
    """Raised to people or to a priority: by the agent's handoff, by a rule or by a teammate."""

    type: Literal["onethread.thread.escalated.v1"] = "onethread.thread.escalated.v1"
    data: ThreadChange


class ThreadSnoozed(CloudEvent):
    type: Literal["onethread.thread.snoozed.v1"] = "onethread.thread.snoozed.v1"
    data: ThreadChange


class ThreadClosed(CloudEvent):
    type: Literal["onethread.thread.closed.v1"] = "onethread.thread.closed.v1"
    data: ThreadChange


class ThreadUpdated(CloudEvent):
    """Something of the thread changed that no other event tells of: its topic, whose it is."""

    type: Literal["onethread.thread.updated.v1"] = "onethread.thread.updated.v1"
    data: ThreadChange


class ThreadReopened(CloudEvent):
    type: Literal["onethread.thread.reopened.v1"] = "onethread.thread.reopened.v1"
    data: ThreadChange


class ThreadMerged(CloudEvent):
    """The messages `message_ids` of `other_thread_id` stand in this thread now; also when a split is undone."""

    type: Literal["onethread.thread.merged.v1"] = "onethread.thread.merged.v1"
    data: ThreadChange


class ThreadSplit(CloudEvent):
    """Messages left this thread for `other_thread_id`, whose own event lists them; also when a merge is undone."""

    type: Literal["onethread.thread.split.v1"] = "onethread.thread.split.v1"
    data: ThreadChange
