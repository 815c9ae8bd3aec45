"""How far each mailbox is read, how that goes, and which replica reads it: in a NATS key-value bucket."""

from __future__ import annotations

import time
from collections.abc import Callable

import nats.errors
from nats.js import JetStreamContext
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue
from pydantic import Field

from onethread.contracts.envelope import Contract
from onethread.contracts.mail import MailboxState
from onethread.contracts.streams import EMAIL_MAILBOXES
from onethread.runtime.bus import UnavailableError

LEASE_SECONDS = 30.0


class Bookmark(Contract):
    place: str = Field(description="Server, user and folder: for another one it means nothing.")
    validity: int
    uid: int = Field(description="The last mail that was dealt with.")


class Newest(Contract):
    """The refresh token that the provider gave last."""

    of: str = Field(description="Hash of the sign-in that it goes back to, and of where that is exchanged.")
    sealed: str = Field(repr=False)


class Told(Contract):
    """How far the mailbox is read, for people."""

    place: str
    state: MailboxState


class Lease(Contract):
    holder: str
    until: float = Field(description="Seconds since 1970.")


class Bookmarks:
    """Raises `UnavailableError` when the bus is away."""

    def __init__(self, js: Callable[[], JetStreamContext], holder: str, clock: Callable[[], float] = time.time) -> None:
        self._js, self._holder, self._clock = js, holder, clock

    async def get(self, channel: str) -> Bookmark | None:
        try:
            entry = await (await self._bucket()).get(f"{channel}.mark")
        except KeyNotFoundError:
            return None
        except AWAY as error:
            raise _away(error) from error
        return Bookmark.model_validate_json(entry.value or b"")

    async def put(self, channel: str, mark: Bookmark) -> None:
        try:
            await (await self._bucket()).put(f"{channel}.mark", mark.model_dump_json().encode())
        except AWAY as error:
            raise _away(error) from error

    async def state(self, channel: str, place: str) -> MailboxState | None:
        """None: nobody has read it yet."""
        try:
            entry = await (await self._bucket()).get(f"{channel}.state")
        except KeyNotFoundError:
            return None
        except AWAY as error:
            raise _away(error) from error
        told = Told.model_validate_json(entry.value or b"")
        return told.state if told.place == place else None

    async def tell(self, channel: str, place: str, state: MailboxState) -> None:
        try:
            told = Told(place=place, state=state).model_dump_json().encode()
            await (await self._bucket()).put(f"{channel}.state", told)
        except AWAY as error:
            raise _away(error) from error

    async def newest(self, channel: str, of: str) -> str | None:
        """Sealed. None: none was given since the sign-in."""
        try:
            entry = await (await self._bucket()).get(f"{channel}.token")
        except KeyNotFoundError:
            return None
        except AWAY as error:
            raise _away(error) from error
        newest = Newest.model_validate_json(entry.value or b"")
        return newest.sealed if newest.of == of else None

    async def keep_newest(self, channel: str, of: str, sealed: str) -> None:
        try:
            newest = Newest(of=of, sealed=sealed).model_dump_json().encode()
            await (await self._bucket()).put(f"{channel}.token", newest)
        except AWAY as error:
            raise _away(error) from error

    async def hold(self, channel: str) -> bool:
        """For half a minute from now, this replica and no other reads the mailbox. False: another does."""
        lease = Lease(holder=self._holder, until=self._clock() + LEASE_SECONDS).model_dump_json().encode()
        try:
            bucket = await self._bucket()
            try:
                entry = await bucket.get(f"{channel}.lease")
            except KeyNotFoundError:
                await bucket.create(f"{channel}.lease", lease)
                return True
            held = Lease.model_validate_json(entry.value or b"")
            if held.holder != self._holder and held.until > self._clock():
                return False
            await bucket.update(f"{channel}.lease", lease, last=entry.revision)
        except KeyWrongLastSequenceError:  # another was faster
            return False
        except AWAY as error:
            raise _away(error) from error
        return True

    async def let_go(self, channel: str) -> None:
        """Another may read it at once."""
        if await self.hold(channel):
            try:
                over = Lease(holder="", until=0).model_dump_json().encode()
                await (await self._bucket()).put(f"{channel}.lease", over)
            except AWAY as error:
                raise _away(error) from error

    async def _bucket(self) -> KeyValue:
        return await self._js().key_value(EMAIL_MAILBOXES.name)


AWAY = (nats.errors.Error, OSError, TimeoutError)


def _away(error: BaseException) -> UnavailableError:
    return UnavailableError(f"the bus does not tell how far the mailbox is read: {type(error).__name__}")
