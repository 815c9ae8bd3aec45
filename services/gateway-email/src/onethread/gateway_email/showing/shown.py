"""A mail's HTML as teammates see it: history and signature folded, pictures at rest, real hosts named. Pure."""

from __future__ import annotations

import ipaddress
import re
from html import escape
from urllib.parse import unquote, urlsplit

from lxml import html
from lxml.etree import LxmlError
from lxml.html import HtmlElement

from onethread.gateway_email.parsing.mime import Mail
from onethread.gateway_email.showing import folding, markup
from onethread.runtime.addresses import reason_to_refuse
from onethread.runtime.fetching import RefusedError, normal
from onethread.runtime.harmless import harmless

SPY = re.compile(r"\s*[01](?:\.\d*)?(?:px)?\s*")
"""As wide or high as this, a picture is there to tell its sender that the mail was read."""
SPY_STYLE = re.compile(
    r"(?:^|;)\s*(?:max-)?(?:width|height)\s*:\s*[01](?:\.\d*)?(?:px)?\s*(?:!important\s*)?(?:;|$)", re.IGNORECASE
)
HERE = ("localhost", ".localhost", ".local", ".internal")
FOLDED_CHARACTERS = 500_000
"""More than people write is shown as it is."""
UNPACKED_CHARACTERS = 200_000
"""A larger picture that stands in the HTML itself would crowd out the words."""
ATTACHED = 20
"""Of the mails attached to one, so many are shown with it; all can be saved."""
_INSIDE = re.compile(r"data:image/(?:png|jpe?g|gif|webp);base64,", re.IGNORECASE)
_NAMED = re.compile(
    r"(?:(?:https?:)?//)?(?:[^\s/@]{1,64}@)?((?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24})(?::\d+)?(?:[/?#]\S*)?", re.IGNORECASE
)
_LINK = re.compile(r"https?://[^\s<>\"']{1,2000}", re.IGNORECASE)
_AFTER = ".,;:!?)]}*_"


def shown(mail: Mail, *, passes_on: bool = False) -> str | None:
    """None where the text says it all: no HTML, nothing to fold, no mail attached. Also where it is not tractable.

    `passes_on`: it is a forward, of which nothing is folded.
    """
    own = _own(mail, passes_on=passes_on)
    within = "".join(map(_folded_mail, mail.attached[:ATTACHED])) if mail.has_words else ""
    if not within:
        return own
    own = own or markup.sanitized(_linked(markup.of_text(mail.text)))
    return (markup.bounded(own + within) or own) if own else None


def _folded_mail(mail: Mail) -> str:
    """An attached mail as it can be read where it stands."""
    who, about = mail.header("From")[:300], mail.header("Subject")[:300] or "no subject"
    said = _own(mail) or markup.sanitized(_linked(markup.of_text(mail.text))) or ""
    when = f", {date[:100]}" if (date := mail.header("Date")) else ""
    head = f"<summary>Attached mail: {escape(about)}</summary><p>From {escape(who)}{escape(when)}</p>"
    return f"<details>{head}<div>{said}</div></details>"


def _own(mail: Mail, *, passes_on: bool = False) -> str | None:
    rich = mail.html
    source = rich if rich is not None else _linked(markup.of_text(mail.text))
    if not source.strip() or not markup.is_tractable(source):
        return None
    try:
        tree = markup.tree(source)
        is_folded = not passes_on and len(source) <= FOLDED_CHARACTERS and folding.fold(tree)
        _prepare(tree, {id_: one.sha256 for one in mail.attachments for id_ in one.ids})
        source = markup.of_tree(tree)
    except (LxmlError, ValueError, AssertionError, RecursionError):
        is_folded = False
    return markup.bounded(harmless(markup.bared(source))) if rich is not None or is_folded else None


def _prepare(tree: HtmlElement, files: dict[str, str]) -> None:
    for image in list(tree.iter("img")):
        if _is_spy(image):
            image.drop_tree()
        else:
            _put_to_rest(image, files)
    for link in list(tree.iter("a")):
        _name_host(link)


# Pictures


def _is_spy(image: HtmlElement) -> bool:
    sizes = image.get("width"), image.get("height")
    return any(size and SPY.fullmatch(size) for size in sizes) or bool(SPY_STYLE.search(image.get("style") or ""))


def _put_to_rest(image: HtmlElement, files: dict[str, str]) -> None:
    """What it would be fetched from becomes data. Pictures in inner networks lose their address: nobody sent them."""
    source = (image.attrib.pop("src", None) or "").strip()
    for name in ("data-file", "data-picture"):
        image.attrib.pop(name, None)
    file = files.get(unquote(source[4:])) if source[:4].lower() == "cid:" else files.get(source)
    if file:
        image.set("data-file", file)
    elif _INSIDE.match(source):
        if len(source) <= UNPACKED_CHARACTERS:
            image.set("src", source)
    elif address := _address(source):
        image.set("data-picture", address)
    if image.get("alt") is None:
        image.set("alt", "Picture")


def _address(source: str) -> str | None:
    try:
        address = normal(f"https:{source}" if source.startswith("//") else source)
    except RefusedError:
        return None
    host = urlsplit(address).hostname or ""
    try:
        is_inner = reason_to_refuse(str(ipaddress.ip_address(host))) is not None
    except ValueError:
        is_inner = host.endswith(HERE) or "." not in host
    return None if is_inner else address


# Links


def _linked(text: str) -> str:
    """Addresses in a text as links."""

    def link(found: re.Match[str]) -> str:
        address = found[0].rstrip(_AFTER)
        return f'<a href="{address}">{address}</a>{found[0][len(address) :]}'

    return _LINK.sub(link, text)


def _name_host(link: HtmlElement) -> None:
    """Where the text of a link names a host, and the link leads to another, that one stands behind it."""
    real = _host(link.get("href") or "")
    if not real:
        return
    link.set("title", real)
    named = _NAMED.fullmatch(" ".join(link.text_content().split()).strip("<>()[]"))
    if named and not _is_within(real, _ascii(named[1])):
        note = html.Element("small")
        note.text = f" [leads to {real}]"
        link.append(note)


def _host(address: str) -> str:
    try:
        parts = urlsplit(address.strip())
        host = parts.path.partition("?")[0].rpartition("@")[2] if parts.scheme == "mailto" else parts.hostname
    except ValueError:
        return ""
    return _ascii(unquote(host or "")) if parts.scheme in ("http", "https", "mailto") else ""


def _ascii(host: str) -> str:
    """As it is asked for: letters of other scripts that look like ours are told apart."""
    try:
        return host.encode("idna").decode("ascii").lower().rstrip(".")
    except UnicodeError:
        return host.lower()


def _is_within(real: str, named: str) -> bool:
    real, named = real.removeprefix("www."), named.removeprefix("www.")
    return real == named or real.endswith(f".{named}")
