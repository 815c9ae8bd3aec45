"""Two customers are found to be one: an edge of the graph, which can be cut again."""

from __future__ import annotations

from typing import Literal
from uuid import UUID, uuid4

from onethread.contracts import customers, ids
from onethread.contracts.messages import Author
from onethread.conversation import outbox, threads
from onethread.conversation.database import Connection
from onethread.runtime.telemetry import traceparent

How = Literal["proof", "teammate"]

EDGE = "update customer set merged_into_id = %s where id = %s"
ROOTS = "update customer set root_id = %s where root_id = %s"
THREADS = "update thread set customer_id = %s where customer_id = %s"
ACT = """insert into act (id, workspace_id, kind, how, reason, customer_id, other_id, by_id, by_name, journal,
        created_at)
    values (%s, %s, 'merge', %s, %s, %s, %s, %s, %s, '{}', now())"""


async def merge(
    connection: Connection,
    workspace: str,
    kept: UUID,
    absorbed: UUID,
    *,
    how: How,
    reason: str,
    by: Author | None = None,
    cause: UUID | None = None,
) -> UUID:
    """Joins the root `absorbed` to the root `kept`. The caller has the graph alone. Returns the act's id."""
    act = ids.derived_id(cause, f"merged {absorbed}") if cause else uuid4()
    await connection.execute(EDGE, [kept, absorbed])
    await connection.execute(ROOTS, [kept, absorbed])
    await connection.execute(THREADS, [kept, absorbed])
    author = [by.id, by.name] if by else [None, None]
    await connection.execute(ACT, [act, workspace, how, reason, kept, absorbed, *author])
    change = customers.CustomerChange(
        customer=customers.Customer(id=kept), other_customer_id=absorbed, how=how, reason=reason, act_id=act, by=by
    )
    event = customers.CustomerMerged(
        id=ids.derived_id(act, "merged"), source=threads.SOURCE, subject=str(kept), workspaceid=workspace,
        customerid=kept, causationid=cause, traceparent=traceparent(), data=change,
    )  # fmt: skip
    await outbox.record(connection, (event, ()))
    return act
