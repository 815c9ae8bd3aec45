"""Threads as a whole over REST: split, move, merge; and the undo of every act."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from onethread.contracts.messages import Author
from onethread.contracts.threads import Thread
from onethread.conversation import acts, etags, merging, threads, unlinking
from onethread.conversation.access import Caller, CallerDep
from onethread.conversation.alone import alone
from onethread.conversation.api import DatabaseDep
from onethread.conversation.database import Connection
from onethread.conversation.etags import IfMatchDep
from onethread.conversation.once import OnceDep

router = APIRouter(prefix="/api/v1", tags=["threads"])
AS_MANY_AS_AN_EVENT_TELLS = 10_000

Rearrange = Callable[[Connection], Awaitable[tuple[UUID, Any]]]
"""Returns the act's id, and the row of the thread that the messages came into."""
MessageIds = Annotated[
    list[UUID],
    Field(min_length=1, max_length=AS_MANY_AS_AN_EVENT_TELLS, description="Messages and notes of the thread."),
    AfterValidator(lambda ids: list(dict.fromkeys(ids))),
]


class Split(BaseModel):
    model_config = ConfigDict(extra="forbid")

    message_ids: MessageIds
    subject: str | None = Field(default=None, max_length=200, examples=["The broken lamp"])


class Move(BaseModel):
    model_config = ConfigDict(extra="forbid")

    message_ids: MessageIds
    to_thread_id: UUID


class OtherThread(BaseModel):
    model_config = ConfigDict(extra="forbid")

    other_thread_id: UUID = Field(description="All its messages come into this thread, and it is closed.")


class Acted(BaseModel):
    act_id: UUID = Field(description="By which it can be undone.")
    thread: Thread = Field(description="The one that the messages came into.")


class Undone(BaseModel):
    by: str | None
    at: datetime


class Act(BaseModel):
    id: UUID
    kind: str = Field(description="`merge`, `link`, `unlink`, `split`, `move` or `merge_threads`.")
    how: str = Field(description="`proof` or `teammate`.")
    reason: str
    customer_id: UUID | None
    other_id: UUID | None
    thread_id: UUID | None
    other_thread_id: UUID | None
    messages: int = Field(description="How many messages it moved from thread to thread.")
    by: Author | None
    at: datetime
    undone: Undone | None


class WasUndone(BaseModel):
    undone: bool
    act: Act


@dataclass
class Acting:
    """One request to rearrange threads. A repetition of it is answered as the first was."""

    request: Request
    response: Response
    caller: CallerDep
    version: IfMatchDep
    once: OnceDep

    async def on(self, thread_id: UUID, act: Rearrange) -> Acted:
        async with alone(self.request, self.caller) as connection:
            made = await self.once.ids(connection, lambda: self._first(connection, thread_id, act))
            row = await acts.thread(connection, made["thread_id"])
        etags.tag(self.response, row.version)
        return Acted(act_id=made["act_id"], thread=threads.contract(row))

    async def _first(self, connection: Connection, thread_id: UUID, act: Rearrange) -> dict[str, UUID]:
        etags.expect(await threads.lock(connection, self.caller.workspace, thread_id), self.version, "thread")
        act_id, row = await act(connection)
        return {"act_id": act_id, "thread_id": row.id}


ActingDep = Annotated[Acting, Depends()]


@router.post("/threads/{thread_id}/split", status_code=201)
async def split_thread(thread_id: UUID, body: Split, caller: CallerDep, acting: ActingDep) -> Acted:
    """Makes a new thread of some messages. The places where they were the last ones go along."""
    return await acting.on(
        thread_id,
        lambda c: acts.split(c, caller.workspace, thread_id, body.message_ids, body.subject, caller.author),
    )


@router.post("/threads/{thread_id}/move")
async def move_messages(thread_id: UUID, body: Move, caller: CallerDep, acting: ActingDep) -> Acted:
    """Moves messages to another thread of the same customer. Into a closed one they are filed: it stays closed."""
    return await acting.on(
        thread_id,
        lambda c: acts.move(c, caller.workspace, thread_id, body.message_ids, body.to_thread_id, caller.author),
    )


@router.post("/threads/{thread_id}/merge")
async def merge_threads(thread_id: UUID, body: OtherThread, caller: CallerDep, acting: ActingDep) -> Acted:
    """Two threads of one customer become one. What is said in the other from now on lands here."""
    return await acting.on(
        thread_id,
        lambda c: acts.merge_threads(c, caller.workspace, thread_id, body.other_thread_id, caller.author),
    )


@router.get("/acts/{act_id}")
async def get_act(act_id: UUID, caller: CallerDep, database: DatabaseDep) -> Act:
    async with database.transaction(caller.workspace) as connection:
        return _contract(await acts.find(connection, caller.workspace, act_id))


@router.post("/acts/{act_id}/undo")
async def undo_act(act_id: UUID, request: Request, caller: CallerDep, once: OnceDep) -> WasUndone:
    """Takes back what still is as the act made it; what others did since stays. Of two acts on the same messages the
    later is undone first.
    """
    async with alone(request, caller) as connection:
        undone = await once.ids(connection, lambda: _undo(connection, act_id, caller, request))
        act = _contract(await acts.find(connection, caller.workspace, undone["act_id"]))
    return WasUndone(undone=True, act=act)


async def _undo(connection: Connection, act_id: UUID, caller: Caller, request: Request) -> dict[str, UUID]:
    act = await acts.find(connection, caller.workspace, act_id)
    if act.undone_at is not None:
        raise acts.was_undone(act)
    await UNDO[act.kind](connection, act, caller.author, request)
    return {"act_id": act_id}


async def _threads(connection: Connection, act: Any, by: Author, _: Request) -> None:
    await acts.undo(connection, act, by)


async def _merge(connection: Connection, act: Any, by: Author, request: Request) -> None:
    window = await request.app.state.workspaces.reopen_window(act.workspace_id)
    await merging.unmerge(connection, act.workspace_id, act.id, by, "", window)


async def _unlink(connection: Connection, act: Any, by: Author, request: Request) -> None:
    window = await request.app.state.workspaces.reopen_window(act.workspace_id)
    await unlinking.relink(connection, act.workspace_id, act, by, window)


UNDO = {"split": _threads, "move": _threads, "merge_threads": _threads, "merge": _merge, "unlink": _unlink}


def _contract(row: Any) -> Act:
    by = Author(kind="teammate", id=row.by_id, name=row.by_name) if row.by_name else None
    undone = Undone(by=row.undone_by_name, at=row.undone_at) if row.undone_at else None
    of_threads = row.journal.get("threads") or row.journal
    return Act(
        **{name: getattr(row, name) for name in Act.model_fields if hasattr(row, name)},
        messages=len(of_threads.get("message_ids", [])),
        by=by,
        at=row.created_at,
        undone=undone,
    )
