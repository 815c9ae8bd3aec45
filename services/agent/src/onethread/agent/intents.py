"""What a message wants, where a help article would be the wrong answer. Pure."""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Literal

from onethread.agent.tongues import Language, Tongue, Wish, fold, tongues
from onethread.agent.words import content, language, tokens

Intent = Literal["greeting", "thanks", "question"] | Wish

_FEW = 6
"""So few words betray no language: all of one script are looked at."""
_SHOUTED_WORDS = 4
_SHOUTED_SHARE = 0.8
_MARKS = ".!?,;:…。！？،؟¡¿ "
_OWN_SCRIPT: tuple[Language, ...] = ("ru", "ja", "zh")


def intent_of(text: str) -> Intent:
    """`account` means the customer's own order or money, which no article knows."""
    if small := _small_talk(text):
        return small
    plain = fold(text).strip(_MARKS)
    known = candidates(text)
    if any(_asks_for_person(plain, tongue) for tongue in known):
        return "person"
    if any(tongue.wishes["upset"].search(plain) for tongue in known) or _shouts(text, plain, known):
        return "upset"
    if any(tongue.wishes["account"].search(plain) for tongue in known):
        return "account"
    return "question"


def says_unhelped(text: str) -> bool:
    """Tells that an earlier answer did not help."""
    plain = fold(text)
    return any(tongue.unhelped.search(plain) for tongue in candidates(text))


def names_topic(text: str, topics: Sequence[str]) -> str | None:
    """The first of `topics`, words or phrases, that the text is about: as it stands, or all of its words."""
    plain, tongue = fold(text), language(text)
    stems = {*content(text, tongue)}
    for topic in topics:
        words = {*content(topic, tongue)}
        if (fold(topic) and _holds(plain, fold(topic))) or (words and words <= stems):
            return topic
    return None


def candidates(text: str) -> list[Tongue]:
    """The languages whose patterns are worth a look: its own and English; of few words, all of their script."""
    known, tongue = tongues(), language(text)
    if tongue in _OWN_SCRIPT:
        return [known[tongue], known["en"]]
    if tongue is None or len(tokens(text)) <= _FEW:
        return [one for code, one in known.items() if code not in _OWN_SCRIPT]
    return [known[code] for code in dict.fromkeys((tongue, "en"))]


def _small_talk(text: str) -> Literal["greeting", "thanks"] | None:
    words = {*tokens(text)}
    for tongue in tongues().values():
        if words and words <= tongue.greetings | tongue.thanks | tongue.filler:
            if words & tongue.thanks:
                return "thanks"
            if words & tongue.greetings:
                return "greeting"
    return None


def _asks_for_person(plain: str, tongue: Tongue) -> bool:
    asks = tongue.wishes["person"]
    if tongue.not_person.search(plain):
        return False
    return asks.search(plain) is not None or asks.search(_mended(plain, tongue)) is not None


def _mended(plain: str, tongue: Tongue) -> str:
    """With the words that asking for a person needs spelled right: "speek to a humann"."""
    right = {fold(word) for word in tongue.typos}
    return " ".join(_nearest(word, right) for word in plain.split(" "))


_SHORTEST_TYPO = 5


def _nearest(word: str, right: Iterable[str]) -> str:
    if len(word) < _SHORTEST_TYPO or word in right:
        return word
    return next((one for one in right if _one_slip_apart(word, one)), word)


def _one_slip_apart(one: str, other: str) -> bool:
    """A letter more, less, other, or two exchanged; the first letter is right."""
    if one[0] != other[0] or abs(len(one) - len(other)) > 1:
        return False
    i = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return (
        one[i + 1 :] == other[i + 1 :]
        or one[i + 1 :] == other[i:]
        or one[i:] == other[i + 1 :]
        or (one[i : i + 2] == other[i : i + 2][::-1] and one[i + 2 :] == other[i + 2 :])
    )


def _shouts(text: str, plain: str, known: Sequence[Tongue]) -> bool:
    """Nearly all in capitals, and more than a question typed with caps lock."""
    if "!!" not in text and not any(tongue.shouted.search(plain) for tongue in known):
        return False
    words = [word for word in re.findall(r"[^\W\d_]{3,}", text) if word.lower() != word.upper()]
    return len(words) >= _SHOUTED_WORDS and sum(map(str.isupper, words)) >= _SHOUTED_SHARE * len(words)


def _holds(plain: str, phrase: str) -> bool:
    return _whole(phrase).search(plain) is not None


@cache
def _whole(phrase: str) -> re.Pattern[str]:
    """As whole words, with an ending at most; within a script without spaces, anywhere."""
    if phrase.isascii() or (phrase[0].isalpha() and phrase[0] < "\u3000"):
        return re.compile(rf"\b{re.escape(phrase)}\w{{0,2}}\b")
    return re.compile(re.escape(phrase))
