"""Customers in the widget: what they send, and when it comes back.

A message's clock starts with the customer's write. `ack`: the gateway has it on disk. `timeline`: a teammate's inbox
hears of it (`GET /api/v1/events`). `answer`: the whole answer stands in the customer's chat. Customers who write again
before they are answered get one answer to all of it: the earlier messages count as covered, not as lost.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID, uuid4, uuid5

import httpx
from tests.bench import wire
from tests.bench.measure import percentiles

Until = Literal["timeline", "answer"]
SETTLE_SECONDS, STILL_SECONDS = 180, 20
"""A load that was too much is waited for: a message counts as lost when nothing has arrived for so long."""
CLIENT_ID = re.compile(rb'"client_id":"[^"]*?([0-9a-f]{8}-[0-9a-f-]{27})')
ADDED = b'"type":"onethread.message.added.v1"'
ESCALATED = b'"type":"onethread.thread.escalated.v1"'
SUBJECT = re.compile(rb'"threadid":"([0-9a-f-]{36})"')


@dataclass(slots=True, eq=False)
class Said:
    """One message of a customer, and the moments at which it got further."""

    customer: Customer
    sent: float
    acked: float | None = None
    shown: float | None = None
    answered: float | None = None


class Timeline:
    """A teammate's view: what `GET /api/v1/events` says."""

    def __init__(self) -> None:
        self.waiting: dict[str, Said] = {}
        """By client_id, or by Message-ID."""
        self.handed_off = 0
        self.ready = asyncio.Event()

    async def read(self, port: int, key: str) -> None:
        await wire.read_events(port, "/api/v1/events", key, self.on_data, self.ready)

    def on_data(self, data: bytes) -> None:
        if ESCALATED in data[:200]:
            self.handed_off += 1
        if ADDED not in data[:200] or (found := CLIENT_ID.search(data)) is None:
            return
        said = self.waiting.pop(found[1].decode(), None)
        if said is not None:
            said.shown = time.perf_counter()
            said.customer.on_shown(said)


@dataclass(eq=False)
class Customer:
    """One browser. With `again` it writes its next message as soon as the last one got that far."""

    timeline: Timeline
    questions: Sequence[str]
    said: list[Said] = field(default_factory=list)
    again: Until | None = None
    until: float = 0.0
    refused: int = 0
    _waiting: dict[str, Said] = field(default_factory=dict)
    _replies: dict[str, Said] = field(default_factory=dict)

    async def connect(self, port: int, http: httpx.AsyncClient) -> Customer:
        response = await http.post(f"http://127.0.0.1:{port}/v1/session", json={"channel_id": "local"})
        token = response.raise_for_status().json()["session_token"]
        self._socket = await wire.websocket(
            port, "/v1/socket", ["onethread.v1", token], self.on_text, self._socket_closed
        )
        return self

    def say(self) -> None:
        client_id = str(uuid4())
        frame = {"type": "message", "client_id": client_id, "text": random.choice(self.questions)}
        body = json.dumps(frame).encode()
        said = Said(self, time.perf_counter())
        self.said.append(said)
        self._waiting[client_id] = self.timeline.waiting[client_id] = said
        self._socket.send(body)

    def on_text(self, text: bytes) -> None:
        now = time.perf_counter()
        if text.startswith(b'{"type":"ack"'):
            ack = json.loads(text)
            said = self._waiting.pop(ack["client_id"])
            said.acked = now
            self._replies[str(uuid5(UUID(ack["message_id"]), "reply"))] = said
        elif text.startswith(b'{"type":"message"'):
            said = self._replies.pop(json.loads(text)["message"]["id"], None)
            if said is not None:
                said.answered = now
                self._next("answer")
        elif text.startswith(b'{"type":"error"'):
            self.refused += 1

    def on_shown(self, _: Said) -> None:
        self._next("timeline")

    def _next(self, reached: Until) -> None:
        if self.again == reached and time.perf_counter() < self.until:
            self.say()

    def _socket_closed(self) -> None:
        self.refused += len(self._waiting)

    def close(self) -> None:
        self._socket.close()

    def newest_answered(self) -> int:
        """All messages before this index are covered."""
        return max((i for i, said in enumerate(self.said, 1) if said.answered), default=0)


@dataclass
class Crowd:
    customers: list[Customer]

    @property
    def said(self) -> list[Said]:
        return [said for customer in self.customers for said in customer.said]

    async def settle(self) -> None:
        """Waits until nothing is under way, or nothing has moved for `STILL_SECONDS`."""
        started = moved = time.perf_counter()
        before = -1
        while (left := self._under_way()) and (now := time.perf_counter()) - started < SETTLE_SECONDS:
            if left != before:
                before, moved = left, now
            if now - moved > STILL_SECONDS:
                return
            await asyncio.sleep(0.2)

    def _under_way(self) -> int:
        unseen = sum(said.shown is None for said in self.said)
        return unseen + sum(len(customer.said) - customer.newest_answered() for customer in self.customers)

    def close(self) -> None:
        for customer in self.customers:
            customer.close()


async def crowd(size: int, port: int, timeline: Timeline, questions: Sequence[str]) -> Crowd:
    async with httpx.AsyncClient(timeout=20) as http:
        return Crowd([await Customer(timeline, questions).connect(port, http) for _ in range(size)])


async def steady(people: Crowd, rate: float, seconds: float) -> None:
    """`rate` messages a second in all, each customer at random moments of their own."""

    async def live(customer: Customer) -> None:
        end = time.perf_counter() + seconds
        while (pause := random.expovariate(rate / len(people.customers))) < end - time.perf_counter():
            await asyncio.sleep(pause)
            customer.say()

    await asyncio.gather(*map(live, people.customers))


async def closed_loop(people: Crowd, until: Until, seconds: float) -> None:
    """Everybody writes again as soon as their last message got to `until`."""
    end = time.perf_counter() + seconds
    for customer in people.customers:
        customer.again, customer.until = until, end
        customer.say()
    await asyncio.sleep(seconds)


async def run(people: Crowd, load: Callable[[], Awaitable[None]]) -> dict[str, object]:
    """Puts one load on, waits for the last answer, and sums up."""
    began = time.perf_counter()
    handed_off = people.customers[0].timeline.handed_off
    await load()
    seconds = time.perf_counter() - began
    await people.settle()
    result = _summary(people, began + seconds, seconds)
    result["handed_off"] = people.customers[0].timeline.handed_off - handed_off
    people.close()
    return result


def _summary(people: Crowd, end: float, seconds: float) -> dict[str, object]:
    said = people.said
    answered = [one for one in said if one.answered]
    covered = sum(customer.newest_answered() for customer in people.customers)
    return {
        "sent": len(said),
        "refused": sum(customer.refused for customer in people.customers),
        "lost": sum(one.acked is None or one.shown is None for one in said),
        "answered": len(answered),
        "covered": covered - len(answered),
        "unanswered": len(said) - covered,
        "msgs_s": round(sum(one.shown is not None and one.shown <= end for one in said) / seconds, 1),
        "ack_ms": percentiles(one.acked - one.sent for one in said if one.acked),
        "timeline_ms": percentiles(one.shown - one.sent for one in said if one.shown),
        "answer_ms": percentiles(one.answered - one.sent for one in answered),
    }
