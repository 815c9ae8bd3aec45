from __future__ import annotations

import json
import re
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest

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
        for tag, attributes in Elements(markup.sanitized(payload["payload"]) or "").found:
            assert tag not in FORBIDDEN, payload["title"]
            assert not [name for name in attributes if name.startswith("on") or name in ("style", "src", "id", "class")]
            assert re.match(r"(https?|mailto|tel):", attributes.get("href") or "http:"), payload["title"]


def test_nothing_is_fetched_from_inner_addresses(email_fixtures: Path):
    mail = mime.parse((email_fixtures / "own" / "remote_images_to_inner_addresses.eml").read_bytes())
    expected = json.loads((email_fixtures / "own" / "expected.json").read_text())
    shown = markup.sanitized(mail.html or "") or ""
    for word in expected["remote_images_to_inner_addresses.eml"]["rendered_html_must_not_contain"]:
        assert word not in shown


@pytest.mark.parametrize(
    "hostile",
    ["<div>" * 200_000, "<div></x>" * 100_000, "<div><table><td></div>" * 20_000, "<p>word</p>" * 150_000,
     "<" * 1_000_000, "<a href='" * 50_000, "<b><p>" * 50_000, "<li><p>" * 100_000, "<!--" * 100_000],
)  # fmt: skip
def test_hostile_html_is_read_in_time(hostile: str):
    started = time.process_time()
    markup.sanitized(hostile)
    markup.as_text(hostile)
    assert time.process_time() - started < 4


@pytest.mark.parametrize("depth", [1, markup.DEEPEST - 1, markup.DEEPEST + 1, 20_000])
def test_no_word_is_lost_however_deep_it_lies(depth: int):
    assert markup.as_text("<div>" * depth + "word &amp; word").split() == ["word", "&", "word"]
