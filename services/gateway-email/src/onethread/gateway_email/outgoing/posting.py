"""A reply as it is given to the relay: written, with its history, signed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from opentelemetry.trace import SpanKind

from onethread.contracts.mail import Before, BeforeMessage, SaidBefore
from onethread.contracts.replies import ReplyRequested
from onethread.contracts.subjects import CONVERSATION_BEFORE
from onethread.gateway_email.desks import Desk
from onethread.gateway_email.outgoing.compose import UndeliverableError, Writer
from onethread.gateway_email.outgoing.files import Files
from onethread.gateway_email.outgoing.relay import RefusedByRelayError, Relay
from onethread.gateway_email.outgoing.signing import signed
from onethread.runtime.bus import Bus, RefusedError, UnavailableError
from onethread.runtime.channels import ChannelBook

NO_DESK = "The support address that it was to come from is no longer there. Reply on another channel."

log = structlog.get_logger()


class Posting:
    def __init__(self, desks: ChannelBook[Desk], relay: Relay, bus: Bus) -> None:
        self._desks, self._relay, self._bus, self._files = desks, relay, bus, Files(bus)

    def writer(self, event: ReplyRequested) -> Writer:
        """Raises UndeliverableError."""
        desk = self._desks.get(event.data.channel.id, event.workspaceid)
        if desk is None:
            raise UndeliverableError(NO_DESK)
        return Writer(desk)

    async def send(self, event: ReplyRequested, writer: Writer, to: Sequence[str]) -> dict[str, RefusedByRelayError]:
        """Returns who of them does not have it, and why not.

        Raises UndeliverableError where it can go to nobody, FilesAwayError, RelayAwayError.
        """
        before = await self._before(event) if writer.desk.quotes_history else None
        files = await self._files.of(event)
        mail = writer.write(event.data, event.threadid, datetime.now(UTC), before, files)
        raw = await asyncio.to_thread(signed, mail, writer.desk.address, writer.desk.key)
        with self._bus.tracing.span("smtp send", SpanKind.CLIENT):
            try:
                return await self._relay.send(raw, writer.desk.bounce_address(event.data.message_id), *to)
            except RefusedByRelayError as refusal:
                return dict.fromkeys(to, refusal)

    async def _before(self, event: ReplyRequested) -> SaidBefore | None:
        """History is a courtesy: a reply does not wait for it."""
        asked = BeforeMessage(workspace=event.workspaceid, message_id=event.data.message_id)
        try:
            return (await self._bus.ask(CONVERSATION_BEFORE, asked, Before)).said
        except (UnavailableError, RefusedError) as error:
            log.info("reply.without_history", message_id=str(event.data.message_id), error=type(error).__name__)
            return None
