"""REST: the agent's tools, what they did, and what waits for a teammate."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from onethread.conversation import audit, etags, queries, tool_customer, tool_log, tool_request, tools
from onethread.conversation.access import ADMINISTRATION, CallerDep
from onethread.conversation.admin_api import DatabaseDep
from onethread.conversation.etags import IfMatchDep
from onethread.conversation.once import OnceDep
from onethread.conversation.tool_approving import Approvals
from onethread.conversation.tool_calls import Plan
from onethread.conversation.tools import Definition, NewTool, ToolPatch
from onethread.runtime.errors import Problem

router = APIRouter(prefix="/api/v1/agent/tools", tags=[ADMINISTRATION])
calls_router = APIRouter(prefix="/api/v1", tags=["proposals"])
"""For every teammate."""


class ToolView(Definition):
    id: UUID
    active: bool
    secret_header_names: list[str] = Field(description="Their values are never shown.")
    version: int
    created_at: datetime


class Tools(BaseModel):
    items: list[ToolView]
    next: None = None


class Call(BaseModel):
    """One call. `wants` says in words what waits for a teammate; nothing of it is kept afterwards."""

    id: UUID
    tool_id: UUID
    title: str
    thread_id: UUID
    message_id: UUID
    state: str = Field(
        description="`code`, `waits`, `running`, `done`, `nothing`, `failed`, `declined`, `withdrawn` (nobody approved "
        "it in time) or `unclear` (it is not known whether it was done; a teammate looks, and says so)."
    )
    wants: str = Field(examples=["cancel_order: order number 1042"])
    reason: str
    status: int | None = Field(description="Of HTTP.")
    milliseconds: int | None
    by: str | None = Field(description="Who approved or declined it, or looked whether it was done.")
    created_at: AwareDatetime
    settled_at: AwareDatetime | None


class Calls(BaseModel):
    items: list[Call]
    next: None = None


class Checked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    done: bool = Field(description="Whether the system shows that it was done.")


class Try(BaseModel):
    model_config = ConfigDict(extra="forbid")

    customer_id: UUID = Field(description="As this customer, by what is proven of them.")
    arguments: dict[str, Any] = Field(default_factory=dict[str, Any], examples=[{"order": "1042"}])


class Tried(BaseModel):
    outcome: str = Field(examples=["done"], description="`done`, `nothing` or `failed`.")
    text: str = Field(examples=["Your order 1042 is packed."])
    fields: dict[str, str]
    reason: str
    status: int | None
    milliseconds: int


@router.get("")
async def list_tools(request: Request, caller: CallerDep, database: DatabaseDep) -> Tools:
    async with database.transaction(caller.workspace) as connection:
        found = await tools.all_of(connection, caller.workspace)
    return Tools(items=[_shown(request, row) for row in found])


@router.post("", status_code=201)
async def create_tool(
    new: NewTool,
    request: Request, caller: CallerDep, database: DatabaseDep, once: OnceDep,
) -> ToolView:  # fmt: skip
    """The agent knows it within seconds."""
    state = request.app.state
    async with database.transaction(caller.workspace) as connection:
        if before := await once.earlier(connection):
            row = await tools.one(connection, caller.workspace, UUID(before.answer["id"]))
        else:
            row = await tools.create(connection, caller, new, state.seal, own_networks=state.own_networks)
            await once.keep(connection, answer={"id": str(row.id)})
    return _shown(request, row)


@router.get("/{tool_id}")
async def get_tool(
    tool_id: UUID, request: Request, response: Response, caller: CallerDep, database: DatabaseDep
) -> ToolView:
    async with database.transaction(caller.workspace) as connection:
        row = await tools.one(connection, caller.workspace, tool_id)
    etags.tag(response, row.version)
    return _shown(request, row)


@router.patch("/{tool_id}")
async def change_tool(
    tool_id: UUID, patch: ToolPatch, request: Request, response: Response, caller: CallerDep, database: DatabaseDep,
    if_match: IfMatchDep,
) -> ToolView:  # fmt: skip
    """Only what is given changes. An address on another host needs its secret headers given again."""
    state = request.app.state
    async with database.transaction(caller.workspace) as connection:
        row = await tools.change(
            connection, caller, tool_id, patch, state.seal, if_match, own_networks=state.own_networks
        )
    etags.tag(response, row.version)
    return _shown(request, row)


@router.delete("/{tool_id}", status_code=204)
async def remove_tool(tool_id: UUID, caller: CallerDep, database: DatabaseDep) -> None:
    async with database.transaction(caller.workspace) as connection:
        await tools.remove(connection, caller, tool_id)


@router.get("/{tool_id}/calls")
async def list_calls_of_tool(tool_id: UUID, caller: CallerDep, database: DatabaseDep) -> Calls:
    """The latest 50, newest first."""
    async with database.transaction(caller.workspace) as connection:
        await tools.one(connection, caller.workspace, tool_id)
        return Calls(items=[_call(row) for row in await tool_log.latest(connection, caller.workspace, tool_id)])


@router.post("/{tool_id}/try")
async def try_tool(tool_id: UUID, asked: Try, request: Request, caller: CallerDep, database: DatabaseDep) -> Tried:
    """Asks the system as the agent would for this customer, and shows what may be said. What writes is not tried."""
    async with database.transaction(caller.workspace) as connection:
        row = await tools.one(connection, caller.workspace, tool_id)
        who = await tool_customer.of_home(connection, asked.customer_id)
        await audit.record(connection, caller, "tool.tried", tool_id, {"customer": str(asked.customer_id)})
    tool = tools.definition_of(row)
    own = {name: value for name, value in asked.arguments.items() if name not in tool.bindings}
    plan = Plan(row, tool, None, own, who, uuid4())
    _check_trial(plan)
    sent = await request.app.state.tool_calls.attempt(plan)
    return Tried(
        outcome=sent.outcome, text=sent.text, fields=dict(sent.fields), reason=sent.reason, status=sent.status,
        milliseconds=sent.milliseconds,
    )  # fmt: skip


def _check_trial(plan: Plan) -> None:
    """Raises 422 problems."""
    if plan.tool.access == "writes":
        raise Problem(422, "A tool that writes is not tried", "It would change something. Nothing was sent.")
    if plan.tool.identified and plan.who is None:
        raise Problem(422, "Nothing is proven of this customer", "Choose another one. Nothing was sent.")
    if lacking := [*tool_request.missing(plan.tool.parameters, plan.arguments), *plan.unbound]:
        raise Problem(422, f"It needs {', '.join(lacking)}", "Nothing was sent.")
    try:
        tool_request.check_arguments(plan.tool.parameters, plan.arguments)
    except tool_request.UnfitError as error:
        raise Problem(422, f"The arguments do not fit: {error}", "Nothing was sent.") from None


@calls_router.get("/threads/{thread_id}/tool-calls")
async def list_calls_of_thread(thread_id: UUID, caller: CallerDep, database: DatabaseDep) -> Calls:
    """What the agent asked of tools in a thread, newest first. What `waits` is to be approved or declined."""
    await queries.get_thread(database, caller.workspace, thread_id)
    async with database.transaction(caller.workspace) as connection:
        return Calls(items=[_call(row) for row in await tool_log.of_thread(connection, caller.workspace, thread_id)])


@calls_router.post("/tool-calls/{call_id}/approve")
async def approve_call(call_id: UUID, request: Request, caller: CallerDep) -> Call:
    """It is done, once, and the customer is told what came of it; still `running` where it takes long. Somebody was
    quicker, it waited too long, or it is no longer proven who asked: 409.
    """
    approvals: Approvals = request.app.state.approvals
    return _call(await approvals.approve(caller, call_id))


@calls_router.post("/tool-calls/{call_id}/decline")
async def decline_call(call_id: UUID, request: Request, caller: CallerDep) -> Call:
    """Nothing is done, and the customer is told nothing. Somebody was quicker: 409."""
    approvals: Approvals = request.app.state.approvals
    return _call(await approvals.decline(caller, call_id))


@calls_router.post("/tool-calls/{call_id}/check")
async def check_call(call_id: UUID, found: Checked, request: Request, caller: CallerDep) -> Call:
    """Says of a call that is `unclear` whether it was done. The customer is told nothing: write to them."""
    approvals: Approvals = request.app.state.approvals
    return _call(await approvals.checked(caller, call_id, done=found.done))


def _shown(request: Request, row: Any) -> ToolView:
    try:
        names = sorted(request.app.state.seal.open(f"tool {row.id}", row.secrets))
    except ValueError:
        names = []
    return ToolView.model_validate(
        row.definition
        | {"id": row.id, "active": row.active, "secret_header_names": names, "version": row.version,
           "created_at": row.created_at}
    )  # fmt: skip


def _call(row: Any) -> Call:
    name = (row.definition or {}).get("name", row.title)
    said = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in row.arguments.items())
    return Call(
        id=row.id, tool_id=row.tool_id, title=row.title, thread_id=row.thread_id, message_id=row.message_id,
        state=row.state, wants=f"{name.replace('_', ' ')}: {said}" if said else name.replace("_", " "),
        reason=row.reason, status=row.status, milliseconds=row.milliseconds, by=row.by_name,
        created_at=row.created_at, settled_at=row.settled_at,
    )  # fmt: skip
