"""What the language model is told. Everything that others wrote stands between marks that they cannot forge. Pure but
for the mark, which is drawn anew for each turn.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from onethread.agent.hidden import visible
from onethread.agent.orders import without_orders
from onethread.agent.tongues import Language
from onethread.contracts.knowledge import Passage
from onethread.contracts.messages import AuthorKind

VERSION = "answer-1"
"""Of the rules; a file of that name in `prompts/`. Another wording is another file."""
CHOOSING = "tools-1"
HANDOFF = "HANDOFF"
CLARIFY = "CLARIFY:"
_ASK = f"If the passages answer several meanings of the question apart, reply with {CLARIFY} and one short question."
_DO_NOT_ASK = "Do not ask back."
_HISTORY_SHARE = 0.25
_LONGEST_EARLIER = 4_000
_LEAST_PASSAGE = 60
"""Tokens. A shorter rest of a passage is not worth showing."""
LANGUAGES: dict[Language, str] = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "pt": "Portuguese",
    "nl": "Dutch",
    "pl": "Polish",
    "tr": "Turkish",
    "ru": "Russian",
    "ja": "Japanese",
    "zh": "Chinese",
}
Count = Callable[[str], int]


@dataclass(frozen=True)
class Said:
    """Something said before, in a place where everyone who will see the answer could see it too."""

    author: AuthorKind
    text: str
    titles: tuple[str, ...] = ()
    """Of the articles that an answer rests on."""


@dataclass(frozen=True)
class Line:
    """A chat message to the model."""

    role: Literal["system", "user"]
    text: str


@dataclass(frozen=True)
class Brief:
    """`tongue` is the customer's, where that is known. `room` is in tokens as `count` counts them."""

    question: str
    passages: Sequence[Passage]
    history: Sequence[Said]
    advice: str
    tongue: Language | None
    may_ask: bool
    room: int
    count: Count


@dataclass(frozen=True)
class Prompt:
    """`passages` are those that had room; the model knows them by their place in it. `boundary` ends every mark."""

    lines: list[Line]
    passages: list[Passage]
    boundary: str
    rules: str


def prompt(brief: Brief) -> Prompt | None:
    """None when the question leaves no room for any passage: it is never cut."""
    boundary = secrets.token_hex(6)
    rules = _rules().format(
        clarify=_ASK if brief.may_ask else _DO_NOT_ASK,
        language=LANGUAGES[brief.tongue] if brief.tongue else "the language of the customer",
        advice=brief.advice,
        boundary=boundary,
        passages="{passages}",
    )
    asked = _marked("customer_message", boundary, _data(brief.question))
    left = brief.room - brief.count(rules) - brief.count(asked)
    earlier, left = _history(brief, boundary, left)
    shown = _passages(brief, boundary, left)
    if not shown:
        return None
    numbered = "\n".join(shown)
    return Prompt(
        [Line("system", rules.replace("{passages}", numbered)), Line("user", earlier + asked)],
        list(brief.passages[: len(shown)]),
        boundary,
        rules,
    )


def _history(brief: Brief, boundary: str, left: int) -> tuple[str, int]:
    """The newest that has room, oldest first, and what room is left."""
    most, lines = int(max(left, 0) * _HISTORY_SHARE), list[str]()
    for said in reversed(brief.history):
        line = _marked("earlier", boundary, _data(said.text), f' from="{said.author}"')
        size = brief.count(line)
        if size > most:
            break
        lines.insert(0, line)
        most, left = most - size, left - size
    return "".join(lines), left


def _passages(brief: Brief, boundary: str, left: int) -> list[str]:
    """The best first. The last one that has room may be cut."""
    shown: list[str] = []
    for n, passage in enumerate(brief.passages, 1):
        attributes = f' number="{n}" title="{_data(passage.title)}" link="{_data(passage.url or "")}"'
        text = _data(without_orders(visible(passage.text)))
        room = left - brief.count(_marked("passage", boundary, "", attributes))
        fitting = _cut(text, room, brief.count)
        if room < _LEAST_PASSAGE and fitting != text:
            break
        shown.append(_marked("passage", boundary, fitting, attributes))
        left = room - brief.count(fitting)
    return shown


def _cut(text: str, room: int, count: Count) -> str:
    """The beginning of `text` that has room."""
    while text and (size := count(text)) > room:
        text = text[: max(0, min(len(text) - 1, len(text) * room // size))]
    return text


def _marked(name: str, boundary: str, text: str, attributes: str = "") -> str:
    return f"<{name}-{boundary}{attributes}>\n{text}\n</{name}-{boundary}>\n"


def _data(text: str) -> str:
    """As it reads, and unable to close the mark it stands in."""
    return visible(text).replace("<", "‹").replace(">", "›").replace('"', "”")


def choosing(question: str, earlier: Sequence[Said]) -> list[Line]:
    """What a model is told that chooses tools: what the customer wrote, and nothing that anybody else did."""
    boundary = secrets.token_hex(6)
    before = "".join(_marked("earlier", boundary, _data(said.text[:_LONGEST_EARLIER])) for said in earlier)
    asked = _marked("customer_message", boundary, _data(question[:_LONGEST_EARLIER]))
    return [Line("system", _rules(CHOOSING).format(boundary=boundary)), Line("user", before + asked)]


@cache
def _rules(version: str = VERSION) -> str:
    return (files("onethread.agent") / "prompts" / f"{version}.md").read_text("utf-8")
