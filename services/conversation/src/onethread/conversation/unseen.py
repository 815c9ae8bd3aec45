"""A reply that its customer was not there to see, in a chat that nobody is told of, goes to their proven address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog

from onethread.contracts import ids
from onethread.contracts import messages as m
from onethread.contracts.files import FILES
from onethread.conversation import outbox, suppressions, threads
from onethread.conversation.database import Connection, Database
from onethread.conversation.mail_links import MailLinks
from onethread.conversation.outbox import Relay
from onethread.conversation.places import Place, Places
from onethread.conversation.rendering import to_html
from onethread.conversation.replies import Tell, message_contract, requested

log = structlog.get_logger()

NEXT = "select min(mail_at) from message where workspace_id = %(workspace)s and mail_at is not null"
DUE = """select distinct thread_id, customer_id, channel_id, place_key from message
    where workspace_id = %(workspace)s and mail_at <= now() limit 64"""
THREAD = "select * from thread where id = %s and merged_into_id is null for no key update"
TAKE = """update message set mail_at = null where id in (
        select id from message where thread_id = %(thread)s and customer_id = %(home)s
            and channel_id = %(channel)s and place_key = %(place)s and not shared and mail_at is not null
        for no key update skip locked)
    returning *, position < coalesce((select max(position) from message said where said.thread_id = %(thread)s
        and said.channel_id = %(channel)s and said.place_key = %(place)s and author_kind = 'customer'), 0) as seen"""
MAILED = """update message set mail_id = %s, delivery_state = 'queued', delivery_reason = %s, retry_at = null
    where id = any(%s) returning *"""

TOO_LARGE = "`{}` is too large for this mail. It is in the chat."
DECLINED = "select from mail_optout where workspace_id = %s and person = %s"
DECLINE = "You were not in the chat any more, so it comes by mail. [Do not mail me that]({stop})"


class Unseen:
    def __init__(self, database: Database, relay: Relay, places: Places, links: MailLinks, tell: Tell) -> None:
        self._database, self._relay, self._places, self._tell = database, relay, places, tell
        self._links = links

    async def mail(self, workspace: str, due: Any) -> None:
        """One mail with all that the customer has not seen at one place, once. `due`: a row of DUE."""
        async with self._database.transaction(workspace) as connection:
            row = await (await connection.execute(THREAD, [due.thread_id])).fetchone()
            if row is None or not (unseen := await _take(connection, due)):
                return
            place = await self._places.address_of(connection, row, due.customer_id)
            if place is None or await self._is_unwanted(connection, workspace, place):
                return
            unseen = await self._send(connection, row, unseen, place)
            await self._relay.notify(connection)
        self._relay.wake()
        log.info("reply.mailed", thread=str(row.id), messages=len(unseen))
        for message in unseen:
            await self._tell(workspace, message_contract(message))

    async def _is_unwanted(self, connection: Connection, workspace: str, place: Place) -> bool:
        if await suppressions.of_place(connection, workspace, place, automatic=True):
            return True
        asked = [workspace, self._links.chatter(workspace, str(place.route["to"]))]
        return await (await connection.execute(DECLINED, asked)).fetchone() is not None

    async def _send(self, connection: Connection, row: Any, unseen: Sequence[Any], place: Place) -> Sequence[Any]:
        id_ = ids.derived_id(unseen[-1].id, "by mail")
        asked = [id_, why(place), [message.id for message in unseen]]
        changed = await (await connection.execute(MAILED, asked)).fetchall()
        row = await threads.count(connection, row)
        in_order = sorted(changed, key=lambda message: message.position)
        await outbox.record(connection, request(row, in_order, place, self._links, attempt=1))
        return in_order


def why(place: Place) -> str:
    """What the delivery of each message in the mail says."""
    return f"By mail to {place.route['to']}, for it was not seen in the chat"


def request(row: Any, unseen: Sequence[Any], place: Place, links: MailLinks, attempt: int) -> outbox.Told:
    """Asks for the mail with these messages, oldest first, of a thread whose number was counted up for it."""
    taken, left = _files(unseen)
    stop = links.to_stop_unseen(row.workspace_id, str(place.route["to"]))
    said = [_digest(unseen), *map(TOO_LARGE.format, left), DECLINE.format(stop=stop)]
    newest, text = unseen[-1], "\n\n".join(filter(None, said))
    authors = {(message.author_kind, message.author_id, message.author_name) for message in unseen}
    kind, id_, name = authors.pop() if len(authors) == 1 else ("system", None, None)
    sources = [m.Source.model_validate(source) for message in unseen for source in message.sources]
    mail = m.Message(
        id=newest.mail_id,
        thread_id=row.id,
        sequence=newest.sequence,
        author=m.Author(kind=kind, id=id_, name=name),
        audience=m.Audience(shared=False),
        text=text,
        html=to_html(text),
        attachments=taken,
        sources=list({source.document_id: source for source in sources}.values()),
        created_at=newest.created_at,
    )
    event_id = ids.derived_id(newest.mail_id, f"requested {attempt}")
    return requested(row, mail, place, event_id, row.sequence, None, attempt, unsubscribe=stop)


def _files(unseen: Sequence[Any]) -> tuple[list[m.Attachment], list[str]]:
    """Those that fit into one mail, and the names of the others."""
    limits, taken, left = FILES["email"], list[m.Attachment](), list[str]()
    for file in (m.Attachment.model_validate(one) for message in unseen for one in message.attachments):
        if len(taken) < limits.number and sum(one.size for one in taken) + file.size <= limits.bytes:
            taken.append(file)
        else:
            left.append(file.name)
    return taken, left


async def _take(connection: Connection, due: Any) -> list[Any]:
    """What is to be mailed, oldest first: whoever has answered there since has seen what stood above."""
    asked = {"thread": due.thread_id, "home": due.customer_id, "channel": due.channel_id, "place": due.place_key}
    taken = await (await connection.execute(TAKE, asked)).fetchall()
    return sorted((message for message in taken if not message.seen), key=lambda message: message.position)


def _digest(unseen: Sequence[Any]) -> str:
    if len(unseen) == 1:
        return unseen[0].text
    return "\n\n".join(f"**{message.author_name or 'Support'}:**\n\n{message.text}" for message in unseen)
