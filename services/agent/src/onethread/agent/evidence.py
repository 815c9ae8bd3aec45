"""What one passage says, looked up once, and whether it supports a sentence. Pure.

Word by word, without a model: a sentence is supported by a place in the passage, its neighbours, and the headings above
it; not by words from all over. A number must stand with the words that it stands with in the passage.
"""

# ruff: noqa: SIM905 a text of words is read more easily than a list of them

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from onethread.agent.denial import Denial, denial, opposites
from onethread.agent.figures import Figure, figures, is_measure, ranges
from onethread.agent.hidden import visible
from onethread.agent.orders import without_orders
from onethread.agent.sentences import sentences
from onethread.agent.tongues import Language, tongues
from onethread.agent.words import content, language, tokens
from onethread.contracts.knowledge import Passage

ENOUGH = 0.6
"""Share of a sentence's telling words that its place in the passage must have."""
_STRANGE = 0.25
"""Share of its words that the passage may have nowhere at all."""
_AS_GOOD = 0.75
"""Places that share nearly as many words with the sentence may be meant as well."""
_LONG = 8
_HEADING = re.compile(r"#{1,6}\s+(.*?)\s*#*$")
_ITEM = re.compile(r"^\s*(?:[-*+•|]|\d{1,2}[.)])\s*")
_LINK_TARGET = re.compile(r"\]\([^)]*\)")
_WHY = re.compile(r"\?\s*$|^(?:how|why|if|when|wie|warum|wenn|comment|pourquoi|si|cómo)\b", re.IGNORECASE)
_FRAME = frozenset("yes sure please note follow short summary accord general happi question ja bitte".split())
"""Words that introduce what is said and say nothing."""
_POINTERS = frozenset("read see here link articl page find more detail inform visit".split())
"""Words that lead to a link."""


@dataclass(frozen=True)
class Claim:
    """A sentence of an answer, without citations and list marks. `tongue`: its language where that is known."""

    text: str
    tongue: Language | None
    has_link: bool = False

    @cached_property
    def figures(self) -> list[Figure]:
        return figures(self.text, self.tongue)

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(tokens(self.text))

    def stems(self, tongue: Language) -> frozenset[str]:
        """Without its figures, which are looked up by themselves, and without words that only introduce."""
        bare = self.text
        for figure in reversed(self.figures):
            bare = bare[: figure.start] + bare[figure.end :]
        said_of_links = _POINTERS if self.has_link else frozenset[str]()
        return _telling(bare, tongue) - _FRAME - said_of_links - tongues()[tongue].filler


@dataclass(frozen=True)
class _Place:
    """A sentence, list item or table row; `above` is the heading and the line that leads to it."""

    text: str
    above: str
    tongue: Language

    @cached_property
    def stems(self) -> frozenset[str]:
        return frozenset(content(self.text, self.tongue))

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(tokens(self.text))

    @cached_property
    def over(self) -> frozenset[str]:
        return frozenset(content(self.above, self.tongue))

    @cached_property
    def said(self) -> Denial:
        return denial(self.text, self.tongue)

    @cached_property
    def said_above(self) -> Denial:
        return denial("" if _WHY.search(self.above) else self.above, self.tongue)

    @cached_property
    def figures(self) -> Sequence[tuple[Figure, frozenset[str]]]:
        over = _telling(self.above, self.tongue)
        return [(figure, near or over) for figure, near in with_words(self.text, self.tongue)]

    def says(self, claim: Claim) -> bool:
        """Word by word: all of the place, or a long piece of it."""
        words = tokens(claim.text)
        said, piece = f" {' '.join(tokens(self.text))} ", f" {' '.join(words)} "
        figures_too = all(any(one.is_like(other) for other, _ in self.figures) for one in claim.figures)
        return bool(words) and figures_too and (said == piece or (len(words) >= _LONG and piece in said))

    def turned(self, claim: Claim, said: Denial) -> frozenset[str]:
        """The words of the claim that this place says the opposite of."""
        against = said.against(self.said)
        if not self.said.denied & claim.stems(self.tongue):
            against |= said.against(self.said_above)
        if not said.hints:
            against |= opposites(claim.words, self.words)
            against |= self.stems & claim.stems(self.tongue) if self.said.excepts else frozenset()
        if not self.said.hints:
            against |= opposites(self.words, claim.words)
        return against


class Evidence:
    """Of one passage."""

    def __init__(self, passage: Passage) -> None:
        self.passage = passage
        text = without_orders(visible(passage.text))
        self.all = " ".join((passage.title, *passage.heading_path, text))
        self.tongue: Language = language(self.all) or "en"
        self._about = frozenset(content(" ".join((passage.title, *passage.heading_path)), self.tongue))
        self._figures = figures(self.all, self.tongue)
        self._places = list(self._read(text))
        self._stems = frozenset(content(self.all, self.tongue))
        self._headings = self._about.union(*(place.over for place in self._places))

    def lacks(self, claim: Claim) -> str | None:
        """What of the claim is not said here, in words; None where all of it is."""
        if any(place.says(claim) for place in self._places):
            return None
        if not all(any(one.is_like(other) for other in self._figures) for one in claim.figures):
            return "a number that no source has"
        if claim.tongue and claim.tongue != self.tongue:
            return None  # a translation shares no words with its source; its numbers were looked up
        stems = claim.stems(self.tongue)
        says_nothing = not stems and not {"yes", "no"} & claim.words
        leads = claim.text.rstrip().endswith(":") and stems <= self._headings
        return None if says_nothing or leads else self._lacks_words(claim, stems)

    def _lacks_words(self, claim: Claim, stems: frozenset[str]) -> str | None:
        if len(stems - self._stems) > max(_STRANGE * len(stems), 1):
            return "a statement that no source makes"
        places = self._places_of(stems, max((1 - ENOUGH) * len(stems), 1 if claim.figures or claim.has_link else 0))
        if not places:
            return "a statement that no source makes"
        readings = _readings(claim.text, self.tongue)
        if not any(all(self._goes_with(figure, near) for figure, near in reading) for reading in readings):
            return "a number that belongs to something else"
        return "the opposite of what the source says" if self._turns(claim, stems, places) else None

    def _places_of(self, stems: frozenset[str], allowed: float) -> list[_Place]:
        """Where the words stand together but for as many as are `allowed` to lack, and nearly as many as anywhere."""
        near = [
            place
            for i, place in enumerate(self._places)
            if place.stems & stems and len(stems - self._around(i)) <= allowed
        ]
        most = max((len(place.stems & stems) for place in near), default=0)
        return [place for place in near if len(place.stems & stems) >= _AS_GOOD * most]

    def _around(self, i: int) -> frozenset[str]:
        near = self._places[max(0, i - 1) : i + 2]
        return self._about.union(self._places[i].over, *(place.stems for place in near))

    def _goes_with(self, figure: Figure, near: frozenset[str]) -> bool:
        """Whether the figure stands somewhere here with one of the words that it stands with in the claim."""
        return any(
            figure.is_like(other) and (not words or not near or near & words)
            for place in self._places
            for other, words in place.figures
        ) or any(figure.is_like(other) for other in figures(self.passage.title, self.tongue))

    def _turns(self, claim: Claim, stems: frozenset[str], places: Sequence[_Place]) -> bool:
        """True where a place says the opposite, and no other place says it as the claim does."""
        said = denial(claim.text, self.tongue)
        against = {place: place.turned(claim, said) for place in places}
        excepted = [p for p in self._places if p.said.excepts and p.stems & stems] if not said.hints else []
        only_excepted = {
            stem
            for place in excepted
            for stem in place.stems & stems
            if not any(stem in other.stems for other in self._places if other not in excepted)
        }
        turned = any(
            words and not any(not against[other] and words & stems <= other.stems for other in places)
            for words in against.values()
        )
        return turned or bool(only_excepted - self._about)

    def _read(self, text: str) -> Iterator[_Place]:
        heading, lead = "", ""
        for line in _LINK_TARGET.sub("]", text).splitlines():
            if found := _HEADING.match(line):
                heading, lead = found[1], ""
                continue
            is_item = _ITEM.match(line) is not None
            for sentence, _ in sentences(line):
                yield _Place(_ITEM.sub("", sentence, count=1), f"{heading} {lead if is_item else ''}", self.tongue)
                if not is_item:
                    lead = sentence if sentence.rstrip().endswith(":") else ""


def with_words(text: str, tongue: Language) -> list[tuple[Figure, frozenset[str]]]:
    """Each figure with the words that go with it: what follows each of them, or else what stands before each, or else
    all. Words of measure do not count.
    """
    return next(_readings(text, tongue), [])


def _readings(text: str, tongue: Language) -> Iterator[list[tuple[Figure, frozenset[str]]]]:
    """The ways in which words may belong to figures, the likely one first."""
    found = figures(text, tongue)
    groups = ranges(text, found)
    ends, starts = [0, *(g[-1].end for g in groups)], [*(g[0].start for g in groups), len(text)]
    before = [_telling(text[ends[i] : starts[i]], tongue) for i in range(len(groups))]
    after = [_telling(text[ends[i + 1] : starts[i + 1]], tongue) for i in range(len(groups))]
    for words in (after, before) if len(groups) > 1 else ():
        if all(words):
            yield [(figure, near) for group, near in zip(groups, words, strict=True) for figure in group]
    yield [(figure, _telling(text, tongue)) for figure in found]


def _telling(text: str, tongue: Language) -> frozenset[str]:
    return frozenset(stem for stem in content(text, tongue) if not stem[0].isdigit() and not is_measure(stem))
