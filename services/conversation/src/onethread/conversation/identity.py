"""Who is this? Only evidence links: verified identities find their customer, asserted ones only themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from onethread.contracts.messages import Identity

FIND = """select i.kind, i.value, i.trust, i.customer_id as home, c.root_id as root, r.created_at, r.name, r.email
    from unnest(%s::text[], %s::text[], %s::text[]) as k(kind, value, trust)
    join identity i on i.workspace_id = %s and i.kind = k.kind and i.value = k.value and i.trust = k.trust
    join customer c on c.id = i.customer_id join customer r on r.id = c.root_id order by r.created_at, r.id"""
LOCK = "select pg_advisory_xact_lock(hashtextextended(key, 0)) from unnest(%s::text[]) as key"
INSERT_CUSTOMER = """insert into customer (id, root_id, workspace_id, name, email, created_at)
    values (%s, %s, %s, %s, %s, now())"""
INSERT_IDENTITY = """insert into identity (id, workspace_id, kind, value, trust, evidence, customer_id, created_at)
    values (%s, %s, %s, %s, %s, %s, %s, now()) on conflict do nothing"""
NAME_CUSTOMER = "update customer set name = coalesce(name, %s), email = coalesce(email, %s) where id = %s"


@dataclass(frozen=True)
class Merge:
    root: UUID
    reason: str


@dataclass(frozen=True)
class Resolved:
    """The customer of a message, and what is new about them."""

    home: UUID
    root: UUID
    name: str | None
    email: str | None
    is_new: bool
    to_link: list[Identity] = field(default_factory=list)
    learned: bool = False
    """Their name or address was not known before."""
    merge: list[Merge] = field(default_factory=list)
    """Roots of other customers whom this message proves to be the same person."""
    suggest: list[Merge] = field(default_factory=list)


def that_link(identities: Sequence[Identity]) -> list[Identity]:
    """The identities that may find or gain a customer.

    When the message's own identity is verified, so count the other verified ones that it carries. An asserted one
    stands alone: whoever claims an address is not the customer who proved it.
    """
    own = identities[0]
    if own.trust == "asserted":
        return [own]
    return [identity for identity in identities if identity.trust == "verified"]


def lock_keys(workspace: str, identities: Sequence[Identity]) -> list[str]:
    """In one order for everybody, so that two messages of one person wait for each other and never for ever."""
    return sorted(f"{workspace}\n{i.kind}\n{i.value}\n{i.trust}" for i in identities)


def find_parameters(workspace: str, identities: Sequence[Identity]) -> list[Any]:
    return [[i.kind for i in identities], [i.value for i in identities], [i.trust for i in identities], workspace]


def resolve(identities: Sequence[Identity], name: str | None, found: Sequence[Any]) -> Resolved:
    """Decides from the linked identities that exist (oldest customer first) whose message it is."""
    email = next((i.value for i in identities if i.kind == "email"), None)
    if not found:
        id_ = uuid4()
        return Resolved(id_, id_, name, email, is_new=True, to_link=list(identities))
    first = found[0]
    known = {(row.kind, row.value) for row in found}
    others = dict.fromkeys(row.root for row in found if row.root != first.root)
    return Resolved(
        home=first.home,
        root=first.root,
        name=first.name or name,
        email=first.email or email,
        is_new=False,
        to_link=[i for i in identities if (i.kind, i.value) not in known],
        learned=bool((name and not first.name) or (email and not first.email)),
        merge=[Merge(root, "the message proves both") for root in others],
    )
