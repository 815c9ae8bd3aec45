"""Readers: a file or page of any format becomes articles in Markdown.

They see what strangers wrote. Outside of tests they run in a process of their own (`isolation.py`), with a limit on
memory and on time.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

from onethread.knowledge.reading.parts import File, Part, Reading, UnreadableError

TITLE_CHARACTERS = 500
TEXT_CHARACTERS = 1_000_000
PARTS = 10_000
FORMATS = "Markdown, HTML, PDF, DOCX, CSV, reStructuredText and plain text"

_BY_ENDING = {
    ".md": "markdown", ".markdown": "markdown", ".mdx": "markdown", ".html": "html", ".htm": "html", ".xhtml": "html",
    ".pdf": "pdf", ".docx": "docx", ".csv": "csv", ".tsv": "csv", ".txt": "text", ".rst": "rst",
}  # fmt: skip
_BY_MEDIA_TYPE = {
    "text/markdown": "markdown", "text/html": "html", "application/xhtml+xml": "html", "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx", "text/csv": "csv",
    "text/tab-separated-values": "csv", "text/x-rst": "rst", "text/prs.fallenstein.rst": "rst", "text/plain": "text",
}  # fmt: skip


def format_of(name: str, media_type: str | None = None) -> str | None:
    """By the name's ending, else by the media type; None for what no reader takes."""
    return _BY_ENDING.get(PurePosixPath(name).suffix.lower()) or _BY_MEDIA_TYPE.get(media_type or "")


def read(file: File) -> Reading:
    """Raises `UnreadableError`; whatever else a library raises is for the caller to report."""
    kind = format_of(file.name, file.media_type)
    if kind is None:
        raise UnreadableError(f"this kind of file cannot be read; {FORMATS} can")
    if not file.content.strip():
        raise UnreadableError("it is empty")
    reading = _reader(kind)(file)
    if reading.noindex:
        return reading
    parts = tuple(_bounded(part) for part in reading.parts if part.text.strip())
    if not parts:
        raise UnreadableError("there is no text in it")
    if len(parts) > PARTS:
        raise UnreadableError(f"it holds more than {PARTS} articles")
    return replace(reading, parts=parts)


def _reader(kind: str) -> Callable[[File], Reading]:
    """Each is imported when it is first needed: start-up time and memory."""
    if kind == "html":
        from onethread.knowledge.reading.web_page import read_html as read_it
    elif kind == "pdf":
        from onethread.knowledge.reading.pdf_file import read_pdf as read_it
    elif kind == "docx":
        from onethread.knowledge.reading.word_file import read_docx as read_it
    elif kind == "csv":
        from onethread.knowledge.reading.question_table import read_csv as read_it
    elif kind == "rst":
        from onethread.knowledge.reading.restructured_text import read_rst as read_it
    else:
        from onethread.knowledge.reading.plain_text import read_markdown, read_text

        read_it = read_markdown if kind == "markdown" else read_text
    return read_it


def _bounded(part: Part) -> Part:
    if len(part.text) > TEXT_CHARACTERS:
        raise UnreadableError(f"an article in it is longer than {TEXT_CHARACTERS:,} characters")
    title = " ".join(part.title.split())[:TITLE_CHARACTERS]
    return Part(**{**vars(part), "title": title or "Untitled", "text": part.text.strip()})
