"""Answers what other services ask: never more than the asker's place, or the visitor's proofs, may see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from onethread.contracts import questions as q
from onethread.conversation import identity, threads
from onethread.conversation.database import Connection, Database
from onethread.conversation.replies import message_contract

AT_PLACE = """select * from (
        select m.* from message m where m.workspace_id = %(workspace)s and m.thread_id = %(thread)s and not m.note
            and (m.place_key = %(place)s or (%(private)s and m.identity_trust is distinct from 'asserted'))
        order by m.sequence desc limit %(limit)s) latest order by sequence"""
PRIVATE_PLACE = """select not bool_or(shared) as private, bool_or(identity_trust = 'asserted') as unproven
    from message where workspace_id = %s and thread_id = %s and place_key = %s"""
OF_CUSTOMER = """select t.* from identity i
    join thread t on t.customer_id = i.customer_id and t.workspace_id = i.workspace_id
    where i.workspace_id = %s and i.kind = %s and i.value = %s and i.trust = 'verified'
    order by (t.status = 'closed'), t.updated_at desc limit 1"""
SEEN_BY_VISITOR = """select * from message where workspace_id = %(workspace)s and thread_id = %(thread)s and not note
    and author_kind <> 'system' and (%(everything)s or place_key = any(%(places)s)) and sequence > %(after)s"""
MISSED = f"{SEEN_BY_VISITOR} order by sequence limit %(limit)s"
LATEST = f"select * from ({SEEN_BY_VISITOR} order by sequence desc limit %(limit)s) latest order by sequence"  # noqa: S608


class History:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_thread(self, question: q.HistoryOfThread) -> q.History:
        """What everyone at the place may know. A private place of the proven customer may know their whole thread."""
        asked = {"workspace": question.workspace, "thread": question.thread_id, "place": question.place}
        async with self._database.transaction() as connection:
            cursor = await connection.execute(PRIVATE_PLACE, list(asked.values()))
            place = await cursor.fetchone()
            private = bool(place and place.private and not place.unproven)
            found = await connection.execute(AT_PLACE, asked | {"private": private, "limit": question.limit})
            return _history(None, await found.fetchall())

    async def of_visitor(self, question: q.HistoryOfVisitor) -> q.History:
        """A signed-in visitor sees the thread on every channel; an anonymous one what was said in this browser."""
        own = question.identities[0]
        signed_in = own.kind == "site_user" and own.trust == "verified"
        visitors = [f"widget:{one.value}" for one in question.identities if one.kind == "visitor"]
        async with self._database.transaction() as connection:
            row = await _thread_of(connection, question)
            if row is None:
                return q.History()
            after = _sequence_after(question.after, row.id)
            asked = {
                "workspace": question.workspace, "thread": row.id, "everything": signed_in, "places": visitors,
                "after": after, "limit": question.limit,
            }  # fmt: skip
            found = await connection.execute(MISSED if after else LATEST, asked)
            return _history(row, await found.fetchall())


async def _thread_of(connection: Connection, question: q.HistoryOfVisitor) -> Any | None:
    """The latest thread of the first proof that has one: the site's word, then the address, then this browser.

    Somebody may have written by mail, or as a guest, before they signed in.
    """
    for one in identity.that_link(question.identities):
        cursor = await connection.execute(OF_CUSTOMER, [question.workspace, one.kind, one.value])
        if row := await cursor.fetchone():
            return row
    return None


def _history(row: Any | None, messages: Sequence[Any]) -> q.History:
    return q.History(
        thread=threads.contract(row) if row else None,
        messages=[message_contract(message) for message in messages],
        cursors=[f"{message.thread_id}:{message.sequence}" for message in messages],
    )


def _sequence_after(cursor: str | None, thread_id: UUID) -> int:
    """A cursor of another thread, or none, starts from the beginning of this one."""
    thread, _, sequence = (cursor or "").partition(":")
    return int(sequence) if thread == str(thread_id) and sequence.isdigit() else 0
