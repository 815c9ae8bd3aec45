"""An identity turns out to be somebody else's: it gets a customer of its own, with or without what was said by it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from onethread.contracts import customers, ids
from onethread.contracts import threads as t
from onethread.contracts.messages import Author, Identity
from onethread.conversation import audit, graph, merging, outbox, profiles, settling, threads, who
from onethread.conversation.database import Connection
from onethread.runtime.errors import Problem
from onethread.runtime.telemetry import traceparent

IDENTITY = """select i.*, c.root_id, (select count(*) from identity o join customer x on x.id = o.customer_id
        where x.root_id = c.root_id) as siblings
    from identity i join customer c on c.id = i.customer_id where i.id = %s"""
REHOME = "update identity set customer_id = %s where id = %s"
ACT = """insert into act (id, workspace_id, kind, how, reason, customer_id, other_id, by_id, by_name, journal,
        created_at)
    values (%s, %s, 'unlink', 'teammate', %s, %s, %s, %s, %s, %s, clock_timestamp())"""
PLACES = """update place p set customer_id = %(new)s where p.customer_id = %(home)s and (
        select m.identity_kind = %(kind)s and m.identity_value = %(value)s and m.identity_trust = %(trust)s
        from message m where m.channel_id = p.channel_id and m.place_key = p.key and m.author_kind = 'customer'
        order by position desc limit 1)
    returning p.channel_id, p.key"""
MESSAGES = """update message m set customer_id = %(new)s where m.customer_id = %(home)s and not m.note and (
        (m.identity_kind = %(kind)s and m.identity_value = %(value)s and m.identity_trust = %(trust)s)
        or (m.author_kind <> 'customer' and exists (
            select from unnest(%(channels)s::text[], %(keys)s::text[]) as p(channel, key)
            where p.channel = m.channel_id and p.key = m.place_key)))
    returning m.id"""
MESSAGES_BACK = "update message set customer_id = %(home)s where customer_id = %(new)s returning id"
BACK = (
    "update place set customer_id = %(home)s where customer_id = %(new)s",
    "update identity set customer_id = %(home)s where customer_id = %(new)s",
    "delete from apart where %(new)s in (a, b)",
)
THREADS_BACK = "select * from thread where home_id = %s for no key update"
UNDONE = "update act set undone_at = now(), undone_by_name = %s where id = %s"


async def unlink(
    connection: Connection,
    workspace: str,
    root: UUID,
    identity_id: UUID,
    by: Author,
    *,
    keep_messages: bool,
    window: timedelta,
) -> tuple[UUID, UUID]:
    """Gives an identity of `root`'s cluster a customer of its own. Returns the act and the new customer. The caller has
    the graph alone.

    With `keep_messages` what was said by it so far stays where it is: a recycled address was once truly theirs.
    Raises 404 and 409 problems.
    """
    row = await (await connection.execute(IDENTITY, [identity_id])).fetchone()
    if row is None or row.root_id != root:
        raise Problem(404, "There is no such identity of this customer")
    if row.siblings == 1:
        raise Problem(409, "This is all that is known of the customer", "There is nothing to separate it from.")
    act, new = uuid4(), uuid4()
    email = row.value if row.kind == "email" and row.trust == "verified" else None
    await connection.execute(who.INSERT_CUSTOMER, [new, workspace, new, None, email, None])
    await connection.execute(REHOME, [new, identity_id])
    journal = {"home": str(row.customer_id), "new": str(new), "identity": str(identity_id)}
    reason = f"{row.kind} {row.value} is somebody else's"
    await connection.execute(ACT, [act, workspace, reason, row.root_id, new, by.id, by.name, Jsonb(journal)])
    taken = [] if keep_messages else await _take_messages(connection, row, new)
    await merging.set_apart(connection, workspace, row.root_id, new, reason, by)
    await _tell(connection, workspace, row, new, act, by, taken)
    await profiles.own_threads(connection, [row.root_id, new])
    await profiles.tell_updated(connection, workspace, new, by)
    await settling.settle(connection, workspace, [row.root_id, new], act_id=act, by=by, window=window)
    await audit.record(connection, by, "customer.identity_unlinked", row.root_id, {"new": str(new), "act": str(act)})
    return act, new


async def relink(connection: Connection, workspace: str, act: Any, by: Author, window: timedelta) -> None:
    """Undoes an unlink: the identity, and all that its customer was given since, is the former customer's again.

    Raises a 409 problem where that customer was found to be somebody's meanwhile.
    """
    homes = {"home": UUID(act.journal["home"]), "new": UUID(act.journal["new"])}
    if len(await graph.connected(connection, homes["new"])) > 1:
        detail = "Nothing was changed. The identity's own customer was merged since: undo that first."
        raise Problem(409, "This cannot be undone now", detail)
    moved = await (await connection.execute(MESSAGES_BACK, homes)).fetchall()
    for statement in BACK:
        await connection.execute(statement, homes)
    await _take_threads_back(connection, homes, act.id, by)
    await connection.execute(UNDONE, [by.name, act.id])
    root = await graph.root_of(connection, homes["home"])
    await profiles.own_threads(connection, [root])
    await settling.settle(connection, workspace, [root], act_id=ids.derived_id(act.id, "undo"), by=by, window=window)
    await audit.record(connection, by, "customer.identity_linked", root, {"act": str(act.id)})
    await profiles.tell_updated(connection, workspace, root, by, homes["home"], [one.id for one in moved])
    await profiles.tell_updated(connection, workspace, homes["new"], by)


async def _take_threads_back(connection: Connection, homes: dict[str, UUID], act_id: UUID, by: Author) -> None:
    for row in await (await connection.execute(THREADS_BACK, [homes["new"]])).fetchall():
        sequence = row.sequence + 1
        taken = await threads.save(connection, row, home_id=homes["home"], sequence=sequence, version=row.version + 1)
        head = threads.envelope(taken, ids.derived_id(act_id, f"taken back {row.id}"), sequence, None)
        change = t.ThreadChange(thread=threads.contract(taken), by=by, act_id=act_id)
        await outbox.record(connection, (t.ThreadUpdated(**head, data=change), ()))


async def _take_messages(connection: Connection, row: Any, new: UUID) -> list[UUID]:
    """What was said by it, and what was answered at its places, is its own customer's. Returns which messages."""
    asked: dict[str, Any] = {
        "new": new, "home": row.customer_id, "kind": row.kind, "value": row.value, "trust": row.trust,
    }  # fmt: skip
    places = await (await connection.execute(PLACES, asked)).fetchall()
    asked |= {"channels": [one.channel_id for one in places], "keys": [one.key for one in places]}
    return [one.id for one in await (await connection.execute(MESSAGES, asked)).fetchall()]


async def _tell(
    connection: Connection, workspace: str, row: Any, new: UUID, act: UUID, by: Author, taken: list[UUID]
) -> None:
    identity = Identity(kind=row.kind, value=row.value, trust=row.trust, evidence=row.evidence)
    change = customers.CustomerChange(
        customer=await profiles.contract(connection, row.root_id), identity=identity, other_customer_id=new,
        act_id=act, by=by, message_ids=taken,
    )  # fmt: skip
    event = customers.CustomerIdentityUnlinked(
        id=ids.derived_id(act, "unlinked"), source=threads.SOURCE, subject=str(row.root_id), workspaceid=workspace,
        customerid=row.root_id, traceparent=traceparent(), data=change,
    )  # fmt: skip
    await outbox.record(connection, (event, ()))
