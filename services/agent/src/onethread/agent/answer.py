"""One question to one reply: intents, search, decision, writing, check. A turn and `/v1/ask` both come through here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import structlog

from onethread.agent import decide, intents
from onethread.agent.decide import Handoff
from onethread.agent.llm import LanguageModel
from onethread.agent.manner import dress, phrase
from onethread.agent.stream import Say
from onethread.agent.writing import Clarify, History, Outcome, Task, Writer
from onethread.contracts.agent import AgentConfig, Usage
from onethread.contracts.knowledge import KnowledgeFound, KnowledgeSearch
from onethread.contracts.messages import ChannelKind, Source
from onethread.contracts.replies import Decision
from onethread.runtime.bus import RefusedError, UnavailableError

log = structlog.get_logger()
Search = Callable[[KnowledgeSearch], Awaitable[KnowledgeFound]]
PASSAGES = 5
LONGEST_QUERY = 2_000
LONGEST_SUMMARY = 300


@dataclass(frozen=True)
class Question:
    """All that an answer may rest on beside the articles. `history` is asked for only when it is needed."""

    workspace: str
    text: str
    kind: ChannelKind
    history: History
    name: str | None = None


@dataclass(frozen=True)
class Reply:
    """`text` is for the customer; `reason` and `summary` are for teammates. `gap` is a question without an article."""

    decision: Decision
    text: str
    confidence: float
    sources: tuple[Source, ...] = ()
    reason: str = ""
    summary: str = ""
    gap: str | None = None
    usage: tuple[Usage, ...] = ()


class Answerer:
    """`threshold` is the belief (0 to 1) from which the agent answers by itself."""

    def __init__(self, search: Search, threshold: float, model: LanguageModel | None = None) -> None:
        self._search, self._threshold, self._writer = search, threshold, Writer(model)

    @property
    def is_slow(self) -> bool:
        """True when an answer takes seconds."""
        return self._writer.is_slow

    async def answer(self, question: Question, say: Say) -> Reply:
        """Never raises for what a customer wrote or for a service that is away: that ends in a handoff."""
        text = intents.question_of(question.text)
        intent = intents.intent_of(text)
        if intent in ("greeting", "thanks"):
            own = phrase(intent, question.kind, text)
            return Reply("answer", dress(own, question.kind, question.name), 1.0, reason=f"The customer wrote {intent}")
        if handoff := decide.before_search(text, intent):
            return handed_off(question, text, handoff)
        try:
            query, found = await self._find(question, text)
        except (UnavailableError, RefusedError) as error:
            log.warning("knowledge.away", error=type(error).__name__)
            return handed_off(question, text, decide.KNOWLEDGE_AWAY)
        if handoff := decide.after_search(found, self._threshold):
            return handed_off(question, query, handoff)
        config = AgentConfig(workspace=question.workspace)
        written = await self._writer.write(Task(config, question.kind, text, query, found, question.history), say)
        return _reply(question, query, found.confidence, written)

    async def _find(self, question: Question, text: str) -> tuple[str, KnowledgeFound]:
        """Searches for the text, and for the text with what it points back to; the surer one counts."""
        points_back = intents.points_back(text)
        complete = await _completed(question, text) if points_back else None
        first = complete or text
        found = await self._ask(question.workspace, first)
        if found.confidence >= self._threshold:
            return first, found
        if not points_back and intents.is_short(text):
            complete = await _completed(question, text)
        second = text if points_back else complete
        if second is None or second == first:
            return first, found
        again = await self._ask(question.workspace, second)
        return (second, again) if again.confidence > found.confidence else (first, found)

    async def _ask(self, workspace: str, query: str) -> KnowledgeFound:
        asked = KnowledgeSearch(workspace=workspace, query=query[:LONGEST_QUERY], k=PASSAGES, audience="public")
        return await self._search(asked)


def _reply(question: Question, query: str, confidence: float, outcome: Outcome) -> Reply:
    result = outcome.result
    if isinstance(result, Handoff):
        return replace(handed_off(question, query, replace(result, confidence=confidence)), usage=outcome.usage)
    dressed = dress(result.text, question.kind, question.name)
    if isinstance(result, Clarify):
        return Reply("clarify", dressed, confidence, reason="The language model asked back", usage=outcome.usage)
    return Reply("answer", dressed, confidence, result.sources, result.reason, usage=outcome.usage)


async def _completed(question: Question, text: str) -> str | None:
    """The text behind the last question that the customer asked before it."""
    for said in reversed(await question.history()):
        if said.author == "customer" and intents.intent_of(said.text) == "question" and said.text.strip() != text:
            return f"{intents.question_of(said.text)}\n{text}"
    return None


def handed_off(question: Question, query: str, handoff: Handoff) -> Reply:
    own = phrase(handoff.why, question.kind, question.text)
    return Reply(
        "handoff",
        dress(own, question.kind, question.name),
        handoff.confidence,
        reason=handoff.reason,
        summary=_shortened(" / ".join(filter(None, map(str.strip, query.splitlines())))),
        gap=query if handoff.gap else None,
    )


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_SUMMARY else text[: LONGEST_SUMMARY - 1].rstrip() + "…"
