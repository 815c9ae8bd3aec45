"""Who a customer may also be, for teammates to judge: never acted on by itself."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from onethread.contracts.messages import Identity
from onethread.conversation.database import Connection
from onethread.conversation.likeness import likeness_key, same_person_hints

ALIKE = """with ours as (
        select i.kind, i.value, i.trust, i.likeness from identity i join customer c on c.id = i.customer_id
            where c.root_id = %(root)s
        union all
        select l.kind, l.value, 'claimed', l.likeness from claim l join customer c on c.id = l.customer_id
            where c.root_id = %(root)s),
    theirs as (
        select o.workspace_id, o.kind, o.value, o.trust, o.likeness, o.customer_id from identity o
        union all
        select l.workspace_id, l.kind, l.value, 'claimed', l.likeness, l.customer_id from claim l)
    select c.root_id, ours.kind, ours.value as our_value, ours.trust as our_trust, theirs.value, theirs.trust
    from ours join theirs on theirs.workspace_id = %(workspace)s and theirs.kind = ours.kind
        and theirs.likeness = ours.likeness
    join customer c on c.id = theirs.customer_id
    where c.root_id <> %(root)s and ours.kind <> 'visitor' and 'verified' in (ours.trust, theirs.trust)
    order by c.root_id, ours.value <> theirs.value limit 100"""
NOTED = """select o.root_id, s.reason from suggestion s
    join customer c on c.id = s.customer_id join customer o on o.id = s.other_id
    where c.root_id = %(root)s and o.root_id <> %(root)s
    union
    select c.root_id, s.reason from suggestion s
    join customer c on c.id = s.customer_id join customer o on o.id = s.other_id
    where o.root_id = %(root)s and c.root_id <> %(root)s"""
APART = """select o.root_id from customer c join apart p on c.id in (p.a, p.b)
    join customer o on o.id in (p.a, p.b) and o.id <> c.id where c.root_id = %(root)s"""
NAMES = "select id, name, email from customer where id = any(%s) and erased_at is null order by created_at, id"
INSERT = """insert into suggestion (customer_id, other_id, workspace_id, reason, created_at)
    select %s, id, workspace_id, %s, now() from customer where id = %s and id <> %s
    on conflict (customer_id, other_id) do update set reason = excluded.reason"""
CLAIM = """insert into claim (customer_id, kind, value, workspace_id, evidence, likeness, created_at)
    values (%s, %s, %s, %s, %s, %s, now()) on conflict do nothing"""
SHOWN = 20


async def of(connection: Connection, workspace: str, root: UUID) -> list[dict[str, Any]]:
    """`{id, name, email, reason}` of whom the cluster of `root` may also be, without those set apart from it."""
    asked = {"root": root, "workspace": workspace}
    noted = await connection.execute(NOTED, asked)
    alike = await connection.execute(ALIKE, asked)
    apart = await connection.execute(APART, asked)
    reasons: dict[UUID, str] = {}
    for row in await alike.fetchall():
        if reason := _reason(row):
            reasons.setdefault(row.root_id, reason)
    reasons |= {row.root_id: row.reason for row in await noted.fetchall()}
    wanted = reasons.keys() - {row.root_id for row in await apart.fetchall()}
    named = await connection.execute(NAMES, [list(wanted)])
    return [one._asdict() | {"reason": reasons[one.id]} for one in (await named.fetchall())[:SHOWN]]


async def note(connection: Connection, home: UUID, other: UUID, reason: str) -> None:
    """Keeps what a message hinted at and was not done by itself."""
    await connection.execute(INSERT, [home, reason, other, home])


async def claim(connection: Connection, workspace: str, home: UUID, said: list[Identity]) -> None:
    """Keeps what a customer says about themself, so that a teammate sees it and proof can be asked for."""
    for one in said:
        await connection.execute(
            CLAIM, [home, one.kind, one.value, workspace, one.evidence, likeness(one.kind, one.value)]
        )


def likeness(kind: str, value: str) -> str:
    """Equal for identities of one kind that are worth comparing."""
    return likeness_key(value) if kind == "email" else value


def _reason(row: Any) -> str | None:
    trusts = {row.our_trust, row.trust}
    unproven = {"claimed": "says so in the chat", "asserted": "the sender was not proven"}
    doubt = next((words for trust, words in unproven.items() if trust in trusts), None)
    hint = same_person_hints(row.our_value, row.value) if row.kind == "email" else f"Both use {row.value}."
    return hint and (f"{hint} Not proven: {doubt}." if doubt else hint)
