"""Brings threads in line with the graph of customers.

One rule holds for every message: the root of its home is the customer of the thread it stands in.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from onethread.contracts import ids
from onethread.contracts import threads as t
from onethread.contracts.envelope import now
from onethread.contracts.messages import Author
from onethread.conversation import moving, outbox, profiles, replies, stitching, threads
from onethread.conversation.database import Connection, together

STRAYED = """select m.thread_id, c.root_id, (array_agg(m.customer_id order by m.position))[1] as home,
        array_agg(m.id order by m.position) as messages
    from thread t join message m on m.thread_id = t.id join customer c on c.id = m.customer_id
    where t.customer_id = any(%s) and c.root_id <> t.customer_id
    group by m.thread_id, c.root_id order by min(m.position)"""
STAYS = (
    "select 1 from message m join customer c on c.id = m.customer_id where thread_id = %s and c.root_id = %s limit 1"
)
LATEST = """select * from thread where workspace_id = %s and customer_id = %s and merged_into_id is null
        and side_of_id is null
    order by (status = 'closed'), updated_at desc limit 1 for no key update"""
REHOME = "update thread set home_id = %s where id = %s"
COPIED = ("status", "snoozed_until", "closed_at", "agent", "agent_by", "agent_at", "priority", "subject")
"""What a thread that is torn out of another takes along: above all, whether people were on it."""


async def settle(
    connection: Connection, workspace: str, roots: list[UUID], *, act_id: UUID, by: Author, window: timedelta
) -> list[tuple[UUID, UUID, list[UUID]]]:
    """Moves each message that stands in another's thread to the thread of its own customer that it would have joined.

    Returns what moved: from which thread, to which, which messages.
    """
    moves: list[tuple[UUID, UUID, list[UUID]]] = []
    for stray in await (await connection.execute(STRAYED, [roots])).fetchall():
        source = await threads.lock(connection, workspace, stray.thread_id)
        if await (await connection.execute(STAYS, [source.id, source.customer_id])).fetchone() is None:
            await _rehome(connection, source, stray, act_id, by)
            continue
        target = await _target(connection, source, stray, act_id, by, window)
        source, target = await moving.move(connection, source, target, stray.messages, act_id=act_id, by=by)
        moves.append((source.id, target.id, stray.messages))
        await _remark(connection, source, act_id, f"{len(stray.messages)} messages went to their own customer's thread")
        await _remark(connection, target, act_id, f"{len(stray.messages)} messages came back from another's thread")
    return moves


async def _rehome(connection: Connection, row: Any, stray: Any, act_id: UUID, by: Author) -> None:
    """Nothing of its customer is left in the thread, so that it goes as a whole."""
    shown = await profiles.shown(connection, stray.root_id)
    row = await threads.save(
        connection, row, home_id=stray.home, customer_id=stray.root_id, customer_name=shown.name,
        customer_email=shown.email, sequence=row.sequence + 1, version=row.version + 1,
    )  # fmt: skip
    head = threads.envelope(row, ids.derived_id(act_id, f"rehomed {row.id} {row.sequence}"), row.sequence, None)
    change = t.ThreadChange(thread=threads.contract(row), by=by, act_id=act_id)
    await outbox.record(connection, (t.ThreadUpdated(**head, data=change), ()))


async def _target(connection: Connection, source: Any, stray: Any, act_id: UUID, by: Author, window: timedelta) -> Any:
    """The thread that the messages would have joined: the customer's open one, one closed lately, else a new one."""
    latest = await (await connection.execute(LATEST, [source.workspace_id, stray.root_id])).fetchone()
    if latest is not None and not stitching.expired(latest, now(), window):
        return latest
    shown = await profiles.shown(connection, stray.root_id)
    row = await threads.insert(
        connection, id=uuid4(), workspace_id=source.workspace_id, home_id=stray.home, customer_id=stray.root_id,
        customer_name=shown.name, customer_email=shown.email, sequence=1,
        previous_thread_id=latest.id if latest else None,
        **{name: getattr(source, name) for name in COPIED},
    )  # fmt: skip
    head = threads.envelope(row, ids.derived_id(act_id, f"opened {row.id}"), 1, None)
    change = t.ThreadChange(thread=threads.contract(row), by=by, act_id=act_id)
    await outbox.record(connection, (t.ThreadOpened(**head, data=change), ()))
    return row


async def _remark(connection: Connection, row: Any, act_id: UUID, what: str) -> None:
    """A note, so that whoever reads the thread later knows why it has a seam."""
    author = Author(kind="system", name="Onethread")
    text = f"Two customers were separated here: {what}."
    id_ = ids.derived_id(act_id, f"remark {row.id} {row.sequence}")
    async with together(connection) as writes:
        await replies.add(writes, row, author, text, None, [], id_, None, changes={})
