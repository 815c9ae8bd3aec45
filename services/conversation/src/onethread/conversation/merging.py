"""Two customers are found to be one, or turn out not to be: an edge of the graph is made, or cut.

Nothing that came in is rewritten. Identities, messages and places keep their home; what follows from the graph (whose
thread it is, which thread a message stands in) is brought in line with it, in both directions by the same code.
The caller of each function has the graph alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from onethread.contracts import customers, ids
from onethread.contracts.messages import Author
from onethread.conversation import acts, audit, graph, outbox, profiles, settling, threads, who
from onethread.conversation.database import Connection
from onethread.runtime.errors import Problem
from onethread.runtime.telemetry import traceparent

How = Literal["proof", "teammate"]

ROOTS = "update customer set root_id = %s, version = version + 1 where root_id = %s"
OPEN = """select * from thread where customer_id = %s and status <> 'closed' and merged_into_id is null
        and side_of_id is null
    order by updated_at desc limit 1 for no key update"""
ACT = """insert into act (id, workspace_id, kind, how, reason, customer_id, other_id, by_id, by_name, journal,
        created_at)
    values (%s, %s, 'merge', %s, %s, %s, %s, %s, %s, %s, clock_timestamp())"""
JOURNAL = "update act set journal = %s where id = %s"
CUT = """update act set undone_at = now(), undone_by_name = %s
    where id = %s and kind = 'merge' and undone_at is null returning *"""
SPLIT_ROOT = "update customer set root_id = %s, version = version + 1 where id = any(%s)"
LEADER = """select id from customer where id = any(%s)
    order by (id in (%s::uuid, %s::uuid)) desc, created_at, id limit 1"""
FIND = """select a.id from act a join customer c on c.id = a.customer_id join customer o on o.id = a.other_id
    where a.kind = 'merge' and (c.root_id = %(root)s or o.root_id = %(root)s)
        and (a.id = %(act)s or (%(act)s::uuid is null and a.undone_at is null
            and (%(other)s::uuid is null or %(other)s in (a.customer_id, a.other_id))))
    order by a.created_at desc limit 1"""
SIBLINGS = """select o.customer_id from identity i join customer c on c.id = i.customer_id
    join customer x on x.root_id = c.root_id join identity o on o.customer_id = x.id where i.id = %s"""
SET_APART = """insert into apart (a, b, workspace_id, reason, by_name, created_at)
    values (least(%(a)s::uuid, %(b)s), greatest(%(a)s::uuid, %(b)s), %(workspace)s, %(reason)s, %(by)s, now())
    on conflict do nothing"""
TOGETHER_AGAIN = """delete from apart p using customer a, customer b
    where p.a = a.id and p.b = b.id and a.root_id = b.root_id and a.root_id = %s"""


@dataclass(frozen=True)
class Edge:
    """The homes that a merge joins, `kept` on the side whose root stays."""

    kept: UUID
    absorbed: UUID


async def merge(
    connection: Connection,
    workspace: str,
    kept: UUID,
    absorbed: UUID,
    *,
    how: How,
    reason: str,
    edge: Edge | None = None,
    by: Author | None = None,
    cause: UUID | None = None,
) -> UUID:
    """Joins the cluster of the root `absorbed` to that of the root `kept`; their latest open threads become one.

    `edge` says which homes the proof joins; a teammate joins the two that they see. Returns the act's id.
    """
    edge = edge or Edge(kept, absorbed)
    act = ids.derived_id(cause, f"merged {absorbed}") if cause else uuid4()
    ours, theirs = await open_thread(connection, kept), await open_thread(connection, absorbed)
    await connection.execute(ROOTS, [kept, absorbed])
    author = [by.id, by.name] if by else [None, None]
    journal: dict[str, Any] = {"kept": str(kept), "absorbed": str(absorbed)}
    await connection.execute(ACT, [act, workspace, how, reason, edge.kept, edge.absorbed, *author, Jsonb(journal)])
    await connection.execute(TOGETHER_AGAIN, [kept])
    await profiles.own_threads(connection, [kept])
    if ours and theirs:
        journal["threads"] = await acts.join_threads(connection, ours.id, theirs.id, workspace, act_id=act, by=by)
        await connection.execute(JOURNAL, [Jsonb(journal), act])
    await audit.record(connection, by, "customer.merged", kept, {"other": str(absorbed), "how": how, "act": str(act)})
    change = customers.CustomerChange(
        customer=await profiles.contract(connection, kept), other_customer_id=absorbed, how=how, reason=reason,
        act_id=act, by=by,
    )  # fmt: skip
    await _tell(connection, customers.CustomerMerged, workspace, kept, change, ids.derived_id(act, "merged"), cause)
    return act


async def unmerge(
    connection: Connection, workspace: str, act_id: UUID, by: Author, reason: str, window: timedelta
) -> tuple[UUID, UUID]:
    """Cuts the edge that the act made. Each message stands again in the timeline of whom it came in as; what was said
    since goes to the thread it would have joined. Returns the roots of both sides, the one that stayed root first.

    The two are kept apart for the `reason`. A teammate who takes back their own merge without one says nothing about
    them; a proof would only merge them again. Raises 404 and 409 problems.
    """
    act = await (await connection.execute(CUT, [by.name, act_id])).fetchone()
    if act is None:
        raise await _why_not(connection, act_id)
    stays, leaves = await _part(connection, act)
    if unproven := act.journal.get("identity"):  # it left when its address was proven
        await connection.execute(who.INSERT_IDENTITY, unproven)
    await profiles.own_threads(connection, [stays, leaves])
    if journal := act.journal.get("threads"):
        await acts.part_threads(connection, journal, act_id=act_id, by=by)
    await settling.settle(connection, workspace, [stays, leaves], act_id=act_id, by=by, window=window)
    if reason or act.how == "proof":
        await set_apart(connection, workspace, act.customer_id, act.other_id, reason or "parted by a teammate", by)
    await audit.record(connection, by, "customer.unmerged", stays, {"other": str(leaves), "act": str(act_id)})
    change = customers.CustomerChange(
        customer=await profiles.contract(connection, stays), other_customer_id=leaves, reason=reason, act_id=act_id,
        by=by,
    )  # fmt: skip
    id_ = ids.derived_id(act_id, "unmerged")
    await _tell(connection, customers.CustomerUnmerged, workspace, stays, change, id_, None)
    await profiles.tell_updated(connection, workspace, leaves, by)
    return stays, leaves


async def find(connection: Connection, root: UUID, act_id: UUID | None, other_id: UUID | None) -> UUID:
    """The merge within the cluster of `root` that is meant: by its act, by who was merged, else the latest one.

    Raises a 404 problem.
    """
    found = await connection.execute(FIND, {"root": root, "act": act_id, "other": other_id})
    row = await found.fetchone()
    if row is None:
        raise Problem(404, "There is no such merge of this customer")
    return row.id


async def open_thread(connection: Connection, root: UUID) -> Any | None:
    """The latest open thread of a cluster, which a merge joins to the other's."""
    return await (await connection.execute(OPEN, [root])).fetchone()


async def customer_of_lone(connection: Connection, identity_id: UUID) -> UUID:
    """The customer of an identity that is all that is known of them. Raises 404 and 409 problems."""
    rows = await (await connection.execute(SIBLINGS, [identity_id])).fetchall()
    if not rows:
        raise Problem(404, "There is no such identity")
    if len(rows) > 1:
        what = "It belongs to a customer of whom more is known. Merge the customers, or unlink it there first."
        raise Problem(409, "This identity is somebody's", what)
    return rows[0].customer_id


async def set_apart(connection: Connection, workspace: str, one: UUID, other: UUID, reason: str, by: Author) -> None:
    """A teammate's word that two customers are not one person."""
    apart = {"a": one, "b": other, "workspace": workspace, "reason": reason, "by": by.name}
    await connection.execute(SET_APART, apart)


async def _part(connection: Connection, act: Any) -> tuple[UUID, UUID]:
    """Gives each side of the cut edge its root: the one that it has, or had when the edge was made."""
    root = await graph.root_of(connection, act.customer_id)
    sides = [await graph.connected(connection, act.customer_id), await graph.connected(connection, act.other_id)]
    leaving = next(side for side in sides if root not in side)
    former = [act.journal.get("kept"), act.journal.get("absorbed")]
    [leader] = await (await connection.execute(LEADER, [leaving, *former])).fetchall()
    await connection.execute(SPLIT_ROOT, [leader.id, leaving])
    return root, leader.id


async def _why_not(connection: Connection, act_id: UUID) -> Problem:
    row = await (await connection.execute("select * from act where id = %s and kind = 'merge'", [act_id])).fetchone()
    return Problem(404, "There is no such merge") if row is None else acts.was_undone(row)


async def _tell(
    connection: Connection,
    kind: type[customers.CustomerMerged | customers.CustomerUnmerged],
    workspace: str,
    root: UUID,
    change: customers.CustomerChange,
    event_id: UUID,
    cause: UUID | None,
) -> None:
    event = kind(
        id=event_id, source=threads.SOURCE, subject=str(root), workspaceid=workspace, customerid=root,
        causationid=cause, traceparent=traceparent(), data=change,
    )  # fmt: skip
    await outbox.record(connection, (event, ()))
