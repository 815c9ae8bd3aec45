"""What may be said: nothing that the passages do not hold. Pure.

It judges text that a model wrote, which may follow orders hidden in a message or an article. So it trusts only what
it can look up: links, numbers, and words.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from onethread.agent.words import content, language
from onethread.contracts.knowledge import Passage

_LINK = re.compile(
    r"!\[|<[a-z/!?]|\]:|"  # an image, raw HTML and a reference definition have no place in an answer
    r"\]\(\s*<?([^)>\s]*)|"
    r"((?:[a-z][a-z0-9+.-]{1,20}:)?//[^\s<>\"')\]]+)|"
    r"((?:mailto|javascript|data|tel|file|vbscript):[^\s<>\"')\]]+)|"
    r"([\w.+-]+@[\w-]+(?:\.[\w-]+)+)|"
    r"((?<![\w@.])(?:[\w-]+\.)+[a-z]{2,24}\b(?:/[^\s<>\"')\]]*)?)",
    re.IGNORECASE,
)
_MARKDOWN_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*(?:\s+\"[^\"]*\")?\)")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_LIST_MARK = re.compile(r"^\s*(?:[-*+•]|\d{1,2}[.)])\s+")
_SENTENCE = re.compile(r"(?<=[.!?…。！？])[\"”')*]*\s+(?=\S)|\n+")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e007f]")
CITATION = re.compile(r"\s?\[(\d{1,2}(?:\s*,\s*\d{1,2})*)\]")
_ENOUGH_WORDS = 0.5
"""Share of a sentence's telling words that must stand in the passages."""
_KEPT = 0.5
"""An answer that loses more than this is no answer any more."""


@dataclass(frozen=True)
class Checked:
    """`cut` says in words what was wrong with the sentences that were taken out."""

    text: str
    cut: tuple[str, ...] = ()
    whole: bool = True
    """False: too much was cut, so that a person should answer."""


def visible(text: str) -> str:
    """`text` without characters that hide or turn what is read."""
    return _INVISIBLE.sub("", text)


def links(text: str) -> set[str]:
    """Every link target, address and bare domain; images and raw HTML as what they begin with."""
    found: set[str] = set()
    for match in _LINK.finditer(unicodedata.normalize("NFKC", text)):
        target = next((group for group in match.groups() if group), match[0])
        found.add(target.rstrip(".,;:!?*_"))
    return found


class Evidence:
    """What the passages hold, looked up once for an answer."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        texts = [" ".join((p.title, *p.heading_path, p.text)) for p in passages]
        self.links = {p.url for p in passages if p.url}.union(*map(links, texts))
        self.numbers = {number for text in texts for number in _numbers(text)}
        self.words = {stem for text in texts for stem in content(text)}
        self.language = language(" ".join(texts))

    def lacks(self, sentence: str) -> str | None:
        """Why the sentence may not be said, or None."""
        if not links(sentence) <= self.links:
            return "a link that no source has"
        bare = _MARKDOWN_LINK.sub(r"\1", _LIST_MARK.sub("", sentence))
        if not set(_numbers(bare)) <= self.numbers:
            return "a number that no source has"
        return None if self._supports(bare) else "a statement that no source makes"

    def _supports(self, sentence: str) -> bool:
        stems = {*content(sentence)}
        if not stems:
            return True
        tongue = language(sentence)
        if tongue and self.language and tongue != self.language:
            return True  # a translation shares no words with its source; its links and numbers were looked up
        return len(stems & self.words) >= _ENOUGH_WORDS * len(stems)


def check(text: str, passages: Sequence[Passage]) -> Checked:
    """Takes out each sentence that the passages do not support."""
    evidence = Evidence(passages)
    kept: list[str] = []
    cut: list[str] = []
    cut_length = 0
    for sentence, space in _sentences(visible(text)):
        if wrong := evidence.lacks(sentence):
            cut.append(wrong)
            cut_length += len(sentence)
        else:
            kept.append(sentence + space)
    left = "".join(kept).strip()
    whole = bool(left) and cut_length <= _KEPT * (cut_length + len(left))
    return Checked(left, tuple(dict.fromkeys(cut)), whole)


def cited(text: str, passages: Sequence[Passage]) -> list[Passage]:
    """The passages that the text cites by number, in order. Numbers that no passage has count for nothing."""
    numbers = (int(n) for match in CITATION.finditer(text) for n in match[1].split(","))
    return [passages[n - 1] for n in dict.fromkeys(numbers) if 0 < n <= len(passages)]


def without_citations(text: str) -> str:
    return CITATION.sub("", text)


def _numbers(text: str) -> Iterable[str]:
    return (number.replace(",", ".") for number in _NUMBER.findall(text))


def _sentences(text: str) -> list[tuple[str, str]]:
    """Each sentence and the space that follows it."""
    spaces = [*_SENTENCE.finditer(text)]
    starts = [0, *(match.end() for match in spaces)]
    ends = [*(match.start() for match in spaces), len(text)]
    between = [*(match[0] for match in spaces), ""]
    return [(text[s:e], space) for s, e, space in zip(starts, ends, between, strict=True) if text[s:e].strip()]
