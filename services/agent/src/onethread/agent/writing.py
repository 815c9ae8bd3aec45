"""From what was found to what is said: quoted from an article, or written by a language model and checked."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from onethread.agent.check import Check, without_citations
from onethread.agent.decide import Handoff
from onethread.agent.extract import Extract, best_passage, extract
from onethread.agent.llm import LanguageModel
from onethread.agent.manner import MANNERS
from onethread.agent.prompt import CLARIFY, HANDOFF, VERSION, Brief, Line, Said, prompt
from onethread.agent.providers import ModelError
from onethread.agent.spending import Spending
from onethread.agent.stream import Draft, Say
from onethread.agent.tongues import Language
from onethread.agent.wanted import wanted
from onethread.agent.words import language
from onethread.contracts.agent import AgentConfig, Usage
from onethread.contracts.knowledge import KnowledgeFound, Passage
from onethread.contracts.messages import ChannelKind, Source

log = structlog.get_logger()
History = Callable[[], Awaitable[Sequence[Said]]]
LEAST_COVERAGE = 0.1
"""Of the question's telling words. On calibration data, answers below this were nearly all wrong."""
LONGEST_QUESTION = 300
_AS_GOOD = 0.9
"""Of two articles so near to each other the first is meant half of the time, and one of them in three cases of four."""
TOO_LONG = Handoff("unsure", "The message is longer than the language model can read")
ASKED_TOO_OFTEN = Handoff("unsure", "The language model asked back, and the customer was asked enough")
NEVER_QUOTED = "without a language model the agent only quotes, and it quotes no one what they cannot read"
NO_MONEY = "the month's budget for the language model is spent"


@dataclass(frozen=True)
class Task:
    """What to write on. `text` is the customer's, `query` what was searched for; `history` is asked for when needed.
    `tongue` is the customer's language where it is known for sure; `may_ask`: a question back is welcome; `is_foreign`
    says of a passage that the customer does not read its language.
    """

    config: AgentConfig
    kind: ChannelKind
    text: str
    query: str
    found: KnowledgeFound
    history: History
    tongue: Language | None = None
    may_ask: bool = True
    is_foreign: Callable[[Passage], bool] = lambda _: False


@dataclass(frozen=True)
class Written:
    """`also`: the title of another article, among the sources, that may answer as well."""

    text: str
    sources: tuple[Source, ...]
    reason: str = ""
    also: str = ""


@dataclass(frozen=True)
class Clarify:
    """The model asks one question back."""

    text: str


@dataclass(frozen=True)
class Outcome:
    """`usage` holds every call to a language model, also those that came to nothing."""

    result: Written | Clarify | Handoff
    usage: tuple[Usage, ...] = field(default=())


class Writer:
    """Without a model it quotes."""

    def __init__(self, model: LanguageModel | None = None) -> None:
        self._model, self._spending = model, Spending()

    @property
    def spending(self) -> Spending:
        """Shared with whoever else asks the model for the same workspaces."""
        return self._spending

    @property
    def is_slow(self) -> bool:
        """True when an answer takes seconds."""
        return self._model is not None

    async def write(self, task: Task, say: Say) -> Outcome:
        """Never raises for what the model does."""
        if self._model is None:
            return Outcome(await _quote(task, say))
        asked = prompt(_brief(task, await task.history(), self._model))
        if asked is None:
            return Outcome(TOO_LONG)
        with self._spending.reserve(task.config, self._model.most(asked.lines)) as used:
            if used is None:
                return Outcome(await _quoted_for_want_of_money(task, say))
            own = [task.text, *(said.text for said in await task.history() if said.author == "customer")]
            check = Check(asked.passages, own, task.tongue, asked.rules, asked.boundary)
            result = await _by_model(self._model, asked.lines, Draft(check, say), used)
        if isinstance(result, Clarify) and not task.may_ask:
            result = ASKED_TOO_OFTEN
        return Outcome(result, tuple(used))


def _brief(task: Task, history: Sequence[Said], model: LanguageModel) -> Brief:
    return Brief(
        task.text,
        task.found.passages,
        history,
        MANNERS[task.kind].advice,
        task.tongue,
        task.may_ask,
        model.room,
        model.tokens,
    )


async def _by_model(
    model: LanguageModel, lines: Sequence[Line], draft: Draft, used: list[Usage]
) -> Written | Clarify | Handoff:
    try:
        await model.write(lines, draft.hear, used)
    except ModelError as error:
        return Handoff("trouble", str(error))
    await draft.end()
    result = _judged(draft)
    log.info("model.answered", prompt=VERSION, result=type(result).__name__.lower(), cut=len(draft.checked.cut))
    return result


def _judged(draft: Draft) -> Written | Clarify | Handoff:
    """What of the model's text may be sent."""
    if not draft.text:
        return Handoff("trouble", "The language model only thought, and answered nothing")
    if HANDOFF in draft.text:
        return Handoff("unsure", "The language model found no answer in the articles", gap=True)
    if draft.text.startswith(CLARIFY):
        return _asking_back(draft)
    checked = draft.checked
    if checked.whole and not draft.cited:
        return Handoff("unsure", "The language model named no article for its answer")
    if not checked.whole:
        return Handoff("unsure", f"The written answer did not hold: it had {' and '.join(checked.cut)}")
    cut = f"; cut {' and '.join(checked.cut)}" if checked.cut else ""
    sources = (draft.check.passages[n - 1] for n in draft.cited)
    return Written(checked.text, tuple(map(_source, sources)), f"Written from the articles{cut}")


def _asking_back(draft: Draft) -> Clarify | Handoff:
    question = without_citations(draft.text.removeprefix(CLARIFY)).strip()
    wrong = "no question" if "?" not in question.replace("？", "?") else draft.check.wrong_to_ask(question)
    if len(question) > LONGEST_QUESTION:
        wrong = "more than a question"
    return Handoff("unsure", f"The language model asked back, and it had {wrong}") if wrong else Clarify(question)


async def _quoted_for_want_of_money(task: Task, say: Say) -> Written | Handoff:
    result = await _quote(task, say)
    if isinstance(result, Handoff):
        return Handoff("budget", f"{NO_MONEY[0].upper()}{NO_MONEY[1:]}. {result.reason}", gap=result.gap)
    return replace(result, reason=f"{result.reason}: {NO_MONEY}")


async def _quote(task: Task, say: Say) -> Written | Handoff:
    passage = best_passage(task.query, task.found.passages)
    if task.is_foreign(passage):
        return Handoff(
            "unsure", f"“{passage.title}” may answer it, but it is in another language: {NEVER_QUOTED}", gap=True
        )
    quoted = extract(task.query, passage, MANNERS[task.kind].words)
    if quoted is None or not _bears_on(task.query, quoted):
        return Handoff("unsure", f"The nearest article, “{passage.title}”, says nothing on the question", gap=True)
    for piece in quoted.pieces:
        await say(piece)
    other = _as_good(passage, task.found.passages)
    if other is None:
        return Written(quoted.text, (_source(passage),), "Quoted from the article")
    both = (_source(passage), _source(other))
    return Written(quoted.text, both, "Quoted from the nearest article; another is as near", other.title)


def _as_good(quoted: Passage, passages: Sequence[Passage]) -> Passage | None:
    """The next article that is as near to the question as the one that is quoted."""
    near = (p for p in passages if p.score >= _AS_GOOD * passages[0].score)
    return next((p for p in near if p.document_id != quoted.document_id and p.title != quoted.title), None)


def _bears_on(question: str, quoted: Extract) -> bool:
    """In English, where it has some of the question's words, or what was asked for: a price, a time. In languages with
    more forms and compounds one right answer of six has none of them, and none that the search was sure of was wrong.
    """
    holds = wanted(question)
    is_there = quoted.coverage >= LEAST_COVERAGE or (holds is not None and holds(quoted.text))
    return is_there or language(quoted.passage.text) != "en"


def _source(passage: Passage) -> Source:
    return Source(title=passage.title, url=passage.url, document_id=passage.document_id, score=max(passage.score, 0.0))
