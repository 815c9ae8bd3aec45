"""What the agent knows of each language: a file of words, patterns and sentences in `languages/`. Pure."""

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

Language = Literal["en", "de", "fr", "es", "it", "pt", "nl", "pl", "tr", "ru", "ja", "zh"]
Wish = Literal["person", "account", "upset"]
"""What a message wants beyond an answer; each language has patterns for it."""

_PART = re.compile(r"<(\w+)>")
_NEVER = re.compile(r"(?!)")
_LETTERS = str.maketrans({"ł": "l", "ı": "i", "ø": "o", "ß": "ss", "æ": "ae", "’": "'", "‘": "'", "`": "'"})
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True)
class Tongue:
    """Patterns are matched with `fold`ed text; words are plain."""

    code: Language
    small: frozenset[str]
    greetings: frozenset[str]
    thanks: frozenset[str]
    filler: frozenset[str]
    typos: frozenset[str]
    wishes: Mapping[Wish, re.Pattern[str]]
    not_person: re.Pattern[str]
    back: re.Pattern[str]
    unhelped: re.Pattern[str]
    openers: re.Pattern[str]
    shouted: re.Pattern[str]
    ordinals: tuple[re.Pattern[str], ...]
    none_of_them: re.Pattern[str]
    say: Mapping[str, str]
    days: tuple[str, ...]


def fold(text: str) -> str:
    """In lower case, with straight apostrophes, without accents and surplus spaces: as the patterns see it."""
    plain = unicodedata.normalize("NFKD", text.casefold()).translate(_LETTERS)
    return _SPACES.sub(" ", "".join(c for c in plain if not unicodedata.combining(c))).strip()


def spoken_by_us(locale: str | None) -> Language | None:
    """The language of `de-AT`, if it is one of ours."""
    code = (locale or "").split("-")[0].lower()
    return next((language for language in get_args(Language) if language == code), None)


@cache
def tongues() -> Mapping[Language, Tongue]:
    return {code: _read(code) for code in get_args(Language)}


def _read(code: Language) -> Tongue:
    raw = tomllib.loads((files("onethread.agent") / "languages" / f"{code}.toml").read_text("utf-8"))
    parts = raw.get("parts", {})
    return Tongue(
        code=code,
        **{name: frozenset(raw[name].split()) for name in ("small", "greetings", "thanks", "filler", "typos")},
        wishes={wish: _any(raw["intents"][wish], parts) for wish in get_args(Wish)},
        not_person=_any(raw["intents"].get("not_person", ()), parts),
        back=_any(raw["back"], parts),
        unhelped=_any(raw["unhelped"], parts),
        openers=_any([raw["openers"]] if "openers" in raw else (), parts),
        shouted=_any([raw["shouted"]] if "shouted" in raw else (), parts),
        ordinals=tuple(_whole(one, code) for one in raw["ordinals"]),
        none_of_them=_any([raw["none_of_them"]], parts),
        say={name: text for name, text in raw["say"].items() if name != "days"},
        days=tuple(raw["say"]["days"]),
    )


def _any(patterns: Sequence[str], parts: Mapping[str, Any]) -> re.Pattern[str]:
    if not patterns:
        return _NEVER
    filled = "|".join(f"(?:{pattern})" for pattern in patterns)
    while _PART.search(filled):
        filled = _PART.sub(lambda part: f"(?:{parts[part[1]]})", filled)
    return re.compile(_without_accents(filled))


def _whole(words: str, code: Language) -> re.Pattern[str]:
    edge = "" if code in ("ja", "zh") else r"\b"
    return re.compile(f"{edge}(?:{_without_accents(words)}){edge}")


def _without_accents(pattern: str) -> str:
    plain = unicodedata.normalize("NFKD", pattern).translate(_LETTERS)
    return "".join(c for c in plain if not unicodedata.combining(c))
