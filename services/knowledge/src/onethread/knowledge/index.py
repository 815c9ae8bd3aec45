"""The vector index: embedded Chroma. The only file that names it.

Each workspace has two collections, public and internal, so that no forgotten filter can leak and none slows a search.
Rows are vectors, passage ids and languages only. Collections of up to 50,000 passages are searched in memory
(`exact.py`), larger ones by Chroma. Chroma corrupts a folder that two processes open, without an error: whoever builds
this must hold the folder's lock.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from onethread.knowledge.articles import Audience, Where
from onethread.knowledge.embedding import DIMENSION, MODEL_ID, Vectors
from onethread.knowledge.exact import Matrix

if TYPE_CHECKING:
    from chromadb import Collection

EXACT_PASSAGES = 50_000
# Chroma refuses larger writes in one call.
_ROWS_A_CALL = 1_000
_HNSW = {"space": "cosine", "ef_search": 300}
_ANY_LANGUAGE = ""
"""How Chroma is told that an article names no language: it keeps no None."""


class VectorIndex:
    """Safe to call from several threads. Cosines are between -1 and 1, higher is nearer."""

    def __init__(self, folder: Path) -> None:
        from chromadb import PersistentClient
        from chromadb.config import Settings

        self._client = PersistentClient(folder, settings=Settings(anonymized_telemetry=False))
        self._collections: dict[str, Collection] = {}
        self._matrices: dict[str, Matrix | None] = {}
        self._loading = threading.Lock()

    def close(self) -> None:
        self._client.close()  # pyright: ignore[reportAttributeAccessIssue] its declared type lacks it

    def upsert(
        self,
        workspace: str,
        audience: Audience,
        ids: Sequence[int],
        vectors: Vectors,
        languages: Sequence[str | None],
    ) -> None:
        collection = self._collection(workspace, audience)
        for start in range(0, len(ids), _ROWS_A_CALL):
            rows = slice(start, start + _ROWS_A_CALL)
            named: list[Any] = [{"language": language or _ANY_LANGUAGE} for language in languages[rows]]
            collection.upsert(ids=list(map(str, ids[rows])), embeddings=vectors[rows], metadatas=named)
        name = _name(workspace, audience)
        if (matrix := self._matrices.get(name)) is not None:
            matrix.put(ids, vectors, languages)
            if len(matrix) > EXACT_PASSAGES:
                self._matrices[name] = None

    def delete(self, workspace: str, audience: Audience, ids: Sequence[int]) -> None:
        if ids:
            self._collection(workspace, audience).delete(ids=list(map(str, ids)))
            if (matrix := self._matrices.get(_name(workspace, audience))) is not None:
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

    def drop(self, workspace: str) -> None:
        for audience in _visible_to("internal"):
            self._collection(workspace, audience)
            name = _name(workspace, audience)
            self._client.delete_collection(name)
            del self._collections[name]
            self._matrices.pop(name, None)

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
        name = _name(workspace, audience)
        if name not in self._matrices:
            with self._loading:
                if name not in self._matrices:
                    self._matrices[name] = self._load(self._collection(workspace, audience))
        return self._matrices[name]

    def _load(self, collection: "Collection") -> Matrix | None:
        if collection.count() > EXACT_PASSAGES:
            return None
        matrix = Matrix(DIMENSION)
        for ids, vectors, languages in _pages(collection):
            matrix.put(ids, vectors, languages)
        return matrix

    def _collection(self, workspace: str, audience: Audience) -> "Collection":
        name = _name(workspace, audience)
        if name not in self._collections:
            self._collections[name] = self._client.get_or_create_collection(
                name,
                embedding_function=None,  # Chroma would run one that a stored configuration names
                configuration={"hnsw": _HNSW},  # type: ignore[arg-type]
                metadata={"model": MODEL_ID, "dimension": DIMENSION},
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


def _name(workspace: str, audience: Audience) -> str:
    """The model is part of the name: vectors of two models never meet in one collection."""
    return f"{workspace}.{audience}.{MODEL_ID}"
