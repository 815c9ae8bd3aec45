"""The language model as the agent uses it: within limits of time and number, tried again, metered, and let alone while
it is out of order.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import structlog
from prometheus_client import Counter, Gauge, Histogram
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, stop_before_delay
from tenacity.wait import wait_exponential_jitter

from onethread.agent.breaker import Breaker
from onethread.agent.prompt import Line
from onethread.agent.providers import ModelError, Piece, Provider, Wanted
from onethread.agent.spending import Prices
from onethread.contracts.agent import Usage
from onethread.contracts.tools import Tool

log = structlog.get_logger()
Heard = Callable[[str], Awaitable[None]]
CHARACTERS_PER_TOKEN = 8
"""More than a tokenizer puts into one: beyond that, a server does not keep to the length that it was given."""
_CIRCLE = 60
_ROUNDS = 3
_BUCKETS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60)

CALLS = Counter("onethread_llm_calls_total", "Answers asked of the language model, by what became of them", ["outcome"])
TOKENS = Counter("onethread_llm_tokens_total", "Tokens that the language model read and wrote", ["kind"])
COST = Counter("onethread_llm_cost_total", "What the language model cost, in the currency of the configured prices")
FIRST = Histogram("onethread_llm_first_sign_seconds", "Until the model gave its first sign", buckets=_BUCKETS)
WHOLE = Histogram("onethread_llm_seconds", "Until the model had answered or failed", buckets=_BUCKETS)
OPEN = Gauge("onethread_llm_breaker_open", "1 while the language model is let alone after failing again and again")


@dataclass(frozen=True)
class Limits:
    """Seconds until the first sign of an answer, between two signs, and in all; how many answers at once; how often
    one request is tried, and how long it waits at first; after how many failed answers in a row the model is let alone,
    and for how long.
    """

    first: float = 15.0
    between: float = 10.0
    whole: float = 30.0
    at_once: int = 8
    tries: int = 3
    pause: float = 0.3
    failures: int = 5
    rest: float = 30.0


@dataclass
class _Request:
    """One request and what it used: as the provider tells, else counted."""

    text: str = ""
    finish: str | None = None
    began: bool = False
    told: Piece = field(default_factory=Piece)

    def add(self, piece: Piece) -> None:
        self.began = True
        self.text += piece.text
        self.finish = piece.finish or self.finish
        if piece.input_tokens is not None or piece.output_tokens is not None:
            self.told = piece


class LanguageModel:
    """One for the process. What it cannot do in time or at all is a `ModelError` with the reason."""

    def __init__(self, provider: Provider, limits: Limits | None = None, prices: Prices | None = None) -> None:
        self._provider, self._limits, self._prices = provider, limits or Limits(), prices or Prices()
        self._breaker = Breaker(self._limits.failures, self._limits.rest, time.monotonic)
        self._room = asyncio.Semaphore(self._limits.at_once)
        OPEN.set_function(lambda: self._breaker.state != "closed")

    async def warm(self) -> None:
        await self._provider.warm()

    def tokens(self, text: str) -> int:
        return self._provider.tokens(text)

    @property
    def room(self) -> int:
        """Tokens that a prompt may have."""
        return self._provider.context - self._provider.longest

    def most(self, lines: Sequence[Line]) -> float:
        """What an answer to this can cost at most."""
        return self._prices.cost(self._length(lines), self._provider.longest)

    async def write(self, lines: Sequence[Line], heard: Heard, used: list[Usage]) -> str:
        """The whole answer; `heard` gets it piece by piece while it is written. Raises `ModelError`.

        What each request used is appended to `used`, whatever comes of it.
        """
        with _counted():
            async with self._within(self._limits.whole, "did not finish"), self._admitted():
                return await self._tried(lines, heard, used)

    async def choose(self, lines: Sequence[Line], tools: Sequence[Tool], used: list[Usage]) -> list[Wanted]:
        """Which tools the model wants to be called. One try: without it the administrator's examples choose.

        Raises `ModelError`.
        """
        with _counted():
            async with self._within(self._limits.first, "did not choose a tool"), self._admitted():
                wanted, told = await self._provider.choose(lines, tools)
                used.append(self._metered(_Request(told.text, told=told), lines))
        return wanted

    @asynccontextmanager
    async def _admitted(self) -> AsyncGenerator[None]:
        """Waits for room, asks the breaker, and tells it what came of the call."""
        async with self._within(self._limits.first, "was busy with other answers and had no room", broken=False):
            await self._room.acquire()
        try:
            if not self._breaker.admit():
                raise ModelError("The language model is out of order and is let alone for a while", broken=False)
            with self._judged():
                yield
        finally:
            self._room.release()

    @contextmanager
    def _judged(self) -> Generator[None]:
        try:
            yield
        except ModelError as error:
            if error.broken:
                self._breaker.failed()
            else:
                self._breaker.succeeded()
            raise
        except BaseException:
            self._breaker.gave_up()
            raise
        self._breaker.succeeded()

    async def _tried(self, lines: Sequence[Line], heard: Heard, used: list[Usage]) -> str:
        """Tries again only what may pass, and only as long as the model has written nothing."""
        tries = AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, ModelError) and error.passing),
            wait=self._pause,
            stop=stop_after_attempt(self._limits.tries) | stop_before_delay(self._limits.whole),
            reraise=True,
        )
        return await tries(self._once, lines, heard, used)

    def _pause(self, state: RetryCallState) -> float:
        """As long as the provider asks for, but growing with each try."""
        error = state.outcome.exception() if state.outcome else None
        asked = (error.wait if isinstance(error, ModelError) else None) or 0.0
        growing = wait_exponential_jitter(initial=self._limits.pause, max=4.0, jitter=self._limits.pause)
        return max(asked, growing(state))

    async def _once(self, lines: Sequence[Line], heard: Heard, used: list[Usage]) -> str:
        request = _Request()
        try:
            await self._hear(request, lines, heard)
        except ModelError as error:
            if request.text and error.passing:
                raise ModelError("The language model broke off in the middle of its answer") from error
            raise
        finally:
            if request.began:
                used.append(self._metered(request, lines))
        return _whole(request)

    async def _hear(self, request: _Request, lines: Sequence[Line], heard: Heard) -> None:
        started = time.monotonic()
        async with aclosing(self._provider.stream(lines)) as pieces:
            async for piece in self._in_time(pieces):
                if not request.began:
                    FIRST.observe(time.monotonic() - started)
                request.add(piece)
                if len(request.text) > CHARACTERS_PER_TOKEN * self._provider.longest:
                    raise ModelError("The language model did not come to an end")
                if request.text.count(request.text[-_CIRCLE:]) >= _ROUNDS and len(request.text) > _CIRCLE:
                    raise ModelError("The language model went round in circles", broken=False)
                if piece.text:
                    await heard(piece.text)

    async def _in_time(self, pieces: AsyncGenerator[Piece]) -> AsyncGenerator[Piece]:
        limit, wrong = self._limits.first, "did not begin"
        while True:
            async with self._within(limit, wrong):
                piece = await anext(pieces, None)
            if piece is None:
                return
            yield piece
            limit, wrong = self._limits.between, "fell silent in the middle of its answer and did not go on"

    @asynccontextmanager
    async def _within(self, seconds: float, wrong: str, *, broken: bool = True) -> AsyncGenerator[None]:
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                yield
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise ModelError(f"The language model {wrong} within {seconds:g} seconds", broken=broken) from error

    def _metered(self, request: _Request, lines: Sequence[Line]) -> Usage:
        read, wrote = request.told.input_tokens, request.told.output_tokens
        read = self._length(lines) if read is None else read
        wrote = self.tokens(request.text) if wrote is None else wrote
        usage = Usage(
            model=self._provider.model, input_tokens=read, output_tokens=wrote, cost=self._prices.cost(read, wrote)
        )
        TOKENS.labels("input").inc(read)
        TOKENS.labels("output").inc(wrote)
        COST.inc(usage.cost)
        return usage

    def _length(self, lines: Sequence[Line]) -> int:
        return sum(self.tokens(line.text) for line in lines)


@contextmanager
def _counted() -> Generator[None]:
    started, outcome = time.monotonic(), "stopped"
    try:
        yield
        outcome = "answered"
    except ModelError as error:
        outcome = "failed" if error.broken else "refused"
        log.warning("model.failed", reason=str(error))
        raise
    finally:
        CALLS.labels(outcome).inc()
        WHOLE.observe(time.monotonic() - started)


_ENDINGS = '.!?…)]”"。！？*'


def _whole(request: _Request) -> str:
    if request.finish == "refused":
        raise ModelError("The language model refused to answer this", broken=False)
    if request.finish == "length":
        raise ModelError("The language model did not come to an end within the length it may have", broken=False)
    if not request.text.strip():
        raise ModelError("The language model answered nothing")
    # Some servers never say why they stop; a whole sentence is then taken for the end.
    if request.finish is None and request.text.rstrip()[-1] not in _ENDINGS:
        raise ModelError("The language model broke off in the middle of its answer")
    return request.text
