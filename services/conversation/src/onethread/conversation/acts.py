"""What teammates do to threads as a whole: split, move, merge. Each is journaled with it, and can be undone exactly."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from onethread.contracts import ids
from onethread.contracts import threads as t
from onethread.contracts.envelope import now
from onethread.contracts.messages import Author
from onethread.conversation import audit, moving, outbox, threads
from onethread.conversation.database import Connection
from onethread.conversation.three_way import changed, taken_back
from onethread.runtime.errors import Problem

CHOSEN = """select count(*) filter (where chosen) as chosen, count(*) filter (where chosen and not note) as said,
        count(*) filter (where not chosen and not note) as stays,
        (array_agg(customer_id order by position) filter (where chosen and author_kind = 'customer'))[1] as home
    from (select *, id = any(%s) as chosen from message where thread_id = %s) m"""
ACT = """insert into act (id, workspace_id, kind, how, reason, thread_id, other_thread_id, by_id, by_name, journal,
        created_at)
    values (%s, %s, %s, 'teammate', '', %s, %s, %s, %s, %s, clock_timestamp())"""
FIND = "select * from act where workspace_id = %s and id = %s"
UNDONE = "update act set undone_at = clock_timestamp(), undone_by_name = %s where id = %s"
LATER = """select id, kind, journal from (
        select *, case when kind = 'merge' then journal -> 'threads' else journal end as of_threads from act) a
    where workspace_id = %s and created_at > %s and undone_at is null
        and (of_threads ->> 'source' = any(%s) or of_threads ->> 'target' = any(%s))
    order by created_at desc"""
BOTH = "select * from thread where id = any(%s) for no key update"
STILL_THERE = "select id from message where id = any(%s) and thread_id = %s order by position"
SINCE = """select min(created_at) as at from message
    where thread_id = %s and position > %s and author_kind = 'customer'"""

LIVELIEST = ("open", "waiting", "snoozed", "closed")
HIGHEST = ("urgent", "high", "normal", "low")
MOST_CAREFUL = ("off", "quiet", "drafting", "active")
COPIED = (
    "workspace_id", "customer_id", "customer_name", "customer_email", "tags", "priority", "assignee_id",
    "assignee_name", "agent", "agent_by", "agent_at",
)  # fmt: skip
STATUS = ("status", "closed_at", "snoozed_until")
AGENT = ("agent", "agent_by", "agent_at")
KEPT_OR_TAKEN = (
    ("assignee_id", "assignee_name"),
    ("handoff_at", "handoff_reason", "handoff_summary"),
    ("topic",),
    ("subject",),
)


async def split(
    connection: Connection, workspace: str, thread_id: UUID, message_ids: list[UUID], subject: str | None, by: Author
) -> tuple[UUID, Any]:
    """Makes a new thread of some messages of another. Returns the act's id and the new thread's row.

    Like all acts here, for a caller who has the graph alone. Raises 404, 409 and 422 problems.
    """
    source = await threads.lock(connection, workspace, thread_id)
    chosen = await _chosen(connection, source, message_ids)
    if not chosen.said:
        raise Problem(422, "Only notes were chosen", "Nothing was changed. Choose a message that was said, too.")
    act_id = uuid4()
    opened = await threads.insert(
        connection, id=ids.derived_id(act_id, "thread"), home_id=chosen.home or source.home_id, status="open",
        sequence=1, subject=subject or source.subject, previous_thread_id=source.id, **_picked(source, COPIED),
    )  # fmt: skip
    head = threads.envelope(opened, ids.derived_id(act_id, "opened"), 1, None)
    change = t.ThreadChange(thread=threads.contract(opened), by=by, other_thread_id=source.id, act_id=act_id)
    await outbox.record(connection, (t.ThreadOpened(**head, data=change), ()))
    left, opened = await moving.move(connection, source, opened, message_ids, act_id=act_id, by=by)
    journal = _journal((source, left), (opened, opened), message_ids)
    await _keep(connection, "split", act_id, by, left, opened, journal)
    return act_id, opened


async def move(
    connection: Connection, workspace: str, thread_id: UUID, message_ids: list[UUID], to_thread_id: UUID, by: Author
) -> tuple[UUID, Any]:
    """Moves some messages to another thread of the same customer. Returns the act's id and that thread's row.

    Into a closed thread they are filed: it stays closed, and nobody waits there.
    """
    source, target = await _two(connection, workspace, thread_id, to_thread_id)
    await _chosen(connection, source, message_ids)
    act_id = uuid4()
    filed = {"waiting_since": None} if target.status == "closed" else {}
    left, joined = await moving.move(
        connection, source, target, message_ids, act_id=act_id, by=by, target_changes=filed
    )
    journal = _journal((source, left), (target, joined), message_ids)
    await _keep(connection, "move", act_id, by, left, joined, journal)
    return act_id, joined


async def merge_threads(
    connection: Connection, workspace: str, thread_id: UUID, other_id: UUID, by: Author
) -> tuple[UUID, Any]:
    """Moves everything of `other_id` into the thread, and closes it. Returns the act's id and the thread's row."""
    act_id = uuid4()
    journal = await join_threads(connection, thread_id, other_id, workspace, act_id=act_id, by=by)
    rows = await _both(connection, journal)
    kept, absorbed = rows[UUID(journal["target"])], rows[UUID(journal["source"])]
    await _keep(connection, "merge_threads", act_id, by, kept, absorbed, journal)
    return act_id, kept


async def join_threads(
    connection: Connection, thread_id: UUID, other_id: UUID, workspace: str, *, act_id: UUID, by: Author | None
) -> dict[str, Any]:
    """The merge of two threads within the act `act_id`. Returns its journal, for `part_threads`."""
    other, thread = await _two(connection, workspace, other_id, thread_id)
    message_ids, along = await moving.all_of(connection, other)
    ended = {"status": "closed", "closed_at": now(), "snoozed_until": None, "merged_into_id": thread.id}
    left, joined = await moving.move(
        connection, other, thread, message_ids, act_id=act_id, by=by, along=along,
        source_changes=ended | {"waiting_since": None}, target_changes=_united(thread, other),
    )  # fmt: skip
    return _journal((other, left), (thread, joined), message_ids) | {"along": along}


async def part_threads(
    connection: Connection, journal: dict[str, Any], *, act_id: UUID, by: Author | None, all_back: bool = False
) -> tuple[Any, Any]:
    """Takes back what the act with this journal did: to messages that are still where it put them, and to fields that
    nobody changed since. Returns the rows of the thread that they left and of the one that they came from.

    `all_back`: whatever else is in the thread that the act opened goes back with them, and the thread ends.
    """
    rows = await _both(connection, journal)
    source, target = rows[UUID(journal["source"])], rows[UUID(journal["target"])]
    restored, remaining = _restored(source, journal["of_source"]), _restored(target, journal["of_target"])
    if all_back:
        message_ids, along = await moving.all_of(connection, target)
        restored |= await _as_said_since(connection, journal, target, source, restored)
        ended = {"status": "closed", "closed_at": now(), "snoozed_until": None, "merged_into_id": source.id}
        remaining = ended | {"waiting_since": None}
    else:
        found = await connection.execute(STILL_THERE, [journal["message_ids"], target.id])
        message_ids, along = [row.id for row in await found.fetchall()], journal.get("along", {})
        remaining |= await _as_said_since(connection, journal, target, target, remaining)
    return await moving.move(
        connection, target, source, message_ids, act_id=act_id, by=by, undoes=act_id, along=along,
        source_changes=remaining, target_changes=restored,
    )  # fmt: skip


def _restored(row: Any, journal: dict[str, Any]) -> dict[str, Any]:
    """Who waits is known from the journal, so that it does not follow from the messages that go back."""
    return {"waiting_since": row.waiting_since} | taken_back(row, journal)


async def find(connection: Connection, workspace: str, act_id: UUID) -> Any:
    """The act's row. Raises a 404 problem."""
    row = await (await connection.execute(FIND, [workspace, act_id])).fetchone()
    if row is None:
        raise Problem(404, "There is no such act")
    return row


async def thread(connection: Connection, thread_id: UUID) -> Any:
    """The thread's row, locked, merged away or not."""
    return await (await connection.execute(BOTH, [[thread_id]])).fetchone()


async def undo(connection: Connection, act: Any, by: Author) -> None:
    """Undoes a split, a move or a merge of threads. Raises a 409 problem where something later stands in the way."""
    if act.undone_at is not None:
        raise was_undone(act)
    await _refuse_what_later_acts_need(connection, act)
    rows = await _both(connection, act.journal)
    if len({row.customer_id for row in rows.values()}) > 1:
        raise Problem(
            409, "The customers were separated since", "Nothing was changed. Each message is with its own customer."
        )
    await part_threads(connection, act.journal, act_id=act.id, by=by, all_back=act.kind == "split")
    await connection.execute(UNDONE, [by.name, act.id])
    await audit.record(connection, by, f"{ACTIONS[act.kind]}.undone", act.thread_id, {"act": str(act.id)})


ACTIONS = {"split": "thread.split", "move": "thread.moved", "merge_threads": "thread.merged"}


def was_undone(act: Any) -> Problem:
    """A 409 problem: an act is undone once."""
    detail = f"It was undone by {act.undone_by_name or 'nobody known'} at {act.undone_at:%Y-%m-%d %H:%M} UTC."
    return Problem(409, "This was undone before", f"{detail} Nothing was changed.")


async def _two(connection: Connection, workspace: str, source_id: UUID, target_id: UUID) -> tuple[Any, Any]:
    """Both rows, locked, of two threads of one customer."""
    if source_id == target_id:
        raise Problem(422, "Both are the same thread", "Nothing was changed. Choose another one.")
    source = await threads.lock(connection, workspace, source_id)
    target = await threads.lock(connection, workspace, target_id)
    if source.customer_id != target.customer_id:
        raise Problem(
            409,
            "The threads belong to two customers",
            "Nothing was changed. Merge the customers first, if they are one.",
        )
    return source, target


async def _chosen(connection: Connection, row: Any, message_ids: list[UUID]) -> Any:
    """Counts of what is chosen of a thread. Refuses what is not its own, and everything that was said in it."""
    found = await (await connection.execute(CHOSEN, [message_ids, row.id])).fetchone()
    if not message_ids:
        raise Problem(422, "No message was chosen", "Nothing was changed.")
    if found is None or found.chosen != len(set(message_ids)):
        raise Problem(
            409,
            "Some of these messages are not in this thread",
            "Nothing was changed. Read the thread again and choose.",
        )
    if not found.stays:
        raise Problem(409, "Nothing would stay in the thread", "Nothing was changed. To join two threads, merge them.")
    return found


def _united(thread: Any, other: Any) -> dict[str, Any]:
    """What one thread has from two."""
    rows = (thread, other)
    liveliest = min(rows, key=lambda row: LIVELIEST.index(row.status))
    most_careful = min(rows, key=lambda row: MOST_CAREFUL.index(row.agent))
    united = _picked(liveliest, STATUS) | _picked(most_careful, AGENT)
    for names in KEPT_OR_TAKEN:
        united |= _picked(thread if getattr(thread, names[0]) is not None else other, names)
    united["tags"] = sorted({*thread.tags, *other.tags})
    united["priority"] = min((row.priority for row in rows), key=HIGHEST.index)
    united["waiting_since"] = min((row.waiting_since for row in rows if row.waiting_since), default=None)
    return united


def _picked(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _journal(source: tuple[Any, Any], target: tuple[Any, Any], message_ids: list[UUID]) -> dict[str, Any]:
    """`source` and `target` as they were before and after. JSON."""
    return {
        "source": str(source[0].id),
        "target": str(target[0].id),
        "message_ids": [str(id_) for id_ in message_ids],
        "of_source": changed(*source),
        "of_target": changed(*target),
        "last_position": target[1].last_position,
    }


async def _keep(
    connection: Connection, kind: str, act_id: UUID, by: Author, thread: Any, other: Any, journal: dict[str, Any]
) -> None:
    own = [act_id, thread.workspace_id, kind, thread.id, other.id, by.id, by.name, Jsonb(journal)]
    await connection.execute(ACT, own)
    detail = {"act": str(act_id), "other": str(other.id), "messages": len(journal["message_ids"])}
    await audit.record(connection, by, ACTIONS[kind], thread.id, detail)


async def _both(connection: Connection, journal: dict[str, Any]) -> dict[UUID, Any]:
    """The rows of the journal's threads, locked."""
    asked = [[journal["source"], journal["target"]]]
    return {row.id: row for row in await (await connection.execute(BOTH, asked)).fetchall()}


async def _as_said_since(
    connection: Connection, journal: dict[str, Any], said_in: Any, row: Any, changes: dict[str, Any]
) -> dict[str, Any]:
    """What the customer said in `said_in` since the act keeps `row` open, and waiting if nobody answered."""
    found = await (await connection.execute(SINCE, [said_in.id, journal["last_position"]])).fetchone()
    if found is None or found.at is None or said_in.status == "closed":
        return {}
    waits = [
        changes.get("waiting_since", row.waiting_since),
        said_in.waiting_since and max(found.at, said_in.waiting_since),
    ]
    liveliest = min((row, said_in), key=lambda one: LIVELIEST.index(one.status))
    return _picked(liveliest, STATUS) | {"waiting_since": min((at for at in waits if at), default=None)}


async def _refuse_what_later_acts_need(connection: Connection, act: Any) -> None:
    """A later act builds on this one if it moved the same messages, ended a thread of it, or used one it opened."""
    own, both = act.journal, [act.journal["source"], act.journal["target"]]
    for later in await (await connection.execute(LATER, [act.workspace_id, act.created_at, both, both])).fetchall():
        theirs = later.journal["threads"] if later.kind == "merge" else later.journal
        ended = later.kind in {"merge", "merge_threads"} and theirs["source"] in both
        used = act.kind == "split" and own["target"] in (theirs["source"], theirs["target"])
        if ended or used or not set(own["message_ids"]).isdisjoint(theirs["message_ids"]):
            detail = f"Nothing was changed. Undo that one first: {later.id}."
            raise Problem(409, "A later act rearranged these messages again", detail, act_id=str(later.id))
