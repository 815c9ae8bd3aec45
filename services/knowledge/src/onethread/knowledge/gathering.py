"""Which questions are one gap: those that are alike enough, on average, to all that it holds. Pure."""

from collections.abc import Sequence

import numpy as np

from onethread.knowledge import minilm, multilingual

Vector = np.ndarray
"""float32, of length one."""

ALIKE_FROM = {minilm.MODEL_ID: 0.70, multilingual.MODEL_ID: 0.93}
"""The average cosine from which a question joins a gap. Measured: docs/decisions/0017-gaps.md."""
ALIKE_FROM_UNKNOWN = 0.93
"""Of a model that was not measured. Some put everything near everything: rather too many gaps than mixed ones."""


def nearest(question: Vector, sums: Sequence[bytes], counts: Sequence[int], model: str) -> int | None:
    """Which of the gaps, each by the sum of its questions' vectors, the question belongs to."""
    if not sums:
        return None
    alike = as_vectors(sums) @ question / np.asarray(counts, np.float32)
    best = int(alike.argmax())
    return best if alike[best] >= ALIKE_FROM.get(model, ALIKE_FROM_UNKNOWN) else None


def most_typical(vectors: Sequence[bytes]) -> tuple[int, bytes]:
    """Which question stands for all of them, and the sum of all."""
    rows = as_vectors(vectors)
    total = rows.sum(axis=0)
    return int((rows @ total).argmax()), total.tobytes()


def as_vectors(rows: Sequence[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(rows), np.float32).reshape(len(rows), -1)
