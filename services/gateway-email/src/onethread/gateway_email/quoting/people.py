"""Names and addresses as mail programs show them in text, which no standard rules: pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from onethread.gateway_email.parsing import addresses

FIELD_CHARACTERS = 20_000
PEOPLE = 200
ADDRESS = re.compile(r"[^\s@<>()\[\],:;\"'“”„«»]{1,64}@[^\s@<>()\[\],:;\"'“”„«»]{1,253}")
_LINK = re.compile(r"[<(\[]\s*mailto:([^<>()\[\]\s]{1,320})[^<>()\[\]]{0,100}[>)\]]", re.IGNORECASE)
_BEHALF = re.compile(
    r"\b(?:on behalf of|im auftrag von|namens|de la part de|en nombre de|per conto di|em nome de|w imieniu"
    r"|på vegn[ae] a[fv])\b",
    re.IGNORECASE,
)
"""Outlook names who sent it, then for whom."""


@dataclass(frozen=True, slots=True)
class Person:
    name: str | None
    address: str | None


def people(value: str) -> tuple[Person, ...]:
    """The names and addresses of a field, as mail programs show it: `Ana <a@x>; 'b@x' <b@x>, Doe, Jo [mailto:c@x]`."""
    found = [_entry(entry) for entry in _entries(without_links(value[:FIELD_CHARACTERS]))[:PEOPLE]]
    return tuple(person for person in found if person)


def without_links(value: str) -> str:
    """`[mailto:jo@x.example]` as `<jo@x.example>`."""
    return _LINK.sub(lambda link: f"<{link[1]}>", value)


def _entries(value: str) -> list[str]:
    """Split at semicolons, else at commas. What holds no address belongs to the next entry: `Doe, Jo <jo@x>`."""
    mark = ";" if ";" in value else ","
    pieces, quoted, since = [], False, 0
    for position, character in enumerate(value):
        if character == '"':
            quoted = not quoted
        elif character == mark and not quoted:
            pieces.append(value[since:position])
            since = position + 1
    pieces.append(value[since:])
    if mark == ";" or "@" not in value:
        return pieces
    entries, waiting = [], ""
    for piece in pieces:
        waiting = f"{waiting},{piece}" if waiting else piece
        if "@" in piece:
            entries.append(waiting)
            waiting = ""
    return [*entries, waiting]


def _entry(entry: str) -> Person | None:
    every = list(ADDRESS.finditer(entry))
    if not every:
        return person(entry, None)
    before = _BEHALF.split(entry[: every[-1].start()])[-1]
    return person(before.partition("<")[0], every[-1][0])


def person(name: str | None, address: str | None) -> Person | None:
    """None where neither is known. A name that only repeats the address is none."""
    shown = (name or "").strip(' ,;<>"“”„«»*\xa0\t').rstrip("([< ").lstrip(")]> ")
    shown = " ".join((shown[1:-1] if shown[:1] == shown[-1:] == "'" else shown).split())
    known = (addresses.normal(address) or address) if address else None
    if known and (shown.lower() in (known, (address or "").lower()) or ("@" in shown and " " not in shown)):
        shown = ""
    return Person(shown or None, known) if shown or known else None
