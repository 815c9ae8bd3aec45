"""The answer without a language model: the best supporting sentences of the best passage, as they stand. Pure.

An article opens with the direct answer and goes into detail under headings. So an answer is the opening where it bears
on the question, and the part of the section that bears on it most.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from onethread.agent.words import content
from onethread.contracts.knowledge import Passage

_HEADING = re.compile(r"#{1,6}\s+(.*?)\s*#*$")
_ITEM = re.compile(r"\s*(?:[-*+•]|(\d+)[.)])\s+(.*)")
_SKIP = re.compile(r"\s*(?:\||```|~~~|!\[|<|:::|\[[^\]]+\]:\s)")
_SENTENCE = re.compile(
    r"(?<=[.!?…])(?<!e\.g\.)(?<!i\.e\.)(?<!\bNo\.)[\"”')]*\s+(?=[\"“'(*]*[A-ZÀ-Þ0-9¿¡])|(?<=[。！？])"
)
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK_WITHIN = re.compile(r"\[([^\]]*)\]\((?!https?://|mailto:)[^)]*\)")
"""It leads nowhere outside the help centre; its words are kept."""
_LEANS = re.compile(r"(?:It|They|Them|That|This|These|Those|Then|There|Otherwise|After that|Also|But|And|So)\b")
# Measured on two help centres: titles decide well among passages this close, and worse than the search beyond.
_LOOKED_AT = 3
_AS_GOOD = 0.95
_TITLE_SHARE = 0.2
_HEADING_SHARE = 0.8
_OPENING_BONUS = 0.12
_TOPIC_SHARE = 0.4
_SURE = 0.5
"""A section with less may not be the one that is meant; then the opening comes first."""
_STEPS = 9
_ITEMS = 5


@dataclass
class _Block:
    """A paragraph's sentences, or a list's items."""

    units: list[str]
    kind: str
    scores: list[float] = field(default_factory=list)

    def best(self) -> int:
        return max(range(len(self.units)), key=lambda i: (self.scores[i], -i))


@dataclass
class _Section:
    heading: str
    blocks: list[_Block] = field(default_factory=list)
    score: float = 0.0
    named: float = 0.0
    """How much its heading bears on the question."""


@dataclass(frozen=True)
class Extract:
    """`pieces` joined are the text; each is a sentence or a list item, with the space that follows it.

    `coverage` is the share (0 to 1) of the question's telling words that the answer and its title hold.
    """

    pieces: list[str]
    passage: Passage
    coverage: float

    @property
    def text(self) -> str:
        return "".join(self.pieces).strip()


def best_passage(question: str, passages: Sequence[Passage]) -> Passage:
    """The first, unless the title of one that is as good names more of what is asked. `passages` are best first."""
    close = [p for p in passages[:_LOOKED_AT] if p.score >= _AS_GOOD * passages[0].score]
    asked = {*content(question)}
    titles = [{*content(passage.title)} & asked for passage in close]
    telling = {stem: math.log(1 + len(close) / sum(stem in title for title in titles)) for stem in set().union(*titles)}
    total = sum(telling.values()) + (len(asked) - len(telling)) * math.log(2 + len(close)) or 1.0
    named = [sum(telling[stem] for stem in title) / total for title in titles]
    return max(zip(close, named, strict=True), key=lambda one: one[0].score + _TITLE_SHARE * one[1])[0]


def extract(question: str, passage: Passage, words: int) -> Extract | None:
    """What the passage says on `question` in about `words` words. None when it holds no sentence."""
    sections = _sections(passage.text)
    if not sections:
        return None
    weights = _weights(question, sections, passage.title)
    _score(sections, weights, inside=bool(passage.heading_path))
    pieces = _pieces(sections, words)
    said = {*content(" ".join((passage.title, *passage.heading_path, *pieces)))}
    asked = _shares(question, sections)
    return Extract(pieces, passage, sum(weight for stem, weight in asked.items() if stem in said))


def _sections(text: str) -> list[_Section]:
    sections = [_Section("")]
    for line in _LINK_WITHIN.sub(r"\1", _IMAGE.sub("", text)).splitlines():
        if heading := _HEADING.match(line):
            sections.append(_Section(heading[1]))
        else:
            _read(line, sections[-1].blocks)
    for section in sections:
        section.blocks = [block for block in map(_split, section.blocks) if block.units]
    return [section for section in sections if section.blocks]


def _read(line: str, blocks: list[_Block]) -> None:
    """Adds a line to the paragraph or list that it belongs to. A blank line ends a paragraph."""
    if not line.strip():
        blocks.append(_Block([], "sentences"))
    elif _SKIP.match(line):
        return
    elif item := _ITEM.match(line):
        kind = "steps" if item[1] else "items"
        open_list = next((b for b in reversed(blocks) if b.units), None)
        if open_list is None or open_list.kind != kind:
            open_list = _Block([], kind)
            blocks.append(open_list)
        open_list.units.append(item[2].strip())
    elif blocks and blocks[-1].units:
        blocks[-1].units[-1] += " " + line.strip()
    else:
        blocks.append(_Block([line.strip()], "sentences"))


def _split(block: _Block) -> _Block:
    if block.kind == "sentences" and block.units:
        block.units = [s.strip() for s in _SENTENCE.split(block.units[0]) if s.strip()]
    return block


def _shares(question: str, sections: list[_Section]) -> dict[str, float]:
    """How much each of the question's words tells: rare ones tell more. They add up to 1."""
    units = [{*content(unit)} for section in sections for block in section.blocks for unit in block.units]
    asked = {*content(question)}
    seen = Counter(stem for unit in units for stem in unit & asked)
    raw = {stem: math.log(1 + (len(units) + 1) / (1 + seen[stem])) for stem in asked}
    total = sum(raw.values()) or 1.0
    return {stem: weight / total for stem, weight in raw.items()}


def _weights(question: str, sections: list[_Section], title: str) -> dict[str, float]:
    """The shares, but what the title says too tells little about which sentence of the article is meant."""
    topic = {*content(title)}
    shares = _shares(question, sections)
    return {stem: share * (_TOPIC_SHARE if stem in topic else 1) for stem, share in shares.items()}


def _score(sections: list[_Section], weights: dict[str, float], inside: bool) -> None:
    for section in sections:
        section.named = _weigh(section.heading, weights)
        for block in section.blocks:
            block.scores = [_weigh(unit, weights) for unit in block.units]
        section.score = max(max(block.scores) for block in section.blocks) + _HEADING_SHARE * section.named
    if not inside and not sections[0].heading:
        sections[0].score += _OPENING_BONUS


def _weigh(text: str, weights: dict[str, float]) -> float:
    return sum(weights.get(stem, 0.0) for stem in {*content(text)})


def _pieces(sections: list[_Section], words: int) -> list[str]:
    best = max(sections, key=lambda section: section.score)
    opening = sections[0]
    chosen: list[str] = []
    bears = max(opening.blocks[0].scores) > 0 or best.score < _SURE
    if best is not opening and not opening.heading and bears:
        chosen = _sentences(opening.blocks[0], words // 2)
    room = words - _count(chosen)
    return chosen + _part(best, max(room, words // 2))


def _part(section: _Section, words: int) -> list[str]:
    """The block that bears most on the question. A list comes with the line that leads to it, else its heading."""
    at = max(range(len(section.blocks)), key=lambda i: (max(section.blocks[i].scores), -i))
    block = section.blocks[at]
    if block.kind == "sentences":
        pieces = _sentences(block, words)
        follows = section.blocks[at + 1] if at + 1 < len(section.blocks) else None
        leads = follows and block.units[-1].endswith(":") and pieces[-1].strip() == block.units[-1]
        return [*pieces, *_items(follows, whole=True)] if follows and leads else pieces
    lead = section.blocks[at - 1].units[-1] if at and section.blocks[at - 1].kind == "sentences" else ""
    if lead.endswith(":"):
        return [f"{lead} ", *_items(block, whole=True)]
    items = _items(block, whole=section.named >= max(block.scores))
    return [f"{section.heading}: ", *items] if section.heading and len(items) > 1 else items


def _sentences(block: _Block, words: int) -> list[str]:
    """Whole sentences in a row around the best one, as many as there is room for."""
    first = last = block.best()
    while first and _LEANS.match(block.units[first].lstrip("*_")):
        first -= 1
    while last + 1 < len(block.units) and _count(block.units[first : last + 2]) <= words:
        last += 1
    while first and _count(block.units[first - 1 : last + 1]) <= words:
        first -= 1
    return [f"{sentence} " for sentence in block.units[first : last + 1]]


def _items(block: _Block, *, whole: bool) -> list[str]:
    """Steps come whole; of a list, where not wanted whole, the items that bear on the question."""
    if block.kind == "steps":
        return ["\n\n", *(f"{n}. {step}\n" for n, step in enumerate(block.units[:_STEPS], 1))]
    best = max(block.scores)
    telling = [u for u, score in zip(block.units, block.scores, strict=True) if whole or score >= best / 2]
    if len(telling) == 1:
        return [f"{telling[0]} "]
    return ["\n\n", *(f"- {item}\n" for item in telling[:_ITEMS])]


def _count(texts: Iterable[str]) -> int:
    return sum(len(text.split()) for text in texts)
