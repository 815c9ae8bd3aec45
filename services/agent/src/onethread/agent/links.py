"""Links, addresses and domains in a text, however they are written. Pure."""

import html
import re
import unicodedata
from urllib.parse import unquote

_LINK = re.compile(
    r"!\[|[<‹][a-z/!?]|\]:|"  # an image, raw HTML and a reference definition have no place in an answer
    r"\]\(\s*<?([^)>\s]*)|"
    r"((?:[a-z][a-z0-9+.-]{1,20}:)?//[^\s<>\"')\]]+)|"
    r"((?:mailto|javascript|data|tel|sms|file|vbscript|blob|intent):[^\s<>\"')\]]+)|"
    r"([\w.+-]+@[\w-]+(?:\.[\w-]+)+)|"
    r"((?<![\w@.])(?:[\w-]+\.)+(?:xn--[a-z0-9-]+|[^\W\d_]{2,24})\b\.?(?:[/?#:][^\s<>\"')\]]*)?)|"
    r"((?<![\w.:/])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])(?:[/:][^\s<>\"')\]]*)?)",
    re.IGNORECASE,
)
_DEFANGED = re.compile(
    r"\w\s?(?:\[\s?\.\s?\]|\(\s?\.\s?\)|\{\s?\.\s?\}|[\[({]\s?(?:dot|at|punkt|point|punto)\s?[\])}])\s?\w|"
    r"\bhxxps?\b|\b\w+ dot (?:com|net|org|io|co|info|biz|app|dev|shop|site|online|example)\b",
    re.IGNORECASE,
)
"""evil[.]example, evil (dot) com: written so that a person puts it together."""
_DOTS = re.compile("(?<=[^\\W_])[。．｡․](?=[^\\W_])")


def links(text: str) -> set[str]:
    """Every link target, address and bare domain; images, raw HTML and what is taken apart as what they begin with."""
    found: set[str] = set()
    for written in {text, html.unescape(text), unquote(text)}:
        plain = _DOTS.sub(_dot, unicodedata.normalize("NFKC", written))
        found |= {_target(match) for match in _LINK.finditer(plain)}
        found |= {match[0] for match in _DEFANGED.finditer(plain)}
    return found


def without_links(text: str) -> str:
    return _LINK.sub(" ", text)


def _dot(match: re.Match[str]) -> str:
    """Browsers take the full stop of Chinese for a dot. Between two words of that script it is one."""
    return "." if match.string[match.start() - 1].isascii() else match[0]


def _target(match: re.Match[str]) -> str:
    target = next((group for group in match.groups() if group), match[0])
    return target.rstrip(".,;:!?*_")
