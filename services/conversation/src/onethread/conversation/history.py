"""Answers what other services ask: never more than the asker's place, or the visitor's proofs, may see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from onethread.contracts import mail
from onethread.contracts import messages as m
from onethread.contracts import questions as q
from onethread.conversation import graph, threads, who
from onethread.conversation.database import Connection, Database
from onethread.conversation.proofs import OPEN_DAYS
from onethread.conversation.replies import message_contract

AT_PLACE = """select * from (
        select m.* from message m where m.workspace_id = %(workspace)s and m.thread_id = %(thread)s and not m.note
            and (m.place_key = %(place)s
                or (m.customer_id = any(%(homes)s) and m.identity_trust is distinct from 'asserted'))
        order by m.position desc limit %(limit)s) latest order by position"""
PLACE = """select bool_or(shared) as shared, bool_or(identity_trust = 'asserted') as unproven,
        (array_agg(customer_id order by position desc))[1] as home
    from message where workspace_id = %s and thread_id = %s and place_key = %s having count(*) > 0"""
HOME = "select customer_id from identity where workspace_id = %s and kind = %s and value = %s and trust = 'verified'"
OF_CUSTOMER = """select t.* from customer c
    join thread t on t.customer_id = c.root_id and t.workspace_id = c.workspace_id and t.merged_into_id is null
        and t.side_of_id is null
    where c.id = %(home)s and exists (
        select from message m where m.thread_id = t.id and m.customer_id = any(%(homes)s))
    order by (t.status = 'closed'), t.updated_at desc limit 1"""
SEEN_BY_VISITOR = """select * from message where workspace_id = %(workspace)s and thread_id = %(thread)s and not note
    and author_kind <> 'system' and (customer_id = any(%(homes)s) or place_key = any(%(places)s))
    and position > %(after)s"""
OPENED = """select from proof where workspace_id = %s and claimant = any(%s) and proven
    and used_at > now() - make_interval(days => %s) limit 1"""
MISSED = f"{SEEN_BY_VISITOR} order by position limit %(limit)s"
LATEST = f"select * from ({SEEN_BY_VISITOR} order by position desc limit %(limit)s) latest order by position"  # noqa: S608
BEFORE = """select b.author_kind, b.author_name, b.identity_value, b.text, b.html, b.created_at from message m
    join lateral (
        select * from message b where b.workspace_id = m.workspace_id and b.thread_id = m.thread_id
            and b.channel_id = m.channel_id and b.place_key = m.place_key and b.shared = m.shared
            and b.audience_name is not distinct from m.audience_name and not b.note and b.position < m.position
            and (b.author_kind = 'customer' or b.delivery_state in ('sent', 'delivered', 'seen'))
        order by b.position desc limit 1) b on true
    where m.workspace_id = %s and m.id = %s and not m.note"""
"""Whoever joins makes another place, or another name of it: nothing from before is in it."""
TEAMMATES_ALONE: dict[str, Any] = {"last_message": None, "handoff": None, "topic": None, "tags": []}
"""Of a thread, for its customer: what teammates write about it, and a preview that may be of another place."""
CURSOR_DIGITS = 19
"""More would not fit into the column."""


class History:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_thread(self, question: q.HistoryOfThread) -> q.History:
        """What everyone at the place may know. A private place of a proven customer may know what was said as, and
        to, whoever is proven to be them.
        """
        asked: dict[str, Any] = {
            "workspace": question.workspace, "thread": question.thread_id, "place": question.place,
        }  # fmt: skip
        async with self._database.transaction(question.workspace) as connection:
            place = await (await connection.execute(PLACE, list(asked.values()))).fetchone()
            private = place is not None and not place.shared and not place.unproven
            homes = await graph.proven(connection, place.home) if private and place else []
            found = await connection.execute(AT_PLACE, asked | {"homes": homes, "limit": question.limit})
            return _history(None, await found.fetchall())

    async def of_visitor(self, question: q.HistoryOfVisitor) -> q.History:
        """Who is signed in, or has proven an address here, sees the thread on every channel; another visitor what was
        said in this browser.
        """
        async with self._database.transaction(question.workspace) as connection:
            seen = await _seen(connection, question)
            if seen is None:
                return q.History()
            row, asked = seen
            found = await connection.execute(MISSED if asked["after"] else LATEST, asked | {"limit": question.limit})
            return _history(row, await found.fetchall())

    async def before(self, question: mail.BeforeMessage) -> mail.Before:
        """What all who get this message have read last, for the history below it."""
        async with self._database.transaction(question.workspace) as connection:
            asked = [question.workspace, question.message_id]
            row = await (await connection.execute(BEFORE, asked)).fetchone()
        if row is None:
            return mail.Before()
        customer = row.author_kind == "customer"
        said = mail.SaidBefore(
            author=row.author_name or row.identity_value or "", address=row.identity_value if customer else None,
            text=row.text, html=None if customer else row.html, said_at=row.created_at,
        )  # fmt: skip
        return mail.Before(said=said)


async def sees(connection: Connection, workspace: str, visitor: Sequence[m.Identity], asked: UUID) -> bool:
    """Whether the message is among those that are shown to the visitor."""
    question = q.HistoryOfVisitor(workspace=workspace, identities=list(visitor))
    found = await _seen(connection, question)
    if found is None:
        return False
    query = f"select from ({SEEN_BY_VISITOR}) seen where id = %(message)s"
    return await (await connection.execute(query, found[1] | {"message": asked})).fetchone() is not None


async def _thread_of(connection: Connection, question: q.HistoryOfVisitor) -> tuple[Any | None, list[UUID]]:
    """The latest thread of the first proof that has one: the site's word, then the address, then this browser. With
    it, the homes that are proven to be this visitor.

    Somebody may have written by mail, or as a guest, before they signed in.
    """
    for one in who.that_link(question.identities):
        home = await (await connection.execute(HOME, [question.workspace, one.kind, one.value])).fetchone()
        if home is None:
            continue
        homes = await graph.proven(connection, home.customer_id)
        cursor = await connection.execute(OF_CUSTOMER, {"home": home.customer_id, "homes": homes})
        if row := await cursor.fetchone():
            return row, homes
    return None, []


async def _seen(connection: Connection, question: q.HistoryOfVisitor) -> tuple[Any, dict[str, Any]] | None:
    """The thread, and what `SEEN_BY_VISITOR` asks."""
    own = question.identities[0]
    signed_in = own.kind == "site_user" and own.trust == "verified"
    browsers = [one.value for one in question.identities if one.kind == "visitor"]
    row, homes = await _thread_of(connection, question)
    if row is None:
        return None
    proven = signed_in or await _has_proven(connection, question.workspace, browsers)
    return row, {
        "workspace": question.workspace, "thread": row.id, "homes": homes if proven else [],
        "places": [f"widget:{one}" for one in browsers], "after": _position(question.after),
    }  # fmt: skip


async def _has_proven(connection: Connection, workspace: str, browsers: list[str]) -> bool:
    """Whether an address was proven in one of the browsers: what it opens there is theirs to see."""
    asked = [workspace, [f"visitor {one}" for one in browsers], OPEN_DAYS]
    return await (await connection.execute(OPENED, asked)).fetchone() is not None


def _history(row: Any | None, messages: Sequence[Any]) -> q.History:
    return q.History(
        thread=threads.contract(row).model_copy(update=TEAMMATES_ALONE) if row else None,
        messages=[message_contract(message) for message in messages],
        cursors=[str(message.position) for message in messages],
    )


def _position(cursor: str | None) -> int:
    """A cursor that is not ours, or none, starts from the beginning."""
    return int(cursor) if cursor and cursor.isdigit() and len(cursor) < CURSOR_DIGITS else 0
