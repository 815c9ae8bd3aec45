"""Carries out what the agent asks of a tool.

Who the customer is, what may be asked and what may be said is decided here, where the identities and the secrets are:
a model that was talked into something has nothing to decide.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import structlog
from prometheus_client import Counter

from onethread.contracts import tools as t
from onethread.contracts.ids import derived_id
from onethread.conversation import tool_customer, tool_log, tool_request, tools
from onethread.conversation.database import Connection, Database
from onethread.conversation.proofs import Proofs
from onethread.conversation.proofs_api import masked
from onethread.conversation.sealing import Seal
from onethread.conversation.tool_customer import Whose
from onethread.conversation.tool_request import UnfitError
from onethread.conversation.tool_sending import Sent, send
from onethread.conversation.tools import Definition
from onethread.runtime.fetching import Guard

log = structlog.get_logger()
CALLS = Counter("onethread_tool_calls_total", "What the agent asked of tools, by what came of it", ["outcome"])
Tell = Callable[[str, UUID], Awaitable[None]]
UNKNOWN = t.ToolResult(outcome="unknown")
UNPROVEN = "The customer has not proven who they are; ask them for a proof"
UNASKED = "The agent changes nothing for a customer whom it does not answer itself"
"""What is written for teammates, or for the report, does nothing that a customer would notice."""
MOST_AN_HOUR = 30
"""Calls for one customer."""


@dataclass(frozen=True)
class Plan:
    """A call that may be made: the row of its tool, for whom, and with what."""

    row: Any
    tool: Definition
    message: Any
    arguments: Mapping[str, Any]
    who: Whose | None
    id: UUID

    @property
    def unbound(self) -> list[str]:
        """What the tool needs to know of this customer and nobody knows."""
        return [one for one, value in self.bound.items() if value is None]

    @property
    def _needed(self) -> list[str]:
        return sorted({*self.tool.bindings.values(), *([self.tool.owner.is_] if self.tool.owner else [])})

    @property
    def bound(self) -> dict[str, str | None]:
        """What the call is for this customer by."""
        return {one: self.who.value(one) if self.who else None for one in self._needed}

    def ends(self, outcome: t.Outcome, reason: str = "", **more: Any) -> t.ToolResult:
        return t.ToolResult(outcome=outcome, tool=self.tool.name, title=self.tool.title, reason=reason, **more)


class ToolCalls:
    def __init__(self, database: Database, proofs: Proofs, seal: Seal, guard: Guard, tell: Tell) -> None:
        self._database, self._proofs, self._seal, self._guard, self._tell = database, proofs, seal, guard, tell

    async def __call__(self, question: t.CallTool) -> t.ToolResult:
        """Answers `svc.conversation.tool`."""
        result = await self._answer(question)
        CALLS.labels(result.outcome).inc()
        log.info("tool.asked", tool=result.tool, outcome=result.outcome, message=str(question.message_id))
        return result

    async def _answer(self, question: t.CallTool) -> t.ToolResult:
        async with self._database.transaction(question.workspace) as connection:
            message = await tool_customer.asked_by(connection, question.workspace, question.message_id)
            if message is None:
                return UNKNOWN
            waiting = await tool_log.waiting_for_code(connection, message) if question.code is not None else None
            planned = UNKNOWN
            if question.code is None:
                planned = await self._named(connection, question, message)
        if waiting is not None:
            return await self._typed(message, waiting, question.code or "")
        return await self._carry_out(planned)

    # Deciding

    async def _named(self, connection: Connection, question: t.CallTool, message: Any) -> Plan | t.ToolResult:
        row = await (await connection.execute(tools.NAMED, [question.workspace, question.tool])).fetchone()
        return await self._plan(connection, row, message, question.arguments) if row else UNKNOWN

    async def _plan(
        self, connection: Connection, row: Any, message: Any, arguments: Mapping[str, Any], proven: Whose | None = None
    ) -> Plan | t.ToolResult:
        """A plan without `who` waits for the customer to prove who they are."""
        tool = tools.definition_of(row)
        own = {name: value for name, value in arguments.items() if name not in tool.bindings}
        who = proven or await tool_customer.whose(connection, message)
        plan = Plan(row, tool, message, own, who, _id_of(row, message, own))
        if tool.identified and message.shared:
            return plan.ends("private", "Others see the place where the customer asks")
        if lacking := tool_request.missing(tool.parameters, own):
            return plan.ends("missing", missing=lacking)
        try:
            tool_request.check_arguments(tool.parameters, own)
        except UnfitError as error:
            return plan.ends("failed", f"What was asked of it does not fit: {error}")
        if await tool_log.too_many(connection, message, t.MOST_CALLS, MOST_AN_HOUR):
            return plan.ends("failed", "It was asked too often for this customer")
        return plan

    async def _carry_out(self, plan: Plan | t.ToolResult) -> t.ToolResult:
        if isinstance(plan, t.ToolResult):
            return plan
        unproven = plan.tool.identified and (plan.who is None or "email" in plan.unbound)
        if (unproven or plan.tool.access == "writes") and plan.message.agent_mode != "auto":
            return plan.ends("failed", UNPROVEN if unproven else UNASKED)
        if unproven:
            return await self._mail_code(plan)
        if plan.unbound:
            return plan.ends("failed", f"This customer has no {', '.join(plan.unbound)}")
        if plan.tool.access == "writes" and plan.tool.approval:
            return await self._propose(plan)
        return await self._run(plan)

    # Proving

    async def _mail_code(self, plan: Plan) -> t.ToolResult:
        workspace = plan.message.workspace_id
        async with self._database.transaction(workspace) as connection:
            claim, address = await tool_customer.claim_of(connection, plan.message)
        if address is None:
            return plan.ends("address")
        started = await self._proofs.mail_code(workspace, claim, address)
        if not started.sent:
            return plan.ends("failed", f"No code could be mailed: {started.reason}")
        async with self._database.transaction(workspace) as connection:
            await tool_log.wait_for_code(connection, plan, started.proof_id)
        return plan.ends("code", address=masked(address))

    async def _typed(self, message: Any, waiting: Any, code: str) -> t.ToolResult:
        """The code was typed where the question was asked: the call goes on for whom it proves."""
        workspace = message.workspace_id
        async with self._database.transaction(workspace) as connection:
            claim, _ = await tool_customer.claim_of(connection, message)
        tried = await self._proofs.try_by(workspace, waiting.proof_id, [claim.claimant], code)
        if not tried.proven:
            head = {"tool": waiting.name, "title": waiting.title, "reason": tried.reason}
            return t.ToolResult(outcome="wrong_code" if tried.left else "failed", **head)
        async with self._database.transaction(workspace) as connection:
            row = await (await connection.execute(tools.ONE, [workspace, waiting.tool_id])).fetchone()
            who = await tool_customer.of_home(connection, message.customer_id, ("email", waiting.value))
            await tool_log.over(connection, waiting.id)
            if row is None or not row.active or who is None or who.value("email") != waiting.value:
                return UNKNOWN
            planned = await self._plan(connection, row, message, waiting.arguments, who)
        return await self._carry_out(planned)

    # Running

    async def _propose(self, plan: Plan) -> t.ToolResult:
        async with self._database.transaction(plan.message.workspace_id) as connection:
            await tool_log.wait_for_approval(connection, plan)
        await self._tell(plan.message.workspace_id, plan.message.thread_id)
        wants = f"{plan.tool.name.replace('_', ' ')}, in {plan.tool.title}"
        return plan.ends("waits", f"The customer wants to: {wants}. Approve or decline it")

    async def _run(self, plan: Plan) -> t.ToolResult:
        """Recorded before the attempt, so that a write is attempted once."""
        async with self._database.transaction(plan.message.workspace_id) as connection:
            if not await tool_log.begin(connection, plan):
                return plan.ends("failed", "It was asked for already; the log of the tool says what came of it")
        sent = await self.attempt(plan)
        async with self._database.transaction(plan.message.workspace_id) as connection:
            await tool_log.end(connection, plan.id, plan.row.id, sent)
        reason = f"{plan.tool.title}: {sent.reason}" if sent.reason else ""
        if sent.outcome == "unclear":
            return plan.ends("failed", f"{reason}. It is not known whether it was done: look there, and mark it")
        return plan.ends(sent.outcome, reason, text=sent.text, fields=dict(sent.fields))

    async def attempt(self, plan: Plan) -> Sent:
        try:
            secret = self._seal.open(f"tool {plan.row.id}", plan.row.secrets)
        except ValueError as error:
            return Sent("failed", reason=f"its secret headers cannot be opened: {error}")
        return await send(self._guard, plan.tool, secret, plan.arguments, plan.who, plan.id)


def _id_of(row: Any, message: Any, arguments: Mapping[str, Any]) -> UUID:
    """The same write for the same message is one call; each reading is another."""
    if row.definition.get("access") != "writes":
        return uuid4()
    said = " ".join(f"{name}={arguments[name]!r}" for name in sorted(arguments))
    return derived_id(message.id, f"tool {row.id} {said}")
