"""Exact search over the vectors of one collection, in memory.

Below some 50,000 passages this takes a fifth of the time of an approximate index and misses nothing.
"""

import threading
from collections.abc import Iterable, Sequence

import numpy as np

from onethread.knowledge.articles import Languages
from onethread.knowledge.embedding import Vectors

LEAST_ROOM = 256


class Matrix:
    """Safe to call from several threads. Cosines are between -1 and 1. The first vector says how long all are."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[int, int] = {}
        self._ids = np.zeros(LEAST_ROOM, np.int64)
        self._vectors = np.zeros((LEAST_ROOM, 0), np.float32)
        self._languages = np.zeros(LEAST_ROOM, np.int32)
        self._numbers: dict[str | None, int] = {None: 0}

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def dimension(self) -> int | None:
        """None: it was always empty."""
        return self._vectors.shape[1] or None

    def put(self, ids: Sequence[int], vectors: Vectors, languages: Sequence[str | None]) -> None:
        with self._lock:
            if self.dimension is None:
                self._vectors = np.zeros((len(self._ids), vectors.shape[1]), np.float32)
            for passage, vector, language in zip(ids, vectors, languages, strict=True):
                row = self._rows.setdefault(passage, len(self._rows))
                self._make_room(row + 1)
                self._ids[row], self._vectors[row] = passage, vector
                self._languages[row] = self._numbers.setdefault(language, len(self._numbers))

    def drop(self, ids: Iterable[int]) -> None:
        """The last row takes the place of each that goes."""
        with self._lock:
            for passage in ids:
                row = self._rows.pop(passage, None)
                last = len(self._rows)
                if row is not None and row != last:
                    moved = int(self._ids[last])
                    self._ids[row], self._vectors[row] = moved, self._vectors[last]
                    self._languages[row], self._rows[moved] = self._languages[last], row

    def nearest(self, vector: Vectors, k: int, languages: Languages = None) -> dict[int, float]:
        """Passage id and cosine of the k nearest, best first."""
        with self._lock:
            if not self._rows:
                return {}
            rows = self._open_to(languages)
            cosines = self._vectors[: len(self._rows)] @ vector if rows is None else self._vectors[rows] @ vector
            ids = self._ids[: len(self._rows)] if rows is None else self._ids[rows]
            best = np.argpartition(-cosines, k - 1)[:k] if len(cosines) > k else np.arange(len(cosines))
            best = best[np.argsort(-cosines[best], kind="stable")]
            return dict(zip(ids[best].tolist(), cosines[best].tolist(), strict=True))

    def cosines(self, vector: Vectors, ids: Iterable[int], languages: Languages = None) -> dict[int, float]:
        with self._lock:
            allowed = None if languages is None else {self._numbers[one] for one in languages if one in self._numbers}
            rows = {i: self._rows[i] for i in ids if i in self._rows}
            found = {i: row for i, row in rows.items() if allowed is None or int(self._languages[row]) in allowed}
            if not found:
                return {}
            return dict(zip(found, (self._vectors[list(found.values())] @ vector).tolist(), strict=True))

    def _open_to(self, languages: Languages) -> np.ndarray | None:
        """The rows of these languages; None: all of them."""
        if languages is None:
            return None
        numbers = [self._numbers[one] for one in languages if one in self._numbers]
        return np.flatnonzero(np.isin(self._languages[: len(self._rows)], numbers))

    def _make_room(self, rows: int) -> None:
        if rows > len(self._ids):
            room = max(rows, 2 * len(self._ids)) - len(self._ids)
            self._ids = np.pad(self._ids, (0, room))
            self._vectors = np.pad(self._vectors, ((0, room), (0, 0)))
            self._languages = np.pad(self._languages, (0, room))
