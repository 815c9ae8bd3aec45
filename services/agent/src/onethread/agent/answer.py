"""One question to one reply: intents, search, decision, writing, check. A turn and `/v1/ask` both come through here."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from onethread.agent import check, decide, intents
from onethread.agent.decide import Handoff
from onethread.agent.extract import best_passage, extract
from onethread.agent.llm import LanguageModel, ModelError
from onethread.agent.manner import MANNERS, dress, phrase
from onethread.agent.prompt import HANDOFF, Said, prompt
from onethread.agent.stream import Say, Stream
from onethread.contracts.knowledge import KnowledgeFound, KnowledgeSearch, Passage
from onethread.contracts.messages import ChannelKind, Source
from onethread.contracts.replies import Decision
from onethread.runtime.bus import RefusedError, UnavailableError

log = structlog.get_logger()
Search = Callable[[KnowledgeSearch], Awaitable[KnowledgeFound]]
History = Callable[[], Awaitable[Sequence[Said]]]
PASSAGES = 5
LONGEST_QUERY = 2_000
LONGEST_SUMMARY = 300
LEAST_COVERAGE = 0.1
"""Of the question's telling words. On calibration data, answers below this were nearly all wrong."""
_THOUGHTS = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)


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


@dataclass(frozen=True)
class _Written:
    text: str
    sources: tuple[Source, ...]
    reason: str = ""


class Answerer:
    """`threshold` is the belief (0 to 1) from which the agent answers by itself."""

    def __init__(self, search: Search, threshold: float, model: LanguageModel | None = None) -> None:
        self._search, self._threshold, self._model = search, threshold, model

    @property
    def is_slow(self) -> bool:
        """True when an answer takes seconds."""
        return self._model is not None

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
        written = await self._write(question, text, query, found, say)
        if isinstance(written, Handoff):
            return handed_off(question, query, replace(written, confidence=found.confidence))
        dressed = dress(written.text, question.kind, question.name)
        return Reply("answer", dressed, found.confidence, written.sources, written.reason)

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

    async def _write(
        self, question: Question, text: str, query: str, found: KnowledgeFound, say: Say
    ) -> _Written | Handoff:
        if self._model is None:
            return await _quote(query, best_passage(query, found.passages), question.kind, say)
        lines = prompt(text, found.passages, await question.history(), question.kind)
        stream = Stream(found.passages, say)
        try:
            written = await self._model.write(lines, stream.hear)
        except ModelError as error:
            return Handoff("trouble", str(error))
        await stream.end()
        return _judged(written, found.passages)


async def _quote(query: str, passage: Passage, kind: ChannelKind, say: Say) -> _Written | Handoff:
    quoted = extract(query, passage, MANNERS[kind].words)
    if quoted is None or quoted.coverage < LEAST_COVERAGE:
        return Handoff("unsure", f"The nearest article, “{passage.title}”, says nothing on the question", gap=True)
    for piece in quoted.pieces:
        await say(piece)
    return _Written(quoted.text, (_source(passage),), "Quoted from the article")


def _judged(written: str, passages: Sequence[Passage]) -> _Written | Handoff:
    """What of the model's text may be sent."""
    written = _THOUGHTS.sub("", written)
    if HANDOFF in written:
        return Handoff("unsure", "The language model found no answer in the articles", gap=True)
    sources = check.cited(written, passages)
    if not sources:
        return Handoff("unsure", "The language model named no article for its answer")
    checked = check.check(check.without_citations(written), passages)
    if not checked.whole:
        return Handoff("unsure", f"The written answer did not hold: it had {' and '.join(checked.cut)}")
    cut = f"; cut {' and '.join(checked.cut)}" if checked.cut else ""
    return _Written(checked.text, tuple(map(_source, sources)), f"Written from the articles{cut}")


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


def _source(passage: Passage) -> Source:
    return Source(title=passage.title, url=passage.url, document_id=passage.document_id, score=max(passage.score, 0.0))
