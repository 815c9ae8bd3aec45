"""What a merge would do, before it is done."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from onethread.conversation import merging, profiles, who
from onethread.conversation.database import Connection

THREADS = """select t.id, t.status, t.subject, (select count(*) from message m where m.thread_id = t.id) as messages
    from thread t where t.customer_id = %s and t.merged_into_id is null order by t.updated_at desc limit 50"""
MESSAGES = """select count(*) as number from message m join customer c on c.id = m.customer_id where c.root_id = %s"""
APART = """select p.reason, p.by_name from apart p join customer a on a.id = p.a join customer b on b.id = p.b
    where (a.root_id, b.root_id) in ((%s, %s), (%s, %s))"""


async def of_merge(connection: Connection, kept_id: UUID, other_id: UUID) -> dict[str, Any]:
    """`{keeps, absorbs, identities, threads, messages, merges_threads, warnings}`. Raises a 404 problem."""
    kept = await profiles.read(connection, kept_id)
    other = await profiles.read(connection, other_id)
    has = await connection.execute(THREADS, [other["id"]])
    said = await (await connection.execute(MESSAGES, [other["id"]])).fetchone()
    pair = [await merging.open_thread(connection, one["id"]) for one in (kept, other)]
    return {
        "keeps": _shown(kept),
        "absorbs": _shown(other),
        "identities": other["identities"],
        "threads": [row._asdict() for row in await has.fetchall()],
        "messages": said.number if said else 0,
        "merges_threads": [row.id for row in pair if row] if all(pair) else None,
        "warnings": await _warnings(connection, kept, other),
    }


async def _warnings(connection: Connection, kept: dict[str, Any], other: dict[str, Any]) -> list[str]:
    if kept["id"] == other["id"]:
        return ["They are one customer already."]
    proven = [[(i["kind"], i["value"]) for i in one["identities"] if i["trust"] == "verified"] for one in (kept, other)]
    found = await connection.execute(APART, [kept["id"], other["id"], other["id"], kept["id"]])
    apart = [f"{row.by_name or 'A teammate'} keeps them apart: {row.reason}." for row in await found.fetchall()]
    unproven = [f"{i['value']} was never proven to be theirs." for i in other["identities"] if i["trust"] == "asserted"]
    return [*apart, *who.contradictions(*proven), *unproven]


def _shown(profile: dict[str, Any]) -> dict[str, Any]:
    return {name: profile[name] for name in ("id", "name", "email")}
