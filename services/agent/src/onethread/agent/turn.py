"""The agent's turn on a customer's message: gate, burst, history, answer, proposal."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Literal, Protocol, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

import structlog
from nats.aio.msg import Msg
from pydantic import BaseModel, ConfigDict

from onethread.agent.answer import Answerer, Question, Reply
from onethread.agent.asked import said_in
from onethread.agent.bursts import Burst, Taken
from onethread.agent.config import Configs
from onethread.agent.manner import MANNERS
from onethread.agent.prompt import Said
from onethread.agent.so_far import SoFar
from onethread.contracts import subjects
from onethread.contracts.agent import AgentConfig
from onethread.contracts.envelope import CloudEvent
from onethread.contracts.ids import derived_id
from onethread.contracts.knowledge import KnowledgeGap, KnowledgeGapFound, NearestArticle
from onethread.contracts.messages import ChannelKind, Message
from onethread.contracts.questions import Delta, History, HistoryOfThread
from onethread.contracts.replies import ProposedReply, ReplyProposed
from onethread.contracts.threads import MessageAdded, Thread
from onethread.contracts.tools import CallTool, ToolResult
from onethread.runtime.bus import RefusedError, UnavailableError
from onethread.runtime.personal import without_personal_data
from onethread.runtime.telemetry import traceparent

log = structlog.get_logger()
A = TypeVar("A", bound=BaseModel)
SOURCE = "/agent"
LEAST_HISTORY = 20
MESSAGES_A_TURN = 4
MOST_HISTORY = 200
HISTORY_SECONDS = 2.0
TOOL_SECONDS = 20.0
"""Longer than conversation waits for a system, or for a mail with a code to be taken."""
_FIRST = 2
"""Number of the event that adds a thread's first message: only its opening stands before it."""


class Bus(Protocol):
    """What a turn needs of the bus."""

    async def publish(self, event: CloudEvent, *tokens: str) -> None: ...
    async def ask(self, subject: str, question: BaseModel, answer: type[A], timeout: float = 5.0) -> A: ...
    async def say_live(self, subject: str, body: BaseModel | bytes) -> None: ...


class _Act(BaseModel):
    """What is read of an event that may say that people took a thread."""

    model_config = ConfigDict(extra="ignore")

    class Data(BaseModel):
        thread: Thread
        message: Message | None = None

    data: Data


class Turns:
    """One turn a thread at a time. Messages of one place that arrive together get one answer, to the newest of them.

    Each of them is done only when that answer is durable, so that a crash brings all of them back. `settle`: the
    longest pause, in seconds, in which more is waited for.
    """

    def __init__(self, bus: Bus, answerer: Answerer, settle: float = 0.0, configs: Configs | None = None) -> None:
        self._bus, self._answerer, self._settle = bus, answerer, settle
        self._configs = configs or Configs(bus)
        self._locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()
        self._bursts: defaultdict[tuple[UUID, str], Burst] = defaultdict(Burst)
        self._taken = Taken()

    async def take(self, event: MessageAdded) -> None:
        """Raises `UnavailableError` when the proposal could not be published."""
        message = event.data.message
        if not _is_ours(event) or self._taken.before(event):
            return
        at = (message.thread_id, event.data.place or "")
        burst = self._bursts[at]
        burst.add(event)
        lock = self._locks.setdefault(message.thread_id, asyncio.Lock())
        try:
            async with lock:
                if event in burst.waiting:
                    await self._answer_all(burst)
        finally:
            if event in burst.waiting:
                burst.waiting.remove(event)
            if not burst.waiting:
                self._bursts.pop(at, None)

    async def on_people(self, message: Msg) -> None:
        """A teammate wrote, or took the thread, or told the agent to be quiet: it stops at once."""
        act = _Act.model_validate_json(message.data).data
        if act.message is not None and (act.message.note or act.message.author.kind != "teammate"):
            return
        if act.message is None and act.thread.assignee is None and act.thread.agent in ("active", "drafting"):
            return
        self._taken.add(act.thread.id, act.thread.sequence)
        for (thread_id, _), burst in list(self._bursts.items()):
            if thread_id == act.thread.id and any(event.data.agent_mode == "auto" for event in burst.waiting):
                burst.stop()
                log.info("turn.stopped", thread=str(thread_id))

    async def _answer_all(self, burst: Burst) -> None:
        """Answers all that wait, beginning again when more arrives meanwhile."""
        while batch := await burst.settled(self._settle):
            turn = _Turn(self._bus, self._answerer, self._configs, batch, burst)
            ending = await burst.run(asyncio.create_task(turn.run()))
            if ending == "done":
                burst.waiting[:] = [event for event in burst.waiting if event not in batch]
                return
            await turn.withdraw()
            burst.restarts_left -= 1


class _Turn:
    """One answer to `batch`, oldest first, all said in one place."""

    def __init__(self, bus: Bus, answerer: Answerer, configs: Configs, batch: list[MessageAdded], burst: Burst) -> None:
        self._bus, self._answerer, self._configs, self._batch, self._burst = bus, answerer, configs, batch, burst
        self._event = batch[-1]
        self._message = self._event.data.message
        self._reply_id = derived_id(self._message.id, "reply")
        self._shown = False

    @property
    def _kind(self) -> ChannelKind:
        assert self._message.channel is not None  # noqa: S101 the gate let it through
        return self._message.channel.kind

    async def run(self) -> None:
        if self._answerer.is_slow:
            await self._show("typing")
        config = await self._configs.of(self._event.workspaceid)

        async def so_far() -> SoFar:
            return await self._so_far(config)

        messages = [event.data.message for event in self._batch]
        question = Question(
            config=config,
            text="\n".join(said_in(said.subject, said.text) for said in messages),
            kind=self._kind,
            so_far=so_far,
            name=self._message.author.name,
            attachments=sum(len(said.attachments) for said in messages),
            call=self._call,
        )
        reply = await self._reply(question)
        self._burst.no_more_ends()
        await self._bus.publish(self._proposal(reply))
        log.info("turn.done", message=str(self._message.id), decision=reply.decision, confidence=reply.confidence)
        if reply.gap:
            await self._tell_gap(reply)

    async def withdraw(self) -> None:
        """What was shown of an answer that is not coming is taken away."""
        if self._shown:
            await self._show("stop")

    async def _reply(self, question: Question) -> Reply:
        try:
            return await self._answerer.answer(question, self._say)
        except Exception:
            # A fault of ours would fail again at each try, and the customer would hear nothing.
            log.exception("turn.failed", message=str(self._message.id))
            return self._answerer.failed(question)

    async def _call(self, tool: str, arguments: Mapping[str, Any], code: str | None) -> ToolResult:
        """For the customer of this message, which conversation looks up by itself."""
        asked = CallTool(
            workspace=self._event.workspaceid,
            message_id=self._message.id,
            tool=tool,
            arguments=dict(arguments),
            code=code,
        )
        return await self._bus.ask(subjects.CONVERSATION_TOOL, asked, ToolResult, TOOL_SECONDS)

    async def _say(self, text: str) -> None:
        await self._show("delta", text)

    async def _show(self, kind: Literal["delta", "typing", "stop"], text: str = "") -> None:
        if not MANNERS[self._kind].streams or self._event.data.place is None or not _is_for_customer(self._event):
            return
        delta = Delta(
            kind=kind,
            thread_id=self._message.thread_id,
            place=self._event.data.place,
            reply_id=self._reply_id,
            text=text,
        )
        self._shown = True
        try:
            await self._bus.say_live(subjects.live(self._event.workspaceid, "delta", self._kind), delta)
        except Exception as error:
            log.warning("delta.lost", error=type(error).__name__)

    async def _so_far(self, config: AgentConfig) -> SoFar:
        """What everyone at this place may know of the thread, before this burst. Without an answer: nothing."""
        first = self._batch[0].data.message
        if self._event.data.place is None or first.sequence <= _FIRST:
            return SoFar()
        asked = HistoryOfThread(
            workspace=self._event.workspaceid,
            thread_id=self._message.thread_id,
            place=self._event.data.place,
            limit=min(MOST_HISTORY, max(LEAST_HISTORY, MESSAGES_A_TURN * config.settings.max_turns)),
        )
        try:
            history = await self._bus.ask(subjects.CONVERSATION_HISTORY, asked, History, HISTORY_SECONDS)
        except (UnavailableError, RefusedError) as error:
            log.warning("history.away", error=type(error).__name__)
            return SoFar()
        before = [m for m in history.messages if _stands_before(m, first) and not m.note]
        return SoFar([_said(m) for m in before], sum(_is_settled(m, self._event.data.thread) for m in before))

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
                handoff=reply.handoff,
                suggested_reply=reply.suggested_reply,
                tags=list(reply.tags),
                topic=reply.topic,
                usage=list(reply.usage),
                evidence=reply.evidence,
            ),
        )

    async def _tell_gap(self, reply: Reply) -> None:
        found = reply.found.passages[0] if reply.found and reply.found.passages else None
        gap = KnowledgeGapFound(
            id=derived_id(self._event.id, "gap"),
            source=SOURCE,
            subject=str(self._message.id),
            workspaceid=self._event.workspaceid,
            traceparent=traceparent(),
            threadid=self._event.threadid,
            customerid=self._event.customerid,
            causationid=self._event.id,
            data=KnowledgeGap(
                question=without_personal_data(reply.gap or "", [self._message.author.name]),
                confidence=reply.confidence,
                channel=self._kind,
                locale=reply.locale,
                nearest=NearestArticle(document_id=found.document_id, title=found.title) if found else None,
            ),
        )
        try:
            await self._bus.publish(gap)
        except UnavailableError:
            log.warning("gap.lost", message=str(self._message.id))


def _is_ours(event: MessageAdded) -> bool:
    said = event.data.message
    return event.data.agent_may_answer and said.author.kind == "customer" and said.channel is not None


def _is_for_customer(event: MessageAdded) -> bool:
    return event.data.agent_mode == "auto" and event.data.thread.agent != "drafting"


def _said(message: Message) -> Said:
    return Said(message.author.kind, message.text, tuple(source.title for source in message.sources))


def _is_settled(message: Message, thread: Thread) -> bool:
    """Said before a teammate gave the thread back to the agent."""
    given = thread.agent_set
    return given is not None and given.by.kind == "teammate" and message.created_at <= given.at


def _stands_before(one: Message, other: Message) -> bool:
    """By position: a message that was moved here has its number from elsewhere."""
    if one.position is None or other.position is None:
        return one.sequence < other.sequence
    return one.position < other.position
