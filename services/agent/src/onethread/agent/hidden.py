"""Characters that hide, turn or disguise what is read. Pure."""

import re
import unicodedata

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\uffff\ue000-\uf8ff\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
"""Without width, turning the direction, tags and variation selectors (which carry whole texts), private use."""
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_WORD = re.compile(r"[^\W\d_]+")
_LOOK_ALIKE = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC")
"""Scripts whose letters pass for each other's."""


def visible(text: str) -> str:
    """`text` as it reads."""
    return _CONTROL.sub("", _INVISIBLE.sub("", text))


def disguised(text: str) -> bool:
    """True where a word mixes the letters of scripts that look alike, or is set in letters made for formulas."""
    return any(len(_scripts(word)) > 1 or word != unicodedata.normalize("NFKC", word) for word in _WORD.findall(text))


def _scripts(word: str) -> set[str]:
    names = (unicodedata.name(letter, "").split()[0:1] for letter in word if letter > "\x7f" or letter.isalpha())
    return {name[0] for name in names if name and name[0] in _LOOK_ALIKE}
