"""For whom a tool runs: what is proven of the person behind one message, and nothing that a message or a model says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from onethread.contracts.messages import Identity
from onethread.conversation import graph
from onethread.conversation.database import Connection
from onethread.conversation.history import OPENED
from onethread.conversation.likeness import normal_address
from onethread.conversation.proofs import OPEN_DAYS, Claim

ASKED = """select m.*, c.erased_at, c.root_id from message m join customer c on c.id = m.customer_id
    where m.workspace_id = %s and m.id = %s"""
PROVEN = """select kind, value from identity where customer_id = any(%s) and trust = 'verified'
    order by created_at, id"""
THEIRS = "select 1 from identity where customer_id = any(%s) and kind = %s and value = %s and trust = 'verified'"
SAYS = """select value from claim where customer_id = %s and kind = 'email'
    union all select value from identity where customer_id = %s and kind = 'email' and trust = 'asserted' limit 1"""
PROFILE = """select c.email, coalesce((select r.attributes from customer r where r.id = c.root_id and r.id = any(%s)),
        c.attributes) as attributes from customer c where c.id = %s"""
"""Of the root only where proof joins it: what a teammate linked opens nothing."""
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")


@dataclass(frozen=True)
class Whose:
    """Who is proven to ask: `known` are their verified identities, `email` the address that stands for them."""

    home: UUID
    known: Mapping[str, str]
    attributes: Mapping[str, Any]

    def value(self, binding: str) -> str | None:
        """What a binding stands for; None where this customer has no such thing."""
        if binding == "customer_id":
            return str(self.home)
        if binding.startswith("attribute:"):
            found = self.attributes.get(binding.removeprefix("attribute:"))
            return str(found) if isinstance(found, str | int | float) else None
        return self.known.get(binding)


async def asked_by(connection: Connection, workspace: str, message_id: UUID) -> Any | None:
    """The customer's message, or None: it is no customer's, or they were erased."""
    row = await (await connection.execute(ASKED, [workspace, message_id])).fetchone()
    return row if row and row.author_kind == "customer" and row.erased_at is None else None


async def whose(connection: Connection, message: Any) -> Whose | None:
    """None: the message's own identity proves nobody. A browser alone proves only who typed a code there: somebody
    else may sit at it since its owner signed out.
    """
    if message.identity_trust != "verified":
        return None
    if message.identity_kind == "visitor" and not await _opened(connection, message):
        return None
    if not await _is_theirs(connection, message):
        return None
    return await of_home(connection, message.customer_id, (message.identity_kind, message.identity_value))


async def of_home(connection: Connection, home: UUID, own: tuple[str, str] | None = None) -> Whose | None:
    """`own`: the identity that speaks, which stands before others of its kind."""
    homes = await graph.proven(connection, home)
    found = await (await connection.execute(PROVEN, [homes])).fetchall()
    profile = await (await connection.execute(PROFILE, [homes, home])).fetchone()
    pairs = [(row.kind, row.value) for row in found if row.kind != "visitor"]
    shown = ("email", profile.email if profile else None)
    ordered = [*(one for one in pairs if one == own), *(one for one in pairs if one == shown), *pairs]
    known: dict[str, str] = {}
    for kind, value in ordered:
        known.setdefault(kind, value)
    return Whose(home, known, profile.attributes if profile else {}) if known else None


async def claim_of(connection: Connection, message: Any) -> tuple[Claim, str | None]:
    """Who would type a code, and at which address: what they wrote in this message, or said before.

    `message` is of a browser or an account. A mail that nobody vouches for is left to people (`intake.py`).
    """
    home, kind, value = message.customer_id, message.identity_kind, message.identity_value
    own = Identity(kind=kind, value=value, trust="verified")
    written = _ADDRESS.search(message.text)
    if written:
        return Claim(f"{kind} {value}", [own]), normal_address(written[0])
    said = await (await connection.execute(SAYS, [home, home])).fetchone()
    return Claim(f"{kind} {value}", [own]), said.value if said else None


async def _is_theirs(connection: Connection, message: Any) -> bool:
    """Somebody may have found since that the identity is another's, and left the message where it was."""
    homes = await graph.proven(connection, message.customer_id)
    asked = [homes, message.identity_kind, message.identity_value]
    return await (await connection.execute(THEIRS, asked)).fetchone() is not None


async def _opened(connection: Connection, message: Any) -> bool:
    claimant = [f"visitor {message.identity_value}"]
    return await (await connection.execute(OPENED, [message.workspace_id, claimant, OPEN_DAYS])).fetchone() is not None
