"""Bytes to text, whatever the mail claims about them: pure, and never raises."""

from __future__ import annotations

import base64
import binascii
import codecs
import quopri
import re
from functools import lru_cache

ALIASES = {
    # Names that say less than what is sent under them; the first two as the WHATWG does.
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "iso2022_jp": "iso2022_jp_ext",
    # Names that Python does not know, without `x-` and `cs` before them.
    "iso-2022-jp-ms": "iso2022_jp_ext",
    "sjis": "cp932",
    "windows-31j": "cp932",
    "euc-jp": "euc_jp",
    "eucjp-ms": "euc_jp",
    "gb-2312-80": "gb18030",
    "x-big5": "big5",
    "cn-big5": "big5",
    "euckr": "cp949",
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-8-e": "iso8859-8",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-2-0-utf-7": "utf-7",
    "macroman": "mac_roman",
    "mac-ce": "mac_latin2",
}
_SINGLE = re.compile(r"cp(125\d|85\d|866|437)$|iso8859-(?!11)|koi8|mac")
"""Of one byte a letter: no bytes are wrong in them. But nobody's words in them are UTF-8 by chance; Thai may be."""
WHOLE = 8
"""So many letters above ASCII are read for each that can't be, where the charset of a damaged text is right."""
SLOW = {"idna", "punycode"}
"""Codecs that are not charsets, and take quadratic time."""
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff]")
_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def decode(raw: bytes, charset: str | None) -> str:
    """By the declared charset, else UTF-8, else the one of both that nearly fits, else one with a letter for each."""
    declared = _codec(charset)
    found = _strictly(raw, declared) or _nearly(raw, declared) or raw.decode("cp1252", "replace")
    return _UNSTORABLE.sub("", found.removeprefix("\ufeff"))


@lru_cache(256)
def _codec(charset: str | None) -> str:
    name = (charset or "").strip().strip("\"'").lower().rstrip("; ").removeprefix("3d").replace("_", "-")
    bare = name.removeprefix("x-").removeprefix("cs")
    for one in (name, bare, bare.replace("windows-", "cp").replace("cp-", "cp")):
        known = ALIASES.get(one, one)
        try:
            known = codecs.lookup(known).name
        except (LookupError, ValueError):
            continue
        return "utf-8" if known in SLOW else ALIASES.get(known, known)
    return "utf-8"


def _strictly(raw: bytes, declared: str) -> str | None:
    for name in (declared, "utf-8"):
        is_utf8 = _SINGLE.match(name) and not raw.isascii() and _is_utf8(raw)
        try:
            return raw.decode("utf-8" if is_utf8 else name)
        except (LookupError, ValueError):
            continue
    return None


def _nearly(raw: bytes, declared: str) -> str | None:
    """A text that was cut within a letter is no reason to read all of it wrong."""
    for name in (declared, "utf-8"):
        try:
            text = raw.decode(name, "replace")
        except (LookupError, ValueError):
            continue
        wrong = text.count("\ufffd")
        if wrong * WHOLE < sum(map("\x80".__le__, text)):
            return text
    return None


def header(value: str) -> str:
    """One line of text from a header as it stands in the mail: unfolded, decoded, without control characters."""
    if value.isascii() and value.isprintable() and "=?" not in value:  # as nearly every field is
        return value.strip()
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
