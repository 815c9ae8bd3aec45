"""Side mail: a teammate asks a third party about a thread, in a thread of that party's own, which is theirs alone.

The customer is nowhere in it: neither their name nor a word of theirs goes along. That it was asked, and what was
answered, stands in the customer's thread as notes.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field

from onethread.contracts import customers, ids
from onethread.contracts import threads as t
from onethread.contracts.mail_places import place_key
from onethread.contracts.messages import Author, Identity, Message, ReceivedMessage
from onethread.conversation import graph, outbox, profiles, readers, replies, suggestions, threads, who
from onethread.conversation.database import Connection, together
from onethread.conversation.likeness import normal_address
from onethread.conversation.places import NOT_PROVEN_PLACE, Place, Places
from onethread.conversation.teammates import Email
from onethread.runtime.errors import Problem
from onethread.runtime.telemetry import traceparent

OWN = """select 1 from identity i join customer c on c.id = i.customer_id
    where c.root_id = %s and i.kind = 'email' and i.value = %s limit 1"""
OF_THREAD = """select id, customer_email as "to", subject, status from thread
    where workspace_id = %s and side_of_id = %s order by created_at"""
ANSWERED = "{who} answered the side mail “{subject}”{doubt}: {text}"
SHOWN = 500
"""Characters of an answer that the note in the customer's thread shows."""


class NewSideMail(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    to: Email
    subject: str = Field(min_length=1, max_length=200)
    text: str = Field(min_length=1, max_length=50_000)


async def write(
    connection: Connection, places: Places, workspace: str, thread_id: UUID, author: Author, new: NewSideMail
) -> tuple[Any, Message]:
    """The side thread's row, and the mail. Raises 404, 409 and 422 problems."""
    to = normal_address(new.to)
    known = [Identity(kind="email", value=to, trust=trust) for trust in ("verified", "asserted")]
    await connection.execute(graph.SHARED, [workspace])
    await connection.execute(who.LOCK, [who.lock_keys(workspace, known)])
    parent = await threads.lock(connection, workspace, thread_id)
    await _check(connection, parent, to)
    channel = await places.mail_channel(connection, workspace)
    if channel is None:
        raise Problem(409, "There is no support address to write from", "Nothing was sent.")
    party = await _party(connection, workspace, known, author)
    key = place_key(to, (), proven=party.trust == "verified")
    key += "" if party.trust == "verified" else NOT_PROVEN_PLACE
    place = Place(channel, "email", key, party.home, who=to, route={"to": to, "subject": new.subject})
    row, message = await _begin(connection, parent, party, place, author, new)
    async with together(connection) as writes:
        text = f"**Side mail to {to}**, “{new.subject}”:\n\n{new.text}"
        id_ = ids.derived_id(message.id, "told")
        await replies.add(writes, parent, author, text, None, [], id_, message.id, changes={})
    return row, message


async def of_thread(connection: Connection, workspace: str, thread_id: UUID) -> list[dict[str, Any]]:
    found = await (await connection.execute(OF_THREAD, [workspace, thread_id])).fetchall()
    return [row._asdict() for row in found]


async def tell(connection: Connection, parent: Any, side: Any, said: ReceivedMessage, cause: UUID) -> None:
    """What was answered, in the customer's thread, for teammates."""
    own = said.identities[0]
    shown = said.text if len(said.text) <= SHOWN else f"{said.text[:SHOWN]}…"
    doubt = "" if own.trust == "verified" else ", not proven"
    text = ANSWERED.format(who=own.value, subject=side.subject or "", doubt=doubt, text=shown)
    async with together(connection) as writes:
        id_ = ids.derived_id(cause, "side")
        author = Author(kind="system", name="Side mail")
        await replies.add(writes, parent, author, text, None, [], id_, cause, changes={})


async def _check(connection: Connection, parent: Any, to: str) -> None:
    """Raises a 422 problem for who is no third party."""
    if parent.side_of_id is not None:
        raise Problem(422, "This is side mail itself", "Nothing was sent. Write from the customer's conversation.")
    if await (await connection.execute(OWN, [parent.customer_id, to])).fetchone():
        raise Problem(422, "That is the customer's own address", "Nothing was sent. Write a reply.")
    await readers.refuse_ours(connection, parent.workspace_id, [to])


class _Party(BaseModel):
    home: UUID
    root: UUID
    trust: str


async def _party(connection: Connection, workspace: str, known: list[Identity], author: Author) -> _Party:
    """Who has that address: proven, else whom it was claimed for, else somebody new of whom only it is known."""
    found = await connection.execute(who.FIND, who.find_parameters(workspace, known))
    rows = {row.trust: row for row in await found.fetchall()}
    for trust in ("verified", "asserted"):
        if row := rows.get(trust):
            return _Party(home=row.home, root=row.root, trust=trust)
    return await _new_party(connection, workspace, known[0].value, author)


async def _new_party(connection: Connection, workspace: str, to: str, author: Author) -> _Party:
    id_, evidence = uuid4(), f"{author.name or 'A teammate'} wrote to it"
    await connection.execute(who.INSERT_CUSTOMER, [id_, workspace, id_, None, to, None])
    likeness = suggestions.likeness("email", to)
    own = [uuid4(), workspace, "email", to, "asserted", evidence, likeness, id_]
    await connection.execute(who.INSERT_IDENTITY, own)
    change = customers.CustomerChange(customer=await profiles.contract(connection, id_))
    event = customers.CustomerCreated(
        id=ids.derived_id(id_, "customer"), source=threads.SOURCE, subject=str(id_), workspaceid=workspace,
        customerid=id_, traceparent=traceparent(), data=change,
    )  # fmt: skip
    await outbox.record(connection, (event, ()))
    return _Party(home=id_, root=id_, trust="asserted")


async def _begin(
    connection: Connection, parent: Any, party: _Party, place: Place, author: Author, new: NewSideMail
) -> tuple[Any, Message]:
    shown, message_id = await profiles.shown(connection, party.root), uuid4()
    row = await threads.insert(
        connection, id=uuid4(), workspace_id=parent.workspace_id, home_id=party.home, customer_id=party.root,
        customer_name=shown.name, customer_email=shown.email or place.route["to"], subject=new.subject,
        side_of_id=parent.id, agent="off", sequence=1, status="waiting", assignee_id=author.id,
        assignee_name=author.name if author.id else None, channel_id=place.channel_id, channel_kind="email",
        place_key=place.key,
    )  # fmt: skip
    head = threads.envelope(row, ids.derived_id(message_id, "opened"), 1, None)
    opened = t.ThreadOpened(**head, data=t.ThreadChange(thread=threads.contract(row), by=author))
    await outbox.record(connection, (opened, ()))
    async with together(connection) as writes:
        await readers.keep(writes, row, place)
        return await replies.add(writes, row, author, new.text, place, [], message_id, None, changes={})
