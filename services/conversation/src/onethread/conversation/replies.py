"""What is said to the customer: the agent's proposals and the teammates' replies, and how far they got."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import structlog
from psycopg.types.json import Jsonb

from onethread.contracts import ids
from onethread.contracts import messages as m
from onethread.contracts import replies as r
from onethread.contracts import threads as t
from onethread.contracts.envelope import now
from onethread.conversation import outbox, threads
from onethread.conversation.database import Connection, Database, Together, together
from onethread.conversation.intake import REMEMBER
from onethread.conversation.outbox import Relay
from onethread.conversation.rendering import to_html
from onethread.runtime.bus import PoisonError
from onethread.runtime.errors import Problem

log = structlog.get_logger()

MADE_BEFORE = """select m.* from idempotency i join message m on m.id = i.message_id
    where i.workspace_id = %s and i.key = %s"""
REMEMBER_KEY = "insert into idempotency (workspace_id, key, message_id, created_at) values (%s, %s, %s, now())"
LOCK_KEY = "select pg_advisory_xact_lock(hashtextextended(%s, 1))"
QUESTION = """select t.*, q.sequence as asked_sequence, q.channel_id as asked_channel, q.place_key as asked_place
    from message q join thread t on t.id = q.thread_id where q.id = %s and q.workspace_id = %s for update of t"""
NEWER_HUMAN = """select 1 from message where thread_id = %s and sequence > %s and author_kind = 'teammate' and not note
    limit 1"""
PLACE = "select * from place where workspace_id = %s and channel_id = %s and key = %s"
PLACES = "select * from place where workspace_id = %s and thread_id = %s order by updated_at desc"
ADD_MESSAGE = """insert into message (id, workspace_id, thread_id, customer_id, sequence, position, note,
        channel_id, channel_kind, place_key, shared, audience_name, author_kind, author_id, author_name,
        text, html, attachments, sources, delivery_state, created_at)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, '[]', %s, %s, %s)"""
PROGRESS = """with news as (
        insert into inbox (workspace_id, event_id, handled_at) values (%(workspace)s, %(event)s, now())
        on conflict do nothing returning event_id),
    moved as (update message set delivery_state = %(state)s, delivery_reason = %(reason)s
        where id = %(id)s and workspace_id = %(workspace)s and exists (select from news)
            and (delivery_state in ('queued', 'failed') or (delivery_state = 'sent' and %(state)s = 'delivered'))
        returning *)
    select moved.* from news left join moved on true"""
OUTSIDE_ID = """insert into outside_id (workspace_id, channel_id, external_id, message_id, thread_id)
    values (%s, %s, %s, %s, %s) on conflict do nothing"""
MOVE_PLACE = """insert into place
        (workspace_id, channel_id, key, channel_kind, shared, name, route, thread_id, customer_id, updated_at)
    select workspace_id, %s, %s, %s, %s, %s, %s, thread_id, customer_id, now() from message where id = %s
    on conflict (workspace_id, channel_id, key) do update set route = excluded.route"""


class Replies:
    def __init__(self, database: Database, relay: Relay, agent_name: str) -> None:
        self._database, self._relay, self._agent_name = database, relay, agent_name

    async def on_proposed(self, event: r.ReplyProposed) -> None:
        """The agent's answer or handoff becomes a message, unless people were quicker."""
        proposal = event.data
        async with self._database.transaction(event.workspaceid) as connection:
            async with connection.pipeline():
                remembered = await connection.execute(REMEMBER, [event.workspaceid, event.id])
                asked = await connection.execute(QUESTION, [proposal.message_id, event.workspaceid])
            if await remembered.fetchone() is None:
                return
            row = await asked.fetchone()
            if row is None:
                raise PoisonError("the message that it answers does not exist")
            async with connection.pipeline():
                newer = await connection.execute(NEWER_HUMAN, [row.id, row.asked_sequence])
                found = await connection.execute(PLACE, [event.workspaceid, row.asked_channel, row.asked_place])
            if _is_peoples(row) or await newer.fetchone() is not None:
                log.info("reply.dropped", thread=str(row.id), why="people took the thread")
                return
            async with together(connection) as writes:
                await self._answer(writes, event, row, await found.fetchone())
            await self._relay.notify(connection)
        self._relay.wake()

    async def _answer(self, writes: Together, event: r.ReplyProposed, row: Any, place: Any) -> None:
        proposal = event.data
        author = m.Author(kind="agent", name=self._agent_name)
        is_handoff = proposal.decision == "handoff"
        row, _ = await add(
            writes, row, author, proposal.text, place, proposal.sources, proposal.reply_id, event.id,
            changes=_handed_off(proposal) if is_handoff else {"waiting_since": None},
            extra_events=1 if is_handoff else 0,
        )  # fmt: skip
        if is_handoff:
            head = threads.envelope(row, ids.derived_id(event.id, "escalated"), row.sequence, event.id)
            change = t.ThreadChange(thread=threads.contract(row), by=author)
            await outbox.record(writes, (t.ThreadEscalated(**head, data=change), ()))

    async def say(
        self,
        workspace: str,
        thread_id: UUID,
        author: m.Author,
        text: str,
        *,
        note: bool,
        channel_id: str | None,
        key: str | None = None,
    ) -> m.Message:
        """A teammate's reply or note; said again with the same `key`, the message that it made the first time.

        Raises 404 and 409 problems.
        """
        async with self._database.transaction(workspace) as connection:
            if key and (made := await _made_before(connection, workspace, key)):
                return message_contract(made)
            row = await threads.lock(connection, workspace, thread_id)
            place = None if note else await _place_for(connection, row, channel_id)
            changes: dict[str, Any] = {}
            if not note:
                changes = {"agent": "quiet", "waiting_since": None}
                if row.assignee_id is None and author.id is not None:
                    changes |= {"assignee_id": author.id, "assignee_name": author.name}
            async with together(connection) as writes:
                row, message = await add(writes, row, author, text, place, [], uuid4(), None, changes=changes)
            if key:
                await connection.execute(REMEMBER_KEY, [workspace, key, message.id])
            await self._relay.notify(connection)
        self._relay.wake()
        return message

    async def on_outcome(self, event: r.ReplyDelivered | r.ReplyFailed) -> m.Message | None:
        """Notes how far a delivery got. Returns the message when that is news."""
        outcome, workspace = event.data, event.workspaceid
        async with self._database.transaction(workspace) as connection:
            change = {
                "event": event.id,
                "id": outcome.message_id,
                "workspace": workspace,
                "state": outcome.state,
                "reason": outcome.reason,
            }
            row = await (await connection.execute(PROGRESS, change)).fetchone()
            if row is None:
                return None
            if event.threadid and outcome.external_id:
                own = [workspace, outcome.channel.id, outcome.external_id, outcome.message_id, event.threadid]
                await connection.execute(OUTSIDE_ID, own)
            if event.threadid and (place := outcome.place):
                await connection.execute(
                    MOVE_PLACE,
                    [outcome.channel.id, place.key, outcome.channel.kind, place.audience.shared,
                     place.audience.name, Jsonb(place.route), outcome.message_id],
                )  # fmt: skip
        return message_contract(row) if row.id else None


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
) -> tuple[Any, m.Message]:
    """Adds a message of ours to a locked thread, and asks its gateway to deliver it where it has a place.

    `extra_events` numbers are left behind it for the caller's own events.
    """
    sequence = row.sequence + 1
    note = place is None
    if not note:
        changes |= {
            "last_text": text[: threads.PREVIEW], "last_author_kind": author.kind, "last_author_id": author.id,
            "last_author_name": author.name,
            "last_message_at": now(),
        }  # fmt: skip
    changes["last_position"] = threads.next_position(row)
    changes["sequence"] = sequence + (0 if note else 1) + extra_events
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
        sources=sources,
        delivery=None if note else m.Delivery(state="queued"),
        created_at=now(),
    )
    await writes.execute(ADD_MESSAGE, _parameters(row, message, place))
    head = threads.envelope(row, ids.derived_id(message_id, "added"), sequence, cause)
    added = t.AddedMessage(message=message, thread=threads.contract(row), place=place.key if place else None)
    told: list[outbox.Told] = [(t.MessageAdded(**head, data=added), (author.kind,))]
    if place is not None:
        head = threads.envelope(row, ids.derived_id(message_id, "requested"), sequence + 1, cause)
        request = r.ReplyRequested(**head, data=_request(row, message, place))
        told.append((request, (place.channel_kind, ids.lane(str(row.id)))))
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
        audience=m.Audience(shared=row.shared, name=row.audience_name),
        text=row.text,
        html=row.html,
        attachments=row.attachments,
        sources=row.sources,
        delivery=m.Delivery(state=row.delivery_state, reason=row.delivery_reason) if row.delivery_state else None,
        created_at=row.created_at,
        client_id=row.client_id,
    )


def _request(row: Any, message: m.Message, place: Any) -> r.RequestedReply:
    audience = m.Audience(shared=place.shared, name=place.name)
    return r.RequestedReply(
        message_id=message.id,
        channel=m.Channel(id=place.channel_id, kind=place.channel_kind),
        place=m.Place(key=place.key, audience=audience, route=place.route),
        author=message.author,
        text=message.text,
        html=message.html or "",
        sources=message.sources,
        subject=row.subject,
        sequence=message.sequence,
    )


def _parameters(row: Any, message: m.Message, place: Any | None) -> list[Any]:
    author, channel, audience = message.author, message.channel, message.audience
    return [
        message.id, row.workspace_id, row.id, message.customer_id, message.sequence, message.position, message.note,
        channel.id if channel else None, channel.kind if channel else None, place.key if place else None,
        audience.shared, audience.name, author.kind, author.id, author.name, message.text, message.html,
        Jsonb([source.model_dump(mode="json") for source in message.sources]),
        message.delivery.state if message.delivery else None, message.created_at,
    ]  # fmt: skip


def _handed_off(proposal: r.ProposedReply) -> dict[str, Any]:
    return {
        "agent": "quiet",
        "handoff_reason": proposal.reason,
        "handoff_summary": proposal.summary,
        "handoff_at": now(),
        "waiting_since": now(),
    }


def _is_peoples(row: Any) -> bool:
    """Taken, given to people, or done with."""
    return row.agent != "active" or row.assignee_id is not None or row.status == "closed"


async def _made_before(connection: Connection, workspace: str, key: str) -> Any | None:
    """Waits for a request with the same key that is under way."""
    await connection.execute(LOCK_KEY, [f"{workspace}\n{key}"])
    return await (await connection.execute(MADE_BEFORE, [workspace, key])).fetchone()


async def places_of(connection: Connection, row: Any) -> list[Any]:
    """Where the thread can be answered, one place a channel, the customer's latest first."""
    found = await (await connection.execute(PLACES, [row.workspace_id, row.id])).fetchall()
    latest_first = sorted(found, key=lambda place: place.key != row.place_key)
    by_channel: dict[str, Any] = {}
    for place in latest_first:
        by_channel.setdefault(place.channel_id, place)
    return list(by_channel.values())


async def _place_for(connection: Connection, row: Any, channel_id: str | None) -> Any:
    places = await places_of(connection, row)
    if channel_id is not None:
        places = [place for place in places if place.channel_id == channel_id]
    if not places:
        raise Problem(409, "The customer cannot be reached there", "Nothing was sent. Choose another channel.")
    return places[0]
