"""Ingestion: what was accepted becomes searchable, a batch at a time, in a thread of its own."""

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import numpy as np
import structlog

from onethread.contracts.knowledge import DocumentChange, KnowledgeIndexed, KnowledgeRemoved
from onethread.knowledge.articles import Audience, Change, StoredPassage, Version
from onethread.knowledge.chunking import Chunk, chunk, embedding_text, looked_up_text, wordings
from onethread.knowledge.embedding import Embedded, Embedder, EmbeddingError, Pieces
from onethread.knowledge.library import Library, in_thread, return_memory
from onethread.knowledge.reference import scale
from onethread.knowledge.stemming import language_in
from onethread.runtime.bus import UnavailableError

P = ParamSpec("P")
R = TypeVar("R")
log = structlog.get_logger()

ARTICLES_A_BATCH = 16
# About a second of embedding: how long a stop has to wait.
PASSAGES_A_STEP = 64
RELAY_DELAY = 1.0
RETRY_SECONDS = 5
REST_SECONDS = 20
"""After so long a model that could not be used is tried again, then after twice as long, and so on."""
LONGEST_REST_SECONDS = 300
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
    return _Row(passage_id, version.workspace, article.audience, language_in(article.locale, text), text)


def _row_of(passage: StoredPassage) -> _Row:
    text = looked_up_text(passage)
    return _Row(passage.id, passage.workspace, passage.audience, language_in(passage.locale, text), text)


class Ingestor:
    """Works off what the store says is pending. One thread; the store decides what counts, so a crash costs nothing."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._stopped = False
        self._recounted = 0.0
        self._recount_took = 0.0
        self._resting: dict[str, float] = {}
        self._rests: dict[str, float] = {}
        self._to_reconcile: set[str] = set()

    @property
    def rests(self) -> bool:
        """A workspace waits for its model."""
        return bool(self._resting)

    def stop(self) -> None:
        """Makes a running step end within a second."""
        self._stopped = True

    def work(self) -> None:
        """Indexes all that is pending and whose model can be used. Blocks until there is nothing left."""
        dirty: set[str] = set()
        reported = time.monotonic()
        for done in itertools.count(1):
            self._try_again()
            batch = self._library.store.pending(ARTICLES_A_BATCH, self._resting)
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
        """Makes the index of the live model agree with the store, whatever happened: embeds what lacks, drops the rest.

        While the model can't be used, what is there stays, and it is tried again with the next work.
        """
        try:
            self._complete(workspace, self._library.models.live(workspace))
        except EmbeddingError as error:
            self._let_rest(workspace, error)
            self._to_reconcile.add(workspace)

    def build(self, workspace: str, model_id: str) -> bool:
        """Brings the index of a model that is wanted up to what can be found, beside the live one. False: it is wanted
        no more. Raises `EmbeddingError`, and `StoppedError` when the service goes down.
        """
        embedder = self._library.models.get(model_id)
        while lacking := self._lacking(workspace, embedder):
            passages = self._passages(workspace, lacking)
            while some := list(itertools.islice(passages, PASSAGES_A_STEP)):
                if self._library.models.choice(workspace).wanted != model_id:
                    return False
                self._put(embedder, [_row_of(passage) for passage in some])
        return self._library.models.choice(workspace).wanted == model_id

    def switch(self, workspace: str, model_id: str) -> bool:
        """Searches use the other model from here on. False: something came since it was built."""
        embedder = self._library.models.get(model_id)
        if self._lacking(workspace, embedder):
            return False
        scale(embedder)
        self._library.vectors.of(model_id).load(workspace)
        if self._library.models.switch(workspace, model_id):
            log.info("knowledge.model_switched", workspace=workspace, model=model_id)
        return True

    def _complete(self, workspace: str, embedder: Embedder) -> None:
        lacking = self._lacking(workspace, embedder)
        if lacking:
            log.info("knowledge.repairing", passages=len(lacking))
            passages = self._passages(workspace, lacking)
            while some := list(itertools.islice(passages, PASSAGES_A_STEP)):
                self._put(embedder, [_row_of(passage) for passage in some])

    def _lacking(self, workspace: str, embedder: Embedder) -> set[int]:
        """The passages that the model's index lacks. What it has and should not is dropped."""
        library, index = self._library, self._library.vectors.of(embedder.model_id)
        live = library.store.live_ids(workspace)
        audiences: tuple[Audience, ...] = ("public", "internal")
        lacking = live.keys() - library.pieces.ids() if embedder.gives_pieces else set[int]()
        for audience in audiences:
            wanted = {i for i, of in live.items() if of == audience}
            there = index.ids(workspace, audience)
            index.delete(workspace, audience, sorted(there - wanted))
            lacking |= wanted - there
        return lacking

    def _passages(self, workspace: str, wanted: AbstractSet[int]) -> Iterator[StoredPassage]:
        return (p for p in self._library.store.live_passages(workspace) if p.id in wanted)

    def _index(self, batch: list[Version]) -> None:
        cut = [(version, chunks) for version in batch if (chunks := self._cut(version))]
        ids = self._library.store.add_passages(cut)
        rows = [
            _row(i, version, c)
            for (version, chunks), of_version in zip(cut, ids, strict=True)
            for i, c in zip(of_version, chunks, strict=bool(of_version))
        ]
        self._write(rows)
        self._library.store.switch(version for version, _ in cut if version.workspace not in self._resting)

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
        """Each workspace's rows by its own model. One whose model can't be used waits, and holds up nobody else."""
        models = self._library.models
        by_workspace: defaultdict[str, list[_Row]] = defaultdict(list)
        for row in rows:
            by_workspace[row.workspace].append(row)
        for workspace, own in by_workspace.items():
            try:
                models.settle(workspace)
                self._put(models.live(workspace), own)
                self._rests.pop(workspace, None)
            except EmbeddingError as error:
                self._let_rest(workspace, error)

    def _put(self, embedder: Embedder, rows: list[_Row]) -> None:
        """Embeds the rows, of one workspace, and puts them into the model's index."""
        embedded = self._embed(embedder, [row.text for row in rows])
        if embedded.pieces is not None:
            self._library.pieces.put(dict(zip((row.passage_id for row in rows), embedded.pieces, strict=True)))
        places: defaultdict[tuple[str, Audience], list[int]] = defaultdict(list)
        for number, row in enumerate(rows):
            places[row.workspace, row.audience].append(number)
        index = self._library.vectors.of(embedder.model_id)
        for (workspace, audience), numbers in places.items():
            ids, languages = zip(*((rows[n].passage_id, rows[n].language) for n in numbers), strict=True)
            index.upsert(workspace, audience, ids, embedded.vectors[numbers], languages)

    def _embed(self, embedder: Embedder, texts: list[str]) -> Embedded:
        """In the order given; long and short texts are embedded among their like, which saves a third of the time."""
        by_length = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        vectors: dict[int, Any] = {}
        pieces: dict[int, Pieces] = {}
        for start in range(0, len(texts), PASSAGES_A_STEP):
            if self._stopped:
                raise StoppedError
            rows = by_length[start : start + PASSAGES_A_STEP]
            embedded = embedder.embed_passages([texts[row] for row in rows])
            vectors |= zip(rows, embedded.vectors, strict=True)
            pieces |= zip(rows, embedded.pieces or (), strict=bool(embedded.pieces))
        in_order = range(len(texts))
        return Embedded(
            np.stack([vectors[row] for row in in_order]), [pieces[row] for row in in_order] if pieces else None
        )

    def _let_rest(self, workspace: str, error: EmbeddingError) -> None:
        """A server that does not answer takes its time at each try, which all others wait for: it is asked less often
        the longer it is away.
        """
        log.warning("knowledge.model_away", workspace=workspace, reason=str(error))
        self._library.models.held_up(workspace, str(error))
        rest = self._rests[workspace] = min(2 * self._rests.get(workspace, REST_SECONDS / 2), LONGEST_REST_SECONDS)
        self._resting[workspace] = time.monotonic() + rest

    def _try_again(self) -> None:
        """What waited for its model long enough."""
        now = time.monotonic()
        for workspace in [one for one, until in self._resting.items() if until <= now]:
            del self._resting[workspace]
            self._library.models.held_up(workspace, None)
            if workspace in self._to_reconcile:
                self._to_reconcile.discard(workspace)
                self.reconcile(workspace)

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
                choice = self._library.models.choice(workspace)
                for model in filter(None, (choice.live, choice.wanted)):
                    self._library.vectors.of(model).delete(workspace, audience, gone)
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
        self.ingestor = Ingestor(library)
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

    async def in_turn(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs it in the thread that indexes, when nothing is being indexed."""
        return await in_thread(self._thread, function, *args, **kwargs)

    async def run(self, before: Callable[[], None]) -> None:
        """Until cancelled. `before` is done first, in the same thread."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._relay())
            await self._until_done(before)
            for workspace in await in_thread(self._thread, self._library.store.workspaces):
                await self._until_done(self.ingestor.reconcile, workspace)
                await self._until_done(self._warm, workspace)
            while True:
                self._wake.clear()
                await self._until_done(self.ingestor.work)
                if not self._first_pass.is_set():
                    self._first_pass.set()
                    log.info("knowledge.ready")
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), REST_SECONDS if self.ingestor.rests else None)

    def _warm(self, workspace: str) -> None:
        """The first search of a large workspace would take seconds."""
        library = self._library
        library.words.refresh(workspace)
        library.vectors.of(library.models.choice(workspace).live).load(workspace)
        with suppress(EmbeddingError):
            model = library.models.live(workspace)
            model.embed_query("warm")
            scale(model)

    def close(self) -> None:
        """Waits for the step in hand, a second at most."""
        self.ingestor.stop()
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
