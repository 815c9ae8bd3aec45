"""How far the sending of a message got, and another attempt when a teammate asks for one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from onethread.contracts import ids
from onethread.contracts import messages as m
from onethread.contracts import replies as r
from onethread.conversation import outbox, suppressions, threads, unseen
from onethread.conversation.database import Connection, Database
from onethread.conversation.mail_links import MailLinks
from onethread.conversation.once import Once
from onethread.conversation.outbox import Relay
from onethread.conversation.places import Places
from onethread.conversation.replies import Tell, message_contract, requested
from onethread.runtime.errors import Problem

PROGRESS = """with news as (
        insert into inbox (workspace_id, event_id, handled_at) values (%(workspace)s, %(event)s, now())
        on conflict do nothing returning event_id),
    further as (select id, array_position(%(order)s::text[], delivery_state) as was from message
        where workspace_id = %(workspace)s and (id = %(id)s or mail_id = %(id)s)
            and not exists (select from customer c where c.id = message.customer_id and c.erased_at is not null)),
    moved as (update message m set retry_at = %(retry_at)s, delivery_report = %(report)s,
            delivery_state = (%(order)s::text[])[greatest(further.was, array_position(%(order)s::text[], %(state)s))],
            delivery_reason = coalesce(%(reason)s, case when m.mail_id = %(id)s then m.delivery_reason end),
            mail_at = case when %(state)s <> 'seen' then m.mail_at end
        from further where further.id = m.id and exists (select from news)
            and (array_position(%(order)s::text[], %(state)s) > further.was or %(report)s = 'complaint'
                or (%(state)s in ('retrying', 'sent') and m.delivery_state = %(state)s and m.retry_at is not null
                    and coalesce(%(retry_at)s::timestamptz, 'infinity') > m.retry_at))
            and (%(attempt)s::int is null or %(attempt)s >= m.delivery_attempt or %(state)s in ('delivered', 'seen'))
        returning m.*)
    select moved.* from news left join moved on true"""
ORDER = ["queued", "retrying", "sent", "failed", "delivered", "seen"]
"""Within one attempt a delivery only goes this way: what was sent may still come back, what has arrived does not. A
complaint of it may come at any time. What was sent, but for copies that wait, has a time for them.
"""
OUTSIDE_ID = """insert into outside_id (workspace_id, channel_id, external_id, message_id, thread_id)
    select workspace_id, %s, %s, id, thread_id from message m where workspace_id = %s and (id = %s or mail_id = %s)
        and not exists (select from customer c where c.id = m.customer_id and c.erased_at is not null)
    order by position desc limit 1 on conflict do nothing"""
KEEP_ROUTE = """insert into place
        (workspace_id, channel_id, key, channel_kind, shared, name, route, thread_id, customer_id, updated_at)
    select workspace_id, %s, %s, %s, %s, %s, %s, thread_id, customer_id, now() from message m
    where workspace_id = %s and (id = %s or mail_id = %s)
        and not exists (select from customer c where c.id = m.customer_id and c.erased_at is not null)
    order by position desc limit 1
    on conflict (workspace_id, channel_id, key) do update set route = excluded.route"""
MESSAGE = "select * from message where workspace_id = %s and thread_id = %s and id = %s for no key update"
AGAIN = """update message set delivery_state = 'queued', delivery_reason = %s, retry_at = null,
        delivery_report = null, delivery_attempt = %s where id = %s or mail_id = %s returning *"""
PLACE = "select * from place where workspace_id = %s and channel_id = %s and key = %s"

GONE = "The customer cannot be reached there any more"


class Deliveries:
    def __init__(self, database: Database, relay: Relay, places: Places, links: MailLinks, tell: Tell) -> None:
        self._database, self._relay, self._places, self._tell = database, relay, places, tell
        self._links = links

    async def on_outcome(self, event: r.ReplyDelivered | r.ReplyFailed) -> None:
        """Notes how far it got, and by what the outside knows it. Of a mail with several messages: of each."""
        async with self._database.transaction(event.workspaceid) as connection:
            found = await connection.execute(PROGRESS, _progress(event))
            rows = await found.fetchall()
            if rows:
                await _learn(connection, event.workspaceid, event.data)
                await _suppress(connection, event.workspaceid, event.data, [row for row in rows if row.id is not None])
        for row in rows:
            if row.id is not None:
                await self._tell(event.workspaceid, message_contract(row))

    async def retry(self, workspace: str, thread_id: UUID, message_id: UUID, once: Once) -> m.Message:
        """Asks for one more attempt at a message that failed. Raises 404 and 409 problems."""
        async with self._database.transaction(workspace) as connection:
            repeated = await once.earlier(connection)
            row = await threads.lock(connection, workspace, thread_id)
            message = await (await connection.execute(MESSAGE, [workspace, thread_id, message_id])).fetchone()
            if message is None:
                raise Problem(404, "There is no such message")
            if repeated is None:
                message = await self._again(connection, row, message)
                await once.keep(connection, message_id=message_id)
                await self._relay.notify(connection)
        self._relay.wake()
        shown = message_contract(message)
        await self._tell(workspace, shown)
        return shown

    async def _again(self, connection: Connection, row: Any, message: Any) -> Any:
        if message.delivery_state != "failed":
            raise Problem(409, "It has not failed", "Nothing was sent again: only what failed can be.")
        place, attempt = await self._place(connection, row, message), message.delivery_attempt + 1
        await suppressions.refuse(connection, row.workspace_id, place)
        asked = [unseen.why(place) if message.mail_id else None, attempt, message.id, message.mail_id]
        again = await (await connection.execute(AGAIN, asked)).fetchall()
        row = await threads.count(connection, row)
        if message.mail_id:
            request = unseen.request(row, sorted(again, key=lambda one: one.position), place, self._links, attempt)
        else:
            event_id = ids.derived_id(message.id, f"requested {attempt}")
            request = requested(row, message_contract(again[0]), place, event_id, row.sequence, None, attempt)
        await outbox.record(connection, request)
        return next(one for one in again if one.id == message.id)

    async def _place(self, connection: Connection, row: Any, message: Any) -> Any:
        """Where it was to go. A place where nothing has arrived yet is not kept."""
        if message.mail_id:
            return await self._address(connection, row, message)
        asked = [row.workspace_id, message.channel_id, message.place_key]
        if place := await (await connection.execute(PLACE, asked)).fetchone():
            return place
        place = await self._places.choose(connection, row, message.channel_id)
        if place.key != message.place_key:
            raise Problem(409, GONE, "Nothing was sent. Write again.")
        return place

    async def _address(self, connection: Connection, row: Any, message: Any) -> Any:
        place = await self._places.address_of(connection, row, message.customer_id)
        if place is None:
            raise Problem(409, GONE, "Nothing was sent. It still stands in the chat.")
        return place


def _progress(event: r.ReplyDelivered | r.ReplyFailed) -> dict[str, Any]:
    outcome = event.data
    return {
        "workspace": event.workspaceid, "event": event.id, "id": outcome.message_id, "state": outcome.state,
        "reason": outcome.reason, "retry_at": outcome.retry_at, "attempt": outcome.attempt, "order": ORDER,
        "report": outcome.report,
    }  # fmt: skip


async def _suppress(connection: Connection, workspace: str, outcome: r.ReplyOutcome, moved: list[Any]) -> None:
    if outcome.report:
        attempts = max((row.delivery_attempt for row in moved), default=1)
        await suppressions.note(connection, workspace, outcome, attempts, is_news=bool(moved))


async def _learn(connection: Connection, workspace: str, outcome: r.ReplyOutcome) -> None:
    whose = [workspace, outcome.message_id, outcome.message_id]
    if outcome.external_id:
        await connection.execute(OUTSIDE_ID, [outcome.channel.id, outcome.external_id, *whose])
    if place := outcome.place:
        kept = [place.key, outcome.channel.kind, place.audience.shared, place.audience.name, Jsonb(place.route)]
        await connection.execute(KEEP_ROUTE, [outcome.channel.id, *kept, *whose])
