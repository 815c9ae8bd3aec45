"""What a reply says, as text and as HTML: its words, their sources, the signature, and what was said before. Pure.

The styles stand in the elements, since mail programs drop style sheets, and none sets a colour of text or ground: so it
can be read where the program turns light into dark.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from onethread.contracts.mail import SaidBefore
from onethread.contracts.messages import Source
from onethread.contracts.replies import RequestedReply
from onethread.gateway_email.desks import Desk
from onethread.gateway_email.parsing import charsets
from onethread.gateway_email.showing import markup

SOURCE = "→"
"""Before the title of an article. A word would have to be in the language of the reply."""
SIGNATURE = "onethread-signature"
HISTORY = "onethread-history"
"""Class of the element with what was said before. `quoted_html` cuts there when it comes back."""
FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:15px;line-height:1.5"
MONO = "font-family:ui-monospace,Consolas,monospace;font-size:13px"
BAR = "border-left:3px solid #8c959f"
STYLES = {
    "p": "margin:0 0 12px",
    "ul": "margin:0 0 12px;padding-left:24px",
    "ol": "margin:0 0 12px;padding-left:24px",
    "blockquote": f"margin:0 0 12px;padding:0 0 0 12px;{BAR}",
    "pre": f"margin:0 0 12px;padding:8px 12px;white-space:pre-wrap;{BAR};{MONO}",
    "code": MONO,
    "h1": "margin:0 0 12px;font-size:20px",
    "h2": "margin:0 0 12px;font-size:18px",
    "h3": "margin:0 0 12px;font-size:16px",
    "h4": "margin:0 0 12px;font-size:15px",
}
DOCUMENT = """<!doctype html>
<html><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"></head>
<body><div style="{font}">
{said}
</div></body></html>
"""
_PLAIN_TAG = re.compile(rf"<({'|'.join(STYLES)})>")


def text(reply: RequestedReply, desk: Desk, before: SaidBefore | None) -> str:
    lines = [f"{SOURCE} {one_line(s.title)}{f': {url}' if (url := _link(s)) else ''}" for s in reply.sources]
    signature = _named(desk.signature, reply, desk).strip()
    parts = [reply.text.strip(), "\n".join(lines), f"-- \n{signature}" if signature else "", _quoted(before)]
    return "\n\n".join(filter(None, parts)) + "\n"


def html(reply: RequestedReply, desk: Desk, before: SaidBefore | None) -> str:
    shown = markup.sanitized(reply.html) or markup.of_text(reply.text)
    signature = markup.sanitized(_named(desk.signature_html, reply, desk, escaped=True))
    parts = [shown, _source_list(reply.sources), _element(SIGNATURE, signature), _element(HISTORY, _cited(before))]
    said = _PLAIN_TAG.sub(lambda tag: f'<{tag[1]} style="{STYLES[tag[1]]}">', "\n".join(filter(None, parts)))
    return DOCUMENT.format(font=FONT, said=said)


def sender_name(reply: RequestedReply, desk: Desk) -> str:
    """`{name} at Acme`; where nobody is named, what the address is called."""
    name = one_line(reply.author.name or "")
    return one_line(desk.sender.replace("{name}", name)) if name else desk.name


def one_line(value: str) -> str:
    return " ".join(charsets.clean(value).split())


def _named(signature: str, reply: RequestedReply, desk: Desk, *, escaped: bool = False) -> str:
    name = one_line(reply.author.name or "") or desk.name
    return signature.replace("{name}", escape(name) if escaped else name)


def _element(name: str, said: str | None) -> str:
    return f'<div class="{name}">{said}</div>' if said else ""


def _attribution(before: SaidBefore) -> str:
    """Without a word, so in every language. Our own reader of quotes knows a date and an address before a colon."""
    address = f" <{before.address}>" if before.address else ""
    return f"{one_line(before.author)}{address}, {before.said_at:%Y-%m-%d %H:%M %Z}:".strip()


def _quoted(before: SaidBefore | None) -> str:
    if before is None:
        return ""
    lines = [f"> {line}".rstrip() for line in before.text.strip().splitlines()]
    return "\n".join([_attribution(before), *lines])


def _cited(before: SaidBefore | None) -> str:
    if before is None:
        return ""
    said = markup.sanitized(before.html) if before.html else markup.of_text(before.text.strip())
    return f"<p>{escape(_attribution(before))}</p>\n<blockquote>{said}</blockquote>"


def _source_list(sources: Sequence[Source]) -> str:
    if not sources:
        return ""
    lines = "<br>".join(f"{SOURCE} {_source(source)}" for source in sources)
    return f"<p>{lines}</p>"


def _source(source: Source) -> str:
    title, url = escape(one_line(source.title)), _link(source)
    return f'<a href="{escape(url)}">{title}</a>' if url else title


def _link(source: Source) -> str | None:
    """An address that a reader can follow from anywhere."""
    url = one_line(source.url or "").replace(" ", "%20")
    return url if url.startswith(("https://", "http://")) else None
