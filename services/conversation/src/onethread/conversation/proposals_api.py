"""REST: what the agent proposed in a thread, and what a teammate does with a draft."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from onethread.contracts.envelope import now
from onethread.contracts.messages import Message
from onethread.conversation import gaps, judged, proposals, queries, threads
from onethread.conversation.access import CallerDep
from onethread.conversation.api import DatabaseDep, Limit
from onethread.conversation.database import Connection
from onethread.conversation.messages_api import said_by_a_teammate
from onethread.conversation.once import OnceDep
from onethread.conversation.pending import PendingReply
from onethread.conversation.proposals import Dismissal, Proposal
from onethread.conversation.replies import Replies

router = APIRouter(prefix="/api/v1", tags=["proposals"])


class Proposals(BaseModel):
    items: list[Proposal]
    next: str | None = None


class ThreadsWithDraft(BaseModel):
    """At most a thousand."""

    thread_ids: list[UUID]


class Use(BaseModel):
    model_config = ConfigDict(extra="forbid")

    undo_seconds: int = Field(default=0, ge=0, le=30, description="For so long it may be taken back.")


class Dismiss(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Dismissal | None = Field(default=None, description="What was wrong with it, for the report.")


@router.get("/threads/{thread_id}/proposals")
async def list_proposals(
    thread_id: UUID,
    caller: CallerDep,
    database: DatabaseDep,
    state: proposals.State | None = None,
    limit: Limit = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Proposals:
    """Newest first. The draft that waits for a teammate is the one that is `open`."""
    before = queries.read_cursor(cursor) if cursor else None
    await queries.get_thread(database, caller.workspace, thread_id)
    async with database.transaction(caller.workspace) as connection:
        rows = await proposals.of_thread(connection, thread_id, state, before, limit + 1)
    page = rows[:limit]
    following = queries.cursor_of(page[-1].created_at, page[-1].id) if len(rows) > limit else None
    return Proposals(items=[proposals.shown(row) for row in page], next=following)


@router.get("/drafts")
async def list_drafts(caller: CallerDep, database: DatabaseDep) -> ThreadsWithDraft:
    """In which threads a draft of the agent waits for a teammate, so that a list can mark them."""
    async with database.transaction(caller.workspace) as connection:
        return ThreadsWithDraft(thread_ids=await proposals.threads_with_draft(connection, caller.workspace))


@router.post(
    "/proposals/{proposal_id}/use",
    status_code=201,
    responses={202: {"model": PendingReply, "description": "It is sent at `send_at`, unless it is taken back."}},
)
async def use_draft(
    proposal_id: UUID, how: Use, request: Request, response: Response, caller: CallerDep, once: OnceDep
) -> Message | PendingReply:
    """Sends an open draft as it is, in the teammate's name. Somebody was quicker: 409."""
    replies: Replies = request.app.state.replies
    made = await replies.use(caller.workspace, proposal_id, caller.author, how.undo_seconds, once)
    await said_by_a_teammate(request, response, caller.workspace, made)
    return made


@router.post("/proposals/{proposal_id}/dismiss")
async def dismiss_draft(
    proposal_id: UUID, why: Dismiss, request: Request, caller: CallerDep, database: DatabaseDep, once: OnceDep
) -> Proposal:
    """Puts an open draft aside, for everybody. Somebody was quicker: 409."""
    async with database.transaction(caller.workspace) as connection:
        found = await proposals.find(connection, caller.workspace, proposal_id)
        if not await once.earlier(connection):
            row = await threads.lock(connection, caller.workspace, found.thread_id)
            draft = await proposals.open_draft(connection, row, proposal_id)
            await proposals.settle(connection, draft, "dismissed", caller.author, reply_id=None, why=why.reason)
            if why.reason == "wrong" and await _told_as_wrong(connection, proposal_id):
                await request.app.state.relay.notify(connection)
            await once.keep(connection, answer={"id": str(proposal_id)})
            found = await proposals.find(connection, caller.workspace, proposal_id)
    request.app.state.relay.wake()
    await request.app.state.tell_of_drafts(caller.workspace, found.thread_id)
    return proposals.shown(found)


async def _told_as_wrong(connection: Connection, proposal_id: UUID) -> bool:
    was_judged = await judged.by_dismissal(connection, proposal_id, now())
    return await gaps.draft_was_wrong(connection, proposal_id) or was_judged
