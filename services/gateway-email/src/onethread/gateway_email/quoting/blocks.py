"""The fields of a mail's header where a mail program shows them in the text of another: pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from onethread.gateway_email.quoting import labels
from onethread.gateway_email.quoting.people import ADDRESS, FIELD_CHARACTERS

BLOCK_LINES = 60
LABEL_CHARACTERS = 40
LABEL_WORDS = 3
DATE_DIGITS = 6
WRAPPED_FROM = 60
"""Mail programs wrap at 70 to 78 characters: a shorter line was ended by its author."""
WHOLE = 3
"""So many different fields are no accident."""
RULE = re.compile(r"[-=_~#*\u2010-\u2015\u2500\u2501]{3,}(?:8<[-=]{3,})?")
_QUOTES = re.compile(r"(?:[ \t\xa0]*>)*[ \t\xa0]*")
_QUOTE_STARTS = (" ", "\t", "\xa0", ">")
_UNSEEN = dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A)])
_GLUED = re.compile(
    r"({})[ \xa0]?[:：]".format("|".join(re.escape(w) for w in sorted(labels.ROLES, key=len, reverse=True))),
    re.IGNORECASE,
)


@dataclass(slots=True)
class Lines:
    """The lines of a text, how deep each is quoted, and what it says without the quote marks."""

    raw: list[str]
    depth: list[int] = field(default_factory=list)
    bare: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, text: str) -> Lines:
        lines = cls(text.replace("\ufeff", "").splitlines())
        for line in map(str.rstrip, lines.raw):
            marks = _QUOTES.match(line) if line[:1] in _QUOTE_STARTS else None
            end = marks.end() if marks else 0
            lines.depth.append(line.count(">", 0, end))
            lines.bare.append(line[end:] if line.isascii() else line[end:].translate(_UNSEEN))
        return lines

    def next(self, number: int) -> int:
        """The next line that says something, from `number` on."""
        while number < len(self.bare) and not self.bare[number]:
            number += 1
        return number

    def before(self, number: int) -> int:
        """The last line above `number` that says something; -1 where there is none."""
        number -= 1
        while number >= 0 and not self.bare[number]:
            number -= 1
        return number


def block(lines: Lines, start: int, sure: bool) -> tuple[dict[str, str], int] | None:
    """The fields from line `start` on, and the line after them. `sure`: unknown names too, by their look."""
    fields: dict[str, str] = {}
    role, number, is_spaced = "", start, False
    while number < min(len(lines.bare), start + BLOCK_LINES):
        line = lines.bare[number]
        if not line:
            number = lines.next(number)
            is_spaced = is_spaced or len(fields) == 1
            if not (is_spaced and _is_new_field(lines, number, fields) and number - start < BLOCK_LINES):
                break
            continue
        name, value = label(line)
        if sure and name not in labels.ROLES:
            name, value = _bare_label(line) or (name, value)
        found = labels.ROLES.get(name) or (
            _guess(name, value, {*fields, *_named_below(lines, number)}) if sure else None
        )
        if found == "other" or (found and found not in fields):
            role = found
            fields[role] = value
        elif found in ("date", "cc") and found == role:
            pass
        elif not found and role and _is_wrapped(lines, number, fields, role):
            fields[role] = f"{fields[role]} {line}".strip()
        else:
            break
        number += 1
    fields.pop("other", None)
    if len(fields) <= 1 or not fields.keys() & {"from", "subject"}:
        return None
    after = lines.next(number)
    is_ruled_off = after < len(lines.bare) and after - number <= 1 and RULE.match(lines.bare[after])
    return fields, after + 1 if is_ruled_off and after - start < BLOCK_LINES else number


def label(line: str) -> tuple[str, str]:
    """`From` and what it says. An empty word where the line is no field."""
    name, colon, _ = line[:LABEL_CHARACTERS].replace("：", ":").partition(":")
    if not colon:
        return "", ""
    known = name.strip("_").lower()
    return known if known in labels.ROLES else labels.plain(known), line[
        len(name) + 1 : len(name) + 1 + FIELD_CHARACTERS
    ].strip(" \t\xa0*_")


def _bare_label(line: str) -> tuple[str, str] | None:
    """Without a colon: eM Client writes `From "Jo" <jo@x.example>`."""
    name, _, value = line.partition(" ")
    is_known = name[:1].isupper() and name.isalpha() and labels.ROLES.get(name.lower(), "other") != "other"
    return (name.lower(), value.strip()) if is_known and value else None


def _is_new_field(lines: Lines, number: int, fields: dict[str, str]) -> bool:
    if number >= len(lines.bare) or {"from", "to", "subject"} <= fields.keys():
        return False
    role = labels.ROLES.get(label(lines.bare[number])[0])
    return role is not None and role not in fields


def _named_below(lines: Lines, number: int) -> set[str]:
    """What an unknown field cannot be, since the fields under it are that by name."""
    return {labels.ROLES.get(label(lines.bare[later])[0], "other") for later in _close(lines, number)}


def _guess(name: str, value: str, fields: Collection[str]) -> str | None:
    """What a field of an unknown language is, under a line that announces a mail."""
    if name in labels.RAW or name.startswith("x-"):
        return "other"
    if not name or name.isdigit() or len(name.split()) > LABEL_WORDS or not value or value.startswith("//"):
        return None
    if ADDRESS.search(value[:500]):
        return next((role for role in ("from", "to", "cc") if role not in fields), "other")
    role = "date" if sum(map(str.isdigit, value[:60])) >= DATE_DIGITS else "subject"
    return role if role not in fields else None


def _is_wrapped(lines: Lines, number: int, fields: dict[str, str], role: str) -> bool:
    """The line goes on with the field above it."""
    above, line = lines.bare[number - 1], lines.bare[number]
    if not fields[role] or above.endswith((",", ";")) or line.startswith("<") or above.count("<") > above.count(">"):
        return True
    if any(_is_new_field(lines, later, fields) for later in _close(lines, number)):
        return True
    return len(above) >= WRAPPED_FROM and (role == "subject" or "@" in line)


def _close(lines: Lines, number: int) -> list[int]:
    """The next lines up to a blank one."""
    near = []
    for later in range(number + 1, min(number + 4, len(lines.bare))):
        if not lines.bare[later]:
            break
        near.append(later)
    return near


def one_line(line: str, least: int = WHOLE) -> dict[str, str] | None:
    """Yahoo writes all fields behind the rule, with nothing between a value and the next name."""
    fields: dict[str, str] = {}
    role, since = "", 0
    for found in _GLUED.finditer(line[:FIELD_CHARACTERS]):
        known = labels.ROLES.get(labels.plain(found[1]), "other")
        if known in fields or known == "other" or found[1][0].islower() or role == "subject":
            continue
        if role:
            fields[role] = line[since : found.start()].strip(" \xa0*")
        role, since = known, found.end()
        fields[role] = ""
    if role:
        fields[role] = line[since:].strip(" \xa0*")
    return fields if "from" in fields and len(fields) >= least else None
