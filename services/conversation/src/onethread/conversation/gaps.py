"""What the agent got wrong, by the customer's or a teammate's word, is told as a gap of knowledge."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from onethread.contracts.ids import derived_id
from onethread.contracts.knowledge import GapKind, KnowledgeGap, KnowledgeGapFound, NearestArticle
from onethread.conversation import outbox
from onethread.conversation.database import Connection
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


async def answer_was_bad(connection: Connection, answer_id: UUID) -> bool:
    """`answer_id`: of a message. False where it is not the agent's own answer."""
    return await _tell(connection, OF_ANSWER, answer_id, "thumbed_down")


async def draft_was_wrong(connection: Connection, proposal_id: UUID) -> bool:
    return await _tell(connection, OF_DRAFT, proposal_id, "dismissed")


async def _tell(connection: Connection, which: str, id_: UUID, kind: GapKind) -> bool:
    row = await (await connection.execute(which, [id_])).fetchone()  # type: ignore[call-overload]
    if row is not None:
        await outbox.record(connection, (_event(row, kind), ()))
    return row is not None


def _event(row: Any, kind: GapKind) -> KnowledgeGapFound:
    """The same question is told of once for each kind, however often somebody changes their mind."""
    nearest = next(iter(row.sources), None)
    return KnowledgeGapFound(
        id=derived_id(row.id, kind),
        source="/conversation",
        subject=str(row.id),
        workspaceid=row.workspace_id,
        traceparent=traceparent(),
        threadid=row.thread_id,
        customerid=row.customer_id,
        data=KnowledgeGap(
            question=without_personal_data(row.text[:LONGEST], [row.author_name, row.name]),
            confidence=row.confidence,
            kind=kind,
            channel=row.channel_kind,
            locale=row.language,
            nearest=NearestArticle(document_id=nearest["document_id"], title=nearest["title"]) if nearest else None,
        ),
    )
