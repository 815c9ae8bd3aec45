"""Asks by mail how our help was, minutes after a conversation was closed: once, and nobody who wants no such mail."""

from __future__ import annotations

from typing import Any, LiteralString
from uuid import UUID

import structlog

from onethread.contracts import ids
from onethread.contracts import messages as m
from onethread.contracts.envelope import now
from onethread.conversation import outbox, suppressions, threads
from onethread.conversation.database import Connection, Database
from onethread.conversation.mail_links import MailLinks
from onethread.conversation.outbox import Relay
from onethread.conversation.rendering import to_html
from onethread.conversation.replies import requested

log = structlog.get_logger()
TEXT = """We have closed your conversation with us.

[How was our help?]({rate})

It takes one click, and you need not. [Do not ask me again]({off})"""

# Whoever closed a conversation by mistake has opened it again within five minutes. One address is asked once a week.
_CLOSED: LiteralString = """from thread t
    join channel c on c.workspace_id = t.workspace_id and c.id = t.channel_id and c.settings -> 'asks_rating' = 'true'
    where t.workspace_id = %(workspace)s and t.status = 'closed' and t.merged_into_id is null
        and t.trust = 'verified' and t.closed_at > now() - interval '1 day'
        and not exists (select from rating_request r where r.thread_id = t.id)"""
NEXT: LiteralString = "select min(t.closed_at) + interval '5 minutes' " + _CLOSED
DUE: LiteralString = "select t.id as thread_id " + _CLOSED + " and t.closed_at <= now() - interval '5 minutes' limit 64"
THREAD = "select * from thread where id = %s and status = 'closed' for no key update"
PLACE = "select * from place where workspace_id = %s and channel_id = %s and key = %s and not shared"
RATED = """select id from message where workspace_id = %s and thread_id = %s and channel_id = %s and place_key = %s
    and author_kind in ('agent', 'teammate') and not note and delivery_state in ('sent', 'delivered', 'seen')
    order by position desc limit 1"""
TAKE = """insert into rating_request (workspace_id, thread_id, person, asked_at) values (%s, %s, %s, now())
    on conflict do nothing returning thread_id"""
UNWANTED = """select from rating_request where workspace_id = %(workspace)s and person = %(person)s
        and thread_id <> %(thread)s and asked_at > now() - interval '7 days'
    union all select from mail_optout where workspace_id = %(workspace)s and person = %(person)s limit 1"""
STOP = "insert into mail_optout (workspace_id, person, since) values (%s, %s, now()) on conflict do nothing"
RATEABLE = """select thread_id, customer_id, feedback from message where workspace_id = %s and id = %s
    and author_kind in ('agent', 'teammate') and not note and created_at > now() - interval '60 days'"""


class Ratings:
    def __init__(self, database: Database, relay: Relay, links: MailLinks) -> None:
        self._database, self._relay, self._links = database, relay, links

    async def ask(self, workspace: str, due: Any) -> None:
        """A job. `due`: a row of DUE. Whatever keeps it from being asked now keeps it for good."""
        async with self._database.transaction(workspace) as connection:
            row = await (await connection.execute(THREAD, [due.thread_id])).fetchone()
            if row is None:
                return
            place, rated = await _said(connection, row)
            address = str(place.route.get("to") or "") if place else ""
            person = self._links.person(workspace, address)
            taken = await (await connection.execute(TAKE, [workspace, row.id, person])).fetchone()
            if not (taken and place and rated and address) or await self._is_unwanted(connection, row, person, place):
                return
            await self._send(connection, row, place, rated, address)
            await self._relay.notify(connection)
        self._relay.wake()
        log.info("rating.asked", thread=str(row.id))

    async def stop(self, workspace: str, person: str) -> None:
        """They want no more of these mails."""
        async with self._database.transaction(workspace) as connection:
            await connection.execute(STOP, [workspace, person])

    async def rateable(self, workspace: str, message_id: UUID) -> Any | None:
        async with self._database.transaction(workspace) as connection:
            return await (await connection.execute(RATEABLE, [workspace, message_id])).fetchone()

    async def _is_unwanted(self, connection: Connection, row: Any, person: str, place: Any) -> bool:
        if await suppressions.of_place(connection, row.workspace_id, place, automatic=True):
            return True
        asked = {"workspace": row.workspace_id, "person": person, "thread": row.id}
        return await (await connection.execute(UNWANTED, asked)).fetchone() is not None

    async def _send(self, connection: Connection, row: Any, place: Any, rated: UUID, address: str) -> None:
        stop = self._links.to_stop(row.workspace_id, address)
        text = TEXT.format(rate=self._links.to_rate(row.workspace_id, rated), off=stop)
        row = await threads.count(connection, row)
        mail = m.Message(
            id=ids.derived_id(row.id, "rating"), thread_id=row.id, sequence=row.sequence,
            author=m.Author(kind="system"), audience=m.Audience(shared=False), text=text, html=to_html(text),
            created_at=now(),
        )  # fmt: skip
        event_id = ids.derived_id(row.id, "rating requested")
        await outbox.record(connection, requested(row, mail, place, event_id, row.sequence, None, unsubscribe=stop))


async def _said(connection: Connection, row: Any) -> tuple[Any | None, UUID | None]:
    """The customer's own place, and what we said there last."""
    where = [row.channel_id, row.place_key]
    place = await (await connection.execute(PLACE, [row.workspace_id, *where])).fetchone()
    rated = await (await connection.execute(RATED, [row.workspace_id, row.id, *where])).fetchone()
    return place, rated.id if rated else None
