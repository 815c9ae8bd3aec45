"""The document store: SQLite, the truth of this service. Every index can be rebuilt from it.

An article has a wanted version and a live one. A new version is written beside the live one and becomes live in one
transaction; what it replaced is deleted in the same one, and its vectors are noted for deletion (`litter`). Events to
publish wait in the same database (`outbox`), so that a change and its event cannot part.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

from onethread.knowledge.articles import (
    API,
    FOLDER,
    Article,
    Audience,
    Change,
    Context,
    Litter,
    Status,
    StoredPassage,
    Version,
)
from onethread.knowledge.chunking import Chunk
from onethread.knowledge.schema import migrate

_PASSAGES = (
    "select id, workspace, document_id, version, title, heading_path, text, url, audience, locale,"
    " wording"
    " from live_passages where workspace = ?"
)
_ADD_PASSAGE = (
    "insert into passages (workspace, document_id, version, heading_path, text, start, end,"
    " context_path, context_start, context_end, wording) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) returning id"
)
# Both of the two name articles as their author likes, and the later one counts.
_SHARE_IDS = {API, FOLDER}
_DELETE_UNLIVE = tuple(
    f"delete from {table} where workspace = :workspace and document_id = :document and version < :version"  # noqa: S608 two constants
    " and version is not (select live from documents where workspace = :workspace and id = :document)"
    for table in ("passages", "versions")
)


class OwnedElsewhereError(ValueError):
    """The id is that of an article which another source keeps."""

    def __init__(self, document_id: str, source: str) -> None:
        super().__init__(f"{document_id} belongs to the source {source}")
        self.document_id, self.source = document_id, source


class DocumentStore:
    """One connection a thread; safe to call from any. Nothing is answered before it is on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        migrate(self.connection)

    def close(self) -> None:
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._local = threading.local()

    # What sources say

    def accept(self, workspace: str, articles: Iterable[Article], source: str = API) -> int:
        """Notes new versions to be indexed. Returns how many differ from what is known; the others cost nothing.

        Raises `OwnedElsewhereError`, with nothing accepted, for the id of an article that another source keeps.
        """
        with self.transaction() as db:
            return sum(self.accept_one(db, workspace, article, source) for article in articles)

    def remove(self, workspace: str, document_id: str) -> bool:
        """Takes the article out of every search from this moment on. False when there is none."""
        with self.transaction() as db:
            return self.remove_one(db, workspace, document_id)

    def accept_one(
        self, db: sqlite3.Connection, workspace: str, article: Article, source: str, page: str | None = None
    ) -> bool:
        """As `accept`, in the caller's transaction. `page` is the page of the source that the article is from."""
        where = (workspace, article.id)
        known = db.execute(
            "select d.wanted, d.state, d.source, v.content_hash from documents d join versions v"
            " on v.workspace = d.workspace and v.document_id = d.id and v.version = d.wanted"
            " where d.workspace = ? and d.id = ?",
            where,
        ).fetchone()
        if known and known["source"] != source and not {known["source"], source} <= _SHARE_IDS:
            raise OwnedElsewhereError(article.id, known["source"])
        if known and known["content_hash"] == article.content_hash and known["state"] != "failed":
            moved = "update documents set page = ?1 where workspace = ?2 and id = ?3 and source = ?4 and page is not ?1"
            db.execute(moved, (page, *where, source))
            return False
        self._write_version(db, workspace, article, known["wanted"] + 1 if known else 1, (source, page))
        return True

    def remove_one(self, db: sqlite3.Connection, workspace: str, document_id: str) -> bool:
        """As `remove`, in the caller's transaction."""
        where = (workspace, document_id)
        if not db.execute("select 1 from documents where workspace = ? and id = ?", where).fetchone():
            return False
        self._announce(db, "removed", workspace, document_id)
        db.execute("delete from passages where workspace = ? and document_id = ?", where)
        db.execute("delete from documents where workspace = ? and id = ?", where)
        return True

    def ids_from(self, workspace: str, source: str) -> set[str]:
        rows = self.connection.execute(
            "select id from documents where workspace = ? and source = ?", (workspace, source)
        )
        return {row["id"] for row in rows}

    def source_of(self, workspace: str, document_id: str) -> str | None:
        query = "select source from documents where workspace = ? and id = ?"
        row = self.connection.execute(query, (workspace, document_id)).fetchone()
        return row["source"] if row else None

    # Indexing

    def pending(self, limit: int, without: Iterable[str] = ()) -> list[Version]:
        """Versions that wait to become live, but those of the workspaces `without`."""
        rows = self.connection.execute(
            "select v.* from documents d join versions v"
            " on v.workspace = d.workspace and v.document_id = d.id and v.version = d.wanted"
            " where d.state = 'pending' and d.live is not d.wanted"
            " and d.workspace not in (select value from json_each(?)) limit ?",
            (json.dumps(list(without)), limit),
        )
        return [Version(row["workspace"], row["version"], article_of(row)) for row in rows]

    def add_passages(self, cut: Iterable[tuple[Version, Sequence[Chunk]]]) -> list[list[int]]:
        """Writes the passages of versions that are not live yet; what an earlier attempt wrote is dropped.

        Returns the passages' ids, none for a version that was replaced or removed meanwhile.
        """
        with self.transaction() as db:
            return [self._add_passages(db, version, chunks) for version, chunks in cut]

    def switch(self, versions: Iterable[Version]) -> None:
        """Makes each version live that is still the wanted one, and deletes its older ones."""
        with self.transaction() as db:
            for version in versions:
                where = version.key
                live = "update documents set live = wanted where workspace = ? and id = ? and wanted = ?"
                if db.execute(live, where).rowcount:
                    db.execute("delete from passages where workspace = ? and document_id = ? and version < ?", where)
                    db.execute("delete from versions where workspace = ? and document_id = ? and version < ?", where)

    def settle(self) -> int:
        """Marks every switched article as indexed, and notes the events that say so."""
        with self.transaction() as db:
            rows = db.execute(
                "update documents set state = 'indexed', reason = null where state = 'pending' and live = wanted"
                " returning workspace, id"
            ).fetchall()
            for row in rows:
                self._announce(db, "indexed", row["workspace"], row["id"])
            return len(rows)

    def fail(self, version: Version, reason: str) -> None:
        """The live version, if there is one, stays in search."""
        with self.transaction() as db:
            db.execute(
                "update documents set state = 'failed', reason = ? where workspace = ? and id = ? and wanted = ?",
                (reason, *version.key),
            )

    def litter(self, limit: int = 1_000) -> list[Litter]:
        rows = self.connection.execute("select * from litter limit ?", (limit,))
        return [Litter(row["passage_id"], row["workspace"], row["audience"]) for row in rows]

    def swept(self, litter: Iterable[Litter]) -> None:
        with self.transaction() as db:
            db.executemany("delete from litter where passage_id = ?", [(item.passage_id,) for item in litter])

    def changes(self, limit: int = 100) -> list[Change]:
        """Events that wait, in order."""
        rows = self.connection.execute("select * from outbox order by sequence limit ?", (limit,)).fetchall()
        return [Change(**{**dict(row), "event_id": UUID(row["event_id"])}) for row in rows]

    def published(self, change: Change) -> None:
        with self.transaction() as db:
            db.execute("delete from outbox where sequence = ?", (change.sequence,))

    # Reading

    def passages(self, workspace: str, ids: Iterable[int], audience: Audience) -> dict[int, StoredPassage]:
        """The passages that this audience may see now.

        What is not live, not this workspace's, or internal (also only in the version that waits) is left out.
        """
        rows = self.connection.execute(
            _PASSAGES + " and id in (select value from json_each(?))"  # noqa: S608 constants
            " and (? = 'internal' or (audience = 'public' and wanted_audience = 'public'))",
            (workspace, json.dumps(list(ids)), audience),
        )
        return {row["id"]: _passage(row) for row in rows}

    def contexts(self, ids: Iterable[int]) -> dict[int, Context]:
        rows = self.connection.execute(
            "select id, context_path, context from live_passages where id in (select value from json_each(?))",
            (json.dumps(list(ids)),),
        )
        return {row["id"]: Context(tuple(json.loads(row["context_path"])), row["context"]) for row in rows}

    def live_passages(self, workspace: str) -> Iterator[StoredPassage]:
        return map(_passage, self.connection.execute(_PASSAGES + " order by id", (workspace,)))

    def live_ids(self, workspace: str) -> dict[int, Audience]:
        rows = self.connection.execute("select id, audience from live_passages where workspace = ?", (workspace,))
        return {row["id"]: row["audience"] for row in rows}

    def has(self, workspace: str) -> bool:
        query = "select 1 from documents where workspace = ? and live is not null limit 1"
        return self.connection.execute(query, (workspace,)).fetchone() is not None

    def workspaces(self) -> list[str]:
        return [row["workspace"] for row in self.connection.execute("select distinct workspace from documents")]

    def status(self, workspace: str) -> Status:
        counts = self.connection.execute(
            "select count(*) as documents, coalesce(sum(state = 'pending'), 0) as pending,"
            " coalesce(sum(state = 'failed'), 0) as failed from documents where workspace = ?",
            (workspace,),
        ).fetchone()
        live = "select count(*) as passages from live_passages where workspace = ?"
        passages = self.connection.execute(live, (workspace,)).fetchone()
        return Status(counts["documents"], passages["passages"], counts["pending"], counts["failed"])

    # Inside

    def _add_passages(self, db: sqlite3.Connection, version: Version, chunks: Sequence[Chunk]) -> list[int]:
        where = version.key
        same = "workspace = ? and document_id = ? and version = ?"
        if not db.execute(f"select 1 from versions where {same}", where).fetchone():  # noqa: S608 a constant
            return []
        db.execute(f"delete from passages where {same}", where)  # noqa: S608 a constant
        return [int(db.execute(_ADD_PASSAGE, (*where, *_columns(c))).fetchone()["id"]) for c in chunks]

    def _write_version(
        self, db: sqlite3.Connection, workspace: str, article: Article, number: int, origin: tuple[str, str | None]
    ) -> None:
        where = (workspace, article.id, number)
        db.execute(
            "insert into documents (workspace, id, wanted, state, source, page) values (?, ?, ?, 'pending', ?, ?)"
            " on conflict do update set wanted = excluded.wanted, state = 'pending', source = excluded.source,"
            " page = excluded.page",
            (*where, *origin),
        )
        db.execute(
            "insert into versions (workspace, document_id, version, title, text, url, audience, locale, content_hash,"
            " wordings) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *where,
                article.title,
                article.text,
                article.url,
                article.audience,
                article.locale,
                article.content_hash,
                json.dumps(article.wordings),
            ),
        )
        # The version that was wanted before and never became live.
        unlive = {"workspace": workspace, "document": article.id, "version": number}
        for delete in _DELETE_UNLIVE:
            db.execute(delete, unlive)

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
    def connection(self) -> sqlite3.Connection:
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
    def transaction(self) -> Iterator[sqlite3.Connection]:
        db = self.connection
        db.execute("begin immediate")
        try:
            yield db
        except BaseException:
            db.execute("rollback")
            raise
        db.execute("commit")


def article_of(row: sqlite3.Row) -> Article:
    return Article(
        id=row["document_id"],
        title=row["title"],
        text=row["text"],
        url=row["url"],
        audience=row["audience"],
        locale=row["locale"],
        wordings=tuple(json.loads(row["wordings"])),
    )


def _passage(row: sqlite3.Row) -> StoredPassage:
    own = {**dict(row), "heading_path": tuple(json.loads(row["heading_path"])), "wording": bool(row["wording"])}
    return StoredPassage(**own)


def _columns(chunk: Chunk) -> tuple[str, str, int, int, str, int, int, bool]:
    span, context = chunk.span, chunk.context
    return (
        json.dumps(span.heading_path),
        chunk.text,
        span.start,
        span.end,
        json.dumps(context.heading_path),
        context.start,
        context.end,
        chunk.wording,
    )
