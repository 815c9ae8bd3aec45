"""The REST API and the event stream, as the inbox and integrators use them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from onethread.contracts.messages import Message
from onethread.contracts.threads import Thread
from onethread.conversation import (
    changes,
    etags,
    modes,
    pending,
    places,
    queries,
    readers,
    side_mail,
    suppressions,
    threads,
)
from onethread.conversation.access import CallerDep
from onethread.conversation.admin_api import Teammate, TeammateList
from onethread.conversation.changes import ThreadPatch
from onethread.conversation.database import Database
from onethread.conversation.etags import IfMatchDep
from onethread.conversation.replies import message_contract
from onethread.conversation.teammates import TeammatesDep, find_teammate

ABOUT = """Threads, messages and customers of one workspace, as the inbox and integrators use them.

- **Lists** answer `{"items": [...], "next": cursor}`: ask again with `cursor=` until `next` is null.
- **Refusals** are problem details (RFC 9457): `title` says what, `detail` what was kept and what to do. What is of
  another workspace is a 404, as what does not exist.
- **Repeating** a POST with the same `Idempotency-Key` makes nothing more, and is answered as the first was.
- **Changing** with `If-Match: <ETag>` changes only the version that was read; else it is a 412.
- **Events** come at `/api/v1/events` as they happen, and on the bus (AsyncAPI document of the project).
"""

router = APIRouter(prefix="/api/v1")
Limit = Annotated[int, Query(ge=1, le=200)]


class Threads(BaseModel):
    items: list[Thread]
    next: str | None = None


class Messages(BaseModel):
    items: list[Message]
    next: str | None = None


class Tags(BaseModel):
    items: list[str] = Field(examples=[["refund", "vip"]])
    next: None = None


def _database(request: Request) -> Database:
    return request.app.state.database


DatabaseDep = Annotated[Database, Depends(_database)]


@router.get("/teammates")
async def list_teammates(caller: CallerDep, teammates: TeammatesDep, deactivated: bool = False) -> TeammateList:
    rows = await teammates.all(caller.workspace, deactivated=deactivated)
    return TeammateList(items=[Teammate.of(row) for row in rows])


@router.get("/teammates/{teammate_id}")
async def get_teammate(teammate_id: UUID, caller: CallerDep, database: DatabaseDep, response: Response) -> Teammate:
    async with database.transaction(caller.workspace) as connection:
        row = await find_teammate(connection, caller.workspace, teammate_id)
    etags.tag(response, row.version)
    return Teammate.of(row)


@router.get("/tags")
async def list_tags(caller: CallerDep, database: DatabaseDep) -> Tags:
    """The tags in use, most used first: what a teammate may pick from."""
    return Tags(items=await queries.tags(database, caller.workspace))


@router.get("/threads")
async def list_threads(
    caller: CallerDep,
    database: DatabaseDep,
    status: queries.Statuses = "open",
    assignee: str | None = None,
    channel: str | None = None,
    tag: str | None = None,
    q: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Threads:
    rows, following = await queries.list_threads(
        database, caller.workspace, me=caller.id, status=status, assignee=assignee, channel=channel, tag=tag, q=q,
        limit=limit, cursor=cursor,
    )  # fmt: skip
    return Threads(items=[threads.contract(row) for row in rows], next=following)


@router.get("/threads/{thread_id}")
async def get_thread(
    thread_id: UUID, request: Request, response: Response, caller: CallerDep, database: DatabaseDep
) -> dict[str, Any]:
    """The thread, who takes part, where a reply may go and who reads it there, the replies that wait, and what the
    agent would do with the customer's next message there.
    """
    row = await queries.get_thread(database, caller.workspace, thread_id)
    agent = (await request.app.state.workspaces.settings(caller.workspace)).of_agent
    channel = modes.of_channel(agent, row.channel_id, row.channel_kind)
    async with database.transaction(caller.workspace) as connection:
        reachable = await request.app.state.places.of(connection, row)
        stopped = await suppressions.of_places(connection, caller.workspace, reachable)
        waiting = await pending.of_thread(connection, caller.workspace, thread_id)
        sides = await side_mail.of_thread(connection, caller.workspace, thread_id)
        added = await readers.of_thread(connection, caller.workspace, thread_id)
    etags.tag(response, row.version)
    return threads.contract(row).model_dump() | {
        "participants": await queries.participants(database, caller.workspace, thread_id),
        "added": added,
        "sides": sides,
        "reply_channels": places.described(reachable, stopped),
        "pending": [one.model_dump() for one in waiting],
        "channel_mode": channel,
        "agent_mode": modes.on_thread(channel, row.agent, taken=row.assignee_id is not None),  # type: ignore[arg-type]
    }


@router.patch("/threads/{thread_id}")
async def change_thread(
    thread_id: UUID,
    patch: ThreadPatch,
    request: Request,
    response: Response,
    caller: CallerDep,
    database: DatabaseDep,
    version: IfMatchDep,
) -> Thread:
    """Changes the fields that are given. With `If-Match`, only the version that was read."""
    agent = (await request.app.state.workspaces.settings(caller.workspace)).of_agent
    row = await changes.change_thread(database, request.app.state.relay, caller, thread_id, patch, version, agent=agent)
    if row.status == "snoozed":
        request.app.state.timers.poke()
    etags.tag(response, row.version)
    return threads.contract(row)


@router.get("/threads/{thread_id}/messages")
async def list_messages(
    thread_id: UUID,
    caller: CallerDep,
    database: DatabaseDep,
    after: Annotated[int, Query(ge=0, lt=10**18, description="The position of the last message that is known.")] = 0,
    limit: Limit = 200,
) -> Messages:
    await queries.get_thread(database, caller.workspace, thread_id)
    rows, following = await queries.list_messages(database, caller.workspace, thread_id, after, limit)
    return Messages(items=[message_contract(row) for row in rows], next=following)


@router.get("/events", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
async def events(
    request: Request, caller: CallerDep, last_event_id: Annotated[str | None, Header()] = None
) -> StreamingResponse:
    """Server-sent events: each is a CloudEvent, named by its type. `Last-Event-ID` replays what was missed."""
    lines: AsyncIterator[str] = request.app.state.stream.read(caller.workspace, last_event_id, caller.credential)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(lines, media_type="text/event-stream", headers=headers)
