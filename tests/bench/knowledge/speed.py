"""How long a search takes, and what the process holds, with many passages. One process fills, a fresh one searches.

The passages are those of a development set, their words shuffled and their vectors moved a little, so that 100,000 of
them are made in a minute; to embed as many would take an hour.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from tests.bench.knowledge.sets import rows
from tests.bench.measure import MEGABYTE, percentiles

from onethread.contracts.knowledge import KnowledgeSearch
from onethread.knowledge.articles import Article
from onethread.knowledge.chunking import Chunk, Span
from onethread.knowledge.library import Library, open_library

WORDS, EMBEDDED, STEP = 110, 400, 2_000
MOVED = 0.35
"""Length of what is added to a vector of length one."""
SEARCHES = 400
WORKSPACE = "speed"


def measured(folder: Path, size: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home:
        _apart("fill", folder, home, str(size))
        return json.loads(_apart("search", folder, home).splitlines()[-1])


def _apart(*arguments: str | Path) -> bytes:
    """In a process of its own, whose memory is then its own as well."""
    command = [sys.executable, "-m", "tests.bench.knowledge.speed", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def main() -> None:
    act, folder, home, *size = sys.argv[1:]
    with open_library(Path(home)) as library:
        if act == "fill":
            fill(library, Path(folder), int(size[0]))
        else:
            print(json.dumps(search(library, Path(folder))))


def fill(library: Library, folder: Path, size: int) -> None:
    words = [article["text"].split() for article in rows(folder / "articles.jsonl")]
    texts = [" ".join(own[:WORDS]) for own in words[:EMBEDDED]]
    embedded = library.models.get(library.models.first).embed_passages(texts)
    chance, numbers = random.Random(1), np.random.default_rng(1)
    for start in range(0, size, STEP):
        count = min(STEP, size - start)
        sources = [chance.randrange(len(texts)) for _ in range(count)]
        articles = [
            Article(f"a{start + n}", f"Article {start + n}", _shuffled(texts[s], chance)) for n, s in enumerate(sources)
        ]
        library.store.accept(WORKSPACE, articles)
        versions = library.store.pending(count)
        span = Span((), 0, WORDS * 20)
        ids = [i for (i,) in library.store.add_passages((v, [Chunk(span, v.article.text, span)]) for v in versions)]
        vectors = embedded.vectors[sources] + numbers.normal(size=(count, 384), scale=MOVED / 384**0.5)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        library.vectors.of(library.models.first).upsert(
            WORKSPACE, "public", ids, vectors.astype(np.float32), [None] * count
        )
        library.pieces.put({i: embedded.pieces[s] for i, s in zip(ids, sources, strict=True)})
        library.store.switch(versions)
        library.store.settle()


def search(library: Library, folder: Path) -> dict[str, Any]:
    queries = [query["text"] for query in rows(folder / "queries.jsonl")][: SEARCHES + 20]
    began = time.perf_counter()
    times = []
    for number, query in enumerate(queries):
        asked = time.perf_counter()
        library.searcher.search(KnowledgeSearch(workspace=WORKSPACE, query=query))
        if number == 0:
            first = time.perf_counter() - began
        if number >= 20:
            times.append(time.perf_counter() - asked)
    status = library.store.status(WORKSPACE)
    resident = psutil.Process().memory_info().rss / MEGABYTE
    return {
        "passages": status.passages,
        **percentiles(times),
        "first_s": round(first, 1),
        "resident_mb": round(resident),
    }


def _shuffled(text: str, chance: random.Random) -> str:
    own = text.split()
    chance.shuffle(own)
    return " ".join(own)


if __name__ == "__main__":
    main()
