"""Proof that the event log is complete: what follows from it is what the tables hold.

onethread-verify

Left out are how far a delivery got and what customers think of a message, which the gateways tell, and what only the
conversation service needs: places, claims, suggestions, proposals.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from pydantic import TypeAdapter

from onethread.contracts import customers as c
from onethread.contracts import threads as t
from onethread.contracts.envelope import CloudEvent, Contract
from onethread.contracts.ids import derived_id
from onethread.contracts.knowledge import KnowledgeAnswerJudged, KnowledgeGapFound, KnowledgeGapTakenBack
from onethread.contracts.messages import Message
from onethread.contracts.replies import ReplyRequested
from onethread.conversation import profiles, snapshot, threads
from onethread.conversation.database import Connection, Database
from onethread.conversation.replies import message_contract
from onethread.conversation.settings import ConversationSettings

LOG = "select type, body from outbox order by position"
CUSTOMERS = "select id, root_id from customer order by id"
THREADS = "select * from thread order by id"
MESSAGES = "select * from message order by id"
ADDED = "select body from outbox where id = %s"
LATEST = """select body from outbox
    where thread_id = %s and sequence is not null and type not like 'onethread.reply.%%'
    order by sequence desc limit 1"""
KINDS: dict[str, type[CloudEvent]] = {
    model.model_fields["type"].default: model
    for model in (
        t.MessageAdded, t.MessageCorrected, t.ThreadOpened, t.ThreadAssigned, t.ThreadTagged, t.ThreadEscalated,
        t.ThreadSnoozed, t.ThreadClosed, t.ThreadUpdated, t.ThreadReopened, t.ThreadMerged, t.ThreadSplit,
        c.CustomerCreated, c.CustomerUpdated, c.CustomerIdentityLinked, c.CustomerIdentityUnlinked,
        c.CustomerErased, c.CustomerMerged, c.CustomerUnmerged, ReplyRequested, KnowledgeGapFound,
        KnowledgeGapTakenBack, KnowledgeAnswerJudged,
    )
}  # fmt: skip
_JSON = TypeAdapter(dict[str, Any])
OF_THREAD = {"customer", "sequence"}
"""The customer follows from the home, the number from the latest event."""
OF_MESSAGE = {"delivery", "feedback", "thread_id", "customer_id"}


class Stands(NamedTuple):
    """Where a message stands, and a digest of what it says."""

    thread_id: UUID
    home: UUID | None
    digest: bytes


@dataclass
class State:
    """What a workspace's events tell. Threads and messages are kept as digests: there may be millions."""

    threads: dict[UUID, tuple[UUID | None, bytes]] = field(default_factory=dict)
    """Home and digest."""
    messages: dict[UUID, Stands] = field(default_factory=dict)
    profiles: dict[UUID, c.Customer] = field(default_factory=dict)
    """Of those who stand for a cluster."""
    roots: dict[UUID, UUID] = field(default_factory=dict)
    """Each customer's."""
    sequences: dict[UUID, int] = field(default_factory=dict)
    """Number of each thread's latest event."""
    corrected: dict[UUID, UUID] = field(default_factory=dict)
    """The event that told the words of a message last, where they were put right."""
    gaps: list[str] = field(default_factory=list)


def fold(state: State, event: CloudEvent) -> State:
    """The state after the event. Changes `state` itself, for a log is long."""
    _count(state, event)
    if isinstance(event, t.MessageAdded | t.MessageCorrected):
        _thread(state, event.data.thread)
        said = event.data.message
        if isinstance(event, t.MessageCorrected):
            state.corrected[said.id] = event.id
        state.messages[said.id] = Stands(said.thread_id, said.customer_id, digest(said, OF_MESSAGE))
    elif isinstance(data := getattr(event, "data", None), t.ThreadChange):
        _thread(state, data.thread)
        for id_ in data.message_ids if isinstance(event, t.ThreadMerged) else []:
            state.messages[id_] = state.messages[id_]._replace(thread_id=data.thread.id)
    elif isinstance(data, c.CustomerChange):
        _customer(state, data)
    return state


def _count(state: State, event: CloudEvent) -> None:
    if event.threadid is None or event.sequence is None:
        return
    expected = state.sequences.get(event.threadid, 0) + 1
    if event.sequence != expected:
        state.gaps.append(f"thread {event.threadid}: event {event.sequence} stands where {expected} is due")
    state.sequences[event.threadid] = event.sequence


def _thread(state: State, thread: t.Thread) -> None:
    state.threads[thread.id] = thread.home_id, digest(thread, OF_THREAD)


def _customer(state: State, change: c.CustomerChange) -> None:
    root, other = change.customer.id, change.other_customer_id
    homes = set(change.customer.homes) or {root}
    left = {home for home, stands_for in state.roots.items() if stands_for == root} - homes if other else set()
    state.roots |= dict.fromkeys(homes, root)
    state.roots |= {home: other for home in left if other}
    state.profiles[root] = change.customer
    for id_ in change.message_ids:
        state.messages[id_] = state.messages[id_]._replace(home=other)


def digest(contract: Contract, without: set[str]) -> bytes:
    text = json.dumps(plain(contract, without), sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def plain(contract: Contract, without: set[str]) -> dict[str, Any]:
    """As JSON, with every moment in UTC: a mail tells its own zone."""
    return _JSON.dump_python(_in_utc(contract.model_dump(exclude=without)), mode="json")


def _in_utc(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, dict):
        return {key: _in_utc(one) for key, one in value.items()}
    return [_in_utc(one) for one in value] if isinstance(value, list) else value


async def verify(url: str, workspace: str) -> AsyncIterator[str]:
    """What the tables say otherwise than the log, in words; nothing if the log is complete."""
    async with snapshot.of_workspace(url, workspace) as db:
        state = State()
        async for row in snapshot.rows(db, LOG):
            fold(state, KINDS[row.type].model_validate_json(row.body))
        for gap in state.gaps:
            yield gap
        for compare in (_customers, _threads, _messages):
            async for difference in compare(db, state):
                yield difference


async def _customers(db: Connection, state: State) -> AsyncIterator[str]:
    roots: dict[UUID, UUID] = {row.id: row.root_id async for row in snapshot.rows(db, CUSTOMERS)}
    for id_ in roots.keys() | state.roots.keys():
        if state.roots.get(id_) != roots.get(id_):
            yield _said("customer", id_, "root", state.roots.get(id_), roots.get(id_))
    for root in set(roots.values()) & state.profiles.keys():
        told, held = state.profiles[root], await profiles.contract(db, root)
        for difference in _fields("customer", root, _unordered(told), _unordered(held)):
            yield difference


def _unordered(customer: c.Customer) -> dict[str, Any]:
    """Without order, which means nothing here, and without `homes`, which are compared as roots."""
    fields = plain(customer, {"homes"})
    return fields | {"identities": sorted(fields["identities"], key=str)}


async def _threads(db: Connection, state: State) -> AsyncIterator[str]:
    left = dict(state.threads)
    async for row in snapshot.rows(db, THREADS):
        held = threads.contract(row)
        home, told = left.pop(row.id, (None, b""))
        if told != digest(held, OF_THREAD):
            for difference in await _of_thread(db, held):
                yield difference
        if row.sequence != state.sequences.get(row.id):
            yield _said("thread", row.id, "sequence", state.sequences.get(row.id), row.sequence)
        root = state.roots.get(home or row.home_id)
        profile = state.profiles.get(root) if root else None
        expected = profile and t.CustomerName(id=profile.id, name=profile.name, email=profile.email)
        if held.customer != expected:
            yield _said("thread", row.id, "customer", expected, held.customer)
    for id_ in left:
        yield f"thread {id_}: the log has it, the table does not"


async def _messages(db: Connection, state: State) -> AsyncIterator[str]:
    left = dict(state.messages)
    async for row in snapshot.rows(db, MESSAGES):
        told, held = left.pop(row.id, None), message_contract(row)
        if told is None:
            yield f"message {row.id}: the table has it, the log does not"
            continue
        for name, of_log, of_table in (
            ("thread_id", told.thread_id, row.thread_id),
            ("customer_id", told.home, row.customer_id),
        ):
            if of_log != of_table:
                yield _said("message", row.id, name, of_log, of_table)
        if told.digest != digest(held, OF_MESSAGE):
            for difference in await _of_message(db, held, state.corrected.get(row.id)):
                yield difference
    for id_ in left:
        yield f"message {id_}: the log has it, the table does not"


async def _of_thread(db: Connection, held: t.Thread) -> Iterable[str]:
    """Which fields of a thread the latest event that tells its state has otherwise."""
    for (body,) in await (await db.execute(LATEST, [held.id])).fetchall():
        told = t.Thread.model_validate(json.loads(body)["data"]["thread"])
        return _fields("thread", held.id, plain(told, OF_THREAD), plain(held, OF_THREAD))
    return [f"thread {held.id}: the table has it, the log does not"]


async def _of_message(db: Connection, held: Message, corrected: UUID | None) -> Iterable[str]:
    [(body,)] = await (await db.execute(ADDED, [corrected or derived_id(held.id, "added")])).fetchall()
    told = Message.model_validate(json.loads(body)["data"]["message"])
    return _fields("message", held.id, plain(told, OF_MESSAGE), plain(held, OF_MESSAGE))


def _fields(kind: str, id_: UUID, told: dict[str, Any], held: dict[str, Any]) -> list[str]:
    return [_said(kind, id_, name, told[name], held[name]) for name in told if told[name] != held[name]]


def _said(kind: str, id_: UUID, name: str, told: Any, held: Any) -> str:
    return f"{kind} {id_}: {name} is {held} in the table and {told} by the log"


async def verify_all(settings: ConversationSettings) -> list[str]:
    database = Database(settings.database, 2)
    try:
        workspaces = await database.workspaces()
    finally:
        await database.stop()
    return [found for id_ in workspaces async for found in verify(settings.database, id_)]


def main() -> None:
    try:
        differences = asyncio.run(verify_all(ConversationSettings.load()))
    except psycopg.OperationalError as error:
        raise SystemExit(f"Cannot reach the database: {str(error).splitlines()[0]}") from None
    if differences:
        sys.stdout.write("\n".join([*differences, ""]))
        raise SystemExit(f"The log and the tables differ in {len(differences)} places. Nothing was changed.")
    sys.stdout.write("The tables hold what follows from the event log.\n")


if __name__ == "__main__":
    main()
