"""What a teammate changes on a thread: status, assignee, tags, priority, topic, the agent. It holds across channels."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlmodel import col, select

from onethread.contracts import threads as t
from onethread.contracts.agent import AgentSettings
from onethread.contracts.envelope import now
from onethread.contracts.messages import Author
from onethread.conversation import modes, outbox, threads
from onethread.conversation.access import Caller
from onethread.conversation.admin_models import TeammateRow
from onethread.conversation.database import Connection, Database
from onethread.conversation.outbox import Relay
from onethread.runtime.errors import Problem

ThreadEvent = (
    t.ThreadOpened | t.ThreadClosed | t.ThreadReopened | t.ThreadSnoozed | t.ThreadAssigned | t.ThreadTagged
    | t.ThreadEscalated | t.ThreadUpdated
)  # fmt: skip
BY_STATUS: dict[str, type[ThreadEvent]] = {
    "open": t.ThreadReopened, "closed": t.ThreadClosed, "snoozed": t.ThreadSnoozed, "waiting": t.ThreadUpdated,
}  # fmt: skip
BY_FIELD: dict[str, type[ThreadEvent]] = {
    "assignee_id": t.ThreadAssigned, "agent": t.ThreadAssigned,
    "tags": t.ThreadTagged, "priority": t.ThreadEscalated, "topic": t.ThreadUpdated,
}  # fmt: skip
LONGEST_SNOOZE = timedelta(days=366)
GIVEN_BACK = {"waiting_since": None, "handoff_at": None, "handoff_reason": None, "handoff_summary": None}
"""The agent answers the next message, and nobody waits for a person: only where it speaks for itself."""
AS_IT_WAS = """select body::jsonb #> '{data,thread}' as thread from outbox
    where workspace_id = %s and thread_id = %s and (body::jsonb #>> '{data,thread,version}')::int = %s
    order by sequence desc limit 1"""
COMPARED = ("status", "snoozed_until", "assignee", "priority", "tags", "topic", "agent")
WAKE = """select * from thread where id = %s and status = 'snoozed' and snoozed_until <= now()
    for no key update skip locked"""

Tag = Annotated[str, Field(max_length=100)]


class ThreadPatch(BaseModel):
    """Only the fields that are given change. Unknown ones are refused."""

    model_config = ConfigDict(extra="forbid")

    status: t.ThreadStatus = "open"
    snoozed_until: AwareDatetime | None = Field(default=None, description="With `snoozed`: a moment within a year.")
    assignee: Literal["me"] | UUID | None = None
    tags: list[Tag] = Field(default_factory=list[Tag], max_length=50)
    priority: Literal["low", "normal", "high", "urgent"] = "normal"
    topic: str | None = Field(default=None, max_length=200)
    agent: t.AgentState = Field(
        default="active",
        description="`drafting` writes for teammates alone; `quiet` until given back; `off` for good.",
    )


async def change_thread(
    database: Database,
    relay: Relay,
    caller: Caller,
    thread_id: UUID,
    patch: ThreadPatch,
    version: int | None = None,
    *,
    agent: AgentSettings,
) -> Any:
    """Applies the patch and tells of each change. Returns the row as it is then.

    `version` is the one that the caller has seen. Raises 404, 422, and 412 problems where it is not the latest.
    """
    async with database.transaction(caller.workspace) as connection:
        row = await threads.lock(connection, caller.workspace, thread_id)
        if version is not None and version != row.version:
            raise await _stale(connection, row, version)
        wanted = await _wanted(database, caller, row, patch)
        if wanted.get("agent") == "active" and modes.of_channel(agent, row.channel_id, row.channel_kind) == "auto":
            wanted |= GIVEN_BACK
        changes = {name: value for name, value in wanted.items() if value != getattr(row, name)}
        if not changes:
            return row
        row = await save(connection, row, changes, caller.author)
        await relay.notify(connection)
    relay.wake()
    return row


async def save(connection: Connection, row: Any, changes: dict[str, Any], by: Author | None) -> Any:
    """Writes what really changes on a locked thread, and tells of it. `by` none: a rule did it."""
    events = _events(changes)
    counted = {"sequence": row.sequence + len(events), "version": row.version + 1}
    first = row.sequence + 1
    row = await threads.save(
        connection, row, **changes | (threads.agent_set(by) if "agent" in changes else {}) | counted
    )
    change = t.ThreadChange(thread=threads.contract(row), by=by)
    heads = [threads.envelope(row, uuid4(), number, None) for number, _ in enumerate(events, first)]
    told = [event(**head, data=change) for event, head in zip(events, heads, strict=True)]
    await outbox.record(connection, *((one, ()) for one in told))
    return row


async def wake(connection: Connection, thread_id: UUID) -> bool:
    """Opens a snoozed thread whose time has come. False: it is not, or another replica does it."""
    row = await (await connection.execute(WAKE, [thread_id])).fetchone()
    if row is not None:
        await save(connection, row, {"status": "open", "snoozed_until": None}, None)
    return row is not None


async def _wanted(database: Database, caller: Caller, row: Any, patch: ThreadPatch) -> dict[str, Any]:
    """The columns that the patch is about, as they are to be."""
    given = patch.model_fields_set
    wanted: dict[str, Any] = {name: getattr(patch, name) for name in ("priority", "agent") if name in given}
    if "topic" in given:
        wanted["topic"] = (patch.topic or "").strip() or None
    if "tags" in given:
        wanted["tags"] = sorted({tag.strip() for tag in patch.tags if tag.strip()})
    if given & {"status", "snoozed_until"}:
        wanted |= _status(row, patch)
    if "assignee" in given:
        wanted |= await _assignee(database, caller, patch.assignee)
    return wanted


def _status(row: Any, patch: ThreadPatch) -> dict[str, Any]:
    status = patch.status if "status" in patch.model_fields_set else row.status
    until = patch.snoozed_until
    if (status == "snoozed") != (until is not None):
        raise Problem(
            422, "Say until when it is snoozed", "`snoozed_until` goes with the status `snoozed`, and only so."
        )
    if until and not now() < until < now() + LONGEST_SNOOZE:
        raise Problem(422, "Choose a time within a year from now", "Nothing was changed.")
    wanted: dict[str, Any] = {"status": status, "snoozed_until": until}
    if status in ("closed", "waiting"):
        wanted["waiting_since"] = None
    if (status == "closed") != (row.status == "closed"):
        wanted["closed_at"] = now() if status == "closed" else None
    return wanted


async def _assignee(database: Database, caller: Caller, assignee: Literal["me"] | UUID | None) -> dict[str, Any]:
    if assignee is None:
        return {"assignee_id": None, "assignee_name": None}
    wanted = caller.id if assignee == "me" else assignee
    find = select(TeammateRow).where(
        TeammateRow.id == wanted,
        TeammateRow.workspace_id == caller.workspace,
        col(TeammateRow.deactivated_at).is_(None),
    )
    async with database.session(caller.workspace) as session:
        teammate = (await session.exec(find)).first()
    if teammate is None:
        raise Problem(422, "There is no such teammate", "Nothing was changed.")
    return {"assignee_id": teammate.id, "assignee_name": teammate.name}


def _events(changes: dict[str, Any]) -> list[type[ThreadEvent]]:
    """One event for each thing that changes."""
    by_field = BY_FIELD if "status" in changes else BY_FIELD | {"snoozed_until": t.ThreadSnoozed}
    events = [BY_STATUS[changes["status"]]] if "status" in changes else []
    events += [kind for name, kind in by_field.items() if name in changes]
    return list(dict.fromkeys(events)) or [t.ThreadUpdated]


async def _stale(connection: Connection, row: Any, version: int) -> Problem:
    """Says what changed since that version, where the event log still has it."""
    cursor = await connection.execute(AS_IT_WAS, [row.workspace_id, row.id, version])
    before = await cursor.fetchone()
    if before is None:
        return Problem(412, "The thread changed meanwhile", "Nothing was changed. Read it again.", version=row.version)
    was, is_now = before.thread, json.loads(threads.contract(row).model_dump_json())
    changed = [name for name in COMPARED if was.get(name) != is_now.get(name)]
    detail = f"Since you read it, this changed: {', '.join(changed)}. " if changed else ""
    return Problem(
        412,
        "The thread changed meanwhile",
        f"{detail}Nothing of yours was changed. Read it again.",
        version=row.version,
    )
