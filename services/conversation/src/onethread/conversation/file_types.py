"""What a file is, by its bytes: nobody's word for it counts. Pure.

The name chooses only among what the bytes may be: a text is a table or a calendar, a ZIP archive a letter.
"""

from __future__ import annotations

import re
import unicodedata

from onethread.conversation.pictures import kind_of

ANY = "application/octet-stream"
NAME_BYTES = 200
"""As RFC 2231 writes it, this is still one line of a mail."""
_STARTS = {
    b"%PDF-": "application/pdf",
    b"\x1f\x8b": "application/gzip",
    b"7z\xbc\xaf\x27\x1c": "application/x-7z-compressed",
    b"{\\rtf": "application/rtf",
    b"ID3": "audio/mpeg",
    b"OggS": "audio/ogg",
    b"\x1aE\xdf\xa3": "video/webm",
}
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."
_ZIPPED = {
    "docx": f"{_OFFICE}wordprocessingml.document",
    "xlsx": f"{_OFFICE}spreadsheetml.sheet",
    "pptx": f"{_OFFICE}presentationml.presentation",
    "odt": f"{_OPEN}text",
    "ods": f"{_OPEN}spreadsheet",
    "odp": f"{_OPEN}presentation",
    "epub": "application/epub+zip",
}
_OLD = {"doc": "application/msword", "xls": "application/vnd.ms-excel", "ppt": "application/vnd.ms-powerpoint"}
_WRITTEN = {"csv": "text/csv", "ics": "text/calendar", "vcf": "text/vcard", "md": "text/markdown", "html": "text/html"}
_WRITTEN |= {"htm": "text/html", "svg": "image/svg+xml", "json": "application/json", "xml": "application/xml"}
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,16}$")
_SPACES = re.compile(r"\s+")


def type_of(name: str, content: bytes) -> str:
    ending = name.rpartition(".")[2].lower()
    if picture := kind_of(content):
        return picture
    if content.startswith(_ZIP):
        return _ZIPPED.get(ending, "application/zip")
    if content.startswith(_OLE):
        return _OLD.get(ending, ANY)
    if content[4:8] == b"ftyp":
        return "video/quicktime" if content[8:10] == b"qt" else "video/mp4"
    return next((kind for start, kind in _STARTS.items() if content.startswith(start)), None) or _text(ending, content)


def name_of(given: str) -> str:
    """As a file may be called anywhere: without folders, and without letters that hide how it ends."""
    last = re.split(r"[/\\]", given)[-1]
    seen = "".join(one if unicodedata.category(one)[0] != "C" else " " for one in last)
    name = _SPACES.sub(" ", unicodedata.normalize("NFC", seen)).strip(" .") or "unnamed"
    if len(name.encode()) <= NAME_BYTES:
        return name
    ending = _ENDING.search(name)
    kept = ending[0] if ending else ""
    return _cut(name.removesuffix(kept), NAME_BYTES - len(kept)) + kept


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore").strip()


def _text(ending: str, content: bytes) -> str:
    try:
        said = content.decode()
    except UnicodeDecodeError:
        return ANY
    is_said = content and not any(unicodedata.category(one) == "Cc" and one not in "\t\n\r\f" for one in set(said))
    return _WRITTEN.get(ending, "text/plain") if is_said else ANY
