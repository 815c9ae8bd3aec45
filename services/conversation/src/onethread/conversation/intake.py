"""A customer said something: whose is it, which thread, and what follows. One transaction, three round trips."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import structlog
from psycopg.types.json import Jsonb

from onethread.contracts import customers, ids
from onethread.contracts import messages as m
from onethread.contracts import threads as t
from onethread.contracts.agent import AgentMode, AgentSettings
from onethread.contracts.envelope import now
from onethread.conversation import graph, merging, modes, outbox, profiles, stitching, suggestions, threads, who
from onethread.conversation.database import Connection, Database, Together, together
from onethread.conversation.outbox import Relay
from onethread.conversation.places import NOT_PROVEN_PLACE
from onethread.conversation.repeats import REMEMBER
from onethread.conversation.thanks import is_thanks
from onethread.conversation.workspaces import Workspaces, WorkspaceSettings

log = structlog.get_logger()

PLACE = "select thread_id from place where workspace_id = %s and channel_id = %s and key = %s"
ANSWERED = """select x.thread_id from unnest(%s::text[]) with ordinality as a(external_id, place)
    join outside_id o on o.workspace_id = %s and o.channel_id = %s and o.external_id = a.external_id
    join message x on x.id = o.message_id order by a.place"""
CLAIMED = """select t.* from thread t where t.workspace_id = %s and t.id = any(%s) and exists (
        select from customer c join identity i on i.customer_id = c.id
            where c.root_id = t.customer_id and i.kind = %s and i.value = %s
        union all
        select from message x where x.thread_id = t.id and x.identity_kind = %s and x.identity_value = %s)
    for no key update"""
THREAD = "select * from thread where workspace_id = %s and id = %s for no key update"
HOLD_CUSTOMER = "select id from customer where id = %s for no key update"
CANDIDATES = """select * from thread where workspace_id = %s and (id = any(%s) or id = (
        select id from thread where workspace_id = %s and customer_id = %s and merged_into_id is null
        order by (status = 'closed'), updated_at desc limit 1)) for no key update"""
NEIGHBOURS = """select max(position) filter (where created_at <= %(at)s) as earlier,
        min(position) filter (where created_at > %(at)s) as later
    from message where thread_id = %(thread)s and channel_id = %(channel)s and author_kind = 'customer'
        and identity_kind = %(kind)s and identity_value = %(value)s"""
ADD_MESSAGE = """insert into message (id, workspace_id, thread_id, customer_id, sequence, position, note,
        channel_id, channel_kind, place_key, shared, audience_name, author_kind, author_name,
        identity_kind, identity_value, identity_trust, identity_evidence, text, html, attachments,
        sources, external_id, client_id, created_at, agent_mode, thanks)
    values (%s, %s, %s, %s, %s, %s, false, %s, %s, %s, %s, %s, 'customer', %s, %s, %s, %s, %s, %s, %s, %s, '[]', %s, %s,
        %s, %s, %s)"""
KEEP_PLACE = """insert into place
        (workspace_id, channel_id, key, channel_kind, shared, name, route, thread_id, customer_id, updated_at)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s, now())
    on conflict (workspace_id, channel_id, key) do update set shared = excluded.shared, name = excluded.name,
        route = excluded.route, thread_id = excluded.thread_id, customer_id = excluded.customer_id,
        updated_at = excluded.updated_at"""
ROOM = 2_000_000
"""Microseconds before a message where those fit that were sent before it."""
NOT_PROVEN = "The sender is not verified, so the AI did not answer"


class _MustMergeError(Exception):
    """The message adds to who somebody is. That is done alone at the graph: once more, from the beginning."""


@dataclass(frozen=True)
class Found:
    """What the first round trip brought."""

    is_repeat: bool
    customer: who.Resolved
    answered: list[UUID]
    """Threads that it answers by a token or by the outside's id of a message of ours, the surest first."""
    here: list[UUID]
    """The thread that lives at its place."""


class Intake:
    def __init__(self, database: Database, relay: Relay, workspaces: Workspaces) -> None:
        self._database, self._relay, self._workspaces = database, relay, workspaces

    async def __call__(self, event: m.MessageReceived) -> None:
        """Handles one `message.received`. A repeat changes nothing."""
        said = event.data.model_copy(update={"identities": who.canonical(event.data.identities)})
        event = event.model_copy(update={"data": said})
        settings = await self._workspaces.settings(event.workspaceid)
        try:
            await self._handle(event, settings)
        except _MustMergeError:
            await self._handle(event, settings, alone=True)
        self._relay.wake()

    async def _handle(self, event: m.MessageReceived, settings: WorkspaceSettings, *, alone: bool = False) -> None:
        async with self._database.transaction(event.workspaceid) as connection:
            found = await self._look_up(connection, event, alone=alone)
            if found.is_repeat:
                return
            await self._merge(connection, event, found.customer, alone=alone)
            stitch = await self._stitch(connection, event, found, self._workspaces.window(settings))
            await self._add(connection, event, found, stitch, settings.of_agent)

    async def _merge(
        self, connection: Connection, event: m.MessageReceived, customer: who.Resolved, *, alone: bool
    ) -> None:
        if customer.joins and not alone:
            raise _MustMergeError
        for other in customer.merge:
            await merging.merge(
                connection, event.workspaceid, customer.root, other.root, how="proof", reason=other.reason,
                edge=merging.Edge(other.kept, other.absorbed), cause=event.id,
            )  # fmt: skip

    async def _look_up(self, connection: Connection, event: m.MessageReceived, *, alone: bool) -> Found:
        said, workspace = event.data, event.workspaceid
        linking = who.that_link(said.identities)
        await connection.execute(graph.ALONE if alone else graph.SHARED, [workspace])
        await connection.execute(who.LOCK, [who.lock_keys(workspace, linking)])
        remembered = await connection.execute(REMEMBER, [workspace, event.id])
        known = await connection.execute(who.FIND, who.find_parameters(workspace, linking))
        place = await connection.execute(PLACE, [workspace, said.channel.id, place_key(said)])
        answered = None
        if said.answers:
            answered = await connection.execute(ANSWERED, [said.answers, workspace, said.channel.id])
        customer = who.resolve(linking, said.name, await known.fetchall())
        here = [row.thread_id for row in await place.fetchall()]
        by_token = [said.thread_token] if said.thread_token else []
        # The message that is answered may have been moved since the token was made.
        thread_ids = [*(row.thread_id for row in (await answered.fetchall() if answered else [])), *by_token]
        return Found(await remembered.fetchone() is None, customer, list(dict.fromkeys(thread_ids)), here)

    async def _stitch(
        self, connection: Connection, event: m.MessageReceived, found: Found, window: timedelta
    ) -> stitching.Stitch:
        said, customer = event.data, found.customer
        if said.identities[0].trust == "asserted" and found.answered:
            claimed = await self._claimed(connection, event, found, window)
            if claimed:
                return claimed
        thread_ids = [*found.answered, *found.here]
        if customer.is_new and not thread_ids:
            return stitching.Stitch(None, "new")
        await connection.execute(HOLD_CUSTOMER, [customer.root])
        asked = [event.workspaceid, thread_ids, event.workspaceid, customer.root]
        cursor = await connection.execute(CANDIDATES, asked)
        rows = {row.id: await _where_it_is_now(connection, row) for row in await cursor.fetchall()}
        theirs = [row for row in rows.values() if row.customer_id == customer.root]
        latest = min(theirs, key=lambda row: (row.status == "closed", -row.updated_at.timestamp()), default=None)
        return stitching.choose(
            [rows[id_] for id_ in thread_ids if id_ in rows],
            latest,
            customer_id=customer.root,
            shared_here=set(found.here) if said.place.audience.shared else set(),
            now=now(),
            window=window,
        )

    async def _claimed(
        self, connection: Connection, event: m.MessageReceived, found: Found, window: timedelta
    ) -> stitching.Stitch | None:
        """An unproven sender who answers a message of ours joins its thread only from an address that it knows."""
        own = event.data.identities[0]
        asked = [event.workspaceid, found.answered, own.kind, own.value, own.kind, own.value]
        claimed = await (await connection.execute(CLAIMED, asked)).fetchall()
        rows = {row.id: await _where_it_is_now(connection, row) for row in claimed}
        for id_ in found.answered:
            if id_ in rows and not stitching.expired(rows[id_], now(), window):
                return stitching.Stitch(rows[id_], "answer")
        return None

    async def _add(
        self,
        connection: Connection,
        event: m.MessageReceived,
        found: Found,
        stitch: stitching.Stitch,
        agent: AgentSettings,
    ) -> None:
        said, customer, unproven = event.data, found.customer, event.data.identities[0].trust == "asserted"
        joined = stitch.thread
        told: list[outbox.Told] = []
        overtaken = await _overtaken(connection, event, joined)
        company = await profiles.company_of(connection, event.workspaceid, customer.to_link)
        shown = profiles.Shown(customer.name, customer.email)
        if joined is None and not customer.is_new:
            shown = await profiles.shown(connection, customer.root)
        async with together(connection) as writes:
            if not (unproven and _is_anothers(joined, customer)):
                told += await _keep_customer(writes, event, customer, company)
            mode = _mode(said, joined, agent)
            changes = _changes(event, customer, joined, needs_person=mode != "auto" and not said.automatic)
            opened = joined is None or stitch.how == "reopened"
            sequence = changes["sequence"] = (joined.sequence if joined else 0) + 1 + opened
            changes["last_position"] = threads.next_position(joined)
            if joined is None:
                row = await threads.insert(
                    writes, id=uuid4(), workspace_id=event.workspaceid, home_id=customer.home,
                    customer_id=customer.root, customer_name=shown.name, customer_email=shown.email,
                    subject=said.subject, previous_thread_id=stitch.previous, **changes,
                )  # fmt: skip
            else:
                row = await threads.save(writes, joined, **changes)
            home = row.home_id if _is_anothers(row, customer) else customer.home
            position = overtaken or row.last_position
            message = _message(event, row, home, sequence, position, said.name or customer.name)
            await writes.execute(ADD_MESSAGE, _message_parameters(event, message, mode))
            await writes.execute(KEEP_PLACE, _place_parameters(event, message))
            state = threads.contract(row)
            if opened:
                kind = t.ThreadOpened if joined is None else t.ThreadReopened
                what = "opened" if joined is None else "reopened"
                head = threads.envelope(row, ids.derived_id(event.id, what), sequence - 1, event.id)
                told.append((kind(**head, data=t.ThreadChange(thread=state)), ()))
            head = threads.envelope(row, ids.derived_id(event.id, "added"), sequence, event.id)
            added = t.AddedMessage(
                message=message,
                thread=state,
                place=place_key(said),
                agent_may_answer=mode != "off",
                agent_mode=mode,
            )
            await outbox.record(writes, *told, (t.MessageAdded(**head, data=added), ("customer",)))
        if not (unproven and _is_anothers(joined, customer)):
            await _keep_hints(connection, event, customer)
            await _tell_what_is_new(connection, event, customer)
        await self._relay.notify(connection)


def place_key(said: m.ReceivedMessage) -> str:
    """Whoever only claims an address does not stand where its owner stands: a forged mail must not bend the way
    by which the owner is answered.
    """
    return said.place.key if said.identities[0].trust == "verified" else said.place.key + NOT_PROVEN_PLACE


async def _overtaken(connection: Connection, event: m.MessageReceived, thread: Any | None) -> int | None:
    """Where a message belongs that was sent before another of its sender, here on this channel, that came sooner."""
    said, own = event.data, event.data.identities[0]
    if thread is None or thread.last_message_at is None or said.sent_at >= thread.last_message_at:
        return None
    asked = {"at": said.sent_at, "thread": thread.id, "channel": said.channel.id, "kind": own.kind, "value": own.value}
    found = await (await connection.execute(NEIGHBOURS, asked)).fetchone()
    if found is None or found.later is None:
        return None
    return ((found.earlier or found.later - ROOM) + found.later) // 2


async def _where_it_is_now(connection: Connection, row: Any) -> Any:
    """The thread that holds the messages of `row` since it was merged into it."""
    while row.merged_into_id:
        row = await (await connection.execute(THREAD, [row.workspace_id, row.merged_into_id])).fetchone()
    return row


def _mode(said: m.ReceivedMessage, thread: Any | None, agent: AgentSettings) -> AgentMode:
    """What the agent does with it. It is asked for nothing that is unproven, a machine's, or empty."""
    if said.identities[0].trust == "asserted" or said.automatic or not (said.text or said.attachments):
        return "off"
    channel = modes.of_channel(agent, said.channel.id, said.channel.kind)
    if thread is None:
        return modes.on_thread(channel, "active", taken=False)
    return modes.on_thread(channel, thread.agent, taken=thread.assignee_id is not None)


def _is_anothers(thread: Any, customer: who.Resolved) -> bool:
    """Whether `thread` (None: not yet opened) is somebody else's."""
    return thread is not None and thread.customer_id != customer.root


def _changes(
    event: m.MessageReceived, customer: who.Resolved, thread: Any | None, *, needs_person: bool
) -> dict[str, Any]:
    """What the message changes on its thread, or gives a new one."""
    said = event.data
    changes: dict[str, Any] = {
        "status": "open",
        "snoozed_until": None,
        "closed_at": None,
        "channel_id": said.channel.id,
        "channel_kind": said.channel.kind,
        "place_key": place_key(said),
        "last_text": said.text[: threads.PREVIEW],
        "trust": said.identities[0].trust,
        "last_author_kind": "customer",
        "last_author_id": None,
        "last_author_name": said.name or customer.name,
        # Never back: by it is seen that a message was overtaken.
        "last_message_at": max(said.sent_at, (thread and thread.last_message_at) or said.sent_at),
    }
    if thread is not None and thread.status != "open":
        changes["version"] = thread.version + 1
    if needs_person:
        changes["waiting_since"] = (thread and thread.waiting_since) or said.sent_at
    if said.identities[0].trust == "asserted" and not said.automatic:
        changes |= {"handoff_reason": NOT_PROVEN, "handoff_summary": said.text[: threads.PREVIEW], "handoff_at": now()}
    return changes


async def _keep_customer(
    writes: Together, event: m.MessageReceived, customer: who.Resolved, company: UUID | None
) -> list[outbox.Told]:
    """Writes what is new about the customer; returns the events that tell of it."""
    workspace, id_ = event.workspaceid, customer.home
    if customer.is_new:
        new = [id_, workspace, id_, customer.name, customer.email, company]
        await writes.execute(who.INSERT_CUSTOMER, new)
    elif customer.learned or company:
        await writes.execute(who.NAME_CUSTOMER, [customer.learned_name, customer.learned_email, company, id_])
    for one in customer.to_link:
        likeness = suggestions.likeness(one.kind, one.value)
        own = [uuid4(), workspace, one.kind, one.value, one.trust, one.evidence, likeness, id_]
        await writes.execute(who.INSERT_IDENTITY, own)
    if not customer.is_new:
        return []
    profile = customers.Customer(
        id=id_, name=customer.name, email=customer.email, company=profiles.domain_of(customer.to_link),
        identities=customer.to_link, homes=[id_],
    )  # fmt: skip
    change = customers.CustomerChange(customer=profile)
    head = _head(event, id_)
    return [(customers.CustomerCreated(id=ids.derived_id(event.id, "customer"), data=change, **head), ())]


async def _keep_hints(connection: Connection, event: m.MessageReceived, customer: who.Resolved) -> None:
    """What the message says or suggests about its sender, and does not prove."""
    for hint in customer.suggest:
        await suggestions.note(connection, customer.home, hint.root, hint.reason)
    await suggestions.claim(connection, event.workspaceid, customer.home, who.claims(event.data.identities))


async def _tell_what_is_new(connection: Connection, event: m.MessageReceived, customer: who.Resolved) -> None:
    """The whole profile, once it holds what the message taught of a customer who was known."""
    if customer.is_new or not (customer.learned or customer.to_link):
        return
    await profiles.own_threads(connection, [customer.root])
    profile = await profiles.contract(connection, customer.root)
    head = _head(event, customer.root)
    told: list[outbox.Told] = []
    if customer.learned:
        change = customers.CustomerChange(customer=profile)
        told.append((customers.CustomerUpdated(id=ids.derived_id(event.id, "learned"), data=change, **head), ()))
    for one in customer.to_link:
        change = customers.CustomerChange(customer=profile, identity=one)
        id_ = ids.derived_id(event.id, f"linked {one.kind} {one.value}")
        told.append((customers.CustomerIdentityLinked(id=id_, data=change, **head), ()))
    await outbox.record(connection, *told)


def _head(event: m.MessageReceived, customer_id: UUID) -> dict[str, Any]:
    return {
        "source": threads.SOURCE, "subject": str(customer_id), "workspaceid": event.workspaceid,
        "customerid": customer_id, "causationid": event.id, "traceparent": event.traceparent,
    }  # fmt: skip


def _message(
    event: m.MessageReceived, row: Any, home: UUID, sequence: int, position: int, name: str | None
) -> m.Message:
    said = event.data
    return m.Message(
        id=event.id,
        thread_id=row.id,
        customer_id=home,
        sequence=sequence,
        position=position,
        channel=said.channel,
        author=m.Author(kind="customer", name=name),
        identity=said.identities[0],
        audience=said.place.audience,
        text=said.text,
        html=said.html,
        attachments=said.attachments,
        created_at=said.sent_at,
        client_id=said.external_id,
    )


def _place_parameters(event: m.MessageReceived, message: m.Message) -> list[Any]:
    said, place = event.data, event.data.place
    return [
        event.workspaceid, said.channel.id, place_key(said), said.channel.kind, place.audience.shared,
        place.audience.name, Jsonb(place.route), message.thread_id, message.customer_id,
    ]  # fmt: skip


def _message_parameters(event: m.MessageReceived, message: m.Message, mode: AgentMode) -> list[Any]:
    said, own = event.data, event.data.identities[0]
    attachments = Jsonb([one.model_dump(mode="json") for one in said.attachments])
    return [
        message.id, event.workspaceid, message.thread_id, message.customer_id, message.sequence, message.position,
        said.channel.id, said.channel.kind, place_key(said), said.place.audience.shared,
        said.place.audience.name, message.author.name, own.kind, own.value, own.trust, own.evidence, said.text,
        said.html, attachments, said.external_id, message.client_id, said.sent_at, mode, is_thanks(said.text),
    ]  # fmt: skip
