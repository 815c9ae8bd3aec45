"""The question that a message asks, with what was said before it. Pure."""

import re
from dataclasses import dataclass

from onethread.agent.asked import FEW_WORDS, SHORT, is_fragment, points_back
from onethread.agent.so_far import SoFar
from onethread.agent.tongues import Language, fold, tongues
from onethread.agent.words import content, language

_LETTER = re.compile(r"^\W*(?:option |answer |number |nr\.? ?|no\.? ?)?([a-c]|[1-9])\b\W*$")
_NAMES: dict[str, Language] = {
    "english": "en", "englisch": "en", "anglais": "en", "ingles": "en", "inglese": "en", "engels": "en",
    "angielsku": "en", "ingilizce": "en", "английском": "en", "英語": "en", "英语": "en",
    "german": "de", "deutsch": "de", "allemand": "de", "aleman": "de", "tedesco": "de", "alemao": "de", "duits": "de",
    "niemiecku": "de", "almanca": "de", "немецком": "de", "トイツ語": "de", "德语": "de",
    "french": "fr", "franzosisch": "fr", "francais": "fr", "frances": "fr", "francese": "fr", "frans": "fr",
    "francusku": "fr", "fransizca": "fr", "французском": "fr", "法语": "fr",
    "spanish": "es", "spanisch": "es", "espagnol": "es", "espanol": "es", "spagnolo": "es", "spaans": "es",
    "italian": "it", "italienisch": "it", "italien": "it", "italiano": "it", "italiaans": "it",
    "portuguese": "pt", "portugiesisch": "pt", "portugais": "pt", "portugues": "pt",
    "dutch": "nl", "niederlandisch": "nl", "neerlandais": "nl", "nederlands": "nl",
    "polish": "pl", "polnisch": "pl", "polonais": "pl", "polsku": "pl",
    "turkish": "tr", "turkisch": "tr", "turkce": "tr",
    "russian": "ru", "russisch": "ru", "russe": "ru", "русском": "ru",
    "japanese": "ja", "japanisch": "ja", "日本語": "ja", "chinese": "zh", "chinesisch": "zh", "中文": "zh",
}  # fmt: skip
"""How the languages are called, folded."""
_CHOICE_SHARE = 0.5


@dataclass(frozen=True)
class Meant:
    """`queries`: what to search for, the likelier first. `choice`: the article that the customer chose, by name; "" if
    they want none of those that they were offered.
    """

    queries: list[str]
    choice: str | None = None
    wished: Language | None = None
    """The language in which they want it."""


def meant(text: str, so_far: SoFar) -> Meant:
    """What the message asks, in the light of what was said before it."""
    before = so_far.question
    if before and (wished := language_wished(text)):
        return Meant([before], wished=wished)
    if so_far.options and (choice := chosen(text, so_far.options)) is not None:
        return Meant([f"{choice}\n{before}" if before and choice else choice or text], choice)
    if so_far.asked_back and before:
        return Meant([f"{before}\n{text}", text])
    return Meant(queries(text, before))


def queries(text: str, before: str | None) -> list[str]:
    """What to search for, the likelier first. `before`: the question that the customer asked before."""
    if not before or before == text:
        return [text]
    complete = f"{before}\n{text}"
    if points_back(text):
        return [complete, text]
    return [text, complete] if is_fragment(text) else [text]


def language_wished(text: str) -> Language | None:
    """Who asks "and in German?" wishes what was said before in another language. None: it asks something of its own."""
    plain = fold(text)
    name = next((name for name in _NAMES if name in plain), None)
    return _NAMES[name] if name and len(content(plain.replace(name, ""))) <= 1 else None


def chosen(text: str, options: list[str]) -> str | None:
    """Which of `options` the customer means: by its number, letter or place, or by its words. "" says none of them."""
    plain = fold(text)
    if letter := _LETTER.match(plain):
        at = int(letter[1]) - 1 if letter[1].isdigit() else ord(letter[1]) - ord("a")
        return options[at] if at < len(options) else None
    if named := _by_words(text, options):
        return named
    for tongue in tongues().values():
        places = [at for at, place in enumerate(tongue.ordinals) if place.search(plain)]
        if len(places) == 1 and len(content(text)) <= SHORT:
            return options[min(places[0], len(options) - 1)]
    if len(content(text)) <= FEW_WORDS and any(one.none_of_them.search(plain) for one in tongues().values()):
        return ""
    return None


def is_choice(text: str) -> bool:
    """A number or a letter alone, which chooses among something."""
    return _LETTER.match(fold(text)) is not None


def _by_words(text: str, options: list[str]) -> str | None:
    """The option that holds most of the words that only one of them has."""
    tongue = language(" ".join(options))
    said = {*content(text, tongue)}
    stems = [{*content(option, tongue)} for option in options]
    own = [one - set().union(*(other for other in stems if other is not one)) for one in stems]
    hits = [len(said & one) for one in own]
    best = max(range(len(options)), key=lambda at: hits[at])
    if not hits[best] or hits.count(hits[best]) > 1 or hits[best] < _CHOICE_SHARE * len(said):
        return None
    return options[best]
