"""The SMTP relay that our mails go to."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import aiosmtplib

from onethread.runtime.bus import UnavailableError

TIMEOUT_SECONDS = 30
PERMANENT = 500


class RefusedByRelayError(Exception):
    """The relay answered about this mail. `permanent`: the same mail will never be taken."""

    def __init__(self, code: int, said: str) -> None:
        self.code, self.permanent = code, code >= PERMANENT
        self.said = " ".join(f"{code} {said}".split())[:300]
        super().__init__(self.said)


@dataclass(frozen=True, slots=True)
class Relay:
    """`smtp://host:port` or `smtps://user:password@host`. Without TLS in the scheme, STARTTLS is used where offered."""

    url: str

    async def send(self, mail: bytes, sender: str, recipient: str) -> None:
        """Raises RefusedByRelayError for an answer about this mail, UnavailableError when the relay is away."""
        where = urlsplit(self.url)
        secure = where.scheme == "smtps"
        try:
            await aiosmtplib.send(
                mail,
                sender=sender,
                recipients=[recipient],
                hostname=where.hostname or "127.0.0.1",
                port=where.port or (465 if secure else 25),
                username=unquote(where.username) if where.username else None,
                password=unquote(where.password) if where.password else None,
                use_tls=secure,
                start_tls=False if secure else None,
                timeout=TIMEOUT_SECONDS,
                local_hostname=sender.rpartition("@")[2],
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise RefusedByRelayError(error.recipients[0].code, error.recipients[0].message) from error
        except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPDataError) as error:
            raise RefusedByRelayError(error.code, error.message) from error
        except (aiosmtplib.SMTPException, OSError, ssl.SSLError, TimeoutError) as error:
            # A wrong password is among these: it is our setting that is wrong, not the reply.
            raise UnavailableError(f"the mail relay is away: {type(error).__name__}") from error
