"""The mail by which somebody proves that an address is theirs. It carries nothing that a customer wrote."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from html import escape

import structlog
from prometheus_client import Counter

from onethread.contracts.proofs import ProofMail, ProofMailSent
from onethread.gateway_email.convert import INSTANCE_HEADER
from onethread.gateway_email.desks import Desk
from onethread.gateway_email.outgoing.compose import WIRE
from onethread.gateway_email.outgoing.relay import RefusedByRelayError, Relay
from onethread.gateway_email.outgoing.signing import signed
from onethread.gateway_email.parsing import addresses
from onethread.runtime.bus import UnavailableError
from onethread.runtime.channels import ChannelBook

SECONDS = 10.0
"""Somebody waits for it. Whoever asks has more patience than this."""
SUBJECT = "Your confirmation code"
IGNORE = "If you did not ask for this, ignore this mail; nothing happens."

NO_DESK = "The support address that it was to come from is no longer there."
NO_ADDRESS = "Mail cannot be sent to this address. Check how it is spelt."
REFUSED = "This address takes no mail from us. Check how it is spelt."
LATER = "The mail server cannot take it just now. Try again in a few minutes."

log = structlog.get_logger()
PROOFS = Counter("onethread_email_proofs_total", "Mails with a code", ["outcome"])


class Prover:
    """Answers `svc.gateway-email.prove`. Keeps nothing, and logs neither the code nor the address."""

    def __init__(self, desks: ChannelBook[Desk], relay: Relay) -> None:
        self._desks, self._relay = desks, relay

    async def __call__(self, asked: ProofMail) -> ProofMailSent:
        reason = await self._failure(asked)
        PROOFS.labels("failed" if reason else "sent").inc()
        return ProofMailSent(sent=not reason, reason=reason)

    async def _failure(self, asked: ProofMail) -> str:
        """Empty when it was sent."""
        recipient = addresses.normal(asked.to)
        if recipient is None or not recipient.isascii():
            return NO_ADDRESS
        try:
            desk = self._desks.get(asked.channel_id, asked.workspace)
            if desk is None:
                return NO_DESK
            async with asyncio.timeout(SECONDS):
                raw = await asyncio.to_thread(signed, proof_mail(desk, asked, recipient), desk.address, desk.key)
                await self._relay.send_alone(raw, desk.address, recipient)
        except RefusedByRelayError as refusal:
            log.info("proof.refused", code=refusal.code)
            return REFUSED if refusal.permanent else LATER
        except (UnavailableError, TimeoutError) as error:
            log.warning("proof.not_sent", error=type(error).__name__)
            return LATER
        return ""


def proof_mail(desk: Desk, asked: ProofMail, recipient: str) -> EmailMessage:
    mail = EmailMessage(policy=WIRE)
    mail["From"] = Address(desk.name, addr_spec=desk.address)
    mail["To"] = recipient
    mail["Subject"] = SUBJECT
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = make_msgid(domain=addresses.domain_of(desk.address))
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail[INSTANCE_HEADER] = desk.signer.instances()[0]
    mail.set_content(_text(asked), cte="quoted-printable")
    mail.add_alternative(_html(asked), subtype="html", cte="quoted-printable")
    return mail


def _text(asked: ProofMail) -> str:
    link = f"Or open this link:\n{asked.link}\n\n" if asked.link else ""
    return f"Your code is {asked.code}\n\n{link}{_validity(asked)}\n\n{IGNORE}\n"


def _html(asked: ProofMail) -> str:
    url = escape(asked.link or "")
    link = f'<p>Or open this link:<br><a href="{url}">{url}</a></p>\n' if url else ""
    code = f'<p>Your code is <strong style="font-size:1.5em">{asked.code}</strong></p>\n'
    return f"{code}{link}<p>{_validity(asked)}</p>\n<p>{IGNORE}</p>\n"


def _validity(asked: ProofMail) -> str:
    what = "Both are" if asked.link else "It is"
    return f"{what} valid for {asked.minutes} {'minute' if asked.minutes == 1 else 'minutes'} and can be used once."
