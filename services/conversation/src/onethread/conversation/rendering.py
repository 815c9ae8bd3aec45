"""Markdown of a reply to the HTML that a customer's mail or widget may show."""

from __future__ import annotations

from functools import cache

import nh3
from markdown_it import MarkdownIt

TAGS = {"p", "br", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a", "h1", "h2", "h3", "h4"}


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "breaks": True}).disable("image")


def to_html(markdown: str) -> str:
    html = _markdown().render(markdown).strip()
    if "<a " not in html and "<pre" not in html:
        return html  # every tag in it is the renderer's own
    return nh3.clean(html, tags=TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https", "mailto"})
