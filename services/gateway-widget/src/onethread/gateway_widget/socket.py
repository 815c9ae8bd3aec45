"""The WebSocket: frames from a browser become events, and are acknowledged once they are durable."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from typing import Any, Literal
from uuid import UUID

import structlog
from fastapi import APIRouter, WebSocket
from opentelemetry.trace import SpanKind
from prometheus_client import Counter
from pydantic import ValidationError
from starlette.websockets import WebSocketDisconnect

from onethread.contracts import ids, subjects
from onethread.contracts.envelope import CloudEvent, now
from onethread.gateway_widget import convert, frames, proving
from onethread.gateway_widget.allowance import Allowance
from onethread.gateway_widget.capabilities import ATTACHMENTS, KIND, LARGEST_FRAME, LONGEST_TEXT
from onethread.gateway_widget.catching_up import CatchUp
from onethread.gateway_widget.connections import BROKEN, GOING_AWAY, TOKEN_REFUSED, Connection, Connections
from onethread.gateway_widget.frames import ErrorCode
from onethread.gateway_widget.sessions import Session, read_session
from onethread.gateway_widget.settings import Settings
from onethread.gateway_widget.sites import Site
from onethread.runtime.bus import AWAY, Bus, UnavailableError
from onethread.runtime.context import service_name
from onethread.runtime.telemetry import traceparent

log = structlog.get_logger()
router = APIRouter()
MESSAGES = Counter("onethread_widget_messages_total", "Messages from browsers", ["outcome"])

PROTOCOL = "onethread.v1"
FLUSH_SECONDS = 2.0
ASIDE = 4
"""Questions of one browser that may wait for their answers at once."""
OPENING_SECONDS = 1.0
"""A browser says at once where it left off. One that says nothing has missed nothing."""

REFUSALS: dict[ErrorCode, str] = {
    "malformed": "The chat sent something that we cannot read. Nothing was stored.",
    "too_large": "That is more than we can take at once. Nothing was stored.",
    "too_long": f"A message holds {LONGEST_TEXT:,} characters. Please send it in parts.",
    "unsupported": "Files cannot be sent here yet. Nothing was stored.",
    "slow_down": "That was a lot at once. Please wait a moment and send it again.",
    "try_again": "We could not store your message just now. Please send it again.",
}


class RefusedFrameError(Exception):
    def __init__(self, code: ErrorCode) -> None:
        super().__init__(code)
        self.code: ErrorCode = code


@router.websocket("/v1/socket")
async def socket(websocket: WebSocket) -> None:
    service_name.set("gateway-widget")
    state = websocket.app.state
    settings: Settings = state.settings
    offered: list[str] = websocket.scope["subprotocols"]
    session = _session_of(offered, settings)
    try:
        site: Site | None = state.sites.get(session.channel_id, session.workspace) if session else None
    except UnavailableError:
        await _refuse(websocket, GOING_AWAY, "The chat is starting. Come back in a moment.")
        return
    if site and not site.welcomes(websocket.headers.get("origin")):
        await websocket.close()  # before the handshake: the browser sees a 403
    elif session is None or site is None:
        await _refuse(websocket, TOKEN_REFUSED, "The session token is not valid. Open a new session.")
    elif state.connections.ending:
        await _refuse(websocket, GOING_AWAY, "The server restarts. Come back in a moment.")
    else:
        await websocket.accept(PROTOCOL)
        await Talk(websocket, Connection(session), settings, state.bus, state.connections).run()


def _session_of(offered: list[str], settings: Settings) -> Session | None:
    token = next((one for one in offered if one != PROTOCOL), None)
    return read_session(token, settings.session_secret.get_secret_value()) if PROTOCOL in offered else None


async def _refuse(websocket: WebSocket, code: int, reason: str) -> None:
    """Accepted first: a browser hides the reason of a failed handshake, but not a close code."""
    await websocket.accept(PROTOCOL if PROTOCOL in websocket.scope["subprotocols"] else None)
    await websocket.close(code, reason)


class Talk:
    """One browser's socket, from its opening to its closing."""

    def __init__(
        self, websocket: WebSocket, connection: Connection, settings: Settings, bus: Bus, connections: Connections
    ) -> None:
        self._websocket, self._connection = websocket, connection
        self._session = connection.session
        self._bus, self._connections = bus, connections
        self._allowance = Allowance(settings.widget_rate, settings.widget_burst, time.monotonic())
        self._in_hand = asyncio.Lock()
        self._catching_up = CatchUp(bus, connection, connections)
        self._aside: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        connection = self._connection
        connection.refresh = self._catching_up.go_on
        connection.hold()  # what is said now comes after what was missed, which the browser's first frame asks for
        opening = asyncio.get_running_loop().call_later(OPENING_SECONDS, self._opened)
        self._connections.add(connection)
        reading, writing = asyncio.create_task(self._read()), asyncio.create_task(self._write())
        try:
            await asyncio.wait({reading, writing, connection.closing}, return_when=asyncio.FIRST_COMPLETED)
            async with self._in_hand:  # a message in hand is published and acknowledged first
                reading.cancel()
            if connection.closing.done() and connection.closing.result() == GOING_AWAY:
                await self._flush(writing)
        finally:
            opening.cancel()
            self._connections.remove(connection)
            await self._stop(reading, writing)
        await self._close()

    async def _read(self) -> None:
        while True:
            received = await self._websocket.receive()
            if received["type"] != "websocket.receive":
                return
            async with self._in_hand:
                await self._take(received.get("text") or "")
                self._opened()

    def _opened(self) -> None:
        """A browser that resumes gets what happens meanwhile once it has caught up."""
        if self._catching_up.task is None:
            self._connection.release()

    async def _write(self) -> None:
        frames_ = self._connection.frames
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await self._websocket.send_text(await frames_.get())
                frames_.task_done()

    async def _flush(self, writing: asyncio.Task[None]) -> None:
        flushed = asyncio.create_task(self._connection.frames.join())
        await asyncio.wait({flushed, writing}, timeout=FLUSH_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        flushed.cancel()

    async def _stop(self, *tasks: asyncio.Task[None]) -> None:
        ending = [task for task in (*tasks, self._catching_up.task, *self._aside) if task is not None]
        for task in ending:
            task.cancel()
        for result in await asyncio.gather(*ending, return_exceptions=True):
            if isinstance(result, Exception):
                log.error("socket.failed", exc_info=result)
                self._connection.close(BROKEN)

    async def _close(self) -> None:
        closing = self._connection.closing
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):  # the browser has left already
            await asyncio.wait_for(self._websocket.close(closing.result() if closing.done() else 1000), FLUSH_SECONDS)

    # Frames

    async def _take(self, raw: str) -> None:
        try:
            await self._handle(self._read_frame(raw))
        except RefusedFrameError as refusal:
            MESSAGES.labels(refusal.code).inc()
            refused = frames.Refused(
                code=refusal.code, message=REFUSALS[refusal.code], client_id=frames.client_id_in(raw)
            )
            self._connection.send(refused.to_json())

    def _read_frame(self, raw: str) -> frames.FrameFromBrowser:
        if not self._allowance.spend(time.monotonic()):
            raise RefusedFrameError("slow_down")
        if len(raw) > LARGEST_FRAME or len(raw.encode()) > LARGEST_FRAME:
            raise RefusedFrameError("too_large")
        try:
            return frames.from_browser.validate_json(raw)
        except ValidationError:
            raise RefusedFrameError("malformed") from None

    async def _handle(self, frame: frames.FrameFromBrowser) -> None:
        match frame:
            case frames.MessageFrame():
                await self._said(frame)
            case frames.ResumeFrame():
                self._catching_up.begin(frame.after)
            case frames.FeedbackFrame():
                await self._judged(frame)
            case frames.TypingFrame():
                await self._show("typing")
            case frames.ReadFrame():
                await self._show("read", frame.message_id)
                self._do_aside(self._connection.unseen.saw(self._bus, self._session, frame.message_id))
            case frames.ProveFrame():
                self._do_aside(self._prove(frame))
            case frames.CodeFrame():
                self._do_aside(self._try_code(frame))
            case frames.PingFrame():
                pass

    async def _said(self, frame: frames.MessageFrame) -> None:
        if len(frame.text) > LONGEST_TEXT:
            raise RefusedFrameError("too_long")
        if frame.attachments and not ATTACHMENTS:
            raise RefusedFrameError("unsupported")
        with self._bus.tracing.span("widget received", SpanKind.SERVER):
            event = convert.received(self._session, frame, now(), traceparent())
            await self._publish(event, KIND, ids.lane(self._session.visitor))
        MESSAGES.labels("acknowledged").inc()
        self._connection.send(frames.Ack(client_id=frame.client_id, message_id=event.id).to_json())

    async def _judged(self, frame: frames.FeedbackFrame) -> None:
        await self._publish(convert.feedback(self._session, frame, self._connection.customer_id))
        if frame.client_id:
            self._connection.send(frames.Ack(client_id=frame.client_id, message_id=frame.message_id).to_json())

    async def _publish(self, event: CloudEvent, *tokens: str) -> None:
        try:
            await self._bus.publish(event, *tokens)
        except UnavailableError:
            raise RefusedFrameError("try_again") from None

    async def _show(self, kind: Literal["typing", "read"], message_id: UUID | None = None) -> None:
        """Tells teammates who look at the thread now."""
        thread_id = self._connection.thread_id
        if thread_id is None:
            return
        activity = convert.Activity(kind=kind, thread_id=thread_id, place=self._connection.place, message_id=message_id)
        with contextlib.suppress(*AWAY):  # worth nothing a second later
            await self._bus.say_live(subjects.live(self._session.workspace, kind, KIND), activity)

    # Questions, which are asked while the talk goes on

    def _do_aside(self, asking: Coroutine[Any, Any, None]) -> None:
        if len(self._aside) >= ASIDE:
            asking.close()
            raise RefusedFrameError("slow_down")
        task = asyncio.create_task(asking)
        self._aside.add(task)
        task.add_done_callback(self._done_aside)

    def _done_aside(self, task: asyncio.Task[None]) -> None:
        self._aside.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("socket.failed", exc_info=error)

    async def _prove(self, frame: frames.ProveFrame) -> None:
        self._connection.send((await proving.start(self._bus, self._session, frame)).to_json())

    async def _try_code(self, frame: frames.CodeFrame) -> None:
        outcome = await proving.check(self._bus, self._session, frame)
        self._connection.send(outcome.to_json())
        if outcome.state == "proven":
            self._catching_up.begin(None)  # who they are has changed, and with it what they may see
