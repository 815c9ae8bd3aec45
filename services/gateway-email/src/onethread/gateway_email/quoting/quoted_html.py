"""The text of an HTML mail, with `> ` before what its client marked as quoted: pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

from lxml import html
from lxml.etree import LxmlError

from onethread.gateway_email.quoting.attributions import (
    BRACKETED,
    CHARACTERS,
    DATE,
    OPENING,
    is_attribution,
    seen,
)
from onethread.gateway_email.quoting.quote_phrases import FORWARDS, HISTORY_BELOW
from onethread.gateway_email.showing import markup

QUOTED, UNQUOTED, SIGNED, UNSIGNED = "\ue001", "\ue002", "\ue003", "\ue004"
"""Private characters that stand in the text where an element begins and ends. A mail's own are taken out."""
QUOTES = {
    "gmail_quote", "gmail_quote_container", "gmail_attr", "moz-cite-prefix", "yahoo_quoted", "protonmail_quote",
    "tutanota_quote", "zmail_extra", "cm_quote", "front-blockquote", "messagereplysection", "olk_src_body_section",
    "mail-editor-reference-message-container", "__quoted_text__", "freshdesk_quote",
    "gorgias-quote", "ntes-mailmaster-quote", "onethread-history",
}  # fmt: skip
HISTORY = {
    "divrplyfwdmsg", "outlookmessageheader", "appendonsend", "stopspelling", "zwchr", "replysplit", "__divider__",
}  # fmt: skip
"""From these on, all is history."""
SIGNATURES = {
    "gmail_signature", "gmail_signature_prefix", "moz-signature", "applemailsignature", "signature",
    "ms-outlook-mobile-signature", "protonmail_signature_block", "yahoo-signature", "ymail_signature",
    "zmail_signature_below", "tutanota_signature", "mail_signature", "data-signatureblock", "cm_signature",
    "__sig_post__", "linebreakatbeginningofsignature",
}  # fmt: skip
ATTRIBUTED = "attributed"
LEAD_CHARACTERS = 80
LEAD_ELEMENTS = 60
HEADER_CHARACTERS = 4_000
HEADER_ELEMENTS = 40
HEADER_FIELDS = 3
_NAMING = ("class", "id", "name", "data-marker")
_PRIVATE = re.compile("[\ue001-\ue004]")
_BORDER = re.compile(r"border-left(?:-style|-width)?\s*:(?!\s*(?:0|none))", re.IGNORECASE)
_RULED = re.compile(r"border-top\s*:\s*(?:[^\s;]{1,30}\s){0,2}solid|border-style\s*:\s*solid none none", re.IGNORECASE)
_NO_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Marked:
    text: str
    signed: frozenset[int]
    """The lines of a signature, by number."""


def marked(source: str) -> Marked | None:
    """None where the HTML is not tractable, or marks nothing."""
    if not markup.is_tractable(source):
        return None
    try:
        tree = markup.tree(source)
        if not _mark(tree):
            return None
        return _with_quote_signs(markup.as_text(markup.of_tree(tree)))
    except (LxmlError, ValueError, AssertionError, RecursionError):
        return None


def _mark(tree: html.HtmlElement) -> bool:
    count = 0
    cite_attributed(tree)
    for element in list(tree.iter()):
        _take_out_private(element)
        if not isinstance(element.tag, str):
            continue
        named = names(element)
        if is_quote(element, named):
            _enclose(element, QUOTED, UNQUOTED)
        elif begins_history(element, named) and element.getparent() is not None:
            element.addprevious(_line(HISTORY_BELOW))
        elif named & SIGNATURES:
            _enclose(element, SIGNED, UNSIGNED)
        else:
            continue
        count += 1
    return count > 0


def _take_out_private(element: html.HtmlElement) -> None:
    if element.text and isinstance(element.tag, str):
        element.text = _PRIVATE.sub("", element.text)
    if element.tail:
        element.tail = _PRIVATE.sub("", element.tail)


def names(element: html.HtmlElement) -> set[str]:
    """Classes and ids, in lower case and without their numbers."""
    if not element.keys():
        return set()
    words = " ".join(element.get(name) or "" for name in _NAMING).lower().split()
    if element.get("data-signatureblock"):
        words.append("data-signatureblock")
    return {word.rstrip("0123456789") for word in words}


def begins_history(element: html.HtmlElement, named: set[str]) -> bool:
    return bool(named & HISTORY) or (bool(_RULED.search(element.get("style") or "")) and _is_header(element))


def _is_header(element: html.HtmlElement) -> bool:
    """Outlook's box with a line on top: bold names of fields in whatever language, an address and a date."""
    bold = [(node.text or "").strip() for node in islice(element.iter("b", "strong"), HEADER_ELEMENTS)]
    if not HEADER_FIELDS <= sum(name.endswith((":", "：")) for name in bold) <= len(bold) < HEADER_ELEMENTS:
        return False
    said = seen(element.text_content())
    return len(said) < HEADER_CHARACTERS and bool(BRACKETED.search(said) and DATE.search(said))


def is_quote(element: html.HtmlElement, named: set[str]) -> bool:
    is_cited = element.tag == "blockquote" and (
        (element.get("type") or "").lower() == "cite"
        or bool(element.get("cite"))
        or bool(_BORDER.search(element.get("style") or ""))
    )
    return (is_cited or bool(named & QUOTES)) and not _is_forward(element)


def cite_attributed(tree: html.HtmlElement) -> None:
    """Marks blockquotes that nothing marks but `On …, Ana wrote:` above them, and those after answers to the first."""
    for element in tree.iter("blockquote"):
        above = next(element.itersiblings("blockquote", preceding=True), None)
        if (above is not None and above.get("cite") == ATTRIBUTED) or _is_attributed(element):
            element.set("cite", ATTRIBUTED)


def _is_attributed(element: html.HtmlElement) -> bool:
    """Right under `On …, Ana wrote:`. Without that an author may have indented his own words."""
    above = next(filter(_says_something, element.itersiblings(preceding=True)), None)
    if above is None:
        said = (element.getparent().text if element.getparent() is not None else "") or ""
    else:
        said = above.tail if (above.tail or "").strip() else _last_words(above)
    line = seen(" ".join((said or "")[-CHARACTERS:].split()))
    return line.endswith(":") and is_attribution(line, is_opened=bool(OPENING.match(line)), is_followed=False)


def _says_something(element: html.HtmlElement) -> bool:
    """A comment does not."""
    return isinstance(element.tag, str) or bool((element.tail or "").strip())


def _last_words(element: html.HtmlElement) -> str:
    """Those of a line, not of all that it holds: most end at once."""
    return element.text_content() if sum(1 for _ in islice(element.iter(), LEAD_ELEMENTS)) < LEAD_ELEMENTS else ""


def _is_forward(element: html.HtmlElement) -> bool:
    """What is forwarded is for us to read, whatever its client calls it."""
    said = ""
    for node in islice(element.iter(), LEAD_ELEMENTS):
        said += _NO_BLANKS.sub(" ", (node.text or "") + (node.tail or "" if node is not element else ""))
        if len(said) > LEAD_CHARACTERS:
            break
    return said.strip("-–—_=* ").lower().startswith(FORWARDS)


def _enclose(element: html.HtmlElement, before: str, after: str) -> None:
    first = _line(before)
    first.tail, element.text = element.text, None
    element.insert(0, first)
    element.append(_line(after))


def _line(mark: str) -> html.HtmlElement:
    line = html.Element("div")
    line.text = mark
    return line


def _with_quote_signs(text: str) -> Marked:
    quotes = signatures = 0
    lines: list[str] = []
    signed: set[int] = set()
    for line in text.splitlines():
        quotes += line.count(QUOTED)
        signatures += line.count(SIGNED)
        bare = _PRIVATE.sub("", line)
        if bare.strip() or bare == line:
            if signatures and not quotes:
                signed.add(len(lines))
            lines.append(f"> {bare.strip()}" if quotes else bare)
        quotes -= line.count(UNQUOTED)
        signatures -= line.count(UNSIGNED)
    return Marked("\n".join(lines), frozenset(signed))
