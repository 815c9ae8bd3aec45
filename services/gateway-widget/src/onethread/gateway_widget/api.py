"""HTTP: the scripts of the widget, and its sessions."""

from __future__ import annotations

import gzip
import hashlib
import secrets
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError
from starlette.background import BackgroundTask

from onethread.contracts.envelope import now
from onethread.contracts.questions import History
from onethread.gateway_widget import convert
from onethread.gateway_widget.frames import SessionAnswer, SessionRequest, WidgetConfig, WidgetThread
from onethread.gateway_widget.history import handed_out, history_of
from onethread.gateway_widget.sessions import (
    IdentityRefusedError,
    Person,
    Session,
    continue_session,
    read_identity,
    read_session,
    session_token,
)
from onethread.gateway_widget.sites import Site
from onethread.runtime.bus import Bus, UnavailableError
from onethread.runtime.channels import ChannelBook
from onethread.runtime.errors import Problem

router = APIRouter()
STATIC = Path(__file__).parent / "static"
LARGEST_BODY = 16 * 1024


# Scripts


@dataclass(frozen=True)
class Script:
    body: bytes
    packed: bytes
    etag: str


@cache
def _script(name: str) -> Script:
    body = (STATIC / name).read_bytes()
    return Script(body, gzip.compress(body, 9, mtime=0), f'"{hashlib.sha256(body).hexdigest()[:32]}"')


@router.api_route("/widget.js", methods=["GET", "HEAD"], include_in_schema=False)
async def loader(request: Request) -> Response:
    """The script that a site puts on its pages."""
    return _serve("widget.js", request)


@router.api_route("/widget/panel.js", methods=["GET", "HEAD"], include_in_schema=False)
async def panel(request: Request) -> Response:
    """The chat itself, fetched by the loader when a customer reaches for it."""
    return _serve("panel.js", request)


def _serve(name: str, request: Request) -> Response:
    try:
        script = _script(name)
    except FileNotFoundError:
        raise Problem(503, "The widget is not built", "Run the set-up again: it builds the scripts.") from None
    headers = {
        "ETag": script.etag,
        "Cache-Control": "public, max-age=300",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if script.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(script.packed, headers=headers, media_type="text/javascript")
    return Response(script.body, headers=headers, media_type="text/javascript")


# Sessions


@router.post("/v1/session", openapi_extra={"requestBody": {"content": {"application/json": {}}}})
async def open_session(request: Request) -> Response:
    """Opens a session, or continues the one whose token the browser kept."""
    bus: Bus = request.app.state.bus
    secret = request.app.state.settings.session_secret.get_secret_value()
    asked = await _asked(request)
    site = _site(request, asked.channel_id)
    known = read_session(asked.session_token, secret)
    person = _vouched_for(asked.identity_token, site)
    session = continue_session(site, known, person, lambda: secrets.token_hex(16))
    history = await _history(bus, session, fresh=session != known and person is None)
    answer = _answer(session_token(session, secret, now()), site, history)
    telling = BackgroundTask(handed_out, bus, site.workspace, history) if history else None
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(answer.to_json(), headers=headers, media_type="application/json", background=telling)


async def _asked(request: Request) -> SessionRequest:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_BODY:
            raise Problem(413, "The request is too large", "A session is asked for in less than 16 kB.")
    try:
        return SessionRequest.model_validate_json(bytes(body))
    except ValidationError as error:
        errors = [{"at": ".".join(map(str, e["loc"])), "problem": e["msg"]} for e in error.errors()]
        raise Problem(422, "The request is not valid", errors=errors) from None


def _site(request: Request, channel_id: str) -> Site:
    sites: ChannelBook[Site] = request.app.state.sites
    try:
        site = sites.get(channel_id)
    except UnavailableError:
        raise Problem(503, "The chat is starting", "Nothing was stored. Try again in a moment.") from None
    if site is None:
        raise Problem(404, "There is no such channel", "The chat was removed or switched off, or its id is misspelt.")
    if not site.welcomes(request.headers.get("origin")):
        raise Problem(403, "This site may not use the chat", "An administrator can add it to the channel's origins.")
    return site


def _vouched_for(token: str | None, site: Site) -> Person | None:
    if not token:
        return None
    try:
        return read_identity(token, site.identity_secret)
    except IdentityRefusedError as error:
        raise Problem(401, "The site could not prove who you are", str(error)) from None


async def _history(bus: Bus, session: Session, *, fresh: bool) -> History | None:
    """None while conversation is away. A new visitor has said nothing yet: nobody is asked."""
    if fresh:
        return History()
    try:
        return await history_of(bus, session)
    except UnavailableError:
        return None


def _answer(token: str, site: Site, history: History | None) -> SessionAnswer:
    thread = history.thread if history else None
    return SessionAnswer(
        session_token=token,
        config=WidgetConfig(name=site.name, greeting=site.greeting, brand=site.brand),
        thread=WidgetThread(id=thread.id, status=thread.status) if thread else None,
        messages=convert.shown_history(history) if history else [],
        history="complete" if history else "unavailable",
    )
