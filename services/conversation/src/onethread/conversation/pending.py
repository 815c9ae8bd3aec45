"""A teammate's reply within its undo window: kept, shown to teammates, and sent when its time has come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from pydantic import AwareDatetime, BaseModel

from onethread.contracts import messages as m
from onethread.conversation import files, graph, proposals, threads
from onethread.conversation.database import Connection
from onethread.conversation.files import UploadedFile
from onethread.conversation.places import Places
from onethread.runtime.errors import Problem

HOLD = """insert into pending_reply
        (id, workspace_id, thread_id, channel_id, place_channel_id, place_key, text, author, cc, files,
        send_at, created_at)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, now() + %s * interval '1 second', now()) returning *"""
OF_THREAD = "select * from pending_reply where workspace_id = %s and thread_id = %s order by send_at, id"
TAKE_BACK = "delete from pending_reply where workspace_id = %s and thread_id = %s and id = %s returning id"
WAS_SENT = "select 1 from message where workspace_id = %s and thread_id = %s and id = %s"
DUE = """select thread_id, id from pending_reply where workspace_id = %(workspace)s and send_at <= now()
    order by send_at limit 64"""
NEXT = "select min(send_at) from pending_reply where workspace_id = %(workspace)s"
TAKE = """delete from pending_reply where id = (select id from pending_reply where id = %s and thread_id = %s
    and send_at <= now() for update skip locked) returning *"""
PLACE = "select * from place where workspace_id = %s and channel_id = %s and key = %s"


class PendingReply(BaseModel):
    """`id` is that of the message to be."""

    id: UUID
    thread_id: UUID
    text: str
    author: m.Author
    send_at: AwareDatetime
    channel_id: str | None = None
    attachments: list[UploadedFile] = []


def shown(row: Any) -> PendingReply:
    return PendingReply(
        id=row.id, thread_id=row.thread_id, text=row.text, author=row.author, send_at=row.send_at,
        channel_id=row.channel_id, attachments=row.files,
    )  # fmt: skip


async def hold(
    connection: Connection,
    row: Any,
    author: m.Author,
    text: str,
    *,
    id_: UUID,
    place: Any,
    channel_id: str | None,
    seconds: int,
    cc: list[str] | None = None,
    taken: Sequence[UploadedFile] = (),
) -> PendingReply:
    """`id_` is that of the message to be; `place` is where the customer is now, or where the teammate wants it to go by
    `channel_id`.
    """
    kept = [id_, row.workspace_id, row.id, channel_id, place.channel_id, place.key, text]
    copies = None if cc is None else Jsonb(cc)
    own = Jsonb([file.model_dump(mode="json") for file in taken])
    cursor = await connection.execute(HOLD, [*kept, Jsonb(author.model_dump(mode="json")), copies, own, seconds])
    return shown(await cursor.fetchone())


async def of_thread(connection: Connection, workspace: str, thread_id: UUID) -> list[PendingReply]:
    return [shown(row) for row in await (await connection.execute(OF_THREAD, [workspace, thread_id])).fetchall()]


async def take_back(connection: Connection, workspace: str, thread_id: UUID, message_id: UUID) -> None:
    """A draft that it was made of waits again, and so do its files.

    Raises a 409 problem when it has been sent, 404 when there was none.
    """
    asked = [workspace, thread_id, message_id]
    await threads.lock(connection, workspace, thread_id)
    if await (await connection.execute(TAKE_BACK, asked)).fetchone():
        await proposals.reopen(connection, message_id)
        await files.give_back(connection, message_id)
        return
    if await (await connection.execute(WAS_SENT, asked)).fetchone():
        raise Problem(409, "It has been sent already", "Nothing was changed. Write again to correct it.")
    raise Problem(404, "There is no such reply that waits")


async def place_of(connection: Connection, places: Places, row: Any, held: Any) -> Any:
    """Where a held reply goes: on the channel that was chosen, else where the customer is by now.

    It stays where it was written for if others read along in the new place, or if that is another person's, as far as
    is proven. Raises a 409 problem.
    """
    place = await places.choose(connection, row, held.channel_id)
    if held.place_key is None or (place.channel_id, place.key) == (held.place_channel_id, held.place_key):
        return place
    asked = [row.workspace_id, held.place_channel_id, held.place_key]
    written_for = await (await connection.execute(PLACE, asked)).fetchone()
    whose = written_for.customer_id if written_for else row.home_id
    if not place.shared and place.customer_id in await graph.proven(connection, whose):
        return place
    if written_for is None:
        raise Problem(409, "The customer cannot be reached there any more", "Nothing was sent.")
    return written_for
