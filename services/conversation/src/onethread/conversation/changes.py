"""What a teammate changes on a thread: status, assignee, tags, priority, the agent."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import select

from onethread.contracts import threads as t
from onethread.contracts.envelope import now
from onethread.conversation import outbox, threads
from onethread.conversation.admin_models import TeammateRow
from onethread.conversation.database import Database
from onethread.conversation.outbox import Relay
from onethread.conversation.teammates import Caller
from onethread.runtime.errors import Problem

ThreadEvent = (
    t.ThreadOpened | t.ThreadClosed | t.ThreadReopened | t.ThreadSnoozed | t.ThreadAssigned | t.ThreadTagged
    | t.ThreadEscalated
)  # fmt: skip


class ThreadPatch(BaseModel):
    """Only the fields that are given change. Unknown ones are refused."""

    model_config = ConfigDict(extra="forbid")

    status: t.ThreadStatus | None = None
    assignee: Literal["me"] | UUID | None = None
    tags: list[str] | None = Field(default=None, max_length=50)
    priority: Literal["low", "normal", "high", "urgent"] | None = None
    agent: t.AgentState | None = None


async def change_thread(database: Database, relay: Relay, caller: Caller, thread_id: UUID, patch: ThreadPatch) -> Any:
    """Applies the patch and tells of each change. Returns the new row; raises 404 and 422 problems."""
    async with database.transaction(caller.workspace) as connection:
        row = await threads.lock(connection, caller.workspace, thread_id)
        changes = await _changes(database, caller, patch)
        events = _events(row, changes)
        if not changes:
            return row
        first = row.sequence + 1
        row = await threads.save(connection, row, **changes, sequence=row.sequence + len(events))
        change = t.ThreadChange(thread=threads.contract(row), by=caller.author)
        heads = [threads.envelope(row, uuid4(), number, None) for number, _ in enumerate(events, first)]
        told = [event(**head, data=change) for event, head in zip(events, heads, strict=True)]
        await outbox.record(connection, *((one, ()) for one in told))
        await relay.notify(connection)
    relay.wake()
    return row


async def _changes(database: Database, caller: Caller, patch: ThreadPatch) -> dict[str, Any]:
    given = patch.model_fields_set
    changes: dict[str, Any] = {name: getattr(patch, name) for name in ("priority", "agent") if name in given}
    if "tags" in given:
        changes["tags"] = sorted({tag.strip() for tag in patch.tags or [] if tag.strip()})
    if "status" in given and patch.status:
        changes["status"] = patch.status
        changes["closed_at"] = now() if patch.status == "closed" else None
        if patch.status == "closed":
            changes["waiting_since"] = None
    if "assignee" in given:
        changes |= await _assignee(database, caller, patch.assignee)
    if changes.get("agent") == "active":
        # Given back: the agent answers the next message, and nobody is on it.
        changes |= {"waiting_since": None, "handoff_at": None, "handoff_reason": None, "handoff_summary": None}
    return {name: value for name, value in changes.items() if value is not None or name not in {"priority", "agent"}}


async def _assignee(database: Database, caller: Caller, assignee: Literal["me"] | UUID | None) -> dict[str, Any]:
    if assignee is None:
        return {"assignee_id": None, "assignee_name": None}
    wanted = caller.id if assignee == "me" else assignee
    find = select(TeammateRow).where(TeammateRow.id == wanted, TeammateRow.workspace_id == caller.workspace)
    async with database.session(caller.workspace) as session:
        teammate = (await session.exec(find)).first()
    if teammate is None:
        raise Problem(422, "There is no such teammate", "Nothing was changed.")
    return {"assignee_id": teammate.id, "assignee_name": teammate.name}


def _events(row: Any, changes: dict[str, Any]) -> list[type[ThreadEvent]]:
    """One event for each thing that really changes."""
    by_status: dict[str, type[ThreadEvent]] = {
        "open": t.ThreadReopened, "closed": t.ThreadClosed, "snoozed": t.ThreadSnoozed,
    }  # fmt: skip
    events: list[type[ThreadEvent]] = []
    if changes.get("status", row.status) != row.status:
        events.append(by_status[changes["status"]])
    if changes.get("assignee_id", row.assignee_id) != row.assignee_id or changes.get("agent", row.agent) != row.agent:
        events.append(t.ThreadAssigned)
    if changes.get("tags", row.tags) != row.tags:
        events.append(t.ThreadTagged)
    if changes.get("priority", row.priority) != row.priority:
        events.append(t.ThreadEscalated)
    return events
