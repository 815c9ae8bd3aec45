"""A bus that records, a scripted language model, and messages as conversation adds them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from plugins.language_model import ScriptedModel
from pydantic import BaseModel

from onethread.agent.answer import Answerer
from onethread.agent.llm import LanguageModel, Limits
from onethread.agent.providers import Provider
from onethread.agent.spending import Prices
from onethread.agent.turn import Turns
from onethread.contracts.agent import AgentConfig, AgentConfigOf, AgentSettings
from onethread.contracts.envelope import CloudEvent
from onethread.contracts.knowledge import KnowledgeFound, KnowledgeSearch, Passage
from onethread.contracts.messages import Audience, Author, Channel, Message
from onethread.contracts.questions import Delta, History, HistoryOfThread
from onethread.contracts.subjects import CONVERSATION_AGENT, CONVERSATION_TOOL, KNOWLEDGE_SEARCH
from onethread.contracts.threads import AddedMessage, CustomerName, MessageAdded, Thread
from onethread.contracts.tools import CallTool, Tool, ToolResult

NOW = datetime(2026, 11, 23, tzinfo=UTC)
RETURNS = Passage(
    document_id="return-policy",
    title="Our return policy",
    text=(
        "You may return anything unused within 30 days of delivery, without giving a reason.\n\n"
        "## What cannot come back\n\nOpened ink, engraved pens and gift cards are the only exceptions."
    ),
    url="https://shop.example/help/return-policy",
    score=1.0,
    version=1,
)
SHIPPING = Passage(
    document_id="shipping-costs",
    title="What shipping costs",
    text=(
        "Standard shipping costs €4.90 in Germany and is free from €50.\n\n## Prices\n\n"
        "- **Germany:** €4.90\n- **France:** €8.90\n- **Japan:** €19.90"
    ),
    url="https://shop.example/help/shipping-costs",
    score=0.7,
    version=1,
)


@dataclass
class RecordingBus:
    """Answers searches from `found` (by the query, or one for all) and history from `said` (by the place, or one)."""

    found: KnowledgeFound | Exception | Callable[[str], KnowledgeFound] = field(
        default_factory=lambda: KnowledgeFound(confidence=0.9, passages=[RETURNS, SHIPPING])
    )
    said: list[Message] | Exception | Callable[[str], list[Message]] = field(default_factory=list)
    settings: AgentSettings = field(default_factory=AgentSettings)
    published: list[CloudEvent] = field(default_factory=list)
    live: list[tuple[str, Delta]] = field(default_factory=list)
    searches: list[KnowledgeSearch] = field(default_factory=list)
    histories: list[HistoryOfThread] = field(default_factory=list)
    tools: list[Tool] = field(default_factory=list)
    does: Callable[[CallTool], ToolResult] | Exception = lambda _: ToolResult(outcome="unknown")
    calls: list[CallTool] = field(default_factory=list)
    publish_fails: list[Exception] = field(default_factory=list)

    async def publish(self, event: CloudEvent, *tokens: str) -> None:
        assert not tokens
        await asyncio.sleep(0)
        if self.publish_fails:
            raise self.publish_fails.pop(0)
        self.published.append(event)

    async def ask(self, subject: str, question: BaseModel, answer: type, timeout: float = 5.0) -> BaseModel:
        await asyncio.sleep(0)
        if subject == KNOWLEDGE_SEARCH:
            assert isinstance(question, KnowledgeSearch)
            self.searches.append(question)
            found = self.found(question.query) if callable(self.found) else self.found
            if isinstance(found, Exception):
                raise found
            return found
        if subject == CONVERSATION_AGENT:
            assert isinstance(question, AgentConfigOf)
            return AgentConfig(workspace=question.workspace, settings=self.settings, tools=self.tools)
        if subject == CONVERSATION_TOOL:
            assert isinstance(question, CallTool)
            self.calls.append(question)
            if isinstance(self.does, Exception):
                raise self.does
            return self.does(question)
        assert isinstance(question, HistoryOfThread)
        self.histories.append(question)
        if isinstance(self.said, Exception):
            raise self.said
        return History(messages=self.said(question.place) if callable(self.said) else self.said)

    async def say_live(self, subject: str, body: BaseModel | bytes) -> None:
        assert isinstance(body, Delta)
        self.live.append((subject, body))

    async def search(self, question: KnowledgeSearch) -> KnowledgeFound:
        found = await self.ask(KNOWLEDGE_SEARCH, question, KnowledgeFound)
        assert isinstance(found, KnowledgeFound)
        return found


@pytest.fixture
def bus() -> RecordingBus:
    return RecordingBus()


@pytest.fixture
def turns(bus: RecordingBus) -> Turns:
    return Turns(bus, Answerer(bus.search, 0.6))


@pytest.fixture
def returns() -> Passage:
    return RETURNS


@pytest.fixture
def shipping() -> Passage:
    return SHIPPING


@pytest.fixture
def message() -> Callable[..., Message]:
    def make(
        text: str,
        *,
        thread: UUID,
        sequence: int = 1,
        kind: str = "widget",
        author: str = "customer",
        note: bool = False,
        name: str | None = "Ana Ruiz",
    ) -> Message:
        return Message(
            id=uuid4(),
            thread_id=thread,
            sequence=sequence,
            note=note,
            channel=Channel(id="local", kind=kind),
            author=Author(kind=author, id=uuid4(), name=name),
            audience=Audience(shared=kind == "slack"),
            text=text,
            created_at=NOW,
        )

    return make


@pytest.fixture
def added(message: Callable[..., Message]) -> Callable[..., MessageAdded]:
    def make(
        text: str,
        *,
        thread: UUID | None = None,
        place: str | None = "visitor/1",
        may_answer: bool = True,
        **fields: object,
    ) -> MessageAdded:
        said = message(text, thread=thread or uuid4(), **fields)
        customer = CustomerName(id=uuid4())
        state = Thread(
            id=said.thread_id,
            status="open",
            customer=customer,
            channel=said.channel,
            sequence=said.sequence,
            created_at=NOW,
            updated_at=NOW,
        )
        return MessageAdded(
            id=uuid4(),
            source="/conversation",
            workspaceid="local",
            threadid=said.thread_id,
            customerid=customer.id,
            data=AddedMessage(message=said, thread=state, place=place, agent_may_answer=may_answer),
        )

    return make


@pytest.fixture
async def written_turns(bus: RecordingBus, model: ScriptedModel) -> Turns:
    language_model = LanguageModel(
        Provider("openai", "m", f"{model.url}/v1", None, 10.0), Limits(whole=10.0), Prices(3.0, 15.0)
    )
    await language_model.warm()
    return Turns(bus, Answerer(bus.search, 0.6, language_model))
