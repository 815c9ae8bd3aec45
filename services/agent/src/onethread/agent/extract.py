"""The answer without a language model: the best supporting sentences of the best passage, as they stand. Pure.

An article opens with the direct answer and goes into detail under headings. So an answer is the opening where it bears
on the question, and the part of the section that bears on it most.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial

from onethread.agent.article import Block, Section, sections_of
from onethread.agent.wanted import Holds, wanted
from onethread.agent.words import content, language
from onethread.contracts.knowledge import Passage

Stems = Callable[[str], list[str]]
_LEANS = re.compile(
    r"(?:It|They|Them|That|This|These|Those|Then|There|Otherwise|After that|Also|But|And|So|However|Instead|Therefore|"
    r"In (?:that|this) case|(?:With|Without|For|On|In) (?:it|that|this|these|those|them)|"
    r"If so|If not|Finally|Next|Das|Dies\w*|Danach|Dann|Außerdem|Sonst|Andernfalls|Aber|Und|"
    r"Dabei|Dafür|Damit|Daher|Cela|Ceci|Ensuite|Puis|Sinon|Mais|Et|Ils|Elles|Esto|Eso|Después|Luego|También|Además|Pero|"
    r"Questo|Poi|Inoltre|Ma|Isso|Isto|Depois|Também|Mas|Dit|Dat|Daarna|Ook|Maar|En|To|Potem|Ale|Bu|Bunun|Sonra|Ama|"
    r"Это|Затем|Также|Но|Потом)\b|(?:それ|これ|その|また|ただし|次に|这|那|然后|但是|此外)"
)
"""So begins a sentence that needs the one before it."""
# Measured on two help centres: titles decide well among passages this close, and worse than the search beyond.
_LOOKED_AT = 3
_AS_GOOD = 0.95
_TITLE_SHARE = 0.2
_HEADING_SHARE = 0.8
_OPENING_BONUS = 0.12
_TOPIC_SHARE = 0.4
_WANTED_BONUS = 0.35
"""Of a sentence that bears on the question and holds what it asks for: an amount of money or of time."""
_SURE = 0.5
"""A section with less may not be the one that is meant; then the opening comes first."""
_COMPOUNDING = ("de", "nl")
"""Languages that write two words as one."""
_LEAST_PART = 4
_STEPS = 9
_ITEMS = 5


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
    tongue = language(passages[0].text)
    asked = {*content(question, tongue)}
    titles = [{*content(passage.title, tongue)} & asked for passage in close]
    telling = {stem: math.log(1 + len(close) / sum(stem in title for title in titles)) for stem in set().union(*titles)}
    total = sum(telling.values()) + (len(asked) - len(telling)) * math.log(2 + len(close)) or 1.0
    named = [sum(telling[stem] for stem in title) / total for title in titles]
    return max(zip(close, named, strict=True), key=lambda one: one[0].score + _TITLE_SHARE * one[1])[0]


def extract(question: str, passage: Passage, words: int) -> Extract | None:
    """What the passage says on `question` in about `words` words. None when it holds no sentence."""
    sections = sections_of(passage.text)
    if not sections:
        return None
    tongue = language(passage.text)
    stems = partial(content, tongue=tongue)
    for section in sections:
        for block in section.blocks:
            block.stems = [{*stems(unit)} for unit in block.units]
    there = {*stems(" ".join((passage.title, *passage.heading_path, passage.text)))}
    asked = {_as_it_is_there(stem, there) if tongue in _COMPOUNDING else stem for stem in stems(question)}
    shares = _shares(asked, sections)
    holds = wanted(question)
    _score(sections, shares, {*stems(passage.title)}, stems, holds, inside=bool(passage.heading_path))
    # Something is asked about that the passage does not name: "Japan", where it has a price for the rest of the world.
    pieces = _pieces(sections, words, holds, is_elsewhere=bool(asked - there))
    said = {*stems(" ".join((passage.title, *passage.heading_path, *pieces)))}
    return Extract(pieces, passage, sum(weight for stem, weight in shares.items() if stem in said))


def _as_it_is_there(stem: str, there: AbstractSet[str]) -> str:
    """The word that the passage has for it: "Rabatt" where "Rabattcode" is asked about, and the other way round."""
    if stem in there or len(stem) < _LEAST_PART:
        return stem
    alike = [one for one in there if len(one) >= _LEAST_PART and _is_part(*sorted((one, stem), key=len))]
    return max(alike, key=lambda one: (min(len(one), len(stem)), one), default=stem)


def _is_part(part: str, whole: str) -> bool:
    return whole.startswith(part) or whole.endswith(part)


def _shares(asked: set[str], sections: list[Section]) -> dict[str, float]:
    """How much each of the question's words tells: rare ones tell more. They add up to 1."""
    units = [stems for section in sections for block in section.blocks for stems in block.stems]
    seen = Counter(stem for unit in units for stem in unit & asked)
    raw = {stem: math.log(1 + (len(units) + 1) / (1 + seen[stem])) for stem in asked}
    total = sum(raw.values()) or 1.0
    return {stem: weight / total for stem, weight in raw.items()}


def _score(
    sections: list[Section],
    shares: dict[str, float],
    topic: set[str],
    stems: Stems,
    holds: Holds | None,
    *,
    inside: bool,
) -> None:
    """What the title says too tells little about which sentence of the article is meant."""
    weights = {stem: share * (_TOPIC_SHARE if stem in topic else 1) for stem, share in shares.items()}
    telling = shares.keys() - topic
    for section in sections:
        section.named = _weigh({*stems(section.heading)}, weights)
        for block in section.blocks:
            block.scores = [_weigh(unit, weights) for unit in block.stems]
            if holds:
                block.scores = _with_bonus(block, holds, named=section.named > 0)
            block.tells = any(unit & telling for unit in block.stems)
        section.score = max(max(block.scores) for block in section.blocks) + _HEADING_SHARE * section.named
    opening = sections[0]
    others_tell = any(block.tells for section in sections[1:] for block in section.blocks)
    if not inside and not opening.heading and (opening.blocks[0].tells or not others_tell):
        opening.score += _OPENING_BONUS


def _with_bonus(block: Block, holds: Holds, *, named: bool) -> list[float]:
    pairs = zip(block.units, block.scores, strict=True)
    return [score + _WANTED_BONUS * ((named or score > 0) and holds(unit)) for unit, score in pairs]


def _weigh(stems: set[str], weights: dict[str, float]) -> float:
    return sum(weights[stem] for stem in stems & weights.keys())


def _pieces(sections: list[Section], words: int, holds: Holds | None, *, is_elsewhere: bool) -> list[str]:
    best = max(sections, key=lambda section: section.score)
    opening = sections[0]
    chosen: list[str] = []
    bears = (
        max(opening.blocks[0].scores) > 0 or best.score < _SURE or (holds and any(map(holds, opening.blocks[0].units)))
    )
    if best is not opening and not opening.heading and bears:
        chosen = _sentences(opening.blocks[0], words // 2)
    room = words - _count(chosen)
    pieces = chosen + _part(best, max(room, words // 2))
    return pieces + (_whole_list(sections, best) if is_elsewhere else [])


def _whole_list(sections: list[Section], best: Section) -> list[str]:
    """All cases, where the one that is asked about has no name of its own: the list whose heading bears most on it."""
    lists = [(section, b) for section in sections if section.named for b in section.blocks if b.kind == "items"]
    section, block = max(lists, key=lambda one: one[0].named, default=(None, None))
    if section is None or block is None or section is best:
        return []
    return [f"\n\n{section.heading}: ", *_items(block, whole=True)]


def _part(section: Section, words: int) -> list[str]:
    """The block that bears most on the question. A list comes with the line that leads to it, else its heading."""
    at = max(range(len(section.blocks)), key=lambda i: (max(section.blocks[i].scores), -i))
    block = _with_what_it_leans_on(section.blocks, at)
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


def _with_what_it_leans_on(blocks: list[Block], at: int) -> Block:
    block, before = blocks[at], blocks[at - 1] if at else None
    if before is None or {block.kind, before.kind} != {"sentences"} or not _LEANS.match(block.units[0].lstrip("*_")):
        return block
    return Block([*before.units, *block.units], "sentences", scores=[*before.scores, *block.scores])


def _sentences(block: Block, words: int) -> list[str]:
    """Whole sentences in a row around the best one, as many as there is room for."""
    first = last = block.best()
    while first and _LEANS.match(block.units[first].lstrip("*_")):
        first -= 1
    while last + 1 < len(block.units) and _count(block.units[first : last + 2]) <= words:
        last += 1
    while first and _count(block.units[first - 1 : last + 1]) <= words:
        first -= 1
    return [f"{sentence} " for sentence in block.units[first : last + 1]]


def _items(block: Block, *, whole: bool) -> list[str]:
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
