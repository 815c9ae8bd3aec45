"""Bytes to text, whatever the mail claims about them: pure, and never raises."""

from __future__ import annotations

import base64
import binascii
import quopri
import re

ALIASES = {
    # Names that say less than what is sent under them; the first two as the WHATWG does.
    "iso-8859-1": "cp1252",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "iso-2022-jp": "iso2022_jp_ext",
    "iso-8859-8-i": "iso-8859-8",
    "unicode-1-1-utf-7": "utf-7",
    "cp-850": "cp850",
}
SLOW = {"idna", "punycode"}
"""Codecs that are not charsets, and take quadratic time."""
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff]")
_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def decode(raw: bytes, charset: str | None) -> str:
    """By the declared charset, else UTF-8, else the charset that has a letter for nearly every byte."""
    name = (charset or "").strip().strip("\"'").lower().removeprefix("3d")
    for candidate in (ALIASES.get(name, name), "utf-8"):
        if candidate in SLOW:
            continue
        try:
            text = raw.decode("utf-8" if candidate == "cp1252" and _is_utf8(raw) else candidate)
        except (LookupError, ValueError):
            continue
        return _UNSTORABLE.sub("", text)
    return _UNSTORABLE.sub("", raw.decode("cp1252", "replace"))


def header(value: str) -> str:
    """One line of text from a header as it stands in the mail: unfolded, decoded, without control characters."""
    return clean("".join(_words(as_text(value))))


def as_text(value: str) -> str:
    """A header as the parser gives it, with its 8-bit letters read; encoded words stay as they are."""
    return value if value.isascii() else decode(value.encode("utf-8", "surrogateescape"), None)


def clean(value: str) -> str:
    return _UNSAFE.sub(" ", value).strip()


def _words(value: str) -> list[str]:
    """Neighbouring encoded words of one charset are decoded together: they may split a letter between them."""
    pieces: list[str] = []
    pending, charset, end = b"", "", 0
    for word in _WORD.finditer(value):
        between = value[end : word.start()]
        name = word[1].partition("*")[0].lower()
        if pending and (between.strip() or name != charset):
            pieces.append(decode(pending, charset))
            pending = b""
        if between.strip() or not end:
            pieces.append(between)
        pending, charset, end = pending + _word_bytes(word[2], word[3]), name, word.end()
    return [*pieces, decode(pending, charset), value[end:]]


def _word_bytes(how: str, text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    if how in "qQ":
        return quopri.decodestring(raw, header=True)
    try:
        return base64.b64decode(raw + b"=" * (-len(raw) % 4))
    except (binascii.Error, ValueError):
        return raw


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except ValueError:
        return False
    return True
