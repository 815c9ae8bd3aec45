"""Whether an answer is as expected, and whether it got better or worse. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from onethread.contracts.agent import Answered, AskedDecision
from onethread.contracts.messages import Source

Expect = Literal["answer", "clarify", "handoff"]
Change = Literal["worse", "other", "better", "same", "new", "unclear"]
"""`worse`: as expected before and not now, or answered before and not now. `other`: answered from other articles.
`new`: there is nothing to compare with. `unclear`: the agent or the knowledge base was in trouble.
"""
REGRESSIONS: tuple[Change, ...] = ("worse", "other")
_DONE: dict[AskedDecision, str] = {
    "answer": "answers", "draft": "answers", "clarify": "asks back", "handoff": "hands over"
}  # fmt: skip


_DID: dict[Expect, str] = {"answer": "answered", "clarify": "asked back", "handoff": "handed over"}


@dataclass(frozen=True)
class Expected:
    """`sources`: ids or titles of articles, `contains` and `lacks`: words, in any case."""

    decision: Expect | None = None
    sources: Sequence[str] = ()
    contains: Sequence[str] = ()
    lacks: Sequence[str] = ()


@dataclass(frozen=True)
class Outcome:
    """An answer, and whether it is right: as a teammate judged it, or else as expected."""

    answered: Answered
    right: bool
    failures: Sequence[str] = field(default=())


def failures(expected: Expected, answered: Answered) -> list[str]:
    """What is not as expected, in words that a teammate reads. None: it passes."""
    found: list[str] = []
    if expected.decision and _kind(answered.decision) != expected.decision:
        found.append(f"It {_DONE[answered.decision]}; expected is that it {_DONE[expected.decision]}.")
    cited = {name.casefold() for source in answered.sources for name in (source.title, source.document_id)}
    found += [f"“{name}” is not among its sources." for name in expected.sources if name.casefold() not in cited]
    said = _plain(answered.text)
    found += [f"It does not say “{words}”." for words in expected.contains if _plain(words) not in said]
    found += [f"It says “{words}”." for words in expected.lacks if _plain(words) in said]
    return found


def compared(before: Outcome | None, now: Outcome, expected: Expected) -> tuple[Change, list[str]]:
    """How `now` stands to `before`, and in what."""
    if in_trouble(now.answered):
        return "unclear", [now.answered.reason]
    if before is None or in_trouble(before.answered):
        return "new", []
    if before.right and not now.right:
        return "worse", list(now.failures) or ["A teammate judged it wrong."]
    if now.right and not before.right:
        return "better", list(before.failures) or ["A teammate had judged the answer before it wrong."]
    return _done_otherwise(before.answered, now, expected)


def _done_otherwise(before: Answered, now: Outcome, expected: Expected) -> tuple[Change, list[str]]:
    """Both are right, or both are wrong."""
    was, is_ = _kind(before.decision), _kind(now.answered.decision)
    if was == "answer" != is_ and expected.decision != is_:
        return "worse", [f"It {_DONE[is_]}, and answered before: {now.answered.reason}"]
    if was != is_ == "answer" and now.right:
        return "better", [f"It answers now; before, it {_DID[was]}."]
    if was == is_ == "answer" and not expected.sources and _from_others(before, now.answered):
        return "other", [f"It answers from {_titles(now.answered.sources)}, before from {_titles(before.sources)}."]
    return "same", []


def in_trouble(answered: Answered) -> bool:
    """True when the answer says nothing about knowledge or settings."""
    return answered.handoff == "trouble"


def is_the_same(before: Answered, now: Answered) -> bool:
    """What a teammate judged of one holds for the other."""
    return (before.decision, before.text) == (now.decision, now.text)


def _kind(decision: AskedDecision) -> Expect:
    return "answer" if decision == "draft" else decision


def _from_others(before: Answered, now: Answered) -> bool:
    """True when no article is in both."""
    was, is_ = ({source.document_id for source in one.sources} for one in (before, now))
    return bool(was and is_) and not was & is_


def _titles(sources: Sequence[Source]) -> str:
    return ", ".join(dict.fromkeys(f"“{source.title}”" for source in sources))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
