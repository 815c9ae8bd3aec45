"""What customers and teammates say of the agent's answers is told to knowledge, which fits its confidence to it.

Told are the numbers that the confidence was made of, and no words. What says nothing of what was found is left out: a
score of the whole service, a draft that was rewritten, or dismissed for its tone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from onethread.contracts.ids import derived_id
from onethread.contracts.knowledge import AnswerJudged, Evidence, KnowledgeAnswerJudged
from onethread.conversation import outbox
from onethread.conversation.database import Connection
from onethread.runtime.telemetry import traceparent

How = Literal["thumb", "used", "dismissed"]
JUDGED = """select p.evidence, q.id, q.workspace_id, q.thread_id, q.customer_id
    from proposal p join message q on q.id = p.question_id
    where {} and p.evidence is not null and q.identity_trust is distinct from 'asserted'"""
OF_ANSWER = JUDGED.format("p.reply_id = %s and p.state = 'sent'")
OF_USED = JUDGED.format("p.reply_id = %s and p.state = 'used'")
OF_DRAFT = JUDGED.format("p.id = %s")


async def by_thumb(connection: Connection, answer_id: UUID, at: datetime, *, right: bool) -> bool:
    """`answer_id`: of a message. False where it is not the agent's own answer, or rests on no single search."""
    return await _tell(connection, OF_ANSWER, answer_id, ("thumb", right), at)


async def by_use(connection: Connection, reply_id: UUID, at: datetime) -> bool:
    """A teammate's reply stands in the thread, and says what the agent's draft said."""
    return await _tell(connection, OF_USED, reply_id, ("used", True), at)


async def by_dismissal(connection: Connection, proposal_id: UUID, at: datetime) -> bool:
    """As wrong."""
    return await _tell(connection, OF_DRAFT, proposal_id, ("dismissed", False), at)


async def _tell(connection: Connection, which: str, id_: UUID, said: tuple[How, bool], at: datetime) -> bool:
    row = await (await connection.execute(which, [id_])).fetchone()  # type: ignore[call-overload]
    if row is None:
        return False
    how, right = said
    event = KnowledgeAnswerJudged(
        id=derived_id(row.id, f"{how} {right} {at.isoformat()}"),
        source="/conversation",
        subject=str(row.id),
        time=at,
        workspaceid=row.workspace_id,
        traceparent=traceparent(),
        threadid=row.thread_id,
        customerid=row.customer_id,
        data=AnswerJudged(right=right, how=how, evidence=Evidence.model_validate(row.evidence)),
    )
    await outbox.record(connection, (event, ()))
    return True
