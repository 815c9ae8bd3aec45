"""HTML of strangers, made harmless, and as text: pure."""

from __future__ import annotations

import re
from collections import Counter
from html import escape, unescape

import nh3
from inscriptis import get_text
from inscriptis.model.config import ParserConfig
from lxml.etree import LxmlError

TAGS = {
    "a", "abbr", "address", "article", "b", "blockquote", "br", "caption", "center", "cite", "code", "col", "colgroup",
    "dd", "del", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6",
    "header", "hr", "i", "ins", "kbd", "li", "main", "mark", "ol", "p", "pre", "q", "s", "samp", "section", "small",
    "span", "strike", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "time", "tr",
    "tt", "u", "ul", "var",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "title"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "ol": {"start"},
    "abbr": {"title"},
}
SCHEMES = {"http", "https", "mailto", "tel"}
GONE = {"script", "style", "title", "template", "noscript", "svg", "math", "iframe", "object", "textarea", "select"}
"""These go with all that is in them."""
LARGEST = 2_000_000
DEEPEST = 250
"""Sanitizing takes quadratic time in the depth, and the parser under `as_text` drops what lies deeper than this."""
UNNESTED = {
    "area", "base", "br", "col", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta", "option", "p",
    "param", "source", "td", "th", "tr", "track", "wbr",
}  # fmt: skip
"""Elements that hold nothing, or are closed by their successor."""
_BLANK_LINES = re.compile(r"\n[ \t]*\n\s*\n")
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,15})")
_MARKS = re.compile(r"<[^<>]*>")
_PLAIN = ParserConfig(display_links=False, display_images=False)


def is_tractable(markup: str) -> bool:
    """Whether it can be taken apart in a moment, as every mail that people write can."""
    return len(markup) <= LARGEST and _depth(markup) <= DEEPEST


def sanitized(markup: str) -> str | None:
    """What may be shown to a teammate: no script, style, form, frame or picture, and nothing that fetches.

    None where it is not tractable.
    """
    if not is_tractable(markup):
        return None
    return nh3.clean(
        markup,
        tags=TAGS,
        attributes=ATTRIBUTES,
        clean_content_tags=GONE,
        url_schemes=SCHEMES,
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
        generic_attribute_prefixes=set(),
    )


def as_text(markup: str) -> str:
    """The words of it, laid out in lines; only the words where it is not tractable."""
    harmless = sanitized(markup)
    if harmless is None:
        return unescape(_MARKS.sub(" ", markup))
    try:
        text = get_text(harmless, _PLAIN)
    except (LxmlError, ValueError, RecursionError, AssertionError, IndexError):
        text = unescape(nh3.clean(harmless, tags=set()))
    return _BLANK_LINES.sub("\n\n", "\n".join(line.rstrip() for line in text.splitlines())).strip("\n")


def of_text(text: str) -> str:
    return f"<p>{escape(text).replace(chr(10), '<br>')}</p>"


def _depth(markup: str) -> int:
    """The most elements that can be open at once."""
    count: Counter[str] = Counter()
    now = most = 0
    for tag in _TAG.finditer(markup):
        name = tag[2].lower()
        if name in UNNESTED:
            continue
        if not tag[1]:
            count[name] += 1
            now += 1
            most = max(most, now)
        elif count[name]:
            count[name] -= 1
            now -= 1
    return most
