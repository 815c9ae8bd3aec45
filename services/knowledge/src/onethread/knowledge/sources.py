"""Sources of articles and their pages, in the document store.

A page is what a source reads as one piece: an address, a file. One page holds one or many articles. What a page says
now, and that it was read, is written in one transaction, so that a stop at any moment loses nothing: the next pass
reads what is missing.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from onethread.knowledge.articles import API, FOLDER, Article, Audience
from onethread.knowledge.documents import DocumentStore, OwnedElsewhereError, article_of

Kind = Literal["api", "folder", "upload", "website", "git"]
PageState = Literal["pending", "indexed", "failed", "skipped"]

_COLUMNS = "workspace, id, kind, name, location, options, audience, locale, every, next_sync"
_PAGES = (
    "select key, url, content_hash, etag, last_modified, last_read, coalesce(reason, (select min(d.reason) from"
    " documents d where d.workspace = p.workspace and d.source = p.source and d.page = p.key)) as reason,"
    " (select json_group_array(id) from (select id from documents d where d.workspace = p.workspace"
    " and d.source = p.source and d.page = p.key order by id)) as documents,"
    " case when state in ('failed', 'skipped') then state when state = 'waiting' then 'pending' else coalesce("
    "(select case when sum(d.state = 'failed') then 'failed' when sum(d.state = 'pending') then 'pending' end"
    " from documents d where d.workspace = p.workspace and d.source = p.source and d.page = p.key), 'indexed') end"
    " as state from pages p where workspace = :workspace and source = :source"
)


@dataclass(frozen=True)
class Source:
    """`every` is in minutes, None: by hand only. Times are seconds since 1970. `options` are those of its kind."""

    workspace: str
    id: str
    kind: Kind
    name: str
    location: str | None = None
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    audience: Audience = "public"
    locale: str | None = None
    every: int | None = None
    syncing: bool = False
    total: int = 0
    read: int = 0
    failed: int = 0
    failures: int = 0
    reason: str | None = None
    mark: str | None = None
    last_synced: float | None = None
    next_sync: float | None = None
    documents: int = 0
    pages: int = 0


@dataclass(frozen=True)
class Page:
    """`url` is where customers read it; `reason` says why it failed or was skipped."""

    key: str
    url: str | None = None
    content_hash: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    last_read: float | None = None
    state: PageState = "pending"
    reason: str | None = None
    documents: tuple[str, ...] = ()


class SourceGoneError(Exception):
    """The source was deleted while it was read."""


@dataclass(frozen=True)
class SourceStore:
    """Safe to call from any thread; nothing is answered before it is on disk."""

    documents: DocumentStore

    def add(self, source: Source) -> None:
        """One that is known stays as it is, but for where it is."""
        with self.documents.transaction() as db:
            db.execute(
                f"insert into sources ({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 a constant
                " on conflict do update set location = excluded.location",
                (
                    source.workspace,
                    source.id,
                    source.kind,
                    source.name,
                    source.location,
                    json.dumps(source.options),
                    source.audience,
                    source.locale,
                    source.every,
                    source.next_sync,
                ),
            )

    def all(self, workspace: str) -> list[Source]:
        return self._select("s.workspace = ? order by s.id", workspace)

    def get(self, workspace: str, source_id: str) -> Source | None:
        return next(iter(self._select("s.workspace = ? and s.id = ?", workspace, source_id)), None)

    def change(self, source: Source, *, reread: bool) -> None:
        """Writes name, audience, locale, schedule and options. Articles that turn internal are hidden at once."""
        with self.documents.transaction() as db:
            where = (source.workspace, source.id)
            db.execute(
                "update sources set name = ?, audience = ?, locale = ?, every = ?, next_sync = ?, options = ?"
                " where workspace = ? and id = ?",
                (
                    source.name,
                    source.audience,
                    source.locale,
                    source.every,
                    source.next_sync,
                    json.dumps(source.options),
                    *where,
                ),
            )
            if reread:
                forget = "update pages set content_hash = null, etag = null, last_modified = null"
                db.execute(f"{forget} where workspace = ? and source = ?", where)
                db.execute("update sources set mark = null where workspace = ? and id = ?", where)
            if source.audience == "internal":
                self._hide(db, source)

    def delete(self, source: Source) -> None:
        """With its pages, and its articles out of every search from this moment on."""
        with self.documents.transaction() as db:
            self._remove_documents(db, source, "1")
            db.execute("delete from sources where workspace = ? and id = ?", (source.workspace, source.id))

    # A pass over a source

    def due(self, now: float, kinds: Sequence[Kind], limit: int) -> list[Source]:
        """Those whose time has come, the longest waiting first."""
        condition = "not s.syncing and s.next_sync <= ? and s.kind in (select value from json_each(?))"
        return self._select(f"{condition} order by s.next_sync limit ?", now, json.dumps(kinds), limit)

    def next_due(self, kinds: Sequence[Kind]) -> float | None:
        query = (
            "select min(next_sync) as at from sources where not syncing and kind in (select value from json_each(?))"
        )
        return self.documents.connection.execute(query, (json.dumps(kinds),)).fetchone()["at"]

    def resume(self, now: float) -> None:
        """At start: what a stop has interrupted is due."""
        with self.documents.transaction() as db:
            db.execute("update sources set syncing = 0, next_sync = ? where syncing", (now,))

    def ask(self, source: Source, now: float) -> None:
        """Asks for a pass; while one runs, for another after it."""
        with self.documents.transaction() as db:
            where = (now, source.workspace, source.id)
            db.execute("update sources set next_sync = ? where workspace = ? and id = ?", where)

    def begin(self, source: Source) -> None:
        with self.documents.transaction() as db:
            db.execute(
                "update sources set syncing = 1, total = 0, read = 0, failed = 0, mark = null, next_sync = null"
                " where workspace = ? and id = ?",
                (source.workspace, source.id),
            )

    def progress(self, source: Source, total: int) -> None:
        with self.documents.transaction() as db:
            self._update(db, source, "total = ?", total)

    def end(self, source: Source, *, mark: str | None, next_sync: float | None, now: float) -> None:
        """The pass went through. A pass that was asked for meanwhile stays asked for."""
        with self.documents.transaction() as db:
            self._update(
                db,
                source,
                "syncing = 0, failures = 0, reason = null, mark = ?, last_synced = ?,"
                " next_sync = coalesce(next_sync, ?)",
                mark,
                now,
                next_sync,
            )

    def give_up(self, source: Source, reason: str, next_sync: float | None) -> None:
        """The pass failed as a whole; nothing is removed."""
        with self.documents.transaction() as db:
            done = "syncing = 0, failures = failures + 1, reason = ?, next_sync = coalesce(next_sync, ?)"
            self._update(db, source, done, reason, next_sync)

    # Pages

    def pages(
        self, source: Source, after: str = "", limit: int = 1_000_000, state: PageState | None = None
    ) -> list[Page]:
        rows = self.documents.connection.execute(
            f"select * from ({_PAGES} and key > :after)"  # noqa: S608 a constant
            " where :state is null or state = :state order by key limit :limit",
            {"workspace": source.workspace, "source": source.id, "after": after, "limit": limit, "state": state},
        )
        return [Page(**{**dict(row), "documents": tuple(json.loads(row["documents"]))}) for row in rows]

    def has_page(self, source: Source, key: str) -> bool:
        query = "select 1 from pages where workspace = ? and source = ? and key = ?"
        where = (source.workspace, source.id, key)
        return self.documents.connection.execute(query, where).fetchone() is not None

    def keep(self, source: Source, page: Page) -> None:
        """It was read and says what it said before."""
        with self.documents.transaction() as db:
            self._write(db, source, page, "read")
            self._update(db, source, "read = read + 1")

    def put(self, source: Source, page: Page, articles: Sequence[Article]) -> int:
        """What the page says now: its articles, and none of those that it no longer has. Returns how many changed.

        Raises `OwnedElsewhereError` when another page or source has an article of that id.
        """
        with self.documents.transaction() as db:
            for article in articles:
                self._refuse_foreign(db, source, page.key, article.id)
            self._write(db, source, page, "read")
            accept = self.documents.accept_one
            changed = sum(accept(db, source.workspace, one, source.id, page.key) for one in articles)
            kept = json.dumps([article.id for article in articles])
            gone = "page = ? and id not in (select value from json_each(?))"
            removed = self._remove_documents(db, source, gone, page.key, kept)
            self._update(db, source, "read = read + 1")
            return changed + removed

    def fail(self, source: Source, key: str, reason: str) -> None:
        """It could not be read: what it said before is kept."""
        with self.documents.transaction() as db:
            known = "on conflict do update set state = 'failed', reason = excluded.reason, content_hash = null"
            db.execute(
                f"insert into pages (workspace, source, key, state, reason) values (?, ?, ?, 'failed', ?) {known}",  # noqa: S608 a constant
                (source.workspace, source.id, key, reason),
            )
            self._update(db, source, "failed = failed + 1")

    def drop(self, source: Source, keys: Iterable[str]) -> int:
        """Pages that are gone, with their articles. Returns how many articles that were."""
        with self.documents.transaction() as db:
            listed = json.dumps(list(keys))
            removed = self._remove_documents(db, source, "page in (select value from json_each(?))", listed)
            where = "workspace = ? and source = ? and key in (select value from json_each(?))"
            db.execute(f"delete from pages where {where}", (source.workspace, source.id, listed))  # noqa: S608 a constant
            return removed

    def skip(self, source: Source, reasons: dict[str, str]) -> int:
        """Pages that are there and not wanted: listed with the reason, and without articles."""
        with self.documents.transaction() as db:
            keys = json.dumps(list(reasons))
            removed = self._remove_documents(db, source, "page in (select value from json_each(?))", keys)
            for key, reason in reasons.items():
                self._write(db, source, Page(key, reason=reason), "skipped")
            return removed

    def count(self, workspace: str) -> int:
        query = "select count(*) as sources from sources where workspace = ?"
        return self.documents.connection.execute(query, (workspace,)).fetchone()["sources"]

    def drop_unclaimed(self, source: Source) -> int:
        """Articles of a time before there were pages, which no page has claimed."""
        with self.documents.transaction() as db:
            return self._remove_documents(db, source, "page is null")

    # Uploads

    def upload(self, source: Source, page: Page, media_type: str | None, content: bytes) -> None:
        """Keeps the file; it waits to be read."""
        with self.documents.transaction() as db:
            self._write(db, source, page, "waiting")
            db.execute(
                "insert or replace into uploads values (?, ?, ?, ?, ?)",
                (source.workspace, source.id, page.key, media_type, content),
            )

    def uploaded(self, source: Source, key: str) -> tuple[bytes, str | None] | None:
        """Content and media type of the file; None for one that was taken out meanwhile."""
        query = "select content, media_type from uploads where workspace = ? and source = ? and key = ?"
        row = self.documents.connection.execute(query, (source.workspace, source.id, key)).fetchone()
        return (row["content"], row["media_type"]) if row else None

    # Inside

    def _select(self, condition: str, *values: object) -> list[Source]:
        rows = self.documents.connection.execute(
            "select s.*, (select count(*) from documents d where d.workspace = s.workspace and d.source = s.id)"  # noqa: S608 constants
            " as documents, (select count(*) from pages p where p.workspace = s.workspace and p.source = s.id) as pages"
            f" from sources s where {condition}",
            values,
        )
        return [Source(**{**dict(r), "options": json.loads(r["options"]), "syncing": bool(r["syncing"])}) for r in rows]

    def _write(self, db: sqlite3.Connection, source: Source, page: Page, state: str) -> None:
        where = (source.workspace, source.id)
        if not db.execute("select 1 from sources where workspace = ? and id = ?", where).fetchone():
            raise SourceGoneError
        db.execute(
            "insert into pages"
            " (workspace, source, key, state, reason, url, content_hash, etag, last_modified, last_read)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do update set state = excluded.state,"
            " reason = excluded.reason, url = excluded.url, content_hash = excluded.content_hash, etag = excluded.etag,"
            " last_modified = excluded.last_modified, last_read = coalesce(excluded.last_read, last_read)",
            (
                *where,
                page.key,
                state,
                page.reason,
                page.url,
                page.content_hash,
                page.etag,
                page.last_modified,
                page.last_read,
            ),
        )

    def _update(self, db: sqlite3.Connection, source: Source, change: str, *values: object) -> None:
        where = "where workspace = ? and id = ?"
        if not db.execute(f"update sources set {change} {where}", (*values, source.workspace, source.id)).rowcount:  # noqa: S608 constants
            raise SourceGoneError

    def _remove_documents(self, db: sqlite3.Connection, source: Source, condition: str, *values: object) -> int:
        query = f"select id from documents where workspace = ? and source = ? and {condition}"  # noqa: S608 constants
        rows = db.execute(query, (source.workspace, source.id, *values)).fetchall()
        for row in rows:
            self.documents.remove_one(db, source.workspace, row["id"])
        return len(rows)

    def _refuse_foreign(self, db: sqlite3.Connection, source: Source, page: str, document_id: str) -> None:
        query = "select source, page from documents where workspace = ? and id = ?"
        known = db.execute(query, (source.workspace, document_id)).fetchone()
        if known and known["source"] == source.id and known["page"] not in {None, page}:
            raise OwnedElsewhereError(document_id, known["page"])

    def _hide(self, db: sqlite3.Connection, source: Source) -> None:
        rows = db.execute(
            "select v.*, d.page from documents d join versions v"
            " on v.workspace = d.workspace and v.document_id = d.id and v.version = d.wanted"
            " where d.workspace = ? and d.source = ? and v.audience = 'public'",
            (source.workspace, source.id),
        ).fetchall()
        for row in rows:
            hidden = replace(article_of(row), audience="internal")
            self.documents.accept_one(db, source.workspace, hidden, source.id, row["page"])


def api_source(workspace: str) -> Source:
    return Source(workspace, API, "api", "Sent by API")


def folder_source(workspace: str, location: str) -> Source:
    return Source(workspace, FOLDER, "folder", "Folder on the server", location)
