"""What people said of answers, in the document store: what the answer was found by, and whether it was right.

No words are kept, and of one question the latest judgement counts. A judgement is of the numbers as they were when the
answer was given: articles may have changed since.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np

from onethread.contracts.knowledge import Evidence
from onethread.knowledge.confidence import FEATURES, Calibration
from onethread.knowledge.documents import DocumentStore
from onethread.knowledge.fitting import Judged

Origin = Literal["thumb", "used", "dismissed", "bench", "search", "api"]
"""A customer's thumb; a draft that a teammate sent as it is, or dismissed as wrong; the test bench; a search that was
judged in the inbox; another program.
"""
KEPT_SECONDS = 365 * 86_400.0
MOST = 20_000
"""The latest so many are fitted on."""
_NOTE = """insert into judgements (workspace, model, key, base, numbers, right, origin, by, customer_id, at)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do update set base = excluded.base, numbers = excluded.numbers,
    right = excluded.right, origin = excluded.origin, by = excluded.by, customer_id = excluded.customer_id,
    at = excluded.at where excluded.at >= judgements.at"""
_OF = """select key, numbers, right, origin from judgements where workspace = ? and model = ? and base = ?
    order by at desc, key limit ?"""
_COUNT = """select origin, right, count(*) as n from judgements where workspace = ? and model = ? and base = ?
    group by origin, right"""


@dataclass(frozen=True)
class Judgement:
    """`key`: of one question all judgements have the same. `at` is seconds since 1970."""

    key: str
    evidence: Evidence
    right: bool
    origin: Origin
    at: float
    by: str | None = None
    customer_id: str | None = None


@dataclass(frozen=True)
class Counts:
    total: int
    right: int
    origins: dict[str, int]


def key_of(query: str) -> str:
    """By which the same question is known again. What was asked cannot be read from it."""
    return hashlib.sha256(" ".join(query.split()).casefold().encode()).hexdigest()


def is_sound(evidence: Evidence) -> bool:
    """False for what this release cannot read."""
    return len(evidence.numbers) == len(FEATURES) and all(map(math.isfinite, evidence.numbers))


def note(documents: DocumentStore, workspace: str, judgement: Judgement) -> None:
    of = judgement.evidence
    with documents.transaction() as db:
        db.execute(_NOTE, (
            workspace, of.model, judgement.key, of.calibration, json.dumps(of.numbers), judgement.right,
            judgement.origin, judgement.by, judgement.customer_id, judgement.at,
        ))  # fmt: skip


def judged(documents: DocumentStore, workspace: str, shipped: Calibration) -> Judged:
    """Those that say something of the numbers that this calibration reads."""
    where = (workspace, shipped.model_id, shipped.version, MOST)
    rows = documents.connection.execute(_OF, where).fetchall()
    numbers = np.array([json.loads(row["numbers"]) for row in rows], float).reshape(-1, len(FEATURES))
    right = np.array([row["right"] for row in rows], float)
    thumbs = np.array([row["origin"] == "thumb" for row in rows], bool)
    return Judged(numbers, right, [row["key"] for row in rows], thumbs)


def counts(documents: DocumentStore, workspace: str, shipped: Calibration) -> Counts:
    rows = documents.connection.execute(_COUNT, (workspace, shipped.model_id, shipped.version)).fetchall()
    origins = Counter[str]()
    for row in rows:
        origins[row["origin"]] += row["n"]
    return Counts(origins.total(), sum(row["n"] for row in rows if row["right"]), dict(origins))


def forget_customer(documents: DocumentStore, workspace: str, customers: Collection[str], keys: Collection[str]) -> int:
    """`keys`: their messages. Returns how many judgements are gone."""
    with documents.transaction() as db:
        return db.execute(
            "delete from judgements where workspace = ?1 and (customer_id in (select value from json_each(?2))"
            " or key in (select value from json_each(?3)))",
            (workspace, json.dumps(sorted(customers)), json.dumps(sorted(keys))),
        ).rowcount


def forget_old(documents: DocumentStore, now: float) -> int:
    with documents.transaction() as db:
        return db.execute("delete from judgements where at < ?", (now - KEPT_SECONDS,)).rowcount
