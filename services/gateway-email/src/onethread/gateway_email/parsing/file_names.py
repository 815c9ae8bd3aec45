"""What an attachment is called: pure, and nothing in it raises."""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.message import Message

from onethread.gateway_email.parsing import charsets

CHARACTERS = 200
FIELDS = (("Content-Disposition", "filename"), ("Content-Type", "name"))
_PATH = re.compile(r"[/\\:]")


def file_name(part: Message) -> str:
    """Empty where it has none. What is written by RFC 2231 comes before what is written for older programs."""
    try:
        found = next(filter(None, (_best(part, *field) for field in FIELDS)), "")
    except (ValueError, LookupError, TypeError, AttributeError):
        return "unnamed"
    return harmless(charsets.header(found))


def harmless(name: str) -> str:
    """Without folders, control characters and marks that turn the direction of writing."""
    return _PATH.split(charsets.clean(name))[-1].replace("..", ".").strip(". ")[:CHARACTERS]


def _best(part: Message, field: str, parameter: str) -> str:
    if field not in part:
        return ""
    values = [value for name, value in _parameters(part, field) if name.lower() == parameter]
    coded = next((value for value in values if isinstance(value, tuple)), None)
    if coded:
        return charsets.decode(coded[2].encode("raw-unicode-escape"), coded[0])
    return str(values[0]) if values else ""


def _parameters(part: Message, field: str) -> Sequence[tuple[str, str | tuple[str | None, str | None, str]]]:
    """The standard library gives up letters above ASCII that stand there as they are: they are read before."""
    raw = next((str(value) for name, value in part.raw_items() if name.lower() == field.lower()), "")
    if not raw.isascii():
        part = Message()
        part[field] = charsets.as_text(raw)
    return part.get_params([], field) or []
