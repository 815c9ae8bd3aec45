"""Mail out: ledger → relay → outcome. One mail for one message, whatever is delivered again.

What is put off waits in a line of its own (`waiting.py`), and is tried again by `retries.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import structlog
from prometheus_client import Counter

from onethread.contracts.replies import ReplyOutcome, ReplyRequested
from onethread.gateway_email.desks import Desk
from onethread.gateway_email.outgoing import outcomes
from onethread.gateway_email.outgoing.compose import UndeliverableError, Writer, recipient_of
from onethread.gateway_email.outgoing.files import FilesAwayError
from onethread.gateway_email.outgoing.ledger import Delivery, Ledger
from onethread.gateway_email.outgoing.posting import Posting
from onethread.gateway_email.outgoing.relay import RefusedByRelayError, Relay, RelayAwayError
from onethread.gateway_email.outgoing.waiting import Found, Lines, Waits, copies_of, line_of, mail_of
from onethread.runtime.bus import Bus
from onethread.runtime.channels import ChannelBook

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180))
"""Greylisting wants five minutes. The last one is repeated."""
COPIES_FOR = timedelta(minutes=2)
"""For so long one line's copies are sent. With one more try it is less than its lease (`retries.py`)."""

log = structlog.get_logger()
SENT = Counter("onethread_email_replies_total", "Replies that left, or could not", ["outcome"])


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one try."""

    outcome: ReplyOutcome | None = None
    """Of whom it answers. None: it is put off for them."""
    left: list[str] | None = None
    """For whom it is put off. None: for all."""
    lost: dict[str, str] = field(default_factory=dict[str, str])
    """Whose copy was refused for good, and what was said."""
    why: str = ""
    at: datetime | None = None
    """When it is tried again, where the relay rests until then."""


class Outbound:
    def __init__(
        self, desks: ChannelBook[Desk], relay: Relay, ledger: Ledger, lines: Lines, bus: Bus, *,
        patience: timedelta, pauses: tuple[timedelta, ...] = PAUSES,
    ) -> None:  # fmt: skip
        """`patience`: for so long a mail that is put off is tried again."""
        self._posting, self._ledger, self._lines, self._bus = Posting(desks, relay, bus), ledger, lines, bus
        self._patience, self._pauses = patience, pauses

    async def __call__(self, event: ReplyRequested) -> None:
        """Handles one `reply.requested.email`. What was settled before is only told again."""
        delivery = await self._ledger.begin(event.data.message_id, datetime.now(UTC), event.data.attempt)
        ahead = None if delivery.outcome else await self._lines.find(line_of(event))
        if ahead:
            await self._wait_behind(event, delivery, ahead)
        else:
            await self.attempt(event, delivery)

    async def attempt(self, event: ReplyRequested, delivery: Delivery) -> None:
        """Sends it, or has it wait."""
        if delivery.outcome is None:
            tried = await self._try(event, delivery, await self._behind(event))
            if tried.outcome is None:
                await self._put_off(event, delivery, tried)
                return
            delivery = await self._record(event, delivery, tried.outcome, tried)
            SENT.labels(tried.outcome.state).inc()
        await self._settle(event, delivery)

    async def attempt_copies(self, line: Found) -> None:
        """Sends the mails of a line to those who alone have not got them: to each in order, whoever else waits."""
        behind, ended, ats = set[str](), list[Waits](), list[datetime]()
        until = datetime.now(UTC) + COPIES_FOR
        for mail in line.line.mails:
            delivery = await self._ledger.begin(mail.message, datetime.now(UTC), mail.attempt)
            if datetime.now(UTC) > until:
                ats.append(until)
                break
            at = None
            if delivery.request and (not delivery.left or set(delivery.left) - behind):
                delivery, at = await self._send_copies(delivery.request, delivery, behind)
            if not (delivery.request and delivery.left):
                ended.append(mail)
                continue
            behind.update(delivery.left)
            ats += [at] if at else []
        await self._go_on(line, ended, min(ats, default=datetime.now(UTC)))

    async def _send_copies(
        self, event: ReplyRequested, delivery: Delivery, behind: Collection[str]
    ) -> tuple[Delivery, datetime]:
        """As it stands then, and when it is tried again."""
        at, to = datetime.now(UTC), [one for one in delivery.left or [] if one not in behind]
        if delivery.outcome and to:
            tried = await self._try(event, delivery.model_copy(update={"left": to}))
            at = tried.at or self._next(delivery)
            tried = replace(tried, left=[*(tried.left or []), *(one for one in delivery.left or [] if one in behind)])
            delivery = await self._record(event, _once_more(delivery, tried), delivery.outcome, tried)
        await self._tell_settled(event, delivery, at, f"copies {at.isoformat()}")
        return await self._forget(event, delivery), at

    async def _go_on(self, line: Found, ended: list[Waits], at: datetime) -> None:
        for mail in ended:
            await self._lines.leave(line.key, mail, at)
        if waiting := [mail for mail in line.line.mails if mail not in ended]:
            await self._lines.put_off(line.key, waiting[0], at)

    async def _behind(self, event: ReplyRequested) -> set[str]:
        """Who still waits for a copy of an earlier mail of the thread."""
        line = await self._lines.find(copies_of(event)) if event.data.cc else None
        earlier = [mail for mail in line.line.mails if mail != mail_of(event)] if line else []
        known = [await self._ledger.begin(mail.message, datetime.now(UTC), mail.attempt) for mail in earlier]
        return {address for delivery in known for address in delivery.left or []}

    async def _record(self, event: ReplyRequested, delivery: Delivery, outcome: ReplyOutcome, tried: Tried) -> Delivery:
        known = {"outcome": outcome, "left": tried.left or [], "lost": {**delivery.lost, **tried.lost}}
        delivery = delivery.model_copy(update=known | {"request": event if tried.left else delivery.request})
        await self._ledger.finish(event.data.message_id, delivery, outcome, event.data.attempt)
        return delivery

    async def _settle(self, event: ReplyRequested, delivery: Delivery) -> None:
        """It is recorded. Told, and out of its line, in this order: what a crash leaves out is done again."""
        line = await self._lines.find(copies_of(event)) if delivery.left else None
        at = line.line.at if line else self._next(delivery)
        await self._tell_settled(event, delivery, at)
        if delivery.left:
            await self._lines.join(copies_of(event), mail_of(event), at)
        if delivery.request:
            await self._lines.leave(line_of(event), mail_of(event), datetime.now(UTC))
            await self._forget(event, delivery)

    async def _forget(self, event: ReplyRequested, delivery: Delivery) -> Delivery:
        """What nobody waits for any more is not kept."""
        if not delivery.outcome or delivery.left:
            return delivery
        done = delivery.model_copy(update={"request": None})
        await self._ledger.finish(event.data.message_id, done, delivery.outcome, event.data.attempt)
        return done

    async def _put_off(self, event: ReplyRequested, delivery: Delivery, tried: Tried) -> None:
        """It is kept and told before it stands in the line: what a crash leaves out is done again."""
        at, known = tried.at or self._next(delivery), {"request": event, "left": tried.left}
        delivery = _once_more(delivery, tried).model_copy(update=known | {"lost": {**delivery.lost, **tried.lost}})
        await self._ledger.put_off(event.data.message_id, delivery, event.data.attempt)
        await self._tell_waiting(event, tried.why, at)
        await self._lines.put_off(line_of(event), mail_of(event), at)
        log.info("reply.put_off", message_id=str(event.data.message_id), tries=delivery.tries)

    async def _wait_behind(self, event: ReplyRequested, delivery: Delivery, ahead: Found) -> None:
        if delivery.request is None:
            await self._ledger.put_off(
                event.data.message_id, delivery.model_copy(update={"request": event}), event.data.attempt
            )
            await self._tell_waiting(event, outcomes.BEHIND, ahead.line.at)
        await self._lines.join(ahead.key, mail_of(event), datetime.now(UTC))

    async def _try(self, event: ReplyRequested, delivery: Delivery, behind: Collection[str] = ()) -> Tried:
        """Copies to those `behind` an earlier mail wait, too."""
        patient = datetime.now(UTC) - delivery.since < self._patience
        try:
            writer = self._posting.writer(event)
            to = delivery.left or [recipient_of(event.data), *writer.copies_of(event.data)]
            wait = [one for one in to if one in behind and one != recipient_of(event.data)]
            refused = await self._posting.send(event, writer, [one for one in to if one not in wait])
        except UndeliverableError as error:
            return _given_up(event, delivery, str(error))
        except FilesAwayError:
            if patient:
                return Tried(left=delivery.left, why=outcomes.NO_FILES)
            return _given_up(event, delivery, outcomes.NO_FILES)
        except RelayAwayError as away:
            if patient:
                return Tried(left=delivery.left, why=outcomes.AWAY, at=away.until)
            return _given_up(event, delivery, f"{outcomes.AWAY} {outcomes.FOR_GOOD}")
        tried = _judged(event, writer, refused, patient=patient)
        return replace(tried, left=[*(tried.left or []), *wait])

    def _next(self, delivery: Delivery) -> datetime:
        return datetime.now(UTC) + self._pauses[min(delivery.tries, len(self._pauses) - 1)]

    async def _tell_waiting(self, event: ReplyRequested, why: str, at: datetime) -> None:
        await self._tell(*outcomes.told(event, outcomes.waits(event, why, at), {}, at.isoformat()))

    async def _tell_settled(self, event: ReplyRequested, delivery: Delivery, at: datetime, what: str = "") -> None:
        if delivery.outcome:
            outcome = outcomes.with_copies(delivery.outcome, delivery.lost, delivery.left, at)
            await self._tell(*outcomes.told(event, outcome, delivery.lost, what))

    async def _tell(self, *events: outcomes.Outcome) -> None:
        for event in events:
            await self._bus.publish(event)


def _given_up(event: ReplyRequested, delivery: Delivery, why: str) -> Tried:
    copies = [address for address in delivery.left or [] if address != recipient_of(event.data)]
    return Tried(outcomes.failed(event, why), [], dict.fromkeys(copies, why))


def _judged(event: ReplyRequested, writer: Writer, refused: dict[str, RefusedByRelayError], *, patient: bool) -> Tried:
    """For whom it is settled, and who is tried again."""
    customers = refused.get(recipient_of(event.data))
    left = [address for address, refusal in refused.items() if patient and not refusal.permanent]
    lost = {a: refusal.said for a, refusal in refused.items() if a not in left and refusal is not customers}
    if customers is None:
        log.info("reply.sent", message_id=str(event.data.message_id))
        return Tried(outcomes.sent(event, writer), left, lost)
    if recipient_of(event.data) in left:
        return Tried(None, left, lost, outcomes.put_off(customers))
    log.warning("reply.refused", message_id=str(event.data.message_id), code=customers.code)
    return Tried(outcomes.refused(event, customers, writer), left, lost)


def _once_more(delivery: Delivery, tried: Tried) -> Delivery:
    """A relay that rests put nothing off."""
    return delivery if tried.at else delivery.model_copy(update={"tries": delivery.tries + 1})
