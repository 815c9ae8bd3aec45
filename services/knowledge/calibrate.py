"""Fits the confidence on the development sets and scores the whole search on them.

    python services/knowledge/calibrate.py DATA [--write] [--keep FOLDER]

DATA holds `bank/` and `docs/` with `articles.jsonl` and `queries.jsonl`, and `evaluate.py`. Fitted on the questions of
the split `calib` of both sets together, scored on `test`. Not part of the package. Takes about two minutes.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from onethread.contracts.knowledge import KnowledgeSearch
from onethread.knowledge.articles import Article
from onethread.knowledge.confidence import FEATURES, SHIPPED, Calibration
from onethread.knowledge.embedding import MODEL_ID
from onethread.knowledge.ingest import Ingestor
from onethread.knowledge.library import Library, open_library

SETS = ("bank", "docs")
# The traffic that a confidence is meant for, as the sets' own evaluation weighs it.
TRAFFIC = {"answerable": 0.70, "near": 0.15, "far": 0.15}
# Each set's share in the fit; the documentation set has few questions, and fitted on them alone nothing transfers.
SHARES = {"bank": 0.75, "docs": 0.25}
# Best cosine and the winner's cosine are nearly one number; without this their weights take opposite signs.
RIDGE = 0.003
VERSION = "pooled-2"
THRESHOLDS = (0.6, 0.7, 0.75, 0.8, 0.85)


@dataclass
class Asked:
    """One question of a set and what the search made of it."""

    query: dict
    ranking: list[str]
    numbers: tuple[float, ...]

    @property
    def right(self) -> bool:
        return self.query["kind"] == "answerable" and bool({*self.query["gold"]} & {*self.ranking[:5]})


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def ask_all(library: Library, folder: Path) -> list[Asked]:
    for article in rows(folder / "articles.jsonl"):
        if article["group"] != "withheld":
            library.store.accept(article["tenant"], [Article(article["id"], article["title"], article["text"])])
    Ingestor(library).work()
    searcher = library.searcher
    asked = []
    for query in rows(folder / "queries.jsonl"):
        ranking = searcher.rank(KnowledgeSearch(workspace=query["tenant"], query=query["text"], k=50))
        asked.append(Asked(query, [hit.passage.document_id for hit in ranking.hits], ranking.numbers))
    return asked


def shares(asked: list[Asked]) -> np.ndarray:
    """The weight of each question, so that every set has the traffic's mix."""
    counts = Counter(a.query["kind"] for a in asked)
    return np.array([TRAFFIC[a.query["kind"]] / counts[a.query["kind"]] for a in asked])


def fit(sets: list[list[Asked]]) -> Calibration:
    """Logistic regression by Newton's method. `sets` are in the order of `SETS`."""
    x = np.array([a.numbers for asked in sets for a in asked])
    y = np.array([a.right for asked in sets for a in asked], float)
    share = np.concatenate([SHARES[name] * shares(asked) for name, asked in zip(SETS, sets, strict=True)])
    share /= share.sum()
    mean, spread = x.mean(0), x.std(0)
    z = np.c_[np.ones(len(x)), (x - mean) / spread]
    penalty = RIDGE * np.diag([0.0] + [1.0] * len(FEATURES))
    b = np.zeros(z.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-z @ b))
        hessian = (z * (share * p * (1 - p))[:, None]).T @ z + penalty
        b += np.linalg.solve(hessian, z.T @ (share * (y - p)) - penalty @ b)
    weights = b[1:] / spread
    data = ", ".join(f"{name}: {len(asked)} calibration questions" for name, asked in zip(SETS, sets, strict=True))
    return Calibration(
        version=VERSION,
        model_id=MODEL_ID,
        data=f"{data}; weighed as 70 % answerable, 15 % near, 15 % far",
        intercept=round(float(b[0] - weights @ mean), 4),
        weights={name: round(float(w), 4) for name, w in zip(FEATURES, weights, strict=True)},
    )


def evaluate(folder: Path, asked: list[Asked], calibration: Calibration) -> dict:
    run = [
        {"id": a.query["id"], "ranking": a.ranking, "confidence": calibration.belief(a.numbers) if a.numbers else 0.0}
        for a in asked
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.writelines(json.dumps(row) + "\n" for row in run)
        file.flush()
        command = [sys.executable, folder.parent / "evaluate.py", folder / "queries.jsonl", file.name, "--json"]
        figures = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)  # noqa: S603 our own
    for threshold in THRESHOLDS:
        figures[f"at {threshold}"] = at(threshold, asked, [row["confidence"] for row in run])
    return figures


def at(threshold: float, asked: list[Asked], beliefs: list[float]) -> dict[str, float]:
    """Of the test questions: the share of each kind that is answered, and the precision over all that is answered."""
    test = [(a, belief >= threshold) for a, belief in zip(asked, beliefs, strict=True) if a.query["split"] == "test"]
    weight = shares([a for a, _ in test])
    answered = np.array([yes for _, yes in test])
    of_kind = {kind: float(np.mean([yes for a, yes in test if a.query["kind"] == kind])) for kind in TRAFFIC}
    right = (weight * [a.right for a, _ in test])[answered].sum()
    return {**of_kind, "precision": float(right / (weight[answered].sum() or 1))}


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("data", type=Path)
    arguments.add_argument("--write", action="store_true", help="ship the fit as calibration.json")
    arguments.add_argument("--keep", type=Path, help="folder where what is indexed stays for the next fit")
    chosen = arguments.parse_args()
    asked: dict[str, list[Asked]] = {}
    for name in SETS:
        with tempfile.TemporaryDirectory() as folder, open_library((chosen.keep or Path(folder)) / name) as library:
            asked[name] = ask_all(library, chosen.data / name)
    calibration = fit([[a for a in asked[name] if a.query["split"] == "calib" and a.numbers] for name in SETS])
    if chosen.write:
        SHIPPED.write_text(json.dumps(asdict(calibration), indent=2) + "\n")
    print(json.dumps(asdict(calibration), indent=2))  # noqa: T201 a command's output
    for name in SETS:
        print(name, json.dumps(evaluate(chosen.data / name, asked[name], calibration)))  # noqa: T201


if __name__ == "__main__":
    main()
