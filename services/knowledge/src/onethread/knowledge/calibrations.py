"""Which calibration a workspace uses: the shipped one, or one that was fitted to its judged answers and adopted.

A refit is offered and never taken by itself. It belongs to the embedding model and to the shipped calibration that it
began at: with others, what is shipped counts.
"""

import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from onethread.knowledge import fitting, judgements
from onethread.knowledge.confidence import Calibration, shipped
from onethread.knowledge.documents import DocumentStore
from onethread.knowledge.fitting import Figures

_IN_USE = """select * from calibrations where workspace = ? and model = ? and base = ? and ended is null
    order by number desc limit 1"""
_NEXT = "select coalesce(max(number), 0) + 1 as number from calibrations where workspace = ?"
_ADD = """insert into calibrations (workspace, number, model, base, data, intercept, weights, by, since)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_END = "update calibrations set ended = ?, ended_by = ? where workspace = ? and model = ? and ended is null"
_ANEW = "update gaps set stale = 1 where workspace = ? and stale = 0"


class OfferChangedError(ValueError):
    """Judgements came in since it was shown, or it was adopted."""


@dataclass(frozen=True)
class InUse:
    """`base` is the version of the shipped one that reads the same numbers; that itself may be in use. `by` and `since`
    (seconds since 1970) are of what was adopted.
    """

    calibration: Calibration
    base: str
    by: str | None = None
    since: float | None = None


@dataclass(frozen=True)
class Offer:
    """`id` changes with what is offered. Both figures are of the same judged answers, thumbs aside; those of `after`
    are of beliefs in what the refit had not seen.
    """

    id: str
    calibration: Calibration
    before: Figures
    after: Figures


@dataclass(frozen=True)
class Standing:
    """How far a workspace is. `figures` are of what is in use, `why_not` says why nothing is offered."""

    in_use: InUse
    counts: judgements.Counts
    figures: Figures | None
    offer: Offer | None
    why_not: str | None


class Calibrations:
    """Safe to call from several threads."""

    def __init__(self, documents: DocumentStore, clock: Callable[[], float] = time.time) -> None:
        self._documents, self._clock = documents, clock
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], InUse] = {}

    def of(self, workspace: str, model_id: str) -> Calibration:
        return self.in_use(workspace, model_id).calibration

    def in_use(self, workspace: str, model_id: str) -> InUse:
        key = (workspace, model_id)
        if (known := self._kept.get(key)) is None:
            with self._lock:  # else a search could keep what somebody replaces meanwhile
                known = self._kept[key] = self._read(workspace, _shipped(model_id))
        return known

    def standing(self, workspace: str, model_id: str, threshold: float) -> Standing:
        shipped, in_use = _shipped(model_id), self.in_use(workspace, model_id)
        counts = judgements.counts(self._documents, workspace, shipped)
        judged = judgements.judged(self._documents, workspace, shipped)
        missing = fitting.missing(shipped, judged)
        measured = judged.measured
        if not len(measured.right):
            return Standing(in_use, counts, None, None, missing)
        now = fitting.beliefs(in_use.calibration, measured.numbers)
        before = fitting.figures(now, measured.right, threshold)
        if missing:
            return Standing(in_use, counts, before, None, missing)
        trial = fitting.tried(shipped, judged)
        after = fitting.figures(trial.beliefs, measured.right, threshold)
        if not fitting.is_better(now, trial.beliefs, measured.right):
            return Standing(in_use, counts, before, None, _no_better(before, after))
        offered = replace(trial.calibration, version=self._next(workspace), data=_data(shipped, counts))
        return Standing(in_use, counts, before, Offer(_id(offered), offered, before, after), None)

    def adopt(self, workspace: str, model_id: str, offer_id: str, by: str) -> Calibration:
        """Raises `OfferChangedError`, with nothing changed."""
        offer = self.standing(workspace, model_id, 0.5).offer
        if offer is None or offer.id != offer_id:
            raise OfferChangedError(offer_id)
        taken, base = offer.calibration, _shipped(model_id).version
        with self._changing(workspace, model_id) as db:
            number = db.execute(_NEXT, (workspace,)).fetchone()["number"]
            if taken.version != f"workspace-{number}":  # somebody adopted it at the same moment
                raise OfferChangedError(offer_id)
            weights = json.dumps(taken.weights)
            own = (number, model_id, base, taken.data, taken.intercept, weights, by, self._clock())
            db.execute(_ADD, (workspace, *own))
        return taken

    def back(self, workspace: str, model_id: str, by: str) -> None:
        """To what is shipped."""
        with self._changing(workspace, model_id) as db:
            db.execute(_END, (self._clock(), by, workspace, model_id))

    @contextmanager
    def _changing(self, workspace: str, model_id: str) -> Iterator[sqlite3.Connection]:
        """Gaps are looked at again: what is covered is a matter of belief."""
        with self._lock:
            with self._documents.transaction() as db:
                yield db
                db.execute(_ANEW, (workspace,))
            self._kept.pop((workspace, model_id), None)

    def _read(self, workspace: str, shipped: Calibration) -> InUse:
        where = (workspace, shipped.model_id, shipped.version)
        row = self._documents.connection.execute(_IN_USE, where).fetchone()
        if row is None:
            return InUse(shipped, shipped.version)
        weights = json.loads(row["weights"])
        own = Calibration(f"workspace-{row['number']}", shipped.model_id, row["data"], row["intercept"], weights)
        return InUse(own, shipped.version, row["by"], row["since"])

    def _next(self, workspace: str) -> str:
        row = self._documents.connection.execute(_NEXT, (workspace,)).fetchone()
        return f"workspace-{row['number']}"


def _shipped(model_id: str) -> Calibration:
    """Also of a model that was never measured: judgements are of the model that found the answer."""
    return replace(shipped(model_id), model_id=model_id)


def _id(offered: Calibration) -> str:
    """Of what would be used, whatever else is judged meanwhile."""
    said = json.dumps([offered.version, offered.model_id, offered.intercept, dict(offered.weights)])
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _data(shipped: Calibration, counts: judgements.Counts) -> str:
    return f"{shipped.version}, fitted anew to {counts.total} judged answers of this workspace"


def _no_better(before: Figures, after: Figures) -> str:
    return (
        "A refit was tried and is not surely better on answers that it had not seen: "
        f"today's confidence is {before.off * 100:.1f} points off, the refit's {after.off * 100:.1f}."
    )
