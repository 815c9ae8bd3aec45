"""HTTP: the files of our replies, for whoever may see the reply that they came with."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response

from onethread.contracts.files import FileOf
from onethread.contracts.originals import Original
from onethread.contracts.subjects import CONVERSATION_FILE
from onethread.gateway_widget.sessions import Session, read_session
from onethread.gateway_widget.sites import Site
from onethread.runtime.bodies import Bodies
from onethread.runtime.bus import Bus, RefusedError, UnavailableError
from onethread.runtime.channels import ChannelBook
from onethread.runtime.errors import Problem

SECONDS = 30.0
HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}
SAVED = "application/octet-stream"
"""What it is called, so that no browser opens it here: the chat makes pictures of those that are."""
NO_SESSION = Problem(401, "Your session has ended", "Reload the page and try again.")
GONE = Problem(404, "There is no such file", "It is no longer kept, or it is not yours to see.")
AWAY = Problem(503, "The file can't be reached at the moment", "Try again in a moment.")

router = APIRouter()
Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


def _session(request: Request) -> Session:
    """Of a channel that is served, asked by a page that may use it."""
    secret = request.app.state.settings.session_secret.get_secret_value()
    session = read_session(request.headers.get("authorization", "").removeprefix("Bearer "), secret)
    sites: ChannelBook[Site] = request.app.state.sites
    try:
        site = sites.get(session.channel_id, session.workspace) if session else None
    except UnavailableError:
        raise AWAY from None
    if session is None or site is None or not site.welcomes(request.headers.get("origin")):
        raise NO_SESSION
    return session


@router.get("/v1/messages/{message_id}/attachments/{sha256}", response_class=Response)
async def read_file(
    message_id: UUID, sha256: Sha256, session: Annotated[Session, Depends(_session)], request: Request
) -> Response:
    """The session is the bearer, so it stands in no address. Conversation decides what its visitor sees."""
    asked = FileOf(workspace=session.workspace, message_id=message_id, sha256=sha256, visitor=session.identities)
    content = await _content(request.app.state.bus, asked)
    return Response(content, media_type=SAVED, headers=HEADERS)


async def _content(bus: Bus, asked: FileOf) -> bytes:
    try:
        answer = await bus.ask(CONVERSATION_FILE, asked, Original, SECONDS)
        if answer.body is None:
            raise GONE
        return await Bodies(bus).receive(answer.body)
    except (UnavailableError, RefusedError) as error:
        raise AWAY from error
