"""What a person types becomes what Slack sends: `rich_text` elements and escaped mrkdwn text."""

from __future__ import annotations

import re
from typing import Any

from onethread.playground.people import BOT_NAME, BOT_TITLE, BOT_USER, PEOPLE

_NAMES = {
    BOT_NAME: BOT_USER,
    BOT_TITLE.lower(): BOT_USER,
    **{p.name.lower(): p.slack_id for p in PEOPLE},
    **{p.key: p.slack_id for p in PEOPLE},
}
_IDS = frozenset(_NAMES.values())
_TOKEN = re.compile(
    r"<@(?P<id>[UW][A-Z0-9]+)>"
    r"|(?<![\w@])@(?P<name>" + "|".join(re.escape(name) for name in sorted(_NAMES, key=len, reverse=True)) + r")(?!\w)"
    r"|(?P<link>https?://[^\s<>]*[^\s<>.,;:!?)'\"])",
    re.IGNORECASE,
)

Element = dict[str, Any]


def elements(typed: str) -> list[Element]:
    """Text, `user` and `link` elements. `@onethread` (or the bot's title), `@Ana Ruiz` and `<@U…>` are mentions."""
    found: list[Element] = []
    end = 0
    for match in _TOKEN.finditer(typed):
        element = _element(match)
        if element is None:
            continue
        found += [*_plain(typed[end : match.start()]), element]
        end = match.end()
    return [*found, *_plain(typed[end:])]


def mrkdwn(parts: list[Element]) -> str:
    """The same as one text, with `&`, `<` and `>` escaped as Slack does."""
    return "".join(_written(part) for part in parts)


def rich_text(parts: list[Element], block_id: str) -> list[dict[str, Any]]:
    section = {"type": "rich_text_section", "elements": parts}
    return [{"type": "rich_text", "block_id": block_id, "elements": [section]}]


def mentions_bot(text: str) -> bool:
    return f"<@{BOT_USER}>" in text


def _element(match: re.Match[str]) -> Element | None:
    if match["link"]:
        return {"type": "link", "url": match["link"]}
    user = match["id"] or _NAMES[match["name"].lower()]
    return {"type": "user", "user_id": user} if user in _IDS else None


def _plain(text: str) -> list[Element]:
    return [{"type": "text", "text": text}] if text else []


def _written(part: Element) -> str:
    match part["type"]:
        case "user":
            return f"<@{part['user_id']}>"
        case "link":
            return f"<{_escaped(part['url'])}>"
        case _:
            return _escaped(part["text"])


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
