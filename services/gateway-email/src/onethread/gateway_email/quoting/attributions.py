"""`On …, Ana wrote:`, told from a sentence of the author in any language: pure.

Lines are given as `seen` makes them.
"""

from __future__ import annotations

import re

from onethread.gateway_email.quoting.quote_phrases import (
    FIRST_PERSON,
    OPENERS,
    SECOND_PERSON,
    VERBS,
    VERBS_INSIDE,
)

CHARACTERS = 400
SHORT_WORDS = 8
MARKS = "-–—_=*#•> "
DATE = re.compile(
    r"\d{1,2}[:.h]\d{2}(?!\d)|(?<!\d)(?:19|20)\d\d(?!\d)|(?<!\d)\d{1,2}[./-] ?\d{1,2}[./-] ?\d{2,4}(?!\d)"
)
OPENING = re.compile(rf"(?:{'|'.join(OPENERS)})[ ,.:].{{0,25}}?\d|.{{0,30}}?(?:{DATE.pattern})")
VERB = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, VERBS))})(?!\w)|{'|'.join(VERBS_INSIDE)}")
BRACKETED = re.compile(r"[<(\[\"][^<>()\[\]@\s]{1,80}@[^<>()@\s]{1,120}[>)\]\"]|mailto:")
_FIRST_PERSON = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, FIRST_PERSON))})(?!\w)")
_SECOND_PERSON = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, SECOND_PERSON))})(?!\w)")
_INVISIBLE = {ord(c): None for c in "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"}
_SEEN = _INVISIBLE | {ord(c): " " for c in "\u00a0\u202f\u2009\t"} | {ord("："): ":", 0x2010: "-", 0x2011: "-"}


def seen(text: str) -> str:
    """As a reader sees it: no invisible characters, all blanks alike; and in lower case."""
    return text.translate(_SEEN).lower().replace("&nbsp;", " ")


def is_attribution(line: str, *, is_opened: bool, is_followed: bool) -> bool:
    """`is_opened`: it begins like one. `is_followed`: what stands under it is quoted."""
    bare = line.strip(MARKS)
    is_ended = bare.endswith(":") or is_followed or line.endswith("---")
    if len(line) > CHARACTERS or not is_ended:
        return False
    if not VERB.search(bare):
        return _names_author_and_date(line, bare, is_followed=is_followed)
    if _FIRST_PERSON.search(bare) and not BRACKETED.search(bare):
        return False
    if not is_followed and _SECOND_PERSON.search(bare):
        return False
    if is_followed:
        return "@" in bare or len(bare.split()) < SHORT_WORDS or bool(DATE.search(bare))
    return "@" in bare or len(DATE.findall(bare)) > (0 if is_opened else 1)


def _names_author_and_date(line: str, bare: str, *, is_followed: bool) -> bool:
    """`2026/11/24 Ana <ana@x.example>`, `Ana Ruiz, 24.11.2026 16:17:`: no verb that we know."""
    if DATE.search(bare) and BRACKETED.search(line):
        return bare.endswith(":") or (is_followed and line.endswith(">") and bool(DATE.match(bare)))
    return is_followed and bare.endswith(":") and len(bare.split()) < SHORT_WORDS and len(DATE.findall(bare)) > 1
