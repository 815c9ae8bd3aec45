"""Mail out: ledger → compose → SMTP → outcome. One mail for one message, whatever is delivered again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import Counter

from onethread.contracts.ids import derived_id
from onethread.contracts.replies import ReplyDelivered, ReplyFailed, ReplyOutcome, ReplyRequested, RequestedReply
from onethread.gateway_email.compose import UndeliverableError, Writer, recipient_of
from onethread.gateway_email.desks import Desk
from onethread.gateway_email.inbound import SOURCE
from onethread.gateway_email.ledger import Delivery, Ledger
from onethread.gateway_email.relay import RefusedByRelayError, Relay
from onethread.runtime.bus import UNAVAILABLE_DELAY, Bus, UnavailableError
from onethread.runtime.channels import ChannelBook
from onethread.runtime.telemetry import traceparent

NO_DESK = "The support address that it was to come from is no longer there. Reply on another channel."
PATIENCE = timedelta(minutes=10)
"""How long a mail that the relay puts off holds up those behind it. Greylisting wants five."""

log = structlog.get_logger()
SENT = Counter("onethread_email_replies_total", "Replies that left, or could not", ["outcome"])


class PutOffError(UnavailableError):
    """Not now: it is tried again. The text is for the teammate who wrote the reply."""


class Outbound:
    def __init__(self, desks: ChannelBook[Desk], relay: Relay, ledger: Ledger, bus: Bus) -> None:
        self._desks, self._relay, self._ledger, self._bus = desks, relay, ledger, bus

    async def __call__(self, event: ReplyRequested) -> None:
        """Handles one `reply.requested.email`. What was settled before is only told again."""
        message, attempt = event.data.message_id, event.data.attempt
        delivery = await self._ledger.begin(message, datetime.now(UTC), attempt)
        outcome = delivery.outcome
        if outcome is None:
            try:
                outcome = await self._deliver(event, delivery.since)
            except PutOffError as wait:
                await self._tell_once(event, delivery, str(wait))
                raise
            await self._ledger.finish(message, delivery, outcome, attempt)
            SENT.labels(outcome.state).inc()
        await self._tell(event, outcome)

    async def _tell_once(self, event: ReplyRequested, delivery: Delivery, why: str) -> None:
        """That this attempt waits: once, however often it is put off."""
        if delivery.put_off:
            return
        reply, at = event.data, datetime.now(UTC) + timedelta(seconds=UNAVAILABLE_DELAY)
        waiting = ReplyOutcome(
            message_id=reply.message_id, channel=reply.channel, state="retrying", reason=why, retry_at=at,
            attempt=reply.attempt,
        )  # fmt: skip
        await self._tell(event, waiting)
        await self._ledger.put_off(reply.message_id, delivery, reply.attempt)

    async def _deliver(self, event: ReplyRequested, since: datetime) -> ReplyOutcome:
        reply = event.data
        desk = self._desks.get(reply.channel.id, event.workspaceid)
        if desk is None:
            return ReplyOutcome(
                message_id=reply.message_id, channel=reply.channel, state="failed", reason=NO_DESK,
                attempt=reply.attempt,
            )  # fmt: skip
        writer = Writer(desk)
        try:
            await self._send(event, writer)
        except UndeliverableError as error:
            return _outcome(reply, writer, str(error))
        except RefusedByRelayError as refusal:
            if not refusal.permanent and datetime.now(UTC) - since < PATIENCE:
                raise PutOffError(f"The mail server puts it off: {refusal.said}") from refusal
            log.warning("reply.refused", message_id=str(reply.message_id), code=refusal.code)
            return _outcome(reply, writer, f"The mail server refused it: {refusal.said}")
        except UnavailableError as away:
            raise PutOffError("The mail server cannot be reached.") from away
        log.info("reply.sent", message_id=str(reply.message_id))
        return _outcome(reply, writer, None)

    async def _send(self, event: ReplyRequested, writer: Writer) -> None:
        mail = writer.write(event.data, event.threadid, datetime.now(UTC))
        with self._bus.tracing.span("smtp send", SpanKind.CLIENT):
            await self._relay.send(mail.as_bytes(), writer.desk.address, recipient_of(event.data))

    async def _tell(self, event: ReplyRequested, outcome: ReplyOutcome) -> None:
        kind = ReplyFailed if outcome.state == "failed" else ReplyDelivered
        await self._bus.publish(
            kind(
                id=derived_id(event.id, {"sent": "delivered"}.get(outcome.state, outcome.state)),
                source=SOURCE,
                subject=str(outcome.message_id),
                workspaceid=event.workspaceid,
                threadid=event.threadid,
                customerid=event.customerid,
                causationid=event.id,
                traceparent=traceparent(),
                data=outcome,
            )
        )


def _outcome(reply: RequestedReply, writer: Writer, failure: str | None) -> ReplyOutcome:
    return ReplyOutcome(
        message_id=reply.message_id,
        channel=reply.channel,
        external_id=writer.message_id(reply.message_id),
        state="failed" if failure else "sent",
        reason=failure,
        attempt=reply.attempt,
        place=None if failure else writer.place_after(reply),
    )
