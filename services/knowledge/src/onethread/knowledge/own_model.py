"""An embedding that the operator of the server brings along: behind an OpenAI-compatible address, Ollama's, or run
here by sentence-transformers. `ONETHREAD_EMBEDDING_*` says which.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal
from urllib.parse import urlsplit

import numpy as np

from onethread.knowledge.embedding import QUERIES_REMEMBERED, AskedVectors, Embedded, EmbeddingError, Vectors, unit

Kind = Literal["openai", "ollama", "sentence_transformers"]
OLLAMA = "http://localhost:11434/v1"
TEXTS_A_CALL = 64
SECONDS, QUESTION_SECONDS = 30.0, 3.0
"""How long texts to index may take, and a question, for whose answer a customer waits."""
SHORTEST = 200


@dataclass(frozen=True)
class Chosen:
    """`name` is the model's at its provider. Prefixes are what the model was trained to see before a text."""

    kind: Kind
    name: str
    url: str | None = None
    key: str | None = None
    query_prefix: str = ""
    passage_prefix: str = ""

    @property
    def model_id(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def host(self) -> str | None:
        """Where texts are sent to; None: they stay in this process."""
        if self.kind == "sentence_transformers":
            return None
        return urlsplit(self.address).netloc.rpartition("@")[2]

    @property
    def address(self) -> str:
        return self.url or (OLLAMA if self.kind == "ollama" else "https://api.openai.com/v1")

    def why_not(self) -> str | None:
        if self.kind == "sentence_transformers" and find_spec("sentence_transformers") is None:
            return "The package sentence-transformers is not installed on the server."
        return None


class OwnModel:
    """Safe to call from several threads."""

    gives_pieces = False

    def __init__(self, chosen: Chosen) -> None:
        """Raises `EmbeddingError` when the model runs here and can't be loaded."""
        self.model_id = chosen.model_id
        self._chosen = chosen
        self._vectors = _local(chosen) if chosen.kind == "sentence_transformers" else Remote(chosen)
        self._remembered = lru_cache(QUERIES_REMEMBERED)(self._embed_query)

    def embed(self, texts: Sequence[str]) -> Vectors:
        return self._embed(texts, self._chosen.query_prefix, SECONDS)

    def embed_passages(self, texts: Sequence[str]) -> Embedded:
        return Embedded(self._embed(texts, self._chosen.passage_prefix, SECONDS))

    def embed_query(self, text: str) -> AskedVectors:
        return self._remembered(text.strip())

    def _embed_query(self, text: str) -> AskedVectors:
        return AskedVectors(self._embed([text], self._chosen.query_prefix, QUESTION_SECONDS)[0])

    def _embed(self, texts: Sequence[str], prefix: str, seconds: float) -> Vectors:
        said = [prefix + text for text in texts]
        steps = [said[start : start + TEXTS_A_CALL] for start in range(0, len(said), TEXTS_A_CALL)]
        return unit(np.concatenate([self._vectors(step, seconds) for step in steps]))


class Remote:
    """Asks the server. Raises `EmbeddingError` with what is the matter."""

    def __init__(self, chosen: Chosen) -> None:
        self._chosen = chosen
        self._length: int | None = None

    def __call__(self, texts: Sequence[str], seconds: float) -> np.ndarray:
        rows = self._asked(texts, seconds)
        if rows is None:  # one of them is too long for the model, or it does not take several
            rows = np.concatenate([self._one(text, seconds) for text in texts])
        self._length = self._length or rows.shape[1]
        if not rows.size or rows.shape != (len(texts), self._length) or not np.isfinite(rows).all():
            raise EmbeddingError(f"{self._server} answered with other vectors than were asked for.")
        return rows

    def _one(self, text: str, seconds: float) -> np.ndarray:
        """Of a text that is too long its beginning."""
        while (row := self._asked([text], seconds)) is None:
            if len(text) < SHORTEST:
                raise EmbeddingError(f"{self._server} refuses a text of {len(text)} characters.")
            text = text[: len(text) // 2]
        return row

    def _asked(self, texts: Sequence[str], seconds: float) -> np.ndarray | None:
        """None: it refuses these texts."""
        import openai

        try:
            answer = self._client.embeddings.create(
                input=list(texts), model=self._chosen.name, encoding_format="float", timeout=seconds
            )
            rows = sorted(answer.data, key=lambda one: one.index)
            return np.array([one.embedding for one in rows], np.float32).reshape(len(texts), -1)
        except (openai.AuthenticationError, openai.PermissionDeniedError):
            reason = "refuses the key (ONETHREAD_EMBEDDING_API_KEY)."
        except openai.NotFoundError:
            reason = f"has no model {self._chosen.name} (ONETHREAD_EMBEDDING_MODEL), or is no embedding server."
        except openai.RateLimitError:
            reason = "takes no more for now: the limit of its provider is reached."
        except (openai.BadRequestError, openai.UnprocessableEntityError):
            return None
        except openai.APIConnectionError:
            reason = "does not answer."
        except (openai.OpenAIError, ValueError, TypeError, AttributeError):
            reason = "answers, but not with vectors."
        raise EmbeddingError(f"{self._server} {reason}")

    @property
    def _server(self) -> str:
        return f"The embedding server {self._chosen.host}"

    @cached_property
    def _client(self) -> Any:
        from openai import OpenAI

        key = self._chosen.key or "none"  # Ollama and many own servers want none, the client wants one
        return OpenAI(base_url=self._chosen.address, api_key=key, max_retries=0)  # what is indexed is tried again


def _local(chosen: Chosen) -> Any:
    """sentence-transformers, on this machine. A folder, or a name of what was downloaded before."""
    if reason := chosen.why_not():
        raise EmbeddingError(reason)
    # Not among our dependencies: with torch it is larger than all else together, and few want it.
    library = import_module("sentence_transformers")

    try:
        model = library.SentenceTransformer(chosen.name)
    except Exception as error:
        # What it raises depends on the model and on what is installed; the operator needs its words.
        raise EmbeddingError(f"{chosen.name} can't be loaded: {type(error).__name__}: {error}") from error

    def vectors(texts: Sequence[str], _seconds: float) -> np.ndarray:
        return np.asarray(model.encode(list(texts), batch_size=4, show_progress_bar=False), np.float32)

    return vectors
