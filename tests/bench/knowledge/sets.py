"""The development sets: help centres and questions with known answers, and how a search is scored on them."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from onethread.contracts.knowledge import KnowledgeSearch
from onethread.knowledge.articles import Article
from onethread.knowledge.confidence import ANY, Calibration, shipped
from onethread.knowledge.embedding import AskedVectors, Embedded, Embedder
from onethread.knowledge.ingest import Ingestor
from onethread.knowledge.library import Library
from onethread.knowledge.search import Searcher

SETS = ("bank", "docs")
# The traffic that a confidence is meant for, as the sets' own evaluation weighs it.
TRAFFIC = {"answerable": 0.70, "near": 0.15, "far": 0.15}
DEEP = 50


@dataclass
class Asked:
    """One question of a set and what the search made of it."""

    query: dict[str, Any]
    ranking: list[str]
    numbers: tuple[float, ...] = ()
    confidence: float = 0.0

    @property
    def right(self) -> bool:
        return self.query["kind"] == "answerable" and bool({*self.query["gold"]} & {*self.ranking[:5]})


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def index(library: Library, folder: Path) -> None:
    """What is there already costs nothing."""
    for article in rows(folder / "articles.jsonl"):
        if article["group"] != "withheld":
            library.store.accept(article["tenant"], [Article(article["id"], article["title"], article["text"])])
    Ingestor(library).work()


def ask(searcher: Searcher, queries: Iterable[dict[str, Any]]) -> list[Asked]:
    asked: list[Asked] = []
    for query in queries:
        ranking = searcher.rank(KnowledgeSearch(workspace=query["tenant"], query=query["text"], k=DEEP))
        calibration = searcher.calibrations.of(query["tenant"], ranking.model_id)
        belief = calibration.belief(ranking.numbers) if ranking.numbers else 0.0
        found = [hit.passage.document_id for hit in ranking.hits]
        asked.append(Asked(query, found, ranking.numbers, belief))
    return asked


class _Anybody:
    """The models, as if nobody had measured them: without word pieces, and with the belief that is for all."""

    def __init__(self, library: Library) -> None:
        self._models = library.models

    def live(self, workspace: str) -> Embedder:
        return _Plain(self._models.live(workspace))

    def of(self, workspace: str, model_id: str) -> Calibration:
        return shipped(ANY)


class _Plain:
    gives_pieces = False

    def __init__(self, model: Embedder) -> None:
        self.model_id, self.embed, self._model = model.model_id, model.embed, model

    def embed_passages(self, texts: Sequence[str]) -> Embedded:
        return Embedded(self._model.embed_passages(texts).vectors)

    def embed_query(self, text: str) -> AskedVectors:
        return AskedVectors(self._model.embed_query(text).vector)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Plain) and other.model_id == self.model_id

    def __hash__(self) -> int:
        return hash(self.model_id)


def as_any(library: Library) -> Searcher:
    """A search by a model that nobody measured."""
    anybody = _Anybody(library)
    return replace(library.searcher, models=anybody, calibrations=anybody)


def score(folder: Path, asked: Sequence[Asked]) -> dict[str, Any]:
    """By the evaluation that came with the sets."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as run:
        for one in asked:
            row = {"id": one.query["id"], "ranking": one.ranking, "confidence": one.confidence}
            run.write(json.dumps(row) + "\n")
        run.flush()
        command = [sys.executable, folder.parent / "evaluate.py", folder / "queries.jsonl", run.name, "--json"]
        return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def shares(asked: Sequence[Asked]) -> np.ndarray:
    """The weight of each question, so that every set has the traffic's mix."""
    counts = Counter(one.query["kind"] for one in asked)
    return np.array([TRAFFIC[one.query["kind"]] / counts[one.query["kind"]] for one in asked])


def answered(asked: Sequence[Asked], yes: Sequence[bool]) -> dict[str, float]:
    """The share of each kind that is answered, and the precision over all that is."""
    weight, which = shares(asked), np.array(yes)
    of_kind = {
        kind: float(np.mean([y for one, y in zip(asked, yes, strict=True) if one.query["kind"] == kind]))
        for kind in TRAFFIC
    }
    right = (weight * np.array([one.right for one in asked]))[which].sum()
    return {**of_kind, "precision": float(right / (weight[which].sum() or 1))}
