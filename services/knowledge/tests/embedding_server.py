"""A look-alike of an OpenAI-compatible embedding server. Its vectors are sums of a vector for each word."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from onethread.knowledge.own_model import Chosen


class EmbeddingServer(ThreadingHTTPServer):
    """`answer` may be set to (status, body); else it embeds. `asked` are the bodies of all requests."""

    daemon_threads = True

    def __init__(self, dimension: int = 64) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.dimension = dimension
        self.answer: tuple[int, Any] | None = None
        self.longest = 10_000
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.gate = threading.Event()
        self.gate.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def chosen(self, **more: Any) -> Chosen:
        return Chosen("openai", "words", self.url, **more)

    def handle_error(self, *_: Any) -> None:
        """A client that went away."""


class _Handler(BaseHTTPRequestHandler):
    server: EmbeddingServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(asked)
        self.server.keys.append(self.headers["authorization"])
        self.server.gate.wait(10)
        status, body = self.server.answer or self._embedded(asked)
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _embedded(self, asked: dict[str, Any]) -> tuple[int, Any]:
        texts = asked["input"]
        if any(len(text) > self.server.longest for text in texts):
            return 400, {"error": {"message": "input is too long"}}
        rows = [{"object": "embedding", "index": n, "embedding": self._vector(t)} for n, t in enumerate(texts)]
        # The order of the answer is not that of the question: `index` counts.
        usage = {"prompt_tokens": 0, "total_tokens": 0}
        return 200, {"object": "list", "data": rows[::-1], "model": asked["model"], "usage": usage}

    def _vector(self, text: str) -> list[float]:
        rows = [_of_word(word, self.server.dimension) for word in text.lower().split()]
        return np.sum(rows, axis=0).tolist()

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def _of_word(word: str, dimension: int) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(word.strip(".,?!").encode()).digest()[:8])
    return np.random.default_rng(seed).normal(size=dimension)


@contextmanager
def embedding_server(**options: Any) -> Iterator[EmbeddingServer]:
    with EmbeddingServer(**options) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.gate.set()
        server.shutdown()
