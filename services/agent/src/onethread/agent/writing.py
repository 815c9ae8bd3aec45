"""From what was found to what is said: quoted from an article, or written by a language model and checked."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from onethread.agent import check
from onethread.agent.decide import Handoff
from onethread.agent.extract import best_passage, extract
from onethread.agent.llm import LanguageModel
from onethread.agent.manner import MANNERS
from onethread.agent.prompt import HANDOFF, Line, Said, prompt
from onethread.agent.providers import ModelError
from onethread.agent.spending import Spending
from onethread.agent.stream import Say, Stream
from onethread.contracts.agent import AgentConfig, Usage
from onethread.contracts.knowledge import KnowledgeFound, Passage
from onethread.contracts.messages import ChannelKind, Source

History = Callable[[], Awaitable[Sequence[Said]]]
LEAST_COVERAGE = 0.1
"""Of the question's telling words. On calibration data, answers below this were nearly all wrong."""
_THOUGHTS = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)


@dataclass(frozen=True)
class Task:
    """What to write on. `text` is the customer's, `query` what was searched for; `history` is asked for when needed."""

    config: AgentConfig
    kind: ChannelKind
    text: str
    query: str
    found: KnowledgeFound
    history: History


@dataclass(frozen=True)
class Written:
    text: str
    sources: tuple[Source, ...]
    reason: str = ""


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
    def is_slow(self) -> bool:
        """True when an answer takes seconds."""
        return self._model is not None

    async def write(self, task: Task, say: Say) -> Outcome:
        """Never raises for what the model does."""
        if self._model is None:
            return Outcome(await _quote(task, say))
        lines = prompt(task.text, task.found.passages, await task.history(), task.kind)
        with self._spending.reserve(task.config, self._model.most(lines)) as used:
            if used is None:
                return Outcome(await _quoted_for_want_of_money(task, say))
            result = await _by_model(self._model, lines, task, say, used)
        return Outcome(result, tuple(used))


async def _by_model(
    model: LanguageModel, lines: Sequence[Line], task: Task, say: Say, used: list[Usage]
) -> Written | Clarify | Handoff:
    stream = Stream(task.found.passages, say)
    try:
        written = await model.write(lines, stream.hear, used)
    except ModelError as error:
        return Handoff("trouble", str(error))
    await stream.end()
    return _judged(written, task.found.passages)


async def _quoted_for_want_of_money(task: Task, say: Say) -> Written | Handoff:
    result = await _quote(task, say)
    if isinstance(result, Handoff):
        return Handoff(
            "trouble", f"The month's budget for the language model is spent. {result.reason}", gap=result.gap
        )
    return replace(result, reason=f"{result.reason}: the month's budget for the language model is spent")


async def _quote(task: Task, say: Say) -> Written | Handoff:
    passage = best_passage(task.query, task.found.passages)
    quoted = extract(task.query, passage, MANNERS[task.kind].words)
    if quoted is None or quoted.coverage < LEAST_COVERAGE:
        return Handoff("unsure", f"The nearest article, “{passage.title}”, says nothing on the question", gap=True)
    for piece in quoted.pieces:
        await say(piece)
    return Written(quoted.text, (_source(passage),), "Quoted from the article")


def _judged(written: str, passages: Sequence[Passage]) -> Written | Handoff:
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
    return Written(checked.text, tuple(map(_source, sources)), f"Written from the articles{cut}")


def _source(passage: Passage) -> Source:
    return Source(title=passage.title, url=passage.url, document_id=passage.document_id, score=max(passage.score, 0.0))
