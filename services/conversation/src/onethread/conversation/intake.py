"""A customer said something: whose is it, which thread, and what follows. One transaction, three round trips."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import structlog
from psycopg.types.json import Jsonb

from onethread.contracts import customers, ids
from onethread.contracts import messages as m
from onethread.contracts import threads as t
from onethread.contracts.agent import AgentMode, AgentSettings
from onethread.contracts.envelope import now
from onethread.conversation import (
    forwarding,
    graph,
    merging,
    modes,
    outbox,
    profiles,
    replies,
    side_mail,
    stitching,
    suggestions,
    suppressions,
    threads,
    vouching,
    who,
)
from onethread.conversation.database import Connection, Database, Together, together
from onethread.conversation.outbox import Relay
from onethread.conversation.places import NOT_PROVEN_PLACE
from onethread.conversation.repeats import REMEMBER
from onethread.conversation.thanks import is_thanks
from onethread.conversation.workspaces import Workspaces, WorkspaceSettings

log = structlog.get_logger()

ALONE, SHARED = (f", ({first}), (select count(*) from ({who.LOCK}) as held)" for first in (graph.ALONE, graph.SHARED))  # noqa: S608 constants of ours
"""The graph, then who sent it."""
PLACE = (
    "select thread_id from place where workspace_id = %(workspace)s and channel_id = %(channel)s and key = %(place)s"
)
ANSWERED = """select x.thread_id from unnest(%s::text[]) with ordinality as a(external_id, place)
    join outside_id o on o.workspace_id = %s and o.channel_id = %s and o.external_id = a.external_id
    join message x on x.id = o.message_id order by x.author_kind = 'customer', a.place"""
"""What we sent is surer than what others did: nobody can make up an id of ours."""
SAME = """select x.id from outside_id o
    cross join lateral (select * from message where id = o.message_id offset 0) x
    where o.workspace_id = %(workspace)s and o.external_id = any(%(ids)s) and x.author_kind = 'customer'
        and x.identity_kind = %(kind)s and x.identity_value = %(value)s and x.created_at = %(at)s
        and (x.identity_trust = 'verified' or %(trust)s = 'asserted')
        and jsonb_array_length(x.attachments) = %(attachments)s
        and (x.text = %(text)s or (least(x.text, %(text)s) <> ''
            and (starts_with(x.text, %(text)s) or starts_with(%(text)s, x.text)))) limit 1"""
"""The same mail by another route, where a forwarder may have put a footer. Never what is proven for what is not.

`offset 0` has each message looked up by its id. An index by time would bring all who wrote in that second.
"""
FIRST = f"""with remembered as ({REMEMBER})
    select exists (select from remembered) as is_new, ({PLACE}) as here, ({{same}}) as same,
        exists ({suppressions.STOPPED}) as was_stopped"""  # noqa: S608 constants of ours
KNOWN = """select t.id from thread t where t.workspace_id = %(workspace)s and t.id = any(%(threads)s) and exists (
        select from message x where x.thread_id = t.id and x.identity_kind = %(kind)s and x.identity_value = %(value)s
            and (x.identity_trust = 'verified' or %(trust)s = 'asserted')
        union all
        select from customer c join identity i on i.customer_id = c.id
            where %(trust)s = 'asserted' and c.root_id = t.customer_id and i.kind = %(kind)s and i.value = %(value)s
        union all
        select from participant p join thread o on o.id = p.thread_id
            where %(kind)s = 'email' and p.value = %(value)s and t.id in (o.id, o.merged_into_id))"""
"""Who only claims an address, and answers a message of ours, joins a thread that knows the address."""
NAME = """insert into outside_id (workspace_id, channel_id, external_id, message_id, thread_id)
    select %s, %s, unnest(%s::text[]), %s, %s on conflict do nothing"""
THREAD = "select * from thread where workspace_id = %s and id = %s for no key update"
HOLD_CUSTOMER = "select id from customer where id = %s for no key update"
CANDIDATES = """select * from thread where workspace_id = %s and (id = any(%s) or id = (
        select id from thread where workspace_id = %s and customer_id = %s and merged_into_id is null
            and side_of_id is null
        order by (status = 'closed'), updated_at desc limit 1)) for no key update"""
NEIGHBOURS = """select max(position) filter (where created_at <= %(at)s) as earlier,
        min(position) filter (where created_at > %(at)s) as later
    from message where thread_id = %(thread)s and channel_id = %(channel)s and author_kind = 'customer'
        and identity_kind = %(kind)s and identity_value = %(value)s"""
ADD_MESSAGE = """insert into message (id, workspace_id, thread_id, customer_id, sequence, position, note,
        channel_id, channel_kind, place_key, shared, audience_name, author_kind, author_name,
        identity_kind, identity_value, identity_trust, identity_evidence, verdict, warnings, subject, text, html,
        attachments, sources, external_id, client_id, created_at, agent_mode, thanks, remarks, may_belong_to, machine,
        forwarded_by)
    values (%s, %s, %s, %s, %s, %s, false, %s, %s, %s, %s, %s, 'customer', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
        '[]', %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
KEEP_PLACE = """insert into place
        (workspace_id, channel_id, key, channel_kind, shared, name, route, thread_id, customer_id, updated_at)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s, now())
    on conflict (workspace_id, channel_id, key) do update set shared = excluded.shared, name = excluded.name,
        route = excluded.route, thread_id = excluded.thread_id, customer_id = excluded.customer_id,
        updated_at = excluded.updated_at"""
ROOM = 2_000_000
"""Microseconds before a message where those fit that were sent before it."""
NOT_PROVEN = "The sender is not verified, so the AI did not answer"
ALWAYS = timedelta(days=36_500)
MAY_LOOP = {"email"}
"""Kinds of channels where a machine may answer ours."""
LOOP_MESSAGES, LOOP_SECONDS = 5, 600
LATELY = """select count(*) from message where thread_id = %s and position > %s
    and author_kind = 'customer' and identity_kind = %s and identity_value = %s"""
LOOP = (
    f"More than {LOOP_MESSAGES} messages of one sender in {LOOP_SECONDS // 60} minutes: two machines may be answering \
each other, so nothing is sent automatically any more"
)
FORGED_APART = "It names a message of another thread, but its sender is forged."
FORGED = "The sender is forged, so the AI did not answer"
NOT_OURS = "It answers a message that we do not know."


class _MustMergeError(Exception):
    """The message adds to who somebody is. That is done alone at the graph: once more, from the beginning."""


@dataclass(frozen=True)
class Found:
    """What the first round trip brought."""

    is_repeat: bool
    same: UUID | None
    """The message, where it came by another route before: to two addresses of ours, or by a forwarder."""
    was_stopped: bool
    """Nothing was sent to its sender, from where something had come back."""
    customer: who.Resolved
    held: set[UUID]
    """Customers whom no other transaction changes until this one ends."""
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
        forwarded = await forwarding.of_teammate(self._database, event)
        event = forwarded.event if forwarded else await forwarding.with_what_was_left(self._database, event)
        try:
            await self._handle(event, settings, forwarded)
        except _MustMergeError:
            await self._handle(event, settings, forwarded, alone=True)
        self._relay.wake()

    async def _handle(
        self,
        event: m.MessageReceived,
        settings: WorkspaceSettings,
        forwarded: forwarding.Forwarded | None,
        *,
        alone: bool = False,
    ) -> None:
        keys = [event.workspaceid, who.lock_keys(event.workspaceid, who.that_link(event.data.identities))]
        async with self._database.transaction(event.workspaceid, ALONE if alone else SHARED, keys) as connection:
            found = await self._look_up(connection, event)
            if found.is_repeat:
                return
            if found.same:
                log.info("message.by_another_route", event_id=str(event.id), message_id=str(found.same))
                return
            await self._merge(connection, event, found.customer, alone=alone)
            window = ALWAYS if event.data.machine in threads.QUIET else self._workspaces.window(settings)
            stitch = await self._stitch(connection, event, found, window)
            event = _as_a_guest(event, stitch, found.customer)
            row = await self._add(connection, event, found, stitch, settings.of_agent, forwarded)
            if row.side_of_id:
                asked = [event.workspaceid, row.side_of_id]
                parent = await (await connection.execute(THREAD, asked)).fetchone()
                parent = await _where_it_is_now(connection, parent)
                await side_mail.tell(connection, parent, row, event.data, event.id)
            if forwarded and forwarded.note:
                await self._note(connection, event, row, forwarded)

    async def _merge(
        self, connection: Connection, event: m.MessageReceived, customer: who.Resolved, *, alone: bool
    ) -> None:
        if customer.joins and not alone:
            raise _MustMergeError
        released = await vouching.release(connection, event) if customer.vouched else None
        for other in customer.merge:
            act = await merging.merge(
                connection, event.workspaceid, customer.root, other.root, how="proof", reason=other.reason,
                edge=merging.Edge(other.kept, other.absorbed), cause=event.id,
            )  # fmt: skip
            if released and other.root == customer.vouched:
                await vouching.keep(connection, released, act)

    async def _look_up(self, connection: Connection, event: m.MessageReceived) -> Found:
        said, workspace = event.data, event.workspaceid
        linking = who.that_link(said.identities)
        query = FIRST.format(same=SAME if said.outside_ids else "null")
        first = await connection.execute(query, first_asked(event))  # type: ignore[arg-type]
        known = await connection.execute(*who.that_finds(workspace, linking))  # type: ignore[arg-type]
        answered = None
        if said.answers:
            answered = await connection.execute(ANSWERED, [said.answers, workspace, said.channel.id])
        rows = await known.fetchall()
        customer = who.nobody_known(said) if _is_forged(said) else who.resolve(linking, said.name, rows)
        [before] = await first.fetchall()
        by_token = [said.thread_token] if said.thread_token else []
        # The message that is answered may have been moved since the token was made.
        named = [*(row.thread_id for row in (await answered.fetchall() if answered else [])), *by_token]
        thread_ids = list(dict.fromkeys(named))
        customer = await vouching.joined(connection, event, customer, thread_ids)
        here = [before.here] if before.here else []
        held = {row.root for row in rows} if len(linking) == 1 else set[UUID]()
        return Found(not before.is_new, before.same, before.was_stopped, customer, held, thread_ids, here)

    async def _stitch(
        self, connection: Connection, event: m.MessageReceived, found: Found, window: timedelta
    ) -> stitching.Stitch:
        said, customer = event.data, found.customer
        if _is_forged(said):
            return stitching.Stitch(None, "new", why=FORGED_APART if found.answered else None)
        thread_ids = [*found.answered, *found.here]
        if customer.is_new and not thread_ids:
            return stitching.Stitch(None, "new", why=NOT_OURS if said.answers else None)
        if customer.root not in found.held:
            await connection.execute(HOLD_CUSTOMER, [customer.root])
        asked = [event.workspaceid, thread_ids, event.workspaceid, customer.root]
        cursor = await connection.execute(CANDIDATES, asked)
        rows = {row.id: await _where_it_is_now(connection, row) for row in await cursor.fetchall()}
        theirs = [row for row in rows.values() if row.customer_id == customer.root and row.side_of_id is None]
        latest = min(theirs, key=lambda row: (row.status == "closed", -row.updated_at.timestamp()), default=None)
        answered = [rows[id_] for id_ in found.answered if id_ in rows]
        here = [rows[id_] for id_ in found.here if id_ in rows and rows[id_].side_of_id is None]
        shared = {row.id for row in here} if said.place.audience.shared else set[UUID]()
        known_in = shared | await self._known_in(connection, event, answered, customer.root)
        stitch = stitching.choose(
            [*answered, *(row for row in here if row.customer_id == customer.root or row.id in known_in)],
            latest, customer_id=customer.root, known_in=known_in, now=now(), window=window,
        )  # fmt: skip
        is_astray = stitch.thread is None and stitch.why is None and said.answers and not answered
        return replace(stitch, why=NOT_OURS) if is_astray else stitch

    async def _known_in(
        self, connection: Connection, event: m.MessageReceived, answered: list[Any], root: UUID
    ) -> set[UUID]:
        others = [row.id for row in answered if row.customer_id != root]
        if not others:
            return set()
        asked = _sender(event.data) | {"workspace": event.workspaceid, "threads": others}
        return {row.id for row in await (await connection.execute(KNOWN, asked)).fetchall()}

    async def _add(
        self,
        connection: Connection,
        event: m.MessageReceived,
        found: Found,
        stitch: stitching.Stitch,
        agent: AgentSettings,
        forwarded: forwarding.Forwarded | None,
    ) -> Any:
        """Returns the thread's row."""
        said, customer, unproven = event.data, found.customer, event.data.identities[0].trust == "asserted"
        joined = stitch.thread
        told: list[outbox.Told] = []
        overtaken = await _overtaken(connection, event, joined)
        company = await profiles.company_of(connection, event.workspaceid, customer.to_link)
        shown = profiles.Shown(customer.name, customer.email)
        if joined is None and not customer.is_new:
            shown = await profiles.shown(connection, customer.root)
        is_aside = joined is not None and said.machine in threads.QUIET
        mode, changes = await _agents_part(connection, said, joined, agent)
        async with together(connection) as writes:
            if found.was_stopped:
                await suppressions.hear(writes, event.workspaceid, said)
            if not (unproven and _is_anothers(joined, customer)):
                told += await _keep_customer(writes, event, customer, company)
            if not is_aside:
                changes |= _changes(event, customer, joined, needs_person=mode != "auto" and not said.automatic)
            opened = joined is None or (stitch.how == "reopened" and not is_aside)
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
            message = _message(event, row, home, sequence, position, said.name or customer.name, stitch)
            by = forwarded.by.id if forwarded else None
            await writes.execute(ADD_MESSAGE, [*_message_parameters(event, message, mode), by])
            if said.outside_ids and not _is_forged(said):
                await writes.execute(NAME, [event.workspaceid, said.channel.id, said.outside_ids, message.id, row.id])
            if not is_aside:
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
        return row

    async def _note(
        self, connection: Connection, event: m.MessageReceived, row: Any, forwarded: forwarding.Forwarded
    ) -> None:
        async with together(connection) as writes:
            id_ = ids.derived_id(event.id, "note")
            await replies.add(writes, row, forwarded.by, forwarded.note, None, [], id_, event.id, changes={})


def first_asked(event: m.MessageReceived) -> dict[str, Any]:
    """The parameters of `FIRST`."""
    said = event.data
    return _sender(said) | {
        "workspace": event.workspaceid, "event": event.id, "channel": said.channel.id, "place": place_key(said),
        "proven": suppressions.may_be_heard(said), "ids": said.outside_ids, "at": said.sent_at, "text": said.text,
        "attachments": len(said.attachments),
    }  # fmt: skip


def place_key(said: m.ReceivedMessage) -> str:
    """Whoever only claims an address does not stand where its owner stands: a false mail must not bend the way
    by which the owner is answered. A forged one bends nobody's.
    """
    if _is_forged(said):
        return f"{said.place.key} forged {sha256(said.external_id.encode()).hexdigest()[:16]}{NOT_PROVEN_PLACE}"
    return said.place.key if said.identities[0].trust == "verified" else said.place.key + NOT_PROVEN_PLACE


def _is_forged(said: m.ReceivedMessage) -> bool:
    return said.verdict == "forged"


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


def _machine(said: m.ReceivedMessage) -> m.Machine | None:
    return said.machine or ("notice" if said.automatic else None)


def _mode(said: m.ReceivedMessage, thread: Any | None, agent: AgentSettings) -> AgentMode:
    """What the agent does with it. It is asked for nothing that is unproven, a machine's, or empty."""
    if said.identities[0].trust == "asserted" or said.automatic or not (said.text or said.attachments):
        return "off"
    channel = modes.of_channel(agent, said.channel.id, said.channel.kind)
    if thread is None:
        return modes.on_thread(channel, "active", taken=False)
    return modes.on_thread(channel, thread.agent, taken=thread.assignee_id is not None)


async def _agents_part(
    connection: Connection, said: m.ReceivedMessage, thread: Any | None, agent: AgentSettings
) -> tuple[AgentMode, dict[str, Any]]:
    """What the agent does with it, and what that changes on the thread."""
    mode = _mode(said, thread, agent)
    if mode == "auto" and await _loops(connection, said, thread):
        return "off", _stop_the_agent(said)
    return mode, {}


async def _loops(connection: Connection, said: m.ReceivedMessage, thread: Any | None) -> bool:
    """Two desks may be answering each other. When they wrote is their word; when it came is ours."""
    own, since = said.identities[0], time.time_ns() // 1000 - LOOP_SECONDS * 1_000_000
    # Not by how much was said here: what was merged into it was said elsewhere.
    if thread is None or thread.last_position <= since or said.channel.kind not in MAY_LOOP:
        return False
    found = await connection.execute(LATELY, [thread.id, since, own.kind, own.value])
    return (await found.fetchall())[0].count >= LOOP_MESSAGES


def _stop_the_agent(said: m.ReceivedMessage) -> dict[str, Any]:
    return {
        "agent": "quiet", **threads.agent_set(m.Author(kind="system")), "handoff_reason": LOOP,
        "handoff_summary": said.text[: threads.PREVIEW], "handoff_at": now(),
    }  # fmt: skip


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
        "verdict": "forged" if thread is not None and thread.verdict == "forged" else said.verdict,
        "machine": _machine(said),
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
        reason = FORGED if _is_forged(said) else NOT_PROVEN
        changes |= {"handoff_reason": reason, "handoff_summary": said.text[: threads.PREVIEW], "handoff_at": now()}
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


def _as_a_guest(event: m.MessageReceived, stitch: stitching.Stitch, customer: who.Resolved) -> m.MessageReceived:
    """Whoever takes part in another's thread is alone with us at their place, and not the customer there: as in a place
    that others see, nothing of the customer is for them.
    """
    place, own = event.data.place, event.data.identities[0]
    if not _is_anothers(stitch.thread, customer) or place.audience.shared or own.trust == "asserted":
        return event
    aside = place.model_copy(update={"audience": m.Audience(shared=True, name=f"Email with {own.value}")})
    return event.model_copy(update={"data": event.data.model_copy(update={"place": aside})})


def _sender(said: m.ReceivedMessage) -> dict[str, str]:
    own = said.identities[0]
    return {"kind": own.kind, "value": own.value, "trust": own.trust}


def _message(
    event: m.MessageReceived,
    row: Any,
    home: UUID,
    sequence: int,
    position: int,
    name: str | None,
    stitch: stitching.Stitch,
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
        verdict=said.verdict,
        warnings=said.warnings,
        audience=said.place.audience,
        subject=said.subject,
        text=said.text,
        html=said.html,
        attachments=said.attachments,
        created_at=said.sent_at,
        client_id=said.external_id,
        machine=_machine(said),
        remarks=[*([stitch.why] if stitch.why else []), *said.remarks],
        may_belong_to=stitch.may_belong_to,
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
        said.place.audience.name, message.author.name, own.kind, own.value, own.trust, own.evidence, said.verdict,
        said.warnings, said.subject, said.text, said.html, attachments, said.external_id, message.client_id,
        said.sent_at, mode, is_thanks(said.text), Jsonb(message.remarks), message.may_belong_to, message.machine,
    ]  # fmt: skip
