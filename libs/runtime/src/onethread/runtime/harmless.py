"""HTML of strangers, made harmless: what is listed here is kept, all else goes. Pure.

As it stands, what is kept neither runs nor fetches anything, wherever it is shown. A picture has the address that it
would be fetched from in `data-picture`, or the SHA-256 of the attachment that it is in `data-file`. Only one that is in
the HTML itself, as `data:`, has a `src`.
"""

import re
from collections.abc import Callable
from html import escape, unescape

import nh3

TAGS = {
    "a", "abbr", "address", "article", "b", "blockquote", "br", "caption", "center", "cite", "code", "col", "colgroup",
    "dd", "del", "details", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "font", "footer", "h1", "h2", "h3",
    "h4", "h5", "h6", "header", "hr", "i", "img", "ins", "kbd", "li", "main", "mark", "ol", "p", "pre", "q", "s",
    "samp", "section", "small", "span", "strike", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot",
    "th", "thead", "time", "tr", "tt", "u", "ul", "var",
}  # fmt: skip
_CELL = {"align", "bgcolor", "colspan", "height", "rowspan", "valign", "width"}
ATTRIBUTES = {
    "*": {"dir", "style", "title"},
    "a": {"href"},
    "font": {"color"},
    "img": {"alt", "data-file", "data-picture", "height", "src", "width"},
    "ol": {"start"},
    "table": {"align", "bgcolor", "border", "cellpadding", "cellspacing", "width"},
    "td": _CELL,
    "th": _CELL,
    "tr": {"align", "bgcolor", "valign"},
}
SIDES = ("", "-top", "-right", "-bottom", "-left")
STYLES = {
    "background", "background-color", "border-collapse", "border-color", "border-radius", "border-spacing",
    "border-style", "border-width", "color", "direction", "font", "font-family", "font-size", "font-style",
    "font-weight", "height", "letter-spacing", "line-height", "list-style-type", "max-width", "min-width",
    "text-align", "text-decoration", "text-transform", "vertical-align", "white-space", "width", "word-break",
    *(f"{what}{side}" for what in ("border", "margin", "padding") for side in SIDES),
}  # fmt: skip
"""None of these moves words out of sight or over others."""
SCHEMES = {"http", "https", "mailto", "tel"}
GONE = {"script", "style", "title", "template", "noscript", "svg", "math", "iframe", "object", "textarea", "select"}
"""These go with all that is in them."""
_VALUE = re.compile(r"(?:[\w\s#%.,'\"!]|(?<!\d)-(?!\d)|(?:rgb|hsl)a?\([\d\s,.%/]{1,40}\)){1,200}", re.IGNORECASE)
"""No address, no function but those of colours, no escape, nothing below zero."""
_DATA = {
    "data-picture": re.compile(r"https?://[^\s\"'<>]{1,2000}", re.IGNORECASE),
    "data-file": re.compile(r"[0-9a-f]{64}"),
    "src": re.compile(r"data:image/(?:png|jpe?g|gif|webp);base64,[\w+/=\s]{1,300000}", re.IGNORECASE | re.ASCII),
}
_BLANKS = re.compile(r"[\x00-\x20\x7f-\xa0]")
_PICTURE = re.compile(r"<img(?: [a-z-]+=\"[^\"]*\")*>")
_ATTRIBUTE = re.compile(r" ([a-z-]+)=\"([^\"]*)\"")


def harmless(markup: str) -> str:
    return nh3.clean(
        markup,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=_kept,
        clean_content_tags=GONE,
        url_schemes=SCHEMES | {"data"},
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
        generic_attribute_prefixes=set(),
    )


def _kept(_tag: str, name: str, value: str) -> str | None:
    if name == "style":
        return ";".join(filter(None, map(_declaration, value[:2_000].split(";")))) or None
    if name == "href":
        return None if _BLANKS.sub("", value).lower().startswith("data:") else value
    form = _DATA.get(name)
    return value if form is None or form.fullmatch(value) else None


def _declaration(one: str) -> str | None:
    name, _, value = one.partition(":")
    name, value = name.strip().lower(), value.replace("!important", "").strip()
    return f"{name}:{value}" if name in STYLES and _VALUE.fullmatch(value) else None


def pictures(clean: str) -> set[str]:
    """The addresses of pictures on other servers. `clean` comes from `harmless`."""
    return {address for tag in _PICTURE.findall(clean) for name, address in _data(tag) if name == "data-picture"}


def with_pictures(clean: str, source: Callable[[str, str], str | None]) -> str:
    """Each picture with the `src` that `source` gives for what it is (`data-picture` or `data-file`) and which."""

    def shown(found: re.Match[str]) -> str:
        sources = [src for name, value in _data(found[0]) if (src := source(name, value))]
        return f'<img src="{escape(sources[0])}"{found[0].removeprefix("<img")}' if sources else found[0]

    return _PICTURE.sub(shown, clean)


def _data(tag: str) -> list[tuple[str, str]]:
    return [(name, unescape(value)) for name, value in _ATTRIBUTE.findall(tag) if name.startswith("data-")]
