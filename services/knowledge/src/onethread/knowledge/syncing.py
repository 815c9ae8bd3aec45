"""Keeps sources fresh: a pass when its time has come, one at a time for each source."""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from onethread.knowledge import folder, uploads
from onethread.knowledge.documents import DocumentStore
from onethread.knowledge.library import in_thread
from onethread.knowledge.reading.isolation import InterruptedReadingError, Reader
from onethread.knowledge.repository import Repository
from onethread.knowledge.sources import Kind, Source, SourceGoneError, SourceStore, folder_source
from onethread.knowledge.sync_pass import Pass, StoppedError, SyncFailedError
from onethread.knowledge.website import Walk
from onethread.runtime.fetching import Fetcher, Guard

log = structlog.get_logger()

# A slow website holds up neither what people upload nor, alone, the other websites.
LANES: dict[str, tuple[Kind, ...]] = {"near": ("folder", "upload"), "far": ("website", "git")}
AT_ONCE = {"near": 2, "far": 4}
FIRST_RETRY_SECONDS = 300.0
LONGEST_RETRY_SECONDS = 86_400.0
JITTER = 0.1
_LOOK_SECONDS = 30.0


class Syncing:
    """Runs passes in threads of its own. `changed` is called, from any of them, when articles have changed."""

    def __init__(self, store: DocumentStore, guard: Guard, changed: Callable[[], None], scratch: Path) -> None:
        self.sources = SourceStore(store)
        self._guard, self._changed, self._scratch = guard, changed, scratch
        self._wake = asyncio.Event()
        self._stopping = threading.Event()
        self._readers: set[Reader] = set()
        self._running: dict[str, set[asyncio.Task[None]]] = {lane: set() for lane in LANES}
        self._threads = ThreadPoolExecutor(sum(AT_ONCE.values()) + 1, "sync")

    def wake(self) -> None:
        """A source is new, or due."""
        self._wake.set()

    def open(self, own_folder: Path | None, workspace: str) -> Source | None:
        """At start, before anything runs: what a stop has interrupted is due. Returns the folder to pass over first."""
        self.sources.resume(time.time())
        if own_folder is None:
            return None
        source = folder_source(workspace, str(own_folder))
        self.sources.add(source)
        self.sources.begin(source)
        return source

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                for lane, kinds in LANES.items():
                    room = AT_ONCE[lane] - len(self._running[lane])
                    for source in await in_thread(self._threads, self.sources.due, time.time(), kinds, room):
                        await in_thread(self._threads, self.sources.begin, source)
                        self._start(tasks, lane, source)
                await self._until_due()

    def close(self) -> None:
        """Waits for the page in hand, which is given up within seconds."""
        self._stopping.set()
        for reader in tuple(self._readers):
            reader.interrupt()
        self._threads.shutdown()

    def pass_over(self, source: Source) -> None:
        """One pass over a source that is marked as being read. Blocks; whatever happens is noted with the source."""
        now = time.time()
        try:
            mark = self._walk(source)
        except (StoppedError, InterruptedReadingError, SourceGoneError):
            return
        except SyncFailedError as error:
            if self._stopping.is_set():
                return
            log.warning("knowledge.sync_failed", source=source.id, reason=str(error))
            self._give_up(source, str(error))
        except Exception:
            log.exception("knowledge.sync_broke", source=source.id)
            self._give_up(source, "Something broke on our side while reading it. What was known is kept.")
        else:
            self._end(source, mark, now)

    def _start(self, tasks: asyncio.TaskGroup, lane: str, source: Source) -> None:
        task = tasks.create_task(in_thread(self._threads, self.pass_over, source))
        self._running[lane].add(task)

        def done(_: asyncio.Task[None]) -> None:
            self._running[lane].discard(task)
            self.wake()

        task.add_done_callback(done)

    async def _until_due(self) -> None:
        """What is due and waits for room is looked at again when there is room."""
        free: list[Kind] = [
            kind for lane, kinds in LANES.items() if len(self._running[lane]) < AT_ONCE[lane] for kind in kinds
        ]
        due = await in_thread(self._threads, self.sources.next_due, free)
        wait = _LOOK_SECONDS if due is None else min(max(due - time.time(), 0.0), _LOOK_SECONDS)
        with suppress(TimeoutError):  # `wait_for` of Python 3.11 can swallow a cancellation
            async with asyncio.timeout(wait):
                await self._wake.wait()

    def _walk(self, source: Source) -> str | None:
        with Reader() as reader, self._interruptible(reader):
            on = Pass(self.sources, source, reader, self._changed, self._stopping)
            if source.kind == "website":
                with Fetcher(self._guard, stopped=self._stopping.is_set) as fetcher:
                    return Walk(on, fetcher).run()
            elif source.kind == "git":
                return Repository(on, self._guard, self._scratch).run()
            elif source.kind == "folder":
                folder.walk(on)
            elif source.kind == "upload":
                uploads.walk(on)
        return None

    @contextmanager
    def _interruptible(self, reader: Reader) -> Iterator[None]:
        self._readers.add(reader)
        try:
            yield
        finally:
            self._readers.discard(reader)

    def _end(self, source: Source, mark: str | None, now: float) -> None:
        try:
            every = self._now(source).every
            self.sources.end(source, mark=mark, next_sync=now + _spread(every * 60) if every else None, now=now)
        except SourceGoneError:
            return

    def _give_up(self, source: Source, reason: str) -> None:
        try:
            known = self._now(source)
            wait = min(FIRST_RETRY_SECONDS * 2.0**known.failures, LONGEST_RETRY_SECONDS)
            again = time.time() + _spread(wait) if known.every else None
            self.sources.give_up(source, reason, again)
        except SourceGoneError:
            return

    def _now(self, source: Source) -> Source:
        """As it is now: people may have changed its schedule meanwhile."""
        found = self.sources.get(source.workspace, source.id)
        if found is None:
            raise SourceGoneError
        return found


def _spread(seconds: float) -> float:
    """Sources that were added together are not read together for ever."""
    return seconds * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 no secret
