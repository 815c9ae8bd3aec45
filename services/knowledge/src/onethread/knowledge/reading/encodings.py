"""Bytes to text, whatever they were written in."""

import codecs

from charset_normalizer import from_bytes

from onethread.knowledge.reading.parts import UnreadableError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Enough to tell encodings apart; guessing on more takes seconds.
_SAMPLE = 100_000


def decode(content: bytes, charset: str | None = None) -> str:
    """By its mark, as UTF-8, as its sender says, else as it looks. Raises `UnreadableError` for what is no text."""
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    for encoding in filter(None, (marked, "utf-8", charset)):
        try:
            return _text(content.decode(encoding))
        except (UnicodeDecodeError, LookupError):
            continue
    guess = from_bytes(content[:_SAMPLE]).best()
    if guess is None:
        raise UnreadableError("it is not text in any known encoding")
    return _text(content.decode(guess.encoding, errors="replace"))


def _text(text: str) -> str:
    if "\x00" in text:
        raise UnreadableError("it is not text but binary")
    return text.replace("\r\n", "\n").replace("\r", "\n")
