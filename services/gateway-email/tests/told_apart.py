"""Replies as mail programs write them, each with what is right about it: read from the files beside this one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from html import unescape
from itertools import groupby, product
from pathlib import Path

from onethread.gateway_email.inspect import inspected, inspected_text

FOLDER = Path(__file__).with_name("replies")
_ESCAPE = re.compile(r"\\u([0-9a-f]{4})")
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class Reply:
    name: str
    lines: list[tuple[str, str]] = field(default_factory=list)
    """`+` new, `-` history, `~` signature; and the line."""

    @property
    def is_html(self) -> bool:
        return self.name.startswith("html")

    @property
    def is_open(self) -> bool:
        """Nobody can tell it by the words alone, or we do not yet."""
        return self.name.startswith("not yet")

    @property
    def text(self) -> str:
        return "\n".join(line for _, line in self.lines)

    def words(self, marks: str) -> list[str]:
        return self._words("\n".join(line for mark, line in self.lines if mark in marks))

    def _words(self, said: str) -> list[str]:
        return _letters(unescape(_TAG.sub("", said))) if self.is_html else said.split()

    def found(self) -> tuple[list[str], list[str]]:
        """The new words, and those with the signature behind them."""
        if self.is_html:
            mail = EmailMessage()
            mail.set_content(self.text, subtype="html")
            said = inspected(mail.as_bytes())
        else:
            said = inspected_text(self.text)
        new, whole = said["reply_text"], said["reply_text"] + "\n" + said["signature"]
        if self.is_html:
            return _letters(new), _letters(whole)
        return new.split(), whole.split()

    @property
    def is_right(self) -> bool:
        return self.found()[0] in self.rights()

    def rights(self) -> list[list[str]]:
        """Each signature, and each notice that a server adds, may be told apart or stay."""
        parts = [(mark, [line for _, line in run]) for mark, run in groupby(self.lines, key=lambda one: one[0])]
        signed = sum(mark == "~" for mark, _ in parts)
        return [self._kept(parts, iter(choice)) for choice in product((False, True), repeat=signed)]

    def _kept(self, parts: list[tuple[str, list[str]]], signed: Iterator[bool]) -> list[str]:
        kept = [line for mark, lines in parts if mark == "+" or (mark == "~" and next(signed)) for line in lines]
        return self._words("\n".join(kept))

    @property
    def lost(self) -> list[str]:
        """Words of the author that neither the new words nor the signature have."""
        if self.is_html:
            new, whole = "".join(self.words("+")), "".join(self.found()[1])
            return [] if new in whole else [new]
        return sorted({*self.words("+")} - {*self.found()[1]})


def _letters(said: str) -> list[str]:
    """HTML tells neither where a line ends, nor where `> ` and the point of a list stand in its text."""
    return ["".join(said.replace(">", "").replace("*", "").split())]


def replies(*names: str) -> Iterator[Reply]:
    for file in sorted(FOLDER.glob("*.txt")):
        if not names or file.stem in names:
            yield from _read(file)


def _read(file: Path) -> Iterator[Reply]:
    said = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), file.read_text("utf-8"))
    for one in said.split("\n=== ")[1:]:
        name, *lines = one.split("\n")
        yield Reply(name, [(line[:1], line[1:]) for line in lines if not line.startswith("#")])
