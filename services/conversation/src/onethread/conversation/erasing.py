"""Erases a customer: at once in the tables, then in the log and on the bus (`forgetting.py`).

What stays are ids, numbers and moments, so that counts still hold: a customer without a name, threads and messages
without words. The same person is somebody new when they write again.
"""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from onethread.contracts import customers as c
from onethread.contracts import ids
from onethread.contracts import threads as t
from onethread.contracts.envelope import now
from onethread.contracts.messages import Author
from onethread.conversation import audit, graph, outbox, profiles, threads
from onethread.conversation.database import Connection
from onethread.conversation.redacting import Traces

IDS_AN_EVENT = 10_000
"""The bus takes a megabyte an event."""

HOMES = "select id from customer where root_id = %s"
THREADS = "select id from thread where customer_id = %s"
IDENTITIES = "select kind, value, trust from identity where customer_id = any(%s)"
GUEST = """select m.id, m.thread_id, m.text from message m
    join unnest(%s::text[], %s::text[], %s::text[]) as i(kind, value, trust)
        on m.identity_kind = i.kind and m.identity_value = i.value and m.identity_trust = i.trust
    where m.workspace_id = %s and not m.thread_id = any(%s)"""
OTHERS = """select x.customer_id, x.kind, x.value, x.is_identity from unnest(%s::text[], %s::text[]) as i(kind, value)
    join (select customer_id, kind, value, true as is_identity from identity
        union all select customer_id, kind, value, false from claim) x on x.kind = i.kind and x.value = i.value
    where not x.customer_id = any(%s)"""
UNFINISHED = "select * from erasure where done_at is null order by created_at"
BEGIN = "insert into erasure (customer_id, workspace_id, traces, created_at) values (%s, %s, %s, now())"
STATE = """select c.root_id, e.done_at is not null as is_done from customer c
    join erasure e on e.customer_id = c.root_id where c.id = %s"""
DONE = "update erasure set traces = '{}', done_at = now() where customer_id = %s"

MESSAGES = """update message set subject = null, text = '', html = null, attachments = '[]', sources = '[]',
        author_name = case when author_kind <> 'customer' then author_name end, identity_kind = null,
        identity_value = null, identity_trust = null, identity_evidence = null, warnings = '{}',
        audience_name = null,
        place_key = null, external_id = null, client_id = null, delivery_reason = null, retry_at = null,
        mail_at = null, feedback = feedback - 'comment', remarks = '[]', may_belong_to = null,
        delivery_state = case when delivery_state in ('queued', 'retrying') then 'failed' else delivery_state end
    where thread_id = any(%s) or id = any(%s) returning id, mail_id"""
BLANK_THREADS = """update thread set customer_name = null, customer_email = null, topic = null, subject = null,
        place_key = null, last_text = left(last_text, 0), handoff_reason = left(handoff_reason, 0),
        handoff_summary = left(handoff_summary, 0),
        last_author_name = case when last_author_kind <> 'customer' then last_author_name end
    where id = any(%s)"""
OPEN = "select * from thread where id = any(%s) and status <> 'closed' for no key update"
GUEST_LAST = """update thread set last_text = '', last_author_name = null
    where id = any(%s) and last_author_kind = 'customer' and last_text = any(%s)"""
GUEST_HANDOFF = "update thread set handoff_summary = '' where id = any(%s) and handoff_summary = any(%s)"
OTHER_PLACES = "select * from place where workspace_id = %s and (route::text ilike any(%s) or name ilike any(%s))"
PLACE = "update place set route = %s, name = %s where workspace_id = %s and channel_id = %s and key = %s"
GUEST_ACTS = "select id, journal from act where thread_id = any(%s) or other_thread_id = any(%s)"
JOURNAL = "update act set journal = %s where id = %s"
GONE = (
    """update proposal set text = '', sources = '[]', reason = '', summary = '', suggested_reply = '', tags = '{}',
        place_key = null, compare_at = null, evidence = null where question_id = any(%(messages)s)""",
    "delete from bench_question where message_ids && %(messages)s::uuid[]",
    "delete from tool_call where message_id = any(%(messages)s)",
    "delete from place where customer_id = any(%(customers)s) or thread_id = any(%(threads)s)",
    "delete from outside_id where thread_id = any(%(threads)s) or message_id = any(%(messages)s)",
    """delete from idempotency where message_id = any(%(messages)s) or exists (
            select from jsonb_each_text(answer) one
                where one.value = any((%(customers)s::uuid[] || %(threads)s::uuid[])::text[]))""",
    """delete from participant p where thread_id = any(%(threads)s) or exists (
            select from identity i where i.customer_id = any(%(customers)s) and i.kind = 'email' and i.value = p.value)
    """,
    "delete from pending_reply where thread_id = any(%(threads)s)",
    """delete from file f where message_id = any(%(messages)s) or (thread_id = any(%(threads)s)
            and not exists (select from message m where m.id = f.message_id))""",
    """delete from proof p where p.customer_id = any(%(customers)s) or exists (
            select from identity i where i.customer_id = any(%(customers)s)
                and (p.value = i.value or p.claimant = i.kind || ' ' || i.value))
        or exists (select from claim l where l.customer_id = any(%(customers)s) and p.value = l.value)""",
    "delete from claim where customer_id = any(%(customers)s)",
    "delete from suggestion where customer_id = any(%(customers)s) or other_id = any(%(customers)s)",
    "delete from apart where a = any(%(customers)s) or b = any(%(customers)s)",
    """delete from suppression s using identity i
        where i.customer_id = any(%(customers)s) and i.kind = 'email' and s.address = i.value""",
    "delete from identity where customer_id = any(%(customers)s)",
    """update act set reason = '', journal = '{}', undone_at = coalesce(undone_at, now())
        where customer_id = any(%(customers)s) or other_id = any(%(customers)s)
            or thread_id = any(%(threads)s) or other_thread_id = any(%(threads)s)""",
    """update customer set name = null, email = null, language = null, time_zone = null, attributes = '{}',
        company_id = null, erased_at = now(), version = version + 1 where id = any(%(customers)s)""",
    "delete from company o where not exists (select from customer c where c.company_id = o.id)",
)
MAY_COME_LATER = 5
"""So many of them are for what may still come in."""


async def erase(connection: Connection, workspace: str, customer_id: UUID, by: Author, caller: Any) -> list[UUID]:
    """Erases the cluster of the customer from the tables. A repeat changes nothing. Raises a 404 problem.

    Returns other customers who say that an address of theirs is their own, and whom this leaves as they are.
    """
    await connection.execute(graph.ALONE, [workspace])
    root = await profiles.lock_root(connection, workspace, customer_id)
    if root.erased_at:
        return []
    traces = await _traces(connection, workspace, root.id)
    blanked = await _blank(connection, traces)
    traces = await _leave_other_threads(connection, workspace, traces, blanked)
    asked = {name: list(getattr(traces, name)) for name in ("customers", "threads", "messages")}
    for statement in GONE:
        await connection.execute(statement, asked)
    await _close(connection, traces, by)
    await connection.execute(BEGIN, [root.id, workspace, Jsonb(traces.to_json())])
    await _tell(connection, workspace, root.id, sorted(traces.messages), by)
    await audit.record(connection, caller, "customer.erased", root.id)
    return sorted(traces.others)


async def state(connection: Connection, customer_id: UUID) -> tuple[UUID, Literal["erasing", "erased"]]:
    """Of a customer of an erased cluster: who stood for it, and how far it is."""
    [row] = await (await connection.execute(STATE, [customer_id])).fetchall()
    return row.root_id, "erased" if row.is_done else "erasing"


async def unfinished(connection: Connection) -> list[tuple[UUID, Traces]]:
    """Customers whose traces are still to be looked for."""
    rows = await (await connection.execute(UNFINISHED)).fetchall()
    return [(row.customer_id, Traces.from_json(row.traces)) for row in rows]


async def finish(connection: Connection, customer_id: UUID, traces: Traces) -> None:
    """Takes out what came in meanwhile (the outcome of a delivery tells where it went; a request that was under way
    keeps its key), and forgets the traces.
    """
    asked = {name: list(getattr(traces, name)) for name in ("customers", "threads", "messages")}
    for statement in GONE[:MAY_COME_LATER]:
        await connection.execute(statement, asked)
    await connection.execute(MESSAGES, [asked["threads"], asked["messages"]])
    await connection.execute(DONE, [customer_id])


async def _traces(connection: Connection, workspace: str, root: UUID) -> Traces:
    homes = [row.id for row in await (await connection.execute(HOMES, [root])).fetchall()]
    theirs = [row.id for row in await (await connection.execute(THREADS, [root])).fetchall()]
    known = await (await connection.execute(IDENTITIES, [homes])).fetchall()
    kinds, values, trusts = ([getattr(one, name) for one in known] for name in ("kind", "value", "trust"))
    guest = await (await connection.execute(GUEST, [kinds, values, trusts, workspace, theirs])).fetchall()
    others = await (await connection.execute(OTHERS, [kinds, values, homes])).fetchall()
    shared = {(one.kind, one.value) for one in others if one.is_identity}
    return Traces(
        customers=frozenset(homes),
        threads=frozenset(theirs),
        messages=frozenset(row.id for row in guest),
        guest_in=frozenset(row.thread_id for row in guest),
        others=frozenset(one.customer_id for one in others),
        identities=tuple(sorted({(one.kind, one.value) for one in known} - shared)),
        said=tuple(sorted({row.text[: threads.PREVIEW] for row in guest if row.text})),
    )


async def _blank(connection: Connection, traces: Traces) -> set[UUID]:
    """Takes the words out of messages and threads. Returns the ids of the messages, and of mails made of them."""
    cursor = await connection.execute(MESSAGES, [list(traces.threads), list(traces.messages)])
    blanked = {id_ for row in await cursor.fetchall() for id_ in row if id_}
    await connection.execute(BLANK_THREADS, [list(traces.threads)])
    return blanked


async def _leave_other_threads(connection: Connection, workspace: str, traces: Traces, blanked: set[UUID]) -> Traces:
    """Takes them out of what other people's rows say; returns the traces with all messages."""
    guest_in, said = list(traces.guest_in), list(traces.said)
    await connection.execute(GUEST_LAST, [guest_in, said])
    await connection.execute(GUEST_HANDOFF, [guest_in, said])
    named = traces.patterns
    for row in await (await connection.execute(OTHER_PLACES, [workspace, named, named])).fetchall():
        kept = [Jsonb(traces.take_out(row.route)), row.name and traces.take_out(row.name)]
        await connection.execute(PLACE, [*kept, workspace, row.channel_id, row.key])
    for row in await (await connection.execute(GUEST_ACTS, [guest_in, guest_in])).fetchall():
        await connection.execute(JOURNAL, [Jsonb(traces.take_out(row.journal)), row.id])
    return traces.with_messages(blanked)


async def _close(connection: Connection, traces: Traces, by: Author) -> None:
    """Nobody waits in them any more."""
    for row in await (await connection.execute(OPEN, [list(traces.threads)])).fetchall():
        closed = await threads.save(
            connection, row, status="closed", closed_at=now(), waiting_since=None, snoozed_until=None,
            sequence=row.sequence + 1, version=row.version + 1,
        )  # fmt: skip
        head = threads.envelope(closed, ids.derived_id(closed.id, "erased"), closed.sequence, None)
        head["traceparent"] = None
        event = t.ThreadClosed(**head, data=t.ThreadChange(thread=threads.contract(closed), by=by))
        await outbox.record(connection, (event, ()))


async def _tell(connection: Connection, workspace: str, root: UUID, message_ids: list[UUID], by: Author) -> None:
    profile = await profiles.contract(connection, root)
    for start in range(0, max(len(message_ids), 1), IDS_AN_EVENT):
        part = message_ids[start : start + IDS_AN_EVENT]
        event = c.CustomerErased(
            id=ids.derived_id(root, f"erased {start}"), source=threads.SOURCE, subject=str(root),
            workspaceid=workspace, customerid=root, data=c.Erasure(customer=profile, erased_message_ids=part, by=by),
        )  # fmt: skip
        await outbox.record(connection, (event, ()))
