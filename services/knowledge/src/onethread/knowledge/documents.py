"""The document store: SQLite, the truth of this service. Every index can be rebuilt from it.

An article has a wanted version and a live one. A new version is written beside the live one and becomes live in one
transaction; what it replaced is deleted in the same one, and its vectors are noted for deletion (`litter`). Events to
publish wait in the same database (`outbox`), so that a change and its event cannot part.
"""

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import UUID, uuid4

from onethread.knowledge.chunking import Chunk

Audience = Literal["public", "internal"]
Origin = Literal["api", "folder"]

_SCHEMA = """
create table if not exists documents (
    workspace text not null, id text not null, wanted integer not null, live integer,
    state text not null check (state in ('pending', 'indexed', 'failed')), reason text, origin text not null,
    primary key (workspace, id)
) without rowid;
create table if not exists versions (
    workspace text not null, document_id text not null, version integer not null, title text not null,
    text text not null, url text, audience text not null check (audience in ('public', 'internal')), locale text,
    content_hash text not null,
    primary key (workspace, document_id, version),
    foreign key (workspace, document_id) references documents on delete cascade
);
create table if not exists passages (
    id integer primary key autoincrement,
    workspace text not null, document_id text not null, version integer not null,
    heading_path text not null, text text not null, start integer not null, end integer not null,
    foreign key (workspace, document_id, version) references versions on delete cascade
);
create index if not exists passages_of_version on passages (workspace, document_id, version);
create index if not exists documents_pending on documents (state) where state = 'pending';
create table if not exists litter (passage_id integer primary key, workspace text not null, audience text not null);
create table if not exists outbox (
    sequence integer primary key autoincrement, event_id text not null, kind text not null, workspace text not null,
    document_id text not null, title text, version integer, passages integer
);
create trigger if not exists passage_litter before delete on passages begin
    insert into litter select old.id, old.workspace, audience from versions
    where workspace = old.workspace and document_id = old.document_id and version = old.version;
end;
create view if not exists live_passages as
select p.id, p.workspace, p.document_id, p.version, v.title, p.heading_path, p.text, v.url, v.audience,
    w.audience as wanted_audience
from passages p
join documents d on d.workspace = p.workspace and d.id = p.document_id and d.live = p.version
join versions v on v.workspace = p.workspace and v.document_id = p.document_id and v.version = p.version
join versions w on w.workspace = p.workspace and w.document_id = p.document_id and w.version = d.wanted;
"""

_DELETE_UNLIVE = tuple(
    f"delete from {table} where workspace = :workspace and document_id = :document and version < :version"  # noqa: S608 two constants
    " and version is not (select live from documents where workspace = :workspace and id = :document)"
    for table in ("passages", "versions")
)


@dataclass(frozen=True)
class Article:
    """What a source gives. `text` is Markdown."""

    id: str
    title: str
    text: str
    url: str | None = None
    audience: Audience = "public"
    locale: str | None = None

    @property
    def content_hash(self) -> str:
        parts = (self.title, self.text, self.url, self.audience, self.locale)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Version:
    """One version of an article that is to become live."""

    workspace: str
    number: int
    article: Article


@dataclass(frozen=True)
class StoredPassage:
    id: int
    workspace: str
    document_id: str
    version: int
    title: str
    heading_path: tuple[str, ...]
    text: str
    url: str | None
    audience: Audience


@dataclass(frozen=True)
class Litter:
    """A vector whose passage is gone."""

    passage_id: int
    workspace: str
    audience: Audience


@dataclass(frozen=True)
class Change:
    """An event that waits to be published."""

    sequence: int
    event_id: UUID
    kind: Literal["indexed", "removed"]
    workspace: str
    document_id: str
    title: str | None
    version: int | None
    passages: int | None


@dataclass(frozen=True)
class Status:
    documents: int
    passages: int
    pending: int
    failed: int


class DocumentStore:
    """One connection a thread; safe to call from any. Nothing is answered before it is on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._local = threading.local()

    # What sources say

    def accept(self, workspace: str, articles: Iterable[Article], origin: Origin = "api") -> int:
        """Notes new versions to be indexed. Returns how many differ from what is known; the others cost nothing."""
        with self._transaction() as db:
            return sum(self._accept(db, workspace, article, origin) for article in articles)

    def remove(self, workspace: str, document_id: str) -> bool:
        """Takes the article out of every search from this moment on. False when there is none."""
        with self._transaction() as db:
            where = (workspace, document_id)
            if not db.execute("select 1 from documents where workspace = ? and id = ?", where).fetchone():
                return False
            self._announce(db, "removed", workspace, document_id)
            db.execute("delete from passages where workspace = ? and document_id = ?", where)
            db.execute("delete from documents where workspace = ? and id = ?", where)
            return True

    def ids_from(self, workspace: str, origin: Origin) -> set[str]:
        rows = self._connection.execute(
            "select id from documents where workspace = ? and origin = ?", (workspace, origin)
        )
        return {row["id"] for row in rows}

    # Indexing

    def pending(self, limit: int) -> list[Version]:
        """Versions that wait to become live."""
        rows = self._connection.execute(
            "select v.* from documents d join versions v"
            " on v.workspace = d.workspace and v.document_id = d.id and v.version = d.wanted"
            " where d.state = 'pending' and d.live is not d.wanted limit ?",
            (limit,),
        )
        return [Version(row["workspace"], row["version"], _article(row)) for row in rows]

    def add_passages(self, version: Version, chunks: Sequence[Chunk]) -> list[int]:
        """Writes the passages of a version that is not live yet; what an earlier attempt wrote is dropped."""
        where = (version.workspace, version.article.id, version.number)
        with self._transaction() as db:
            known = db.execute(
                "select 1 from versions where workspace = ? and document_id = ? and version = ?", where
            ).fetchone()
            if not known:  # replaced or removed meanwhile
                return []
            db.execute("delete from passages where workspace = ? and document_id = ? and version = ?", where)
            return [
                int(
                    db.execute(
                        "insert into passages (workspace, document_id, version, heading_path, text, start, end)"
                        " values (?, ?, ?, ?, ?, ?, ?) returning id",
                        (*where, json.dumps(c.heading_path), c.text, c.start, c.end),
                    ).fetchone()["id"]
                )
                for c in chunks
            ]

    def switch(self, version: Version) -> bool:
        """Makes the version live and deletes the older ones, if it is still the wanted one."""
        where = (version.workspace, version.article.id, version.number)
        with self._transaction() as db:
            switched = db.execute(
                "update documents set live = wanted where workspace = ? and id = ? and wanted = ?", where
            ).rowcount
            if switched:
                db.execute("delete from passages where workspace = ? and document_id = ? and version < ?", where)
                db.execute("delete from versions where workspace = ? and document_id = ? and version < ?", where)
            return bool(switched)

    def settle(self) -> int:
        """Marks every switched article as indexed, and notes the events that say so."""
        with self._transaction() as db:
            rows = db.execute(
                "update documents set state = 'indexed', reason = null where state = 'pending' and live = wanted"
                " returning workspace, id"
            ).fetchall()
            for row in rows:
                self._announce(db, "indexed", row["workspace"], row["id"])
            return len(rows)

    def fail(self, version: Version, reason: str) -> None:
        """The live version, if there is one, stays in search."""
        with self._transaction() as db:
            db.execute(
                "update documents set state = 'failed', reason = ? where workspace = ? and id = ? and wanted = ?",
                (reason, version.workspace, version.article.id, version.number),
            )

    def litter(self, limit: int = 1_000) -> list[Litter]:
        rows = self._connection.execute("select * from litter limit ?", (limit,))
        return [Litter(row["passage_id"], row["workspace"], row["audience"]) for row in rows]

    def swept(self, litter: Iterable[Litter]) -> None:
        with self._transaction() as db:
            db.executemany("delete from litter where passage_id = ?", [(item.passage_id,) for item in litter])

    def changes(self, limit: int = 100) -> list[Change]:
        """Events that wait, in order."""
        rows = self._connection.execute("select * from outbox order by sequence limit ?", (limit,)).fetchall()
        return [Change(**{**dict(row), "event_id": UUID(row["event_id"])}) for row in rows]

    def published(self, change: Change) -> None:
        with self._transaction() as db:
            db.execute("delete from outbox where sequence = ?", (change.sequence,))

    # Reading

    def passages(self, workspace: str, ids: Iterable[int], audience: Audience) -> dict[int, StoredPassage]:
        """The passages that this audience may see now.

        What is not live, not this workspace's, or internal (also only in the version that waits) is left out.
        """
        rows = self._connection.execute(
            "select * from live_passages where workspace = ? and id in (select value from json_each(?))"
            " and (? = 'internal' or (audience = 'public' and wanted_audience = 'public'))",
            (workspace, json.dumps(list(ids)), audience),
        )
        return {row["id"]: _passage(row) for row in rows}

    def live_passages(self, workspace: str) -> Iterator[StoredPassage]:
        rows = self._connection.execute("select * from live_passages where workspace = ? order by id", (workspace,))
        return map(_passage, rows)

    def live_ids(self, workspace: str) -> dict[int, Audience]:
        rows = self._connection.execute("select id, audience from live_passages where workspace = ?", (workspace,))
        return {row["id"]: row["audience"] for row in rows}

    def has(self, workspace: str) -> bool:
        query = "select 1 from documents where workspace = ? and live is not null limit 1"
        return self._connection.execute(query, (workspace,)).fetchone() is not None

    def workspaces(self) -> list[str]:
        return [row["workspace"] for row in self._connection.execute("select distinct workspace from documents")]

    def status(self, workspace: str) -> Status:
        counts = self._connection.execute(
            "select count(*) as documents, coalesce(sum(state = 'pending'), 0) as pending,"
            " coalesce(sum(state = 'failed'), 0) as failed from documents where workspace = ?",
            (workspace,),
        ).fetchone()
        live = "select count(*) as passages from live_passages where workspace = ?"
        passages = self._connection.execute(live, (workspace,)).fetchone()
        return Status(counts["documents"], passages["passages"], counts["pending"], counts["failed"])

    # Inside

    def _accept(self, db: sqlite3.Connection, workspace: str, article: Article, origin: Origin) -> bool:
        where = (workspace, article.id)
        known = db.execute(
            "select d.wanted, d.state, v.content_hash from documents d join versions v"
            " on v.workspace = d.workspace and v.document_id = d.id and v.version = d.wanted"
            " where d.workspace = ? and d.id = ?",
            where,
        ).fetchone()
        if known and known["content_hash"] == article.content_hash and known["state"] != "failed":
            return False
        number = known["wanted"] + 1 if known else 1
        db.execute(
            "insert into documents (workspace, id, wanted, state, origin) values (?, ?, ?, 'pending', ?)"
            " on conflict do update set wanted = excluded.wanted, state = 'pending', origin = excluded.origin",
            (*where, number, origin),
        )
        db.execute(
            "insert into versions values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *where,
                number,
                article.title,
                article.text,
                article.url,
                article.audience,
                article.locale,
                article.content_hash,
            ),
        )
        # The version that was wanted before and never became live.
        unlive = {"workspace": workspace, "document": article.id, "version": number}
        for delete in _DELETE_UNLIVE:
            db.execute(delete, unlive)
        return True

    def _announce(self, db: sqlite3.Connection, kind: str, workspace: str, document_id: str) -> None:
        db.execute(
            "insert into outbox (event_id, kind, workspace, document_id, title, version, passages)"
            " select ?, ?, d.workspace, d.id, v.title, v.version, (select count(*) from passages p where"
            " p.workspace = d.workspace and p.document_id = d.id and p.version = v.version)"
            " from documents d join versions v"
            " on v.workspace = d.workspace and v.document_id = d.id and v.version = coalesce(d.live, d.wanted)"
            " where d.workspace = ? and d.id = ?",
            (str(uuid4()), kind, workspace, document_id),
        )

    @property
    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
            connection.row_factory = sqlite3.Row
            for pragma in ("journal_mode = wal", "synchronous = full", "foreign_keys = on", "busy_timeout = 30000"):
                connection.execute(f"pragma {pragma}")
            self._local.connection = connection
            self._connections.append(connection)
        return connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        db = self._connection
        db.execute("begin immediate")
        try:
            yield db
        except BaseException:
            db.execute("rollback")
            raise
        db.execute("commit")


def _article(row: sqlite3.Row) -> Article:
    return Article(row["document_id"], row["title"], row["text"], row["url"], row["audience"], row["locale"])


def _passage(row: sqlite3.Row) -> StoredPassage:
    fields = dict(row)
    del fields["wanted_audience"]
    return StoredPassage(**{**fields, "heading_path": tuple(json.loads(row["heading_path"]))})
