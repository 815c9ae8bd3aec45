from __future__ import annotations

import json
import re
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest

from onethread.gateway_email.parsing import mime
from onethread.gateway_email.showing import markup, shown

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
}
FETCHES = re.compile(r"url\(|expression|@import|\\\\", re.IGNORECASE)


class Elements(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_no_hostile_snippet_keeps_anything_that_runs_or_fetches(email_fixtures: Path):
    payloads = json.loads((email_fixtures / "html_xss" / "payloads.json").read_text())
    assert len(payloads) > 100
    for payload in payloads:
        raw = b"From: a@x.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + payload["payload"].encode()
        for clean in (markup.sanitized(payload["payload"]), shown.shown(mime.parse(raw))):
            for tag, attributes in Elements(clean or "").found:
                assert tag not in FORBIDDEN, payload["title"]
                assert not [name for name in attributes if name.startswith("on") or name in ("id", "class")]
                assert not FETCHES.search(attributes.get("style") or ""), payload["title"]
                assert (attributes.get("src") or "data:image/").startswith("data:image/"), payload["title"]
                assert re.match(r"(https?|mailto|tel):", attributes.get("href") or "http:"), payload["title"]


def test_nothing_is_fetched_from_inner_addresses_and_no_spy_is_kept(email_fixtures: Path):
    mail = mime.parse((email_fixtures / "own" / "remote_images_to_inner_addresses.eml").read_bytes())
    expected = json.loads((email_fixtures / "own" / "expected.json").read_text())
    for word in expected["remote_images_to_inner_addresses.eml"]["rendered_html_must_not_contain"]:
        assert word not in (shown.shown(mail) or "")


@pytest.mark.parametrize(
    "hostile",
    ["<div>" * 200_000, "<div></x>" * 100_000, "<div><table><td></div>" * 20_000, "<p>word</p>" * 150_000,
     "<" * 1_000_000, "<a href='" * 50_000, "<b><p>" * 50_000, "<div cl.</div>" * 100_000,
     "<li><p>" * 100_000, "<!--" * 100_000],
)  # fmt: skip
def test_hostile_html_is_read_in_time(hostile: str):
    started = time.process_time()
    markup.sanitized(hostile)
    markup.as_text(hostile)
    assert time.process_time() - started < 10


def test_what_is_deeper_than_it_looks_is_not_kept():
    """Whoever shows it sanitizes it again, and that takes quadratic time in the depth."""
    assert markup.sanitized("<div><table></div></table>" * 100)
    assert markup.sanitized("<div><table></div></table>" * 400) is None


@pytest.mark.parametrize("depth", [1, markup.DEEPEST - 1, markup.DEEPEST + 1, 20_000])
def test_no_word_is_lost_however_deep_it_lies(depth: int):
    assert markup.as_text("<div>" * depth + "word &amp; word").split() == ["word", "&", "word"]


def test_an_address_that_stands_unescaped_in_html_is_not_lost():
    assert (
        markup.as_text("<p>On Monday, Jane <jane@x.example> wrote:<br>Hi</p>")
        == "On Monday, Jane <jane@x.example> wrote:\nHi"
    )
