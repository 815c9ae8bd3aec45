"""A thread that a teammate began for an address: its owner, who answers from there proven, is its customer.

What we wrote went to that address alone, and nobody else has spoken as its owner in that thread.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from onethread.contracts import messages as m
from onethread.conversation import who
from onethread.conversation.database import Connection

VOUCHED = """select h.id as home, h.name as home_name, r.id as root, r.name from thread t
    join customer h on h.id = t.home_id join customer r on r.id = h.root_id
    join identity i on i.customer_id = h.id and i.kind = 'email' and i.value = %(value)s and i.trust = 'asserted'
    where t.workspace_id = %(workspace)s and t.id = any(%(threads)s) and r.id <> %(root)s
        and exists (select from message x where x.thread_id = t.id and x.author_kind = 'teammate' and not x.note)
        and not exists (
            select from message x where x.thread_id = t.id and x.author_kind = 'customer' and x.forwarded_by is null)
        and not exists (select from apart p where (p.a, p.b) in ((h.id, %(home)s), (%(home)s, h.id)))
    limit 1"""
RELEASE = """delete from identity where workspace_id = %s and kind = 'email' and value = %s and trust = 'asserted'
    returning *"""
JOURNAL = "update act set journal = journal || %s where id = %s"


async def joined(
    connection: Connection, event: m.MessageReceived, customer: who.Resolved, answered: list[UUID]
) -> who.Resolved:
    """The customer, one with whom the thread was begun for where that is so."""
    own = event.data.identities[0]
    if own.kind != "email" or own.trust != "verified" or not answered:
        return customer
    asked = {
        "workspace": event.workspaceid, "threads": answered, "value": own.value, "root": customer.root,
        "home": customer.home,
    }  # fmt: skip
    begun = await (await connection.execute(VOUCHED, asked)).fetchone()
    if begun is None:
        return customer
    if customer.is_new:
        name = begun.name or begun.home_name or customer.name
        return replace(
            customer, home=begun.home, root=begun.root, name=name, is_new=False, learned=True, vouched=begun.root,
            learned_name=event.data.name, learned_email=own.value,
        )  # fmt: skip
    reason = f"They answered from {own.value}, where a teammate had written to."
    merge = who.Merge(begun.root, reason, customer.home, begun.home)
    return replace(customer, merge=[*customer.merge, merge], vouched=begun.root)


async def release(connection: Connection, event: m.MessageReceived) -> Any:
    """The claim is over: whoever claims the address after this is again somebody else."""
    return await (await connection.execute(RELEASE, [event.workspaceid, event.data.identities[0].value])).fetchone()


async def keep(connection: Connection, released: Any, act: UUID) -> None:
    """So that taking the merge back gives the claim back."""
    row = released
    values = [row.id, row.workspace_id, row.kind, row.value, row.trust, row.evidence, row.likeness, row.customer_id]
    await connection.execute(JOURNAL, [Jsonb({"identity": [str(one) for one in values]}), act])
