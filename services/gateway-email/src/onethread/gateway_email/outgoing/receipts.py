"""The automatic receipt, where an address has one. Desks were made into mail bombs by theirs: so this one goes only to
whoever is proven to have written, once a day, and carries nothing that they wrote.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

import nats.errors
import structlog
from nats.js import JetStreamContext
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError
from prometheus_client import Counter

from onethread.contracts.messages import MessageReceived
from onethread.contracts.streams import EMAIL_RECEIPTS
from onethread.gateway_email.convert import INSTANCE_HEADER
from onethread.gateway_email.desks import Desk
from onethread.gateway_email.outgoing import compose
from onethread.gateway_email.outgoing.compose import WIRE
from onethread.gateway_email.outgoing.relay import RefusedByRelayError, Relay
from onethread.gateway_email.parsing import addresses
from onethread.runtime.bus import UnavailableError
from onethread.runtime.channels import ChannelBook

SUBJECT = "We received your message"
TEXT = "We received your message and will answer it by mail.\n\nThis receipt was written by a machine.\n"
AN_HOUR = 200
"""So many of a workspace. Whoever has that many new customers an hour sends no receipts for a while."""
AT_ONCE = 4
NOBODY = ""
"""The envelope's sender: what comes back of a receipt goes nowhere (RFC 3834)."""

log = structlog.get_logger()
RECEIPTS = Counter("onethread_email_receipts_total", "Automatic receipts", ["outcome"])


class Receipts:
    """A receipt that cannot be sent now is not sent: the answer itself will come."""

    def __init__(
        self, desks: ChannelBook[Desk], relay: Relay, js: Callable[[], JetStreamContext], *, an_hour: int = AN_HOUR
    ) -> None:
        self._desks, self._relay, self._js, self._an_hour = desks, relay, js, an_hour
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._in_hand: set[asyncio.Task[None]] = set()

    def offer(self, event: MessageReceived) -> None:
        """Does not wait for it: whoever brought the mail has their answer first."""
        if not event.data.acknowledge:
            return
        task = asyncio.create_task(self._send(event))
        self._in_hand.add(task)
        task.add_done_callback(self._in_hand.discard)

    async def done(self) -> None:
        if self._in_hand:
            await asyncio.wait(self._in_hand, timeout=5)

    async def _send(self, event: MessageReceived) -> None:
        outcome = "failed"
        try:
            async with self._turn:
                outcome = await self._outcome(event)
        except (UnavailableError, RefusedByRelayError, nats.errors.Error, TimeoutError) as error:
            log.info("receipt.not_sent", event_id=str(event.id), error=type(error).__name__)
        except Exception:
            log.exception("receipt.failed", event_id=str(event.id))
        RECEIPTS.labels(outcome).inc()
        log.info("receipt", event_id=str(event.id), outcome=outcome)

    async def _outcome(self, event: MessageReceived) -> str:
        desk, to = self._desks.get(event.data.channel.id, event.workspaceid), event.data.identities[0].value
        if desk is None or not await self._is_first_today(desk, to):
            return "had one"
        if not await self._is_few(desk, datetime.now(UTC)):
            return "too many"
        mail = receipt(desk, to, event.data.place.route.get("message_id"), datetime.now(UTC))
        await self._relay.send_alone(mail.as_bytes(), NOBODY, to)
        return "sent"

    async def _is_first_today(self, desk: Desk, to: str) -> bool:
        """Written before it is sent: rather none than two. The bucket forgets in a day, and knows no address."""
        bucket = await self._js().key_value(EMAIL_RECEIPTS.name)
        try:
            await bucket.create(_key(desk, to), b"")
        except KeyWrongLastSequenceError:
            return False
        return True

    async def _is_few(self, desk: Desk, now: datetime) -> bool:
        bucket, key = await self._js().key_value(EMAIL_RECEIPTS.name), _key(desk, f"{now:%Y-%m-%dT%H}")
        while True:
            try:
                entry = await bucket.get(key)
                count, revision = int(entry.value or 0), entry.revision
            except KeyNotFoundError:
                count, revision = 0, 0
            if count >= self._an_hour:
                return False
            with suppress(KeyWrongLastSequenceError):
                await bucket.update(key, str(count + 1).encode(), revision)
                return True


def receipt(desk: Desk, to: str, answers: str | None, now: datetime) -> EmailMessage:
    mail = EmailMessage(policy=WIRE)
    mail["From"] = Address(desk.name, addr_spec=desk.address)
    mail["To"] = to
    mail["Subject"] = SUBJECT
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = make_msgid(domain=addresses.domain_of(desk.address))
    if parent := compose.references({"message_id": answers}):
        mail["In-Reply-To"] = mail["References"] = parent[0]
    mail["Auto-Submitted"] = "auto-replied"
    mail["X-Auto-Response-Suppress"] = "All"
    mail[INSTANCE_HEADER] = desk.signer.instances()[0]
    mail.set_content(TEXT)
    return mail


def _key(desk: Desk, what: str) -> str:
    """Nobody who reads the bucket learns who wrote."""
    said = f"receipt\n{desk.workspace}\n{what}".encode()
    return hmac.digest(desk.signer.secrets[0].encode(), said, hashlib.sha256).hex()
