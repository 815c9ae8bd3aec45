"""The bus: FastStream on NATS, with what its defaults lack.

FastStream discards a message whose handler fails, and publishes without an acknowledgement. Here a message is acked
after its effect, tried again with back-off when its handler fails, parked in `dead.{service}` when it cannot be
handled, and a publish returns only after JetStream has it on disk.
"""

# pyright: reportUnknownMemberType=false
# nats-py leaves out parts of its types.

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

import nats.errors
import structlog
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig
from nats.js.errors import APIError, NotFoundError
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Histogram
from pydantic import BaseModel, ValidationError

from onethread.contracts import subjects
from onethread.contracts.envelope import CONTENT_TYPE, CloudEvent
from onethread.contracts.streams import DEAD, EVENTS, Consumer
from onethread.runtime.context import service_name
from onethread.runtime.in_hand import InHand
from onethread.runtime.leaving import Door, leave
from onethread.runtime.settings import Settings
from onethread.runtime.telemetry import Tracing, traceparent

E = TypeVar("E", bound=CloudEvent)
Q = TypeVar("Q", bound=BaseModel)
A = TypeVar("A", bound=BaseModel)

log = structlog.get_logger()
HANDLED = Counter("onethread_handled_total", "Messages handled", ["service", "consumer", "outcome"])
SECONDS = Histogram("onethread_handling_seconds", "Time to handle a message", ["service", "consumer"])

RETRY_DELAYS = (0.2, 1.0, 5.0, 15.0)
"""Seconds. A message that still fails after these is parked."""
UNAVAILABLE_DELAY = 1.0
"""A message whose store or bus is away waits and is tried for ever: nothing is wrong with the message."""
PUBLISH_TIMEOUT = 5.0
NO_ROOM = {10023, 10047, 10077}
"""JetStream: insufficient resources, or storage; the stream did not keep it, which is its limit or the disk."""
DRAIN_SECONDS = 10
"""What is not done by then goes to another process."""
QUESTIONS_AT_ONCE = 16
AGAIN = "Onethread-Again"
"""Header of an event that the stream had lost. It is no news, and where it says `SETTLED`, its effect stands."""
SETTLED = "settled"
OPEN = "open"


class PoisonError(Exception):
    """This message can never be handled. It is parked at once, with this as the reason."""


class UnavailableError(Exception):
    """What the handler needs is away for a while. The message is kept and tried again until it is back."""


class FullError(UnavailableError):
    """A store is full: the bus, or a disk. Somebody must make room."""


class RefusedError(Exception):
    """The other service answered that it cannot answer."""


AWAY: tuple[type[Exception], ...] = (
    UnavailableError,
    nats.errors.Error,
    ConnectionError,
    TimeoutError,
)


class Bus:
    """One service's connection to NATS.

    Handlers are registered before `start` and are plain coroutines that take a contract. `away` names the exceptions
    that mean "my store is gone for a while" in this service.
    """

    def __init__(self, service: str, settings: Settings, away: tuple[type[Exception], ...] = ()) -> None:
        self.service = service
        self.tracing = Tracing(service, settings)
        self.broker = NatsBroker(
            settings.nats,
            name=service,
            ack_policy=AckPolicy.MANUAL,
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            error_cb=self._on_error,
            reconnected_cb=self._on_return,
            logger=None,
            # Handlers take the message itself. Injecting it costs more than handling it, and a hop to another thread.
            apply_types=False,
            decoder=_itself,
        )
        self._away = AWAY + away
        self._durables: list[tuple[str, str]] = []
        self._in_hand = InHand()
        self._doors: dict[str, Door] = {}
        self._when_back: list[Callable[[], None]] = []

    async def start(self) -> None:
        """Who asks from now on is heard: the server has every subscription."""
        await self.broker.start()
        await self._connection.flush()

    async def stop(self) -> None:
        """Takes no more, finishes what is in hand, settles it, and closes."""
        if self.connected:
            await self._stop_taking()
        for message in await self._in_hand.done(DRAIN_SECONDS):
            await _settle(message, "again 0")
        await asyncio.gather(*(door.give_back() for door in self._doors.values()))
        await self._close()
        self.tracing.stop()

    async def _stop_taking(self) -> None:
        """Says "no more" to the server. Returns when all that it sent before is in hand."""
        open_ones: list[Any] = [s for s in self.broker.subscribers if getattr(s, "subscription", None) is not None]
        with suppress(nats.errors.Error):  # it went away just now, and sends nothing
            await self._open_doors()
            await leave(self._connection, [subscriber.subscription for subscriber in open_ones])
        for subscriber in open_ones:
            subscriber.subscription = None  # FastStream would close it once more

    async def _open_doors(self) -> None:
        for stream, durable in self._durables:
            self._doors[durable] = door = Door(self.js, stream, durable)
            await door.open(self._connection)

    async def _close(self) -> None:
        try:
            await self.broker.stop()
        except nats.errors.ConnectionReconnectingError:  # the server is away, and hears no goodbye
            await self._connection.close()

    @property
    def js(self) -> JetStreamContext:
        return self.broker.config.broker_config.connection_state.stream

    @property
    def _connection(self) -> Client:
        return self.broker.config.broker_config.connection_state.connection

    @property
    def connected(self) -> bool:
        connection = self.broker._connection  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] FastStream has no public name for it
        return connection is not None and connection.is_connected

    # Events

    async def publish(self, event: CloudEvent, *tokens: str) -> None:
        """Returns when JetStream has the event on disk. Raises `UnavailableError` when it does not say so."""
        await self.publish_raw(
            subjects.event(event.workspaceid, event.type, *tokens), event.to_json(), str(event.id), event.traceparent
        )

    async def publish_raw(
        self, subject: str, body: bytes, message_id: str, trace: str | None = None, again: str | None = None
    ) -> int:
        """Returns where the event stands in the stream. `again`: it had stood there before, and was lost."""
        headers = {"Nats-Msg-Id": message_id, "Content-Type": CONTENT_TYPE}
        if trace := trace or traceparent():
            headers["traceparent"] = trace
        if again:
            headers[AGAIN] = again
        try:
            if not self.connected:  # nats-py would buffer it, and the caller would wait for nothing
                raise UnavailableError("the bus is not connected")
            ack = await self.js.publish(subject, body, timeout=PUBLISH_TIMEOUT, stream=EVENTS.name, headers=headers)
        except (nats.errors.Error, OSError, TimeoutError) as error:
            kind = FullError if isinstance(error, APIError) and error.err_code in NO_ROOM else UnavailableError
            raise kind(f"the bus did not take {subject}: {type(error).__name__}") from error
        return ack.seq

    def on(self, consumer: Consumer, event: type[E], handler: Callable[[E], Awaitable[None]]) -> None:
        """Calls `handler` for each event of a durable consumer; lane by lane where the consumer has lanes."""
        for durable, subject in consumer.each():
            self._durables.append((consumer.stream, durable))
            subscriber = self.broker.subscriber(
                subject,
                queue=durable,
                stream=JStream(consumer.stream, declare=False),
                config=ConsumerConfig(ack_wait=consumer.ack_wait, max_ack_pending=consumer.in_flight),
            )
            subscriber(self._taking(consumer, durable, event, handler))

    def _taking(
        self, consumer: Consumer, durable: str, event: type[E], handler: Callable[[E], Awaitable[None]]
    ) -> Callable[[NatsMessage], Awaitable[None]]:
        turn = asyncio.Semaphore(consumer.in_flight)

        async def work(message: NatsMessage) -> None:
            async with turn:
                settled = (message.headers or {}).get(AGAIN) == SETTLED
                outcome = "done" if settled else await self._handle(durable, consumer.ack_wait, event, handler, message)
                await _settle(message, outcome)

        async def take(message: NatsMessage) -> None:
            if door := self._doors.get(durable):
                door.came(message.raw_message)
            self._in_hand.take(message, work(message))

        return take

    async def _handle(
        self,
        durable: str,
        ack_wait: int,
        event: type[E],
        handler: Callable[[E], Awaitable[None]],
        message: NatsMessage,
    ) -> str:
        """What came of it."""
        service_name.set(self.service)
        started = time.perf_counter()
        outcome = "stopped"
        in_progress = _StayingAlive(message, ack_wait / 2)
        try:
            with self.tracing.span(f"{durable} process", SpanKind.CONSUMER, (message.headers or {}).get("traceparent")):
                await handler(_of_its_subject(event.model_validate_json(message.body), message))
            outcome = "done"
        except Exception as error:
            outcome = await self._failed(durable, message, error)
        finally:
            in_progress.cancel()
            HANDLED.labels(self.service, durable, outcome).inc()
            SECONDS.labels(self.service, durable).observe(time.perf_counter() - started)
        return outcome

    async def _failed(self, durable: str, message: NatsMessage, error: Exception) -> str:
        """What becomes of a message whose handler failed."""
        tries = message.raw_message.metadata.num_delivered
        if isinstance(error, self._away):
            log.warning("message.waits", consumer=durable, tries=tries, error=type(error).__name__)
            return f"again {UNAVAILABLE_DELAY}"
        permanent = isinstance(error, PoisonError | ValidationError)
        if not permanent and tries <= len(RETRY_DELAYS):
            log.warning("message.failed", consumer=durable, tries=tries, exc_info=error)
            return f"again {RETRY_DELAYS[tries - 1]}"
        try:
            await self._park(durable, message, error)
        except (nats.errors.Error, OSError, TimeoutError):
            return f"again {UNAVAILABLE_DELAY}"
        return "parked"

    async def _park(self, durable: str, message: NatsMessage, error: Exception) -> None:
        metadata = message.raw_message.metadata
        headers = {
            **(message.headers or {}),
            "Nats-Msg-Id": f"dead-{durable}-{metadata.stream}-{metadata.sequence.stream}",
            "Onethread-Reason": _one_line(error),
            "Onethread-Subject": message.raw_message.subject,
            "Onethread-Consumer": durable,
            "Onethread-Tries": str(metadata.num_delivered),
        }
        await self.js.publish(
            subjects.dead(self.service), message.raw_message.data, PUBLISH_TIMEOUT, DEAD.name, headers=headers
        )
        log.error("message.parked", consumer=durable, sequence=metadata.sequence.stream, reason=type(error).__name__)

    # Questions

    def answer(self, subject: str, question: type[Q], handler: Callable[[Q], Awaitable[BaseModel]]) -> None:
        """Answers questions on `subject`; the replicas of the service share them."""
        turn = asyncio.Semaphore(QUESTIONS_AT_ONCE)

        async def work(message: NatsMessage) -> None:
            async with turn:
                reply = await self._answered(subject, question, handler, message)
                await self._connection.publish(message.reply_to, reply)

        async def take(message: NatsMessage) -> None:
            self._in_hand.take(message, work(message))

        self.broker.subscriber(subject, queue=self.service, no_reply=True)(take)

    async def _answered(
        self, subject: str, question: type[Q], handler: Callable[[Q], Awaitable[BaseModel]], message: NatsMessage
    ) -> bytes:
        service_name.set(self.service)
        with self.tracing.span(subject, SpanKind.SERVER, (message.headers or {}).get("traceparent")):
            try:
                return (await handler(question.model_validate_json(message.body))).model_dump_json().encode()
            except Exception as error:
                log.warning("question.failed", subject=subject, exc_info=error)
                return json.dumps({"error": _one_line(error)}).encode()

    async def ask(self, subject: str, question: BaseModel, answer: type[A], timeout: float = 5.0) -> A:
        """Raises `UnavailableError` when nobody answers in time, `RefusedError` when the other side could not."""
        headers = {"traceparent": trace} if (trace := traceparent()) else None
        try:
            body = question.model_dump_json().encode()
            reply = await self._connection.request(subject, body, timeout, headers=headers)
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise UnavailableError(f"{subject} did not answer: {type(error).__name__}") from error
        if reply.data.startswith(b'{"error":'):
            raise RefusedError(json.loads(reply.data)["error"])
        return answer.model_validate_json(reply.data)

    # Live things, which are worth nothing a second later

    async def say_live(self, subject: str, body: BaseModel | bytes) -> None:
        """Nobody hears it while the bus is away."""
        data = body if isinstance(body, bytes) else body.model_dump_json().encode()
        if self.connected:
            with suppress(nats.errors.Error):
                await self._connection.publish(subject, data)

    async def listen(self, subject: str, handler: Callable[[Msg], Awaitable[None]]) -> None:
        """Hears what is new on `subject` from now on, in every replica. Call it after `start`."""

        async def on_news(message: Msg) -> None:
            if AGAIN not in (message.headers or {}):
                await handler(message)

        await self._connection.subscribe(subject, cb=on_news)

    def when_back(self, tell: Callable[[], None]) -> None:
        """Calls `tell` each time that the connection was lost and is there again: what was said meanwhile, and the
        last of before, nobody heard here who only listens.
        """
        self._when_back.append(tell)

    async def _on_return(self) -> None:
        for tell in self._when_back:
            tell()

    # Health

    async def check(self) -> None:
        if not self.connected:
            raise UnavailableError("the bus is not connected")

    async def check_consumers(self) -> None:
        """Raises when a durable of ours is gone: FastStream would go on listening to nothing."""
        if not self.connected:
            return  # a bus that is away is not a reason to restart this process
        await asyncio.gather(*(self._check_consumer(stream, durable) for stream, durable in self._durables))

    async def _check_consumer(self, stream: str, durable: str) -> None:
        try:
            await self.js.consumer_info(stream, durable, timeout=1)
        except NotFoundError as error:
            raise UnavailableError(f"consumer {durable} is gone") from error
        except (nats.errors.Error, TimeoutError):
            return  # a busy or absent bus says nothing about the consumer

    async def _on_error(self, error: Exception) -> None:
        # The only place where a forbidden publish or a slow consumer says its name.
        log.warning("bus.error", error=_one_line(error))


def _of_its_subject(event: E, message: NatsMessage) -> E:
    """Who may publish as a workspace is decided by the subject. Raises `PoisonError`."""
    if message.raw_message.subject.split(".")[1] != event.workspaceid:
        raise PoisonError("the event says another workspace than its subject")
    return event


async def _settle(message: NatsMessage, outcome: str) -> None:
    try:
        if outcome == "parked":
            await message.reject()
        elif outcome.startswith("again"):
            await message.nack(delay=float(outcome.split()[1]))
        else:
            await message.ack()
    except nats.errors.Error as error:  # it comes back after its `ack_wait`
        log.warning("message.unsettled", error=type(error).__name__)


async def _itself(message: NatsMessage) -> NatsMessage:
    return message


class _StayingAlive:
    """Tells the server that a message is still being worked on. Nearly all are done before the first time is up, so
    that there is a timer for each and a task only for the slow ones.
    """

    def __init__(self, message: NatsMessage, every: float) -> None:
        self._message, self._every = message, every
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(every, self._tell)

    def _tell(self) -> None:
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._message.in_progress())
        self._timer = loop.call_later(self._every, self._tell)

    def cancel(self) -> None:
        self._timer.cancel()
        if self._task:
            self._task.cancel()


def _one_line(error: BaseException) -> str:
    if isinstance(error, ValidationError):  # its own text quotes the message, which may be personal
        places = ", ".join(".".join(map(str, e["loc"])) + f" ({e['type']})" for e in error.errors()[:5])
        return f"ValidationError: {places}"
    text: Any = str(error).replace("\n", " ").replace("\r", " ")
    return f"{type(error).__name__}: {text}"[:300].encode("ascii", "replace").decode()
