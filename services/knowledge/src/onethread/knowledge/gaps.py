"""Gaps: what customers asked and got no good answer to, gathered by meaning, in the document store.

A question is kept without what tells who asked, and counts once however often it is told of. Which gap it belongs to
is decided when it comes and never again, so that a gap keeps its id.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

from onethread.contracts.knowledge import GapKind, KnowledgeFound
from onethread.contracts.messages import ChannelKind
from onethread.knowledge.documents import DocumentStore
from onethread.knowledge.embedding import Embedder
from onethread.knowledge.gathering import most_typical, nearest
from onethread.knowledge.search import LiveModels
from onethread.runtime.personal import without_personal_data

GapState = Literal["open", "drafted", "closed", "ignored"]
Sort = Literal["count", "latest"]
Proposals = Literal["off", "ask"]

COVERED_FROM = 0.8
"""The belief from which the agent answers by itself, unless somebody set another."""
LONGEST = 500
"""Characters of a question, as many as a wording may have."""
_FIELDS = """g.id, g.question, g.state, g.count, g.first, g.last, g.article_id, a.state as article_state, g.nearest_id,
    g.nearest_title, g.belief,
    g.belief >= ?2 and not (g.nearest_id is g.failed_id and g.nearest_version is g.failed_version) as covered,
    (select count(distinct customer_id) from gap_questions q where q.workspace = g.workspace and q.gap_id = g.id)
        as customers,
    (select json_group_array(distinct channel) from gap_questions q
        where q.workspace = g.workspace and q.gap_id = g.id and channel is not null) as channels,
    (select json_group_array(distinct k.value) from gap_questions q, json_each(q.kinds) k
        where q.workspace = g.workspace and q.gap_id = g.id) as kinds
    from gaps g left join articles a on a.workspace = g.workspace and a.id = g.article_id
    where g.workspace = ?1"""
_ORDER = {"count": "count", "latest": "last"}


class NoSuchGapError(LookupError):
    """There is none of this id in the workspace."""


@dataclass(frozen=True)
class Asked:
    """A question as it is told of. `at` is seconds since 1970."""

    message_id: str
    text: str
    kind: GapKind
    at: float
    thread_id: str | None = None
    customer_id: str | None = None
    channel: ChannelKind | None = None
    locale: str | None = None
    failed_id: str | None = None
    """The article that was sure to answer, and did not."""


@dataclass(frozen=True)
class Gap:
    """`question` is the most typical one. `belief` that the nearest article answers it, 0 to 1. `covered`: an article
    answers it now, and it is not the one that failed to when it was asked.
    """

    id: str
    question: str
    state: GapState
    count: int
    first: float
    last: float
    article_id: str | None
    article_state: str | None
    nearest_id: str | None
    nearest_title: str | None
    belief: float
    covered: bool
    customers: int
    channels: tuple[ChannelKind, ...]
    kinds: tuple[GapKind, ...]


@dataclass(frozen=True)
class Example:
    """One question of a gap."""

    message_id: str
    thread_id: str | None
    question: str
    kinds: tuple[GapKind, ...]
    channel: ChannelKind | None
    locale: str | None
    at: float


@dataclass(frozen=True)
class Stale:
    """A gap whose question is to be looked for again."""

    workspace: str
    id: str
    question: str
    locale: str | None


@dataclass(frozen=True)
class GapStore:
    """Safe to call from any thread; nothing is answered before it is on disk."""

    documents: DocumentStore
    models: LiveModels
    clock: Callable[[], float] = time.time

    def note(self, workspace: str, asked: Asked) -> None:
        """A question that says nothing once personal data is out of it is no gap."""
        text = without_personal_data(" ".join(asked.text.split()))[:LONGEST].strip()
        if not any(one.isalpha() for one in without_marks(text)):
            return
        embedder = self.models.live(workspace)
        self._embed_anew(workspace, embedder)
        vector = embedder.embed([text])[0]
        with self.documents.transaction() as db:
            if asked.kind == "thumbed_down" and not is_latest_word(db, workspace, asked.message_id, asked.at, True):
                return
            if not self._told_before(db, workspace, asked):
                model = embedder.model_id
                gap_id = self._gap_for(db, workspace, vector, model) or self._open(db, workspace, text, asked.at, model)
                self._add(db, workspace, gap_id, asked, text, vector.tobytes())

    def get(self, workspace: str, gap_id: str, covered_from: float = COVERED_FROM) -> Gap:
        """Raises `NoSuchGapError`."""
        query = f"select {_FIELDS} and g.id = ?3"
        row = self.documents.connection.execute(query, (workspace, covered_from, gap_id)).fetchone()
        if row is None:
            raise NoSuchGapError(gap_id)
        return _gap(row)

    def all(
        self,
        workspace: str,
        state: GapState | None,
        sort: Sort,
        after: tuple[float, str] | None,
        limit: int,
        covered_from: float = COVERED_FROM,
    ) -> list[Gap]:
        """The most asked, or the latest asked, first."""
        by = _ORDER[sort]
        value, id_ = after or (float("inf"), "")
        rows = self.documents.connection.execute(
            f"select {_FIELDS} and (?3 is null or g.state = ?3) and (g.{by} < ?4 or (g.{by} = ?4 and g.id > ?5))"
            f" order by g.{by} desc, g.id limit ?6",
            (workspace, covered_from, state, value, id_, limit),
        )
        return [_gap(row) for row in rows]

    def examples(self, workspace: str, gap_id: str, limit: int = 200) -> list[Example]:
        """The latest first."""
        rows = self.documents.connection.execute(
            "select message_id, thread_id, question, kinds, channel, locale, at from gap_questions"
            " where workspace = ? and gap_id = ? order by at desc, message_id limit ?",
            (workspace, gap_id, limit),
        )
        return [Example(**{**dict(row), "kinds": tuple(json.loads(row["kinds"]))}) for row in rows]

    def set_state(self, workspace: str, gap_id: str, state: GapState) -> None:
        """Raises `NoSuchGapError`."""
        closed = self.clock() if state == "closed" else None
        with self.documents.transaction() as db:
            change = "update gaps set state = ?, closed = ?, stale = 1 where workspace = ? and id = ?"
            if not db.execute(change, (state, closed, workspace, gap_id)).rowcount:
                raise NoSuchGapError(gap_id)

    def moved(self, workspace: str, thread_id: str, message_ids: Sequence[str]) -> None:
        """Questions stand in another thread now."""
        with self.documents.transaction() as db:
            db.execute(
                "update gap_questions set thread_id = ? where workspace = ? and message_id in"
                " (select value from json_each(?))",
                (thread_id, workspace, json.dumps(list(message_ids))),
            )

    def of_thread(self, workspace: str, thread_id: str) -> list[str]:
        """Ids of the gaps that a person has not ended and that were asked in the thread."""
        rows = self.documents.connection.execute(
            "select distinct g.id from gap_questions q join gaps g on g.workspace = q.workspace and g.id = q.gap_id"
            " where q.workspace = ? and q.thread_id = ? and g.state in ('open', 'drafted') order by g.id",
            (workspace, thread_id),
        )
        return [row["id"] for row in rows]

    # What is covered now

    def stale(self, limit: int) -> list[Stale]:
        rows = self.documents.connection.execute(
            "select g.workspace, g.id, g.question, (select locale from gap_questions q where q.workspace = g.workspace"
            " and q.gap_id = g.id and q.question = g.question limit 1) as locale"
            " from gaps g indexed by gaps_stale where stale = 1 limit ?",
            (limit,),
        )
        return [Stale(**dict(row)) for row in rows]

    def checked(self, gap: Stale, found: KnowledgeFound) -> None:
        """Keeps what is found now."""
        best = found.passages[0] if found.passages else None
        near = (best.document_id, best.title, best.version) if best else (None, None, None)
        with self.documents.transaction() as db:
            db.execute(
                "update gaps set nearest_id = ?, nearest_title = ?, nearest_version = ?, belief = ?, stale = 0"
                " where workspace = ? and id = ? and question = ?",
                (*near, found.confidence, gap.workspace, gap.id, gap.question),
            )

    def all_stale(self) -> None:
        """At start: another release may find other things."""
        with self.documents.transaction() as db:
            db.execute("update gaps set stale = 1 where stale = 0")

    # Threads that were solved

    def proposals(self, workspace: str) -> Proposals:
        row = self.documents.connection.execute(
            "select proposals from gap_settings where workspace = ?", (workspace,)
        ).fetchone()
        return row["proposals"] if row else "ask"

    def set_proposals(self, workspace: str, proposals: Proposals) -> None:
        with self.documents.transaction() as db:
            db.execute(
                "insert into gap_settings values (?, ?) on conflict do update set proposals = excluded.proposals",
                (workspace, proposals),
            )

    def solved(self, workspace: str, thread_id: str) -> None:
        """A teammate closed the thread. Nothing happens when it has no gap, or none is to be proposed."""
        if self.proposals(workspace) == "ask" and self.of_thread(workspace, thread_id):
            with self.documents.transaction() as db:
                db.execute(
                    "insert into solved_threads (workspace, thread_id, due) values (?, ?, ?)"
                    " on conflict do update set due = excluded.due, tries = 0",
                    (workspace, thread_id, self.clock()),
                )

    def solved_and_due(self) -> list[tuple[str, str, int]]:
        """(workspace, thread, how often it was looked at)"""
        query = "select workspace, thread_id, tries from solved_threads where due <= ? limit 16"
        rows = self.documents.connection.execute(query, (self.clock(),)).fetchall()
        return [(row["workspace"], row["thread_id"], row["tries"]) for row in rows]

    def look_again(self, workspace: str, thread_id: str, seconds: float | None) -> None:
        """`seconds` none: no more."""
        where = (workspace, thread_id)
        with self.documents.transaction() as db:
            if seconds is None:
                db.execute("delete from solved_threads where workspace = ? and thread_id = ?", where)
            else:
                later = "update solved_threads set due = ?, tries = tries + 1 where workspace = ? and thread_id = ?"
                db.execute(later, (self.clock() + seconds, *where))

    # Inside

    def _told_before(self, db: sqlite3.Connection, workspace: str, asked: Asked) -> bool:
        """Of one message all that is told counts once; in what ways it went wrong is kept."""
        where = (workspace, asked.message_id)
        query = "select kinds, gap_id from gap_questions where workspace = ? and message_id = ?"
        row = db.execute(query, where).fetchone()
        if row is None:
            return False
        kinds = json.dumps(sorted({*json.loads(row["kinds"]), asked.kind}))
        db.execute("update gap_questions set kinds = ? where workspace = ? and message_id = ?", (kinds, *where))
        self._keep_failed(db, workspace, row["gap_id"], asked.failed_id)
        return True

    def _gap_for(self, db: sqlite3.Connection, workspace: str, vector: Any, model: str) -> str | None:
        rows = db.execute("select id, sum, count from gaps where workspace = ? order by id", (workspace,)).fetchall()
        sums, counts = [row["sum"] for row in rows], [row["count"] for row in rows]
        found = nearest(vector, sums, counts, model)
        return rows[found]["id"] if found is not None else None

    def _open(self, db: sqlite3.Connection, workspace: str, question: str, at: float, model: str) -> str:
        gap_id = f"gap_{uuid4().hex[:16]}"
        db.execute(
            "insert into gaps (workspace, id, question, model, sum, count, first, last)"
            " values (?, ?, ?, ?, x'', 0, ?, ?)",
            (workspace, gap_id, question, model, at, at),
        )
        return gap_id

    def _add(self, db: sqlite3.Connection, workspace: str, gap_id: str, asked: Asked, text: str, vector: bytes) -> None:
        db.execute(
            "insert into gap_questions (workspace, message_id, gap_id, thread_id, customer_id, question, kinds,"
            " channel, locale, vector, at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(workspace, asked.message_id, gap_id, asked.thread_id, asked.customer_id, text),
                *(json.dumps([asked.kind]), asked.channel, asked.locale, vector, asked.at),
            ),
        )
        refresh(db, workspace, gap_id)
        # What was closed and is asked again is open again; what is ignored stays so.
        db.execute(
            "update gaps set state = iif(state = 'closed' and closed < ?, 'open', state)"
            " where workspace = ? and id = ?",
            (asked.at, workspace, gap_id),
        )
        self._keep_failed(db, workspace, gap_id, asked.failed_id)

    def _keep_failed(self, db: sqlite3.Connection, workspace: str, gap_id: str, failed_id: str | None) -> None:
        if failed_id is not None:
            db.execute(
                "update gaps set failed_id = ?3, failed_version ="
                " (select live from documents where workspace = ?1 and id = ?3) where workspace = ?1 and id = ?2",
                (workspace, gap_id, failed_id),
            )

    def _embed_anew(self, workspace: str, embedder: Embedder) -> None:
        """Vectors of another model say nothing to those of this one. Gaps stay as they were gathered."""
        model = embedder.model_id
        query = "select id from gaps where workspace = ? and model != ?"
        for row in self.documents.connection.execute(query, (workspace, model)).fetchall():
            asked = self.documents.connection.execute(
                "select message_id, question from gap_questions where workspace = ? and gap_id = ?",
                (workspace, row["id"]),
            ).fetchall()
            vectors = embedder.embed([one["question"] for one in asked])
            new = [(v.tobytes(), workspace, one["message_id"]) for v, one in zip(vectors, asked, strict=True)]
            with self.documents.transaction() as db:
                db.executemany("update gap_questions set vector = ? where workspace = ? and message_id = ?", new)
                refresh(db, workspace, row["id"])
                db.execute("update gaps set model = ? where workspace = ? and id = ?", (model, workspace, row["id"]))


def is_latest_word(db: sqlite3.Connection, workspace: str, message_id: str, at: float, against: bool) -> bool:
    """Whether the customer has not said otherwise since; if so, this is kept as what they said last."""
    return bool(
        db.execute(
            "insert into gap_words values (?, ?, ?, ?) on conflict do update set at = excluded.at,"
            " against = excluded.against where excluded.at >= at",
            (workspace, message_id, at, against),
        ).rowcount
    )


def refresh(db: sqlite3.Connection, workspace: str, gap_id: str) -> bool:
    """Makes a gap say what its questions say. False: it has none any more, and is gone."""
    where = (workspace, gap_id)
    query = "select question, vector, at from gap_questions where workspace = ? and gap_id = ? order by at, message_id"
    rows = db.execute(query, where).fetchall()
    if not rows:
        db.execute("delete from gaps where workspace = ? and id = ?", where)
        return False
    typical, total = most_typical([row["vector"] for row in rows])
    db.execute(
        "update gaps set question = ?, sum = ?, count = ?, first = ?, last = ?, stale = 1"
        " where workspace = ? and id = ?",
        (rows[typical]["question"], total, len(rows), rows[0]["at"], rows[-1]["at"], *where),
    )
    return True


def without_marks(text: str) -> str:
    """Without the brackets that stand for what was taken out."""
    for mark in ("[email]", "[number]", "[name]"):
        text = text.replace(mark, "")
    return text


def wordings(examples: Sequence[Example], most: int = 100) -> tuple[str, ...]:
    """How customers put it, each wording once, the latest first; what had something taken out is no wording."""
    return tuple(dict.fromkeys(one.question for one in examples if without_marks(one.question) == one.question))[:most]


def _gap(row: sqlite3.Row) -> Gap:
    own = dict(row)
    for name in ("channels", "kinds"):
        own[name] = tuple(sorted(json.loads(own[name])))
    return Gap(**{**own, "covered": bool(own["covered"])})
