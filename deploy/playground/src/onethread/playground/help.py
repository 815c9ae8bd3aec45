"""The shop's help centre: the public articles of the folder from which the support answers."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from onethread.playground.pages import render
from onethread.playground.settings import Settings
from onethread.runtime.errors import Problem


@dataclass(frozen=True, slots=True)
class Article:
    """One public article; `text` is Markdown."""

    slug: str
    title: str
    text: str


def router(settings: Settings) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/help", response_class=HTMLResponse)
    async def contents() -> str:
        links = "".join(
            f'<li><a href="/help/{a.slug}">{escape(a.title)}</a></li>' for a in articles(settings.help_folder)
        )
        return render(
            "help", settings, title="Help", article=f'<h1>How can we help?</h1><ul class="contents">{links}</ul>'
        )

    @routes.get("/help/{slug}", response_class=HTMLResponse)
    async def article(slug: str) -> str:
        found = next((a for a in articles(settings.help_folder) if a.slug == slug), None)
        if found is None:
            raise Problem(404, "There is no such article", "The help centre's contents are at /help.")
        from markdown_it import MarkdownIt

        title, markdown = escape(found.title), MarkdownIt("commonmark", {"html": False})
        return render("help", settings, title=title, article=f"<h1>{title}</h1>{markdown.render(found.text)}")

    return routes


def articles(folder: Path) -> list[Article]:
    """The articles marked `audience: public`, by title. What lacks the mark is for staff and stays out."""
    read = (_parse(path.read_text("utf-8")) for path in folder.glob("*.md"))
    public = (Article(about["id"], about["title"], text) for about, text in read if about.get("audience") == "public")
    return sorted(public, key=lambda article: article.title.lower())


def _parse(source: str) -> tuple[dict[str, str], str]:
    _, head, text = source.split("---\n", 2) if source.startswith("---\n") else ("", "", source)
    pairs = (line.partition(":") for line in head.splitlines() if line)
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}, text
