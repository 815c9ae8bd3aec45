"""What a handoff carries: words for the customer; reason, summary and a suggestion for the teammate. Pure."""

from onethread.agent.decide import Handoff
from onethread.agent.extract import best_passage, extract
from onethread.agent.foreign import is_foreign
from onethread.agent.manner import MANNERS
from onethread.agent.so_far import SoFar
from onethread.agent.words import language
from onethread.contracts.knowledge import KnowledgeFound
from onethread.contracts.messages import ChannelKind

_LONGEST_QUOTE = 200
_WORTH_SUGGESTING = 0.15
"""Belief below which even the nearest article is about something else."""


def summary(text: str, so_far: SoFar, handoff: Handoff, name: str | None = None) -> str:
    """What the customer wants and what was tried, in two or three sentences."""
    who = name or "The customer"
    wrote = f"{who} wrote: {_quoted(text)}." if text.strip() else f"{who} wrote nothing that can be read."
    return " ".join(filter(None, (wrote, _asked_before(text, so_far, handoff), _tried(so_far))))


def suggested_reply(query: str, found: KnowledgeFound | None, kind: ChannelKind) -> str:
    """What the best passage says, though the agent was not sure enough to send it. "" where nothing is near."""
    if found is None or not found.passages or found.confidence < _WORTH_SUGGESTING:
        return ""
    passage = best_passage(query, found.passages)
    quoted = extract(query, passage, MANNERS[kind].words)
    bears = quoted and (quoted.coverage > 0 or is_foreign(passage, query, language(query)))
    return quoted.text if quoted and bears else ""


def _asked_before(text: str, so_far: SoFar, handoff: Handoff) -> str:
    """The question behind "a person, please"."""
    before = so_far.question
    if before is None or before == text or handoff.why not in ("person", "upset", "repeating", "turns", "unsure"):
        return ""
    return f"Before that they asked: {_quoted(before)}."


def _tried(so_far: SoFar) -> str:
    titles = dict.fromkeys(title for said in so_far.said for title in said.titles)
    named = ", ".join(f"“{title}”" for title in list(titles)[-3:])
    answered = f"The agent answered from {named}" if named else ""
    asked = f"asked back {'twice' if so_far.clarified > 1 else 'once'}" if so_far.clarified else ""
    if answered and asked:
        return f"{answered} and {asked}."
    return f"{answered}." if answered else f"The agent {asked}." if asked else ""


def _quoted(text: str) -> str:
    flat = " / ".join(filter(None, map(str.strip, text.splitlines())))
    short = flat if len(flat) <= _LONGEST_QUOTE else flat[: _LONGEST_QUOTE - 1].rstrip() + "…"
    return f"“{short}”"
