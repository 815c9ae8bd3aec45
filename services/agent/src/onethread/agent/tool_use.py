"""A message that a tool answers: chosen, called, and said; or asked back for what is missing, or handed to a person."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from onethread.agent.decide import OWN_ACCOUNT, Handoff
from onethread.agent.intents import intent_of
from onethread.agent.llm import LanguageModel
from onethread.agent.manner import Voice
from onethread.agent.prompt import Said, choosing
from onethread.agent.providers import ModelError
from onethread.agent.so_far import SoFar
from onethread.agent.stream import Say
from onethread.agent.tool_choice import Choice, choose, concerns, only_said
from onethread.agent.words import surely
from onethread.agent.writing import Clarify, Task, Writer, Written
from onethread.contracts.agent import AgentConfig, Usage
from onethread.contracts.knowledge import KnowledgeFound, Passage
from onethread.contracts.messages import Source
from onethread.contracts.tools import MOST_CALLS, ToolResult
from onethread.runtime.bus import RefusedError, UnavailableError

log = structlog.get_logger()
Call = Callable[[str, Mapping[str, Any], str | None], Awaitable[ToolResult]]
"""Asks conversation to call a tool, with arguments, or to go on with a code."""
MOST_STEPS = 5
"""Questions back in one thread, from the number of an order to the code that proves who asks."""
EARLIER = 3
_CODE = re.compile(r"(?<!\d)(\d{3})[ -]?(\d{3})(?!\d)")
_LONGEST_WITH_CODE = 60
AWAY = Handoff("trouble", "The agent's tools are away")


@dataclass(frozen=True)
class Need:
    """What is known of the message. `text` is the customer's, without greeting and signature."""

    config: AgentConfig
    text: str
    so_far: SoFar
    voice: Voice
    call: Call


@dataclass(frozen=True)
class Used:
    """What a tool came to. `usage` holds every call to a language model."""

    result: Written | Clarify | Handoff
    said: str = ""
    """To the customer on a handoff, where it is not the usual."""
    usage: tuple[Usage, ...] = ()


class Tools:
    def __init__(self, writer: Writer, model: LanguageModel | None) -> None:
        self._writer, self._model = writer, model

    async def use(self, need: Need, say: Say) -> Used | None:
        """None: no tool is needed. Never raises for what a system or a model does."""
        used: list[Usage] = []
        try:
            results = await self._results(need, used)
        except (UnavailableError, RefusedError) as error:
            log.warning("tools.away", error=type(error).__name__)
            return Used(AWAY, usage=tuple(used))
        if not results:
            return None
        done = [result for result in results if result.outcome == "done"]
        if done and results[-1].outcome == "done":
            outcome = await self._say(need, done, say)
            return Used(outcome.result, usage=(*used, *outcome.usage))
        log.info("tool.ended", tool=results[-1].tool, outcome=results[-1].outcome)
        return _ended(need, results[-1], tuple(used))

    # Choosing and calling

    async def _results(self, need: Need, used: list[Usage]) -> list[ToolResult]:
        """Of each call, up to the first that did not answer."""
        if (code := _code_in(need)) and (result := await need.call("", {}, code)).outcome != "unknown":
            return [result]
        results: list[ToolResult] = []
        for choice in await self._choices(need, used):
            result = await need.call(choice.tool.name, choice.arguments, None)
            if result.outcome == "unknown":
                break
            results.append(result)
            if result.outcome != "done":
                break
        return results

    async def _choices(self, need: Need, used: list[Usage]) -> Sequence[Choice]:
        said = _said(need)
        own_account = intent_of(need.text) == "account" or (said != need.text and intent_of(said) == "account")
        if self._model and (own_account or concerns(said, need.config.tools)):
            try:
                return await self._by_model(self._model, need, said, used)
            except ModelError as error:
                log.warning("tools.not_chosen_by_model", reason=str(error))
        chosen = choose(
            said, need.config.tools, own_account=own_account, answers=need.text if said != need.text else ""
        )
        return [chosen] if chosen else []

    async def _by_model(self, model: LanguageModel, need: Need, said: str, used: list[Usage]) -> Sequence[Choice]:
        """The model sees what the customer wrote and no article: nothing else can talk it into a call."""
        lines = choosing(need.text, [one for one in need.so_far.said if one.author == "customer"][-EARLIER:])
        with self._writer.spending.reserve(need.config, model.most(lines)) as spent:
            if spent is None:
                raise ModelError("The month's budget for the language model is spent", broken=False)
            try:
                wanted = await model.choose(lines, need.config.tools, spent)
            finally:
                used.extend(spent)
        known = {tool.name: tool for tool in need.config.tools}
        choices = [
            Choice(known[w.name], only_said(w.arguments, known[w.name], said)) for w in wanted if w.name in known
        ]
        once = {(choice.tool.name, str(sorted(choice.arguments.items()))): choice for choice in choices}
        return list(once.values())[:MOST_CALLS]

    # Saying

    async def _say(self, need: Need, done: Sequence[ToolResult], say: Say) -> Used:
        """By the administrator's template. A language model may put it in better words, held to what was answered."""
        found = KnowledgeFound(confidence=1.0, passages=[_passage(result) for result in done])
        template = Written(
            "\n\n".join(result.text for result in done),
            tuple(_source(passage) for passage in found.passages),
            f"Looked up in {' and '.join(dict.fromkeys(result.title for result in done))}",
        )
        if self._model is None:
            await say(template.text)
            return Used(template)

        async def history() -> Sequence[Said]:
            return need.so_far.said

        task = Task(
            need.config, need.voice.kind, need.text, need.text, found, history, surely(need.text), may_ask=False
        )
        outcome = await self._writer.write(task, say)
        if isinstance(outcome.result, Written) or (isinstance(outcome.result, Handoff) and outcome.result.gap):
            return Used(outcome.result, usage=outcome.usage)
        return Used(template, usage=outcome.usage)


def _ended(need: Need, result: ToolResult, usage: tuple[Usage, ...]) -> Used:
    """What is asked back, or for what reason a person takes it."""
    voice, may_ask = need.voice, need.so_far.clarified < MOST_STEPS
    if result.outcome == "waits":
        return Used(Handoff("account", result.reason, tags=("approval",)), voice.says("tool_waits"), usage)
    if result.outcome == "failed" or not may_ask:
        reason = result.reason or OWN_ACCOUNT.reason
        return Used(Handoff("trouble" if result.outcome == "failed" else "account", reason), usage=usage)
    question = voice.says(f"tool_{result.outcome}", what=", ".join(result.missing), address=result.address)
    return Used(Clarify(question), usage=usage)


def _said(need: Need) -> str:
    """The message, and where it answers a question of ours, those before it: newest first."""
    if need.so_far.asked_back is None:
        return need.text
    earlier = [one.text for one in need.so_far.said if one.author == "customer"][-EARLIER:]
    return "\n".join((need.text, *reversed(earlier)))


def _code_in(need: Need) -> str | None:
    found = _CODE.search(need.text) if need.so_far.asked_back else None
    return "".join(found.groups()) if found and len(need.text) <= _LONGEST_WITH_CODE else None


def _passage(result: ToolResult) -> Passage:
    """As data for the model: what may be said, in the administrator's words and by name."""
    fields = "\n".join(f"- {name.replace('_', ' ')}: {value}" for name, value in result.fields.items())
    return Passage(
        document_id=f"tool:{result.tool}", title=result.title, text=f"{result.text}\n\n{fields}", score=1.0, version=1
    )


def _source(passage: Passage) -> Source:
    return Source(title=passage.title, document_id=passage.document_id, score=1.0)
