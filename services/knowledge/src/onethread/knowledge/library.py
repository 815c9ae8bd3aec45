"""The folder and all that is open in it: document store, vector index, word index, embedding."""

import asyncio
import ctypes
import fcntl
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from onethread.knowledge.calibrations import Calibrations
from onethread.knowledge.documents import DocumentStore
from onethread.knowledge.index import VectorIndexes
from onethread.knowledge.lexical import WordIndex
from onethread.knowledge.models import ENGLISH, MANY, Models, Offer
from onethread.knowledge.reranking import PieceStore
from onethread.knowledge.search import Searcher

P = ParamSpec("P")
R = TypeVar("R")
THREADS = 4


class FolderInUseError(RuntimeError):
    """Another process owns the folder. Two of them would destroy the index without an error."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"Another knowledge process already uses {folder}; nothing was opened. "
            "Stop it first, or give this one another ONETHREAD_HOME."
        )
        self.folder = folder


@dataclass(frozen=True)
class Library:
    store: DocumentStore
    vectors: VectorIndexes
    words: WordIndex
    pieces: PieceStore
    models: Models
    calibrations: Calibrations
    threads: Executor

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs what blocks in a thread of the library's own. They end before anything is closed under them."""
        return await in_thread(self.threads, function, *args, **kwargs)

    @property
    def searcher(self) -> Searcher:
        return Searcher(self.store, self.vectors, self.words, self.pieces, self.models, self.calibrations)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Holds the folder for this process alone. Raises `FolderInUseError` at once when another has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderInUseError(folder) from None
        yield


@contextmanager
def open_library(
    folder: Path, offers: Sequence[Offer] = (ENGLISH, MANY), first: str = "", server: str | None = None
) -> Iterator[Library]:
    """`offers` are the models that workspaces may choose of, `first` is what new ones begin with, `server` the address
    of a Chroma server. Takes about a second: the first model and Chroma are loaded here.
    """
    with (
        exclusive(folder),
        closing(DocumentStore(folder / "documents.sqlite3")) as store,
        closing(VectorIndexes(folder / "index", server)) as vectors,
        closing(PieceStore(folder / "pieces.sqlite3")) as pieces,
        ThreadPoolExecutor(THREADS, "library") as threads,
    ):
        models = Models(store, offers, first)
        models.get(models.first)
        return_memory()
        yield Library(store, vectors, WordIndex(store), pieces, models, Calibrations(store), threads)


async def in_thread(threads: Executor, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """`asyncio.to_thread` with a choice of threads: the log lines keep their service and their trace."""
    call = partial(copy_context().run, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(threads, call)


def return_memory() -> None:
    """Gives freed memory back to the system: loading the model and each large ingest leave some 50 MB of it."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # musl has no malloc_trim
            ctypes.CDLL(None).malloc_trim(0)
