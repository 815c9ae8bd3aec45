"""Fits a confidence: logistic regression, what is shipped anew from a workspace's judged answers, and how right it is.

A refit begins at what is shipped and leaves it only as far as the judgements make it: few change little. What it is
worth is said on judgements that it has not seen. Of questions that the agent was not sure of there must be some: a fit
to what was answered alone is too sure of the rest.

Who is cross thumbs down sooner than who is content thumbs up. So thumbs of customers tell right answers from wrong,
but not how many are right: in the fit they have a level of their own, and nothing is measured on them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from onethread.knowledge.confidence import FEATURES, Calibration

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

LEAST, LEAST_OF_EACH, LEAST_UNSURE = 200, 30, 40
"""Judgements that a refit needs; how many of them, thumbs aside, right and wrong; and how many, thumbs aside, that the
agent would hand over.
"""
UNSURE_BELOW = 0.8
"""The shipped belief from which the agent answers by itself, unless somebody set another."""
STIFFNESS, LOOSE, FREE = 50.0, 5.0, 0.5
"""Pull of each weight, for a number that is scaled to a spread of one, and of the intercept back to what is shipped;
and of the level of thumbs to that of the others.
"""
FOLDS = 5
SURE = 2.0
"""Standard errors by which a refit must be better."""
BINS = 10
_STEPS, _STILL, _BARELY = 100, 1e-9, 1e-6


@dataclass(frozen=True)
class Judged:
    """What answers were found by, and whether each was right. `keys` name the questions; their order means nothing.
    `thumbs`: which of them are customers' thumbs.
    """

    numbers: Numbers
    right: Numbers
    keys: Sequence[str]
    thumbs: Flags

    def only(self, which: Flags) -> "Judged":
        keys = [k for k, w in zip(self.keys, which, strict=True) if w]
        return Judged(self.numbers[which], self.right[which], keys, self.thumbs[which])

    @property
    def measured(self) -> "Judged":
        """Without thumbs."""
        return self.only(~self.thumbs)


@dataclass(frozen=True)
class Bin:
    """Answers of which one was about as sure."""

    count: int
    belief: float
    right: float


@dataclass(frozen=True)
class Figures:
    """How right a confidence is. `off`: how far belief and truth are apart, on average (ECE). `surprise`: log loss.
    `coverage`: share of the judged that are answered from the threshold; `precision`: of these, share that is right.
    """

    off: float
    surprise: float
    coverage: float
    precision: float | None
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class Trial:
    """A refit, with the beliefs that it would have had in what it was not fitted on, thumbs aside."""

    calibration: Calibration
    beliefs: Numbers


def logistic(z: Numbers, y: Numbers, share: Numbers, penalty: Numbers, offset: Numbers | float = 0.0) -> Numbers:
    """Weights of the columns of `z`, by Newton's method. A step that makes it worse is halved.

    `share` weighs the rows, `penalty` is a matrix, `offset` is what each row's logit has without them.
    """

    def loss(b: Numbers) -> float:
        logit = offset + z @ b
        return float(share @ (np.logaddexp(0, logit) - y * logit) + b @ penalty @ b / 2)

    b = np.zeros(z.shape[1])
    for _ in range(_STEPS):
        p = _sigmoid(offset + z @ b)
        hessian = (z * (share * p * (1 - p))[:, None]).T @ z + penalty
        step = np.linalg.solve(hessian, z.T @ (share * (y - p)) - penalty @ b)
        while loss(b + step) > loss(b) and np.abs(step).max() > _STILL:
            step /= 2
        b += step
        if np.abs(step).max() <= _STILL:
            break
    return b


def missing(shipped: Calibration, judged: Judged) -> str | None:
    """What a refit needs more, in words. None: there is enough."""
    total, measured = len(judged.right), judged.measured
    right = int(measured.right.sum())
    wrong = len(measured.right) - right
    if total < LEAST:
        return f"A refit needs {LEAST} judged answers. There are {total}."
    if min(right, wrong) < LEAST_OF_EACH:
        needs = f"A refit needs {LEAST_OF_EACH} right and {LEAST_OF_EACH} wrong answers."
        return f"{needs} {right} were right and {wrong} wrong.{_aside(judged)}"
    unsure = int((beliefs(shipped, measured.numbers) < UNSURE_BELOW).sum())
    if unsure < LEAST_UNSURE:
        needs = f"A refit needs {LEAST_UNSURE} judged searches that the agent would hand over. There are {unsure}."
        return f"{needs} Judge some by hand: customers see, and judge, only what it answers."
    return None


def refit(shipped: Calibration, judged: Judged) -> Calibration:
    """What is shipped, moved as far as the judgements say. A number that is always the same keeps its weight."""
    mean, spread = judged.numbers.mean(0), judged.numbers.std(0)
    scale = np.where(spread > _BARELY, spread, np.inf)
    z = np.c_[np.ones(len(judged.right)), (judged.numbers - mean) / scale, judged.thumbs]
    penalty = np.diag([LOOSE] + [STIFFNESS] * len(FEATURES) + [FREE])
    b = logistic(z, judged.right, np.ones(len(judged.right)), penalty, _logits(shipped, judged.numbers))
    moved = b[1:-1] / scale
    weights = zip(FEATURES, moved, strict=True)
    return replace(
        shipped,
        intercept=round(shipped.intercept + float(b[0] - moved @ mean), 4),
        weights={name: round(shipped.weights[name] + float(w), 4) for name, w in weights},
    )


def tried(shipped: Calibration, judged: Judged) -> Trial:
    """Each fifth is believed by a refit of the other four."""
    fold = _folds(judged)
    held_out = np.empty(len(fold))
    for n in range(FOLDS):
        of_others = refit(shipped, judged.only(fold != n))
        held_out[fold == n] = beliefs(of_others, judged.numbers[fold == n])
    return Trial(refit(shipped, judged), held_out[~judged.thumbs])


def is_better(before: Numbers, after: Numbers, right: Numbers) -> bool:
    """By more than chance."""
    gain = _surprises(before, right) - _surprises(after, right)
    return float(gain.mean()) > SURE * float(gain.std(ddof=1)) / len(gain) ** 0.5


def figures(belief: Numbers, right: Numbers, threshold: float) -> Figures:
    answered = belief >= threshold
    place = np.minimum((belief * BINS).astype(int), BINS - 1)
    bins = tuple(
        Bin(int(of.sum()), float(belief[of].mean()), float(right[of].mean()))
        for of in (place == n for n in range(BINS))
        if of.any()
    )
    return Figures(
        off=sum(one.count * abs(one.belief - one.right) for one in bins) / len(belief),
        surprise=float(_surprises(belief, right).mean()),
        coverage=float(answered.mean()),
        precision=float(right[answered].mean()) if answered.any() else None,
        bins=bins,
    )


def beliefs(calibration: Calibration, numbers: Numbers) -> Numbers:
    return _sigmoid(_logits(calibration, numbers))


def _aside(judged: Judged) -> str:
    thumbs = int(judged.thumbs.sum())
    return f" {thumbs} thumbs of customers do not count here: who is cross gives one sooner." if thumbs else ""


def _folds(judged: Judged) -> npt.NDArray[np.intp]:
    """The same for the same judgements; each has its share of thumbs, of right and of wrong."""
    order = sorted(range(len(judged.keys)), key=lambda i: (judged.thumbs[i], judged.right[i], judged.keys[i]))
    fold = np.empty(len(order), np.intp)
    fold[order] = np.arange(len(order)) % FOLDS
    return fold


def _logits(calibration: Calibration, numbers: Numbers) -> Numbers:
    return calibration.intercept + numbers @ np.array([calibration.weights[name] for name in FEATURES])


def _sigmoid(logits: Numbers) -> Numbers:
    return 1 / (1 + np.exp(-np.clip(logits, -60, 60)))


def _surprises(belief: Numbers, right: Numbers) -> Numbers:
    return -np.log(np.clip(np.where(right > 0, belief, 1 - belief), 1e-12, 1))
