"""What a proven address changes: it is linked to who proved it, or they and its owner become one customer.

It is as though they had said something with the address proven, and the same rules decide (`who.py`). For callers who
have the graph alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, NamedTuple
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from onethread.contracts import customers, ids
from onethread.contracts.envelope import now
from onethread.contracts.messages import Identity
from onethread.conversation import audit, graph, merging, outbox, profiles, suggestions, threads, who
from onethread.conversation.database import Connection
from onethread.runtime.errors import Problem
from onethread.runtime.telemetry import traceparent

How = Literal["code", "link"]

ROOT = "select root_id from customer where id = %s"
SAID = """select x.home from (
        select customer_id as home, 0 as place from claim where kind = 'email' and value = %(value)s
        union all
        select customer_id, 1 from identity where kind = 'email' and value = %(value)s and trust = 'asserted') x
    join customer c on c.id = x.home where c.root_id = %(root)s order by x.place, x.home limit 1"""
PROVEN = "select kind, value, trust, evidence from identity where customer_id = %s and trust = 'verified'"
MOVE_AWAY = (
    "delete from identity where workspace_id = %s and kind = 'email' and value = %s and trust = 'asserted' returning *"
)
CONFIRM = """update act set how = 'proof', reason = concat_ws(' ', nullif(reason, ''), %(reason)s::text)
    where kind = 'merge' and how = 'teammate' and undone_at is null and (
        (customer_id = any(%(ours)s) and other_id = any(%(theirs)s))
        or (customer_id = any(%(theirs)s) and other_id = any(%(ours)s)))"""
JOURNAL = "update act set journal = journal || %s where id = %s"


class Said(NamedTuple):
    home: UUID
    """Of the customer who says that the address is theirs."""
    identities: list[Identity]
    """What is proven of them, the strongest first."""


async def find_claim(connection: Connection, customer_id: UUID, value: str) -> Said:
    """Who in the customer's cluster says, without proof, that the address is theirs. Raises 404 and 409 problems."""
    customer = await (await connection.execute(ROOT, [customer_id])).fetchone()
    if customer is None:
        raise Problem(404, "There is no such customer")
    row = await (await connection.execute(SAID, {"value": value, "root": customer.root_id})).fetchone()
    if row is None:
        raise Problem(409, "This customer does not say that this address is theirs", "No mail was sent.")
    found = await (await connection.execute(PROVEN, [row.home])).fetchall()
    known = [Identity(kind=i.kind, value=i.value, trust=i.trust, evidence=i.evidence) for i in found]
    return Said(row.home, sorted(known, key=lambda one: (who.STRENGTH[one.kind], one.value)))


async def take_effect(connection: Connection, proof: Any, how: How) -> bool:
    """False: something speaks against it, and a teammate sees a suggestion instead."""
    day = now()
    evidence = f"one-time {how}, {day.day} {day:%b %Y}"
    address = Identity(kind="email", value=proof.value, trust="verified", evidence=evidence)
    if proof.identities:
        home, done = await _of_somebody_known(connection, proof, address)
    else:
        home, done = await _of_unproven_mails(connection, proof, address, how)
    action = "customer.address_proven" if done else "customer.proof_doubted"
    await audit.record(connection, None, action, home, {"proof": str(proof.id), "how": how})
    return done


async def _of_somebody_known(connection: Connection, proof: Any, address: Identity) -> tuple[UUID, bool]:
    """Of a browser, or of somebody who is signed in. Returns the home of who proved it, and whether it had effect."""
    known = [Identity.model_validate(one) for one in proof.identities]
    linking = who.that_link([*known, address])
    rows = await (await connection.execute(who.FIND, who.find_parameters(proof.workspace_id, linking))).fetchall()
    customer = who.resolve(linking, None, rows)
    owner = next((row for row in rows if (row.kind, row.value) == (address.kind, address.value)), None)
    if owner:
        done = owner.root not in {hint.root for hint in customer.suggest}
    else:
        done = any((one.kind, one.value) == (address.kind, address.value) for one in customer.to_link)
    if not owner and not done and proof.customer_id:
        # Several people may use one browser, but a teammate asked this one.
        customer = replace(customer, to_link=[*customer.to_link, address], learned_email=address.value)
        done = True
    await _keep(connection, proof, customer, address.evidence)
    if owner and done:
        await _confirm(connection, customer.home, owner.home, address.evidence)
    if not owner and not done:
        doubt = address.model_copy(update={"trust": "asserted", "evidence": f"{address.evidence}, in a shared browser"})
        await suggestions.claim(connection, proof.workspace_id, customer.home, [doubt])
    return customer.home, done


async def _keep(connection: Connection, proof: Any, customer: who.Resolved, evidence: str) -> None:
    """Writes and tells what is new about the customer."""
    workspace = proof.workspace_id
    company = await profiles.company_of(connection, workspace, customer.to_link)
    if customer.is_new:
        own = [customer.home, workspace, customer.home, customer.name, customer.email, company]
        await connection.execute(who.INSERT_CUSTOMER, own)
    elif customer.to_link:
        learned = [customer.learned_name, customer.learned_email, company, customer.home]
        await connection.execute(who.NAME_CUSTOMER, learned)
    for one in customer.to_link:
        await _link(connection, workspace, customer.home, one)
    for other in customer.merge:
        await merging.merge(
            connection, workspace, customer.root, other.root, how="proof",
            reason=f"{other.reason} Proven by a {evidence}.", edge=merging.Edge(other.kept, other.absorbed),
        )  # fmt: skip
    for hint in customer.suggest:
        await suggestions.note(connection, customer.home, hint.root, hint.reason)
    await _tell(connection, proof, customer.root, customer.to_link, is_new=customer.is_new)


async def _of_unproven_mails(connection: Connection, proof: Any, address: Identity, how: How) -> tuple[UUID, bool]:
    """What was written so far, unproven, is the owner's. What comes unproven later is again somebody else's."""
    claimed = address.model_copy(update={"trust": "asserted"})
    asked = who.find_parameters(proof.workspace_id, [claimed, address])
    rows = {row.trust: row for row in await (await connection.execute(who.FIND, asked)).fetchall()}
    claimant, owner = rows.get("asserted"), rows.get("verified")
    if claimant is None or claimant.home != proof.customer_id:
        return proof.customer_id, False  # its identity went elsewhere since
    against = _against(claimant, owner) if owner else []
    if owner and against:
        reason = f"They proved {address.value} by a {how} that we sent. {' '.join(against)}"
        await suggestions.note(connection, claimant.home, owner.root, reason)
        return claimant.home, False
    moved = await (await connection.execute(MOVE_AWAY, [proof.workspace_id, address.value])).fetchone()
    if owner is None:
        company = await profiles.company_of(connection, proof.workspace_id, [address])
        await connection.execute(who.NAME_CUSTOMER, [None, address.value, company, claimant.home])
        await _link(connection, proof.workspace_id, claimant.home, address)
        await _tell(connection, proof, claimant.root, [address], is_new=False)
    elif owner.root != claimant.root:
        await _merge(connection, proof, claimant, owner, moved, evidence=address.evidence)
    else:
        await _confirm(connection, claimant.home, owner.home, address.evidence)
        await profiles.tell_updated(connection, proof.workspace_id, claimant.root, None)
    return claimant.home, True


async def _merge(connection: Connection, proof: Any, claimant: Any, owner: Any, moved: Any, *, evidence: str) -> None:
    kept = who.survivor(claimant, owner)
    absorbed = claimant if kept is owner else owner
    act = await merging.merge(
        connection, proof.workspace_id, kept.root, absorbed.root, how="proof",
        reason=f"Both use {proof.value}. Proven by a {evidence}.", edge=merging.Edge(kept.home, absorbed.home),
    )  # fmt: skip
    row = [moved.id, moved.workspace_id, moved.kind, moved.value, moved.trust, moved.evidence, moved.likeness]
    journal = {"identity": [str(one) for one in (*row, moved.customer_id)]}
    await connection.execute(JOURNAL, [Jsonb(journal), act])


async def _confirm(connection: Connection, home: UUID, owner: UUID, evidence: str) -> None:
    """What a teammate had joined is proven since, and open to the customer, too."""
    sides = {"ours": await graph.proven(connection, home), "theirs": await graph.proven(connection, owner)}
    await connection.execute(CONFIRM, {**sides, "reason": f"Proven by a {evidence}."})


def _against(claimant: Any, owner: Any) -> list[str]:
    if owner.root in claimant.apart or claimant.root in owner.apart:
        return ["A teammate keeps them apart."]
    return who.contradictions(claimant.cluster, owner.cluster)


async def _link(connection: Connection, workspace: str, home: UUID, one: Identity) -> None:
    likeness = suggestions.likeness(one.kind, one.value)
    own = [uuid4(), workspace, one.kind, one.value, one.trust, one.evidence, likeness, home]
    await connection.execute(who.INSERT_IDENTITY, own)


async def _tell(connection: Connection, proof: Any, customer_id: UUID, linked: list[Identity], *, is_new: bool) -> None:
    root = await graph.root_of(connection, customer_id)
    await profiles.own_threads(connection, [root])
    state = await profiles.contract(connection, root)
    head = {"source": threads.SOURCE, "subject": str(root), "workspaceid": proof.workspace_id, "customerid": root,
            "traceparent": traceparent()}  # fmt: skip
    if is_new:
        created = customers.CustomerChange(customer=state)
        id_ = ids.derived_id(proof.id, "customer")
        await outbox.record(connection, (customers.CustomerCreated(id=id_, data=created, **head), ()))
        return
    for one in linked:
        change = customers.CustomerChange(customer=state, identity=one, how="proof", reason=one.evidence)
        id_ = ids.derived_id(proof.id, f"linked {one.kind} {one.value}")
        await outbox.record(connection, (customers.CustomerIdentityLinked(id=id_, data=change, **head), ()))
