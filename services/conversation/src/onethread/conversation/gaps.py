"""What the agent got wrong, by the customer's or a teammate's word, is told as a gap of knowledge."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from onethread.contracts.envelope import now
from onethread.contracts.ids import derived_id
from onethread.contracts.knowledge import (
    GapKind,
    GapTakenBack,
    KnowledgeGap,
    KnowledgeGapFound,
    KnowledgeGapTakenBack,
    NearestArticle,
)
from onethread.contracts.messages import MessageFeedback
from onethread.conversation import outbox
from onethread.conversation.database import Connection
from onethread.conversation.resolutions import speaks_against
from onethread.runtime.personal import without_personal_data
from onethread.runtime.telemetry import traceparent

LONGEST = 2_000
"""Characters of a question. Of a long mail, what it is about stands at its beginning."""
ASKED = """select p.confidence, p.sources, p.channel_kind, q.id, q.workspace_id, q.thread_id, q.customer_id, q.text,
        q.author_name, c.name, c.language
    from proposal p join message q on q.id = p.question_id join customer c on c.id = q.customer_id
    where {} and p.decision in ('answer', 'draft') and not q.thanks and q.text <> ''
        and q.identity_trust is distinct from 'asserted'"""
OF_ANSWER = ASKED.format("p.reply_id = %s and p.state = 'sent'")
OF_DRAFT = ASKED.format("p.id = %s")


async def answer_was_judged(
    connection: Connection, answer_id: UUID, given: MessageFeedback, before: MessageFeedback | None
) -> bool:
    """`answer_id`: of a message. `before`: what was said of it until now. False where there is nothing to tell, or it
    is not the agent's own answer.
    """
    is_bad, was_bad = (one is not None and speaks_against(one.score, one.scale) for one in (given, before))
    if is_bad == was_bad:
        return False
    row = await _asked(connection, OF_ANSWER, answer_id)
    if row is not None:
        told = _found if is_bad else _taken_back
        await outbox.record(connection, (told(row, "thumbed_down", given.at), ()))
    return row is not None


async def draft_was_wrong(connection: Connection, proposal_id: UUID) -> bool:
    row = await _asked(connection, OF_DRAFT, proposal_id)
    if row is not None:
        await outbox.record(connection, (_found(row, "dismissed", now()), ()))
    return row is not None


async def _asked(connection: Connection, which: str, id_: UUID) -> Any | None:
    return await (await connection.execute(which, [id_])).fetchone()  # type: ignore[call-overload]


def _head(row: Any, id_: UUID, at: datetime) -> dict[str, Any]:
    """Knowledge goes by the time: what somebody said last holds, whatever order it hears it in."""
    return {
        "id": id_, "source": "/conversation", "subject": str(row.id), "time": at, "workspaceid": row.workspace_id,
        "traceparent": traceparent(), "threadid": row.thread_id, "customerid": row.customer_id,
    }  # fmt: skip


def _taken_back(row: Any, kind: GapKind, at: datetime) -> KnowledgeGapTakenBack:
    id_ = derived_id(row.id, f"{kind} taken back {at.isoformat()}")
    return KnowledgeGapTakenBack(**_head(row, id_, at), data=GapTakenBack(kind=kind))


def _found(row: Any, kind: GapKind, at: datetime) -> KnowledgeGapFound:
    """A draft is dismissed once; of an answer somebody may change their mind, and each time is told."""
    nearest = next(iter(row.sources), None)
    id_ = derived_id(row.id, kind if kind == "dismissed" else f"{kind} {at.isoformat()}")
    return KnowledgeGapFound(
        **_head(row, id_, at),
        data=KnowledgeGap(
            question=without_personal_data(row.text[:LONGEST], [row.author_name, row.name]),
            confidence=row.confidence,
            kind=kind,
            channel=row.channel_kind,
            locale=row.language,
            nearest=NearestArticle(document_id=nearest["document_id"], title=nearest["title"]) if nearest else None,
        ),
    )
