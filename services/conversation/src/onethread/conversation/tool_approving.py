"""A teammate approves what the agent wants to change for a customer: it is done once, and the customer is told."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog

from onethread.contracts import messages as m
from onethread.contracts.ids import derived_id
from onethread.conversation import threads, tool_customer, tool_log, tools
from onethread.conversation.access import Caller
from onethread.conversation.database import Connection, Database, together
from onethread.conversation.outbox import Relay
from onethread.conversation.proposed import PLACE, TellThread
from onethread.conversation.replies import add
from onethread.conversation.tool_calls import Plan, ToolCalls
from onethread.conversation.tool_sending import Sent
from onethread.runtime.errors import Problem

log = structlog.get_logger()


class Approvals:
    def __init__(
        self, database: Database, calls: ToolCalls, relay: Relay, tell: TellThread, *, agent_name: str,
        unseen_minutes: float = 0,
    ) -> None:  # fmt: skip
        self._database, self._calls, self._relay, self._tell = database, calls, relay, tell
        self._author, self._unseen_minutes = m.Author(kind="agent", name=agent_name), unseen_minutes

    async def approve(self, caller: Caller, id_: UUID) -> Any:
        """Does it, for whom it is then proven to be. Returns the call's row. Raises 404 and 409 problems."""
        async with self._database.transaction(caller.workspace) as connection:
            plan = await self._plan(connection, await tool_log.take(connection, caller, id_, "running"))
        sent = await self._calls.attempt(plan)
        return await self._settled(caller.workspace, plan, sent)

    async def decline(self, caller: Caller, id_: UUID) -> Any:
        """Nothing is done; what the customer is told is the teammate's to say. Raises 404 and 409 problems."""
        async with self._database.transaction(caller.workspace) as connection:
            await tool_log.take(connection, caller, id_, "declined")
            [row] = await (await connection.execute(tool_log.ONE, [caller.workspace, id_])).fetchall()
        await self._tell(caller.workspace, row.thread_id)
        return row

    async def _plan(self, connection: Connection, call: Any) -> Plan:
        message = await tool_customer.asked_by(connection, call.workspace_id, call.message_id)
        row = await (await connection.execute(tools.ONE, [call.workspace_id, call.tool_id])).fetchone()
        if message is None or row is None or not row.active:
            raise Problem(409, "The tool or the customer is gone", "Nothing was done. Decline it.")
        home = message.customer_id
        who = await tool_customer.whose(connection, message) or await tool_customer.of_home(connection, home)
        return Plan(row, tools.definition_of(row), message, call.arguments, who, call.id)

    async def _settled(self, workspace: str, plan: Plan, sent: Sent) -> Any:
        async with self._database.transaction(workspace) as connection:
            await tool_log.end(connection, plan.id, plan.row.id, sent)
            if sent.outcome == "done":
                await self._say(connection, plan, sent)
            [row] = await (await connection.execute(tool_log.ONE, [workspace, plan.id])).fetchall()
            await self._relay.notify(connection)
        self._relay.wake()
        await self._tell(workspace, row.thread_id)
        return row

    async def _say(self, connection: Connection, plan: Plan, sent: Sent) -> None:
        """Where the customer asked for it, and nowhere else."""
        message = plan.message
        row = await threads.lock(connection, message.workspace_id, message.thread_id)
        asked = [message.workspace_id, message.channel_id, message.place_key]
        place = await (await connection.execute(PLACE, asked)).fetchone()
        if place is None or place.shared:
            log.warning("tool.nobody_told", thread=str(row.id))
            return
        source = m.Source(title=plan.tool.title, document_id=f"tool:{plan.tool.name}", score=1.0)
        async with together(connection) as writes:
            await add(
                writes, row, self._author, sent.text, place, [source], derived_id(plan.id, "said"), None,
                changes={"waiting_since": None}, unseen_minutes=self._unseen_minutes,
            )  # fmt: skip
