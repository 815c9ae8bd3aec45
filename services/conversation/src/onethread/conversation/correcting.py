"""A mail was read again, after a fix: what a message says is put right where it stands. Nothing else of it changes, and
nobody answers it anew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from onethread.contracts import ids
from onethread.contracts import threads as t
from onethread.contracts.messages import Attachment, Message
from onethread.contracts.originals import Corrected, CorrectMessage
from onethread.conversation import audit, outbox, threads
from onethread.conversation.database import Connection, Database
from onethread.conversation.outbox import Relay
from onethread.conversation.replies import message_contract
from onethread.conversation.thanks import is_thanks

THREAD_OF = "select thread_id from message where workspace_id = %s and id = %s"
# An erased message has no identity left.
MESSAGE = """select * from message where workspace_id = %s and id = %s and thread_id = %s
    and author_kind = 'customer' and identity_value is not null for update"""
CORRECT = """update message set subject = %s, text = %s, html = %s, attachments = %s, thanks = %s
    where workspace_id = %s and id = %s returning *"""
COUNT = "update thread set sequence = sequence + 1, last_text = %s where id = %s returning *"
GONE, SAME, CORRECTED = (Corrected(outcome=one) for one in ("gone", "same", "corrected"))


class Correcting:
    def __init__(self, database: Database, relay: Relay, tell: Callable[[str, Message], Awaitable[None]]) -> None:
        self._database, self._relay, self._tell = database, relay, tell

    async def __call__(self, asked: CorrectMessage) -> Corrected:
        async with self._database.transaction(asked.workspace) as connection:
            found = await _held(connection, asked.workspace, asked.message_id)
            if found is None:
                return GONE
            thread, row = found
            if _says(row) == _says(asked):
                return SAME
            corrected = await self._correct(connection, thread, row, asked)
        self._relay.wake()
        await self._tell(asked.workspace, corrected)
        return CORRECTED

    async def _correct(self, connection: Connection, thread: Any, row: Any, asked: CorrectMessage) -> Message:
        attachments = Jsonb([one.model_dump(mode="json") for one in asked.attachments])
        said = [asked.subject, asked.text, asked.html, attachments, is_thanks(asked.text)]
        which = [asked.workspace, asked.message_id]
        message = message_contract(await (await connection.execute(CORRECT, [*said, *which])).fetchone())
        thread = await _counted(connection, thread, row, asked.text)
        event_id = ids.derived_id(row.id, f"corrected {thread.sequence}")
        head = threads.envelope(thread, event_id, thread.sequence, None)
        data = t.CorrectedMessage(message=message, thread=threads.contract(thread))
        await outbox.record(connection, (t.MessageCorrected(**head, data=data), ()))
        await audit.record(connection, None, "message.corrected", row.id)
        await self._relay.notify(connection)
        return message


async def _held(connection: Connection, workspace: str, message_id: UUID) -> tuple[Any, Any] | None:
    """Its thread and itself, both held."""
    where = await (await connection.execute(THREAD_OF, [workspace, message_id])).fetchone()
    if where is None:
        return None
    thread = await threads.lock(connection, workspace, where.thread_id)
    row = await (await connection.execute(MESSAGE, [workspace, message_id, thread.id])).fetchone()
    return (thread, row) if row else None


async def _counted(connection: Connection, thread: Any, row: Any, text: str) -> Any:
    """The thread with a number for the event, and with the new words where the old ones stood as its last message. It
    does not come up in the list: nobody wrote.
    """
    is_last = thread.last_author_kind == "customer" and thread.last_text == row.text[: threads.PREVIEW]
    last = text[: threads.PREVIEW] if is_last else thread.last_text
    [counted] = await (await connection.execute(COUNT, [last, thread.id])).fetchall()
    return counted


def _says(one: Any) -> tuple[str | None, str, str | None, list[Attachment]]:
    """Of a row, or of what is asked."""
    return one.subject, one.text, one.html, [Attachment.model_validate(file) for file in one.attachments]
