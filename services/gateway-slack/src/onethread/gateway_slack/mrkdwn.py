"""Markdown as Slack's mrkdwn. Pure.

Every text is escaped, and a `<…>` token is written in one place only, for links with an allowed scheme. So nobody can
ping a channel or a person through a reply.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode as Node

from onethread.contracts.messages import Source
from onethread.gateway_slack.capabilities import PART_LIMIT, SOURCES_SHOWN

_parser = MarkdownIt("commonmark").enable(["strikethrough", "table"])

SCHEMES = frozenset({"http", "https", "mailto"})
MARKS = {"strong": "*", "em": "_", "s": "~"}
FENCE = "```"
_GAP = "\u200b"
_OPEN, _CLOSE = "\ue000", "\ue001"
"""Where a mark opens and closes, until it is known whether it touches a letter: Slack reads marks at word edges."""
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_LONG = re.compile(r"<[^>]*>|&\w+;|[^\s<&]+|\s+|.")


def to_mrkdwn(markdown: str) -> str:
    text = _blocks(Node(_parser.parse(markdown)).children)
    text = re.sub(rf"(?<=\w){_OPEN}|{_CLOSE}(?=\w)", _GAP, text)
    return text.replace(_OPEN, "").replace(_CLOSE, "")


def to_posts(markdown: str, sources: Sequence[Source] = ()) -> list[str]:
    """The reply as the posts that carry it, each within Slack's limit; the last one names the sources."""
    text = "\n\n".join(filter(None, [to_mrkdwn(markdown), _sources(sources, markdown)]))
    return split(text, PART_LIMIT) or ["…"]


def escaped(text: str) -> str:
    text = text.replace(_OPEN, "").replace(_CLOSE, "")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def link(url: str, label: str) -> str:
    """`label` is plain text. A link of another scheme is only its label."""
    parts = urlsplit(url)
    if parts.scheme.lower() not in SCHEMES or not (parts.netloc or parts.path):
        return escaped(label)
    target = url.replace("|", "%7C").replace("<", "%3C").replace(">", "%3E").replace(" ", "%20").replace("&", "&amp;")
    label = " ".join(label.split())
    return f"<{target}|{escaped(label)}>" if label else f"<{target}>"


def _sources(sources: Iterable[Source], markdown: str) -> str:
    """Those that the text does not link to already."""
    titles = {s.url or s.title: s for s in sources if not s.url or s.url not in markdown}
    shown = [link(s.url or "", s.title) for s in list(titles.values())[:SOURCES_SHOWN]]
    return "→ " + " · ".join(shown) if shown else ""  # no word: it would have to be in the reply's language


# Blocks


def _blocks(nodes: Iterable[Node], between: str = "\n\n") -> str:
    return between.join(filter(None, (_block(node) for node in nodes)))


def _block(node: Node) -> str:  # noqa: PLR0911 one for each kind
    match node.type:
        case "heading":
            return _marked("*", _inline(node.children, inside="*"))
        case "bullet_list" | "ordered_list":
            return _list(node)
        case "blockquote":
            return _prefixed("> ", _blocks(node.children))
        case "fence" | "code_block":
            return _code_block(node.content)
        case "table":
            return _table(node)
        case "html_block":
            return escaped(_COMMENT.sub("", node.content).strip())
        case "hr":
            return "———"
        case _:
            return _inline(node.children)


def _list(node: Node) -> str:
    first = int(node.attrs.get("start", 1))
    ordered = node.type == "ordered_list"
    lines: list[str] = []
    for number, item in enumerate(node.children, first):
        body = _blocks(item.children, "\n")
        lines.append((f"{number}.  " if ordered else "•   ") + body.replace("\n", "\n    "))
    return "\n".join(lines)


def _prefixed(prefix: str, text: str) -> str:
    return "\n".join(prefix + line if line else "" for line in text.split("\n"))


def _code_block(code: str) -> str:
    return f"{FENCE}\n{_code(code.rstrip())}\n{FENCE}"


def _code(code: str) -> str:
    """Backticks inside would end the code."""
    return escaped(code).replace("`", _GAP + "`")


def _table(node: Node) -> str:
    """Slack has no tables; in code, at least, columns stand under each other."""
    rows = [[_plain(cell) for cell in row.children] for part in node.children for row in part.children]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return _code_block("\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows))


# Inline


def _inline(nodes: Iterable[Node], inside: str = "") -> str:
    """`inside`: the marks that are open already, which Slack cannot nest."""
    return "".join(_span(node, inside) for node in nodes)


def _span(node: Node, inside: str) -> str:  # noqa: PLR0911 one for each kind
    match node.type:
        case "inline":
            return _inline(node.children, inside)
        case "strong" | "em" | "s":
            mark = MARKS[node.type]
            text = _inline(node.children, inside + mark)
            return text if mark in inside else _marked(mark, text)
        case "code_inline":
            return f"{_OPEN}`{_code(node.content)}`{_CLOSE}"
        case "link":
            return link(str(node.attrs.get("href", "")), _plain(node) or str(node.attrs.get("title", "")))
        case "image":
            return link(str(node.attrs.get("src", "")), _plain(node) or str(node.attrs.get("title", "")))
        case "softbreak" | "hardbreak":
            return "\n"
        case "html_inline":
            return "\n" if _BREAK.fullmatch(node.content) else escaped(_COMMENT.sub("", node.content))
        case _:
            return escaped(node.content)


def _marked(mark: str, text: str) -> str:
    """A mark cannot span lines."""
    text = " ".join(text.split("\n")).strip()
    return f"{_OPEN}{mark}{text}{mark}{_CLOSE}" if text else ""


def _plain(node: Node) -> str:
    """The words alone, not escaped."""
    if node.type in ("softbreak", "hardbreak"):
        return " "
    return "".join(map(_plain, node.children)) if node.children else node.content if node.type != "link" else ""


# Posts


def split(text: str, limit: int) -> list[str]:
    """Pieces of at most `limit` characters, cut between paragraphs or lines. Cut code is closed and reopened."""
    fence = len(FENCE) + 1
    room = limit - fence
    posts: list[str] = []
    lines: list[str] = []
    for line in (piece for whole in text.split("\n") for piece in _short(whole, room - fence)):
        while lines and sum(map(len, lines)) + len(lines) + len(line) > room:
            kept = _cut(lines)
            posts.append("\n".join(lines[:kept]).strip("\n"))
            lines = lines[kept:]
            if _is_open(posts[-1]):
                posts[-1] += "\n" + FENCE
                lines.insert(0, FENCE)
        lines.append(line)
    posts.append("\n".join(lines).strip("\n"))
    return [post for post in posts if post]


def _cut(lines: list[str]) -> int:
    """The last paragraph's start in the second half, unless code goes on there."""
    for at in range(len(lines) - 1, len(lines) // 2, -1):
        if not lines[at] and not _is_open("\n".join(lines[:at])) and not any(FENCE in line for line in lines[at:]):
            return at
    return len(lines)


def _is_open(text: str) -> bool:
    return sum(line.strip("> ") == FENCE for line in text.split("\n")) % 2 == 1


def _short(line: str, room: int) -> list[str]:
    """A line in pieces that fit. Never cuts inside a link or an escape."""
    pieces = [""]
    for token in _LONG.findall(line):
        step = len(token) if token[0] in "<&" else room
        for bit in (token[at : at + step] for at in range(0, len(token), step)):
            if len(pieces[-1]) + len(bit) > room:
                pieces.append("")
            pieces[-1] += bit
    return [piece for piece in pieces if piece] or [""]
