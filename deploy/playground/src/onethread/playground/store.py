"""The playground's memory: mails and Slack messages in one SQLite file, so that a restart forgets nothing.

Calls are synchronous: one row takes some tens of microseconds, less than handing it to a thread would.
"""

from __future__ import annotations

import json
import sqlite3
import time
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = """
create table if not exists mails (
  id integer primary key, mailbox text not null, folder text not null, message_id text not null,
  sender text not null, recipient text not null, subject text not null, raw blob not null,
  forged integer not null default 0, seen integer not null default 0, at real not null);
create index if not exists mails_by_mailbox on mails (mailbox, id);
create table if not exists slack_messages (
  channel text not null, ts text not null, thread_ts text, body text not null, delivery text,
  primary key (channel, ts)) without rowid;
create index if not exists slack_by_thread on slack_messages (channel, thread_ts, ts);
"""

Folder = Literal["received", "sent"]
Delivery = Literal["pending", "delivered", "failed"]


class Store:
    """Opens (and creates) the file at `path`; `:memory:` keeps nothing."""

    def __init__(self, path: Path | str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = normal")
        self._db.executescript(SCHEMA)
        self._last_ts = self._db.execute("select max(ts) from slack_messages").fetchone()[0] or "0.0"

    def close(self) -> None:
        self._db.close()

    def check(self) -> None:
        self._db.execute("select 1")

    def counts(self) -> dict[str, int]:
        """How many mails and Slack messages are kept."""
        tables = ("mails", "slack_messages")
        return {table: self._db.execute(f"select count(*) from {table}").fetchone()[0] for table in tables}  # noqa: S608

    def add_mail(
        self, mailbox: str, folder: Folder, raw: bytes, headers: dict[str, str], *, forged: bool = False
    ) -> int:
        """Keeps one mail and returns its number. `headers`: message_id, sender, recipient, subject."""
        row = {**headers, "mailbox": mailbox.lower(), "folder": folder, "raw": raw, "forged": forged}
        cursor = self._db.execute(
            "insert into mails (mailbox, folder, message_id, sender, recipient, subject, raw, forged, seen, at) values "
            "(:mailbox, :folder, :message_id, :sender, :recipient, :subject, :raw, :forged, :seen, :at)",
            {**row, "seen": folder == "sent", "at": time.time()},
        )
        return cursor.lastrowid or 0

    def mails(self, mailbox: str, *, after: int = 0, limit: int = 200) -> list[sqlite3.Row]:
        """The newest `limit` mails of one mailbox that are newer than number `after`, oldest first."""
        rows = self._db.execute(
            "select * from mails where mailbox = ? and id > ? order by id desc limit ?", (mailbox.lower(), after, limit)
        ).fetchall()
        return rows[::-1]

    def mail(self, mailbox: str, number: int) -> sqlite3.Row | None:
        return self._db.execute(
            "select * from mails where mailbox = ? and id = ?", (mailbox.lower(), number)
        ).fetchone()

    def mark_seen(self, mail_id: int) -> None:
        self._db.execute("update mails set seen = 1 where id = ?", (mail_id,))

    def mailboxes(self, limit: int = 40) -> list[sqlite3.Row]:
        """Mailboxes by latest mail: `mailbox`, `unseen`."""
        return self._db.execute(
            "select mailbox, sum(not seen) as unseen from mails group by mailbox order by max(id) desc limit ?",
            (limit,),
        ).fetchall()

    def next_ts(self) -> str:
        """A Slack timestamp that no message has yet, above all that were given before."""
        last_seconds, _, last_micros = self._last_ts.partition(".")
        micros = max(time.time_ns() // 1000, int(last_seconds) * 1_000_000 + int(last_micros) + 1)
        self._last_ts = f"{micros // 1_000_000}.{micros % 1_000_000:06d}"
        return self._last_ts

    def put_message(self, channel: str, message: dict[str, Any], delivery: Delivery | None = None) -> None:
        """Keeps one Slack message, in the form in which the Web API shows it; the same `ts` replaces it."""
        self._db.execute(
            "insert into slack_messages values (?, ?, ?, ?, ?) "
            "on conflict (channel, ts) do update set body = excluded.body",
            (channel, message["ts"], message.get("thread_ts"), json.dumps(message), delivery),
        )

    def set_delivery(self, channel: str, ts: str, delivery: Delivery) -> None:
        self._db.execute("update slack_messages set delivery = ? where channel = ? and ts = ?", (delivery, channel, ts))

    def message(self, channel: str, ts: str) -> dict[str, Any] | None:
        row = self._db.execute("select * from slack_messages where channel = ? and ts = ?", (channel, ts)).fetchone()
        return _message(row) if row else None

    def messages(self, channel: str, limit: int = 1000) -> list[dict[str, Any]]:
        """The newest messages of a place, threads included, oldest first; each with its `delivery`."""
        rows = self._db.execute(
            "select * from slack_messages where channel = ? order by ts desc limit ?", (channel, limit)
        ).fetchall()
        return [_message(row) for row in rows[::-1]]

    def roots(self, channel: str, *, oldest: str, latest: str, limit: int) -> list[dict[str, Any]]:
        """What stands in the place itself, not in a thread, newest first; from `oldest` to `latest`, both included."""
        rows = self._db.execute(
            "select * from slack_messages where channel = ? and thread_ts is null and ts between ? and ? "
            "order by ts desc limit ?",
            (channel, oldest, latest, limit),
        ).fetchall()
        return [self._with_replies(channel, _message(row)) for row in rows]

    def thread(self, channel: str, ts: str) -> list[dict[str, Any]]:
        """The message `ts` and the replies to it, oldest first; empty when there is no such message."""
        root = self.message(channel, ts)
        if root is None:
            return []
        rows = self._db.execute(
            "select * from slack_messages where channel = ? and thread_ts = ? order by ts", (channel, ts)
        ).fetchall()
        return [self._with_replies(channel, root), *map(_message, rows)]

    def undelivered(self) -> list[tuple[str, dict[str, Any]]]:
        """Messages whose events were still on their way when the playground stopped: place id and message."""
        rows = self._db.execute("select * from slack_messages where delivery = 'pending' order by ts").fetchall()
        return [(row["channel"], _message(row)) for row in rows]

    def delete_message(self, channel: str, ts: str) -> None:
        self._db.execute("delete from slack_messages where channel = ? and ts = ?", (channel, ts))

    def _with_replies(self, channel: str, root: dict[str, Any]) -> dict[str, Any]:
        replies, latest = self._db.execute(
            "select count(*), max(ts) from slack_messages where channel = ? and thread_ts = ?", (channel, root["ts"])
        ).fetchone()
        if not replies:
            return root
        return {**root, "thread_ts": root["ts"], "reply_count": replies, "latest_reply": latest}


def _message(row: sqlite3.Row) -> dict[str, Any]:
    return {**json.loads(row["body"]), "delivery": row["delivery"]}
