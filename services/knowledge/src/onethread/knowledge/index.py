"""The vector index: embedded Chroma. The only file that names it.

Each workspace has two collections, public and internal, so that no forgotten filter can leak and none slows a search
(a `where` costs Chroma 8 ms at 3,000 rows, a collection of its own nothing). Rows are vectors and passage ids only.
Chroma corrupts a folder that two processes open, without an error: whoever builds this must hold the folder's lock.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from onethread.knowledge.articles import Audience
from onethread.knowledge.embedding import DIMENSION, MODEL_ID, Vectors

if TYPE_CHECKING:
    from chromadb import Collection

# Chroma refuses larger writes in one call.
_ROWS_A_CALL = 1_000
# 30 MB of them at most in each collection.
_VECTORS_READ = 20_000
_HNSW = {"space": "cosine", "ef_search": 300}


class VectorIndex:
    """Safe to call from several threads. Cosines are between -1 and 1, higher is nearer."""

    def __init__(self, folder: Path) -> None:
        from chromadb import PersistentClient
        from chromadb.config import Settings

        self._client = PersistentClient(folder, settings=Settings(anonymized_telemetry=False))
        self._collections: dict[str, Collection] = {}
        # The vector of a passage never changes, and reading one from Chroma takes longer than a whole search.
        self._read: defaultdict[str, dict[int, Vectors]] = defaultdict(dict)

    def close(self) -> None:
        self._client.close()  # pyright: ignore[reportAttributeAccessIssue] its declared type lacks it

    def upsert(self, workspace: str, audience: Audience, ids: Sequence[int], vectors: Vectors) -> None:
        collection = self._collection(workspace, audience)
        for start in range(0, len(ids), _ROWS_A_CALL):
            rows = slice(start, start + _ROWS_A_CALL)
            collection.upsert(ids=list(map(str, ids[rows])), embeddings=vectors[rows])
        self._forget(workspace, audience, ids)

    def delete(self, workspace: str, audience: Audience, ids: Sequence[int]) -> None:
        if ids:
            self._collection(workspace, audience).delete(ids=list(map(str, ids)))
            self._forget(workspace, audience, ids)

    def nearest(self, workspace: str, audience: Audience, vector: Vectors, k: int) -> dict[int, float]:
        """Passage id and cosine of the k nearest that the audience may see, best first."""
        found: dict[int, float] = {}
        for name in _visible_to(audience):
            result = self._collection(workspace, name).query(
                query_embeddings=vector[None, :], n_results=k, include=["distances"]
            )
            distances = result["distances"] or [[]]
            found |= {int(i): 1 - float(d) for i, d in zip(result["ids"][0], distances[0], strict=True)}
        return dict(sorted(found.items(), key=lambda item: -item[1])[:k])

    def cosines(self, workspace: str, audience: Audience, vector: Vectors, ids: Iterable[int]) -> dict[int, float]:
        """The cosines of these passages, as far as the audience may see them."""
        wanted = list(ids)
        found: dict[int, float] = {}
        for name in _visible_to(audience):
            vectors = self._vectors(workspace, name, [i for i in wanted if i not in found])
            found |= {i: float(own @ vector) for i, own in vectors.items()}
        return found

    def _vectors(self, workspace: str, audience: Audience, ids: Sequence[int]) -> dict[int, Vectors]:
        read = self._read[_name(workspace, audience)]
        vectors = {i: own for i in ids if (own := read.get(i)) is not None}
        if missing := [str(i) for i in ids if i not in vectors]:
            result = self._collection(workspace, audience).get(ids=missing, include=["embeddings"])
            rows = np.asarray(result["embeddings"], np.float32)
            fresh = dict(zip(map(int, result["ids"]), rows, strict=True))
            if len(read) + len(fresh) > _VECTORS_READ:
                read.clear()
            read.update(fresh)
            vectors |= fresh
        return vectors

    def _forget(self, workspace: str, audience: Audience, ids: Sequence[int]) -> None:
        for i in ids:
            self._read[_name(workspace, audience)].pop(i, None)

    def ids(self, workspace: str, audience: Audience) -> set[int]:
        return set(map(int, self._collection(workspace, audience).get(include=[])["ids"]))

    def drop(self, workspace: str) -> None:
        for audience in _visible_to("internal"):
            self._collection(workspace, audience)
            name = _name(workspace, audience)
            self._client.delete_collection(name)
            del self._collections[name]
            self._read.pop(name, None)

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


def _visible_to(audience: Audience) -> tuple[Audience, ...]:
    return ("public", "internal") if audience == "internal" else ("public",)


def _name(workspace: str, audience: Audience) -> str:
    """The model is part of the name: vectors of two models never meet in one collection."""
    return f"{workspace}.{audience}.{MODEL_ID}"
