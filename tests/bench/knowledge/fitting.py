"""Fits what the search has learned, on the questions of the split `calib` of both sets together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from tests.bench.knowledge.sets import Asked, rows, shares

from onethread.knowledge.confidence import FEATURES, SHIPPED, Calibration
from onethread.knowledge.embedding import PIECE_DIMENSION
from onethread.knowledge.fitting import logistic
from onethread.knowledge.minilm import DIMENSION, MiniLM

# Each set's share in the fit; the documentation set has few questions, and fitted on them alone nothing transfers.
SHARES = {"bank": 0.75, "docs": 0.25}
# Without it the weights of numbers that go together take opposite signs.
RIDGE = 0.003
VERSION = "pooled-3"


def write(asked: Mapping[str, Sequence[Asked]], model_id: str) -> Calibration:
    """Ships the fit as the model's calibration, or as that of models which nobody measured (`ANY`)."""
    calibration = fit(
        {name: [a for a in of if a.query["split"] == "calib" and a.numbers] for name, of in asked.items()}, model_id
    )
    (SHIPPED / f"{model_id}.json").write_text(json.dumps(asdict(calibration), indent=2) + "\n")
    return calibration


def fit(sets: Mapping[str, Sequence[Asked]], model_id: str) -> Calibration:
    """One regression for all sets."""
    x = np.array([a.numbers for asked in sets.values() for a in asked])
    y = np.array([a.right for asked in sets.values() for a in asked], float)
    share = np.concatenate([SHARES[name] * shares(asked) for name, asked in sets.items()])
    share /= share.sum()
    mean, spread = x.mean(0), x.std(0)
    spread[spread == 0] = 1  # a model without word pieces
    z = np.c_[np.ones(len(x)), (x - mean) / spread]
    b = logistic(z, y, share, RIDGE * np.diag([0.0] + [1.0] * len(FEATURES)))
    weights = b[1:] / spread
    data = ", ".join(f"{name}: {len(asked)} calibration questions" for name, asked in sets.items())
    return Calibration(
        version=VERSION,
        model_id=model_id,
        data=f"{data}; weighed as 70 % answerable, 15 % near, 15 % far",
        intercept=round(float(b[0] - weights @ mean), 4),
        weights={name: round(float(w), 4) for name, w in zip(FEATURES, weights, strict=True)},
    )


def write_axes(folder: Path, target: Path) -> str:
    """The principal axes of the word pieces of a set's articles. Returns the file's sha256, which is pinned."""
    embedder = MiniLM()
    spread = np.zeros((DIMENSION, DIMENSION))
    for article in rows(folder / "articles.jsonl"):
        hidden = embedder.hidden(f"{article['title']}\n{article['text']}")
        unit = hidden / np.linalg.norm(hidden, axis=1, keepdims=True)
        spread += unit.T @ unit
    axes = np.linalg.eigh(spread)[1][:, ::-1][:, :PIECE_DIMENSION]
    axes *= np.sign(axes[np.abs(axes).argmax(0), range(PIECE_DIMENSION)])
    np.save(target, axes.astype(np.float16))
    return hashlib.sha256(target.read_bytes()).hexdigest()
