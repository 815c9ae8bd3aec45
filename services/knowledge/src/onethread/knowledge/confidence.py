"""How sure we are that what was found answers the question: a logistic model of eleven numbers.

The numbers say how well the best article matches, how far it leads, how alone it stands, and whether meaning and words
agree. The weights are fitted on questions with known answers and shipped as `calibration.json`
(`just bench knowledge --write`).
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

SHIPPED = Path(__file__).parent / "calibration.json"
FEATURES = (
    "best_cosine",
    "cosine_lead",
    "best_words",
    "words_lead",
    "known_words",
    "top_five_overlap",
    "winner_cosine",
    "same_first",
    "winner_pieces",
    "rivals",
    "fall",
)
_TOP = 5
_RIVALS, _NEAR = 10, 0.05
"""An article whose cosine is this much below the best counts as a third of a rival."""
_FAR = 20


def features(
    cosines: Mapping[str, float],
    words: Mapping[str, float],
    pieces: Mapping[str, float],
    known: float,
    winner: str,
) -> tuple[float, ...]:
    """The eleven numbers, in the order of `FEATURES`.

    `cosines`, `words` (BM25) and `pieces` (the second look) give the best score of each article, `known` the share of
    the question's stems that the index has, `winner` the article that is ranked first.
    """
    by_cosine, by_words = _ranked(cosines), _ranked(words)
    near, similar = by_cosine[:_TOP], by_words[:_TOP]
    best = cosines[near[0]] if near else 0.0
    logs = [math.log1p(words[article]) for article in similar]
    return (
        best,
        best - cosines[near[-1]] if near else 0.0,
        logs[0] if logs else 0.0,
        logs[0] - (logs[-1] if len(logs) == _TOP else 0.0) if logs else 0.0,
        known,
        len({*near} & {*similar}) / _TOP,
        cosines.get(winner, 0.0),
        float(bool(near and similar) and near[0] == similar[0]),
        pieces.get(winner, 0.0),
        sum(math.exp((cosines[article] - best) / _NEAR) for article in by_cosine[:_RIVALS]),
        best - cosines[by_cosine[:_FAR][-1]] if near else 0.0,
    )


@dataclass(frozen=True)
class Calibration:
    """`version` names the fit, `model_id` the embedding it was made with, `data` what it was made on."""

    version: str
    model_id: str
    data: str
    intercept: float
    weights: Mapping[str, float]

    @classmethod
    def load(cls, path: Path = SHIPPED) -> Self:
        return cls(**json.loads(path.read_text()))

    def belief(self, numbers: tuple[float, ...]) -> float:
        """Between 0 and 1."""
        weights = (self.weights[name] for name in FEATURES)
        total = self.intercept + sum(w * x for w, x in zip(weights, numbers, strict=True))
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, total))))


def _ranked(scores: Mapping[str, float]) -> list[str]:
    return sorted((a for a in scores if scores[a] > 0), key=lambda a: -scores[a])
