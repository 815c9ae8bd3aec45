"""How sure we are that what was found answers the question: a logistic model of six numbers.

The numbers say how well the first article matches, how far the others fall behind, and how much of the question is
words that nobody wrote. The weights are fitted on questions with known answers and shipped, a file for each model
(`just bench knowledge DATA --write`).
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Self

SHIPPED = Path(__file__).parent / "calibrations"
"""A file for each model that was measured, and one for all others."""
ANY = "any"
FEATURES = ("match", "fall", "stands_out", "words", "same_first", "strange")
_FAR = 40
_SECOND_COSINE, _SECOND_HELD = 0.2, 0.35
"""What an article that is alone is held against: as good as the second of two is."""


def features(
    cosines: Mapping[str, float],
    words: Mapping[str, float],
    held: Mapping[str, float],
    about: Mapping[str, float],
    strange: float,
    winner: str,
) -> tuple[float, ...]:
    """The six numbers, in the order of `FEATURES`.

    `cosines`, `words` (BM25), `held` and `about` (the second look) give the best score of each article, `winner` is the
    article that is ranked first. A number that says how large a score is comes with one that says how far it leads, for
    the one alone does not carry over from one help centre to another.
    """
    if len(cosines) == 1:
        cosines, held = {**cosines, "": _SECOND_COSINE}, {**held, "": _SECOND_HELD}
    by_cosine, by_words = _ranked(cosines), _ranked(words)
    best = cosines[by_cosine[0]] if by_cosine else 0.0
    return (
        sum(side.get(winner, 0.0) for side in (cosines, held, about)),
        best - cosines[by_cosine[:_FAR][-1]] if by_cosine else 0.0,
        max(held.values()) - fmean(held.values()) if held else 0.0,
        math.log1p(words.get(winner, 0.0)),
        float(bool(by_words) and by_cosine[:1] == by_words[:1]),
        strange,
    )


@dataclass(frozen=True)
class Calibration:
    """`version` names the fit, `model_id` the embedding it is for, `data` what it was made on."""

    version: str
    model_id: str
    data: str
    intercept: float
    weights: Mapping[str, float]

    @classmethod
    def load(cls, path: Path) -> Self:
        return cls(**json.loads(path.read_text()))

    def belief(self, numbers: tuple[float, ...]) -> float:
        """Between 0 and 1."""
        weights = (self.weights[name] for name in FEATURES)
        total = self.intercept + sum(w * x for w, x in zip(weights, numbers, strict=True))
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, total))))


def is_measured(model_id: str) -> bool:
    return (SHIPPED / f"{model_id}.json").is_file()


@cache
def shipped(model_id: str) -> Calibration:
    path = SHIPPED / f"{model_id}.json"
    return Calibration.load(path if is_measured(model_id) else SHIPPED / f"{ANY}.json")


def _ranked(scores: Mapping[str, float]) -> list[str]:
    return sorted((a for a in scores if scores[a] > 0), key=lambda a: -scores[a])
