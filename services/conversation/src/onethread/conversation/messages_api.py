"""REST: what is said in a thread, taken back, and tried again."""

from __future__ import annotations

import json
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from onethread.contracts import subjects
from onethread.contracts.messages import Message
from onethread.conversation import pending, side_mail
from onethread.conversation.access import CallerDep
from onethread.conversation.deliveries import Deliveries
from onethread.conversation.once import OnceDep
from onethread.conversation.pending import PendingReply
from onethread.conversation.replies import NewMessage, Replies
from onethread.conversation.side_mail import NewSideMail


class SideMail(BaseModel):
    thread_id: UUID
    message_id: UUID


router = APIRouter(prefix="/api/v1")


@router.post(
    "/threads/{thread_id}/messages",
    status_code=201,
    responses={202: {"model": PendingReply, "description": "It is sent at `send_at`, unless it is taken back."}},
)
async def add_message(
    thread_id: UUID, new: NewMessage, request: Request, response: Response, caller: CallerDep, once: OnceDep
) -> Message | PendingReply:
    """A reply, or a note. With an `Idempotency-Key` a repeated request returns what the first one made. With `draft_id`
    the reply is what became of that draft of the agent; when a colleague was quicker, that is a 409.
    """
    replies: Replies = request.app.state.replies
    made = await replies.say(caller.workspace, thread_id, caller.author, new, once)
    await said_by_a_teammate(request, response, caller.workspace, made)
    return made


@router.post("/threads/{thread_id}/side", status_code=201)
async def write_side_mail(
    thread_id: UUID, new: NewSideMail, request: Request, caller: CallerDep, once: OnceDep
) -> SideMail:
    """Asks a third party by mail, in a thread of theirs that the customer never sees. Answers stand here as notes."""
    state = request.app.state
    async with state.database.transaction(caller.workspace) as connection:
        if earlier := await once.earlier(connection):
            return SideMail.model_validate(earlier.answer)
        row, message = await side_mail.write(
            connection, state.places, caller.workspace, thread_id, caller.author, new
        )  # fmt: skip
        made = SideMail(thread_id=row.id, message_id=message.id)
        await once.keep(connection, answer=made.model_dump(mode="json"))
        await state.relay.notify(connection)
    state.relay.wake()
    return made


@router.delete("/threads/{thread_id}/pending/{message_id}", status_code=204)
async def take_back(thread_id: UUID, message_id: UUID, request: Request, caller: CallerDep) -> None:
    """Takes a reply back that still waits. Too late is a 409."""
    async with request.app.state.database.transaction(caller.workspace) as connection:
        await pending.take_back(connection, caller.workspace, thread_id, message_id)
    await _tell_colleagues(request, caller.workspace, thread_id, message_id, None)
    await request.app.state.tell_of_drafts(caller.workspace, thread_id)


@router.post("/threads/{thread_id}/messages/{message_id}/retry", status_code=202)
async def retry(thread_id: UUID, message_id: UUID, request: Request, caller: CallerDep, once: OnceDep) -> Message:
    """One more attempt at a message that failed. Another one after that is another click."""
    deliveries: Deliveries = request.app.state.deliveries
    return await deliveries.retry(caller.workspace, thread_id, message_id, once)


async def said_by_a_teammate(
    request: Request, response: Response, workspace: str, made: Message | PendingReply
) -> None:
    """What follows a reply: colleagues see it, and 202 says that it waits."""
    if isinstance(made, PendingReply):
        response.status_code = 202
        request.app.state.timers.poke()
        await _tell_colleagues(request, workspace, made.thread_id, made.id, made)
    await request.app.state.tell_of_drafts(workspace, made.thread_id)


async def _tell_colleagues(
    request: Request, workspace: str, thread_id: UUID, message_id: UUID, waiting: PendingReply | None
) -> None:
    """Whoever looks at the thread sees that somebody has answered it, or has not after all."""
    shown = waiting.model_dump(mode="json") if waiting else None
    body = json.dumps({"thread_id": str(thread_id), "id": str(message_id), "reply": shown}).encode()
    await request.app.state.bus.say_live(subjects.live(workspace, "pending", "inbox"), body)
