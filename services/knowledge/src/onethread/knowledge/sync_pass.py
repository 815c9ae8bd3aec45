"""One pass over a source: what its pages say now goes to the store, page by page."""

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

import structlog

from onethread.knowledge.articles import FOLDER, Article, Audience
from onethread.knowledge.documents import OwnedElsewhereError
from onethread.knowledge.reading.isolation import Reader
from onethread.knowledge.reading.parts import File, Part, Reading, UnreadableError
from onethread.knowledge.sources import Page, Source, SourceStore

log = structlog.get_logger()

# Part of what is compared: a reader that reads differently reads everything again.
READERS = 1


class SyncFailedError(Exception):
    """The source as a whole could not be read. Nothing is removed. The message is a sentence for people."""


class StoppedError(Exception):
    """The service is going down, or the source was deleted."""


def _nothing() -> None:
    """Nobody waits for it."""


@dataclass
class Pass:
    """What became of each page is written at once, except that pages are removed: that waits for the end.

    A pass in which nothing could be read has met a site that is broken, not one that is empty.
    """

    store: SourceStore
    source: Source
    reader: Reader
    changed: Callable[[], None] = _nothing
    stopping: threading.Event = field(default_factory=threading.Event)
    clock: Callable[[], float] = time.time
    seen: set[str] = field(default_factory=set[str])
    _read: set[str] = field(default_factory=set[str])
    _last: Page = field(default_factory=lambda: Page(""))
    _first_failure: str | None = None
    _gone: set[str] = field(default_factory=set[str])
    _unwanted: dict[str, str] = field(default_factory=dict[str, str])

    def known(self) -> dict[str, Page]:
        return {page.key: page for page in self.store.pages(self.source)}

    def found(self, total: int) -> None:
        """How many pages there are, as far as is known by now."""
        self.store.progress(self.source, total)

    def rest(self, seconds: float = 0) -> None:
        """Raises `StoppedError` when the service is going down, also in the middle of the rest."""
        if self.stopping.wait(seconds) if seconds else self.stopping.is_set():
            raise StoppedError

    def take(self, page: Page, file: File, known: Page | None) -> Reading | None:
        """Reads the page, unless it is as it was. None when it is, or when it cannot be read."""
        page = replace(page, content_hash=_hash(file), last_read=self.clock(), reason=None)
        if known and known.content_hash == page.content_hash and known.state in {"indexed", "pending"}:
            self.keep(page)
            return None
        try:
            return self.reader.read(file)
        except UnreadableError as error:
            self.fail(page.key, str(error))
            return None
        finally:
            self._last = page

    def put(self, reading: Reading) -> None:
        """The page that was just taken, with what was read in it."""
        page = self._last
        self.seen.add(page.key)
        articles = [self._article(page, part, number) for part, number in _numbered(reading)]
        try:
            changed = self.store.put(self.source, page, articles)
        except OwnedElsewhereError as error:
            self.fail(page.key, f"another page or source already has an article with the id {error.document_id}")
            return
        self._read.add(page.key)
        if changed:
            self.changed()

    def keep(self, page: Page) -> None:
        self.seen.add(page.key)
        self.store.keep(self.source, replace(page, reason=None, last_read=self.clock()))
        self._read.add(page.key)

    def fail(self, key: str, reason: str) -> None:
        self.seen.add(key)
        self._first_failure = self._first_failure or reason
        self.store.fail(self.source, key, reason)
        log.warning("knowledge.page_failed", source=self.source.id, reason=reason)

    def was_read(self, key: str) -> bool:
        return key in self._read

    def gone(self, key: str) -> None:
        self.seen.add(key)
        self._gone.add(key)

    def unwanted(self, key: str, reason: str) -> None:
        self.seen.add(key)
        self._unwanted[key] = reason

    def close(self, *, complete: bool, may_be_empty: bool = False) -> None:
        """Removes what is gone; `complete`: also what was not seen. Raises `SyncFailedError` when nothing was read."""
        known = self.known()
        if not self._read and not may_be_empty and (known or self._first_failure):
            why = self._first_failure or "no page of it is there any more"
            raise SyncFailedError(f"No page could be read: {why}. What was known is kept.")
        if complete:
            self._gone |= known.keys() - self.seen
        removed = self.store.drop(self.source, self._gone) + self.store.skip(self.source, self._unwanted)
        if complete and not self._first_failure:  # what no page claims may be in the file that failed
            removed += self.store.drop_unclaimed(self.source)
        if removed:
            self.changed()
        log.info("knowledge.source_read", source=self.source.id, pages=len(self._read), articles_removed=removed)

    def _article(self, page: Page, part: Part, number: str) -> Article:
        source = self.source
        url = part.about_url or page.url
        strict = "internal" in {source.audience, part.audience}
        audience: Audience = "internal" if strict else "public"
        return Article(
            id=self._id(page, part, number),
            title=part.title,
            text=part.text,
            url=f"{url}#{part.fragment}" if url and part.fragment and not part.about_url else url,
            audience=audience,
            locale=part.locale or source.locale,
            wordings=part.wordings,
        )

    def _id(self, page: Page, part: Part, number: str) -> str:
        """The author's, else after the page. Those of the folder on the server stand alone, as they always have."""
        if self.source.id == FOLDER:
            return _short(part.id or str(PurePosixPath(page.key).with_suffix("")) + number)
        return f"{self.source.id}/{_short(part.id or page.key + number)}"


def _numbered(reading: Reading) -> list[tuple[Part, str]]:
    """With what tells them apart within their page: their title, so that order does not matter."""
    if not reading.several:
        return [(part, "") for part in reading.parts]
    times: dict[str, int] = {}
    numbered: list[tuple[Part, str]] = []
    for part in reading.parts:
        name = hashlib.sha256(part.title.casefold().encode()).hexdigest()[:12]
        times[name] = times.get(name, 0) + 1
        numbered.append((part, f"#{name}" if times[name] == 1 else f"#{name}-{times[name]}"))
    return numbered


def _short(own: str) -> str:
    """Ids have at most 512 characters."""
    return own if len(own) <= 450 else f"{own[:400]}~{hashlib.sha256(own.encode()).hexdigest()[:24]}"  # noqa: PLR2004


def _hash(file: File) -> str:
    about = f"{READERS} {file.name} {file.media_type} {file.charset} {file.url}\n"
    return hashlib.sha256(about.encode() + file.content).hexdigest()
