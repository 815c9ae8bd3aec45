"""Live updates for the inbox and for integrators, as server-sent events. No database session is held while they run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from nats.aio.msg import Msg

from onethread.conversation.database import Database

SUBJECTS = ("ot.*.message.added.>", "ot.*.message.corrected", "ot.*.thread.*", "ot.*.customer.*")
QUEUE = 1_000
PING_SECONDS = 15
REPLAY = 1_000
MARGIN = 200
"""Positions are given before transactions commit, so a replay starts a little earlier; readers know events by id."""
SINCE = """select id, type, body from outbox where workspace_id = %s and type not like 'onethread.reply.%%'
    and type not like 'onethread.knowledge.%%'
    and position > (select position from outbox where id = %s) - %s order by position limit %s"""

TO_INBOX = {
    "updated": "message.updated",
    "pending": "reply.pending",
    "drafts": "thread.drafts",
    "bench": "bench.changed",
}
"""`live.{workspace}.{kind}.inbox`, and the event's name: a delivery got further, or the customer said what they think
of a message; a reply waits, or was taken back; the drafts of a thread changed; a run of the test bench began or ended.
"""

Frame = tuple[str, str, str]
"""Event name, id, data."""

Reader = tuple[str, str | None]
"""The workspace of a connection, and by whose right it reads."""


class Stream:
    """Fans what the bus says out to the open connections."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._readers: dict[asyncio.Queue[Frame | None], Reader] = {}

    async def on_event(self, message: Msg) -> None:
        if not self._readers:
            return
        headers = message.headers or {}
        body = message.data.decode()
        workspace, type_ = message.subject.split(".")[1], "onethread." + _name(message.subject) + ".v1"
        self._send(workspace, (type_, headers.get("Nats-Msg-Id", ""), body))

    async def on_live(self, message: Msg) -> None:
        """`live.{workspace}.delta.*` and `.typing.*`, and what is told `TO_INBOX` as it stands."""
        _, workspace, kind, *_ = message.subject.split(".")
        if not self._readers or kind not in {"delta", "typing", *TO_INBOX}:
            return
        if kind in TO_INBOX:
            self._send(workspace, (TO_INBOX[kind], "", message.data.decode()))
            return
        said = json.loads(message.data)
        shown = {"kind": said.get("kind", kind), "threadid": said.get("thread_id"), "text": said.get("text", "")}
        self._send(workspace, ("live", "", json.dumps(shown | {"reply_id": said.get("reply_id")})))

    def _send(self, workspace: str, frame: Frame) -> None:
        for queue, (whose, _) in list(self._readers.items()):
            if whose == workspace:
                if queue.full():  # a reader this slow starts again from its last event id
                    self._end(queue)
                else:
                    queue.put_nowait(frame)

    def _end(self, queue: asyncio.Queue[Frame | None]) -> None:
        """It is told no more than what it has."""
        self._readers.pop(queue)
        if queue.full():
            queue.get_nowait()
        queue.put_nowait(None)

    def close(self) -> None:
        """Readers come back behind the last event that they have, and are told what was missed here."""
        for queue in list(self._readers):
            self._end(queue)

    def credentials(self) -> dict[str, set[str]]:
        """By whose right the open connections read, for each workspace."""
        found: dict[str, set[str]] = {}
        for workspace, credential in self._readers.values():
            if credential:
                found.setdefault(workspace, set()).add(credential)
        return found

    def end(self, credentials: set[str]) -> None:
        """Ends the connections that read by these. What waits for them is not told any more."""
        for queue, (_, credential) in list(self._readers.items()):
            if credential in credentials:
                while not queue.empty():
                    queue.get_nowait()
                self._end(queue)

    async def read(self, workspace: str, last_id: str | None, credential: str | None = None) -> AsyncIterator[str]:
        """The text of one connection, by the right of `credential`: what was missed, then what happens."""
        queue: asyncio.Queue[Frame | None] = asyncio.Queue(QUEUE)
        self._readers[queue] = (workspace, credential)
        try:
            yield ": connected\n\n"
            for missed in await self._missed(workspace, last_id):
                yield _text(missed)
            while True:
                try:
                    frame = await asyncio.wait_for(queue.get(), PING_SECONDS)
                except TimeoutError:
                    yield ": ping\n\n"
                    continue
                frames = [frame, *(queue.get_nowait() for _ in range(queue.qsize()))]
                said = [_text(one) for one in frames if one is not None]
                if said:  # all that waits, in one piece: a reader under load is sent a few large ones
                    yield "".join(said)
                if len(said) < len(frames):
                    return
        finally:
            self._readers.pop(queue, None)

    async def _missed(self, workspace: str, last_id: str | None) -> Sequence[Frame]:
        if not last_id:
            return []
        if not (event_id := _uuid(last_id)):
            return [("reset", "", "{}")]
        async with self._database.transaction(workspace) as connection:
            cursor = await connection.execute(SINCE, [workspace, event_id, MARGIN, REPLAY])
            rows = await cursor.fetchall()
        if len(rows) == REPLAY or not rows:  # too long ago: the client reads everything anew
            return [("reset", "", "{}")]
        return [(row.type, str(row.id), row.body) for row in rows]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _name(subject: str) -> str:
    return ".".join(subject.split(".")[2:4])


def _text(frame: Frame) -> str:
    name, id_, data = frame
    head = f"event: {name}\n" + (f"id: {id_}\n" if id_ else "")
    return f"{head}data: {data}\n\n"
