"""The SMTP relay that our mails go to."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog

from onethread.runtime.bus import UnavailableError

TIMEOUT_SECONDS = 30
PERMANENT = 500
BROKEN_OFF = 421
RESTS = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 60, 300, 900))
"""A relay that cannot be reached is left alone for so long. The last one is repeated."""

log = structlog.get_logger()


class RefusedByRelayError(Exception):
    """The relay answered about this mail. `permanent`: the same mail will never be taken."""

    def __init__(self, code: int, said: str, *, of_recipient: bool = False) -> None:
        """`of_recipient`: it is the address that was refused, not the mail or its sender."""
        self.code, self.permanent, self.of_recipient = code, code >= PERMANENT, of_recipient
        self.said = " ".join(f"{code} {said}".split())[:300]
        super().__init__(self.said)


class RelayAwayError(UnavailableError):
    """No mail can be given to the relay until then, whichever."""

    def __init__(self, until: datetime) -> None:
        self.until = until
        super().__init__("the mail relay is away")


class Relay:
    """`smtp://host:port` or `smtps://user:password@host`. Without TLS in the scheme, STARTTLS is used where offered."""

    def __init__(self, url: str, *, rests: tuple[timedelta, ...] = RESTS) -> None:
        self.url, self._rests = url, rests
        self._failed, self._until = 0, datetime.min.replace(tzinfo=UTC)

    async def send_alone(self, mail: bytes, sender: str, recipient: str) -> None:
        """Raises RefusedByRelayError, RelayAwayError."""
        for refusal in (await self.send(mail, sender, recipient)).values():
            raise refusal

    async def send(self, mail: bytes, sender: str, *recipients: str) -> dict[str, RefusedByRelayError]:
        """`sender` is that of the envelope; empty: nobody. Returns the recipients that were refused, each with what
        was said; the others have it.

        Raises RefusedByRelayError for an answer about the mail itself, RelayAwayError when there is nobody to give it
        to.
        """
        client = self._client(sender)
        await self._reach(client)
        try:
            async with client:
                refused, _ = await client.sendmail(sender, list(recipients), mail)
            return {address: _of(said.code, said.message) for address, said in refused.items()}
        except aiosmtplib.SMTPRecipientsRefused as error:
            return {one.recipient: _of(one.code, one.message) for one in error.recipients}
        except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPDataError) as error:
            raise RefusedByRelayError(error.code, error.message) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            # It may be this mail at which it fails, so that it is no reason to keep others waiting.
            raise RefusedByRelayError(BROKEN_OFF, f"The connection broke off ({type(error).__name__})") from error

    async def _reach(self, client: aiosmtplib.SMTP) -> None:
        """While it rests nobody knocks: a thousand mails that wait for it are no thousand connections."""
        if datetime.now(UTC) < self._until:
            raise RelayAwayError(self._until)
        try:
            await client.connect()
        except (aiosmtplib.SMTPException, OSError, ssl.SSLError, TimeoutError) as error:
            # A wrong password is among these: it is our setting that is wrong, not the reply.
            raise self._away(error) from error
        if self._failed:
            log.info("relay.back", tries=self._failed)
        self._failed = 0

    def _away(self, error: Exception) -> RelayAwayError:
        now = datetime.now(UTC)
        if self._until <= now:  # of several that found it away at once, one counts
            self._until = now + self._rests[min(self._failed, len(self._rests) - 1)]
            self._failed += 1
            log.warning("relay.away", error=type(error).__name__, tries=self._failed, until=self._until.isoformat())
        return RelayAwayError(self._until)

    def _client(self, sender: str) -> aiosmtplib.SMTP:
        where = urlsplit(self.url)
        secure = where.scheme == "smtps"
        return aiosmtplib.SMTP(
            hostname=where.hostname or "127.0.0.1",
            port=where.port or (465 if secure else 25),
            username=unquote(where.username) if where.username else None,
            password=unquote(where.password) if where.password else None,
            use_tls=secure,
            start_tls=False if secure else None,
            timeout=TIMEOUT_SECONDS,
            local_hostname=sender.rpartition("@")[2] or None,
        )


def _of(code: int, said: str) -> RefusedByRelayError:
    return RefusedByRelayError(code, said, of_recipient=True)
