"""REST: files are uploaded first, and named in the message that they go with."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request

from onethread.contracts.files import LARGEST
from onethread.conversation import files, once, threads
from onethread.conversation.access import CallerDep
from onethread.conversation.file_types import ANY
from onethread.conversation.files import UploadedFile
from onethread.conversation.once import IdempotencyKey
from onethread.runtime.errors import Problem

BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {ANY: {"schema": {"type": "string", "format": "binary"}, "example": "%PDF-1.7 …"}},
    }
}
router = APIRouter(prefix="/api/v1")
Name = Annotated[str, Query(min_length=1, max_length=1_000, description="As whoever gets it sees it: `offer.pdf`.")]


@router.post("/files", status_code=201, openapi_extra=BODY)
async def upload_file(
    thread_id: UUID, name: Name, request: Request, caller: CallerDep, idempotency_key: IdempotencyKey = None
) -> UploadedFile:
    """The body is the file, up to 20 MB; what type it is is told by its bytes. A message of that thread takes it along
    when its `files` name the `id`. What was not sent in a day is forgotten.
    """
    content = await _content(request)
    key = once.of(idempotency_key, request, request.url.query.encode() + b"\n" + content)
    async with request.app.state.database.transaction_of_large(caller.workspace) as connection:
        thread = await threads.lock(connection, caller.workspace, thread_id)
        kept = await files.keep(connection, caller.workspace, thread, name, content, key)
    request.app.state.timers.poke()
    return kept


@router.delete("/files/{file_id}", status_code=204)
async def remove_file(file_id: UUID, request: Request, caller: CallerDep) -> None:
    """Only before it is sent; too late is a 409."""
    async with request.app.state.database.transaction(caller.workspace) as connection:
        await files.remove(connection, caller.workspace, file_id)


async def _content(request: Request) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > LARGEST.bytes:
            detail = f"A file has at most {LARGEST.bytes // 10**6} MB. It was not kept; send a link to it instead."
            raise Problem(413, "This file is too large", detail)
    if not content:
        raise Problem(422, "This file is empty", "It was not kept.")
    return bytes(content)
