"""Sentences of a text, also of one that is still being written. Pure."""

import re

_MARK = r"[\"”»')\]*_]*"
_CITED = r"(?:\s?\[\d{1,2}(?:\s?,\s?\d{1,2})*\])*"
_SHORT = (
    "e.g",
    "i.e",
    "etc",
    "approx",
    "No",
    "Nr",
    "no",
    "nr",
    "Dr",
    "Mr",
    "Mrs",
    "z.B",
    "d.h",
    "ca",
    "bzw",
    "vs",
    "p.m",
    "a.m",
)
_NOT_AFTER = "".join(rf"(?<!\b{re.escape(word)}\.)" for word in _SHORT)
_END = re.compile(
    rf"(?:[.!?…]{_NOT_AFTER}{_MARK}{_CITED}|(?<=\]))(?P<space>\s+)(?=[^\s\[a-zà-öø-ÿ])|"
    rf"[。！？]{_MARK}{_CITED}(?P<none>\s*)(?=[^\s\[。！？\"”»')\]*_])|{_CITED}(?P<line>\s*\n\s*)(?=\S)"
)
_ITEM_NUMBER = re.compile(r"\s*\d{1,2}\.")


def sentences(text: str) -> list[tuple[str, str]]:
    """Each sentence and the space that follows it. Citations behind the full stop belong to what they follow."""
    found, rest = begun(text)
    return [*found, *([(rest, "")] if rest.strip() else [])]


def begun(text: str) -> tuple[list[tuple[str, str]], str]:
    """The sentences that are certainly over, and the rest."""
    found: list[tuple[str, str]] = []
    start = 0
    for match in _END.finditer(text):
        group = next(name for name in ("space", "none", "line") if match[name] is not None)
        end = match.start(group)
        if _ITEM_NUMBER.fullmatch(text[start:end]) and group == "space":
            continue
        if text[start:end].strip():
            found.append((text[start:end], match[group]))
        start = match.end(group)
    return found, text[start:]
