"""The graph of customers: merges are its edges, and who is connected is one person.

Messages that come in share the workspace's graph. A merge, a split or a move has it alone, so that nobody adds to a
thread or a customer while it is being rearranged. Take it first, before any other lock.
"""

from __future__ import annotations

from uuid import UUID

from onethread.conversation.database import Connection

SHARED = "select pg_advisory_xact_lock_shared(hashtextextended(%s, 2))"
ALONE = "select pg_advisory_xact_lock(hashtextextended(%s, 2))"

REACHED = """with recursive reached(id) as (
        select %(from)s::uuid
        union
        select edge.id from reached cross join lateral (
            select other_id as id, how from act where customer_id = reached.id and kind = 'merge' and undone_at is null
            union all
            select customer_id, how from act where other_id = reached.id and kind = 'merge' and undone_at is null
        ) edge where edge.how = any(%(how)s))
    select id from reached"""


async def root_of(connection: Connection, customer_id: UUID) -> UUID:
    """Who stands for the cluster of a customer that exists."""
    found = await connection.execute("select root_id from customer where id = %s", [customer_id])
    [row] = await found.fetchall()
    return row.root_id


async def proven(connection: Connection, home: UUID) -> list[UUID]:
    """The homes that proof joins to `home`, itself among them.

    Only these may be shown to its customer, and only their addresses may be written to on its behalf: a teammate's
    link joins timelines for teammates, it opens nothing to the outside.
    """
    return await _reached(connection, home, ["proof"])


async def connected(connection: Connection, home: UUID) -> list[UUID]:
    """The homes of the whole cluster, found along its edges."""
    return await _reached(connection, home, ["proof", "teammate"])


async def _reached(connection: Connection, home: UUID, how: list[str]) -> list[UUID]:
    found = await connection.execute(REACHED, {"from": home, "how": how})
    return [row.id for row in await found.fetchall()]
