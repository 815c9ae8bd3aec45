"""Files that teammates send: kept when they are uploaded, and given to a message when that is written.

Conversation keeps them in its own database, with the message whose they are: one transaction, one backup, and whoever
is erased takes them along.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from onethread.contracts.files import FILES, LARGEST, FileLimits
from onethread.contracts.messages import Attachment
from onethread.conversation.database import Connection
from onethread.conversation.file_types import name_of, type_of
from onethread.conversation.once import Once
from onethread.runtime.errors import Problem

WAITING = 50
"""So many may wait in a thread for their reply."""
KEPT = "1 day"
"""What nobody sent by then is forgotten."""

KEEP = """insert into file (id, workspace_id, thread_id, name, type, size, sha256, content, created_at)
    values (%s, %s, %s, %s, %s, %s, %s, %s, now())"""
COUNT = "select count(*) as number from file where thread_id = %s and message_id is null"
ONE = "select id, name, type, size, sha256 from file where workspace_id = %s and id = %s"
REMOVE = "delete from file where workspace_id = %s and id = %s and message_id is null returning id"
TAKE = """with taken as (update file set message_id = %s, thread_id = %s
        where workspace_id = %s and id = any(%s) and message_id is null returning *)
    select id, name, type, size, sha256 from taken order by created_at, id"""
GIVE_BACK = "update file set message_id = null, created_at = clock_timestamp() where message_id = %s"
OF_MESSAGE = "select content from file where workspace_id = %s and message_id = %s and sha256 = %s"
NEXT_OLD = f"""select min(created_at) + interval '{KEPT}' from file
    where workspace_id = %(workspace)s and message_id is null"""  # noqa: S608
OLD = f"""select id from file where workspace_id = %(workspace)s and message_id is null
    and created_at < now() - interval '{KEPT}' limit 64"""  # noqa: S608

GONE = Problem(
    409, "A file of it is no longer there", "Nothing was sent. It was sent already or taken out, or it waited for more "
    "than a day: attach it again.",
)  # fmt: skip


class UploadedFile(Attachment):
    id: UUID

    @property
    def attachment(self) -> Attachment:
        return Attachment.model_validate(self.model_dump(exclude={"id"}))


async def keep(
    connection: Connection, workspace: str, thread: Any, given: str, content: bytes, once: Once
) -> UploadedFile:
    """`thread`: a locked row. A repeat makes nothing more. Raises a 409 problem."""
    if earlier := await once.earlier(connection):
        row = await (await connection.execute(ONE, [workspace, earlier.answer["id"]])).fetchone()
        if row is None:
            raise GONE
        return _shown(row)
    [waiting] = await (await connection.execute(COUNT, [thread.id])).fetchall()
    if waiting.number >= WAITING:
        raise Problem(409, "Too many files wait in this thread", "This one was not kept. Send or take out the others.")
    name, sha256 = name_of(given), hashlib.sha256(content).hexdigest()
    file = UploadedFile(id=uuid4(), name=name, type=type_of(name, content), size=len(content), sha256=sha256)
    own = [file.id, workspace, thread.id, file.name, file.type, file.size, sha256, content]
    await connection.execute(KEEP, own)
    await once.keep(connection, answer={"id": str(file.id)})
    return file


async def remove(connection: Connection, workspace: str, file_id: UUID) -> None:
    """Raises 404 and 409 problems."""
    if await (await connection.execute(REMOVE, [workspace, file_id])).fetchone():
        return
    if await (await connection.execute(ONE, [workspace, file_id])).fetchone():
        raise Problem(409, "It was sent already", "Nothing was changed.")
    raise Problem(404, "There is no such file")


async def take(
    connection: Connection, row: Any, message_id: UUID, wanted: Sequence[UUID], place: Any | None
) -> list[UploadedFile]:
    """They are the message's from now on. Raises 409 and 422 problems."""
    if not wanted:
        return []
    asked = [message_id, row.id, row.workspace_id, list(wanted)]
    taken = [_shown(one) for one in await (await connection.execute(TAKE, asked)).fetchall()]
    if len(taken) < len(set(wanted)):
        raise GONE
    refuse(taken, place)
    return taken


def refuse(files: Sequence[Attachment], place: Any | None) -> None:
    """Raises a 422 problem for what does not go with a reply there; without a place it is a note."""
    limits = LARGEST if place is None else FILES.get(place.channel_kind)
    if not files or (limits and len(files) <= limits.number and sum(one.size for one in files) <= limits.bytes):
        return
    if limits is None:
        raise Problem(422, "That channel takes no files", "Nothing was sent. Take them out, or use another channel.")
    raise Problem(422, "These files are too many, or too large together", f"{_most(limits)} Nothing was sent.")


async def give_back(connection: Connection, message_id: UUID) -> None:
    """The message was taken back: its files wait for another."""
    await connection.execute(GIVE_BACK, [message_id])


async def content_of(connection: Connection, workspace: str, message_id: UUID, sha256: str) -> bytes | None:
    cursor = await connection.execute(OF_MESSAGE, [workspace, message_id, sha256], binary=True)
    row = await cursor.fetchone()
    return bytes(row.content) if row else None


async def forget(connection: Connection, workspace: str, file_id: UUID) -> None:
    await connection.execute(REMOVE, [workspace, file_id])


def _shown(row: Any) -> UploadedFile:
    return UploadedFile(id=row.id, name=row.name, type=row.type, size=row.size, sha256=row.sha256)


def _most(limits: FileLimits) -> str:
    return f"At most {limits.number}, and {limits.bytes // 10**6} MB together, go with a message there."
