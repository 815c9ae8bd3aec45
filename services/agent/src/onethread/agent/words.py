"""Words of a text: which carry meaning, and which language the others betray. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from onethread.agent.tongues import Language, tongues

if TYPE_CHECKING:
    from Stemmer import Stemmer

__all__ = ["Language", "content", "language", "surely", "tokens"]

_KANA = "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_HAN = "\u3400-\u4dbf\u4e00-\u9fff々"
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_UNSPACED = re.compile(f"[{_KANA}{_HAN}]+")
_HAS_KANA = re.compile(f"[{_KANA}]")
_HAS_HAN = re.compile(f"[{_HAN}]")
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_TELLING: dict[Language, re.Pattern[str]] = {
    "de": re.compile("[ßäöü]"),
    "es": re.compile("[¿¡ñ]"),
    "pl": re.compile("[ąęłńśźż]"),
    "pt": re.compile("[ãõ]"),
    "tr": re.compile("[ğış]"),
    "fr": re.compile("[œêèç]|\\b[ldjcn]'"),
    "it": re.compile("[òì]"),
}
"""Letters that the others among our languages seldom have. Worth as much as two small words."""
_STEMMERS: dict[Language, str] = {
    "en": "english",
    "de": "german",
    "fr": "french",
    "es": "spanish",
    "it": "italian",
    "pt": "portuguese",
    "nl": "dutch",
    "tr": "turkish",
    "ru": "russian",
}
_BEGINNING = 2_000
_CLEARLY = 2
_OFTEN = 0.2
"""Share of small words in running text."""
_LATIN: tuple[Language, ...] = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "tr")


def tokens(text: str) -> list[str]:
    """The words of `text`, in lower case. Of a script without spaces: what stands between its marks."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).lower().replace("’", "'"))


def content(text: str, tongue: Language | None = None) -> list[str]:
    """The stems of the words that carry meaning, in order. Two texts compare only if stemmed for the same `tongue`;
    None stems as English. A script without spaces gives pairs of characters.
    """
    small = _small(tongue or language(text) or "en")
    words = tokens(text)
    if _UNSPACED.search(text):
        words = [part for word in words for part in _parts(word)]
    words = [word for word in words if word not in small]
    stemmer = _stemmer(tongue or "en")
    return stemmer.stemWords(words) if stemmer else words


def language(text: str) -> Language | None:
    """Of its beginning. None when nothing tells; English wins a tie."""
    return _language(text[:_BEGINNING])


def surely(text: str) -> Language | None:
    """The language where there is no doubt: other letters, or clearly more small words of it than of any other. Of
    20,000 lines of English help articles none but commands and tables passed for another.
    """
    if _CYRILLIC.search(text) or _UNSPACED.search(text):
        return language(text)
    known, words = tongues(), tokens(text)
    counts: dict[Language, int] = {code: sum(word in known[code].small for word in words) for code in _LATIN}
    code: Language = max(counts, key=lambda code: counts[code])
    most, second = counts.pop(code), max(counts.values())
    return code if most - second >= _CLEARLY and most >= _OFTEN * len(words) >= 1 else None


@lru_cache(maxsize=256)
def _language(text: str) -> Language | None:
    if _HAS_KANA.search(text):
        return "ja"
    if _HAS_HAN.search(text):
        return "zh"
    if _CYRILLIC.search(text):
        return "ru"
    known, words, lower = tongues(), tokens(text), text.lower()
    counts: dict[Language, int] = {code: sum(word in known[code].small for word in words) for code in _LATIN}
    for code, letters in _TELLING.items():
        counts[code] += 2 * bool(letters.search(lower))
    best: Language = max(counts, key=lambda code: counts[code])
    return best if counts[best] else _by_greeting(words)


def _by_greeting(words: list[str]) -> Language | None:
    """A single "merci" tells too."""
    known = tongues()
    matching: Iterator[Language] = (
        code for code in _LATIN if any(word in known[code].greetings | known[code].thanks for word in words)
    )
    return next(matching, None)


def _parts(token: str) -> list[str]:
    if not _UNSPACED.search(token):
        return [token]
    runs = _UNSPACED.findall(token)
    rest = [part for part in _UNSPACED.split(token) if part]
    return rest + [run[i : i + 2] for run in runs for i in range(max(1, len(run) - 1))]


@cache
def _small(tongue: Language) -> frozenset[str]:
    """English ones never carry meaning: its words stand in texts of every language."""
    return tongues()[tongue].small | tongues()["en"].small


@cache
def _stemmer(tongue: Language) -> "Stemmer | None":
    from Stemmer import Stemmer

    return Stemmer(_STEMMERS[tongue]) if tongue in _STEMMERS else None
