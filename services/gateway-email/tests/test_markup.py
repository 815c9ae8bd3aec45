from __future__ import annotations

import json
import re
import time
from html.parser import HTMLParser
from pathlib import Path

from onethread.gateway_email import markup, mime

FORBIDDEN = {
    "script",
    "style",
    "form",
    "input",
    "iframe",
    "object",
    "embed",
    "base",
    "meta",
    "link",
    "svg",
    "math",
    "img",
}


class Elements(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_no_hostile_snippet_keeps_anything_that_runs_or_fetches(email_fixtures: Path):
    payloads = json.loads((email_fixtures / "html_xss" / "payloads.json").read_text())
    for payload in payloads:
        for tag, attributes in Elements(markup.sanitized(payload["payload"])).found:
            assert tag not in FORBIDDEN, payload["title"]
            assert not [name for name in attributes if name.startswith("on") or name in ("style", "src", "id", "class")]
            assert re.match(r"(https?|mailto|tel):", attributes.get("href") or "http:"), payload["title"]


def test_nothing_is_fetched_from_inner_addresses(email_fixtures: Path):
    mail = mime.parse((email_fixtures / "own" / "remote_images_to_inner_addresses.eml").read_bytes())
    expected = json.loads((email_fixtures / "own" / "expected.json").read_text())
    shown = markup.sanitized(mail.html or "")
    for word in expected["remote_images_to_inner_addresses.eml"]["rendered_html_must_not_contain"]:
        assert word not in shown


def test_large_and_deep_html_is_read_in_time():
    for hostile in ("<div>" * 20_000 + "end", "<p>word</p>" * 50_000, "<" * 200_000, "<a href='" * 20_000):
        started = time.perf_counter()
        markup.as_text(hostile)
        assert time.perf_counter() - started < 5
