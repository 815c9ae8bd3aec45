"""Who reads a reply by mail besides the one whom it answers: as the teammate leaves or makes it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from psycopg.types.json import Jsonb

from onethread.contracts import mail_places
from onethread.conversation import suppressions
from onethread.conversation.database import Connection, Together
from onethread.conversation.likeness import normal_address
from onethread.conversation.places import NOT_PROVEN_PLACE, Place, proposed
from onethread.runtime.errors import Problem

OURS = "select settings ->> 'address' as address from channel where workspace_id = %s and kind = 'email' and active"
PLACE = "select * from place where workspace_id = %s and channel_id = %s and key = %s and customer_id = %s"
ADD = """insert into participant (workspace_id, thread_id, value, by_id, by_name, created_at)
    select %s, %s, unnest(%s::text[]), %s, %s, now() on conflict do nothing"""
KEEP = """insert into place
        (workspace_id, channel_id, key, channel_kind, shared, name, route, thread_id, customer_id, updated_at)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s, now()) on conflict do nothing"""
OF_THREAD = (
    "select value, by_name from participant where workspace_id = %s and thread_id = %s order by created_at, value"
)


async def chosen(connection: Connection, workspace: str, place: Any, cc: list[str] | None) -> tuple[Any, list[str]]:
    """The place for these readers, and the readers. None: those that are proposed. Raises 409 and 422 problems.

    Readers who were not there before get a place of their own, without the subject: it was written to others.
    """
    stopped = await suppressions.of(connection, workspace, suppressions.copies_of(place))
    known = [one for one in proposed(place) if one not in stopped]
    if place.channel_kind != "email":
        if cc:
            raise Problem(422, "Only mail has copies", "Nothing was sent. Leave out cc, or reply by email.")
        return place, []
    readers = known if cc is None else await _checked(connection, workspace, place, cc)
    if set(readers) == set((place.route or {}).get("cc") or []):
        return place, readers
    key = _key(place, readers)
    asked = [workspace, place.channel_id, key, place.customer_id]
    if kept := await (await connection.execute(PLACE, asked)).fetchone():
        return kept, readers
    there = mail_places.audience(readers)
    route = {**place.route, "cc": readers}
    if not set(readers) <= set(known):
        route["subject"] = None
    made = Place(place.channel_id, place.channel_kind, key, place.customer_id)
    return replace(made, shared=there.shared, name=there.name, route=route), readers


def _key(place: Any, readers: list[str]) -> str:
    """As the gateway will call it when the customer answers all of them. One that is not proven is as it is alone."""
    if place.key.endswith(NOT_PROVEN_PLACE):
        return f"{place.key.removesuffix(NOT_PROVEN_PLACE)} for {mail_places.digest(readers)}{NOT_PROVEN_PLACE}"
    return mail_places.place_key(str(place.route.get("to")), readers, proven=True)


async def take_part(writes: Together, row: Any, author: Any, place: Any, readers: list[str]) -> None:
    """Whom a teammate wrote to may answer in the thread. Their place is kept: it may take more than one attempt."""
    if readers:
        await keep(writes, row, place)
        await writes.execute(ADD, [row.workspace_id, row.id, readers, author.id, author.name])


async def keep(writes: Together, row: Any, place: Any) -> None:
    there = [row.workspace_id, place.channel_id, place.key, place.channel_kind, place.shared, place.name]
    await writes.execute(KEEP, [*there, Jsonb(place.route), row.id, place.customer_id])


async def of_thread(connection: Connection, workspace: str, thread_id: Any) -> list[dict[str, Any]]:
    rows = await (await connection.execute(OF_THREAD, [workspace, thread_id])).fetchall()
    return [{"address": row.value, "added_by": row.by_name} for row in rows]


async def refuse_ours(connection: Connection, workspace: str, addresses: list[str]) -> None:
    """Raises a 422 problem."""
    ours = {row.address for row in await (await connection.execute(OURS, [workspace])).fetchall()}
    for one in addresses:
        local, _, domain = one.partition("@")
        if f"{local.partition('+')[0]}@{domain}" in ours:
            raise Problem(422, f"{one} is an address of ours", "Nothing was sent. Take it out.")


async def _checked(connection: Connection, workspace: str, place: Any, cc: list[str]) -> list[str]:
    readers = list(dict.fromkeys(normal_address(one.strip()) for one in cc))
    await refuse_ours(connection, workspace, readers)
    await suppressions.refuse_copies(connection, workspace, readers)
    return [one for one in readers if one != place.route.get("to")]
