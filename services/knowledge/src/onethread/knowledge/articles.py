"""The words of this service: articles, their versions and passages."""

import hashlib
import json
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

Audience = Literal["public", "internal"]
API = "api"
FOLDER = "folder"
WRITTEN = "articles"


def language_of(locale: str | None) -> str | None:
    """`de` of `de-AT`."""
    return locale.split("-")[0].lower() if locale else None


@dataclass(frozen=True)
class Article:
    """What a source gives. `text` is Markdown; `wordings` are questions in customers' own words that it answers."""

    id: str
    title: str
    text: str
    url: str | None = None
    audience: Audience = "public"
    locale: str | None = None
    wordings: tuple[str, ...] = ()

    @property
    def content_hash(self) -> str:
        parts: tuple[object, ...] = (self.title, self.text, self.url, self.audience, self.locale)
        if self.wordings:  # an article without any keeps the hash that it had before there were any
            parts = (*parts, self.wordings)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Version:
    """One version of an article that is to become live."""

    workspace: str
    number: int
    article: Article

    @property
    def key(self) -> tuple[str, str, int]:
        return self.workspace, self.article.id, self.number


@dataclass(frozen=True)
class StoredPassage:
    id: int
    workspace: str
    document_id: str
    version: int
    title: str
    heading_path: tuple[str, ...]
    text: str
    url: str | None
    audience: Audience
    locale: str | None = None
    wording: bool = False
    """Its text is a question in customers' own words, not a part of the article."""


Languages = tuple[str | None, ...] | None
"""None: all of them. Else these, of which None stands for "names no language"."""


@dataclass(frozen=True)
class Where:
    """What a search may see."""

    workspace: str
    audience: Audience
    languages: Languages = None


@dataclass(frozen=True)
class Context:
    """A passage with its neighbours: what an answer is written from."""

    heading_path: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Litter:
    """A vector whose passage is gone."""

    passage_id: int
    workspace: str
    audience: Audience


@dataclass(frozen=True)
class Change:
    """An event that waits to be published."""

    sequence: int
    event_id: UUID
    kind: Literal["indexed", "removed"]
    workspace: str
    document_id: str
    title: str | None
    version: int | None
    passages: int | None


@dataclass(frozen=True)
class Status:
    documents: int
    passages: int
    pending: int
    failed: int
