"""The vector index: Chroma. The only file that names it.

Each workspace has two collections for a model, public and internal, so that no forgotten filter can leak, none slows a
search, and vectors of two models never meet. Rows are vectors, passage ids and languages only. Collections of up to
50,000 passages are searched in memory (`exact.py`), larger ones by Chroma. Chroma corrupts a folder that two processes
open, without an error: whoever builds this must hold the folder's lock. With `ONETHREAD_CHROMA_URL` it is a server of
its own, of which only the Rust one (`chroma run`) is safe.
"""

import hashlib
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from onethread.knowledge.articles import Audience, Where
from onethread.knowledge.embedding import EmbeddingError, Vectors
from onethread.knowledge.exact import Matrix

if TYPE_CHECKING:
    from chromadb import Collection
    from chromadb.api import ClientAPI

EXACT_PASSAGES = 50_000
# Chroma refuses larger writes in one call.
_ROWS_A_CALL = 1_000
_HNSW = {"space": "cosine", "ef_search": 300}
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]")
_ANY_LANGUAGE = ""
"""How Chroma is told that an article names no language: it keeps no None."""


class IndexAwayError(RuntimeError):
    """The Chroma server can't be reached at start."""

    def __init__(self, server: str, error: Exception) -> None:
        super().__init__(
            f"The Chroma server {server} can't be reached ({type(error).__name__}); nothing was opened. "
            "Start it (`chroma run`), or take ONETHREAD_CHROMA_URL away to keep the index in this process."
        )


class VectorIndexes:
    """Those of all models. Safe to call from several threads."""

    def __init__(self, folder: Path, server: str | None = None) -> None:
        """`server` is the address of a Chroma server; without one Chroma runs here. Raises `IndexAwayError`."""
        self._client = _server(server) if server else _embedded(folder)
        self._indexes: dict[str, VectorIndex] = {}

    def close(self) -> None:
        self._client.close()  # pyright: ignore[reportAttributeAccessIssue] its declared type lacks it

    def of(self, model_id: str) -> "VectorIndex":
        return self._indexes.setdefault(model_id, VectorIndex(self._client, model_id))

    def keep(self, workspace: str, models: Iterable[str]) -> None:
        """Drops what other models have of the workspace."""
        kept = {_name(workspace, audience, model) for model in models for audience in _visible_to("internal")}
        own = tuple(f"{workspace}.{audience}." for audience in _visible_to("internal"))
        for collection in self._client.list_collections():
            if collection.name.startswith(own) and collection.name not in kept:
                self._client.delete_collection(collection.name)
                for index in self._indexes.values():
                    index.forget(collection.name)


class VectorIndex:
    """Of one model. Safe to call from several threads. Cosines are between -1 and 1, higher is nearer."""

    def __init__(self, client: "ClientAPI", model_id: str) -> None:
        self._client, self._model = client, model_id
        self._collections: dict[str, Collection] = {}
        self._matrices: dict[str, Matrix | None] = {}
        self._loading = threading.Lock()

    def load(self, workspace: str) -> None:
        """Into memory, so that the first search need not."""
        for audience in _visible_to("internal"):
            self._matrix(workspace, audience)

    def forget(self, name: str) -> None:
        """The collection is gone."""
        self._collections.pop(name, None)
        self._matrices.pop(name, None)

    def upsert(
        self,
        workspace: str,
        audience: Audience,
        ids: Sequence[int],
        vectors: Vectors,
        languages: Sequence[str | None],
    ) -> None:
        """Raises `EmbeddingError` for vectors of another length than those that are there."""
        collection = self._collection(workspace, audience)
        name = _name(workspace, audience, self._model)
        known = self._matrices.get(name)
        if known is not None and known.dimension not in (None, vectors.shape[1]):
            raise EmbeddingError(
                f"The model {self._model} gives {vectors.shape[1]} numbers for a text, and what is indexed has "
                f"{known.dimension}. Under its name is another model now: choose another one, then this one again."
            )
        for start in range(0, len(ids), _ROWS_A_CALL):
            rows = slice(start, start + _ROWS_A_CALL)
            named: list[Any] = [{"language": language or _ANY_LANGUAGE} for language in languages[rows]]
            collection.upsert(ids=list(map(str, ids[rows])), embeddings=vectors[rows], metadatas=named)
        if (matrix := self._matrices.get(name)) is not None:
            matrix.put(ids, vectors, languages)
            if len(matrix) > EXACT_PASSAGES:
                self._matrices[name] = None

    def delete(self, workspace: str, audience: Audience, ids: Sequence[int]) -> None:
        if ids:
            self._collection(workspace, audience).delete(ids=list(map(str, ids)))
            if (matrix := self._matrices.get(_name(workspace, audience, self._model))) is not None:
                matrix.drop(ids)

    def nearest(self, where: Where, vector: Vectors, k: int) -> dict[int, float]:
        """Passage id and cosine of the k nearest that the audience may see, best first."""
        found: dict[int, float] = {}
        for audience in _visible_to(where.audience):
            matrix = self._matrix(where.workspace, audience)
            if matrix is not None:
                found |= matrix.nearest(vector, k, where.languages)
            else:
                found |= self._approximately(where, audience, vector, k)
        return dict(sorted(found.items(), key=lambda item: -item[1])[:k])

    def cosines(self, where: Where, vector: Vectors, ids: Iterable[int]) -> dict[int, float]:
        """The cosines of these passages, as far as the audience may see them."""
        wanted = list(ids)
        found: dict[int, float] = {}
        for audience in _visible_to(where.audience):
            matrix = self._matrix(where.workspace, audience)
            if matrix is not None:
                found |= matrix.cosines(vector, wanted, where.languages)
            elif wanted:
                found |= self._read_cosines(where, audience, vector, wanted)
        return found

    def ids(self, workspace: str, audience: Audience) -> set[int]:
        return set(map(int, self._collection(workspace, audience).get(include=[])["ids"]))

    def count(self, workspace: str) -> int:
        return sum(self._collection(workspace, audience).count() for audience in _visible_to("internal"))

    def drop(self, workspace: str) -> None:
        for audience in _visible_to("internal"):
            self._collection(workspace, audience)
            name = _name(workspace, audience, self._model)
            self._client.delete_collection(name)
            self.forget(name)

    def _approximately(self, where: Where, audience: Audience, vector: Vectors, k: int) -> dict[int, float]:
        result = self._collection(where.workspace, audience).query(
            query_embeddings=vector[None, :], n_results=k, include=["distances"], where=_filter(where)
        )
        distances = result["distances"] or [[]]
        return {int(i): 1 - float(d) for i, d in zip(result["ids"][0], distances[0], strict=True)}

    def _read_cosines(self, where: Where, audience: Audience, vector: Vectors, ids: Sequence[int]) -> dict[int, float]:
        result = self._collection(where.workspace, audience).get(
            ids=list(map(str, ids)), include=["embeddings"], where=_filter(where)
        )
        rows = np.asarray(result["embeddings"], np.float32).reshape(-1, len(vector))
        return {int(i): float(own @ vector) for i, own in zip(result["ids"], rows, strict=True)}

    def _matrix(self, workspace: str, audience: Audience) -> Matrix | None:
        """The collection in memory; None when it is too large."""
        name = _name(workspace, audience, self._model)
        if name not in self._matrices:
            with self._loading:
                if name not in self._matrices:
                    self._matrices[name] = self._load(self._collection(workspace, audience))
        return self._matrices[name]

    def _load(self, collection: "Collection") -> Matrix | None:
        if collection.count() > EXACT_PASSAGES:
            return None
        matrix = Matrix()
        for ids, vectors, languages in _pages(collection):
            matrix.put(ids, vectors, languages)
        return matrix

    def _collection(self, workspace: str, audience: Audience) -> "Collection":
        name = _name(workspace, audience, self._model)
        if name not in self._collections:
            self._collections[name] = self._client.get_or_create_collection(
                name,
                embedding_function=None,  # Chroma would run one that a stored configuration names
                configuration={"hnsw": _HNSW},  # type: ignore[arg-type]
                metadata={"model": self._model},
            )
        return self._collections[name]


def _pages(collection: "Collection") -> Iterator[tuple[list[int], Vectors, list[str | None]]]:
    for start in range(0, collection.count(), _ROWS_A_CALL):
        page = collection.get(limit=_ROWS_A_CALL, offset=start, include=["embeddings", "metadatas"])
        named = page["metadatas"] or []
        languages = [str((row or {}).get("language") or _ANY_LANGUAGE) or None for row in named]
        yield list(map(int, page["ids"])), np.asarray(page["embeddings"], np.float32), languages


def _filter(where: Where) -> Any:
    if where.languages is None:
        return None
    return {"language": {"$in": [language or _ANY_LANGUAGE for language in where.languages]}}


def _visible_to(audience: Audience) -> tuple[Audience, ...]:
    return ("public", "internal") if audience == "internal" else ("public",)


def _name(workspace: str, audience: Audience, model: str) -> str:
    """Chroma takes few signs; what is replaced is told apart by a hash."""
    plain = _NOT_IN_A_NAME.sub("-", model)
    own = model if plain == model else f"{plain}.{hashlib.sha256(model.encode()).hexdigest()[:8]}"
    return f"{workspace}.{audience}.{own}"


def _embedded(folder: Path) -> "ClientAPI":
    from chromadb import PersistentClient

    return PersistentClient(folder, settings=_settings())


def _server(address: str) -> "ClientAPI":
    from chromadb import HttpClient

    at = urlsplit(address)
    port = at.port or (443 if at.scheme == "https" else 80)
    try:
        return HttpClient(at.hostname or "", port, ssl=at.scheme == "https", settings=_settings())
    except Exception as error:
        # Its kind depends on how the server is away; the operator needs the address and the reason.
        raise IndexAwayError(f"{at.hostname}:{port}", error) from error


def _settings() -> Any:
    from chromadb.config import Settings

    return Settings(anonymized_telemetry=False)
