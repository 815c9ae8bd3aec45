"""The calls of tools: which wait, which were attempted, and what came of them.

Of what was asked only what somebody waits for is kept, of what was answered nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from onethread.conversation import audit
from onethread.conversation.access import Caller
from onethread.conversation.database import Connection
from onethread.conversation.isolation import WORKSPACE
from onethread.conversation.tool_sending import Sent
from onethread.runtime.errors import Problem

if TYPE_CHECKING:
    from onethread.conversation.tool_calls import Plan

OLD = "delete from tool_call where workspace_id = %s and created_at < now() - interval '90 days'"
WAITS_NO_MORE = """delete from tool_call c using message q where q.id = c.message_id and c.state = 'code'
    and (q.thread_id = %s or c.created_at < now() - interval '15 minutes') and c.workspace_id = %s"""
TOO_MANY = """select count(*) filter (where c.message_id = %(message)s) as here, count(*) as recent
    from tool_call c join message q on q.id = c.message_id
    where c.workspace_id = %(workspace)s and c.created_at > now() - interval '1 hour' and c.state <> 'code'
        and q.customer_id = %(customer)s"""
ADD = """insert into tool_call (id, workspace_id, tool_id, title, message_id, writes, arguments, bound, proof_id, state,
        reason, created_at, began_at)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, '', now(), case when %s = 'running' then now() end)
    on conflict (id) do nothing returning id"""
CODE = """select c.*, p.value, d.name from tool_call c join message q on q.id = c.message_id
    join proof p on p.id = c.proof_id join tool d on d.id = c.tool_id
    where c.workspace_id = %s and c.state = 'code' and q.thread_id = %s and q.place_key is not distinct from %s
    order by c.created_at desc limit 1"""
OVER = "delete from tool_call where id = %s and state = 'code'"
END = """update tool_call set state = %(state)s::text, reason = %(reason)s, status = %(status)s,
        milliseconds = %(milliseconds)s, bound = '{}', settled_at = now(),
        arguments = case when %(state)s::text = 'unclear' then arguments else '{}' end
    where id = %(id)s and state in ('running', 'unclear')"""
SHOWN = """select c.*, q.thread_id, d.definition, q.customer_id from tool_call c join message q on q.id = c.message_id
    left join tool d on d.id = c.tool_id where c.workspace_id = %s"""
ONE = f"{SHOWN} and c.id = %s"
OF_THREAD = f"{SHOWN} and q.thread_id = %s order by c.created_at desc limit 50"
LATEST = f"{SHOWN} and c.tool_id = %s order by c.created_at desc limit 50"
WAITS = f"""interval '1 hour' * coalesce((select (settings ->> 'approval_hours')::int from workspace
    where id = current_setting('{WORKSPACE}')), 24)"""  # noqa: S608 names of ours
"""For so long an approval may be given: later, the customer has long helped themselves."""
APPROVE = f"""update tool_call set state = 'running', by_id = %s, by_name = %s, began_at = now()
    where id = %s and state = 'waits' and created_at > now() - {WAITS} returning *"""  # noqa: S608
DECLINE = """update tool_call set state = 'declined', by_id = %s, by_name = %s, settled_at = now(), arguments = '{}',
        bound = '{}'
    where id = %s and state = 'waits' returning *"""
CHECKED = """update tool_call set state = %s, by_id = %s, by_name = %s, settled_at = now(), arguments = '{}',
        reason = 'It was not known whether it was done; somebody looked'
    where id = %s and state = 'unclear' returning *"""


async def too_many(connection: Connection, message: Any, in_one: int, an_hour: int) -> bool:
    asked = {"message": message.id, "workspace": message.workspace_id, "customer": message.customer_id}
    [row] = await (await connection.execute(TOO_MANY, asked)).fetchall()
    return row.here >= in_one or row.recent >= an_hour


async def begin(connection: Connection, plan: Plan) -> bool:
    """False: it was attempted before. Of a write it is kept what it is until it is known whether it was done."""
    await connection.execute(OLD, [plan.message.workspace_id])
    return await _add(connection, plan, "running", kept=plan.tool.access == "writes")


async def wait_for_approval(connection: Connection, plan: Plan) -> None:
    """Asked for again, it goes on waiting."""
    await _add(connection, plan, "waits", kept=True)


async def wait_for_code(connection: Connection, plan: Plan, proof_id: UUID | None) -> None:
    """One a thread: the latest."""
    await connection.execute(WAITS_NO_MORE, [plan.message.thread_id, plan.message.workspace_id])
    await _add(connection, plan, "code", kept=True, proof_id=proof_id, id_=uuid4())


async def _add(
    connection: Connection, plan: Plan, state: str, *,
    kept: bool = False, proof_id: UUID | None = None, id_: UUID | None = None,
) -> bool:  # fmt: skip
    own = [id_ or plan.id, plan.message.workspace_id, plan.row.id, plan.tool.title, plan.message.id]
    arguments, bound = Jsonb(dict(plan.arguments) if kept else {}), Jsonb(plan.bound if state == "waits" else {})
    asked = [*own, plan.tool.access == "writes", arguments, bound, proof_id, state, state]
    return await (await connection.execute(ADD, asked)).fetchone() is not None


async def waiting_for_code(connection: Connection, message: Any) -> Any | None:
    asked = [message.workspace_id, message.thread_id, message.place_key]
    return await (await connection.execute(CODE, asked)).fetchone()


async def over(connection: Connection, id_: UUID) -> None:
    await connection.execute(OVER, [id_])


async def end(connection: Connection, id_: UUID, tool_id: UUID, sent: Sent) -> None:
    ended = {"state": sent.outcome, "reason": sent.reason[:300], "status": sent.status, "id": id_}
    await connection.execute(END, ended | {"milliseconds": sent.milliseconds})
    await audit.record(connection, None, "tool.called", tool_id, {"call": str(id_), "outcome": sent.outcome})


async def approve(connection: Connection, caller: Caller, id_: UUID) -> Any:
    """A call that waited, and runs now. Raises 404 and 409 problems."""
    return await _take(connection, caller, id_, APPROVE, [], "tool.approved")


async def decline(connection: Connection, caller: Caller, id_: UUID) -> Any:
    """Raises 404 and 409 problems."""
    return await _take(connection, caller, id_, DECLINE, [], "tool.declined")


async def checked(connection: Connection, caller: Caller, id_: UUID, *, done: bool) -> Any:
    """A teammate looked whether a call was done of which it was not known. Raises 404 and 409 problems."""
    found, action = ("done", "tool.found_done") if done else ("failed", "tool.found_not_done")
    return await _take(connection, caller, id_, CHECKED, [found], action)


async def _take(
    connection: Connection, caller: Caller, id_: UUID, how: LiteralString, values: list[Any], action: str
) -> Any:
    by = caller.author
    row = await (await connection.execute(how, [*values, by.id, by.name, id_])).fetchone()
    if row is None:
        raise await _was_taken(connection, caller, id_)
    await audit.record(connection, caller, action, row.tool_id, {"call": str(id_)})
    return row


async def _was_taken(connection: Connection, caller: Caller, id_: UUID) -> Problem:
    """Says who was quicker."""
    found = await (await connection.execute(ONE, [caller.workspace, id_])).fetchone()
    if found is None:
        return Problem(404, "There is no such call")
    if found.state in ("waits", "withdrawn"):
        detail = "Nothing was done. If the customer still wants it, let them ask again."
        return Problem(409, "This waited too long and is withdrawn", detail, state="withdrawn")
    did = {"declined": "declined", "unclear": "approved"}.get(found.state, "settled")
    title = f"{found.by_name or 'Somebody'} has {did} this already"
    return Problem(409, title, "Nothing was done a second time.", state=found.state)


async def of_thread(connection: Connection, workspace: str, thread_id: UUID) -> Sequence[Any]:
    return await (await connection.execute(OF_THREAD, [workspace, thread_id])).fetchall()


async def latest(connection: Connection, workspace: str, tool_id: UUID) -> Sequence[Any]:
    return await (await connection.execute(LATEST, [workspace, tool_id])).fetchall()
