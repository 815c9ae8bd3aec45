"""What became of a reply, in words, as events."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from onethread.contracts.ids import derived_id
from onethread.contracts.messages import Report
from onethread.contracts.replies import ReplyDelivered, ReplyFailed, ReplyOutcome, ReplyRequested
from onethread.gateway_email.capabilities import SOURCE
from onethread.gateway_email.outgoing.compose import Writer, recipient_of
from onethread.gateway_email.outgoing.relay import RefusedByRelayError
from onethread.gateway_email.reports.failures import ANSWER_TO_RCPT, UNKNOWN, failure
from onethread.runtime.telemetry import traceparent

BEHIND = "It goes out after an earlier mail of this conversation, which the mail server puts off."
AWAY = "The mail server cannot be reached."
NO_FILES = "Its files cannot be had at the moment."
FOR_GOOD = "It waited for as long as a mail does. Send it again once the server is back."

Outcome = ReplyDelivered | ReplyFailed


def sent(event: ReplyRequested, writer: Writer) -> ReplyOutcome:
    place = writer.place_after(event.data)
    return _outcome(event, "sent", external_id=writer.message_id(event.data.message_id), place=place)


def waits(event: ReplyRequested, why: str, at: datetime) -> ReplyOutcome:
    return _outcome(event, "retrying", reason=why, retry_at=at)


def failed(event: ReplyRequested, why: str) -> ReplyOutcome:
    return _outcome(event, "failed", reason=why)


def put_off(refusal: RefusedByRelayError) -> str:
    return f"The mail server puts it off: {refusal.said}"


def refused(event: ReplyRequested, refusal: RefusedByRelayError, writer: Writer) -> ReplyOutcome:
    why, words = failure(refusal.said), f"The mail server refused it: {refusal.said}"
    reason = words if why.reason.startswith(UNKNOWN) else f"{why.reason}. {words}"
    return _outcome(
        event, "failed", reason=reason, external_id=writer.message_id(event.data.message_id),
        report=_report(refusal.said) if refusal.of_recipient else "soft", address=recipient_of(event.data),
    )  # fmt: skip


def with_copies(
    outcome: ReplyOutcome, lost: Mapping[str, str], later: Collection[str] | None, at: datetime
) -> ReplyOutcome:
    """It says who of those who were to get a copy does not have it."""
    if not (lost or later):
        return outcome
    refusals = "; ".join(f"{address} ({said})" for address, said in lost.items())
    words = [outcome.reason or "", f"Refused for {refusals}" if refusals else ""]
    if later:
        words.append(f"The mail server puts it off for {', '.join(later)}; it is tried again for them alone")
    reason = ". ".join(part.rstrip(".") for part in words if part)
    return outcome.model_copy(update={"reason": reason or None, "retry_at": at if later else None})


def told(event: ReplyRequested, outcome: ReplyOutcome, lost: Mapping[str, str], what: str = "") -> list[Outcome]:
    """As events: one, and where several addresses were refused, one for each. `what` tells them from earlier ones."""
    own = [outcome] if outcome.address or not lost else []
    of_copies = [_of_copy(outcome, address, said) for address, said in lost.items()]
    name = f"{ {'sent': 'delivered'}.get(outcome.state, outcome.state) } {what}".strip()
    return [_event(event, one, f"{name} {number or ''}".strip()) for number, one in enumerate([*own, *of_copies])]


def _of_copy(outcome: ReplyOutcome, address: str, said: str) -> ReplyOutcome:
    """What stops an address is shown wherever somebody writes to it: it names nobody else."""
    why = failure(said, around=ANSWER_TO_RCPT)
    about = {"address": address, "report": "hard" if why.hard else "soft", "report_reason": why.reason}
    return outcome.model_copy(update=about)


def _report(said: str) -> Report:
    """`hard`: the address is dead."""
    return "hard" if failure(said, around=ANSWER_TO_RCPT).hard else "soft"


def _outcome(event: ReplyRequested, state: Any, **more: Any) -> ReplyOutcome:
    reply = event.data
    return ReplyOutcome(message_id=reply.message_id, channel=reply.channel, state=state, attempt=reply.attempt, **more)


def _event(event: ReplyRequested, outcome: ReplyOutcome, name: str) -> Outcome:
    kind = ReplyFailed if outcome.state == "failed" else ReplyDelivered
    return kind(
        id=derived_id(event.id, name),
        source=SOURCE,
        subject=str(outcome.message_id),
        workspaceid=event.workspaceid,
        threadid=event.threadid,
        customerid=event.customerid,
        causationid=event.id,
        traceparent=traceparent(),
        data=outcome,
    )
