"""A mail's HTML with its history and its signature folded away: pure, in linear time. No word is lost.

What is new is told by the rules for text (`quotes.py`), line by line. Here each line knows of which words in the HTML
it is made, so that what a reader folds open is what the text leaves out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from lxml.html import Element, HtmlElement

from onethread.gateway_email.quoting import quoted_html, quotes
from onethread.gateway_email.quoting.quote_phrases import HISTORY_BELOW

SUMMARIES = {"quoted": "Earlier messages", "signature": "Signature"}
NO_PLACE = {"table", "thead", "tbody", "tfoot", "tr", "colgroup", "ul", "ol", "dl"}
"""In these nothing may stand but their own parts: it is folded within the parts."""
INLINE = {
    "a", "abbr", "b", "cite", "code", "del", "dfn", "em", "font", "i", "ins", "kbd", "mark", "q", "s", "samp", "small",
    "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "img", "wbr", "o:p",
}  # fmt: skip
CELLS = {"td", "th"}
PARAGRAPHS = {"p", "blockquote", "ul", "ol", "table", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "hr"}
"""A blank line stands around these."""
SILENT = {"style", "script", "title", "head", "template", "noscript"}
Part = Literal["text", "tail"]
Words = tuple[HtmlElement, Part]
Kind = Literal["new", "quoted", "signature"]


@dataclass(slots=True)
class _Line:
    """A line as a reader sees it, and the pieces of the tree that it is made of."""

    pieces: list[str] = field(default_factory=list)
    words: list[Words] = field(default_factory=list)
    is_quoted: bool = False
    is_signed: bool = False
    is_mark: bool = False

    @property
    def is_blank(self) -> bool:
        return not self.words and not self.is_mark

    @property
    def text(self) -> str:
        said = " ".join("".join(self.pieces).split())
        return f"> {said}" if self.is_quoted else said


def fold(tree: HtmlElement) -> bool:
    """In place. Whether there was anything to fold."""
    quoted_html.cite_attributed(tree)
    lines = _lines(tree)
    kinds = quotes.kinds([line.text for line in lines], {n for n, line in enumerate(lines) if line.is_signed})
    told: dict[Words, Kind] = {}
    for line, kind in zip(lines, kinds, strict=True):
        for words in line.words:
            told[words] = kind if told.get(words, kind) == kind else "new"
    if not any(kind != "new" for kind in told.values()):
        return False
    _fold_within(tree, told)
    return True


# Lines


def _lines(tree: HtmlElement) -> list[_Line]:
    reading = _Reading()
    waiting: list[tuple[HtmlElement, str | None]] = [(tree, None)]
    while waiting:
        element, mark = waiting.pop()
        if mark is not None:
            reading.leave(element, mark)
        elif not isinstance(element.tag, str) or element.tag in SILENT:
            reading.say(element, "tail")
        else:
            waiting.append((element, reading.enter(element)))
            waiting.extend((child, None) for child in reversed(element))
    return reading.lines


class _Reading:
    """Goes through a tree from its start to its end, and breaks lines where a browser does."""

    def __init__(self) -> None:
        self.lines = [_Line()]
        self._open = {"quote": 0, "signature": 0, "pre": 0}

    def enter(self, element: HtmlElement) -> str:
        """What it is marked as by the mail program that wrote it."""
        self._break_at(element)
        named = quoted_html.names(element)
        mark = "pre" if element.tag == "pre" else ""
        if quoted_html.is_quote(element, named):
            mark = "quote"
        elif quoted_html.begins_history(element, named):
            self._break()
            self.lines.append(_Line([HISTORY_BELOW], is_mark=True))
            self._break()
        elif named & quoted_html.SIGNATURES:
            mark = "signature"
        if mark:
            self._break()
            self._open[mark] += 1
        self.say(element, "text")
        return mark

    def leave(self, element: HtmlElement, mark: str) -> None:
        self._break_at(element, is_end=True)
        if mark:
            self._break()
            self._open[mark] -= 1
        self.say(element, "tail")

    def say(self, element: HtmlElement, part: Part) -> None:
        said: str = getattr(element, part) or ""
        for number, piece in enumerate(said.splitlines() if self._open["pre"] else [said]):
            if number:
                self.lines.append(_Line())
            line = self.lines[-1]
            line.pieces.append(piece)
            if piece.strip():
                line.words.append((element, part))
                line.is_quoted = self._open["quote"] > 0
                line.is_signed = self._open["signature"] > 0 and not line.is_quoted

    def _break_at(self, element: HtmlElement, *, is_end: bool = False) -> None:
        if element.tag in CELLS:
            self.lines[-1].pieces.append(" ")
        elif element.tag == "br":
            self.lines += [] if is_end else [_Line()]
        elif element.tag not in INLINE:
            self._break(is_paragraph=element.tag in PARAGRAPHS)

    def _break(self, *, is_paragraph: bool = False) -> None:
        if not self.lines[-1].is_blank:
            self.lines.append(_Line())
        if is_paragraph and len(self.lines) > 1 and not self.lines[-2].is_blank:
            self.lines.append(_Line())


# Folding


def _fold_within(tree: HtmlElement, told: dict[Words, Kind]) -> None:
    kinds = _kinds_of(tree, told)
    waiting = [tree]
    while waiting:
        element = waiting.pop()
        runs = [] if element.tag in NO_PLACE else list(_runs(element, told, kinds))
        waiting += [child for child in element if kinds.get(child) == "mixed"]
        if element.tag in NO_PLACE:
            waiting += [child for child in element if kinds.get(child) in SUMMARIES]
        if runs:
            _wrap(element, runs)


def _kinds_of(tree: HtmlElement, told: dict[Words, Kind]) -> dict[HtmlElement, str]:
    """Of each element with words in it: their kind, or `mixed`."""
    kinds: dict[HtmlElement, str] = {}
    for element in reversed(list(tree.iter())):
        within = {told.get((element, "text"))}
        for child in element:
            within |= {kinds.get(child), told.get((child, "tail"))}
        found = within - {None}
        if found:
            kinds[element] = str(found.pop()) if len(found) == 1 else "mixed"
    return kinds


def _runs(
    element: HtmlElement, told: dict[Words, Kind], kinds: dict[HtmlElement, str]
) -> Iterator[tuple[str, int, int]]:
    """The stretches of one kind among the parts of an element: kind, first and last part, as `_wrap` counts them."""
    kind, first, last = None, 0, 0
    here = [told.get((element, "text"))]
    for child in element:
        here += [kinds.get(child), told.get((child, "tail"))]
    for place, found in enumerate(here):
        if found is None:
            continue
        if found != kind:
            if kind in SUMMARIES:
                yield str(kind), first, last
            kind, first = found, place
        last = place
    if kind in SUMMARIES:
        yield str(kind), first, len(here) - 1  # with the empty parts and pictures below


def _wrap(element: HtmlElement, runs: list[tuple[str, int, int]]) -> None:
    """Part 0 is the element's text, 1 its first child, 2 the words behind that one, and so on."""
    parts: list[HtmlElement | str | None] = [element.text]
    for child in list(element):
        parts += [child, child.tail]
        element.remove(child)
    element.text, done = None, 0
    for kind, first, last in runs:
        fold = Element("details")
        summary = Element("summary")
        summary.text = SUMMARIES[kind]
        _fill(fold, [summary, *parts[first : last + 1]])
        _fill(element, [*parts[done:first], fold])
        done = last + 1
    _fill(element, parts[done:])


def _fill(element: HtmlElement, parts: list[HtmlElement | str | None]) -> None:
    last: HtmlElement | None = next(element.iterchildren(reversed=True), None)
    for part in parts:
        if part is None:
            continue
        if not isinstance(part, str):  # comments are among them
            part.tail = None
            element.append(part)
            last = part
        elif last is None:
            element.text = (element.text or "") + part
        else:
            last.tail = (last.tail or "") + part
