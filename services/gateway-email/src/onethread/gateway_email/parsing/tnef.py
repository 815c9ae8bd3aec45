"""What Outlook packs into `winmail.dat` (MS-OXTNEF): pure, never raises, and reads as far as the bytes make sense."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from onethread.gateway_email.parsing import charsets, rtf

SIGNATURE = b"\x78\x9f\x3e\x22"
FILES = 200
PROPERTIES = 5000
UTF8 = 65001
"""As Windows numbers it."""
MESSAGE = 1
TITLE, CONTENT, NEXT_FILE = 0x8010, 0x800F, 0x9002
MESSAGE_PROPERTIES, FILE_PROPERTIES, CODE_PAGE, BODY = 0x9003, 0x9005, 0x9007, 0x800C
PLAIN_BODY, RTF_BODY, HTML_BODY, BODY_CODE_PAGE = 0x1000, 0x1009, 0x1013, 0x3FDE
FILE_CONTENT, FILE_NAME, LONG_NAME, DISPLAY_NAME, MIME_TYPE, CONTENT_ID = 0x3701, 0x3704, 0x3707, 0x3001, 0x370E, 0x3712
NARROW, WIDE, BINARY, OBJECT = 0x1E, 0x1F, 0x102, 0x0D
SEVERAL = 0x1000
NAMED = 0x8000
SIZES = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 0xA: 4, 0xB: 4, 0x14: 8, 0x40: 8, 0x48: 16}
"""Bytes of the types of a fixed size, filled up to four."""
Properties = dict[int, str | bytes | int]


@dataclass(slots=True)
class Packed:
    name: str = ""
    type: str = ""
    content_id: str = ""
    content: bytes = b""


@dataclass(slots=True)
class Pack:
    plain: str = ""
    html: str = ""
    files: list[Packed] = field(default_factory=list)


def read(raw: bytes) -> Pack | None:
    """None where it is no such pack."""
    if not raw.startswith(SIGNATURE):
        return None
    pack, charset = Pack(), "cp1252"
    for level, name, value in _attributes(raw):
        if name == CODE_PAGE and value:
            charset = f"cp{int.from_bytes(value[:4], 'little')}"
        elif level == MESSAGE:
            _add_to_message(pack, name, value, charset)
        elif name == NEXT_FILE and len(pack.files) < FILES:
            pack.files.append(Packed())
        elif pack.files:
            _add_to_file(pack.files[-1], name, value, charset)
    pack.files = [one for one in pack.files if one.name or one.content]
    return pack


def _attributes(raw: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(level, name, value), as far as they are whole. Each ends in a checksum, which senders get wrong."""
    at = 6
    while at + 9 <= len(raw):
        level, name, _, size = struct.unpack_from("<BHHI", raw, at)
        if level not in (MESSAGE, 2) or at + 9 + size > len(raw):
            return
        yield level, name, raw[at + 9 : at + 9 + size]
        at += 11 + size


def _add_to_message(pack: Pack, name: int, value: bytes, charset: str) -> None:
    if name == BODY:
        pack.plain = charsets.decode(value, charset)
    elif name == MESSAGE_PROPERTIES:
        found = _properties(value, charset)
        pack.plain = _text(found.get(PLAIN_BODY), charset) or pack.plain
        page = found.get(BODY_CODE_PAGE)
        pack.html = _text(found.get(HTML_BODY), _page(page) if isinstance(page, int) else charset)
        packed = found.get(RTF_BODY)
        if isinstance(packed, bytes) and not pack.html:
            said = rtf.read(rtf.unpacked(packed))
            pack.html, pack.plain = said.html, pack.plain or said.plain


def _add_to_file(packed: Packed, name: int, value: bytes, charset: str) -> None:
    if name == TITLE:
        packed.name = packed.name or charsets.decode(value.rstrip(b"\x00"), charset)
    elif name == CONTENT:
        packed.content = value
    elif name == FILE_PROPERTIES:
        found = _properties(value, charset)
        long, short, shown = (_text(found.get(one), charset) for one in (LONG_NAME, FILE_NAME, DISPLAY_NAME))
        packed.name = long or packed.name or short or shown
        packed.type = _text(found.get(MIME_TYPE), charset)
        packed.content_id = _text(found.get(CONTENT_ID), charset)
        content = found.get(FILE_CONTENT)
        packed.content = content if isinstance(content, bytes) else packed.content


def _page(number: int) -> str:
    return "utf-8" if number == UTF8 else f"cp{number}"


def _text(value: str | bytes | int | None, charset: str) -> str:
    if isinstance(value, bytes):
        return charsets.decode(value.rstrip(b"\x00"), charset)
    return value if isinstance(value, str) else ""


def _properties(raw: bytes, charset: str) -> Properties:
    """The first value of each, as far as they are whole."""
    found: Properties = {}
    try:
        count, at = _number(raw, 0), 4
        for _ in range(min(count, PROPERTIES)):
            kind, name = struct.unpack_from("<HH", raw, at)
            at = _after_name(raw, at + 4) if name >= NAMED else at + 4
            value, at = _values(raw, at, kind, charset)
            if value is not None:
                found.setdefault(name, value)
    except (struct.error, IndexError):
        pass
    return found


def _after_name(raw: bytes, at: int) -> int:
    """Behind the set and the number or text by which a property is named."""
    is_text = _number(raw, at + 16)
    return at + 24 + _filled(_number(raw, at + 20)) if is_text else at + 24


def _values(raw: bytes, at: int, kind: int, charset: str) -> tuple[str | bytes | int | None, int]:
    bare = kind & ~SEVERAL
    size = SIZES.get(bare)
    if size is None and bare not in (NARROW, WIDE, BINARY, OBJECT):
        raise IndexError("a property of an unknown type: what follows can't be found")
    count = 1
    if size is None or kind & SEVERAL:
        count, at = _number(raw, at), at + 4
    first: str | bytes | int | None = None
    for number in range(count):
        if size is None:
            length = _number(raw, at)
            value, at = raw[at + 4 : at + 4 + length], at + 4 + _filled(length)
        else:
            value, at = raw[at : at + size], at + size
        if at > len(raw) + 3:
            raise IndexError("cut off")
        first = first if number else _of_kind(value, bare, charset)
    return first, at


def _of_kind(value: bytes, kind: int, charset: str) -> str | bytes | int:
    if kind == WIDE:
        return value.decode("utf-16-le", "replace").rstrip("\x00")
    if kind == NARROW:
        return charsets.decode(value.rstrip(b"\x00"), charset)
    if kind == OBJECT:  # sixteen bytes say which interface reads it
        return value[16:]
    return value if kind == BINARY else int.from_bytes(value, "little")


def _number(raw: bytes, at: int) -> int:
    return struct.unpack_from("<I", raw, at)[0]


def _filled(length: int) -> int:
    return length + -length % 4
