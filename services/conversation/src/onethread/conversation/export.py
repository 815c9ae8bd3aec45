"""Everything that is kept about one customer, as JSON, piece by piece, so that much of it does not fill the memory.

Notes are in it, marked as such: what teammates wrote about somebody is about them.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from onethread.contracts.envelope import now
from onethread.conversation import profiles, proposals, snapshot, threads
from onethread.conversation.replies import message_contract

CLUSTER = "(select id from customer where root_id = %(root)s)"
THREADS = "select * from thread where customer_id = %(root)s order by created_at, id"
MESSAGES = """select m.* from message m where m.thread_id in (select id from thread where customer_id = %(root)s)
    order by m.position"""
ELSEWHERE = f"""select m.* from message m join identity i on i.customer_id in {CLUSTER}
        and i.kind = m.identity_kind and i.value = m.identity_value and i.trust = m.identity_trust
    where not m.thread_id in (select id from thread where customer_id = %(root)s) order by m.position"""  # noqa: S608
PLACES = f"""select channel_id, channel_kind, key, name, shared, route from place where customer_id in {CLUSTER}
    order by channel_id, key"""  # noqa: S608
ACTS = f"""select id, kind, how, reason, customer_id, other_id, thread_id, other_thread_id, by_name, created_at,
        undone_at from act where customer_id in {CLUSTER} or other_id in {CLUSTER}
        or thread_id in (select id from thread where customer_id = %(root)s) order by created_at, id"""  # noqa: S608
PROOFS = f"""select p.value, p.created_at, p.used_at, p.proven from proof p where p.customer_id in {CLUSTER}
    or exists (select from identity i where i.customer_id in {CLUSTER}
        and (p.value = i.value or p.claimant = i.kind || ' ' || i.value)) order by p.created_at"""  # noqa: S608
AUDIT = """select at, by_kind, by_name, action, target, detail from audit
    where target in (select id::text from customer where root_id = %(root)s
        union all select id::text from thread where customer_id = %(root)s) order by position"""
PROPOSALS = f"""{proposals.SHOWN} where q.thread_id in (select id from thread where customer_id = %(root)s)
    order by q.position, p.created_at"""  # noqa: S608 names of ours
TOOL_CALLS = f"""select c.id, c.title, c.message_id, c.state, c.arguments, c.bound, c.reason, c.by_name, c.created_at,
        c.settled_at from tool_call c join message q on q.id = c.message_id
    where q.thread_id in (select id from thread where customer_id = %(root)s) or q.customer_id in {CLUSTER}
    order by c.created_at, c.id"""  # noqa: S608
_JSON = TypeAdapter(Any)


def _thread(row: Any) -> dict[str, Any]:
    return threads.contract(row).model_dump(mode="json") | {"subject": row.subject}


def _message(row: Any) -> dict[str, Any]:
    return message_contract(row).model_dump(mode="json")


def _as_it_is(row: Any) -> dict[str, Any]:
    return _JSON.dump_python(row._asdict(), mode="json")


def _proposal(row: Any) -> dict[str, Any]:
    return proposals.shown(row).model_dump(mode="json")


SECTIONS: dict[str, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    "threads": (THREADS, _thread),
    "messages": (MESSAGES, _message),
    "messages_in_threads_of_others": (ELSEWHERE, _message),
    "proposals": (PROPOSALS, _proposal),
    "tool_calls": (TOOL_CALLS, _as_it_is),
    "places": (PLACES, _as_it_is),
    "acts": (ACTS, _as_it_is),
    "proofs": (PROOFS, _as_it_is),
    "audit": (AUDIT, _as_it_is),
}


async def export(url: str, workspace: str, root: UUID) -> AsyncIterator[str]:
    """The text of a JSON object: `exported_at`, `customer` and a list for each of `SECTIONS`."""
    async with snapshot.of_workspace(url, workspace) as connection:
        customer = _JSON.dump_python(await profiles.read(connection, root), mode="json")
        yield f'{{"exported_at": {json.dumps(now().isoformat())}, "customer": {json.dumps(customer)}'
        for name, (query, shape) in SECTIONS.items():
            yield f',\n"{name}": ['
            comma = ""
            async for row in snapshot.rows(connection, query, {"root": root}):
                yield f"{comma}\n{json.dumps(shape(row))}"
                comma = ","
            yield "]"
        yield "}\n"
