"""Where a thread can be answered: the places where its customer spoke, and an address that they have proven."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from onethread.contracts import messages as m
from onethread.contracts.files import FILES
from onethread.conversation import graph, suppressions
from onethread.conversation.database import Connection
from onethread.conversation.suppressions import Suppression
from onethread.runtime.errors import Problem

NOT_PROVEN_PLACE = " (not proven)"
"""How the key ends where somebody speaks who only claims to be who they are."""

OF_THREAD = """select p.*, coalesce(c.name, c.email) as who from place p join customer c on c.id = p.customer_id
    where p.workspace_id = %s
        and (p.thread_id = %s or ((p.channel_id, p.key) = (%s, %s) and c.root_id = %s)) order by p.updated_at desc"""
ADDRESSES = """with own as materialized (
        select workspace_id, value, customer_id, created_at, 'email:' || value as key from identity
        where workspace_id = %s and customer_id = any(%s) and kind = 'email' and trust = 'verified')
    select own.value, own.customer_id, p.channel_id, p.thread_id, p.route from own
    left join place p on p.workspace_id = own.workspace_id and p.key = own.key and not p.shared
    order by p.updated_at desc nulls last, own.created_at limit 1"""
"""The key is made first: row-level security lets no index be read by what an expression makes of another's row."""
MAIL_CHANNEL = (
    "select id from channel where workspace_id = %s and kind = 'email' and active order by created_at limit 1"
)


@dataclass(frozen=True)
class Place:
    """As a `PlaceRow`; one that is not kept yet is where nobody spoke so far."""

    channel_id: str
    channel_kind: m.ChannelKind
    key: str
    customer_id: UUID
    shared: bool = False
    name: str | None = None
    who: str | None = None
    route: dict[str, Any] = field(default_factory=dict[str, Any])


class Places:
    def __init__(self, workspace: str, mail_channel: str) -> None:
        """`mail_channel` is that of the installation's own workspace, which no administrator made."""
        self._own = {workspace: mail_channel}

    async def of(self, connection: Connection, row: Any) -> list[Any]:
        """One place a channel, where the customer spoke last first. None that they only claim, save that very one."""
        asked = [row.workspace_id, row.id, row.channel_id, row.place_key, row.customer_id]
        found = await (await connection.execute(OF_THREAD, asked)).fetchall()
        latest = [place for place in found if (place.channel_id, place.key) == (row.channel_id, row.place_key)]
        proven = [place for place in found if not place.key.endswith(NOT_PROVEN_PLACE)]
        address = await self.address_of(connection, row, row.home_id)
        return _one_a_channel([*latest, *proven, *([address] if address else [])])

    async def choose(self, connection: Connection, row: Any, channel_id: str | None) -> Any:
        """The place on that channel, else where the customer is now. Raises a 409 problem."""
        places = [place for place in await self.of(connection, row) if channel_id in (None, place.channel_id)]
        if not places:
            raise Problem(409, "The customer cannot be reached there", "Nothing was sent. Choose another channel.")
        await suppressions.refuse(connection, row.workspace_id, places[0])
        return places[0]

    async def address_of(self, connection: Connection, row: Any, home: UUID) -> Place | None:
        """Where mail reaches `home`, at an address that is proven to be theirs, of those the one last used."""
        homes = await graph.proven(connection, home)
        found = await (await connection.execute(ADDRESSES, [row.workspace_id, homes])).fetchone()
        if found is None:
            return None
        channel = found.channel_id or await self.mail_channel(connection, row.workspace_id)
        route = found.route if found.thread_id == row.id else {"to": found.value}
        return (
            Place(channel, "email", f"email:{found.value}", found.customer_id, who=found.value, route=route)
            if channel
            else None
        )

    async def mail_channel(self, connection: Connection, workspace: str) -> str | None:
        """From where the workspace writes first."""
        found = await (await connection.execute(MAIL_CHANNEL, [workspace])).fetchone()
        return found.id if found else self._own.get(workspace)


def proposed(place: Any) -> list[str]:
    """Whom the customer, proven, had read along. What is only claimed to be from them proposes nobody."""
    if place.channel_kind != "email" or place.key.endswith(NOT_PROVEN_PLACE):
        return []
    return list((place.route or {}).get("cc") or [])


def described(places: Sequence[Any], stopped: dict[str, Suppression]) -> list[dict[str, Any]]:
    """As the composer shows them: where a reply may go, who reads it there, and why it would not arrive."""
    return [
        {
            "id": place.channel_id,
            "kind": place.channel_kind,
            "label": place.name or place.channel_kind.capitalize(),
            "to": (place.route or {}).get("to") if place.channel_kind == "email" else None,
            "cc": [one for one in proposed(place) if one not in stopped],
            "left_out": [stopped[one] for one in proposed(place) if one in stopped],
            "audience": {"shared": place.shared, "name": place.name, "words": _readers(place)},
            "files": FILES.get(place.channel_kind),
            "stopped": stopped.get(suppressions.address_of(place) or ""),
        }
        for place in places
    ]


def _readers(place: Any) -> str:
    if not place.shared:
        return f"{place.who or 'The customer'} alone"
    name = place.name or "that place"
    return f"Everyone in {name}" if name.startswith("#") else f"Others too: {name}"


def _one_a_channel(places: Sequence[Any]) -> list[Any]:
    by_channel: dict[str, Any] = {}
    for place in places:
        by_channel.setdefault(place.channel_id, place)
    return list(by_channel.values())
