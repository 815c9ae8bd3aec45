"""Every stream and durable consumer, as data. `onethread.runtime.provision` makes the server agree with it."""

from __future__ import annotations

from dataclasses import dataclass

from onethread.contracts.ids import LANES

DAY = 24 * 3600


@dataclass(frozen=True)
class Stream:
    name: str
    subjects: tuple[str, ...]
    max_age: int
    """Seconds."""


@dataclass(frozen=True)
class Consumer:
    """A durable push consumer with a deliver group: its members share the work.

    With `lanes` there is one consumer for each lane, and the server keeps one message of a lane in flight at a time,
    over all replicas. That is what keeps the order.
    """

    name: str
    subject: str
    stream: str = "EVENTS"
    lanes: bool = False
    ack_wait: int = 10
    """Seconds without an ack or a sign of life until the server delivers again."""
    max_ack_pending: int = 64

    def each(self) -> list[tuple[str, str]]:
        """(durable name, filter subject) of every consumer on the server."""
        if not self.lanes:
            return [(self.name, self.subject)]
        return [(f"{self.name}-l{n}", f"{self.subject}.l{n}") for n in range(LANES)]

    @property
    def in_flight(self) -> int:
        return 1 if self.lanes else self.max_ack_pending


EVENTS = Stream("EVENTS", ("ot.>",), 30 * DAY)
DEAD = Stream("DEAD", ("dead.>",), 90 * DAY)
STREAMS = (EVENTS, DEAD)

INTAKE = Consumer("conversation-intake", "ot.*.message.received.*", lanes=True)
# Fewer in flight than there are lanes: under load, what customers say goes before what is said to them.
PROPOSALS = Consumer("conversation-proposals", "ot.*.reply.proposed", max_ack_pending=4)
DELIVERIES = Consumer("conversation-deliveries", "ot.*.reply.delivered", max_ack_pending=4)
FAILURES = Consumer("conversation-failures", "ot.*.reply.failed", max_ack_pending=4)
FEEDBACK = Consumer("conversation-feedback", "ot.*.feedback.received", max_ack_pending=4)
BENCH_INDEXED = Consumer("conversation-bench-indexed", "ot.*.knowledge.indexed", max_ack_pending=4)
BENCH_REMOVED = Consumer("conversation-bench-removed", "ot.*.knowledge.removed", max_ack_pending=4)
# Many in flight: most of them only wait for what the customer is still writing.
AGENT = Consumer("agent-turns", "ot.*.message.added.customer", ack_wait=30, max_ack_pending=128)
WIDGET_REPLIES = Consumer("gateway-widget-replies", "ot.*.reply.requested.widget", lanes=True)
EMAIL_REPLIES = Consumer("gateway-email-replies", "ot.*.reply.requested.email", lanes=True, ack_wait=20)
SLACK_REPLIES = Consumer("gateway-slack-replies", "ot.*.reply.requested.slack", lanes=True, ack_wait=20)
EMAIL_ERASURES = Consumer("gateway-email-erasures", "ot.*.customer.erased", max_ack_pending=1)
SLACK_ERASURES = Consumer("gateway-slack-erasures", "ot.*.customer.erased", max_ack_pending=1)
GAPS = Consumer("knowledge-gaps", "ot.*.knowledge.gap_found", max_ack_pending=4)
GAPS_TAKEN_BACK = Consumer("knowledge-gaps-taken-back", "ot.*.knowledge.gap_taken_back", max_ack_pending=4)
GAPS_MOVED = Consumer("knowledge-gaps-moved", "ot.*.thread.merged", max_ack_pending=1)
JUDGED = Consumer("knowledge-judged", "ot.*.knowledge.answer_judged", max_ack_pending=4)
SOLVED = Consumer("knowledge-solved", "ot.*.thread.closed", max_ack_pending=4)
KNOWLEDGE_ERASURES = Consumer("knowledge-erasures", "ot.*.customer.erased", max_ack_pending=1)
CONSUMERS = (
    INTAKE, PROPOSALS, DELIVERIES, FAILURES, FEEDBACK, BENCH_INDEXED, BENCH_REMOVED, AGENT, WIDGET_REPLIES,
    EMAIL_REPLIES, SLACK_REPLIES, EMAIL_ERASURES, SLACK_ERASURES, GAPS, GAPS_TAKEN_BACK, GAPS_MOVED, JUDGED,
    SOLVED, KNOWLEDGE_ERASURES,
)  # fmt: skip


@dataclass(frozen=True)
class Bucket:
    """A key-value bucket that one service owns."""

    name: str
    max_age: int


EMAIL_LEDGER = Bucket("deliveries-email", 30 * DAY)
SLACK_LEDGER = Bucket("deliveries-slack", 30 * DAY)
EMAIL_TOKENS = Bucket("webhook-tokens-email", 4 * DAY)
"""Signatures of providers that were used. Longer than the oldest request that is taken."""
EMAIL_WAITING = Bucket("waiting-email", 30 * DAY)
EMAIL_RECEIPTS = Bucket("receipts-email", DAY)
EMAIL_MAILBOXES = Bucket("mailboxes-email", 0)
"""How far each mailbox is read, and who reads it."""
BUCKETS = (EMAIL_LEDGER, SLACK_LEDGER, EMAIL_TOKENS, EMAIL_MAILBOXES, EMAIL_WAITING, EMAIL_RECEIPTS)


@dataclass(frozen=True)
class ObjectBucket:
    """An object store, for what is too large for a message."""

    name: str
    max_age: int
    max_bytes: int


BODIES = ObjectBucket("bodies", 15 * 60, 256 * 1024**2)
"""Of calls and their answers. Whoever reads one removes it; what is left, since somebody stopped, goes by its age."""
OBJECT_BUCKETS = (BODIES,)
