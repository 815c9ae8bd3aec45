"""The agent's turn on a customer's message: gate, burst, history, answer, proposal."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Literal, Protocol, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

import structlog
from pydantic import BaseModel

from onethread.agent.answer import Answerer, Question, Reply, handed_off
from onethread.agent.decide import FAILED
from onethread.agent.manner import MANNERS
from onethread.agent.prompt import Said
from onethread.contracts import subjects
from onethread.contracts.envelope import CloudEvent
from onethread.contracts.ids import derived_id
from onethread.contracts.knowledge import KnowledgeGap, KnowledgeGapFound
from onethread.contracts.messages import ChannelKind, Message
from onethread.contracts.questions import Delta, History, HistoryOfThread
from onethread.contracts.replies import ProposedReply, ReplyProposed
from onethread.contracts.threads import MessageAdded
from onethread.runtime.bus import RefusedError, UnavailableError
from onethread.runtime.telemetry import traceparent

log = structlog.get_logger()
A = TypeVar("A", bound=BaseModel)
SOURCE = "/agent"
HISTORY = 20
HISTORY_SECONDS = 2.0
RESTARTS = 3
"""A customer who goes on writing gets an answer to what there is after so many."""


class Bus(Protocol):
    """What a turn needs of the bus."""

    async def publish(self, event: CloudEvent, *tokens: str) -> None: ...
    async def ask(self, subject: str, question: BaseModel, answer: type[A], timeout: float = 5.0) -> A: ...
    async def say_live(self, subject: str, body: BaseModel | bytes) -> None: ...


class _OvertakenError(Exception):
    """The customer wrote more while the answer was being written."""


class Turns:
    """One turn a thread at a time. Messages of one place that arrive together get one answer, to the newest of them.

    Each of them is done only when that answer is durable, so that a crash brings all of them back.
    """

    def __init__(self, bus: Bus, answerer: Answerer, settle: float = 0.0) -> None:
        self._bus, self._answerer, self._settle = bus, answerer, settle
        self._locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()
        self._waiting: defaultdict[tuple[UUID, str], list[MessageAdded]] = defaultdict(list)

    async def take(self, event: MessageAdded) -> None:
        """Raises `UnavailableError` when the proposal could not be published."""
        message = event.data.message
        if not event.data.agent_may_answer or message.author.kind != "customer" or message.channel is None:
            return
        burst = (message.thread_id, event.data.place or "")
        waiting = self._waiting[burst]
        waiting.append(event)
        lock = self._locks.setdefault(message.thread_id, asyncio.Lock())
        try:
            async with lock:
                if self._settle:
                    await asyncio.sleep(self._settle)
                if event in waiting:
                    await self._answer_all(waiting)
        finally:
            if event in waiting:
                waiting.remove(event)
            if not waiting:
                self._waiting.pop(burst, None)

    async def _answer_all(self, waiting: list[MessageAdded]) -> None:
        """Answers all that wait, beginning again when more arrives meanwhile."""
        for restarts in range(RESTARTS + 1):
            batch = sorted(waiting, key=lambda event: event.data.message.sequence)
            last = restarts == RESTARTS
            turn = _Turn(self._bus, self._answerer, batch, overtaken=lambda: not last and len(waiting) > len(batch))  # noqa: B023 it is called within this round
            try:
                await turn.run()
            except _OvertakenError:
                continue
            waiting[:] = [event for event in waiting if event not in batch]
            return


class _Turn:
    """One answer to `batch`, oldest first, all said in one place."""

    def __init__(self, bus: Bus, answerer: Answerer, batch: list[MessageAdded], overtaken: Callable[[], bool]) -> None:
        self._bus, self._answerer, self._batch, self._overtaken = bus, answerer, batch, overtaken
        self._event = batch[-1]
        self._message = self._event.data.message
        self._reply_id = derived_id(self._message.id, "reply")
        self._history: Sequence[Said] | None = None

    @property
    def _kind(self) -> ChannelKind:
        assert self._message.channel is not None  # noqa: S101 the gate let it through
        return self._message.channel.kind

    async def run(self) -> None:
        if self._answerer.is_slow:
            await self._show("typing")
        question = Question(
            workspace=self._event.workspaceid,
            text="\n".join(event.data.message.text for event in self._batch),
            kind=self._kind,
            history=self._what_was_said,
            name=self._message.author.name,
        )
        reply = await self._reply(question)
        if self._overtaken():
            raise _OvertakenError
        await self._bus.publish(self._proposal(reply))
        log.info("turn.done", message=str(self._message.id), decision=reply.decision, confidence=reply.confidence)
        if reply.gap:
            await self._tell_gap(reply)

    async def _reply(self, question: Question) -> Reply:
        try:
            return await self._answerer.answer(question, self._say)
        except _OvertakenError:
            raise
        except Exception:
            # A fault of ours would fail again at each try, and the customer would hear nothing.
            log.exception("turn.failed", message=str(self._message.id))
            return handed_off(question, question.text, FAILED)

    async def _say(self, text: str) -> None:
        if self._overtaken():
            raise _OvertakenError
        await self._show("delta", text)

    async def _show(self, kind: Literal["delta", "typing"], text: str = "") -> None:
        if not MANNERS[self._kind].streams or self._event.data.place is None:
            return
        if self._event.data.thread.agent == "drafting":
            return  # the customer will not read it
        delta = Delta(
            kind=kind,
            thread_id=self._message.thread_id,
            place=self._event.data.place,
            reply_id=self._reply_id,
            text=text,
        )
        try:
            await self._bus.say_live(subjects.live(self._event.workspaceid, "delta", self._kind), delta)
        except Exception as error:
            log.warning("delta.lost", error=type(error).__name__)

    async def _what_was_said(self) -> Sequence[Said]:
        """What everyone at this place may know of the thread, before this burst. Without an answer: nothing."""
        if self._history is None:
            self._history = await self._ask_history() if self._event.data.place else ()
        return self._history

    async def _ask_history(self) -> Sequence[Said]:
        asked = HistoryOfThread(
            workspace=self._event.workspaceid,
            thread_id=self._message.thread_id,
            place=self._event.data.place or "",
            limit=HISTORY,
        )
        try:
            history = await self._bus.ask(subjects.CONVERSATION_HISTORY, asked, History, HISTORY_SECONDS)
        except (UnavailableError, RefusedError) as error:
            log.warning("history.away", error=type(error).__name__)
            return ()
        first = self._batch[0].data.message
        return [Said(m.author.kind, m.text) for m in history.messages if _stands_before(m, first) and not m.note]

    def _proposal(self, reply: Reply) -> ReplyProposed:
        return ReplyProposed(
            id=derived_id(self._event.id, "proposed"),
            source=SOURCE,
            subject=str(self._reply_id),
            workspaceid=self._event.workspaceid,
            traceparent=traceparent(),
            threadid=self._event.threadid,
            customerid=self._event.customerid,
            causationid=self._event.id,
            data=ProposedReply(
                message_id=self._message.id,
                reply_id=self._reply_id,
                decision=reply.decision,
                text=reply.text,
                sources=list(reply.sources),
                confidence=reply.confidence,
                reason=reply.reason,
                summary=reply.summary,
                usage=list(reply.usage),
            ),
        )

    async def _tell_gap(self, reply: Reply) -> None:
        gap = KnowledgeGapFound(
            id=derived_id(self._event.id, "gap"),
            source=SOURCE,
            workspaceid=self._event.workspaceid,
            traceparent=traceparent(),
            threadid=self._event.threadid,
            customerid=self._event.customerid,
            causationid=self._event.id,
            data=KnowledgeGap(question=reply.gap or "", confidence=reply.confidence),
        )
        try:
            await self._bus.publish(gap)
        except UnavailableError:
            log.warning("gap.lost", message=str(self._message.id))


def _stands_before(one: Message, other: Message) -> bool:
    """By position: a message that was moved here has its number from elsewhere."""
    if one.position is None or other.position is None:
        return one.sequence < other.sequence
    return one.position < other.position
