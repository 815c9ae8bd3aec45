"""What a person wrote on Slack, as text. Pure. The other direction is in `mrkdwn.py`."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from onethread.gateway_slack.capabilities import HUMAN_SUBTYPES

Element = dict[str, Any]
Names = Mapping[str, str]

_MENTION = re.compile(r"<@(\w+)(?:\|[^>]*)?>")
_TOKEN = re.compile(r"<([^<>]+)>")
_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)
_MARK = re.compile(r"(?<![\w*_~])([*_~])(?=\S)([^\n]+?)(?<=\S)\1(?![\w*_~])")


def why_ignored(event: Element, bot: str) -> str | None:
    """Why this event is no message of a customer, in words for the log; None when it may be one."""
    subtype = event.get("subtype")
    if event.get("type") not in ("message", "app_mention"):
        return "not a message"
    if event.get("user") == bot:
        return "our own message"
    if event.get("bot_id") or subtype == "bot_message" or event.get("user") == "USLACKBOT":
        return "said by a bot"
    if (subtype is not None and subtype not in HUMAN_SUBTYPES) or event.get("hidden"):
        return f"not a new message: {subtype or 'hidden'}"
    if not all(event.get(key) for key in ("user", "channel", "ts")):
        return "it does not say who, where or when"
    return None


def mentioned(event: Element) -> set[str]:
    return set(_MENTION.findall(event.get("text") or ""))


def text_of(event: Element, names: Names, bot: str) -> str:
    """The words, with names for ids, without the bot's name at the start; then one line for each file."""
    blocks = event.get("blocks") or []
    rich = bool(blocks) and all(block.get("type") == "rich_text" for block in blocks)
    said = _rich_text(blocks, names) if rich else from_mrkdwn(event.get("text") or "", names)
    said = _without_address(said.strip(), "@" + names.get(bot, bot))
    files = [f"[File: {file.get('name') or file.get('id')}]" for file in event.get("files") or []]
    return _storable("\n".join(filter(None, [said, *files])))


def _storable(text: str) -> str:
    """Without what JSON may carry but no database takes: NUL and halves of a character."""
    return text.replace("\x00", "").encode(errors="replace").decode()


def _without_address(said: str, bot: str) -> str:
    """A mention alone stays: it is all that was said."""
    return (said.removeprefix(bot).lstrip(" ,:\n") or said) if said.startswith(bot) else said


def from_mrkdwn(text: str, names: Names) -> str:
    """Slack escapes what people type, so a `<` always opens one of its tokens."""
    pieces = _CODE.split(text)
    pieces[::2] = [_MARK.sub(r"\2", piece) for piece in pieces[::2]]
    return "".join(html.unescape(_TOKEN.sub(lambda token: _token(token[1], names), piece)) for piece in pieces)


def _token(token: str, names: Names) -> str:
    """`html.unescape` comes after: what is written here is still escaped."""
    what, _, label = token.partition("|")
    match what[:1]:
        case "@":
            return "@" + html.escape(label or names.get(what[1:], what[1:]), quote=False)
        case "#":
            return "#" + (label or what[1:])
        case "!":
            return label or "@" + what[1:].split("^")[0]
        case _:
            return _link(what, label)


def _link(url: str, label: str) -> str:
    bare = url.removeprefix("mailto:")
    if not label or label in (url, bare, url.rsplit("://", maxsplit=1)[-1]):
        return bare
    return f"{label} ({bare})"


def _rich_text(blocks: Iterable[Element], names: Names) -> str:
    parts = [_part(part, names) for block in blocks for part in block.get("elements", [])]
    return "\n".join(part.removesuffix("\n") for part in parts)


def _part(part: Element, names: Names) -> str:
    elements: list[Element] = part.get("elements", [])
    match part.get("type"):
        case "rich_text_list":
            first = int(part.get("offset", 0)) + 1
            mark: Callable[[int], str] = (lambda n: f"{n}. ") if part.get("style") == "ordered" else (lambda _: "• ")
            pad = "  " * int(part.get("indent", 0))
            return "\n".join(pad + mark(n) + _part(item, names) for n, item in enumerate(elements, first))
        case "rich_text_preformatted":
            return "```\n" + _spans(elements, names) + "\n```"
        case "rich_text_quote":
            return "\n".join("> " + line for line in _spans(elements, names).split("\n"))
        case _:
            return _spans(elements, names)


def _spans(elements: Iterable[Element], names: Names) -> str:
    return "".join(_span(element, names) for element in elements)


def _span(span: Element, names: Names) -> str:  # noqa: PLR0911 one for each kind
    match span.get("type"):
        case "text":
            return f"`{span['text']}`" if span.get("style", {}).get("code") else span.get("text", "")
        case "link":
            return _link(span.get("url", ""), span.get("text", ""))
        case "user":
            return "@" + names.get(span["user_id"], span["user_id"])
        case "channel":
            return "#" + span.get("channel_id", "")
        case "usergroup":
            return "@" + span.get("usergroup_id", "")
        case "broadcast":
            return "@" + span.get("range", "")
        case "emoji":
            return _emoji(span)
        case _:
            return span.get("fallback") or span.get("text") or span.get("value") or ""


def _emoji(span: Element) -> str:
    """Slack gives the code points of standard emoji; a workspace's own have only a name."""
    points = str(span.get("unicode", ""))
    return "".join(chr(int(point, 16)) for point in points.split("-")) if points else f":{span.get('name', '')}:"
