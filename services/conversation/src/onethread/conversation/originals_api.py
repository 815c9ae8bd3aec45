"""REST: a message as it came, and its attachments, as its gateway keeps them. What strangers sent is shown as a
picture, or saved; a browser runs none of it.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response

from onethread.contracts import subjects
from onethread.contracts.messages import ChannelKind
from onethread.contracts.originals import Original, OriginalOf
from onethread.conversation import files
from onethread.conversation.access import CallerDep
from onethread.conversation.database import Database
from onethread.conversation.pictures import kind_of
from onethread.runtime.bus import RefusedError, UnavailableError
from onethread.runtime.errors import Problem

KEEPERS: dict[ChannelKind, str] = {"email": subjects.EMAIL_ORIGINAL}
"""Which gateways keep what they hear, and how they are asked."""
SAVED = "application/octet-stream"
MAIL = "message/rfc822"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, max-age=600",
}
SECONDS = 40.0
"""A large mail is fetched from a bucket and carried through another."""
AT_ONCE = asyncio.Semaphore(4)
"""Each is held in memory while it is carried."""
MESSAGE = "select channel_kind, author_kind, attachments from message where workspace_id = %s and id = %s"

NO_SUCH_MESSAGE = Problem(404, "There is no such message")
NO_SUCH_ATTACHMENT = Problem(404, "The message has no such attachment")
NOT_KEPT = Problem(
    404, "This is no longer kept", "Mails are kept as long as the operator has set. The message itself is unchanged."
)
AWAY = Problem(503, "The mail can't be reached at the moment", "Nothing is lost. Try again in a moment.")

FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "As it was sent. Only pictures are shown by a browser.", "content": {SAVED: {"schema": {}}}},
    404: {"description": "There is no such thing, or it is no longer kept."},
}
Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="As the message's `attachments` have it.")]
router = APIRouter(prefix="/api/v1")


@router.get("/messages/{message_id}/raw", response_class=Response, responses=FILE)
async def read_raw(message_id: UUID, request: Request, caller: CallerDep) -> Response:
    """The mail as it came, with all its headers. Other channels have none."""
    row = await _message(request.app.state.database, caller.workspace, message_id)
    content = await _ask(request, row.channel_kind, OriginalOf(workspace=caller.workspace, message_id=message_id))
    return _file(content, f"{message_id}.eml", MAIL)


@router.get("/messages/{message_id}/attachments/{sha256}", response_class=Response, responses=FILE)
async def read_attachment(message_id: UUID, sha256: Sha256, request: Request, caller: CallerDep) -> Response:
    row = await _message(request.app.state.database, caller.workspace, message_id)
    name = next((one["name"] for one in row.attachments if one["sha256"] == sha256), None)
    if name is None:
        raise NO_SUCH_ATTACHMENT
    if row.author_kind == "customer":
        asked = OriginalOf(workspace=caller.workspace, message_id=message_id, attachment=sha256)
        content = await _ask(request, row.channel_kind, asked)
    else:
        content = await _sent_by_us(request.app.state.database, caller.workspace, message_id, sha256)
    return _file(content, name, kind_of(content) or SAVED)


async def _message(database: Database, workspace: str, message_id: UUID) -> Any:
    async with database.transaction(workspace) as connection:
        row = await (await connection.execute(MESSAGE, [workspace, message_id])).fetchone()
    if row is None:
        raise NO_SUCH_MESSAGE
    return row


async def _sent_by_us(database: Database, workspace: str, message_id: UUID, sha256: str) -> bytes:
    async with database.transaction(workspace) as connection:
        content = await files.content_of(connection, workspace, message_id, sha256)
    if content is None:
        raise NO_SUCH_ATTACHMENT
    return content


async def _ask(request: Request, kind: ChannelKind | None, asked: OriginalOf) -> bytes:
    if kind not in KEEPERS:
        raise NOT_KEPT
    async with AT_ONCE:
        try:
            answer = await request.app.state.bus.ask(KEEPERS[kind], asked, Original, SECONDS)
            if answer.body is None:
                raise NOT_KEPT
            return await request.app.state.bodies.receive(answer.body)
        except (UnavailableError, RefusedError) as error:
            raise AWAY from error


def _file(content: bytes, name: str, kind: str) -> Response:
    shown = "inline" if kind.startswith("image/") else "attachment"
    disposition = f"{shown}; filename*=UTF-8''{quote(name or 'unnamed', safe='')}"
    return Response(content, media_type=kind, headers=HEADERS | {"Content-Disposition": disposition})
