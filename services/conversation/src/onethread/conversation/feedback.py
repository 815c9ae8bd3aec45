"""The customer says what they think of a message of ours."""

from __future__ import annotations

from uuid import UUID

import structlog
from psycopg.types.json import Jsonb

from onethread.contracts.messages import MessageFeedback
from onethread.contracts.replies import FeedbackReceived
from onethread.conversation import gaps, judged
from onethread.conversation.database import Connection, Database
from onethread.conversation.outbox import Relay
from onethread.conversation.replies import Tell, message_contract

log = structlog.get_logger()

# Whoever is known may speak of what was said to them alone. The latest word counts, whatever order the events come in.
NOTE = """update message m set feedback = %(feedback)s
    from (select id, feedback from message where workspace_id = %(workspace)s and id = %(id)s for update) was
    where was.id = m.id and m.workspace_id = %(workspace)s and m.id = %(id)s
        and m.author_kind in ('agent', 'teammate') and not m.note
        and (m.feedback is null or (m.feedback ->> 'at')::timestamptz <= %(at)s)
        and (%(customer)s::uuid is null or exists (
            select from customer theirs join customer own on own.root_id = theirs.root_id
            where theirs.id = %(customer)s and own.id = m.customer_id))
    returning m.*, was.feedback as before"""


class FeedbackOfCustomers:
    def __init__(self, database: Database, relay: Relay, tell: Tell) -> None:
        self._database, self._relay, self._tell = database, relay, tell

    async def __call__(self, event: FeedbackReceived) -> None:
        given = event.data
        scale = given.scale or ("thumbs" if given.score in (-1, 1) else "csat")
        kept = MessageFeedback(score=given.score, scale=scale, comment=given.comment, at=event.time)
        asked = {
            "workspace": event.workspaceid, "id": given.message_id, "customer": event.customerid, "at": event.time,
            "feedback": Jsonb(kept.model_dump(mode="json")),
        }  # fmt: skip
        async with self._database.transaction(event.workspaceid) as connection:
            row = await (await connection.execute(NOTE, asked)).fetchone()
            before = MessageFeedback.model_validate(row.before) if row and row.before else None
            if row and await _passed_on(connection, row.id, kept, before):
                await self._relay.notify(connection)
        self._relay.wake()
        if row is None:
            log.info("feedback.ignored", message=str(given.message_id))
            return
        await self._tell(event.workspaceid, message_contract(row))


async def _passed_on(
    connection: Connection, answer_id: UUID, given: MessageFeedback, before: MessageFeedback | None
) -> bool:
    """To knowledge: a thumb says whether the answer was right, and whatever is bad may be a gap."""
    is_thumb = given.scale == "thumbs"
    told = is_thumb and await judged.by_thumb(connection, answer_id, given.at, right=given.score > 0)
    return await gaps.answer_was_judged(connection, answer_id, given, before) or told
