"""Mail in: SMTP → convert → publish → 250. Nothing is promised before the bus has it on disk."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any
from uuid import UUID

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session
from opentelemetry.trace import SpanKind
from prometheus_client import Counter

from onethread.contracts import ids
from onethread.contracts.messages import MessageReceived, ReceivedMessage
from onethread.contracts.replies import ReplyDelivered, ReplyFailed, ReplyOutcome
from onethread.gateway_email import bounces, convert, mime
from onethread.gateway_email.bounces import Bounce
from onethread.gateway_email.capabilities import KIND
from onethread.gateway_email.convert import Arrival, RefusedMailError
from onethread.gateway_email.desks import Desk, desk_address
from onethread.gateway_email.mime import Mail
from onethread.runtime.bus import Bus, UnavailableError
from onethread.runtime.channels import ChannelBook
from onethread.runtime.context import service_name
from onethread.runtime.telemetry import traceparent

SERVICE = "gateway-email"
SOURCE = f"/{SERVICE}"
LINE_LIMIT = 1024 * 1024
"""Real mail has lines far above the 998 octets that are allowed."""
DRAIN_SECONDS = 8.0
CLOSING = "421 4.3.2 Closing for a restart; try again in a moment"
TRY_AGAIN = "451 4.3.0 The mail can't be kept at the moment; nothing is lost, try again in a moment"
NO_SUCH_ADDRESS = "550 5.1.1 There is no such address here"
NOT_KNOWN_YET = "451 4.3.0 We are starting and do not know all our addresses yet; try again in a moment"
LOOSE_LINES = "550 5.6.11 The mail has line breaks other than CR LF; correct it and send it again"
Event = MessageReceived | ReplyDelivered | ReplyFailed
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")

log = structlog.get_logger()
TAKEN = Counter("onethread_email_mails_total", "Mails that were offered to us", ["outcome"])


class Intake:
    """aiosmtpd's handler."""

    def __init__(self, desks: ChannelBook[Desk], bus: Bus) -> None:
        self._desks, self._bus = desks, bus

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        service_name.set(SERVICE)
        try:
            desk = self._desks.at(desk_address(address))
        except UnavailableError:
            TAKEN.labels("deferred").inc()
            return NOT_KNOWN_YET
        if desk is None:
            TAKEN.labels("unknown_recipient").inc()
            return NO_SUCH_ADDRESS
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        service_name.set(SERVICE)
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        arrival = Arrival(
            peer=str(session.peer[0]) if session.peer else "",
            sender=envelope.mail_from or "",
            recipients=tuple(envelope.rcpt_tos),
            at=datetime.now(UTC),
        )
        with self._bus.tracing.span("email received", SpanKind.SERVER):
            outcome, answer = await self._take(raw, arrival)
        TAKEN.labels(outcome).inc()
        return answer

    async def handle_exception(self, error: Exception) -> str:
        """Never the library's own answer: it would tell the outside what broke, and make the sender give up."""
        log.error("mail.failed", exc_info=error)
        TAKEN.labels("failed").inc()
        return TRY_AGAIN

    async def _take(self, raw: bytes, arrival: Arrival) -> tuple[str, str]:
        """(outcome for the counter, SMTP answer)"""
        if _BARE.search(raw):
            return "refused", LOOSE_LINES
        try:
            # A large mail takes seconds to read, and other senders would wait for it.
            events = await asyncio.to_thread(_read, raw, arrival, self._written_to(arrival))
            for event in events:
                await self._bus.publish(event, *_narrowing(event))
        except RefusedMailError as refusal:
            log.info("mail.refused", answer=str(refusal))
            return "refused", str(refusal)
        except UnavailableError as error:
            log.warning("mail.deferred", error=str(error))
            return "deferred", TRY_AGAIN
        if not events:
            log.warning("mail.own_came_back")
            return "own", "250 2.0.0 OK, this mail is our own"
        names = ", ".join(str(event.id) for event in events)
        first = events[0]
        attachments = len(first.data.attachments) if isinstance(first, MessageReceived) else 0
        log.info("mail.taken", event_id=names, size=len(raw), attachments=attachments)
        not_kept = f"; the contents of {attachments} attachment(s) are not kept" if attachments else ""
        return "taken", f"250 2.0.0 Kept as {names}{not_kept}"

    def _written_to(self, arrival: Arrival) -> list[Desk]:
        """Each was there when it was named as a recipient; one that is gone since is left out."""
        named = dict.fromkeys(desk_address(recipient) for recipient in arrival.recipients)
        desks = [desk for address in named if (desk := self._desks.at(address))]
        if not desks:
            raise RefusedMailError(NO_SUCH_ADDRESS)
        return desks


class MailServer:
    """Listens from `start` to `stop`; `port` is the one that was bound."""

    def __init__(self, intake: Intake, hostname: str, size_limit: int) -> None:
        self._intake, self._hostname, self._size_limit = intake, hostname, size_limit
        self._sessions: set[_Session] = set()
        self._server: asyncio.Server | None = None
        self.draining = False
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        self._server = await asyncio.get_running_loop().create_server(self._session, host, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Takes no new mail, finishes those in hand, and closes."""
        self.draining = True
        if self._server:
            self._server.close()
        busy = [session.in_hand for session in self._sessions if session.in_hand]
        if busy:
            await asyncio.wait(busy, timeout=DRAIN_SECONDS)
        for session in list(self._sessions):
            session.say_goodbye()

    def _session(self) -> _Session:
        session = _Session(
            self._intake,
            lambda: self.draining,
            self._sessions.discard,
            hostname=self._hostname,
            ident="Onethread",
            data_size_limit=self._size_limit,
            enable_SMTPUTF8=True,
            loop=asyncio.get_running_loop(),
        )
        self._sessions.add(session)
        return session


class _Session(SMTP):
    """One connection. While the service drains, every command is answered with 421 and the connection closes."""

    line_length_limit = LINE_LIMIT

    def __init__(
        self, intake: Intake, draining: Callable[[], bool], gone: Callable[[_Session], None], **options: Any
    ) -> None:
        super().__init__(intake, **options)
        self.in_hand: asyncio.Future[None] | None = None
        self._draining, self._gone = draining, gone
        for name, method in list(self._smtp_methods.items()):
            self._smtp_methods[name] = self._unless_draining(method)

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802
        self.in_hand = self.loop.create_future()
        try:
            await super().smtp_DATA(arg)
        finally:
            self.in_hand.set_result(None)
            self.in_hand = None

    def connection_lost(self, error: Exception | None) -> None:
        self._gone(self)
        super().connection_lost(error)

    def say_goodbye(self) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        if self.in_hand is None:
            self._writer.write(f"{CLOSING}\r\n".encode())
        self.transport.close()

    def _unless_draining(self, method: Callable[[str | None], Any]) -> Callable[[str | None], Any]:
        @wraps(method)
        async def answer(arg: str | None) -> None:
            if self._draining() and self.transport is not None:
                await self.push(CLOSING)
                self.transport.close()
            else:
                await method(arg)

        return answer


def _read(raw: bytes, arrival: Arrival, desks: list[Desk]) -> list[Event]:
    """The mail as each desk has it. Raises RefusedMailError where one cannot take it: one answer goes for all."""
    mail = mime.parse(raw)
    bounce = bounces.read(mail, arrival.sender)
    events: list[Event] = []
    for desk in desks:
        if bounce and (message := _about(bounce, desk)):
            events.append(_outcome(mail, bounce, message, desk))
        elif not convert.is_own(mail, desk):
            events.append(_event(convert.received(mail, arrival, desk), desk))
    return events


def _narrowing(event: Event) -> tuple[str, ...]:
    return (KIND, ids.lane(event.data.identities[0].value)) if isinstance(event, MessageReceived) else ()


def _about(bounce: Bounce, desk: Desk) -> UUID | None:
    """The message of ours that it reports of. Anybody can write a report; nobody else can make our Message-IDs."""
    found = (desk.signer.message_of(id_) for id_ in bounce.carried)
    return next((message for message in found if message), None)


def _outcome(mail: Mail, bounce: Bounce, message: UUID, desk: Desk) -> ReplyDelivered | ReplyFailed:
    kind = ReplyFailed if bounce.state == "failed" else ReplyDelivered
    log.info("mail.bounced", message_id=str(message), state=bounce.state, status=bounce.status)
    return kind(
        id=ids.derived_id(message, f"bounce\n{convert.external_id(mail)}"),
        source=SOURCE,
        subject=str(message),
        workspaceid=desk.workspace,
        traceparent=traceparent(),
        data=ReplyOutcome(
            message_id=message,
            channel=desk.channel,
            state=bounce.state,
            reason=None if bounce.state == "delivered" else bounce.reason,
        ),
    )


def _event(message: ReceivedMessage, desk: Desk) -> MessageReceived:
    return MessageReceived(
        id=ids.received_id(desk.workspace, desk.id, message.external_id),
        source=SOURCE,
        workspaceid=desk.workspace,
        traceparent=traceparent(),
        data=message,
    )
