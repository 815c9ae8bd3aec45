"""Fetches the pictures of mails in the name of nobody, once a teammate asks for them.

Their server sees neither who reads the mail nor where: it is asked by us, without cookies or a referrer, only at public
addresses (`Guard`), and a picture that was fetched is not asked for again for a day.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field

import anyio
from anyio import CapacityLimiter

from onethread.runtime.errors import Problem
from onethread.runtime.fetching import Fetcher, Guard, RefusedError, UnreachableError, normal

SIZE = 5 * 1024**2
SECONDS = 6.0
HOPS = 3
AT_ONCE = 32
KEPT_BYTES = 64 * 1024**2
KEPT_SECONDS = 24 * 3600
OKAY = 200
_STARTS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"BM": "image/bmp",
}


@dataclass(frozen=True, slots=True)
class Picture:
    type: str
    content: bytes
    at: float = field(default_factory=time.monotonic)


class Pictures:
    def __init__(self, guard: Guard | None = None) -> None:
        self._guard = guard or Guard()
        self._idle: list[Fetcher] = []
        self._threads: CapacityLimiter | None = None
        self._kept = Kept()

    async def get(self, url: str) -> Picture:
        """Raises a problem where it is no picture, or none that may be fetched."""
        if found := self._kept.get(url):
            return found
        self._threads = self._threads or CapacityLimiter(AT_ONCE)
        try:
            picture = await anyio.to_thread.run_sync(self._fetched, url, limiter=self._threads)
        except RefusedError as error:
            raise Problem(403, "This picture is not fetched", _why(error)) from error
        except UnreachableError as error:
            raise Problem(502, "The picture could not be fetched", _why(error)) from error
        self._kept.add(url, picture)
        return picture

    def close(self) -> None:
        while self._idle:
            self._idle.pop().__exit__(None, None, None)

    def _fetched(self, url: str) -> Picture:
        """In a thread. A fetcher is used by one at a time."""
        fetcher = self._idle.pop() if self._idle else Fetcher(self._guard, SECONDS, SIZE, hops=HOPS)
        try:
            answer = fetcher.get(normal(url), {"Accept": "image/*"})
        finally:
            self._idle.append(fetcher)
        if answer.status != OKAY:
            raise UnreachableError(f"its server answers {answer.status}")
        kind = kind_of(answer.content)
        if kind is None:
            raise UnreachableError("what its server sends is no picture")
        return Picture(kind, answer.content)


def _why(error: Exception) -> str:
    said = str(error)
    return f"{said[:1].upper()}{said[1:]}. Nothing was changed; the text of the mail can be read without it."


class Kept:
    """The pictures asked for last, by address, up to a sum of bytes."""

    def __init__(self, size: int = KEPT_BYTES, seconds: float = KEPT_SECONDS) -> None:
        self._size, self._seconds, self._bytes = size, seconds, 0
        self._pictures: OrderedDict[str, Picture] = OrderedDict()

    def get(self, url: str) -> Picture | None:
        found = self._pictures.get(url)
        if found is None or time.monotonic() - found.at > self._seconds:
            return None
        self._pictures.move_to_end(url)
        return found

    def add(self, url: str, picture: Picture) -> None:
        before = self._pictures.pop(url, None)
        self._bytes += len(picture.content) - (len(before.content) if before else 0)
        self._pictures[url] = picture
        while self._bytes > self._size:
            _, oldest = self._pictures.popitem(last=False)
            self._bytes -= len(oldest.content)


def kind_of(content: bytes) -> str | None:
    """By what it begins with, whatever its server calls it. SVG is no picture here: it is a document with scripts."""
    for start, kind in _STARTS.items():
        if content.startswith(start):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return "image/avif" if content[4:12] in (b"ftypavif", b"ftypavis") else None
