"""What is said to the customer: how a message of ours is added, and what teammates reply."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID, uuid4

import structlog
from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field, model_validator

from onethread.contracts import ids
from onethread.contracts import messages as m
from onethread.contracts import replies as r
from onethread.contracts import threads as t
from onethread.contracts.envelope import now
from onethread.contracts.files import LARGEST
from onethread.contracts.mail_places import READERS
from onethread.conversation import files, outbox, pending, proposals, readers, threads
from onethread.conversation.database import Connection, Database, Together, together
from onethread.conversation.once import Once
from onethread.conversation.outbox import Relay
from onethread.conversation.pending import PendingReply
from onethread.conversation.places import Places
from onethread.conversation.rendering import to_html
from onethread.conversation.suppressions import Suppression
from onethread.conversation.teammates import Email
from onethread.runtime.errors import Problem

log = structlog.get_logger()

Tell = Callable[[str, m.Message], Awaitable[None]]
"""Shows a message as it is now to the teammates of a workspace who look at it."""
MAY_BE_MISSED = {"widget"}
"""Kinds of channels whose customer is told of nothing once they have gone."""
EVERY_TIME = Once()

MADE = "select * from message where workspace_id = %s and id = %s"
HELD = "select * from pending_reply where workspace_id = %s and id = %s"
ADD_MESSAGE = """insert into message (id, workspace_id, thread_id, customer_id, sequence, position, note,
        channel_id, channel_kind, place_key, shared, audience_name, author_kind, author_id, author_name,
        text, html, attachments, sources, delivery_state, delivery_reason, created_at, mail_at)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
        case when %s then now() + interval '1 minute' * nullif(greatest(0, coalesce(
            (select (settings->>'unseen_reply_minutes')::float8 from workspace where id = %s), %s)), 0) end)"""

TAKE_PLACE = "update place set thread_id = %s where workspace_id = %s and channel_id = %s and key = %s"
"""Whoever goes on there answers this: after a split, two threads may share a place."""


class NewMessage(BaseModel):
    """A reply, or a note."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    text: str = Field(max_length=50_000, description="Markdown. May be empty where there are files.")
    files: list[UUID] = Field(
        default_factory=list[UUID], max_length=LARGEST.number, description="Ids of uploaded files that go with it."
    )
    note: bool = False
    channel_id: str | None = Field(default=None, description="None: where the customer is.")
    cc: list[Email] | None = Field(
        default=None,
        max_length=READERS,
        description="By mail: who gets it, too, and may answer. None: those whom the customer, proven, had read along.",
    )
    undo_seconds: int = Field(default=0, ge=0, le=30, description="For so long a reply may be taken back.")
    draft_id: UUID | None = Field(default=None, description="The agent's open draft that the reply was made of.")

    @model_validator(mode="after")
    def _fits(self) -> NewMessage:
        if not self.text and not self.files:
            raise ValueError("it has neither words nor files")
        if self.note and self.draft_id:
            raise ValueError("a note is made of no draft")
        return self


class Replies:
    def __init__(self, database: Database, relay: Relay, places: Places, unseen_minutes: float = 0) -> None:
        self._database, self._relay, self._places, self._unseen_minutes = database, relay, places, unseen_minutes

    async def say(
        self, workspace: str, thread_id: UUID, author: m.Author, new: NewMessage, once: Once = EVERY_TIME
    ) -> m.Message | PendingReply:
        """A teammate's reply or note, or the reply that waits to become one. Repeated, what the first time made.

        Raises 404, 409 and 422 problems.
        """
        async with self._database.transaction(workspace) as connection:
            if earlier := await once.earlier(connection):
                return await _made_before(connection, workspace, earlier.message_id)
            row = await threads.lock(connection, workspace, thread_id)
            draft = await proposals.open_draft(connection, row, new.draft_id) if new.draft_id else None
            place = None if new.note else await self._places.choose(connection, row, new.channel_id)
            made = await self._make(connection, row, author, new, place, draft)
            await once.keep(connection, message_id=made.id)
            await self._relay.notify(connection)
        self._relay.wake()
        return made

    async def use(
        self, workspace: str, draft_id: UUID, author: m.Author, seconds: int, once: Once = EVERY_TIME
    ) -> m.Message | PendingReply:
        """Sends the agent's draft as it is, to the place that it was written for, unless its customer went on to
        another place of their own. Raises 404, 409 and 422 problems.
        """
        async with self._database.transaction(workspace) as connection:
            if earlier := await once.earlier(connection):
                return await _made_before(connection, workspace, earlier.message_id)
            found = await proposals.find(connection, workspace, draft_id)
            row = await threads.lock(connection, workspace, found.thread_id)
            draft = await proposals.open_draft(connection, row, draft_id)
            if draft.decision == "handoff":
                raise Problem(422, "A handoff says nothing that you could send", "Nothing was sent. Write a reply.")
            place = await pending.place_of(connection, self._places, row, proposals.written_for(draft))
            new = NewMessage(text=draft.text, undo_seconds=seconds)
            made = await self._make(connection, row, author, new, place, draft)
            await once.keep(connection, message_id=made.id)
            await self._relay.notify(connection)
        self._relay.wake()
        return made

    async def _make(
        self, connection: Connection, row: Any, author: m.Author, new: NewMessage, place: Any | None, draft: Any | None
    ) -> m.Message | PendingReply:
        """The message, or the reply that waits to become one. Of two who use one draft, the thread's lock lets one."""
        id_ = uuid4()
        if draft is not None:
            await proposals.settle(connection, draft, _made_of(draft, new.text), author, reply_id=id_)
        taken = await files.take(connection, row, id_, new.files, place)
        if place is None or not new.undo_seconds:
            return await self._send(connection, row, author, new.text, place, id_, new.cc, taken)
        await readers.chosen(connection, row.workspace_id, place, new.cc)  # what is wrong is told at once
        return await pending.hold(
            connection, row, author, new.text, id_=id_, place=place, channel_id=new.channel_id,
            seconds=new.undo_seconds, cc=new.cc, taken=taken,
        )  # fmt: skip

    async def send_held(self, workspace: str, due: Any) -> None:
        """A reply whose undo window is over becomes a message, once. `due`: a row of `pending.DUE`."""
        async with self._database.transaction(workspace) as connection:
            row = await threads.lock(connection, workspace, due.thread_id)
            held = await (await connection.execute(pending.TAKE, [due.id, row.id])).fetchone()
            if held is None:
                return
            author, text, taken = m.Author.model_validate(held.author), held.text, pending.shown(held).attachments
            try:
                place = await pending.place_of(connection, self._places, row, held)
                files.refuse(taken, place)
                await readers.chosen(connection, workspace, place, held.cc if place.channel_kind == "email" else None)
            except Problem as problem:
                log.warning("reply.not_sent", thread=str(row.id), message=str(held.id))
                place, text = None, f"**Not sent.** {problem.title}.\n\n{held.text}"
                await proposals.reopen(connection, held.id)
            cc = held.cc if place is not None and place.channel_kind == "email" else None
            await self._send(connection, row, author, text, place, held.id, cc, taken)
            await self._relay.notify(connection)
        self._relay.wake()

    async def _send(
        self,
        connection: Connection,
        row: Any,
        author: m.Author,
        text: str,
        place: Any | None,
        message_id: UUID,
        cc: list[str] | None,
        taken: Sequence[files.UploadedFile],
    ) -> m.Message:
        copies: list[str] = []
        if place is not None:
            place, copies = await readers.chosen(connection, row.workspace_id, place, cc)
        changes = {} if place is None else _taken(row, author)
        sources = [] if place is None else await proposals.answered(connection, row.id, message_id)
        async with together(connection) as writes:
            await readers.take_part(writes, row, author, place, copies)
            _, message = await add(
                writes, row, author, text, place, sources, message_id, None, changes=changes,
                unseen_minutes=self._unseen_minutes, attachments=[one.attachment for one in taken],
            )  # fmt: skip
        return message


async def add(
    writes: Together,
    row: Any,
    author: m.Author,
    text: str,
    place: Any | None,
    sources: list[m.Source],
    message_id: UUID,
    cause: UUID | None,
    *,
    changes: dict[str, Any],
    extra_events: int = 0,
    unseen_minutes: float = 0,
    stopped: Suppression | None = None,
    attachments: Sequence[m.Attachment] = (),
) -> tuple[Any, m.Message]:
    """Adds a message of ours to a locked thread, and asks its gateway to deliver it where it has a place.

    `extra_events` numbers are left behind it for the caller's own events. Where nobody is told of a message, mail
    tells them after `unseen_minutes`, or what the workspace has set. `stopped`: nothing goes there, which it says.
    """
    sequence, said_at = row.sequence + 1, now()
    note = place is None
    is_asked = place is not None and stopped is None
    if not note:
        changes |= {
            "last_text": (text or ", ".join(one.name for one in attachments))[: threads.PREVIEW],
            "last_author_kind": author.kind, "last_author_id": author.id,
            "last_author_name": author.name, "last_message_at": said_at,
        }  # fmt: skip
    changes["last_position"] = threads.next_position(row)
    changes["sequence"] = sequence + is_asked + extra_events
    row = await threads.save(writes, row, **changes)
    message = m.Message(
        id=message_id,
        thread_id=row.id,
        customer_id=row.home_id if place is None else place.customer_id,
        sequence=sequence,
        position=row.last_position,
        note=note,
        channel=None if place is None else m.Channel(id=place.channel_id, kind=place.channel_kind),
        author=author,
        audience=m.Audience(shared=False) if place is None else m.Audience(shared=place.shared, name=place.name),
        text=text,
        html=to_html(text),
        attachments=list(attachments),
        sources=sources,
        delivery=None if note else _at_first(stopped),
        created_at=said_at,
    )
    to_mail = [place is not None and place.channel_kind in MAY_BE_MISSED, row.workspace_id, unseen_minutes]
    await writes.execute(ADD_MESSAGE, [*_parameters(row, message, place), *to_mail])
    head = threads.envelope(row, ids.derived_id(message_id, "added"), sequence, cause)
    added = t.AddedMessage(message=message, thread=threads.contract(row), place=place.key if place else None)
    told: list[outbox.Told] = [(t.MessageAdded(**head, data=added), (author.kind,))]
    if place is not None:
        await writes.execute(TAKE_PLACE, [row.id, row.workspace_id, place.channel_id, place.key])
    if place is not None and is_asked:
        told.append(requested(row, message, place, ids.derived_id(message_id, "requested"), sequence + 1, cause))
    await outbox.record(writes, *told)
    return row, message


def message_contract(row: Any) -> m.Message:
    """A `MessageRow`, read by either way, as the contract."""
    identity = None
    if row.identity_kind:
        identity = m.Identity(
            kind=row.identity_kind,
            value=row.identity_value,
            trust=row.identity_trust,
            evidence=row.identity_evidence or "",
        )
    return m.Message(
        id=row.id,
        thread_id=row.thread_id,
        customer_id=row.customer_id,
        sequence=row.sequence,
        position=row.position,
        note=row.note,
        channel=m.Channel(id=row.channel_id, kind=row.channel_kind) if row.channel_id else None,
        author=m.Author(kind=row.author_kind, id=row.author_id, name=row.author_name),
        identity=identity,
        verdict=row.verdict,
        warnings=row.warnings,
        audience=m.Audience(shared=row.shared, name=row.audience_name),
        subject=row.subject,
        text=row.text,
        html=row.html,
        attachments=row.attachments,
        sources=row.sources,
        delivery=_delivery(row),
        feedback=row.feedback,
        created_at=row.created_at,
        client_id=row.client_id,
        machine=row.machine,
        remarks=row.remarks,
        may_belong_to=row.may_belong_to,
    )


def requested(
    row: Any,
    message: m.Message,
    place: Any,
    event_id: UUID,
    sequence: int,
    cause: UUID | None,
    attempt: int = 1,
    unsubscribe: str | None = None,
) -> outbox.Told:
    """Asks the gateway of `place` to deliver the message there.

    The thread's subject is not passed on: whoever gave it may have written to us alone. A place's route has its own.
    """
    request = r.RequestedReply(
        message_id=message.id,
        channel=m.Channel(id=place.channel_id, kind=place.channel_kind),
        place=m.Place(key=place.key, audience=m.Audience(shared=place.shared, name=place.name), route=place.route),
        author=message.author,
        text=message.text,
        html=message.html or "",
        sources=message.sources,
        sequence=message.sequence,
        position=message.position,
        cc=_copies(message, place),
        attachments=message.attachments,
        attempt=attempt,
        unsubscribe=unsubscribe,
    )
    head = threads.envelope(row, event_id, sequence, cause)
    return r.ReplyRequested(**head, data=request), (place.channel_kind, ids.lane(str(row.id)))


def _copies(message: m.Message, place: Any) -> list[str]:
    """An agent's answer goes to the customer alone: nobody chose who else should have it."""
    if message.author.kind != "teammate" or place.channel_kind != "email":
        return []
    return list((place.route or {}).get("cc") or [])


def _parameters(row: Any, message: m.Message, place: Any | None) -> list[Any]:
    author, channel, audience = message.author, message.channel, message.audience
    return [
        message.id, row.workspace_id, row.id, message.customer_id, message.sequence, message.position, message.note,
        channel.id if channel else None, channel.kind if channel else None, place.key if place else None,
        audience.shared, audience.name, author.kind, author.id, author.name, message.text, message.html,
        Jsonb([one.model_dump(mode="json") for one in message.attachments]),
        Jsonb([source.model_dump(mode="json") for source in message.sources]),
        message.delivery.state if message.delivery else None, message.delivery.reason if message.delivery else None,
        message.created_at,
    ]  # fmt: skip


def _delivery(row: Any) -> m.Delivery | None:
    if row.delivery_state is None:
        return None
    return m.Delivery(
        state=row.delivery_state, reason=row.delivery_reason, retry_at=row.retry_at, report=row.delivery_report
    )


def _at_first(stopped: Suppression | None) -> m.Delivery:
    return m.Delivery(state="failed", reason=stopped.words) if stopped else m.Delivery(state="queued")


def _taken(row: Any, author: m.Author) -> dict[str, Any]:
    """Whoever answers has the thread, and the agent is quiet until it is given back."""
    changes: dict[str, Any] = {"waiting_since": None}
    if row.agent == "active":
        changes |= {"agent": "quiet", **threads.agent_set(author)}
    if row.assignee_id is None and author.id is not None:
        changes |= {"assignee_id": author.id, "assignee_name": author.name}
    return changes


def _made_of(draft: Any, text: str) -> proposals.State:
    return "used" if text.strip() in (draft.text.strip(), draft.suggested_reply.strip()) else "edited"


async def _made_before(connection: Connection, workspace: str, message_id: UUID) -> m.Message | PendingReply:
    """What the first request made. Raises a 409 problem when that was taken back since."""
    if row := await (await connection.execute(MADE, [workspace, message_id])).fetchone():
        return message_contract(row)
    if row := await (await connection.execute(HELD, [workspace, message_id])).fetchone():
        return pending.shown(row)
    raise Problem(409, "It was taken back", "Nothing was sent. Use a new Idempotency-Key to send it after all.")
