"""Bytes to text, whatever the mail claims about them: pure, and never raises."""

from __future__ import annotations

import base64
import binascii
import codecs
import quopri
import re
from functools import lru_cache

from charset_normalizer import from_bytes

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
    "iso-ir-149": "cp949",
    "ks-c-5601-1989": "cp949",
    "big5-eten": "cp950",
    "logical": "iso8859-8",
    "visual": "iso8859-8",
    "koi8": "koi8-r",
    "koi8-ru": "koi8-u",
    "macroman": "mac_roman",
    "mac-ce": "mac_latin2",
    "mac-centraleurroman": "mac_latin2",
    "mac-ukrainian": "mac_cyrillic",
    # Code pages by numbers that only Windows and IBM have; Outlook's packs name theirs so.
    "cp943": "cp932",
    "cp1200": "utf-16-le",
    "cp1201": "utf-16-be",
    "cp10000": "mac_roman",
    "cp10007": "mac_cyrillic",
    "cp20127": "cp1252",
    "cp20866": "koi8-r",
    "cp21866": "koi8-u",
    "cp50220": "iso2022_jp_ext",
    "cp50221": "iso2022_jp_ext",
    "cp50222": "iso2022_jp_ext",
    "cp50225": "iso2022_kr",
    "cp51932": "euc_jp",
    "cp51936": "gb18030",
    "cp51949": "cp949",
    "cp54936": "gb18030",
    **{f"cp{28590 + number}": f"iso8859-{number}" for number in (*range(2, 10), 13, 15)},
    "cp28591": "cp1252",
}
_PAGE = re.compile(r"(?:windows|win|dos|ibm|ms|cp)?[- ]?(?:cp)?[- ]?(\d{3,5})[a-z]?")
_ISO = re.compile(r"(?:iso)?[- ]?8859[- ]?(\d{1,2})(?!\d)")
SIBLINGS = {"big5": ("cp950", "big5hkscs"), "iso2022_jp_ext": ("cp932", "euc_jp")}
"""What is sent under a name that says less, where it does not fit."""
_SINGLE = re.compile(r"cp(125\d|85\d|866|437)$|iso8859-(?!11)|koi8|mac")
"""Of one byte a letter: no bytes are wrong in them. But nobody's words in them are UTF-8 by chance; Thai may be."""
_MANY = re.compile(r"gb|cp9(32|49|50)$|euc|big5")
_THREE = re.compile(rb"[\xe0-\xef][\x80-\xbf]{2}")
CERTAIN = 2
"""So many letters of three bytes are UTF-8 by no chance, where charsets of two bytes a letter would fit too."""
GUESSED = [
    "gb18030", "big5", "cp932", "euc_jp", "cp949", "cp1251", "koi8_r", "cp866", "cp1253", "cp1255", "cp1256", "cp874",
    "cp1252", "cp1250", "cp1254", "cp1257", "mac_roman",
]  # fmt: skip
WESTERN = "cp1252"
LATIN = {WESTERN, "cp1250", "cp1254", "cp1257", "mac_roman"}
"""Guesses between these are right by luck."""
SAMPLE = 4_000
FOREIGN = 6
"""So many different pairs of bytes above ASCII are needed to guess by, and most of these bytes stand in pairs: in Latin
scripts they stand alone, or a dash beside a dash.
"""
_PAIR = re.compile(rb"[\x80-\xff]{2}")
_HIGH = re.compile(rb"[\x80-\xff]")
_TAG = re.compile(rb"[<>]")
_SHIFTED = re.compile(rb"\x1b(\$[@B]|\([BIJ])([^\x1b]*)")
WHOLE = 8
"""So many letters above ASCII are read for each that can't be, where the charset of a damaged text is right."""
SLOW = {"idna", "punycode"}
"""Codecs that are not charsets, and take quadratic time."""
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff]")
_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*|(?:[^?]|\?(?!=)){1,1500})\?=")
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def decode(raw: bytes, charset: str | None) -> str:
    """By the declared charset, else UTF-8, else the one of both that nearly fits, else one that the words look like,
    else one with a letter for each byte. That is declared for so much else that it is believed last.
    """
    declared = _shown(raw) or _codec(charset)
    found = None if declared == WESTERN and not _is_utf8(raw) else _strictly(raw, declared) or _nearly(raw, declared)
    found = found or _guessed(raw) or raw.decode(WESTERN, "replace")
    return _UNSTORABLE.sub("", found.removeprefix("\ufeff"))


def _shown(raw: bytes) -> str:
    """The charset that the bytes themselves tell, whatever is declared; empty where they don't."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if not raw.isascii() or b"\x1b$" not in raw:
        return ""
    return "iso2022_kr" if b"\x1b$)C" in raw else "iso2022_jp_ext"


@lru_cache(256)
def _codec(charset: str | None) -> str:
    name = (charset or "").strip().strip("\"'").lower().removeprefix("charset=").rstrip("; ").removeprefix("3d")
    name = name.partition("//")[0].replace("_", "-")
    bare = name.removeprefix("x-").removeprefix("cs")
    page, iso = _PAGE.fullmatch(bare), _ISO.match(bare)
    for one in (name, bare, page and f"cp{page[1]}", iso and f"iso8859-{iso[1]}"):
        try:
            known = codecs.lookup(ALIASES.get(one or "", one or "")).name
        except (LookupError, ValueError):
            continue
        return "utf-8" if known in SLOW else ALIASES.get(known, known)
    return "utf-8"


def _strictly(raw: bytes, declared: str) -> str | None:
    for name in (declared, "utf-8", *SIBLINGS.get(declared, ())):
        try:
            return raw.decode("utf-8" if _is_rather_utf8(raw, name) else name)
        except (LookupError, ValueError):
            if name == "iso2022_jp_ext" and (found := _of_shifts(raw)):
                return found
    return None


def _is_rather_utf8(raw: bytes, name: str) -> bool:
    if raw.isascii() or not (_SINGLE.match(name) or _MANY.match(name)):
        return False
    return (bool(_SINGLE.match(name)) or len(_THREE.findall(raw)) >= CERTAIN) and _is_utf8(raw)


def _of_shifts(raw: bytes) -> str | None:
    """ISO-2022-JP with the letters that only Windows has, such as circled numbers: as the same in its own charset."""
    try:
        return _SHIFTED.sub(lambda run: _of_windows(run[1], run[2]), raw).decode("cp932") if raw.isascii() else None
    except ValueError:
        return None


def _of_windows(shift: bytes, run: bytes) -> bytes:
    if shift == b"(I":
        return bytes(byte | 0x80 for byte in run)
    if not shift.startswith(b"$"):
        return run
    return b"".join(_pair(row - 0x21, cell - 0x21) for row, cell in zip(run[::2], run[1::2], strict=False))


def _pair(row: int, cell: int) -> bytes:
    """Two rows of 94 letters share a first byte there, which leaves out 0x7F and the half-width letters."""
    return bytes([0x81 + row // 2 + row // 62 * 0x40, 0x9F + cell if row % 2 else 0x40 + cell + cell // 63])


def _guessed(raw: bytes) -> str | None:
    """Scripts that are not Latin; half a letter at the end is no matter."""
    words = b" ".join(one for one in _TAG.split(raw[: 4 * SAMPLE]) if not one.isascii())[:SAMPLE]
    pairs = _PAIR.findall(words)
    if len(set(pairs)) < FOREIGN or len(pairs) * 3 < len(_HIGH.findall(words)):
        return None
    best = from_bytes(words, cp_isolation=GUESSED, preemptive_behaviour=False).best()
    return raw.decode(best.encoding, "replace") if best and best.encoding not in LATIN else None


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


def as_text(value: str, charset: str | None = None) -> str:
    """A header as the parser gives it, with its 8-bit letters read; encoded words stay as they are.

    `charset`: of the text below. Who writes 8-bit letters into a header writes them in that.
    """
    return value if value.isascii() else decode(value.encode("utf-8", "surrogateescape"), charset)


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
