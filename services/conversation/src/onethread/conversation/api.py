"""The REST API and the event stream, as the inbox and integrators use them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from onethread.contracts.messages import Message
from onethread.contracts.threads import Thread
from onethread.conversation import changes, dead_letters, queries, threads
from onethread.conversation.admin_models import TeammateRow
from onethread.conversation.changes import ThreadPatch
from onethread.conversation.database import Database
from onethread.conversation.replies import message_contract, places_of
from onethread.conversation.teammates import COOKIE, CallerDep, Teammates
from onethread.runtime.errors import Problem

router = APIRouter(prefix="/api/v1")
Limit = Annotated[int, Query(ge=1, le=200)]


class Login(BaseModel):
    model_config = ConfigDict(extra="forbid")

    email: str = Field(max_length=320)
    password: str = Field(max_length=1_000)


class NewMessage(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=50_000)
    note: bool = False
    channel_id: str | None = None


class Person(BaseModel):
    id: UUID
    name: str
    email: str


class Threads(BaseModel):
    items: list[Thread]
    next: str | None = None


class Messages(BaseModel):
    items: list[Message]
    next: str | None = None


class DeadLetterAction(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: int = Field(ge=1)
    action: str = Field("replay", pattern="^replay$")


def _database(request: Request) -> Database:
    return request.app.state.database


def _teammates(request: Request) -> Teammates:
    return request.app.state.teammates


DatabaseDep = Annotated[Database, Depends(_database)]
TeammatesDep = Annotated[Teammates, Depends(_teammates)]


def _person(row: TeammateRow) -> Person:
    return Person(id=row.id, name=row.name, email=row.email)


@router.post("/session")
async def log_in(login: Login, request: Request, response: Response, teammates: TeammatesDep) -> Person:
    token, row = await teammates.log_in(login.email, login.password)
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, token, max_age=14 * 86_400, httponly=True, samesite="lax", secure=secure)
    return _person(row)


@router.get("/session")
async def who_am_i(caller: CallerDep) -> Person:
    return Person(id=caller.id, name=caller.name, email=caller.email)


@router.delete("/session", status_code=204)
async def log_out(request: Request, response: Response, teammates: TeammatesDep) -> None:
    if token := request.cookies.get(COOKIE):
        await teammates.log_out(token)
    response.delete_cookie(COOKIE)


@router.get("/teammates")
async def list_teammates(caller: CallerDep, teammates: TeammatesDep) -> dict[str, Any]:
    return {"items": [_person(row) for row in await teammates.all(caller.workspace)], "next": None}


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
async def get_thread(thread_id: UUID, caller: CallerDep, database: DatabaseDep) -> dict[str, Any]:
    row = await queries.get_thread(database, caller.workspace, thread_id)
    async with database.transaction(caller.workspace) as connection:
        places = await places_of(connection, row)
    channels = [
        {
            "id": place.channel_id,
            "kind": place.channel_kind,
            "label": place.name or place.channel_kind.capitalize(),
            "audience": {"shared": place.shared, "name": place.name},
        }
        for place in places
    ]
    participants = await queries.participants(database, caller.workspace, thread_id)
    return threads.contract(row).model_dump() | {"participants": participants, "reply_channels": channels}


@router.patch("/threads/{thread_id}")
async def change_thread(
    thread_id: UUID, patch: ThreadPatch, request: Request, caller: CallerDep, database: DatabaseDep
) -> Thread:
    row = await changes.change_thread(database, request.app.state.relay, caller, thread_id, patch)
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


@router.post("/threads/{thread_id}/messages", status_code=201)
async def add_message(
    thread_id: UUID,
    new: NewMessage,
    request: Request,
    caller: CallerDep,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> Message:
    """A reply, or a note. With an `Idempotency-Key` a repeated request returns what the first one made."""
    if not new.text.strip():
        raise Problem(422, "The message is empty")
    return await request.app.state.replies.say(
        caller.workspace,
        thread_id,
        caller.author,
        new.text.strip(),
        note=new.note,
        channel_id=new.channel_id,
        key=idempotency_key,
    )


@router.get("/customers")
async def list_customers(
    caller: CallerDep, database: DatabaseDep, q: Annotated[str | None, Query(max_length=200)] = None, limit: Limit = 50
) -> dict[str, Any]:
    rows = await queries.list_customers(database, caller.workspace, q, limit)
    items = [{"id": row.id, "name": row.name, "email": row.email, "created_at": row.created_at} for row in rows]
    return {"items": items, "next": None}


@router.get("/customers/{customer_id}")
async def get_customer(customer_id: UUID, caller: CallerDep, database: DatabaseDep) -> dict[str, Any]:
    return await queries.customer(database, caller.workspace, customer_id)


@router.get("/customers/{customer_id}/timeline")
async def get_timeline(
    customer_id: UUID, caller: CallerDep, database: DatabaseDep, cursor: str | None = None, limit: Limit = 100
) -> Messages:
    await queries.customer(database, caller.workspace, customer_id)
    rows, following = await queries.timeline(database, caller.workspace, customer_id, cursor, limit)
    return Messages(items=[message_contract(row) for row in rows], next=following)


@router.get("/events")
async def events(
    request: Request, caller: CallerDep, last_event_id: Annotated[str | None, Header()] = None
) -> StreamingResponse:
    """Server-sent events: each is a CloudEvent, named by its type. `Last-Event-ID` replays what was missed."""
    lines: AsyncIterator[str] = request.app.state.stream.read(caller.workspace, last_event_id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(lines, media_type="text/event-stream", headers=headers)


@router.get("/dead-letters")
async def list_dead_letters(_: CallerDep, request: Request, limit: Limit = 50) -> dict[str, Any]:
    """Messages that could not be handled, newest first, each with its reason."""
    return {"items": await dead_letters.newest(request.app.state.bus.js, limit), "next": None}


@router.post("/dead-letters", status_code=202)
async def replay_dead_letter(action: DeadLetterAction, _: CallerDep, request: Request) -> dict[str, Any]:
    """Puts a message back on the subject it came from."""
    await dead_letters.replay(request.app.state.bus.js, action.id)
    return {"id": action.id, "replayed": True}
