"""Help centres in German, French and Spanish, written for this project, each with questions in customers' own words.

`de.md` holds the articles, `de.toml` the questions: by the article that answers them, then near ones, of the same shop
and answered nowhere, and far ones. The playground's help centre is the English one. An article of the same name is
about the same in each language, so that the questions of one language can be put to the help centre of another.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from onethread.knowledge.articles import Article

HERE = Path(__file__).parent
ENGLISH = HERE.parents[2] / "deploy" / "playground" / "help-centre"
LANGUAGES = ("en", "de", "fr", "es")
_ARTICLE = re.compile(r"^# (?P<id>[\w-]+): (?P<title>.+)\n(?P<text>(?:(?!# ).*\n?)*)", re.MULTILINE)
_FRONT = re.compile(r"---\n(?P<head>.*?)\n---\n(?P<text>.*)", re.DOTALL)
_FAR = 10
"""So many of the English questions that nothing answers, the last ones, have nothing to do with the shop."""


def articles(language: str, *, named: bool = True) -> list[Article]:
    """`named`: each says in which language it is."""
    found = _english() if language == "en" else _written(language)
    locale = language if named else None
    return [Article(name, title, text.strip(), url=f"https://pineandpaper.example/{language}/{name}", locale=locale)
            for name, title, text in found]  # fmt: skip


def questions(language: str) -> list[dict[str, Any]]:
    """As in the other development sets: text, kind, gold."""
    asked = _asked_in_english() if language == "en" else _asked(language)
    return [{"text": text, "kind": kind, "gold": gold, "language": language} for text, kind, gold in asked]


def _written(language: str) -> Iterator[tuple[str, str, str]]:
    for one in _ARTICLE.finditer((HERE / f"{language}.md").read_text("utf-8")):
        yield one["id"], one["title"], one["text"]


def _english() -> Iterator[tuple[str, str, str]]:
    """Those that the other languages have too."""
    names = {name for name, _, _ in _written("de")}
    for path in sorted(ENGLISH.glob("*.md")):
        if path.stem in names and (page := _FRONT.fullmatch(path.read_text("utf-8"))):
            title = re.search(r"^title: (.*)$", page["head"], re.MULTILINE)
            yield path.stem, title[1].strip('"') if title else path.stem, page["text"]


_Asked = tuple[str, str, list[str]]


def _asked(language: str) -> Iterable[_Asked]:
    rows = tomllib.loads((HERE / f"{language}.toml").read_text("utf-8"))
    yield from ((text, "answerable", [name]) for name, texts in rows["answered"].items() for text in texts)
    yield from ((text, kind, []) for kind in ("near", "far") for text in rows[kind])


def _asked_in_english() -> Iterable[_Asked]:
    rows = [json.loads(line) for line in (ENGLISH / "questions.jsonl").read_text("utf-8").splitlines()]
    names = {name for name, _, _ in _english()}
    yield from ((row["question"], "answerable", [row["article"]]) for row in rows if row["article"] in names)
    nowhere = [row["question"] for row in rows if not row["article"]]
    yield from ((text, "near", []) for text in nowhere[:-_FAR])
    yield from ((text, "far", []) for text in nowhere[-_FAR:])
