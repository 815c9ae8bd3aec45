"""Words of a text as they are counted: stems by language, without the words that say nothing, without accents.

A script without spaces gives pairs of characters.
"""

import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import cache
from typing import TYPE_CHECKING, Any

from onethread.knowledge.articles import language_of

if TYPE_CHECKING:
    from Stemmer import Stemmer

ENGLISH = "en"
_STEMMERS: Mapping[str, str] = {
    "ca": "catalan", "da": "danish", "de": "german", "el": "greek", ENGLISH: "english", "es": "spanish",
    "fi": "finnish", "fr": "french", "hu": "hungarian", "it": "italian", "nb": "norwegian", "nl": "dutch",
    "nn": "norwegian", "no": "norwegian",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip
_LISTS: Mapping[str, str] = {
    "da": "DANISH", "de": "GERMAN", ENGLISH: "EN", "es": "SPANISH", "fr": "FRENCH", "it": "ITALIAN", "nl": "DUTCH",
    "no": "NORWEGIAN", "pt": "PORTUGUESE", "ru": "RUSSIAN", "sv": "SWEDISH", "tr": "TURKISH",
}  # fmt: skip
_POLISH = "się nie jest na do i to że jak po od za co dla czy przez może są w z o a ale lub oraz ma być tym ten ta"
_QUESTIONS: Mapping[str, str] = {
    "de": "wann warum wer wieviel woran bitte gibt geht mal euch ihr kann kannst könnt habt brauche eigentlich",
    "es": "cuál cuáles cómo cuándo cuánto cuánta dónde puedo puede pueden hay tengo tiene tienen hacen",
    "fr": "comment quand combien pourquoi où quel quelle puis peut peux pouvez faut est-ce il y a-t-il ça faire",
    "it": "come quando quanto quanta dove perché posso può potete fare",
    "nl": "hoe wanneer waarom waar welke kan kunnen jullie mijn",
    "pt": "como quando quanto quanta onde porque posso pode podem fazer",
}
"""Of questions, which the lists are short of: in an article they lead to whichever one says "when" in its title."""
_WORD = re.compile(r"[^\W_]+")
_KANA = re.compile("[\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f]")
_UNSPACED = re.compile("[\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f\u3400-\u4dbf\u4e00-\u9fff々]+")
_READ = 80
"""Words; the language of a text shows in its beginning."""
_CLEARLY, _OFTEN = 3, 0.15
_stemmers = threading.local()


def spoken(text: str) -> str | None:
    """The language that the small words of a text betray; None where it is not plain."""
    if 2 * sum(map(len, _UNSPACED.findall(text))) > len(text):
        return "ja" if _KANA.search(text) else "zh"
    words = tokens(text)[:_READ]
    counts = Counter(language for word in words for language in _small_words().get(word, ()))
    (best, most), (_, second) = [*counts.most_common(2), ("", 0), ("", 0)][:2]
    return best if most - second >= _CLEARLY and most >= _OFTEN * len(words) else None


def language_in(locale: str | None, text: str) -> str | None:
    """In which language an article may be asked for: the one it names, or else the one it is plainly written in."""
    return language_of(locale) or spoken(text)


def tokens(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).lower())


def stem(word: str, language: str) -> list[str]:
    """What is counted of a word: nothing, its stem, or pairs of characters."""
    if word in _stopwords(language):
        return []
    if runs := _UNSPACED.findall(word):
        return [run[i : i + 2] for run in runs for i in range(max(1, len(run) - 1))]
    stemmer = _stemmer(language)
    return [_plain(stemmer.stemWord(word) if stemmer else word)]


def stems(text: str, language: str) -> list[str]:
    return [one for word in tokens(text) for one in stem(word, language)]


def stems_of_question(question: str, languages: AbstractSet[str]) -> list[str]:
    """As passages of these languages have them. Where the question's own is not plain it is stemmed by all of them, and
    a word that says nothing in one is left out.
    """
    own = spoken(question)
    among = [own] if own is not None and own in languages else sorted(languages)
    found = [[stem(word, language) for language in among] for word in tokens(question)]
    return [one for by_language in found for same in zip(*by_language, strict=False) for one in dict.fromkeys(same)]


def _plain(word: str) -> str:
    """Without accents, which many leave out."""
    if word.isascii():
        return word
    return "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c)).replace("ł", "l")


@cache
def _stopwords(language: str) -> frozenset[str]:
    """Also as they are written without accents."""
    import bm25s.stopwords

    name = _LISTS.get(language)
    listed: tuple[str, ...] = getattr(bm25s.stopwords, f"STOPWORDS_{name}") if name else ()
    words = {*listed, *_QUESTIONS.get(language, "").split(), *(_POLISH.split() if language == "pl" else ())}
    return frozenset(words | {_plain(word) for word in words})


@cache
def _small_words() -> Mapping[str, tuple[str, ...]]:
    """Which languages a small word is of."""
    from bm25s.stopwords import STOPWORDS_EN_PLUS

    found: dict[str, tuple[str, ...]] = {}
    for language in (*_LISTS, "pl"):
        for word in STOPWORDS_EN_PLUS if language == ENGLISH else _stopwords(language):
            found[word] = (*found.get(word, ()), language)
    return found


def _stemmer(language: str) -> "Stemmer | None":
    """One is not safe to share between threads."""
    if language not in _STEMMERS:
        return None
    own: dict[str, Any] = _stemmers.__dict__
    if language not in own:
        from Stemmer import Stemmer

        own[language] = Stemmer(_STEMMERS[language])
    return own[language]
