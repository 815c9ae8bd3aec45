"""What readers take and give."""

from dataclasses import dataclass
from typing import Any


class UnreadableError(ValueError):
    """A file or page holds no article that could be read. The message says why, in a few words."""


@dataclass(frozen=True)
class Part:
    """One article of a page. `text` is Markdown; what is None is for the source to say.

    `fragment` leads to it within the page (`page=3`); `about_url` is an address that the author gives to the article.
    """

    title: str
    text: str
    id: str | None = None
    about_url: str | None = None
    fragment: str | None = None
    audience: str | None = None
    locale: str | None = None
    wordings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """All that a page says. `several`: its format holds any number of articles, also if it is one today.

    The rest is of web pages: where it leads, its own address, whether it wants to be found.
    """

    parts: tuple[Part, ...] = ()
    several: bool = False
    links: tuple[str, ...] = ()
    canonical: str | None = None
    noindex: bool = False

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Reading":
        parts = tuple(Part(**{**part, "wordings": tuple(part["wordings"])}) for part in fields["parts"])
        return cls(parts, fields["several"], tuple(fields["links"]), fields["canonical"], fields["noindex"])


@dataclass(frozen=True)
class File:
    """`media_type` and `charset` as its sender names them; `url` is what its links are relative to."""

    name: str
    content: bytes
    media_type: str | None = None
    charset: str | None = None
    url: str | None = None
