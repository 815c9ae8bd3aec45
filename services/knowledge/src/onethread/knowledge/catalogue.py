"""Lists of documents for people to look through."""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from onethread.knowledge.documents import DocumentStore

_ROWS = (
    "select d.id, v.title, v.url, v.audience, v.locale, d.source, d.page, d.state, d.reason, d.wanted as version,"
    " d.live as live_version, v.text, v.wordings, (select count(*) from passages p where p.workspace = d.workspace"
    " and p.document_id = d.id and p.version = d.live) as passages"
    " from documents d join versions v"
    " on v.workspace = d.workspace and v.document_id = d.id and v.version = d.wanted where d.workspace = :workspace"
)


@dataclass(frozen=True)
class Asked:
    """Which documents: each word of `q` is in the title or the id."""

    q: str = ""
    source: str | None = None
    state: str | None = None
    after: str = ""
    limit: int = 50


def documents(store: DocumentStore, workspace: str, asked: Asked) -> list[dict[str, Any]]:
    rows = store.connection.execute(
        f"{_ROWS} and d.id > :after and (:source is null or d.source = :source)"  # noqa: S608 a constant
        " and (:state is null or d.state = :state)"
        " and not exists (select 1 from json_each(:words) w"
        " where instr(lower(v.title || ' ' || d.id), w.value) = 0) order by d.id limit :limit",
        {
            "workspace": workspace,
            "after": asked.after,
            "source": asked.source,
            "state": asked.state,
            "words": json.dumps(asked.q.lower().split()),
            "limit": asked.limit,
        },
    )
    return [_row(row) for row in rows]


def document(store: DocumentStore, workspace: str, document_id: str) -> dict[str, Any] | None:
    query = f"{_ROWS} and d.id = :id"
    row = store.connection.execute(query, {"workspace": workspace, "id": document_id}).fetchone()
    return _row(row) if row else None


def _row(row: sqlite3.Row) -> dict[str, Any]:
    return {**dict(row), "wordings": json.loads(row["wordings"])}
