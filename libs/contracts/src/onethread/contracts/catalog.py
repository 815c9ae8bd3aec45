"""Every event type there is: the list that the generators, the docs and the integrators read."""

from __future__ import annotations

from onethread.contracts import customers, knowledge, messages, replies, threads
from onethread.contracts.envelope import CloudEvent

EVENTS: tuple[type[CloudEvent], ...] = (
    messages.MessageReceived,
    threads.MessageAdded,
    threads.MessageCorrected,
    replies.ReplyProposed,
    replies.ReplyRequested,
    replies.ReplyDelivered,
    replies.ReplyFailed,
    threads.ThreadOpened,
    threads.ThreadAssigned,
    threads.ThreadTagged,
    threads.ThreadEscalated,
    threads.ThreadSnoozed,
    threads.ThreadClosed,
    threads.ThreadReopened,
    threads.ThreadUpdated,
    threads.ThreadMerged,
    threads.ThreadSplit,
    customers.CustomerCreated,
    customers.CustomerUpdated,
    customers.CustomerIdentityLinked,
    customers.CustomerIdentityUnlinked,
    customers.CustomerErased,
    customers.CustomerMerged,
    customers.CustomerUnmerged,
    knowledge.KnowledgeIndexed,
    knowledge.KnowledgeRemoved,
    knowledge.KnowledgeGapFound,
    knowledge.KnowledgeGapTakenBack,
    knowledge.KnowledgeAnswerJudged,
    replies.FeedbackReceived,
)


def type_of(event: type[CloudEvent]) -> str:
    return str(event.model_fields["type"].default)


BY_TYPE: dict[str, type[CloudEvent]] = {type_of(event): event for event in EVENTS}
