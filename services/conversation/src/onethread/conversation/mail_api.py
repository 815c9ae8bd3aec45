"""REST: a mail as its sender laid it out, and its pictures."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

import anyio.to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from sqlmodel import col, select

from onethread.conversation.access import CallerDep
from onethread.conversation.api import DatabaseDep
from onethread.conversation.database import Database
from onethread.conversation.mail_page import HEADERS, page
from onethread.conversation.models import MessageRow
from onethread.conversation.pictures import Pictures
from onethread.runtime.errors import Problem
from onethread.runtime.harmless import harmless, pictures

router = APIRouter(prefix="/api/v1")
PICTURE_HEADERS = {
    "Cache-Control": "private, max-age=86400",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
ADDRESS_CHARACTERS = 2_100


@router.get("/messages/{message_id}/page", response_class=HTMLResponse)
async def mail_page(
    message_id: UUID,
    caller: CallerDep,
    database: DatabaseDep,
    with_pictures: Annotated[
        bool, Query(alias="pictures", description="Those of other servers, by way of us.")
    ] = False,
) -> HTMLResponse:
    """The message's HTML as a page to be framed: no scripts, nothing from elsewhere, history and signature folded."""
    html = await _html(database, caller.workspace, message_id)
    shown = await anyio.to_thread.run_sync(partial(page, message_id, html, pictures=with_pictures))
    return HTMLResponse(shown, headers=HEADERS)


@router.get(
    "/messages/{message_id}/pictures",
    response_class=Response,
    responses={200: {"content": {"image/*": {}}, "description": "The picture."}},
)
async def picture(
    message_id: UUID,
    url: Annotated[str, Query(max_length=ADDRESS_CHARACTERS, description="As in `data-picture` of the HTML.")],
    request: Request,
    caller: CallerDep,
    database: DatabaseDep,
) -> Response:
    """A picture of another server that the message shows, fetched by us: only public addresses, 5 MB, three redirects.
    No other address than one of the message is asked.
    """
    html = await _html(database, caller.workspace, message_id)
    if url not in await anyio.to_thread.run_sync(lambda: pictures(harmless(html))):
        raise Problem(404, "The message shows no such picture")
    fetcher: Pictures = request.app.state.pictures
    found = await fetcher.get(url)
    return Response(found.content, media_type=found.type, headers=PICTURE_HEADERS)


async def _html(database: Database, workspace: str, message_id: UUID) -> str:
    find = select(MessageRow.html).where(MessageRow.workspace_id == workspace, col(MessageRow.id) == message_id)
    async with database.session(workspace) as session:
        html = (await session.exec(find)).first()
    if html is None:
        raise Problem(404, "There is no such message with HTML")
    return html
