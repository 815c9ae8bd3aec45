"""The mails as they came, each kept under the message that it became or that it tells of, until that is forgotten."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import structlog

from onethread.contracts.customers import CustomerErased
from onethread.contracts.envelope import Contract
from onethread.gateway_email.convert import Arrival
from onethread.gateway_email.storage.store import Store
from onethread.runtime.bus import UnavailableError

MAIL, REPORTS = ".mail", ".reports"
DAY = 24 * 3600.0
log = structlog.get_logger()


class _Envelope(Contract):
    """The first line of what is kept: what the mail itself does not tell, and reading it again asks for."""

    channel: str
    arrival: Arrival


@dataclass(frozen=True, slots=True)
class Kept:
    raw: bytes
    arrival: Arrival
    channel: str
    """Id of the channel whose message it is: a mail to two of our addresses is kept twice."""


class Mails:
    """Each method raises UnavailableError when the store is away."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def keep(self, workspace: str, channel: str, message: UUID, raw: bytes, arrival: Arrival) -> None:
        await self._store.keep(_name(workspace, message), _written(channel, raw, arrival))

    async def keep_report(
        self, workspace: str, channel: str, message: UUID, report: UUID, raw: bytes, arrival: Arrival
    ) -> None:
        """A mail that tells what became of a message of ours."""
        name = f"{_name(workspace, message).removesuffix(MAIL)}{REPORTS}/{report}"
        await self._store.keep(name, _written(channel, raw, arrival))

    async def read(self, workspace: str, message: UUID) -> Kept | None:
        for name in _names(workspace, message):
            if (content := await self._store.read(name)) is not None:
                return _read(content)
        return None

    async def messages(self, workspace: str) -> AsyncIterator[UUID]:
        async for entry in self._store.entries(workspace):
            if entry.name.endswith(MAIL):
                yield UUID(entry.name.rsplit("/", 1)[1].removesuffix(MAIL))

    async def forget(self, event: CustomerErased) -> None:
        """Nothing is kept of the mails of an erased customer, nor of those that tell of replies to them."""
        for message in event.data.erased_message_ids:
            for name in _names(event.workspaceid, message):
                await self._store.remove(name)
                async for entry in self._store.entries(name.removesuffix(MAIL) + REPORTS):
                    await self._store.remove(entry.name)

    async def sweep(self, days: float) -> int:
        """Removes what is older than so many days, in every workspace; with 0, nothing. Returns how many."""
        await self._store.tidy()
        removed, oldest = 0, time.time() - days * DAY
        if days:
            async for entry in self._store.entries(""):
                if entry.at < oldest:
                    await self._store.remove(entry.name)
                    removed += 1
        return removed

    async def sweep_daily(self, days: float) -> None:
        while True:
            try:
                log.info("mails.swept", removed=await self.sweep(days))
            except UnavailableError as error:
                log.warning("mails.not_swept", error=str(error))
            await asyncio.sleep(DAY)


def _name(workspace: str, message: UUID) -> str:
    """Folders of a few thousand files each, for a million mails. With more folders it takes longer to be on disk."""
    return _names(workspace, message)[0]


def _names(workspace: str, message: UUID) -> list[str]:
    """Where it is kept, and where it may have been before: folders were narrower, and what is kept is never moved."""
    return [f"{workspace}/{message.hex[:letters]}/{message}{MAIL}" for letters in (2, 3)]


def _written(channel: str, raw: bytes, arrival: Arrival) -> bytes:
    envelope = _Envelope(channel=channel, arrival=arrival)
    return envelope.model_dump_json().encode() + b"\n" + raw


def _read(content: bytes) -> Kept:
    head, _, raw = content.partition(b"\n")
    envelope = _Envelope.model_validate_json(head)
    return Kept(raw, envelope.arrival, envelope.channel)
