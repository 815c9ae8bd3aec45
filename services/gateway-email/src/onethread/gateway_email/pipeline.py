"""The one way in for mail, whatever brought it: read → keep → publish. Nothing is promised before both are done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Histogram
from pydantic import TypeAdapter

from onethread.contracts import ids
from onethread.contracts.messages import MessageReceived, ReceivedMessage
from onethread.contracts.replies import ReplyDelivered, ReplyFailed, ReplyOutcome
from onethread.gateway_email import convert, unread
from onethread.gateway_email.capabilities import KIND, SOURCE
from onethread.gateway_email.convert import Arrival, RefusedMailError
from onethread.gateway_email.desks import Desk, at_home, desk_address
from onethread.gateway_email.outgoing.receipts import Receipts
from onethread.gateway_email.parsing import mime
from onethread.gateway_email.parsing.mime import Mail
from onethread.gateway_email.reading import Reader, UnreadableError
from onethread.gateway_email.reports import bounces
from onethread.gateway_email.reports.bounces import Bounce
from onethread.gateway_email.sender.checks import Checks
from onethread.gateway_email.storage.mails import Mails
from onethread.runtime.bus import Bus, UnavailableError
from onethread.runtime.channels import ChannelBook
from onethread.runtime.telemetry import traceparent

NO_SUCH_ADDRESS = "550 5.1.1 There is no such address here"
Event = MessageReceived | ReplyDelivered | ReplyFailed

log = structlog.get_logger()
_EVENTS: TypeAdapter[list[Event]] = TypeAdapter(list[Event])
TAKEN = Counter("onethread_email_mails_total", "Mails that were offered to us", ["outcome"])
TOLD = Counter(
    "onethread_email_told_total", "What mails became, and what was found out about senders", ["kind", "verdict"]
)
READING = Histogram(
    "onethread_email_reading_seconds", "Time to read a mail", buckets=(0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30)
)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a mail has become. Without events it was one of our own, which is taken and dropped."""

    events: tuple[Event, ...]
    outcome: str = "taken"


class Pipeline:
    def __init__(
        self, desks: ChannelBook[Desk], bus: Bus, mails: Mails, reader: Reader, checks: Checks, receipts: Receipts
    ) -> None:
        self._desks, self._bus, self._mails, self._reader = desks, bus, mails, reader
        self._checks, self._receipts = checks, receipts

    async def take(self, raw: bytes, arrival: Arrival) -> Taken:
        """When it returns, the mail is durable.

        Raises RefusedMailError for a mail that will never be taken, UnavailableError for one to be brought again.
        """
        arrival = replace(arrival, recipients=tuple(at_home(self._desks, one) for one in arrival.recipients))
        with self._bus.tracing.span("email received", SpanKind.SERVER):
            try:
                taken = await self._take(raw, arrival)
            except RefusedMailError as refusal:
                log.info("mail.refused", answer=str(refusal))
                TAKEN.labels("refused").inc()
                raise
            except UnavailableError as error:
                log.warning("mail.deferred", error=str(error))
                TAKEN.labels("deferred").inc()
                raise
            except Exception:
                TAKEN.labels("failed").inc()
                raise
        TAKEN.labels(taken.outcome).inc()
        return taken

    async def set_aside(self, raw: bytes, arrival: Arrival, refusal: str) -> Taken:
        """Takes a mail that `take` has refused, where nobody would hear the refusal, as a message that says so."""
        taken = await self._accept(raw, arrival, self._stand_ins(raw, arrival, refusal), "set_aside")
        TAKEN.labels(taken.outcome).inc()
        return taken

    async def _take(self, raw: bytes, arrival: Arrival) -> Taken:
        desks, outcome = self._written_to(arrival), "taken"
        convert.refuse_a_large_header(raw)
        arrival = await self._looked_into(raw, arrival, desks)
        try:
            with READING.time():
                events = events_in(await self._reader.do(read, raw, arrival, desks, beside(desks, self._desks)))
        except UnreadableError as error:
            log.error("mail.unreadable", reason=str(error), size=len(raw))  # noqa: TRY400 the reader has told where
            events, outcome = self._stand_ins(raw, arrival), "unreadable"
        if not events:
            log.warning("mail.own_came_back")
            return Taken((), "own")
        return await self._accept(raw, arrival, events, outcome)

    async def _accept(self, raw: bytes, arrival: Arrival, events: list[Event], outcome: str) -> Taken:
        trace = traceparent()
        for event in events:
            await self._keep(event, raw, arrival)
            await self._bus.publish(event.model_copy(update={"traceparent": trace}), *narrowing(event))
            if isinstance(event, MessageReceived):
                self._receipts.offer(event)
            TOLD.labels(*_sort(event)).inc()
        log.info("mail.taken", event_id=", ".join(str(event.id) for event in events), size=len(raw), outcome=outcome)
        return Taken(tuple(events), outcome)

    def _stand_ins(self, raw: bytes, arrival: Arrival, refusal: str = "") -> list[Event]:
        return [_event(unread.stand_in(raw, arrival, desk, refusal), desk) for desk in self._written_to(arrival)]

    async def _looked_into(self, raw: bytes, arrival: Arrival, desks: list[Desk]) -> Arrival:
        """With what we find out about its sender, unless a relay that we believe has done so."""
        if arrival.authserv_id or all(desk.edge.believes(arrival.peer) for desk in desks):
            return arrival
        peer = "" if any(desk.edge.is_relay(arrival.peer) for desk in desks) else arrival.peer
        try:
            found = await self._checks.find(raw, peer=peer, greeting=arrival.greeting, sender=arrival.sender)
        except Exception:  # a fault of ours is no reason to send a mail back
            log.exception("mail.not_checked")
            return arrival
        return replace(arrival, found=found)

    async def _keep(self, event: Event, raw: bytes, arrival: Arrival) -> None:
        channel = event.data.channel.id
        if isinstance(event, MessageReceived):
            await self._mails.keep(event.workspaceid, channel, event.id, raw, arrival)
        else:
            about = event.data.message_id
            await self._mails.keep_report(event.workspaceid, channel, about, event.id, raw, arrival)

    def _written_to(self, arrival: Arrival) -> list[Desk]:
        """Each was there when it was named as a recipient; one that is gone since is left out."""
        named = dict.fromkeys(desk_address(recipient) for recipient in arrival.recipients)
        desks = [desk for address in named if (desk := self._desks.at(address))]
        if not desks:
            raise RefusedMailError(NO_SUCH_ADDRESS)
        return desks


def beside(desks: Iterable[Desk], known: Iterable[Desk]) -> list[Desk]:
    """Those of the same workspaces: what others have is not told to a process that reads."""
    workspaces = {desk.workspace for desk in desks}
    return [one for one in known if one.workspace in workspaces]


def read(raw: bytes, arrival: Arrival, desks: list[Desk], known: list[Desk]) -> bytes:
    """`events_of` where a process of the reader does it."""
    return _EVENTS.dump_json(events_of(raw, arrival, desks, known), exclude_none=True)


def events_in(told: bytes) -> list[Event]:
    """What `read` told."""
    return _EVENTS.validate_json(told)


def events_of(raw: bytes, arrival: Arrival, desks: list[Desk], known: Sequence[Desk] = ()) -> list[Event]:
    """The mail as each desk has it; `known` are those of their workspaces. Raises RefusedMailError where one cannot
    take it: one answer goes for all.
    """
    mail = mime.parse(raw)
    bounce = bounces.read(mail, arrival.sender)
    events: list[Event] = []
    for desk in desks:
        if bounce and (message := _about(bounce, arrival, desk)):
            events.append(_outcome(mail, bounce, message, desk))
        elif not convert.is_own(mail, desk):
            ours = [one.address for one in known if one.workspace == desk.workspace]
            events.append(_event(convert.received(mail, arrival, desk, ours), desk))
    return events


def narrowing(event: Event) -> tuple[str, ...]:
    return (KIND, ids.lane(event.data.identities[0].value)) if isinstance(event, MessageReceived) else ()


def _sort(event: Event) -> tuple[str, str]:
    if isinstance(event, MessageReceived):
        return event.data.machine or "message", event.data.verdict or ""
    return event.data.state, ""


def _about(bounce: Bounce, arrival: Arrival, desk: Desk) -> UUID | None:
    """The message of ours that it reports of. Anybody can write a report; nobody else can make our addresses for them,
    or our Message-IDs.
    """
    inside = (desk.signer.message_of(id_) for id_ in bounce.carried)
    return convert.bounced(arrival, desk) or next((message for message in inside if message), None)


def _outcome(mail: Mail, bounce: Bounce, message: UUID, desk: Desk) -> ReplyDelivered | ReplyFailed:
    kind = ReplyFailed if bounce.state == "failed" else ReplyDelivered
    log.info("mail.bounced", message_id=str(message), state=bounce.state, status=bounce.status)
    return kind(
        id=ids.derived_id(message, f"bounce\n{convert.external_id(mail)}"),
        source=SOURCE,
        subject=str(message),
        workspaceid=desk.workspace,
        data=ReplyOutcome(
            message_id=message,
            channel=desk.channel,
            state=bounce.state,
            reason=bounce.reason if bounce.report or bounce.state != "delivered" else None,
            report=bounce.report,
            address=bounce.address or None,
        ),
    )


def _event(message: ReceivedMessage, desk: Desk) -> MessageReceived:
    return MessageReceived(
        id=ids.received_id(desk.workspace, desk.id, message.external_id),
        source=SOURCE,
        workspaceid=desk.workspace,
        data=message,
    )
