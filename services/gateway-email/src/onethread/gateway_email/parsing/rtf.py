"""Rich text as Outlook sends it (MS-OXRTFCP, MS-OXRTFEX): unpacked, read as text or as the HTML it is made from."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from onethread.gateway_email.parsing import charsets

LARGEST = 1_000_000
PACKED, STORED = b"LZFu", b"MELA"
KNOWN = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor "
    b"MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    b"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
"""What both sides have in the window at the start."""
WINDOW = 4096
SILENT = {"fonttbl", "colortbl", "stylesheet", "info", "pict", "object", "header", "footer", "headerl", "footnote"}
"""Groups that are not words of the writer."""
MARKS = {
    "par": "\n", "line": "\n", "sect": "\n", "page": "\n", "row": "\n", "tab": "\t", "cell": "\t", "lquote": "‘",
    "rquote": "’", "ldblquote": "“", "rdblquote": "”", "bullet": "•", "endash": "–", "emdash": "—",
}  # fmt: skip
_TOKEN = re.compile(
    rb"\\'([0-9a-fA-F]{2})|\\([a-zA-Z]{1,32})(-?\d{1,9})?[ ]?|\\(.)|([{}])|[\r\n]+|([^\\{}\r\n]+)", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Said:
    plain: str = ""
    html: str = ""


def unpacked(raw: bytes) -> bytes:
    """As far as it goes, and no more than a million bytes."""
    kind = raw[8:12]
    if kind == STORED:
        return raw[16:][:LARGEST]
    return _inflated(raw) if kind == PACKED else b""


def _inflated(raw: bytes) -> bytes:
    """Each bit of a control byte says whether a letter follows, or where in the window to find two to seventeen."""
    window = bytearray(KNOWN)
    start, at = len(window), 16
    while at < len(raw) and len(window) < LARGEST:
        control, at = raw[at], at + 1
        for bit in range(8):
            if not control >> bit & 1:
                window += raw[at : at + 1]
                at += 1
                continue
            if at + 2 > len(raw):
                return bytes(window[start:])
            (pair,) = struct.unpack_from(">H", raw, at)
            at += 2
            back = (len(window) - (pair >> 4)) % WINDOW
            if not back or back > len(window):  # a reference to the place where we are ends it
                return bytes(window[start:])
            for _ in range((pair & 15) + 2):
                window.append(window[-back])
    return bytes(window[start:])


@dataclass(slots=True)
class _State:
    is_silent: bool = False
    is_tag: bool = False
    is_rtf_only: bool = False
    skips: int = 1
    """Letters that stand for a Unicode one where that can't be read."""


def read(raw: bytes) -> Said:
    is_html = b"\\fromhtml" in raw[:2000]
    page = re.search(rb"\\ansicpg(\d{1,5})", raw[:2000])
    said = _Reader(is_html, f"cp{page[1].decode()}" if page else "cp1252").read(raw[:LARGEST])
    return Said(html=said) if is_html else Said(plain=said.strip())


class _Reader:
    def __init__(self, is_html: bool, charset: str) -> None:
        self.is_html, self.charset = is_html, charset
        self.out: list[str] = []
        self.pending = bytearray()
        self.state, self.outer = _State(), list[_State]()
        self.to_skip, self.is_starred = 0, False

    def read(self, raw: bytes) -> str:
        for token in _TOKEN.finditer(raw):
            code, word, number, sign, brace, text = token.groups()
            if code or text:
                self._letters(bytes([int(code, 16)]) if code else text)
            elif word:
                self._word(word.decode(), int(number) if number else None)
            elif sign:
                self._sign(sign)
            elif brace:
                self._brace(brace)
        self._flush()
        return "".join(self.out)

    def _letters(self, letters: bytes) -> None:
        skipped = min(self.to_skip, len(letters))
        self.to_skip -= skipped
        if self._speaks():
            self.pending += letters[skipped:]

    def _speaks(self) -> bool:
        state = self.state
        return not state.is_silent and (state.is_tag or not (self.is_html and state.is_rtf_only))

    def _word(self, word: str, number: int | None) -> None:
        state = self.state
        if word == "htmltag":
            state.is_tag, state.is_silent = True, False
        elif self.is_starred or word in SILENT:
            state.is_silent = True
        elif word == "htmlrtf":
            state.is_rtf_only = number != 0
        elif word == "uc":
            state.skips = min(max(number or 0, 0), 10)
        elif word == "u" and number is not None:
            self._say(chr(number % 65536))
            self.to_skip = state.skips
        elif word in MARKS:
            self._say(MARKS[word])
        self.is_starred = False

    def _sign(self, sign: bytes) -> None:
        if sign == b"*":
            self.is_starred = True
        elif sign in (b"\\", b"{", b"}"):
            self._letters(sign)
        elif sign == b"~":
            self._say(" ")
        elif sign in (b"\n", b"\r"):
            self._say("\n")

    def _brace(self, brace: bytes) -> None:
        self.to_skip, self.is_starred = 0, False
        if brace == b"{":
            now = self.state
            self.outer.append(now)
            self.state = _State(now.is_silent, now.is_tag, now.is_rtf_only, now.skips)
        elif self.outer:
            self.state = self.outer.pop()

    def _say(self, text: str) -> None:
        if self._speaks():
            self._flush()
            self.out.append(text)

    def _flush(self) -> None:
        """Letters of several bytes are spread over several codes: they are decoded together."""
        if self.pending:
            self.out.append(charsets.decode(bytes(self.pending), self.charset))
            self.pending.clear()
