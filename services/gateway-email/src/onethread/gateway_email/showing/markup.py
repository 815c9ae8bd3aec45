"""HTML of strangers, made harmless, and as text: pure."""

from __future__ import annotations

import re
from collections import Counter
from html import escape, unescape

import nh3
from inscriptis import get_text
from inscriptis.css_profiles import STRICT_CSS_PROFILE
from inscriptis.model.config import ParserConfig
from lxml.etree import LxmlError
from lxml.html import HtmlElement, HTMLParser, document_fromstring, tostring

from onethread.runtime.harmless import GONE, TAGS, harmless

LAID_OUT = {"ol": {"start"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}
"""What counts for the layout of a text."""
LARGEST = 2_000_000
WORK = 100_000_000
"""Letters times depth: sanitizing takes about a second for it."""
DEEPEST = 250
"""Sanitizing takes quadratic time in the depth, and the parser under `as_text` drops what lies deeper than this."""
UNNESTED = {
    "area", "base", "br", "col", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta", "option", "p",
    "param", "source", "td", "th", "tr", "track", "wbr",
}  # fmt: skip
"""Elements that hold nothing, or are closed by their successor."""
_BLANK_LINES = re.compile(r"\n[ \t]*\n\s*\n")
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,15})[^>]*")
"""To its end: what looks like another tag within it is none."""
_MARKS = re.compile(r"<[^<>]*>")
_BARE_ADDRESS = re.compile(r"<([^\s<>@\"'=/]{1,64}@[^\s<>@\"'=/]{1,253})>")
"""Phones write `Jane <jane@x.example> wrote:` into HTML as it stands. No element has such a name."""
_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"
    r"|&#0*(?:[0-8]|1[124-9]|2\d|3[01])(?!\d);?|&#x0*(?:[0-8bcef]|1[0-9a-f]|fff[ef])(?![0-9a-f]);?",
    re.IGNORECASE,
)
"""Letters that a tree may hold once it is read, and refuses when they are moved in it."""
_PARSER = HTMLParser(encoding="utf-8")
_PLAIN = ParserConfig(css=STRICT_CSS_PROFILE, display_links=False, display_images=False)


def is_tractable(markup: str) -> bool:
    """Whether it can be taken apart in a moment, as every mail that people write can."""
    if len(markup) > LARGEST:
        return False
    depth = _depth(markup)
    return depth <= DEEPEST and depth * len(markup) <= WORK


def sanitized(markup: str) -> str | None:
    """What may be shown to a teammate: it runs nothing and fetches nothing. None where it is not tractable."""
    markup = bared(markup)
    return bounded(harmless(markup)) if is_tractable(markup) else None


def bounded(clean: str) -> str | None:
    """None where it is too deep after all: whoever shows it sanitizes it again. In clean HTML the depth can be told for
    sure, in any other it is a guess.
    """
    return clean if _depth(clean) <= DEEPEST else None


def bared(markup: str) -> str:
    return _BARE_ADDRESS.sub(r"&lt;\1&gt;", markup)


def tree(markup: str) -> HtmlElement:
    """Raises LxmlError or ValueError."""
    markup = _CONTROL.sub("", bared(markup))
    return document_fromstring(markup.encode("utf-8", "replace"), parser=_PARSER)


def of_tree(tree: HtmlElement) -> str:
    return str(tostring(tree, encoding="unicode"))


def as_text(markup: str) -> str:
    """The words of it, laid out in lines; only the words where it is not tractable."""
    markup = bared(markup)
    if not is_tractable(markup):
        return unescape(_MARKS.sub(" ", markup))
    words = nh3.clean(markup, tags=TAGS, attributes=LAID_OUT, clean_content_tags=GONE)
    try:
        text = get_text(words, _PLAIN)
    except (LxmlError, ValueError, RecursionError, AssertionError, IndexError):
        text = unescape(nh3.clean(words, tags=set()))
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
