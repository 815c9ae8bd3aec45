"""Files that stand in a text as programs older than MIME write them (`begin 644 name` … `end`): pure, never raises."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

FILES = 100
_BEGIN = re.compile(r"begin [0-7]{3,4} (\S.{0,199})")


@dataclass(frozen=True, slots=True)
class Found:
    name: str
    content: bytes


def unpack(text: str) -> tuple[str, list[Found]]:
    """The text without its files. What is no whole file stays where it is."""
    if "begin " not in text:
        return text, []
    lines, kept, files = text.splitlines(), list[str](), list[Found]()
    number = 0
    while number < len(lines):
        start = _BEGIN.fullmatch(lines[number]) if len(files) < FILES else None
        end = _end(lines, number + 1) if start else None
        content = _content(lines[number + 1 : end]) if end else None
        if start and end and content is not None:
            files.append(Found(start[1].strip(), content))
            number = end
        else:
            kept.append(lines[number])
        number += 1
    return ("\n".join(kept), files) if files else (text, [])


def _end(lines: list[str], number: int) -> int | None:
    """A line's first letter says how long it is. The first that can't be one ends the search: `begin` can't either."""
    while number < len(lines) and lines[number] != "end":
        if lines[number] and not " " <= lines[number][0] <= "`":
            return None
        number += 1
    return number if number < len(lines) else None


def _content(lines: list[str]) -> bytes | None:
    try:
        return b"".join(binascii.a2b_uu(line) for line in lines if line)
    except (binascii.Error, ValueError):
        return None
