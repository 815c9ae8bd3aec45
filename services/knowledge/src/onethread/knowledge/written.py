"""Articles that people write in the product, and those that are proposed to them.

Each save is a version. The latest is the draft; one may be live. Only publishing moves the live one, and that happens
in the same transaction in which the document store hears of it.
"""

import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import uuid4

from onethread.knowledge.articles import WRITTEN, Article, Audience
from onethread.knowledge.documents import DocumentStore

State = Literal["draft", "published", "proposed", "dismissed"]
Origin = Literal["written", "gap", "thread"]

_VERSION = (
    "number, title, text, url, audience, locale, wordings, author, at, published_at from article_versions"
    " where workspace = ? and article_id = ?"
)


@dataclass(frozen=True)
class Content:
    """What a version says."""

    title: str
    text: str
    audience: Audience = "public"
    locale: str | None = None
    url: str | None = None
    wordings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ArticleVersion:
    """`at` and `published_at` are seconds since 1970."""

    number: int
    content: Content
    author: str
    at: float
    published_at: float | None


@dataclass(frozen=True)
class Written:
    """An article with its latest version. `live` is the number of the version that is in search."""

    id: str
    state: State
    origin: Origin
    revision: int
    latest: ArticleVersion
    live: int | None
    why: str | None = None
    thread_id: str | None = None


class NoSuchArticleError(LookupError):
    """There is none of this id in the workspace."""


class EmptyArticleError(Exception):
    """It says nothing yet, and cannot be published."""


class ChangedMeanwhileError(Exception):
    """The article is not what the caller has seen."""

    def __init__(self, revision: int) -> None:
        super().__init__(f"it is at revision {revision}")
        self.revision = revision


@dataclass(frozen=True)
class ArticleStore:
    """Safe to call from any thread; nothing is answered before it is on disk."""

    documents: DocumentStore
    clock: Callable[[], float] = time.time

    def create(
        self,
        workspace: str,
        content: Content,
        author: str,
        *,
        state: State = "draft",
        origin: Origin = "written",
        why: str | None = None,
        thread_id: str | None = None,
    ) -> Written:
        """One proposal a thread: a second one is answered with the first, whatever became of it."""
        with self.documents.transaction() as db:
            if thread_id and (known := self.of_thread(db, workspace, thread_id)):
                return self._read(db, workspace, known)
            return self.create_one(db, workspace, content, author, (state, origin, why, thread_id))

    def create_one(
        self,
        db: sqlite3.Connection,
        workspace: str,
        content: Content,
        author: str,
        being: tuple[State, Origin, str | None, str | None],
    ) -> Written:
        """As `create`, in the caller's transaction, where no article is of the thread. `being`: state, origin, why,
        and the thread's id.
        """
        state, *rest = being
        article_id = f"art_{uuid4().hex[:16]}"
        db.execute(
            "insert into articles (workspace, id, state, origin, draft, revision, why, thread_id)"
            " values (?, ?, ?, ?, 1, 1, ?, ?)",
            (workspace, article_id, "draft" if state == "published" else state, *rest),
        )
        self._add_version(db, workspace, article_id, 1, content, author)
        if state == "published":
            self._publish(db, workspace, article_id)
        return self._read(db, workspace, article_id)

    def change(
        self,
        workspace: str,
        article_id: str,
        author: str,
        *,
        changes: dict[str, Any],
        state: State | None = None,
        seen: int | None = None,
    ) -> Written:
        """Saves a version if something differs, then moves to `state`. Raises `NoSuchArticleError`,
        `EmptyArticleError`, and `ChangedMeanwhileError` when the article is no longer at the revision that was `seen`.
        """
        with self.documents.transaction() as db:
            before = self._read(db, workspace, article_id)
            if seen is not None and seen != before.revision:
                raise ChangedMeanwhileError(before.revision)
            content = replace(before.latest.content, **changes)
            if content != before.latest.content:
                number = before.latest.number + 1
                self._add_version(db, workspace, article_id, number, content, author)
                db.execute(
                    "update articles set draft = ? where workspace = ? and id = ?", (number, workspace, article_id)
                )
            if state == "published":
                self._publish(db, workspace, article_id)
            elif state:
                self._withdraw(db, workspace, article_id, state)
            db.execute(
                "update articles set revision = revision + 1 where workspace = ? and id = ?", (workspace, article_id)
            )
            return self._read(db, workspace, article_id)

    def delete(self, workspace: str, article_id: str, seen: int | None = None) -> None:
        """With its versions, and out of every search from this moment on. Raises as `change` does."""
        with self.documents.transaction() as db:
            before = self._read(db, workspace, article_id)
            if seen is not None and seen != before.revision:
                raise ChangedMeanwhileError(before.revision)
            self.documents.remove_one(db, workspace, article_id)
            db.execute("delete from articles where workspace = ? and id = ?", (workspace, article_id))

    def get(self, workspace: str, article_id: str) -> Written:
        """Raises `NoSuchArticleError`."""
        return self._read(self.documents.connection, workspace, article_id)

    def all(self, workspace: str, state: State | None, q: str, after: str, limit: int) -> list[Written]:
        """By id. Each word of `q` is in the title of the latest version."""
        rows = self.documents.connection.execute(
            "select a.id from articles a join article_versions v"
            " on v.workspace = a.workspace and v.article_id = a.id and v.number = a.draft"
            " where a.workspace = ?1 and a.id > ?2 and (?3 is null or a.state = ?3) and not exists"
            " (select 1 from json_each(?4) w where instr(lower(v.title), w.value) = 0) order by a.id limit ?5",
            (workspace, after, state, json.dumps(q.lower().split()), limit),
        ).fetchall()
        return [self.get(workspace, row["id"]) for row in rows]

    def versions(self, workspace: str, article_id: str) -> list[ArticleVersion]:
        """The latest first. Raises `NoSuchArticleError`."""
        self.get(workspace, article_id)
        query = f"select {_VERSION} order by number desc"
        return [_version(row) for row in self.documents.connection.execute(query, (workspace, article_id))]

    def of_thread(self, db: sqlite3.Connection, workspace: str, thread_id: str) -> str | None:
        """Id of the article that was proposed from the thread."""
        query = "select id from articles where workspace = ? and thread_id = ?"
        row = db.execute(query, (workspace, thread_id)).fetchone()
        return row["id"] if row else None

    # Inside

    def _read(self, db: sqlite3.Connection, workspace: str, article_id: str) -> Written:
        where = (workspace, article_id)
        row = db.execute("select * from articles where workspace = ? and id = ?", where).fetchone()
        if row is None:
            raise NoSuchArticleError(article_id)
        version = db.execute(f"select {_VERSION} and number = ?", (*where, row["draft"])).fetchone()
        return Written(
            id=row["id"],
            state=row["state"],
            origin=row["origin"],
            revision=row["revision"],
            latest=_version(version),
            live=row["live"],
            why=row["why"],
            thread_id=row["thread_id"],
        )

    def _add_version(
        self, db: sqlite3.Connection, workspace: str, article_id: str, number: int, content: Content, author: str
    ) -> None:
        db.execute(
            "insert into article_versions (workspace, article_id, number, title, text, url, audience, locale, wordings,"
            " author, at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                workspace,
                article_id,
                number,
                content.title,
                content.text,
                content.url,
                content.audience,
                content.locale,
                json.dumps(content.wordings),
                author,
                self.clock(),
            ),
        )

    def _publish(self, db: sqlite3.Connection, workspace: str, article_id: str) -> None:
        """The latest version goes into search. The one that is there stays until the new one is indexed."""
        latest = self._read(db, workspace, article_id).latest
        if not latest.content.text.strip():
            raise EmptyArticleError
        self.documents.accept_one(db, workspace, Article(article_id, **vars(latest.content)), WRITTEN)
        where = (workspace, article_id, latest.number)
        stamp = "update article_versions set published_at = coalesce(published_at, ?)"
        db.execute(f"{stamp} where workspace = ? and article_id = ? and number = ?", (self.clock(), *where))
        live = "update articles set state = 'published', live = ? where workspace = ? and id = ?"
        db.execute(live, (latest.number, workspace, article_id))

    def _withdraw(self, db: sqlite3.Connection, workspace: str, article_id: str, state: State) -> None:
        self.documents.remove_one(db, workspace, article_id)
        change = "update articles set state = ?, live = null where workspace = ? and id = ?"
        db.execute(change, (state, workspace, article_id))


def _version(row: sqlite3.Row) -> ArticleVersion:
    content = Content(
        row["title"], row["text"], row["audience"], row["locale"], row["url"], tuple(json.loads(row["wordings"]))
    )
    return ArticleVersion(row["number"], content, row["author"], row["at"], row["published_at"])
