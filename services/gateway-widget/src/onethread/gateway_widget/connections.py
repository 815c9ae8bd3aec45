"""The sockets that are open in this process, and whom they belong to."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from uuid import UUID

from prometheus_client import Gauge

from onethread.gateway_widget.convert import place_key
from onethread.gateway_widget.seen import Unseen
from onethread.gateway_widget.sessions import Session

OPEN = Gauge("onethread_widget_sockets", "Open widget sockets")
WAITING_FRAMES = 256
"""A browser that leaves so many frames unread is cut off; it comes back and resumes."""
REFRESH_SECONDS = 2.0
GOING_AWAY = 1012
TOO_SLOW = 1013
BROKEN = 1011
TOKEN_REFUSED = 4401


class Connection:
    """One open socket: what it is still to be sent, and what is known of its customer."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.workspace = session.workspace
        self.place = place_key(session.visitor)
        self.customer_id: UUID | None = None
        self.thread_id: UUID | None = None
        self.frames: asyncio.Queue[str] = asyncio.Queue(WAITING_FRAMES)
        self.closing: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """The close code, once it is to be closed."""
        self.unseen = Unseen()
        self.refresh: Callable[[], None] = _nothing
        """Asks conversation for what this customer may see by now."""
        self._held: list[str] | None = None

    def send(self, frame: str) -> None:
        try:
            self.frames.put_nowait(frame)
        except asyncio.QueueFull:
            self.close(TOO_SLOW)

    def push(self, frame: str) -> None:
        """Sends what happens elsewhere; behind the history, while that is being fetched."""
        if self._held is None:
            self.send(frame)
        elif len(self._held) < WAITING_FRAMES:
            self._held.append(frame)
        else:
            self.close(TOO_SLOW)

    def hold(self) -> None:
        if self._held is None:
            self._held = []

    def release(self) -> None:
        held, self._held = self._held or [], None
        for frame in held:
            self.send(frame)

    def close(self, code: int) -> None:
        if not self.closing.done():
            self.closing.set_result(code)


Key = tuple[str, str]
"""A workspace, and a place or a customer in it: no other workspace has a say in what either is called."""


class Connections:
    """Finds sockets by place and by customer, within a workspace."""

    def __init__(self) -> None:
        self._all: set[Connection] = set()
        self._by_place: defaultdict[Key, set[Connection]] = defaultdict(set)
        self._by_customer: defaultdict[Key, set[Connection]] = defaultdict(set)
        self.ending = False

    def __len__(self) -> int:
        return len(self._all)

    def add(self, connection: Connection) -> None:
        self._all.add(connection)
        self._by_place[connection.workspace, connection.place].add(connection)
        OPEN.inc()

    def remove(self, connection: Connection) -> None:
        self._all.discard(connection)
        _discard(self._by_place, (connection.workspace, connection.place), connection)
        self._forget_customer(connection)
        OPEN.dec()

    def learn(self, connection: Connection, customer_id: UUID | None, thread_id: UUID | None) -> None:
        """Whose socket it is, as conversation says."""
        if connection not in self._all:
            return
        connection.thread_id = thread_id or connection.thread_id
        if customer_id is None or customer_id == connection.customer_id:
            return
        self._forget_customer(connection)
        connection.customer_id = customer_id
        self._by_customer[connection.workspace, str(customer_id)].add(connection)

    def at(self, workspace: str, place: str | None) -> set[Connection]:
        return set(self._by_place.get((workspace, place), ())) if place else set()

    def of(self, workspace: str, customer_id: str | None) -> set[Connection]:
        return set(self._by_customer.get((workspace, customer_id), ())) if customer_id else set()

    def close_unless(self, served: Callable[[Session], bool]) -> None:
        """Ends the sockets whose channel was removed or switched off."""
        for connection in self._all:
            if not served(connection.session):
                connection.close(TOKEN_REFUSED)

    def refresh(self) -> None:
        """What was said may have been missed here. Not all ask for it in the same moment."""
        for connection in self._all:
            wait = random.uniform(0, REFRESH_SECONDS)  # noqa: S311 no secret
            asyncio.get_running_loop().call_later(wait, self._refresh, connection)

    def _refresh(self, connection: Connection) -> None:
        if connection in self._all:
            connection.refresh()

    def end(self) -> None:
        """Asks every browser to come back later, to another process. What is in hand is finished first."""
        self.ending = True
        for connection in self._all:
            connection.close(GOING_AWAY)

    def _forget_customer(self, connection: Connection) -> None:
        _discard(self._by_customer, (connection.workspace, str(connection.customer_id)), connection)

    async def ended(self, seconds: float) -> None:
        """Returns when all sockets are gone, or after `seconds`."""
        for _ in range(int(seconds / 0.02)):
            if not self._all:
                return
            await asyncio.sleep(0.02)


def push(frame: str, connections: Iterable[Connection]) -> None:
    for connection in connections:
        connection.push(frame)


def _nothing() -> None:
    """Until the socket is being read."""


def _discard(index: dict[Key, set[Connection]], key: Key, connection: Connection) -> None:
    found = index.get(key)
    if found is None:
        return
    found.discard(connection)
    if not found:
        del index[key]
