"""Addresses to which nothing goes any more: what went there came back, or whoever read it complained."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, Self
from uuid import UUID, uuid4

from pydantic import BaseModel, Field

from onethread.contracts import ids
from onethread.contracts import messages as m
from onethread.contracts import replies as r
from onethread.contracts.envelope import now
from onethread.conversation import audit
from onethread.conversation.access import Caller
from onethread.conversation.database import Connection, Together
from onethread.runtime.errors import Problem

Scope = Literal["none", "automatic", "all"]
WIDER: tuple[Scope, ...] = ("none", "automatic", "all")
SOFT, SOFT_DAYS = 4, 14
"""An address of which so many mails come back within so many days is taken for dead."""

# The log says where each attempt went, whatever became of its place since.
WRITTEN_TO = """select distinct a.address from outbox o, lateral (
        select lower(body::jsonb #>> '{data,place,route,to}') as address
        union all select lower(jsonb_array_elements_text(coalesce(body::jsonb #> '{data,cc}', '[]')))) a
    where o.workspace_id = %s and o.id = any(%s) and a.address is not null"""
FIRST = """insert into suppression (id, workspace_id, address, scope, report, reason, since)
    values (%s, %s, %s, 'none', %s, '', now()) on conflict do nothing"""
HOLD = "select * from suppression where workspace_id = %s and address = %s for update"
SAVE = """update suppression set scope = %s, report = %s, reason = %s, soft_at = %s, message_id = %s,
        since = case when scope = %s then since else now() end
    where id = %s"""
OF = "select * from suppression where workspace_id = %s and address = any(%s) and scope = any(%s)"
PAGE = """select s.*, x.thread_id from suppression s left join message x on x.id = s.message_id
    where s.workspace_id = %s and s.scope <> 'none' and position(%s in lower(s.address || ' ' || s.reason)) > 0
        and (%s::timestamptz is null or (s.since, s.id) < (%s, %s))
    order by s.since desc, s.id desc limit %s"""
LIFT = "delete from suppression where workspace_id = %s and id = %s and scope <> 'none' returning id"
STOPPED = "select from suppression where workspace_id = %(workspace)s and address = any(%(proven)s)"
HEARD = (
    """insert into audit (workspace_id, at, by_kind, action, target, detail)
        select workspace_id, now(), 'system', 'address.released', id::text, '{"because": "it wrote"}' from suppression
            where workspace_id = %s and address = any(%s) and scope <> 'none'""",
    "delete from suppression where workspace_id = %s and address = any(%s)",
)
"""Whoever writes from an address reads there."""


class Suppression(BaseModel):
    id: UUID
    address: str = Field(examples=["ana@pineandpaper.example"])
    scope: Literal["automatic", "all"] = Field(description="`automatic`: what a teammate writes is sent all the same.")
    report: m.Report = Field(description="What came back.")
    reason: str = Field(examples=["The mailbox does not exist (5.1.1)"])
    since: datetime

    @classmethod
    def of(cls, row: Any) -> Self:
        return cls(**{name: getattr(row, name) for name in cls.model_fields})

    @property
    def words(self) -> str:
        return f"Nothing{' automatic' if self.scope == 'automatic' else ''} is sent to {self.address}: {self.reason}"


class Listed(Suppression):
    thread_id: UUID | None = Field(description="Where the mail that came back stands.")


async def note(
    connection: Connection, workspace: str, outcome: r.ReplyOutcome, attempts: int, *, is_news: bool
) -> None:
    """What a report says of an address that the message was sent to. Of others it proves nothing.

    `is_news`: it is the first that is told of this attempt. A second one makes the score no worse.
    """
    address = await _whose(connection, workspace, outcome, attempts)
    if outcome.report is None or address is None:
        return
    await connection.execute(FIRST, [uuid4(), workspace, address, outcome.report])
    [row] = await (await connection.execute(HOLD, [workspace, address])).fetchall()
    soft = [at for at in row.soft_at if at > now() - timedelta(days=SOFT_DAYS)]
    if outcome.report == "soft" and is_news:
        soft.append(now())
    scope = max(row.scope, _scope(outcome.report, len(soft)), key=WIDER.index)
    why = outcome.report_reason or outcome.reason or ""
    new = [scope, outcome.report, why, soft, outcome.message_id, scope, row.id]
    await connection.execute(SAVE, new)
    if scope != row.scope:
        await audit.record(connection, None, "address.suppressed", row.id, {"scope": scope, "report": outcome.report})


async def of_place(
    connection: Connection, workspace: str, place: Any, *, automatic: bool = False
) -> Suppression | None:
    """Why nothing goes to `place`. `automatic`: no person wrote what is to go there."""
    address = address_of(place) if place is not None else None
    found = await of(connection, workspace, [address] if address else [], automatic=automatic)
    return next(iter(found.values()), None)


async def of_places(
    connection: Connection, workspace: str, places: Sequence[Any], *, automatic: bool = False
) -> dict[str, Suppression]:
    """By address, those of its readers among them."""
    named = [address for place in places for address in (address_of(place), *copies_of(place)) if address]
    return await of(connection, workspace, named, automatic=automatic)


async def of(
    connection: Connection, workspace: str, addresses: Sequence[str], *, automatic: bool = False
) -> dict[str, Suppression]:
    """By address."""
    if not addresses:
        return {}
    asked = [workspace, list(addresses), ["all", "automatic"] if automatic else ["all"]]
    rows = await (await connection.execute(OF, asked)).fetchall()
    return {row.address: Suppression.of(row) for row in rows}


async def refuse(connection: Connection, workspace: str, place: Any) -> None:
    """Raises a 409 problem where what a teammate writes would not arrive."""
    if stopped := await of_place(connection, workspace, place):
        detail = "Nothing was sent. Choose another channel, or say that the address is to be written to again."
        raise Problem(409, stopped.words, detail)


def address_of(place: Any) -> str | None:
    address = (place.route or {}).get("to")
    return address.lower() if isinstance(address, str) else None


def copies_of(place: Any) -> list[str]:
    return list((place.route or {}).get("cc") or [])


async def refuse_copies(connection: Connection, workspace: str, readers: Sequence[str]) -> None:
    """Raises a 409 problem where a copy that a teammate wants sent would not arrive."""
    for stopped in (await of(connection, workspace, readers)).values():
        detail = "Nothing was sent. Take it out of Cc, or say that the address is to be written to again."
        raise Problem(409, stopped.words, detail)


async def page(
    connection: Connection, workspace: str, words: str, before: tuple[datetime, UUID] | None, limit: int
) -> list[Listed]:
    """The latest first, from behind `before`: all, or those with `words` in their address or reason."""
    at, id_ = before or (None, None)
    found = await connection.execute(PAGE, [workspace, words.strip().lower(), at, at, id_, limit])
    return [Listed.of(row) for row in await found.fetchall()]


async def lift(connection: Connection, caller: Caller, id_: UUID) -> None:
    """Raises a 404 problem. The next report of a dead address brings it back."""
    if await (await connection.execute(LIFT, [caller.workspace, id_])).fetchone() is None:
        raise Problem(404, "There is no such address", "Nothing was changed. Somebody was quicker, or it wrote to us.")
    await audit.record(connection, caller, "address.released", id_, {"because": "a teammate said so"})


def may_be_heard(said: m.ReceivedMessage) -> list[str]:
    """The proven addresses of the person who wrote it. A machine proves nothing."""
    if said.automatic:
        return []
    return [one.value for one in said.identities if (one.kind, one.trust) == ("email", "verified")]


async def hear(writes: Together, workspace: str, said: m.ReceivedMessage) -> None:
    """A message of a person lifts what was held against their proven addresses."""
    for statement in HEARD:
        await writes.execute(statement, [workspace, may_be_heard(said)])


async def _whose(connection: Connection, workspace: str, outcome: r.ReplyOutcome, attempts: int) -> str | None:
    """The address that the report is about, if we wrote to it: whoever else read a mail of ours can forge a report, and
    name whom they like.
    """
    again = [ids.derived_id(outcome.message_id, f"requested {n}") for n in range(1, attempts + 1)]
    asked = [workspace, [ids.derived_id(outcome.message_id, "requested"), *again]]
    written_to = {row.address for row in await (await connection.execute(WRITTEN_TO, asked)).fetchall()}
    named = (outcome.address or "").lower()
    if named in written_to:
        return named
    # A server that passed it on names an address that we do not know.
    return written_to.pop() if len(written_to) == 1 else None


def _scope(report: m.Report, soft: int) -> Scope:
    if report == "complaint":
        return "automatic"
    return "all" if report == "hard" or soft >= SOFT else "none"
