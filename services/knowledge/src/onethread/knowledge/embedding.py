"""What every embedding model is to the rest of the service: texts to vectors.

A text becomes one vector for its whole meaning. A model may also give one short vector for each word piece that tells
something; they let a search look again at its best passages, word by word (`reranking.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

Vectors = np.ndarray
"""float32, one row a text, each of length one."""
Pieces = np.ndarray
"""int8, one row a word piece that tells something; only the direction of a row means anything."""

PIECE_DIMENSION = 128
"""Three quarters of what tells pieces apart at a third of the room: recall is the same as with all 384."""
QUERIES_REMEMBERED = 1024
NO_PIECES = np.zeros((0, PIECE_DIMENSION), np.float32)


class EmbeddingError(RuntimeError):
    """A model can't be used now. Its text is for people: what is the matter, and what can be done."""


@dataclass(frozen=True)
class Embedded:
    """Passages: `vectors` has a row for each, `pieces` an array for each, or is None when the model gives none."""

    vectors: Vectors
    pieces: list[Pieces] | None = None


@dataclass(frozen=True)
class AskedVectors:
    """A question. `pieces` is float32, of length one a row; `words` says which word each piece is of."""

    vector: Vectors
    pieces: np.ndarray = field(default_factory=lambda: NO_PIECES)
    words: tuple[str, ...] = ()


class Embedder(Protocol):
    """Safe to call from several threads. All but the names may raise `EmbeddingError`."""

    @property
    def model_id(self) -> str: ...

    @property
    def gives_pieces(self) -> bool: ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row a text, in the order given, for texts that are held against each other."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> Embedded: ...

    def embed_query(self, text: str) -> AskedVectors:
        """The latest questions are remembered."""
        ...


def unit(rows: np.ndarray) -> Vectors:
    """Each row with length one. A row of nothing stays one: it is like nothing."""
    return np.asarray(rows / (np.linalg.norm(rows, axis=-1, keepdims=True) + 1e-12), np.float32)
