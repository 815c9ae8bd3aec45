"""A teammate approves what the agent wants to change for a customer: it is done once, and the customer is told."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any
from uuid import UUID

from onethread.contracts import messages as m
from onethread.contracts.ids import derived_id
from onethread.conversation import suppressions, threads, tool_customer, tool_log, tool_unended, tools
from onethread.conversation.access import Caller
from onethread.conversation.database import Connection, Database, together
from onethread.conversation.outbox import Relay
from onethread.conversation.proposed import PLACE, TellThread
from onethread.conversation.replies import add
from onethread.conversation.tool_calls import Plan, ToolCalls
from onethread.conversation.tool_sending import Sent
from onethread.runtime.errors import Problem

ANSWER_SECONDS = 6.0
"""A system may take longer than a request of ours: the teammate reads then that it is under way."""
STOP_SECONDS = 5.0


class Approvals:
    def __init__(
        self, database: Database, calls: ToolCalls, relay: Relay, tell: TellThread, *, agent_name: str,
        unseen_minutes: float = 0,
    ) -> None:  # fmt: skip
        self._database, self._calls, self._relay, self._tell = database, calls, relay, tell
        self._author, self._unseen_minutes = m.Author(kind="agent", name=agent_name), unseen_minutes
        self._under_way: set[asyncio.Task[None]] = set()

    async def approve(self, caller: Caller, id_: UUID) -> Any:
        """Does it, for whom it is then proven to be. Returns the call's row, `running` where it takes long; it goes on
        though nobody waits for it any more. Raises 404 and 409 problems.
        """
        async with self._database.transaction(caller.workspace) as connection:
            plan = await self._plan(connection, await tool_log.approve(connection, caller, id_))
        doing = asyncio.create_task(self._do(caller.workspace, plan))
        self._under_way.add(doing)
        doing.add_done_callback(self._under_way.discard)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(doing), ANSWER_SECONDS)
        return await self._row(caller.workspace, id_)

    async def decline(self, caller: Caller, id_: UUID) -> Any:
        """Nothing is done; what the customer is told is the teammate's to say. Raises 404 and 409 problems."""
        async with self._database.transaction(caller.workspace) as connection:
            await tool_log.decline(connection, caller, id_)
        return await self._told(caller.workspace, id_)

    async def checked(self, caller: Caller, id_: UUID, *, done: bool) -> Any:
        """Whether it was done is known now; the teammate tells the customer. Raises 404 and 409 problems."""
        async with self._database.transaction(caller.workspace) as connection:
            await tool_log.checked(connection, caller, id_, done=done)
        return await self._told(caller.workspace, id_)

    async def stop(self) -> None:
        """Gives what is under way a little time. What is cut off is found by its state."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=STOP_SECONDS)

    async def _plan(self, connection: Connection, call: Any) -> Plan:
        message = await tool_customer.asked_by(connection, call.workspace_id, call.message_id)
        row = await (await connection.execute(tools.ONE, [call.workspace_id, call.tool_id])).fetchone()
        if message is None or row is None or not row.active:
            raise Problem(409, "The tool or the customer is gone", "Nothing was done. Decline it.")
        who = await tool_customer.whose(connection, message)
        plan = Plan(row, tools.definition_of(row), message, call.arguments, who, call.id)
        if who is None or plan.bound != call.bound:
            detail = "Their identity or the tool changed since. Nothing was done. Decline it, and ask them for a proof."
            raise Problem(409, "It is no longer proven that this customer asked for it", detail)
        return plan

    async def _do(self, workspace: str, plan: Plan) -> None:
        sent = await self._calls.attempt(plan)
        async with self._database.transaction(workspace) as connection:
            await tool_log.end(connection, plan.id, plan.row.id, sent)
            await self._say(connection, plan, sent)
            await self._relay.notify(connection)
        self._relay.wake()
        await self._told(workspace, plan.id)

    async def _say(self, connection: Connection, plan: Plan, sent: Sent) -> None:
        """To the customer where they asked for it, and nowhere else; to teammates what the customer is not told."""
        message = plan.message
        thread_id = await tool_unended.thread_of(connection, message.id)
        row = await threads.lock(connection, message.workspace_id, thread_id)
        asked = [message.workspace_id, message.channel_id, message.place_key]
        place = await (await connection.execute(PLACE, asked)).fetchone()
        said = derived_id(plan.id, "said")
        if sent.outcome != "done" or place is None or place.shared:
            note = tool_unended.note_of(plan.tool.title, sent)
            await tool_unended.call_a_person(connection, row, self._author, note, said)
            return
        source = m.Source(title=plan.tool.title, document_id=f"tool:{plan.tool.name}", score=1.0)
        stopped = await suppressions.of_place(connection, message.workspace_id, place, automatic=True)
        async with together(connection) as writes:
            await add(
                writes, row, self._author, sent.text, place, [source], said, None,
                changes={"waiting_since": None}, unseen_minutes=self._unseen_minutes, stopped=stopped,
            )  # fmt: skip

    async def _told(self, workspace: str, id_: UUID) -> Any:
        row = await self._row(workspace, id_)
        await self._tell(workspace, row.thread_id)
        return row

    async def _row(self, workspace: str, id_: UUID) -> Any:
        async with self._database.transaction(workspace) as connection:
            [row] = await (await connection.execute(tool_log.ONE, [workspace, id_])).fetchall()
        return row
