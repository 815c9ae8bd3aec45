"""The Slack gateway: Slack's signed events in, replies out."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from slack_bolt import BoltResponse
from slack_bolt.adapter.starlette.async_handler import to_async_bolt_request, to_starlette_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.async_context import AsyncBoltContext

from onethread.contracts.customers import CustomerErased
from onethread.contracts.replies import ReplyRequested
from onethread.contracts.streams import SLACK_ERASURES, SLACK_REPLIES
from onethread.gateway_slack import signing
from onethread.gateway_slack.capabilities import EVENT_LIMIT
from onethread.gateway_slack.inbound import Inbound
from onethread.gateway_slack.installation import (
    Installation,
    installation_for,
    installation_of,
    own_installation,
)
from onethread.gateway_slack.ledger import Ledger
from onethread.gateway_slack.outbound import Outbound
from onethread.gateway_slack.settings import Settings
from onethread.gateway_slack.web_api import new_session
from onethread.runtime import errors
from onethread.runtime.bus import Bus, UnavailableError
from onethread.runtime.channels import ChannelBook
from onethread.runtime.context import service_name
from onethread.runtime.errors import Problem
from onethread.runtime.health import Health

SERVICE = "gateway-slack"
NOT_FOUND = 404

log = structlog.get_logger()


def create_app(settings: Settings | None = None, bus: Bus | None = None) -> FastAPI:
    settings = settings or Settings.load()
    bus = bus or Bus(SERVICE, settings)
    health = Health()
    health.ready["bus"] = bus.check
    health.alive["consumers"] = bus.check_consumers

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service_name.set(SERVICE)
        async with new_session() as session:
            ledger = Ledger(bus)
            own = own_installation(settings, session)
            book = ChannelBook(bus, "slack", own, lambda config: installation_of(config, settings, session))
            app.state.installations, app.state.bolt = book, new_bolt(Inbound(bus, ledger))
            bus.on(SLACK_REPLIES, ReplyRequested, Outbound(bus, book, ledger).deliver)
            bus.on(SLACK_ERASURES, CustomerErased, ledger.forget)
            await bus.start()
            try:
                await book.start()
                yield
            finally:
                book.stop()
                await bus.stop()
                for installation in book:
                    installation.people.close()

    app = FastAPI(title="Onethread Slack gateway", lifespan=lifespan, docs_url=None, redoc_url=None)
    errors.install(app)
    app.include_router(health.router())

    @app.post("/slack/events")
    async def events(request: Request) -> Response:
        service_name.set(SERVICE)
        body = await _body(request)
        said = _decoded(body)
        signing.check_fresh(request.headers, time.time())
        try:
            us = await installation_for(app.state.installations, request.headers, said)
        except UnavailableError as error:
            raise _not_kept(error) from error
        except Problem as problem:
            return _for_good(problem)
        if _is_notice(body):
            return Response()
        event = to_async_bolt_request(request, body, {"installation": us})
        return to_starlette_response(await app.state.bolt.async_dispatch(event))

    return app


def new_bolt(inbound: Inbound) -> AsyncApp:
    """Bolt's own checks of signature and sender are off: they write what people say into the log, and its
    authorization answers 200 when Slack cannot be asked, which loses the message.
    """

    async def authorize(team_id: str | None, enterprise_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id)

    bolt = AsyncApp(
        authorize=authorize,
        process_before_response=True,
        request_verification_enabled=False,
        ignoring_self_events_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )

    async def on_event(body: dict[str, Any], context: AsyncBoltContext) -> None:
        us: Installation = context["installation"]
        await inbound.take(body["event"], us, await us.bot_in(body))

    async def on_error(error: Exception) -> BoltResponse:
        return _refusal(error)

    bolt.event(re.compile(""))(on_event)  # every type: an event without a listener would be refused, and come again
    bolt.error(on_error)
    return bolt


def _refusal(error: Exception) -> BoltResponse:
    """Anything but 200 makes Slack send the event again: at once, after a minute, after five minutes."""
    if isinstance(error, UnavailableError):
        problem = _not_kept(error)
    else:
        log.error("slack.failed", exc_info=error)
        problem = Problem(500, "Something broke on our side", "Nothing was kept. Send the event again.")
    answer = problem.response()
    return BoltResponse(status=answer.status_code, body=bytes(answer.body).decode(), headers=dict(answer.headers))


def _not_kept(error: UnavailableError) -> Problem:
    log.warning("slack.not_kept", reason=str(error))
    return Problem(503, "The message could not be kept just now", "Nothing was kept. Send the event again.")


def _for_good(problem: Problem) -> Response:
    """A team that is not connected will not be so a minute later: Slack need not send the event again."""
    answer = problem.response()
    if problem.status == NOT_FOUND:
        log.warning("slack.not_connected")
        answer.headers["X-Slack-No-Retry"] = "1"
    return answer


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > EVENT_LIMIT:
            raise Problem(413, "The event is too large", f"Nothing was kept. The limit is {EVENT_LIMIT} bytes.")
    return bytes(body)


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise _malformed("it is not UTF-8") from error


def _is_notice(body: bytes) -> bool:
    """True for what Slack says about the events themselves, such as `app_rate_limited`. Bolt knows none of them."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _malformed("it is not JSON") from error
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        raise _malformed("it has no type")
    if event["type"] == "event_callback":
        inner = event.get("event")
        if not isinstance(inner, dict) or not isinstance(inner.get("type"), str):
            raise _malformed("it carries no event")
        return False
    if event["type"] == "url_verification":
        return False
    log.warning("slack.notice", type=event["type"])
    return True


def _malformed(what: str) -> Problem:
    return Problem(400, "The body is not a Slack event", f"Nothing was kept: {what}.")
