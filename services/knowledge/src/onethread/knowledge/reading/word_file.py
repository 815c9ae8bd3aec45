"""DOCX: to HTML by mammoth, then as a web page."""

import io
import zipfile
from typing import Any

import mammoth

from onethread.knowledge.reading.parts import File, Reading, UnreadableError
from onethread.knowledge.reading.plain_text import title_of
from onethread.knowledge.reading.web_page import article_of

UNPACKED_BYTES = 100 * 1024**2
_STYLES = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => p:fresh"


def read_docx(file: File) -> Reading:
    _look_inside(file.content)
    converted = mammoth.convert_to_html(io.BytesIO(file.content), style_map=_STYLES, convert_image=_no_image)
    return Reading((article_of(converted.value, title_of(file.name)),))


def _look_inside(content: bytes) -> None:
    """Before anything is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            locked = any(entry.flag_bits & 1 for entry in archive.infolist())
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError) as error:
        old = content.startswith(b"\xd0\xcf\x11\xe0")
        raise UnreadableError("it is protected by a password, or an old .doc" if old else "it is damaged") from error
    if "word/document.xml" not in names:
        raise UnreadableError("it is not a Word document")
    if locked:
        raise UnreadableError("it is protected by a password")
    if unpacked > UNPACKED_BYTES:
        raise UnreadableError("it unpacks to more than 100 MB")


@mammoth.images.img_element
def _no_image(image: Any) -> dict[str, str]:  # noqa: ARG001 mammoth gives it
    return {"src": ""}
