"""What may be said: nothing that the passages do not hold. Pure.

It judges text that a model wrote, which may follow orders hidden in a message or an article. So it trusts only what
it can look up, sentence by sentence.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from onethread.agent.evidence import Claim, Evidence
from onethread.agent.hidden import disguised, visible
from onethread.agent.links import links, without_links
from onethread.agent.promises import never_said
from onethread.agent.sentences import sentences
from onethread.agent.tongues import Language
from onethread.agent.words import content, language, surely, tokens
from onethread.contracts.knowledge import Passage

__all__ = ["CITATION", "Check", "cited_numbers", "links", "visible", "without_citations"]

CITATION = re.compile(r"\s?\[(\d{1,2}(?:\s?,\s?\d{1,2})*)\]")
_MARKDOWN_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*(?:\s+\"[^\"]*\")?\)")
_LIST_MARK = re.compile(r"^\s*(?:[-*+•]|\d{1,2}[.)])\s+")
_NAME = re.compile(r"(?<![.!?:“\"(\[*>-]\s)(?<!^)(?<![\w'’-])[A-ZÀ-Þ][\w-]*")
_SHOUTED = re.compile(r"(?<![\w-])(?:[A-ZÀ-Þ]{2,}\w*|[A-ZÀ-Þ]?[a-zß-ÿ]+[A-ZÀ-Þ]\w*)(?![\w-])")
_NAMES_ARE_SMALL: frozenset[Language | None] = frozenset(("en", "fr", "es", "it", "pt", "nl", "pl", "tr"))
_ACCOUNT = re.compile(r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){2,7}(?:\s?[A-Z0-9]{1,3})?\b")
_PHONE = re.compile(r"(?<![\w.,])\+?\(?\d[\d\s()./–-]{5,}\d(?!\w)")
_CODE = re.compile(
    r"(?<![\w-])(?!\d+-[a-zß-ÿ]+(?![\w-]))(?=[\w-]*\d)(?=[\w-]*[A-Za-z])"
    r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)+(?![\w-])|"  # ORD-1234, but not 2-year
    r"(?<!\w)(?=\w*\d)(?=\w*[A-Za-z])\w{6,}|#\d{3,}|(?<![\d.,])\d{6,}(?![\d.,])|(?=\S*\d|\S*[a-z][A-Z])[A-Za-z0-9+/=_-]{24,}"
)
_SHORT_FOR = (("uk", "united kingdom"), ("eu", "european union"), ("us", "united states"), ("usa", "united states"))
_PHONE_DIGITS = 7
_SHINGLE = 6
"""Words in a row that make a sentence one of the rules rather than like it."""
_KEPT = 0.5
"""An answer that loses more than this is no answer any more."""
Tongue = Language | None


@dataclass(frozen=True)
class Checked:
    """`cut` says in words what was wrong with the sentences that were taken out."""

    text: str
    cut: tuple[str, ...] = ()
    whole: bool = True
    """False: too much was cut, so that a person should answer."""


@dataclass(frozen=True)
class Check:
    """`own` is what the customer wrote, `tongue` what they read, where that is known. `secret` is what the model was
    told, `mark` what ends the marks in it.
    """

    passages: Sequence[Passage]
    own: Sequence[str] = ()
    tongue: Tongue = None
    secret: str = ""
    mark: str = ""

    def wrong(self, sentence: str) -> str | None:
        """Why the sentence may not be said, or None. Its citations say by what it is to be held."""
        bare = _MARKDOWN_LINK.sub(r"\1", _LIST_MARK.sub("", without_citations(sentence)))
        return (
            self._foreign(without_citations(sentence), bare)
            or never_said(bare, self._all)
            or self._leaks(bare)
            or self._in_another_language(bare)
            or self._unsupported(bare, cited_numbers(sentence))
        )

    def wrong_to_ask(self, question: str) -> str | None:
        """The same for a question back, which states nothing: its words are the customer's or an article's."""
        if wrong := self._foreign(question, question) or never_said(question, "") or self._leaks(question):
            return wrong
        stems = set(content(question, self._tongue)) - _ASKING
        known = set(content(" ".join((self._all, *self.own)), self._tongue))
        if surely(question) not in (None, self._tongue) or len(stems & known) >= len(stems) / 2:
            return self._in_another_language(question)
        return "a question that is about something else"

    def check(self, text: str) -> Checked:
        """Takes out each sentence that the passages do not support."""
        judged = [(sentence, space, self.wrong(sentence)) for sentence, space in sentences(visible(text))]
        return self.summed_up(judged)

    @staticmethod
    def summed_up(judged: Sequence[tuple[str, str, str | None]]) -> Checked:
        left = "".join(without_citations(sentence) + space for sentence, space, wrong in judged if not wrong).strip()
        cut = [wrong for _, _, wrong in judged if wrong]
        cut_length = sum(len(sentence) for sentence, _, wrong in judged if wrong)
        whole = bool(left) and cut_length <= _KEPT * (cut_length + len(left))
        return Checked(left, tuple(dict.fromkeys(cut)), whole)

    def _foreign(self, sentence: str, bare: str) -> str | None:
        """What is looked up as it stands: links, codes, names."""
        if not links(sentence) <= self._links:
            return "a link that no source has"
        if disguised(bare):
            return "letters in disguise"
        if not _phones(bare) <= self._phones or not _accounts(bare) <= _accounts(self._all):
            return "a phone or account number that no source has"
        if not _codes(bare) <= self._codes:
            return "a code that no source has"
        return None if self._knows_names(bare) else "a name that no source has"

    def _knows_names(self, bare: str) -> bool:
        tongue = surely(bare) or self._tongue
        names = {*_SHOUTED.findall(bare), *(_NAME.findall(bare) if tongue in _NAMES_ARE_SMALL else ())}
        return all({*tokens(name)} <= self._words for name in names if len(name) > 1 and name.isalpha())

    def _leaks(self, bare: str) -> str | None:
        words = tokens(bare)
        rows = (" ".join(words[i : i + _SHINGLE]) for i in range(max(1, len(words) - _SHINGLE + 1)))
        secret = f" {' '.join(tokens(self.secret))} "
        if (self.mark and self.mark in bare) or (len(words) >= _SHINGLE and any(f" {row} " in secret for row in rows)):
            return "what the model was told"
        return None

    def _in_another_language(self, bare: str) -> str | None:
        heard = surely(bare)
        return "another language than the customer's" if self.tongue and heard and heard != self.tongue else None

    def _unsupported(self, bare: str, numbers: Sequence[int]) -> str | None:
        """None where one of the passages that it cites says all of it; without citations, where any does."""
        named = [self._evidence[n - 1] for n in numbers if 0 < n <= len(self._evidence)]
        if numbers and not named:
            return "a source that there is not"
        has_link, bare = bool(links(bare)), without_links(bare)
        for looked_up in (_ACCOUNT, _PHONE, _CODE):
            bare = looked_up.sub(" ", bare)
        claim = Claim(bare, surely(bare) or (language(bare) and self._tongue), has_link)
        lacking = [evidence.lacks(claim) for evidence in named or self._evidence]
        return None if None in lacking or not lacking else lacking[0]

    @cached_property
    def _evidence(self) -> list[Evidence]:
        return [Evidence(passage) for passage in self.passages]

    @cached_property
    def _all(self) -> str:
        return "\n".join(evidence.all for evidence in self._evidence)

    @cached_property
    def _tongue(self) -> Language:
        return self._evidence[0].tongue if self._evidence else "en"

    @cached_property
    def _links(self) -> set[str]:
        return {p.url for p in self.passages if p.url} | links(self._all)

    @cached_property
    def _phones(self) -> set[str]:
        return _phones(self._all)

    @cached_property
    def _codes(self) -> set[str]:
        return set().union(*(_codes(text) for text in (self._all, *self.own)))

    @cached_property
    def _words(self) -> set[str]:
        known = set(tokens(self._all))
        plain = {token.split("'")[0] for token in known}
        text = " ".join(tokens(self._all))
        alike = [(short, *whole.split()) for short, whole in _SHORT_FOR if whole in text or short in plain]
        return known.union(plain, *alike)


_ASKING = {*content("mean means about which one asking tell order country version product item exactly details", "en")}


def cited_numbers(text: str) -> list[int]:
    return list(dict.fromkeys(int(n) for match in CITATION.finditer(text) for n in match[1].split(",")))


def without_citations(text: str) -> str:
    return CITATION.sub("", text)


def _phones(text: str) -> set[str]:
    """Phone and account numbers, and the like, as digits."""
    digits = (re.sub(r"\D", "", match) for match in _PHONE.findall(text))
    return {number for number in digits if len(number) >= _PHONE_DIGITS}


def _accounts(text: str) -> set[str]:
    """International bank account numbers, without their spaces."""
    return {re.sub(r"\s", "", match) for match in _ACCOUNT.findall(text)}


def _codes(text: str) -> set[str]:
    """Order numbers, keys, encoded texts."""
    return {match[0].lower() for match in _CODE.finditer(_ACCOUNT.sub(" ", text))}
