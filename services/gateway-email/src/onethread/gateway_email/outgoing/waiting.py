"""Mails that were put off and wait to be tried again, in a NATS key-value bucket.

Whom a thread's mails are written to has a line of their own there: its first mail is tried, and those behind leave
after it, in order. Nobody else's mails wait for it. Copies that were put off stand in a line of their thread's own, in
which each reader gets them in order. A line names mails; what they say, and who waits for them, is in the ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from nats.js import JetStreamContext
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue
from pydantic import AwareDatetime, Field

from onethread.contracts.envelope import Contract
from onethread.contracts.ids import derived_id
from onethread.contracts.replies import ReplyRequested
from onethread.contracts.streams import EMAIL_WAITING
from onethread.runtime.erasing import erase

FORGET_READER_SECONDS = 10.0


class Waits(Contract):
    message: UUID
    attempt: int = 1


class Line(Contract):
    mails: list[Waits] = Field(min_length=1)
    at: AwareDatetime = Field(description="When the first is tried; while it is, when somebody else may.")

    def with_last(self, mail: Waits) -> Line:
        return self if mail in self.mails else self.model_copy(update={"mails": [*self.mails, mail]})

    def without(self, mail: Waits, at: datetime) -> Line | None:
        """Whoever stands behind it is next."""
        if mail not in self.mails:
            return self
        rest = [one for one in self.mails if one != mail]
        return Line(mails=rest, at=at) if rest else None


@dataclass(frozen=True, slots=True)
class Found:
    key: str
    line: Line
    revision: int


class Lines(Protocol):
    async def find(self, key: str) -> Found | None: ...

    async def join(self, key: str, mail: Waits, at: datetime) -> None:
        """`at` is for whoever is first. Nothing changes for a mail that waits there already."""
        ...

    async def put_off(self, key: str, mail: Waits, at: datetime) -> None:
        """The first is tried again at `at`; the line begins with it where there is none."""
        ...

    async def leave(self, key: str, mail: Waits, at: datetime) -> None:
        """It waits no more; the next is tried at `at`."""
        ...

    async def all(self) -> list[Found]: ...

    async def take(self, found: Found, until: datetime) -> bool:
        """Whether it is ours until then. Of several replicas it is one's."""
        ...


class BucketLines:
    """Raises `nats.errors.Error` when the bus is away."""

    def __init__(self, js: Callable[[], JetStreamContext]) -> None:
        self._js = js

    async def find(self, key: str) -> Found | None:
        try:
            entry = await (await self._bucket()).get(key)
        except KeyNotFoundError:
            return None
        return _found(entry)

    async def join(self, key: str, mail: Waits, at: datetime) -> None:
        await self._change(key, lambda line: line.with_last(mail) if line else Line(mails=[mail], at=at))

    async def put_off(self, key: str, mail: Waits, at: datetime) -> None:
        def later(line: Line | None) -> Line:
            return (line.with_last(mail) if line else Line(mails=[mail], at=at)).model_copy(update={"at": at})

        await self._change(key, later)

    async def leave(self, key: str, mail: Waits, at: datetime) -> None:
        await self._change(key, lambda line: line.without(mail, at) if line else None)

    async def all(self) -> list[Found]:
        bucket = await self._bucket()
        if (await bucket.status()).values == 0:
            return []
        watcher = await bucket.watchall(ignore_deletes=True, inactive_threshold=FORGET_READER_SECONDS)
        found: list[Found] = []
        async for entry in watcher:
            if entry is None:
                break
            found.append(_found(entry))
        await watcher.stop()
        return found

    async def take(self, found: Found, until: datetime) -> bool:
        line = found.line.model_copy(update={"at": until})
        try:
            await (await self._bucket()).update(found.key, _written(line), found.revision)
        except KeyWrongLastSequenceError:
            return False
        return True

    async def _change(self, key: str, change: Callable[[Line | None], Line | None]) -> None:
        """Until nobody came between."""
        bucket = await self._bucket()
        while True:
            found = await self.find(key)
            before = found.line if found else None
            after = change(before)
            if after == before:
                return
            try:
                if after is None and found:
                    # Where somebody joined just now, this deletes nothing: whoever is first then was sent, as the
                    # ledger knows.
                    await erase(self._js(), f"KV_{EMAIL_WAITING.name}", found.revision)
                elif after:
                    await bucket.update(key, _written(after), found.revision if found else 0)
            except KeyWrongLastSequenceError:
                continue
            else:
                return

    async def _bucket(self) -> KeyValue:
        return await self._js().key_value(EMAIL_WAITING.name)


def line_of(event: ReplyRequested) -> str:
    """The line in which a reply waits for whom it is written to, whoever else gets it."""
    to = event.data.place.route.get("to") or event.data.place.key
    return derived_id(event.threadid or event.data.message_id, f"to {to}").hex


def copies_of(event: ReplyRequested) -> str:
    """The line of those who are to get a copy of it, after others have it."""
    return derived_id(event.threadid or event.data.message_id, "copies").hex


def mail_of(event: ReplyRequested) -> Waits:
    return Waits(message=event.data.message_id, attempt=event.data.attempt)


def _found(entry: KeyValue.Entry) -> Found:
    return Found(entry.key, Line.model_validate_json(entry.value or b""), entry.revision or 0)


def _written(line: Line) -> bytes:
    return line.model_dump_json().encode()
