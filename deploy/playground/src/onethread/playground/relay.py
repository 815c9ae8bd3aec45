"""The trusted relay between customers and gateway-email: it checks nobody and says what the sender chose."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, parseaddr
from typing import TYPE_CHECKING

import aiosmtplib

if TYPE_CHECKING:
    from datetime import datetime

# Ids are longer than 78 characters when they carry a signature; folded shorter, Python would encode them.
WIRE = policy.SMTP.clone(max_line_length=900)
TIMEOUT_SECONDS = 20
FIRST_PERMANENT = 500


@dataclass(frozen=True, slots=True)
class Letter:
    """What a customer wrote. `sender` may be `Ana Ruiz <ana@…>`; `forged`: not sent by that domain's servers."""

    sender: str
    to: str
    subject: str
    text: str
    in_reply_to: str = ""
    references: str = ""
    forged: bool = False

    @property
    def address(self) -> str:
        return parseaddr(self.sender)[1]

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2].lower()


class MailRefusedError(Exception):
    """gateway-email did not take the mail. `code` is its SMTP code (0: it was not reached), `said` its words."""

    def __init__(self, code: int, said: str) -> None:
        self.code = code
        self.said = said
        super().__init__(self._in_words())

    @property
    def permanent(self) -> bool:
        return self.code >= FIRST_PERMANENT

    def _in_words(self) -> str:
        said = self.said.rstrip(".")
        if not self.code:
            return f"The mail server could not be reached: {said}. Your text is kept; send it again in a moment."
        if self.permanent:
            return f"The mail server refused this mail ({self.code}): {said}. Your text is kept; change what it names."
        return (
            f"The mail server can't take mail now ({self.code}): {said}. Your text is kept; send it again in a moment."
        )


def new_message_id(domain: str) -> str:
    return f"<{uuid.uuid4()}@{domain}>"


def write(letter: Letter, *, message_id: str, now: datetime) -> EmailMessage:
    """The mail as the customer's own program writes it. Raises ValueError for a line break in a header."""
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = formataddr(parseaddr(letter.sender))
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id
    if letter.in_reply_to:
        message["In-Reply-To"] = letter.in_reply_to
    if letter.references:
        message["References"] = " ".join(letter.references.split())
    message.set_content(letter.text, cte="quoted-printable")
    return message


def seal(message: EmailMessage, letter: Letter, *, authserv_id: str, now: datetime) -> bytes:
    """The bytes that the relay hands on: its verdict above its own Received line, the mail below."""
    sender = EmailMessage(policy=WIRE)
    sender["Authentication-Results"] = verdict(letter, authserv_id)
    sender["Received"] = (
        f"from {letter.domain} by {authserv_id} with ESMTP id {uuid.uuid4().hex[:12]}; {format_datetime(now)}"
    )
    return sender.as_bytes().rstrip(b"\r\n") + b"\r\n" + message.as_bytes(policy=WIRE)


def verdict(letter: Letter, authserv_id: str) -> str:
    """What the relay found out about the sender, as an Authentication-Results value (RFC 8601)."""
    if letter.forged:
        found = f"dkim=none; spf=fail smtp.mailfrom={letter.address}; dmarc=fail header.from={letter.domain}"
    else:
        found = (
            f"spf=pass smtp.mailfrom={letter.address}; dkim=pass header.d={letter.domain}; "
            f"dmarc=pass header.from={letter.domain}"
        )
    return f"{authserv_id}; {found}"


async def deliver(raw: bytes, letter: Letter, server: tuple[str, int]) -> str:
    """Hands the mail to gateway-email and returns what it answered. Raises MailRefusedError."""
    host, port = server
    try:
        _, answer = await aiosmtplib.send(
            raw,
            sender=letter.address,
            recipients=[parseaddr(letter.to)[1]],
            hostname=host,
            port=port,
            timeout=TIMEOUT_SECONDS,
            start_tls=False,
            local_hostname="relay.localhost",
        )
    except aiosmtplib.SMTPRecipientsRefused as refused:
        first = refused.recipients[0]
        raise MailRefusedError(first.code, first.message) from refused
    except aiosmtplib.SMTPResponseException as refused:
        raise MailRefusedError(refused.code, refused.message) from refused
    except (aiosmtplib.SMTPException, OSError) as unreachable:
        raise MailRefusedError(0, f"no answer from {host}:{port}") from unreachable
    return answer
