"""The gateway on a real server, with real browsers' frames, and a bus in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from onethread.contracts.channels import Channels
from onethread.contracts.envelope import CloudEvent, now
from onethread.contracts.messages import Audience, Author, Channel, Delivery, Message, Place
from onethread.contracts.questions import History, HistoryOfVisitor
from onethread.contracts.replies import ReplyRequested, RequestedReply
from onethread.contracts.threads import AddedMessage, CustomerName, MessageAdded, Thread
from onethread.gateway_widget import socket
from onethread.gateway_widget.app import create_app
from onethread.gateway_widget.settings import Settings
from onethread.runtime.bus import UnavailableError
from onethread.runtime.telemetry import Tracing

SESSION_SECRET = "session-secret-of-thirty-two-bytes"
WIDGET_SECRET = "widget-secret-of-thirty-two-bytes!"
THREAD, CUSTOMER = UUID(int=7), UUID(int=9)
WIDGET = Channel(id="local", kind="widget")
PATIENCE = 20
"""Seconds until a thing must be there: a pass takes none of it."""


class BusInMemory:
    """What `runtime.Bus` promises, where a test can take it away, hold a publish, and say what is heard."""

    def __init__(self, settings: Settings) -> None:
        self.tracing = Tracing("gateway-widget", settings)
        self.published: list[tuple[CloudEvent, tuple[str, ...]]] = []
        self.begun: list[CloudEvent] = []
        """Of which the publishing has begun, whatever becomes of it."""
        self.live: list[tuple[str, Any]] = []
        self.asked: list[HistoryOfVisitor] = []
        self.handlers: dict[str, Callable[[Any], Awaitable[None]]] = {}
        self.history: Callable[[HistoryOfVisitor], History] | None = lambda _: History()
        self.answers: dict[str, Callable[[Any], Any]] = {"svc.conversation.channels": lambda _: Channels()}
        self.away = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.comes_back: Callable[[], None] = lambda: None

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def check(self) -> None:
        if self.away:
            raise UnavailableError("away")

    async def check_consumers(self) -> None: ...

    async def publish(self, event: CloudEvent, *tokens: str) -> None:
        self.begun.append(event)
        await self.gate.wait()
        await self.check()
        self.published.append((event, tokens))

    async def ask(self, subject: str, question: Any, answer: type, patience: float = 5) -> Any:
        if subject != "svc.conversation.visitor":
            if subject not in self.answers:
                raise UnavailableError("conversation is away")
            return self.answers[subject](question)
        self.asked.append(question)
        if self.history is None:
            raise UnavailableError("conversation is away")
        return self.history(question)

    async def say_live(self, subject: str, body: Any) -> None:
        self.live.append((subject, body))

    def on(self, consumer: Any, event: type, handler: Callable[[Any], Awaitable[None]]) -> None:
        self.handlers[consumer.name] = handler

    async def listen(self, subject: str, handler: Callable[[Any], Awaitable[None]]) -> None:
        self.handlers[subject] = handler

    def when_back(self, tell: Callable[[], None]) -> None:
        self.comes_back = tell

    async def hears(self, subject: str, body: Any, workspace: str = "local") -> None:
        """Something is said on core NATS."""
        data = body if isinstance(body, bytes) else body.model_dump_json().encode()
        await self.handlers[subject](_Heard(data, subject.replace("*", workspace)))

    async def replies(self, event: ReplyRequested) -> None:
        await self.handlers["gateway-widget-replies"](event)

    def events(self, kind: type) -> list[Any]:
        return [event for event, _ in self.published if isinstance(event, kind)]


@dataclass
class _Heard:
    data: bytes
    subject: str


class Browser:
    """A browser with the widget open."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, **frame: Any) -> None:
        await self.socket.send(json.dumps(frame))

    async def say(self, text: str, client_id: str | None = None) -> str:
        client_id = client_id or str(uuid4())
        await self.send(type="message", client_id=client_id, text=text, attachments=[])
        return client_id

    async def hear(self) -> dict[str, Any]:
        return json.loads(await asyncio.wait_for(self.socket.recv(), PATIENCE))

    async def handled(self) -> None:
        """Until the gateway has taken all frames so far: it takes them one after the other."""
        client_id = await self.say("And this")
        while (await self.hear()).get("client_id") != client_id:
            pass

    async def hears_nothing(self, seconds: float = 0.1) -> bool:
        try:
            await asyncio.wait_for(self.socket.recv(), seconds)
        except TimeoutError:
            return True
        return False

    async def closed(self) -> int | None:
        """The close code."""
        for _ in range(1000):
            try:
                await asyncio.wait_for(self.socket.recv(), PATIENCE)
            except ConnectionClosed:
                return self.socket.close_code
        raise AssertionError("the socket stays open")


@dataclass
class Running:
    app: Any
    server: uvicorn.Server
    bus: BusInMemory
    port: int
    http: httpx.AsyncClient

    async def session(self, **asked: Any) -> dict[str, Any]:
        answer = await self.http.post("/v1/session", json={"channel_id": "local", **asked})
        assert answer.status_code == 200, answer.text
        return answer.json()

    @asynccontextmanager
    async def browser(self, token: str | None = None, **more: Any) -> AsyncIterator[Browser]:
        token = token or (await self.session())["session_token"]
        url = f"ws://127.0.0.1:{self.port}/v1/socket"
        async with connect(url, subprotocols=["onethread.v1", token], **more) as socket:
            yield Browser(socket)

    async def settled(self, sockets: int) -> None:
        """Until the gateway knows of so many sockets."""
        await until(lambda: len(self.app.state.connections) == sockets)


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.01)


@pytest.fixture
def settings() -> Settings:
    return Settings(session_secret=SESSION_SECRET, widget_secret=WIDGET_SECRET)


@asynccontextmanager
async def gateway_on(settings: Settings, bus: Any) -> AsyncIterator[Running]:
    app = create_app(settings, bus)
    config = uvicorn.Config(
        app, port=0, log_config=None, access_log=False, ws="websockets-sansio", ws_max_size=65_536, lifespan="on"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        yield Running(app, server, bus, port, http)
    server.should_exit = True
    await asyncio.wait_for(serving, PATIENCE)
    assert len(app.state.connections) == 0


@pytest.fixture
def memory_bus(settings: Settings) -> BusInMemory:
    return BusInMemory(settings)


@pytest.fixture
async def running(
    settings: Settings, memory_bus: BusInMemory, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Running]:
    monkeypatch.setattr(socket, "OPENING_SECONDS", 0.2)
    async with gateway_on(settings, memory_bus) as running:
        yield running


@pytest.fixture
def two_replicas(settings: Settings, nats_url: str) -> Callable[[], Any]:
    """Two gateways on a real bus."""
    there = settings.model_copy(update={"nats_url": nats_url})

    @asynccontextmanager
    async def replicas() -> AsyncIterator[tuple[Running, Running]]:
        async with gateway_on(there, None) as one, gateway_on(there, None) as two:
            yield one, two

    return replicas


@pytest.fixture
def vouch() -> Callable[..., str]:
    """An identity token as the site signs it; `seconds` until it expires."""

    def token(sub: str = "u-1", seconds: int = 600, secret: str = WIDGET_SECRET, **claims: Any) -> str:
        exp = int(now().timestamp()) + seconds
        return jwt.encode({"sub": sub, "email": "Ana@Shop.example", "name": "Ana Ruiz", "exp": exp, **claims}, secret)

    return token


@pytest.fixture
def visitor_of() -> Callable[[str], str]:
    def visitor(token: str) -> str:
        return jwt.decode(token, options={"verify_signature": False})["v"]

    return visitor


@pytest.fixture
def a_thread() -> Callable[..., Thread]:
    def thread() -> Thread:
        customer = CustomerName(id=CUSTOMER, name="Ana")
        return Thread(id=THREAD, status="open", customer=customer, sequence=3, created_at=now(), updated_at=now())

    return thread


@pytest.fixture
def a_message() -> Callable[..., Message]:
    def message(sequence: int = 1, kind: str = "customer", channel: Channel = WIDGET, **more: Any) -> Message:
        state = more.pop("state", None)
        fields: dict[str, Any] = {
            "id": uuid4(),
            "thread_id": THREAD,
            "sequence": sequence,
            "position": sequence,
            "channel": channel,
            "author": Author(kind=kind, name="Mara" if kind == "teammate" else None),
            "audience": Audience(shared=False),
            "text": f"said {sequence}",
            "delivery": Delivery(state=state) if state else None,
            "created_at": now(),
        }
        return Message(**fields | more)

    return message


@pytest.fixture
def a_history(a_thread: Callable[[], Thread]) -> Callable[..., History]:
    def history(*messages: Message) -> History:
        cursors = [str(message.position) for message in messages]
        return History(thread=a_thread(), messages=list(messages), cursors=cursors)

    return history


@pytest.fixture
def added(a_thread: Callable[[], Thread]) -> Callable[..., bytes]:
    """The event of a message that was stitched in, as it is on the bus."""

    def event(message: Message, place: str | None) -> bytes:
        return MessageAdded(
            id=uuid4(),
            source="/conversation",
            workspaceid="local",
            threadid=THREAD,
            customerid=CUSTOMER,
            data=AddedMessage(message=message, thread=a_thread(), place=place),
        ).to_json()

    return event


@pytest.fixture
def a_reply() -> Callable[..., ReplyRequested]:
    def reply(visitor: str, text: str = "Within **30 days**.", workspace: str = "local") -> ReplyRequested:
        return ReplyRequested(
            id=uuid4(),
            source="/conversation",
            workspaceid=workspace,
            threadid=THREAD,
            data=RequestedReply(
                message_id=uuid4(),
                channel=WIDGET,
                place=Place(key=f"widget:{visitor}", audience=Audience(shared=False)),
                author=Author(kind="agent"),
                text=text,
                html="<p>…</p>",
                sequence=4,
                position=4,
            ),
        )

    return reply
