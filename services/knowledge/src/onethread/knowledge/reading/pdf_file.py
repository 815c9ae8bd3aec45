"""PDF: its articles are what its outline or its large headings name, each with its first page."""

import io
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pdfminer.high_level import extract_pages
from pdfminer.layout import LAParams, LTChar, LTPage, LTTextBox, LTTextLine
from pdfminer.pdfdocument import PDFDocument, PDFNoOutlines, PDFPasswordIncorrect
from pdfminer.pdfexceptions import PDFException
from pdfminer.pdfpage import PDFPage
from pdfminer.pdfparser import PDFParser
from pdfminer.pdftypes import resolve1
from pdfminer.psexceptions import PSException

from onethread.knowledge.reading.parts import File, Part, Reading, UnreadableError
from onethread.knowledge.reading.plain_text import title_of

PAGES = 2_000
# A heading is larger than the body by this much, and no longer than that.
_LARGER = 1.15
_HEADING_CHARACTERS = 150
# What stands on most pages is a header or footer.
_PAGES_FOR_FURNITURE = 4


@dataclass(frozen=True)
class _Line:
    """`top` is measured from the bottom of the page, as PDF does; `opens` starts a paragraph."""

    page: int
    top: float
    size: float
    text: str
    opens: bool


@dataclass(frozen=True)
class _Mark:
    """An article begins before line `at`, whose own first `skip` lines are its title."""

    title: str
    at: int
    skip: int


def read_pdf(file: File) -> Reading:
    try:
        document = PDFDocument(PDFParser(io.BytesIO(file.content)))
        count = sum(1 for _ in PDFPage.create_pages(document))
        if count > PAGES:
            raise UnreadableError(f"it has more than {PAGES:,} pages")
        lines = _without_furniture(list(_lines(extract_pages(io.BytesIO(file.content), laparams=LAParams()))))
        if not lines:
            raise UnreadableError("there is no text in it; perhaps it is a scan")
        marks = _by_outline(document, lines) or _by_size(lines) or _by_page(lines, file.name)
    except PDFPasswordIncorrect as error:
        raise UnreadableError("it is protected by a password") from error
    except (PDFException, PSException) as error:
        raise UnreadableError("it is damaged, or not a PDF") from error
    return Reading(tuple(_parts(lines, marks, title_of(file.name))), several=True)


def _lines(pages: Iterable[LTPage]) -> Iterator[_Line]:
    for number, page in enumerate(pages, 1):
        lines = [line for box in page if isinstance(box, LTTextBox) for line in box if isinstance(line, LTTextLine)]
        gaps = [above.y0 - below.y1 for above, below in pairwise(lines)]
        # Lines of one paragraph are as near to each other as most are; -1: a column, or the page, begins.
        usual = statistics.median_low([gap for gap in gaps if gap >= 0] or [0.0])
        for line, gap in zip(lines, [-1.0, *gaps], strict=bool(lines)):
            if text := " ".join(line.get_text().split()):
                yield _Line(number, line.y1, _size(line), text, opens=not 0 <= gap <= usual + 0.4 * line.height)


def _size(line: LTTextLine) -> float:
    sizes = [char.size for char in line if isinstance(char, LTChar)]
    return round(statistics.median(sizes), 1) if sizes else 0.0


def _without_furniture(lines: list[_Line]) -> list[_Line]:
    pages = {line.page for line in lines}
    if len(pages) < _PAGES_FOR_FURNITURE:
        return lines
    body = _body_size(lines)
    seen = Counter(key for _, key in {(line.page, _alike(line, body)) for line in lines})
    return [line for line in lines if seen[_alike(line, body)] <= len(pages) / 2]


def _alike(line: _Line, body: float) -> tuple[str, int]:
    """Page numbers differ; the place does not. Larger lines may be the titles of numbered parts."""
    text = line.text if line.size >= _LARGER * body else re.sub(r"\d+", "#", line.text)
    return text, round(line.top)


def _body_size(lines: list[_Line]) -> float:
    """That of most of the text."""
    sizes = Counter[float]()
    for line in lines:
        sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def _by_outline(document: PDFDocument, lines: list[_Line]) -> list[_Mark]:
    try:
        outline = list(document.get_outlines())
    except PDFNoOutlines:
        return []
    numbers = {page.pageid: number for number, page in enumerate(PDFPage.create_pages(document), 1)}
    levels = Counter(level for level, *_ in outline)
    # One entry over all others is the title of the whole.
    chosen = next((level for level in sorted(levels) if levels[level] > 1), None)
    marks: list[_Mark] = []
    for level, title, destination, action, _ in outline:
        if level == chosen:
            page, top = _place(document, destination or _goto(action), numbers)
            mark = _mark(lines, title, page, top)
            if mark and (not marks or mark.at >= marks[-1].at):
                marks.append(mark)
    return marks


def _goto(action: Any) -> Any:
    resolved = resolve1(action)
    return resolve1(resolved.get("D")) if isinstance(resolved, dict) else None


def _place(document: PDFDocument, destination: Any, numbers: dict[Any, int]) -> tuple[int | None, float | None]:
    """Page number and height; None for what the destination does not say."""
    found = resolve1(destination)
    if isinstance(found, str | bytes) or hasattr(found, "name"):
        name = getattr(found, "name", found)
        try:
            found = resolve1(document.get_dest(name))
        except KeyError:
            return None, None
    if isinstance(found, dict):
        found = resolve1(found.get("D"))
    if not isinstance(found, list) or not found:
        return None, None
    page = numbers.get(getattr(found[0], "objid", found[0]))
    places_top = len(found) > 3 and getattr(resolve1(found[1]), "name", "") == "XYZ"  # noqa: PLR2004 left, top, zoom
    top = resolve1(found[3]) if places_top else None
    return page, float(top) if isinstance(top, int | float) else None


def _mark(lines: list[_Line], title: str, page: int | None, top: float | None) -> _Mark | None:
    """Where the page shows the title, else where the outline points to."""
    wanted = _plain(title)
    here = [n for n, line in enumerate(lines) if line.page == page]
    for number in here:
        text = ""
        for skip, line in enumerate(lines[number : number + 3], 1):
            text += _plain(line.text)
            if text == wanted:
                return _Mark(title, number, skip)
    at = next((n for n in here if top is None or lines[n].top <= top + 1), None)
    return _Mark(title, at, 0) if at is not None else None


def _by_size(lines: list[_Line]) -> list[_Mark]:
    body = _body_size(lines)
    large = [n for n, line in enumerate(lines) if line.size >= _LARGER * body and len(line.text) <= _HEADING_CHARACTERS]
    counts = Counter(lines[n].size for n in large)
    chosen = next((size for size in sorted(counts, reverse=True) if counts[size] > 1), None)
    marks: list[_Mark] = []
    for n in large:
        if lines[n].size != chosen:
            continue
        previous = marks[-1] if marks else None
        if previous and previous.at + previous.skip == n and not lines[n].opens:  # a heading of two lines
            marks[-1] = _Mark(f"{previous.title} {lines[n].text}", previous.at, previous.skip + 1)
        else:
            marks.append(_Mark(lines[n].text, n, 1))
    return marks


def _by_page(lines: list[_Line], name: str) -> list[_Mark]:
    """Nothing names its parts: each page is one, so that a link leads to the right one."""
    starts = [n for n, line in enumerate(lines) if n == 0 or line.page != lines[n - 1].page]
    title = title_of(name)
    if len(starts) == 1:
        return [_Mark(title, 0, 0)]
    return [_Mark(f"{title}, page {lines[n].page}", n, 0) for n in starts]


def _parts(lines: list[_Line], marks: list[_Mark], title: str) -> Iterator[Part]:
    if before := _text(lines[: marks[0].at]):
        yield Part(title, before, fragment="page=1")
    for mark, following in pairwise([*marks, _Mark("", len(lines), 0)]):
        if text := _text(lines[mark.at + mark.skip : following.at]):
            yield Part(mark.title, text, fragment=f"page={lines[mark.at].page}")


def _text(lines: list[_Line]) -> str:
    """Lines of one paragraph are joined, and words that were parted at a line's end. Larger lines are headings."""
    body = _body_size(lines)
    text = ""
    for line in lines:
        if line.size >= _LARGER * body and len(line.text) <= _HEADING_CHARACTERS:
            text += f"\n\n## {line.text}\n\n"
        elif (line.opens and not _goes_on(text, line)) or re.match(r"(?:[•▪●–‣]|\d{1,2}[.)])\s", line.text):
            text += f"\n\n{_listed(line.text)}"
        elif re.search(r"[a-z]-$", text) and line.text[:1].islower():
            text = text[:-1] + line.text
        else:
            text += f" {line.text}" if text and not text.endswith("\n") else line.text
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _goes_on(text: str, line: _Line) -> bool:
    """A sentence that a page's end has cut in two."""
    return bool(re.search(r"[\w,;-]$", text)) and line.text[:1].islower()


def _listed(text: str) -> str:
    return re.sub(r"^[•▪●–‣]\s+", "- ", text)


def _plain(text: str) -> str:
    return re.sub(r"\W+", "", text).casefold()
