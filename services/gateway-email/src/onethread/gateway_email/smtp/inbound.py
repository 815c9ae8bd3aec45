"""Mail in by SMTP and LMTP: who may be written to, and the receipt."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog
from aiosmtpd.proxy_protocol import ProxyData
from aiosmtpd.smtp import Envelope, Session

from onethread.gateway_email.capabilities import SERVICE
from onethread.gateway_email.convert import Arrival, RefusedMailError
from onethread.gateway_email.desks import Desk, at_home, desk_address
from onethread.gateway_email.pipeline import NO_SUCH_ADDRESS, TAKEN, Pipeline, Taken
from onethread.gateway_email.smtp.server import RECIPIENT_TAKEN, RECIPIENTS, SENDER_TAKEN, MailSession
from onethread.runtime.bus import FullError, UnavailableError
from onethread.runtime.channels import ChannelBook
from onethread.runtime.context import service_name

TRY_AGAIN = "451 4.3.0 The mail can't be kept at the moment; nothing is lost, try again in a moment"
NOT_KNOWN_YET = "451 4.3.0 We are starting and do not know all our addresses yet; try again in a moment"
FULL = "452 4.3.1 There is no room for the mail at the moment; nothing is lost, try again later"
TOO_MANY_RECIPIENTS = f"452 4.5.3 More than {RECIPIENTS} recipients; send the mail to the others once more"
NOT_AN_ADDRESS = "553 5.1.3 The address has characters that no address has"
LOOSE_LINES = "550 5.6.11 The mail has line breaks other than CR LF; correct it and send it again"

log = structlog.get_logger()


class Intake:
    """aiosmtpd's handler."""

    def __init__(self, desks: ChannelBook[Desk], pipeline: Pipeline) -> None:
        self._desks, self._pipeline = desks, pipeline

    async def handle_PROXY(  # noqa: N802
        self, session: MailSession, _session: Session, _envelope: Envelope, proxy: ProxyData
    ) -> bool:
        return await session.speaks_for(proxy)

    async def handle_EHLO(  # noqa: N802
        self, _: MailSession, session: Session, _envelope: Envelope, hostname: str, offers: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [offers[0], "250-PIPELINING", *(offer for offer in offers[1:] if "AUTH" not in offer)]

    async def handle_MAIL(  # noqa: N802
        self, session: MailSession, _: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := session.may_send():
            TAKEN.labels("deferred").inc()
            return refusal
        if not address.isprintable():
            return NOT_AN_ADDRESS
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return SENDER_TAKEN

    async def handle_RCPT(  # noqa: N802
        self, session: MailSession, _: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        service_name.set(SERVICE)
        if len(envelope.rcpt_tos) >= RECIPIENTS:
            return TOO_MANY_RECIPIENTS
        if not address.isprintable():
            return NOT_AN_ADDRESS
        try:
            address = at_home(self._desks, address)
            desk = self._desks.at(desk_address(address))
        except UnavailableError:
            TAKEN.labels("deferred").inc()
            return NOT_KNOWN_YET
        if desk is None:
            TAKEN.labels("unknown_recipient").inc()
            return await session.wrong_recipient() or NO_SUCH_ADDRESS
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return RECIPIENT_TAKEN

    async def answers(self, session: MailSession, envelope: Envelope, raw: bytes) -> list[str]:
        """One; or one for each recipient, in their order. What is written to one desk is one mail to it."""
        if not session.answers_each:
            return [await self._answer(raw, _arrival(session, envelope, envelope.rcpt_tos))]
        named: dict[str, list[str]] = {}
        for recipient in envelope.rcpt_tos:
            named.setdefault(desk_address(recipient), []).append(recipient)
        answers = {desk: await self._answer(raw, _arrival(session, envelope, those)) for desk, those in named.items()}
        return [answers[desk_address(recipient)] for recipient in envelope.rcpt_tos]

    async def handle_exception(self, error: Exception) -> str:
        """Never the library's own answer: it would tell the outside what broke, and make the sender give up."""
        log.error("mail.failed", exc_info=error)
        return TRY_AGAIN

    async def _answer(self, raw: bytes, arrival: Arrival) -> str:
        service_name.set(SERVICE)
        if not raw.count(b"\r\n") == raw.count(b"\r") == raw.count(b"\n"):
            TAKEN.labels("refused").inc()
            return LOOSE_LINES
        try:
            return _receipt(await self._pipeline.take(raw, arrival))
        except RefusedMailError as refusal:
            return str(refusal)
        except FullError:
            return FULL
        except UnavailableError:
            return TRY_AGAIN
        except Exception as error:
            return await self.handle_exception(error)


def _arrival(session: MailSession, envelope: Envelope, recipients: list[str]) -> Arrival:
    """A mail server that hands on by LMTP is not where a mail came from, unless it says so under a name of ours."""
    return Arrival(
        peer=session.peer if session.protocol == "smtp" or session.is_known else "",
        sender=envelope.mail_from or "",
        recipients=tuple(recipients),
        at=datetime.now(UTC),
        greeting=(session.session and session.session.host_name) or "",
    )


def _receipt(taken: Taken) -> str:
    if not taken.events:
        return "250 2.0.0 OK, this mail is our own"
    names = ", ".join(str(event.id) for event in taken.events)
    return f"250 2.0.0 Kept as {names}"
