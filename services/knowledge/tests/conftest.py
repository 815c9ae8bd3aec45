"""A library in a folder of its own for each test."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from onethread.contracts.knowledge import KnowledgeFound, KnowledgeSearch
from onethread.knowledge.articles import Article, Audience
from onethread.knowledge.documents import DocumentStore
from onethread.knowledge.ingest import Ingestor
from onethread.knowledge.library import Library, open_library
from onethread.knowledge.minilm import MiniLM
from onethread.knowledge.models import ENGLISH


@pytest.fixture(scope="session")
def embedder() -> MiniLM:
    return ENGLISH.load()  # type: ignore[return-value]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with open_library(tmp_path) as library:
        yield library


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DocumentStore]:
    """A document store alone: nothing becomes searchable."""
    with closing(DocumentStore(tmp_path / "documents.sqlite3")) as store:
        yield store


@pytest.fixture
def put(library: Library) -> Callable[..., None]:
    """Puts articles into a workspace and waits until they can be found."""

    def put(*articles: Article, workspace: str = "acme") -> None:
        library.store.accept(workspace, articles)
        Ingestor(library).work()

    return put


@pytest.fixture
def ask(library: Library) -> Callable[..., KnowledgeFound]:
    def ask(query: str, workspace: str = "acme", audience: Audience = "public", k: int = 5) -> KnowledgeFound:
        return library.searcher.search(KnowledgeSearch(workspace=workspace, query=query, k=k, audience=audience))

    return ask
