"""Calls of tools that nobody ended: a change of which it is not known whether it was made, and one that waited too long
for a teammate. Nothing is done a second time or late; a person takes the thread up.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from onethread.contracts import messages as m
from onethread.contracts.envelope import now
from onethread.contracts.ids import derived_id
from onethread.conversation import audit, changes, graph, threads, tool_log
from onethread.conversation.database import Connection, Database, together
from onethread.conversation.outbox import Relay
from onethread.conversation.proposed import TellThread
from onethread.conversation.replies import add
from onethread.conversation.tool_sending import Sent

UNHEARD = "interval '2 minutes'"
"""Longer than a tool may take, its name's address and the wait for a free worker included."""
NEXT_CUT_OFF = f"""select min(began_at) + {UNHEARD} from tool_call
    where workspace_id = %(workspace)s and state = 'running'"""  # noqa: S608 SQL of ours
CUT_OFF = f"""select id from tool_call where workspace_id = %(workspace)s and state = 'running'
    and began_at <= now() - {UNHEARD} limit 64"""  # noqa: S608
NEXT_TOO_OLD = f"""select min(created_at) + {tool_log.WAITS} from tool_call
    where workspace_id = %(workspace)s and state = 'waits'"""  # noqa: S608
TOO_OLD = f"""select id from tool_call where workspace_id = %(workspace)s and state = 'waits'
    and created_at <= now() - {tool_log.WAITS} limit 64"""  # noqa: S608
HELD = "(select id from tool_call where id = %s and state = '{}' for update skip locked)"
LEAVE = f"""update tool_call set state = case when writes then 'unclear' else 'failed' end, settled_at = now(),
        reason = 'our service ended before an answer came', bound = '{{}}'
    where id = {HELD.format("running")} returning *"""  # noqa: S608
WITHDRAW = f"""update tool_call set state = 'withdrawn', settled_at = now(), arguments = '{{}}', bound = '{{}}',
        reason = 'No teammate approved it in time'
    where id = {HELD.format("waits")} returning *"""  # noqa: S608
ASKED = "select thread_id from message where id = %s"

UNKNOWN = (
    "**It is not known whether this was done:** what the AI was to change in {title} ({reason}). It is not tried "
    "again. Look in that system, mark it above the reply, and tell the customer."
)
NOT_DONE = (
    "**Not done:** what the AI was to change in {title} ({reason}). The customer was told nothing of it: write to them."
)
LATE = (
    "**Nobody approved in time** what the AI was to change in {title}, so it is withdrawn. Nothing was done, and the "
    "customer still waits: write to them."
)
TOLD_NOBODY = (
    "**Done in {title}, but the customer was not told:** where they asked, others read along now, or nothing can be "
    "sent there. Write to them."
)


class Unended:
    def __init__(self, database: Database, relay: Relay, tell: TellThread, *, agent_name: str) -> None:
        self._database, self._relay, self._tell = database, relay, tell
        self._author = m.Author(kind="agent", name=agent_name)

    async def leave(self, workspace: str, due: Any) -> None:
        """Whoever made the call did not live to hear the answer."""
        await self._end(workspace, due.id, LEAVE, UNKNOWN, "tool.left_unclear")

    async def withdraw(self, workspace: str, due: Any) -> None:
        await self._end(workspace, due.id, WITHDRAW, LATE, "tool.withdrawn")

    async def _end(self, workspace: str, id_: UUID, how: Any, says: str, action: str) -> None:
        async with self._database.transaction(workspace) as connection:
            await connection.execute(graph.SHARED, [workspace])
            call = await (await connection.execute(how, [id_])).fetchone()
            if call is None or not call.writes:
                return
            thread_id = await thread_of(connection, call.message_id)
            row = await threads.lock(connection, workspace, thread_id)
            note = says.format(title=call.title, reason=call.reason)
            await call_a_person(connection, row, self._author, note, derived_id(id_, action))
            await audit.record(connection, None, action, call.tool_id, {"call": str(id_)})
            await self._relay.notify(connection)
        self._relay.wake()
        await self._tell(workspace, thread_id)


async def thread_of(connection: Connection, message_id: UUID) -> UUID:
    """Where the message is now: it may have been moved since it was said."""
    [asked] = await (await connection.execute(ASKED, [message_id])).fetchall()
    return asked.thread_id


def note_of(title: str, sent: Sent) -> str:
    """What teammates read of a call that its customer is not told of."""
    says = {"done": TOLD_NOBODY, "unclear": UNKNOWN}.get(sent.outcome, NOT_DONE)
    return says.format(title=title, reason=sent.reason or "the system knows no such thing")


async def call_a_person(connection: Connection, row: Any, author: m.Author, note: str, note_id: UUID) -> None:
    """A note in a locked thread, which waits for a person from now on."""
    async with together(connection) as writes:
        row, _ = await add(writes, row, author, note, None, [], note_id, None, changes={})
    wanted = {"status": "open", "snoozed_until": None, "closed_at": None, "waiting_since": row.waiting_since or now()}
    different = {name: value for name, value in wanted.items() if value != getattr(row, name)}
    if different:
        await changes.save(connection, row, different, None)
