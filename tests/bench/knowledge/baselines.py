"""Meaning alone and words alone, over the same index."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.bench.knowledge.sets import DEEP, Asked

from onethread.knowledge.articles import Where
from onethread.knowledge.library import Library

PASSAGES = 200


def by_meaning(library: Library, queries: Iterable[dict[str, Any]]) -> list[Asked]:
    def scores(where: Where, text: str) -> dict[int, float]:
        embedder = library.models.live(where.workspace)
        return library.vectors.of(embedder.model_id).nearest(where, embedder.embed_query(text).vector, PASSAGES)

    return [_asked(library, query, scores(Where(query["tenant"], "public"), query["text"])) for query in queries]


def by_words(library: Library, queries: Iterable[dict[str, Any]]) -> list[Asked]:
    def scores(where: Where, text: str) -> dict[int, float]:
        return library.words.match(where, text, PASSAGES)

    return [_asked(library, query, scores(Where(query["tenant"], "public"), query["text"])) for query in queries]


def _asked(library: Library, query: dict[str, Any], scores: dict[int, float]) -> Asked:
    passages = library.store.passages(query["tenant"], scores, "public")
    best = sorted(passages, key=lambda i: (-scores[i], i))
    articles = dict.fromkeys(passages[i].document_id for i in best)
    top = max(scores.values(), default=0.0)
    return Asked(query, list(articles)[:DEEP], confidence=top / (1 + top))
