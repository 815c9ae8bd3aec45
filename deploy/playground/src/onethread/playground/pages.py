"""The three pages: plain files, with the few things that only the server knows written in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template

from onethread.playground.people import PEOPLE
from onethread.playground.settings import Settings

FOLDER = Path(__file__).parent / "pages"
PLACES = (("shop", "/", "Shop"), ("mail", "/mail", "Mail"), ("slack", "/slack", "Slack"))


def render(name: str, settings: Settings, **written: str) -> str:
    """The page `name` with its header and data, and `written` (HTML) in place of its `$names`."""
    about = {
        "people": [{"key": p.key, "name": p.name, "email": p.email, "slack_id": p.slack_id} for p in PEOPLE],
        "support_address": settings.support_address,
    }
    values = {
        **written,
        "header": _header(name, settings),
        "data": _json_in_html(about),
    }
    return Template(_read(f"{name}.html")).substitute(values)


def _header(current: str, settings: Settings) -> str:
    links = "".join(
        f'<a href="{path}"{" aria-current=page" if name == current else ""}>{label}</a>' for name, path, label in PLACES
    )
    return Template(_read("header.html")).substitute(links=links, inbox=escape(settings.inbox_url))


def _json_in_html(value: Mapping[str, object]) -> str:
    return json.dumps(value).replace("<", "\\u003c")


def _read(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")
