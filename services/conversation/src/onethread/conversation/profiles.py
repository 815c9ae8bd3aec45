"""The one profile of a cluster: what its root says, and what the others add where the root says nothing.

Nothing is copied when customers are merged, so that nothing has to be taken back when they are parted.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field, field_validator

from onethread.contracts import customers, ids
from onethread.contracts.messages import Author, Identity
from onethread.conversation import audit, etags, outbox, suggestions, threads
from onethread.conversation.companies import company_domain
from onethread.conversation.database import Connection
from onethread.runtime.errors import Problem
from onethread.runtime.telemetry import traceparent

CLUSTER = """select c.*, o.domain as company_domain, o.name as company_name from customer c
    left join company o on o.id = c.company_id
    where c.root_id = (select root_id from customer where id = %s)
    order by c.id <> c.root_id, c.created_at, c.id"""
SHOWN = """select name, email from customer where root_id = %s order by id <> root_id, created_at, id"""
IDENTITIES = """select i.* from identity i join customer c on c.id = i.customer_id where c.root_id = %s
    order by i.created_at, i.id"""
CLAIMS = """select distinct l.kind, l.value from claim l join customer c on c.id = l.customer_id where c.root_id = %s
        and not exists (select from identity i join customer o on o.id = i.customer_id where o.root_id = c.root_id
            and i.kind = l.kind and i.value = l.value and i.trust = 'verified')
    order by l.kind, l.value"""
THREADS = """select id, status, subject, topic, created_at, updated_at from thread
    where customer_id = %s and merged_into_id is null order by updated_at desc limit 50"""
MERGES = """select a.id, a.how, a.reason, a.by_name, a.created_at, o.id as customer_id, o.name,
        o.email from act a
    join customer c on c.id = a.customer_id join customer o on o.id = a.other_id
    where c.root_id = %s and a.kind = 'merge' and a.undone_at is null order by a.created_at, a.id"""
KNOWN_COMPANY = "select id from company where workspace_id = %s and domain = %s"
COMPANY = """insert into company (id, workspace_id, domain, name, created_at) values (%s, %s, %s, %s, now())
    on conflict (workspace_id, domain) do update set domain = excluded.domain returning id"""
OWN = """update thread t set customer_id = c.root_id, customer_name = p.name, customer_email = p.email
    from customer c, unnest(%(roots)s::uuid[], %(names)s::text[], %(emails)s::text[]) as p(root, name, email)
    where c.id = t.home_id and c.root_id = p.root
        and (t.customer_id, t.customer_name, t.customer_email) is distinct from (c.root_id, p.name, p.email)"""
LOCK = "select * from customer where id = %s and workspace_id = %s for no key update"


class Shown(NamedTuple):
    name: str | None
    email: str | None


class CustomerPatch(BaseModel):
    """Only the fields that are given change; null empties one. Unknown ones are refused."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"name": "Ana Ruiz", "language": "es", "time_zone": "Europe/Madrid"}},
    )

    name: str | None = Field(default=None, max_length=200)
    language: str | None = Field(default=None, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", description="BCP 47.")
    time_zone: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_+\-]+(/[A-Za-z0-9_+\-]+)*$", max_length=64)
    attributes: dict[str, str | int | float | bool | None] | None = Field(
        default=None, max_length=100, description="Merged into those that are there; null takes one away."
    )

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, name: str | None) -> str | None:
        return " ".join((name or "").split()) or None


async def shown(connection: Connection, root: UUID) -> Shown:
    """The name and address that lists show."""
    rows = await (await connection.execute(SHOWN, [root])).fetchall()
    return Shown(_first(row.name for row in rows), _first(row.email for row in rows))


async def contract(connection: Connection, root: UUID) -> customers.Customer:
    """The profile as events carry it."""
    found = await connection.execute(CLUSTER, [root])
    known = await connection.execute(IDENTITIES, [root])
    rows = await found.fetchall()
    return customers.Customer(
        id=root,
        name=_first(row.name for row in rows),
        email=_first(row.email for row in rows),
        language=_first(row.language for row in rows),
        time_zone=_first(row.time_zone for row in rows),
        attributes=_attributes(rows),
        company=_first(row.company_domain for row in rows),
        version=rows[0].version,
        homes=[row.id for row in rows],
        identities=[
            Identity(kind=one.kind, value=one.value, trust=one.trust, evidence=one.evidence)
            for one in await known.fetchall()
        ],
    )


async def read(connection: Connection, customer_id: UUID) -> dict[str, Any]:
    """The whole profile, as the API shows it: of the cluster that the customer belongs to. Raises a 404 problem."""
    rows = await (await connection.execute(CLUSTER, [customer_id])).fetchall()
    if not rows:
        raise Problem(404, "There is no such customer")
    root = rows[0].id
    known = await connection.execute(IDENTITIES, [root])
    said = await connection.execute(CLAIMS, [root])
    has = await connection.execute(THREADS, [root])
    merged = await connection.execute(MERGES, [root])
    company = next((row for row in rows if row.company_id), None)
    return {
        "id": root,
        "name": _first(row.name for row in rows),
        "email": _first(row.email for row in rows),
        "language": _first(row.language for row in rows),
        "time_zone": _first(row.time_zone for row in rows),
        "attributes": _attributes(rows),
        "company": company
        and {"id": company.company_id, "domain": company.company_domain, "name": company.company_name},
        "identities": [_identity(one) for one in await known.fetchall()],
        "claims": [one._asdict() for one in await said.fetchall()],
        "maybe": await suggestions.of(connection, rows[0].workspace_id, root),
        "merges": [_merge(one) for one in await merged.fetchall()],
        "threads": [one._asdict() for one in await has.fetchall()],
        "version": rows[0].version,
        "erased_at": rows[0].erased_at,
        "created_at": min(row.created_at for row in rows),
    }


async def change(
    connection: Connection, workspace: str, customer_id: UUID, patch: CustomerPatch, by: Author, version: int | None
) -> UUID:
    """Applies the patch to the root of the customer's cluster; returns the root. Raises 404 and 412 problems."""
    row = await lock_root(connection, workspace, customer_id)
    if row.erased_at:
        raise Problem(409, "The customer was erased", "Nothing was changed.")
    etags.expect(row, version, "customer")
    changes: dict[str, Any] = {name: getattr(patch, name) for name in patch.model_fields_set if name != "attributes"}
    if patch.attributes is not None:
        together = {**row.attributes, **patch.attributes}
        changes["attributes"] = Jsonb({name: value for name, value in together.items() if value is not None})
    if not changes:
        return row.id
    columns = ", ".join(f"{name} = %s" for name in changes)
    query = f"update customer set {columns}, version = version + 1 where id = %s"  # noqa: S608 the model's own names
    await connection.execute(query, [*changes.values(), row.id])  # type: ignore[arg-type]
    await own_threads(connection, [row.id])
    await audit.record(connection, by, "customer.updated", row.id, {"fields": sorted(changes)})
    await tell_updated(connection, workspace, row.id, by)
    return row.id


async def lock_root(connection: Connection, workspace: str, customer_id: UUID) -> Any:
    """The row of the root of the customer's cluster, held. Raises a 404 problem."""
    row = await (await connection.execute(LOCK, [customer_id, workspace])).fetchone()
    if row is None:
        raise Problem(404, "There is no such customer")
    return row if row.root_id == row.id else await lock_root(connection, workspace, row.root_id)


async def tell_updated(
    connection: Connection,
    workspace: str,
    root: UUID,
    by: Author | None,
    home: UUID | None = None,
    message_ids: list[UUID] | None = None,
) -> None:
    """`message_ids` are those that are `home`'s from now on."""
    change = customers.CustomerChange(
        customer=await contract(connection, root), by=by, other_customer_id=home, message_ids=message_ids or []
    )
    event = customers.CustomerUpdated(
        id=ids.derived_id(uuid4(), "updated"), source=threads.SOURCE, subject=str(root), workspaceid=workspace,
        customerid=root, traceparent=traceparent(), data=change,
    )  # fmt: skip
    await outbox.record(connection, (event, ()))


async def company_of(connection: Connection, workspace: str, identities: list[Identity]) -> UUID | None:
    """The company of the first verified address that is a company's, made if need be."""
    domain = domain_of(identities)
    if domain is None:
        return None
    row = await (await connection.execute(KNOWN_COMPANY, [workspace, domain])).fetchone()
    if row is None:  # to make it again would hold up everyone else of the company
        name = domain.partition(".")[0].capitalize()
        row = await (await connection.execute(COMPANY, [uuid4(), workspace, domain, name])).fetchone()
    return row.id if row else None


def domain_of(identities: list[Identity]) -> str | None:
    addresses = (one.value for one in identities if one.kind == "email" and one.trust == "verified")
    return _first(company_domain(address) for address in addresses)


async def own_threads(connection: Connection, roots: list[UUID]) -> None:
    """Each thread belongs to the root of its home, and shows that customer's name."""
    names = [await shown(connection, root) for root in roots]
    asked = {"roots": roots, "names": [one.name for one in names], "emails": [one.email for one in names]}
    await connection.execute(OWN, asked)


def _identity(row: Any) -> dict[str, Any]:
    return {
        "id": row.id, "kind": row.kind, "value": row.value, "trust": row.trust, "evidence": row.evidence,
        "customer_id": row.customer_id,
    }  # fmt: skip


def _merge(row: Any) -> dict[str, Any]:
    return {
        "act_id": row.id, "customer": {"id": row.customer_id, "name": row.name, "email": row.email},
        "how": row.how, "reason": row.reason, "by": row.by_name, "at": row.created_at,
    }  # fmt: skip


def _attributes(rows: list[Any]) -> dict[str, Any]:
    return {name: value for row in reversed(rows) for name, value in row.attributes.items()}


def _first(values: Any) -> Any:
    return next((value for value in values if value), None)
