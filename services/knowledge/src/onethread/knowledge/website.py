"""A website as a source: by its sitemap when it has one, else from link to link, within its host and path."""

import re
import time
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from protego import Protego

from onethread.knowledge import sitemap
from onethread.knowledge.reading import File, Reading, format_of
from onethread.knowledge.sources import Page
from onethread.knowledge.sync_pass import Pass, SyncFailedError
from onethread.runtime.fetching import USER_AGENT, Answer, Fetcher, RefusedError, UnreachableError, normal

ALL_READ = "all read"
PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 10.0
LONGEST_WAIT_SECONDS = 30
PASS_SECONDS = 3 * 3600.0
PASS_BYTES = 1024**3
ROBOTS_BYTES = 512 * 1024
SITEMAPS = 100
# A site that fails this often in a row is down.
FAILURES_IN_A_ROW = 10
_NO_PAGE = re.compile(
    r"\.(?:png|jpe?g|gif|webp|svg|ico|avif|css|js|mjs|json|xml|rss|atom|woff2?|ttf|zip|gz|tar|exe|dmg|mp[34]|webm|mov)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Scope:
    """Pages of one host whose path begins with that of the start."""

    place: str
    prefix: str

    @classmethod
    def of(cls, start: str) -> "Scope":
        parts = urlsplit(start)
        folder, _, last = parts.path.rpartition("/")
        return cls(parts.netloc, folder + "/" if "." in last or not last else parts.path)

    def holds(self, url: str) -> bool:
        parts = urlsplit(url)
        below = self.prefix if self.prefix.endswith("/") else self.prefix + "/"
        return parts.netloc == self.place and (parts.path == self.prefix or parts.path.startswith(below))


@dataclass
class Walk:
    """One pass over a website."""

    on: Pass
    fetcher: Fetcher
    pause: float = PAUSE_SECONDS
    seconds: float = PASS_SECONDS
    _queue: deque[tuple[str, int]] = field(default_factory=deque[tuple[str, int]])
    _queued: set[str] = field(default_factory=set[str])
    _bytes: int = 0
    _failures: int = 0

    def run(self) -> str | None:
        """Returns a mark when every page that is known or linked to was read. Raises `SyncFailedError` when the site as
        a whole cannot be read.
        """
        options = self.on.source.options
        self._pages, self._depth = options.get("max_pages", 1_000), options.get("max_depth", 10)
        self._known = self.on.known()
        end = time.monotonic() + self.seconds
        start = self._start()
        listed = self._listed(start)
        self._crawling = not listed
        for url in listed or [start.url, *self._known]:
            self._enqueue(url, 0)
        while self._queue and time.monotonic() < end and self._bytes < PASS_BYTES:
            if len(self.on.seen) >= self._pages:
                break
            self.on.found(min(len(self._queued), self._pages))
            self._visit(*self._queue.popleft())
        # What a sitemap lists is there, also where a limit kept us from reading it.
        self.on.seen |= self._queued if listed else set()
        self.on.close(complete=bool(listed) or not self._queue)
        return None if self._queue else ALL_READ

    # What the site is

    def _start(self) -> Answer:
        location = self.on.source.location or ""
        try:
            answer = self.fetcher.get(location)
        except (RefusedError, UnreachableError) as error:
            raise SyncFailedError(f"The site cannot be read: {error}. What was known is kept.") from error
        if answer.status >= 500:  # noqa: PLR2004
            raise SyncFailedError(f"The site answers with error {answer.status}. What was known is kept.")
        self._scope = Scope.of(answer.url)
        if self._known and not any(self._scope.holds(key) for key in self._known):
            raise SyncFailedError("The address leads to another site than before. What was known is kept.")
        self._robots = self._read_robots(answer.url)
        asked = self._robots.crawl_delay(USER_AGENT)
        self.pause = max(self.pause, min(float(asked), LONGEST_PAUSE_SECONDS)) if asked else self.pause
        return answer

    def _read_robots(self, start: str) -> Protego:
        try:
            answer = self.fetcher.get(urljoin(start, "/robots.txt"), size=ROBOTS_BYTES)
        except (RefusedError, UnreachableError) as error:
            raise SyncFailedError(f"Its robots.txt cannot be read: {error}. What was known is kept.") from error
        if answer.status >= 500:  # noqa: PLR2004
            raise SyncFailedError(f"Its robots.txt answers with error {answer.status}. What was known is kept.")
        return Protego.parse(answer.content.decode("utf-8", "replace"))

    def _listed(self, start: Answer) -> list[str]:
        """The pages in scope that its sitemaps list; none: there is no sitemap, or none for this part of the site."""
        named = [urljoin(start.url, url) for url in self._robots.sitemaps]
        waiting = deque(named or [urljoin(start.url, "/sitemap.xml")])
        pages: list[str] = []
        read = 0
        empty = False
        while waiting and read < SITEMAPS:
            read += 1
            self.on.rest()
            found = self._read_sitemap(waiting.popleft(), must=bool(named) or read > 1)
            if found:
                waiting.extend(found.further)
                pages.extend(found.pages)
                empty = not pages
        if empty:
            raise SyncFailedError("Its sitemap is empty. What was known is kept.")
        in_scope = [url for url in map(_page_address, pages) if url and self._scope.holds(url)]
        if pages and not in_scope and self._known:
            raise SyncFailedError("Its sitemap lists no page of this part of the site. What was known is kept.")
        # Those that have waited longest come first: a limit does not always cut off the same ones.
        return sorted(in_scope, key=lambda url: (self._known[url].last_read or 0.0) if url in self._known else 0.0)

    def _read_sitemap(self, url: str, *, must: bool) -> sitemap.Sitemap | None:
        """None when there is none; raises `SyncFailedError` when one that must be there cannot be read."""
        try:
            answer = self.fetcher.get(url, size=sitemap.SITEMAP_BYTES)
        except (RefusedError, UnreachableError) as error:
            raise SyncFailedError(f"Its sitemap cannot be read: {error}. What was known is kept.") from error
        if answer.status >= 500 or (must and answer.status != 200):  # noqa: PLR2004
            raise SyncFailedError(f"Its sitemap answers with error {answer.status}. What was known is kept.")
        if answer.status != 200:  # noqa: PLR2004
            return None
        try:
            return sitemap.parse(answer.content, answer.url)
        except sitemap.NotASitemapError as error:
            if not must:  # many sites answer anything with their front page
                return None
            raise SyncFailedError("Its sitemap is not one that can be read. What was known is kept.") from error

    # Page by page

    def _enqueue(self, url: str, depth: int) -> None:
        address = _page_address(url)
        if not address or address in self._queued or depth > self._depth or not self._scope.holds(address):
            return
        self._queued.add(address)
        self._queue.append((address, depth))

    def _visit(self, url: str, depth: int) -> None:
        if url in self.on.seen:
            return
        if not self._robots.can_fetch(url, USER_AGENT):
            self.on.unwanted(url, "robots.txt asks not to read it")
            return
        self.on.rest(self.pause)
        known = self._unless_changed(url)
        try:
            answer = self._ask(url, known)
        except (RefusedError, UnreachableError) as error:
            self._failed(url, str(error))
            return
        self._bytes += len(answer.content)
        if answer.status == 304 and known:  # noqa: PLR2004
            self.on.keep(known)
        elif answer.status in {404, 410}:
            self.on.gone(url)
        elif answer.status != 200:  # noqa: PLR2004
            self._failed(url, f"the site answers with error {answer.status}")
            return
        else:
            self._read(url, depth, answer)
        self._failures = 0

    def _unless_changed(self, url: str) -> Page | None:
        """What a page that has not changed is spared. In a crawl after a pass that was not whole: nothing, since such a
        page may lead to others that were never read.
        """
        return self._known.get(url) if self.on.source.mark or not self._crawling else None

    def _ask(self, url: str, known: Page | None) -> Answer:
        """Asks a second time when the site says that it is busy, and for how long."""
        headers = _conditions(known)
        answer = self.fetcher.get(url, headers)
        wait = answer.headers.get("retry-after", "")
        if answer.status in {429, 503} and wait.isdigit() and int(wait) <= LONGEST_WAIT_SECONDS:
            self.on.rest(int(wait))
            answer = self.fetcher.get(url, headers)
        return answer

    def _failed(self, url: str, reason: str) -> None:
        self.on.rest()  # what a stop broke off has not failed
        self.on.fail(url, reason)
        self._failures += 1
        if self._failures >= FAILURES_IN_A_ROW:
            raise SyncFailedError(f"{self._failures} pages in a row could not be read, the last: {reason}.")

    def _read(self, url: str, depth: int, answer: Answer) -> None:
        final = _page_address(answer.url) or answer.url
        if final != url:
            self.on.unwanted(url, f"it leads to {final}")
            if not self._scope.holds(final) or final in self.on.seen:
                return
            self._queued.add(final)
        if not self._robots.can_fetch(final, USER_AGENT):
            self.on.unwanted(final, "robots.txt asks not to read it")
            return
        name = "" if "html" in answer.media_type else urlsplit(final).path
        if not format_of(name, answer.media_type):
            self.on.unwanted(final, f"it is {answer.media_type or 'of an unnamed type'}, not text")
            return
        page = Page(final, final, etag=answer.headers.get("etag"), last_modified=answer.headers.get("last-modified"))
        file = File(name or "page", answer.content, answer.media_type, answer.charset, answer.url)
        reading = self.on.take(page, file, self._unless_changed(final))
        if reading:
            self._judge(final, depth, reading, answer.headers.get("x-robots-tag", ""))

    def _judge(self, url: str, depth: int, reading: Reading, robots_tag: str) -> None:
        if self._crawling:
            for link in reading.links:
                self._enqueue(link, depth + 1)
        canonical = _page_address(reading.canonical) if reading.canonical else None
        if reading.noindex or "noindex" in robots_tag.lower():
            self.on.unwanted(url, "it asks not to be indexed (noindex)")
        elif canonical and canonical != url and self._stands_for(canonical):
            self.on.unwanted(url, f"its own address is {canonical}")
            self._enqueue(canonical, depth)
        else:
            self.on.put(reading)

    def _stands_for(self, canonical: str) -> bool:
        """The page's own address is read, or will be. Of two pages that name each other the second is read."""
        return self._scope.holds(canonical) and (canonical not in self.on.seen or self.on.was_read(canonical))


def _page_address(url: str) -> str | None:
    """One spelling for one page, without what campaigns add; None for what is no page."""
    try:
        address = normal(url)
    except (RefusedError, ValueError):
        return None
    parts = urlsplit(address)
    if _NO_PAGE.search(parts.path):
        return None
    query = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not k.startswith("utm_")]
    return parts._replace(query=urlencode(query) if "utm_" in parts.query else parts.query).geturl()


def _conditions(known: Page | None) -> dict[str, str]:
    if known is None or known.state not in {"indexed", "pending"} or not known.content_hash:
        return {}
    headers = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in headers.items() if value}
