"""A mail's HTML as a page of its own, for the sandboxed frame in which teammates see it. Pure.

Three locks, each of which holds alone: only what is listed is in it, its policy forbids scripts and everything from
elsewhere, and the frame around it runs no scripts.
"""

from __future__ import annotations

import re
from urllib.parse import quote
from uuid import UUID

from onethread.runtime.harmless import harmless, with_pictures

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'none'; sandbox allow-popups allow-popups-to-escape-sandbox allow-same-origin"
)
"""`allow-same-origin` lets the inbox measure the page and the page load its pictures; scripts run nowhere in it."""
HEADERS = {
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_COLOURED = re.compile(r'<[^<>]* (?:bgcolor="|color="|style="(?:[^"]*;)?(?:background|background-color|color):)')
"""A mail with colours of its own counts on white paper, in the dark too."""
STYLE = """
:root{color-scheme:light dark;--text:#17181c;--quiet:#676b75;--line:#e2e2dd;--accent:#3a4ddb}
@media(prefers-color-scheme:dark){:root{--text:#ecedef;--quiet:#9398a3;--line:#3a3e48;--accent:#93a1ff}}
html.paper{color-scheme:light;background:#fff;--text:#17181c;--quiet:#676b75;--line:#e2e2dd;--accent:#3a4ddb}
html{background:transparent;overflow-x:auto;overflow-y:hidden}
body{display:flow-root;margin:0;padding:10px 14px;color:var(--text);overflow-wrap:anywhere;
font:400 14px/22px system-ui,-apple-system,"Segoe UI",sans-serif}
a{color:var(--accent)}
p{margin:0 0 8px}
ul,ol{margin:0 0 8px;padding-inline-start:20px}
img{max-width:100%;height:auto}
img:not([src]){display:inline-block;min-width:16px;min-height:16px;padding:2px 6px;border:1px dashed var(--line);
border-radius:4px;color:var(--quiet);font-size:12px;line-height:16px}
table{max-width:100%;border-collapse:collapse;font:inherit}
pre{white-space:pre-wrap}
blockquote{margin:0 0 8px;padding-inline-start:10px;border-inline-start:3px solid var(--line)}
details{margin-block:8px}
br:has(+details){display:none}
summary{inline-size:fit-content;color:var(--quiet);font-size:12px;line-height:16px;cursor:pointer}
details[open]>summary{margin-block-end:8px}
"""


def page(message_id: UUID, html: str, *, pictures: bool) -> str:
    """`pictures`: those of other servers are shown, by way of ours."""
    at = f"/api/v1/messages/{message_id}"

    def source(what: str, which: str) -> str | None:
        if what == "data-file":
            return f"{at}/attachments/{which}"
        return f"{at}/pictures?url={quote(which, safe='')}" if pictures else None

    said = with_pictures(harmless(html), source)
    paper = ' class="paper"' if _COLOURED.search(said) else ""
    return (
        f'<!doctype html><html{paper}><head><meta charset="utf-8"><title>Mail</title><base target="_blank">'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>{said}</body></html>'
    )
