"""One question to one reply: understand, search, decide, write. A turn and `/v1/ask` both come through here."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import structlog

from onethread.agent import decide
from onethread.agent.asked import question_of, questions
from onethread.agent.decide import AskBack, Handoff
from onethread.agent.foreign import is_foreign
from onethread.agent.handoff import suggested_reply, summary
from onethread.agent.intents import Intent, intent_of
from onethread.agent.llm import LanguageModel
from onethread.agent.manner import Voice, told
from onethread.agent.prompt import Said
from onethread.agent.rewrite import Meant, meant, queries
from onethread.agent.so_far import SoFar
from onethread.agent.stream import Say
from onethread.agent.tongues import Language, spoken_by_us
from onethread.agent.tool_use import Call, Need, Tools, Used
from onethread.agent.words import surely
from onethread.agent.writing import Clarify, Task, Writer, Written
from onethread.contracts.agent import AgentConfig, HandoffKind, Usage
from onethread.contracts.knowledge import Evidence, KnowledgeFound, KnowledgeSearch, KnowledgeTrial, Passage
from onethread.contracts.messages import ChannelKind, Source
from onethread.contracts.replies import Decision
from onethread.runtime.bus import RefusedError, UnavailableError

log = structlog.get_logger()
Search = Callable[[KnowledgeSearch], Awaitable[KnowledgeFound]]
PASSAGES = 5
LONGEST_QUERY = 2_000
_A_TOOL_MAY_KNOW = (None, decide.OWN_ACCOUNT, decide.NONE_OF_THEM, decide.REPEATS)
"""What would else be answered from articles, or handed off."""
_NEAR = 0.15
"""Belief below which the nearest article is no topic of the question."""


@dataclass(frozen=True)
class Question:
    """All that an answer may rest on beside the articles. `so_far` is asked for once. `trial`: articles that are not
    live, and count all the same.
    """

    config: AgentConfig
    text: str
    kind: ChannelKind
    so_far: Callable[[], Awaitable[SoFar]]
    name: str | None = None
    attachments: int = 0
    trial: KnowledgeTrial | None = None
    call: Call | None = None
    """Calls a tool for the customer of this message. None: there is nobody to call one for."""
    locale: str | None = None
    """The customer's language, where the caller knows it."""


@dataclass(frozen=True)
class Reply:
    """`text` is for the customer; `reason` and what follows it is for teammates. `gap` is a question without an
    article, `locale` its language, `query` what was searched for, and `found` what that gave.
    """

    decision: Decision
    text: str
    confidence: float
    sources: tuple[Source, ...] = ()
    reason: str = ""
    summary: str = ""
    handoff: HandoffKind | None = None
    suggested_reply: str = ""
    tags: tuple[str, ...] = ()
    gap: str | None = None
    locale: str | None = None
    query: str = ""
    found: KnowledgeFound | None = None
    usage: tuple[Usage, ...] = ()

    @property
    def topic(self) -> str | None:
        """Title of the nearest article."""
        if self.sources:
            return self.sources[0].title
        near = self.found is not None and self.found.passages and self.found.confidence >= _NEAR
        return self.found.passages[0].title if self.found and near else None

    @property
    def evidence(self) -> Evidence | None:
        """Whoever judges the reply judges a search only where the reply rests on that search alone."""
        return self.found.evidence if self.found and self.sources and self.decision == "answer" else None


@dataclass(frozen=True)
class _Asked:
    """A question that is understood. `tongue` is the customer's, None where nothing tells it."""

    question: Question
    text: str
    intent: Intent
    so_far: SoFar
    meant: Meant
    tongue: Language | None

    @property
    def voice(self) -> Voice:
        return Voice(self.tongue or "en", self.question.kind, self.question.config.settings.hours)

    @property
    def locale(self) -> str | None:
        """In which articles are looked for first."""
        return self.meant.wished or self.question.locale or self.tongue

    @property
    def sure(self) -> Language | None:
        """The customer's language where there is no doubt."""
        return self.tongue if self.meant.wished or self.question.locale else surely(self.question.text)

    def is_foreign(self, passage: Passage) -> bool:
        said = bool(self.meant.wished or self.question.locale)
        return is_foreign(passage, self.text, self.tongue, sure=said)


@dataclass(frozen=True)
class _Part:
    """What came of one of the questions in a message."""

    text: str
    query: str
    found: KnowledgeFound
    result: Written | Clarify | AskBack | Handoff
    usage: tuple[Usage, ...] = field(default=())


class Answerer:
    """`threshold` is the installation's belief (0 to 1) from which the agent answers by itself."""

    def __init__(
        self,
        search: Search,
        threshold: float,
        model: LanguageModel | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._search, self._threshold, self._writer, self._now = search, threshold, Writer(model), now
        self._tools = Tools(self._writer, model)

    @property
    def is_slow(self) -> bool:
        """True when an answer takes seconds."""
        return self._writer.is_slow

    async def answer(self, question: Question, say: Say) -> Reply:
        """Never raises for what a customer wrote or for a service that is away: that ends in a handoff."""
        asked = await _understood(question)
        if asked.intent in ("greeting", "thanks"):
            return _small_talk(asked)
        settings = question.config.settings
        handoff = decide.before_search(asked.text, asked.intent, asked.so_far, settings, question.attachments)
        if handoff is None and asked.meant.choice == "":
            handoff = decide.NONE_OF_THEM
        if handoff in _A_TOOL_MAY_KNOW and (used := await self._used(asked, say)):
            return self._by_tool(asked, used)
        try:
            if handoff:
                return await self._handed_off_unsearched(asked, handoff)
            return self._reply(asked, await self._parts(asked, say))
        except UnavailableError as error:
            log.warning("knowledge.away", error=type(error).__name__)
            slow = isinstance(error.__cause__, TimeoutError)
            return self._handed_off(asked, decide.KNOWLEDGE_SLOW if slow else decide.KNOWLEDGE_AWAY)
        except RefusedError:
            log.warning("knowledge.refused")
            return self._handed_off(asked, decide.KNOWLEDGE_FAILED)

    async def _used(self, asked: _Asked, say: Say) -> Used | None:
        question = asked.question
        if question.call is None or not question.config.tools:
            return None
        return await self._tools.use(Need(question.config, asked.text, asked.so_far, asked.voice, question.call), say)

    def failed(self, question: Question) -> Reply:
        """For a fault of ours, which would come again at each try."""
        asked = _Asked(question, question.text, "question", SoFar(), Meant([]), _tongue(question, SoFar(), Meant([])))
        return self._handed_off(asked, decide.FAILED)

    # Search and writing

    async def _parts(self, asked: _Asked, say: Say) -> list[_Part]:
        """The whole, or each of several questions. Where none of several is sure, they are one question after all."""
        texts = questions(asked.text)
        if len(texts) == 1 or asked.meant.choice:
            return [await self._part(asked, asked.text, asked.meant.queries, say, may_ask=True)]
        parts: list[_Part] = []
        for n, text in enumerate(texts):
            before = texts[n - 1] if n else asked.so_far.question
            if parts and isinstance(parts[-1].result, Written):
                await say("\n\n")
            parts.append(await self._part(asked, text, queries(text, before), say, may_ask=False))
        if any(isinstance(part.result, Written) for part in parts):
            return parts
        used = tuple(one for part in parts for one in part.usage)
        whole = await self._part(asked, asked.text, [asked.text], say, may_ask=True)
        return [replace(whole, usage=used + whole.usage)]

    async def _part(self, asked: _Asked, text: str, wordings: Sequence[str], say: Say, *, may_ask: bool) -> _Part:
        query, found = await self._find(asked, wordings)
        threshold = self.needed(asked.question.config)
        may_ask = may_ask and decide.may_ask_back(asked.so_far, asked.question.config.settings)
        readable = not any(map(asked.is_foreign, found.passages[:1]))  # nobody chooses among titles they can't read
        if undecided := decide.after_search(query, found, threshold, may_ask=may_ask and readable):
            return _Part(text, query, found, undecided)

        async def history() -> Sequence[Said]:
            return asked.so_far.said

        task = Task(
            asked.question.config, asked.question.kind, text, query, found, history, asked.sure, may_ask,
            asked.is_foreign,
        )  # fmt: skip
        outcome = await self._writer.write(task, say)
        result = outcome.result
        if isinstance(result, Written) and result.also:
            also = f"\n\n{asked.voice.says('also', title=result.also)}"
            await say(also)
            result = replace(result, text=result.text + also)
        return _Part(text, query, found, result, outcome.usage)

    async def _find(self, asked: _Asked, wordings: Sequence[str]) -> tuple[str, KnowledgeFound]:
        """The first wording that finds something sure, or else the surest."""
        best: tuple[str, KnowledgeFound] | None = None
        for query in wordings:
            found = await self._ask(asked, query)
            if best is None or found.confidence > best[1].confidence:
                best = query, found
            if found.confidence >= self.needed(asked.question.config):
                break
        assert best is not None  # noqa: S101 there is a wording
        return best

    async def _ask(self, asked: _Asked, query: str) -> KnowledgeFound:
        """In the customer's language where there are articles in it; where none of them is sure, in all."""
        search = KnowledgeSearch(
            workspace=asked.question.config.workspace,
            query=query[:LONGEST_QUERY],
            k=PASSAGES,
            audience="public",
            locale=asked.locale,
            trial=asked.question.trial,
        )
        found = await self._search(search)
        needed = self.needed(asked.question.config)
        if found.left_out and found.confidence < needed:
            anywhere = await self._search(search.model_copy(update={"locale": None}))
            found = anywhere if anywhere.confidence >= needed else found
        return _only_chosen(found, asked.meant.choice)

    def needed(self, config: AgentConfig) -> float:
        """The confidence from which the agent answers by itself in this workspace."""
        return self._threshold if config.settings.confidence is None else config.settings.confidence

    # Replies

    def _reply(self, asked: _Asked, parts: Sequence[_Part]) -> Reply:
        usage = tuple(one for part in parts for one in part.usage)
        part = next((part for part in parts if not isinstance(part.result, Written)), parts[0])
        match part.result:
            case Handoff() as handoff if len(parts) > 1:
                reply = self._partly(asked, parts, handoff)
            case Handoff() as handoff:
                sure = replace(handoff, confidence=part.found.confidence)
                reply = self._handed_off(asked, sure, part.query, part.found)
            case AskBack() as ask:
                text = asked.voice.which(ask.options) if ask.options else asked.voice.phrase("more")
                reply = _clarifying(asked, part, text, "Several articles fit about as well" if ask.options else "")
            case Clarify() as clarify:
                reply = _clarifying(asked, part, clarify.text, "The language model asked back")
            case Written():
                reply = _answering(asked, parts)
        return replace(reply, usage=usage)

    def _partly(self, asked: _Asked, parts: Sequence[_Part], handoff: Handoff) -> Reply:
        """Answers what is sure and hands over what is open."""
        still_open = [part for part in parts if not isinstance(part.result, Written)]
        open_text = " ".join(part.text for part in still_open)
        rest = self._handed_off(asked, handoff, still_open[0].query, still_open[0].found, open_text)
        sure = _answering(asked, [part for part in parts if isinstance(part.result, Written)])
        said = asked.voice.handed_off(handoff.why, self._now(), open_text)
        text = "\n\n".join([*(p.result.text for p in parts if isinstance(p.result, Written)), said])
        return replace(
            rest,
            text=asked.voice.dress(text, asked.question.name),
            sources=sure.sources,
            reason=f"Answered in part; open is: {open_text} ({handoff.reason})",
        )

    async def _handed_off_unsearched(self, asked: _Asked, handoff: Handoff) -> Reply:
        """With what the articles say on it, for the teammate. A search that fails is no matter here."""
        says_it = handoff.why in ("account", "reserved", "turns")
        query = asked.text if says_it else asked.so_far.question
        if not query:
            return self._handed_off(asked, handoff)
        try:
            found = await self._ask(asked, query)
        except (UnavailableError, RefusedError):
            return self._handed_off(asked, handoff)
        return self._handed_off(asked, handoff, query, found)

    def _by_tool(self, asked: _Asked, used: Used) -> Reply:
        """What a system of the workspace's own answered, asks for, or could not do."""
        name = asked.question.name
        match used.result:
            case Written(text, sources, reason):
                reply = Reply("answer", asked.voice.dress(text, name), 1.0, sources, reason)
            case Clarify(text):
                reply = Reply("clarify", asked.voice.dress(text, name), 1.0, reason="A tool needs it")
            case Handoff() as handoff:
                reply = self._handed_off(asked, handoff)
                if used.said:
                    reply = replace(reply, text=asked.voice.dress(used.said, name))
        return replace(reply, usage=used.usage)

    def _handed_off(
        self, asked: _Asked, handoff: Handoff, query: str = "", found: KnowledgeFound | None = None, gap: str = ""
    ) -> Reply:
        question = asked.question
        return Reply(
            "handoff",
            asked.voice.dress(asked.voice.handed_off(handoff.why, self._now()), question.name),
            handoff.confidence,
            reason=handoff.reason,
            summary=summary(asked.text, asked.so_far, handoff, question.name),
            handoff=handoff.why,
            suggested_reply=suggested_reply(query, found, question.kind),
            tags=handoff.tags,
            gap=(gap or query) if handoff.gap else None,
            locale=asked.locale,
            query=query,
            found=found,
        )


async def _understood(question: Question) -> _Asked:
    text, so_far = question_of(question.text), await question.so_far()
    intent, wants = intent_of(text), meant(text, so_far)
    return _Asked(question, text, intent, so_far, wants, _tongue(question, so_far, wants))


def _tongue(question: Question, so_far: SoFar, wants: Meant) -> Language | None:
    """The language that the customer wished for, or that the caller names, or that they write, here or before."""
    if known := wants.wished or spoken_by_us(question.locale):
        return known
    earlier = (said.text for said in reversed(so_far.said) if said.author == "customer")
    return told([question.text, *earlier])


def _small_talk(asked: _Asked) -> Reply:
    own = asked.voice.dress(asked.voice.phrase(asked.intent), asked.question.name)
    return Reply("answer", own, 1.0, reason=f"The customer wrote {asked.intent}")


def _clarifying(asked: _Asked, part: _Part, text: str, reason: str) -> Reply:
    return Reply(
        "clarify",
        asked.voice.dress(text, asked.question.name),
        part.found.confidence,
        reason=reason or "The message says too little to search for",
        query=part.query,
        found=part.found,
    )


def _answering(asked: _Asked, parts: Sequence[_Part]) -> Reply:
    written = [part.result for part in parts if isinstance(part.result, Written)]
    sources = {source.document_id: source for one in written for source in one.sources}
    found = parts[0].found if len(parts) == 1 else parts[0].found.model_copy(update={"evidence": None})
    return Reply(
        "answer",
        asked.voice.dress("\n\n".join(dict.fromkeys(one.text for one in written)), asked.question.name),
        min(part.found.confidence for part in parts),
        tuple(sources.values()),
        "; ".join(dict.fromkeys(one.reason for one in written)),
        query=parts[0].query,
        found=found,
    )


def _only_chosen(found: KnowledgeFound, choice: str | None) -> KnowledgeFound:
    """The customer said which article is meant, which is surer than any search."""
    chosen = [passage for passage in found.passages if choice in decide.called(passage)]
    return found.model_copy(update={"passages": chosen, "evidence": None}) if chosen else found
