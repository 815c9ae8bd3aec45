"""onethread-email reprocess: reads mails that are kept once more, and puts right what their messages say.

For after a fix of how mails are read. Messages stay where they stand, and nobody is answered anew. A mail that could
not be read at all and can be now comes in as a message of its own. Runs where the gateway's mails and settings are.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Literal
from uuid import UUID

from onethread.contracts import subjects
from onethread.contracts.messages import MessageReceived
from onethread.contracts.originals import Corrected, CorrectMessage
from onethread.gateway_email import pipeline, unread
from onethread.gateway_email.capabilities import KIND, SERVICE
from onethread.gateway_email.convert import RefusedMailError
from onethread.gateway_email.desks import Desk, desk_of, own_desk, own_desk_as
from onethread.gateway_email.reading import Reader, UnreadableError
from onethread.gateway_email.settings import Settings
from onethread.gateway_email.storage.mails import Kept, Mails
from onethread.gateway_email.storage.store import store_at
from onethread.runtime import logs
from onethread.runtime.bus import Bus, UnavailableError
from onethread.runtime.channels import ChannelBook
from onethread.runtime.context import service_name

Outcome = Literal["corrected", "same", "gone", "unreadable"]
PATIENCE_SECONDS = 15.0
WORDS: dict[Outcome, str] = {
    "corrected": "corrected",
    "same": "as before",
    "gone": "not kept, erased, or of a channel that is gone",
    "unreadable": "still not readable",
}


class Again:
    def __init__(self, desks: ChannelBook[Desk], bus: Bus, mails: Mails, reader: Reader) -> None:
        self._desks, self._bus, self._mails, self._reader = desks, bus, mails, reader

    async def one(self, workspace: str, message: UUID) -> Outcome:
        """Raises UnavailableError when the bus, the store or conversation is away. It may be repeated."""
        kept = await self._mails.read(workspace, message)
        desk = self._desks.get(kept.channel, workspace) if kept else None
        if kept is None or desk is None:
            return "gone"
        event = await self._read(kept, desk)
        if event is None:
            return "unreadable"
        said, is_stand_in = event.data, message == unread.message_id(kept.raw, desk)
        if is_stand_in:
            await self._mails.keep(workspace, desk.id, event.id, kept.raw, kept.arrival)
            await self._bus.publish(event, *pipeline.narrowing(event))
        correction = CorrectMessage(
            workspace=workspace, message_id=message, subject=said.subject,
            text=unread.READ_SINCE if is_stand_in else said.text, html=None if is_stand_in else said.html,
            attachments=[] if is_stand_in else said.attachments,
        )  # fmt: skip
        return (await self._bus.ask(subjects.CONVERSATION_CORRECT, correction, Corrected)).outcome

    async def _read(self, kept: Kept, desk: Desk) -> MessageReceived | None:
        try:
            told = await self._reader.do(
                pipeline.read, kept.raw, kept.arrival, [desk], pipeline.beside([desk], self._desks)
            )
        except (RefusedMailError, UnreadableError):
            return None
        return next((one for one in pipeline.events_in(told) if isinstance(one, MessageReceived)), None)


def main(arguments: Sequence[str]) -> None:
    chosen, settings = _arguments(arguments), Settings.load()
    logs.configure(settings)
    service_name.set(SERVICE)
    try:
        found = asyncio.run(_run(settings, chosen.workspace or settings.workspace, chosen.message))
    except UnavailableError as error:
        raise SystemExit(f"Not finished: {error}. What was corrected stays so; run it once more.") from None
    for outcome, words in WORDS.items():
        sys.stdout.write(f"{found[outcome]} {words}\n")


async def _run(settings: Settings, workspace: str, messages: list[UUID]) -> Counter[Outcome]:
    bus, reader, mails = Bus(SERVICE, settings), Reader(1), Mails(store_at(settings.mails_at))
    told = asyncio.Event()
    desks = ChannelBook(
        bus,
        KIND,
        own_desk(settings),
        lambda config: desk_of(config, settings),
        told.set,
        refine=lambda own, config: own_desk_as(own, config, settings),
    )
    found: Counter[Outcome] = Counter()
    await bus.start()
    try:
        await desks.start()
        await _until(told)
        again = Again(desks, bus, mails, reader)
        async for message in _each(messages) if messages else mails.messages(workspace):
            found[await again.one(workspace, message)] += 1
    finally:
        desks.stop()
        await reader.stop()
        await bus.stop()
    return found


async def _until(told: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await told.wait()
    except TimeoutError as error:
        raise UnavailableError("conversation does not tell which channels there are") from error


async def _each(messages: list[UUID]) -> AsyncIterator[UUID]:
    for message in messages:
        yield message


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="onethread-email reprocess", description=__doc__)
    parser.add_argument("message", nargs="*", type=UUID, help="ids of messages; without any, all that are kept")
    parser.add_argument("--workspace", default="", help="whose mails; by default ONETHREAD_WORKSPACE")
    return parser.parse_args(arguments)
