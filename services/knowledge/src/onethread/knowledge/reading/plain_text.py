"""Markdown, with or without front matter, and plain text."""

import re
from pathlib import PurePosixPath
from typing import Any, get_args

import yaml

from onethread.knowledge.articles import Audience
from onethread.knowledge.reading.encodings import decode
from onethread.knowledge.reading.parts import File, Part, Reading, UnreadableError

_FRONT_MATTER = re.compile(r"---[ \t]*\n(?P<head>.*?)(?:^|\n)---[ \t]*(?:\n|$)(?P<text>.*)", re.DOTALL)
_TITLE = re.compile(r"(?:#[ \t]+(?P<atx>[^\n]+?)[ \t]*#*|(?P<setext>[^\n]+)\n=+)[ \t]*(?:\n|$)")
_NOT_SHOWN = re.compile(r"<!--.*?-->", re.DOTALL)
_IMPORTS = re.compile(r"^(?:import|export)\s[^\n]*$\n?", re.MULTILINE)
_TITLE_LINE = 120


def read_markdown(file: File) -> Reading:
    """The title is that of the front matter, else the first heading, else the file's name."""
    fields, text = _front_matter(decode(file.content, file.charset))
    text = _NOT_SHOWN.sub("", text)
    if file.name.endswith(".mdx"):
        text = _IMPORTS.sub("", text)
    title, body = take_title(text)
    if fields.get("title"):
        given = str(fields["title"])
        body = body if title and _words(title) == _words(given) else text
        title = given
    if not body.strip():
        raise UnreadableError("there is no text in it")
    return Reading((Part(title or title_of(file.name), body, **_fields(fields)),))


def read_text(file: File) -> Reading:
    """The title is a short first line that stands alone, else the file's name."""
    text = decode(file.content, file.charset).strip()
    first, _, rest = text.partition("\n\n")
    if rest.strip() and "\n" not in first and len(first) <= _TITLE_LINE:
        return Reading((Part(first, rest),))
    return Reading((Part(title_of(file.name), text),))


def take_title(text: str) -> tuple[str | None, str]:
    """The heading that the text begins with, and the rest."""
    stripped = text.lstrip()
    match = _TITLE.match(stripped)
    if not match:
        return None, text
    return match["atx"] or match["setext"], stripped[match.end() :]


def title_of(name: str) -> str:
    stem = PurePosixPath(name).stem
    words = re.sub(r"[-_]+", " ", stem).strip() or stem or "Untitled"
    return words[:1].upper() + words[1:]


def _front_matter(text: str) -> tuple[dict[str, Any], str]:
    match = _FRONT_MATTER.match(text)
    if not match:
        return {}, text
    try:
        fields = yaml.safe_load(match["head"])
    except (yaml.YAMLError, ValueError) as error:
        raise UnreadableError("its front matter is not YAML") from error
    if not isinstance(fields, dict):
        return {}, text  # two rules with text between them
    return fields, match["text"]


def _fields(fields: dict[str, Any]) -> dict[str, Any]:
    audience = fields.get("audience")
    if audience is not None and audience not in get_args(Audience):  # never guess that something is public
        raise UnreadableError("its audience is neither public nor internal")
    url = _scalar(fields.get("url"))
    if url and not re.match(r"https?://\S+$", url):
        raise UnreadableError("its url is not an http address")
    return {
        "id": _scalar(fields.get("id")),
        "about_url": url,
        "audience": audience,
        "locale": _scalar(fields.get("locale") or fields.get("lang")),
    }


def _words(title: str) -> list[str]:
    return re.findall(r"\w+", title.casefold())


def _scalar(value: Any) -> str | None:
    return str(value).strip() or None if isinstance(value, str | int | float) and value is not True else None
