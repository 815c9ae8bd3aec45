"""Ingestion: what was accepted becomes searchable, a batch at a time, in a thread of its own."""

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ParamSpec

import numpy as np
import structlog

from onethread.contracts.knowledge import DocumentChange, KnowledgeIndexed, KnowledgeRemoved
from onethread.knowledge.articles import Audience, Change, StoredPassage, Version, language_of
from onethread.knowledge.chunking import Chunk, chunk, embedding_text, looked_up_text, wordings
from onethread.knowledge.embedding import Embedded, Pieces
from onethread.knowledge.library import Library, in_thread, return_memory
from onethread.runtime.bus import UnavailableError

P = ParamSpec("P")
log = structlog.get_logger()

ARTICLES_A_BATCH = 16
# About a second of embedding: how long a stop has to wait.
PASSAGES_A_STEP = 64
RELAY_DELAY = 1.0
RETRY_SECONDS = 5
PROGRESS_SECONDS = 5.0
# While a long queue is worked off, recounting the words takes at most a tenth of the time.
RECOUNT_SHARE = 10

KnowledgeEvent = KnowledgeIndexed | KnowledgeRemoved


class StoppedError(Exception):
    """The service is going down. What was not finished waits in the store."""


@dataclass(frozen=True)
class _Row:
    """A passage on its way into the vector index."""

    passage_id: int
    workspace: str
    audience: Audience
    language: str | None
    text: str


def _row(passage_id: int, version: Version, own: Chunk) -> _Row:
    article = version.article
    text = own.text if own.wording else embedding_text(article.title, own.span.heading_path, own.text)
    return _Row(passage_id, version.workspace, article.audience, language_of(article.locale), text)


def _row_of(passage: StoredPassage) -> _Row:
    return _Row(passage.id, passage.workspace, passage.audience, language_of(passage.locale), looked_up_text(passage))


class Ingestor:
    """Works off what the store says is pending. One thread; the store decides what counts, so a crash costs nothing."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._stopped = False
        self._recounted = 0.0
        self._recount_took = 0.0

    def stop(self) -> None:
        """Makes a running step end within a second."""
        self._stopped = True

    def work(self) -> None:
        """Indexes all that is pending. Blocks until there is nothing left."""
        dirty: set[str] = set()
        reported = time.monotonic()
        for done in itertools.count(1):
            batch = self._library.store.pending(ARTICLES_A_BATCH)
            self._index(batch)
            dirty |= {version.workspace for version in batch} | self._sweep()
            if not batch or time.monotonic() - self._recounted > RECOUNT_SHARE * self._recount_took + 1:
                self._recount(dirty)
            if not batch:
                break
            if time.monotonic() - reported > PROGRESS_SECONDS:
                reported = time.monotonic()
                log.info("knowledge.indexing", articles_done=done * ARTICLES_A_BATCH)
        return_memory()

    def reconcile(self, workspace: str) -> None:
        """Makes the vector index agree with the store, whatever happened: embeds what lacks, drops the rest."""
        library = self._library
        live = library.store.live_ids(workspace)
        audiences: tuple[Audience, ...] = ("public", "internal")
        lacking = live.keys() - library.pieces.ids()
        for audience in audiences:
            wanted = {i for i, of in live.items() if of == audience}
            there = library.vectors.ids(workspace, audience)
            library.vectors.delete(workspace, audience, sorted(there - wanted))
            lacking |= wanted - there
        if lacking:
            log.info("knowledge.repairing", passages=len(lacking))
            passages = (p for p in library.store.live_passages(workspace) if p.id in lacking)
            while some := list(itertools.islice(passages, PASSAGES_A_STEP)):
                self._write([_row_of(passage) for passage in some])

    def _index(self, batch: list[Version]) -> None:
        cut = [(version, chunks) for version in batch if (chunks := self._cut(version))]
        ids = self._library.store.add_passages(cut)
        rows = [
            _row(i, version, c)
            for (version, chunks), of_version in zip(cut, ids, strict=True)
            for i, c in zip(of_version, chunks, strict=bool(of_version))
        ]
        self._write(rows)
        self._library.store.switch(version for version, _ in cut)

    def _cut(self, version: Version) -> list[Chunk]:
        try:
            chunks = chunk(version.article.title, version.article.text)
            return [*chunks, *wordings(chunks, version.article.wordings)]
        except Exception as error:
            # A parser that fails on one article must not hold up the others; the reason is kept with it.
            log.exception("knowledge.failed", document=version.article.id)
            self._library.store.fail(version, f"could not be cut into passages: {type(error).__name__}")
            return []

    def _write(self, rows: list[_Row]) -> None:
        """Embeds the rows and puts them into the index of their workspace and audience."""
        embedded = self._embed([row.text for row in rows])
        self._library.pieces.put(dict(zip((row.passage_id for row in rows), embedded.pieces, strict=True)))
        places: defaultdict[tuple[str, Audience], list[int]] = defaultdict(list)
        for number, row in enumerate(rows):
            places[row.workspace, row.audience].append(number)
        for (workspace, audience), numbers in places.items():
            ids, languages = zip(*((rows[n].passage_id, rows[n].language) for n in numbers), strict=True)
            self._library.vectors.upsert(workspace, audience, ids, embedded.vectors[numbers], languages)

    def _embed(self, texts: list[str]) -> Embedded:
        """In the order given; long and short texts are embedded among their like, which saves a third of the time."""
        embedder = self._library.embedder
        vectors = np.empty((len(texts), embedder.dimension), np.float32)
        pieces: dict[int, Pieces] = {}
        by_length = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        for start in range(0, len(texts), PASSAGES_A_STEP):
            if self._stopped:
                raise StoppedError
            rows = by_length[start : start + PASSAGES_A_STEP]
            embedded = embedder.embed_passages([texts[row] for row in rows])
            vectors[rows] = embedded.vectors
            pieces |= zip(rows, embedded.pieces, strict=True)
        return Embedded(vectors, [pieces[row] for row in range(len(texts))])

    def _sweep(self) -> set[str]:
        """Deletes the vectors of what is gone. Returns the workspaces that lost some."""
        swept: set[str] = set()
        while litter := self._library.store.litter():
            swept |= {item.workspace for item in litter}
            for (workspace, audience), items in itertools.groupby(
                sorted(litter, key=lambda item: (item.workspace, item.audience)),
                key=lambda item: (item.workspace, item.audience),
            ):
                gone = [item.passage_id for item in items]
                self._library.vectors.delete(workspace, audience, gone)
                self._library.pieces.delete(gone)
            self._library.store.swept(litter)
        return swept

    def _recount(self, dirty: set[str]) -> None:
        """An article counts as indexed once its words are counted too."""
        started = time.monotonic()
        for workspace in dirty:
            self._library.words.refresh(workspace)
        dirty.clear()
        self._recounted = time.monotonic()
        self._recount_took = self._recounted - started
        self._library.store.settle()


class Ingestion:
    """Runs the ingestor in the background of the service and publishes what changed."""

    def __init__(self, library: Library, publish: Callable[[KnowledgeEvent], Awaitable[None]]) -> None:
        self._library = library
        self._ingestor = Ingestor(library)
        self._publish = publish
        self._wake = asyncio.Event()
        self._first_pass = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "ingest")

    def wake(self) -> None:
        """Something was accepted or removed."""
        self._wake.set()

    async def first_pass(self) -> None:
        """Raises until all that was known at start can be found."""
        if not self._first_pass.is_set():
            raise UnavailableError("the articles are still being indexed")

    async def run(self, before: Callable[[], None]) -> None:
        """Until cancelled. `before` is done first, in the same thread."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._relay())
            await self._until_done(before)
            for workspace in await in_thread(self._thread, self._library.store.workspaces):
                await self._until_done(self._ingestor.reconcile, workspace)
                await self._until_done(self._library.words.refresh, workspace)
            while True:
                self._wake.clear()
                await self._until_done(self._ingestor.work)
                if not self._first_pass.is_set():
                    self._first_pass.set()
                    log.info("knowledge.ready")
                await self._wake.wait()

    def close(self) -> None:
        """Waits for the step in hand, a second at most."""
        self._ingestor.stop()
        self._thread.shutdown()

    async def _until_done(self, function: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """A full disk or the like passes; the articles wait in the store meanwhile."""
        while True:
            try:
                return await in_thread(self._thread, function, *args, **kwargs)
            except StoppedError:
                raise
            except Exception:
                log.exception("knowledge.indexing_failed", again_in_seconds=RETRY_SECONDS)
                await asyncio.sleep(RETRY_SECONDS)

    async def _relay(self) -> None:
        """Publishes the events that wait in the store, in order, each until the bus has it."""
        while True:
            for change in await self._library.run(self._library.store.changes):
                try:
                    await self._publish(_event(change))
                except UnavailableError:
                    break
                await self._library.run(self._library.store.published, change)
            await asyncio.sleep(RELAY_DELAY)


def _event(change: Change) -> KnowledgeEvent:
    kind = KnowledgeIndexed if change.kind == "indexed" else KnowledgeRemoved
    return kind(
        id=change.event_id,
        source="/knowledge",
        subject=change.document_id,
        workspaceid=change.workspace,
        data=DocumentChange(
            document_id=change.document_id, title=change.title, version=change.version, passages=change.passages
        ),
    )
