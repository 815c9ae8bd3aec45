"""What Slack tells us becomes `message.received`. Slack has its 200 only after the bus has the event on disk."""

from __future__ import annotations

import asyncio

import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import Counter

from onethread.contracts import ids as contract_ids
from onethread.contracts.messages import Audience, Channel, Identity, MessageReceived, ReceivedMessage
from onethread.gateway_slack import convert, ids
from onethread.gateway_slack.installation import Bot, Installation
from onethread.gateway_slack.ledger import Ledger
from onethread.gateway_slack.people import Person
from onethread.runtime.bus import Bus
from onethread.runtime.telemetry import traceparent

EVENTS = Counter("onethread_slack_events_total", "Slack events, by what became of them", ["outcome"])
SOURCE = "/gateway-slack"

log = structlog.get_logger()


class Inbound:
    def __init__(self, bus: Bus, ledger: Ledger) -> None:
        self._bus = bus
        self._ledger = ledger

    async def take(self, event: ids.Event, us: Installation, bot: Bot) -> None:
        """Raises `UnavailableError` when the event could not be kept."""
        with self._bus.tracing.span("slack received", SpanKind.SERVER):
            reason = convert.why_ignored(event, bot.user) or await self._not_for_us(event, us, bot)
            if reason:
                log.debug("slack.ignored", reason=reason, type=event.get("type"), ts=event.get("ts"))
                EVENTS.labels("ignored").inc()
                return
            received = await self._received(event, us, bot)
            await self._bus.publish(received, "slack", contract_ids.lane(event["user"]))
            EVENTS.labels("taken").inc()

    async def _not_for_us(self, event: ids.Event, us: Installation, bot: Bot) -> str | None:
        """In a channel: a mention is for us, and all that follows in its thread. `app_mention` and `message` of one
        mention come in any order, so both are taken, and are one event.
        """
        if ids.is_direct(event):
            return None
        thread = us.thread(event["channel"], event.get("thread_ts") or event["ts"])
        if event["type"] == "app_mention" or bot.user in convert.mentioned(event):
            await self._ledger.join_thread(thread)
            return None
        if event.get("thread_ts") and await self._ledger.is_in_thread(thread):
            return None
        return "said in a channel, not to the bot"

    async def _received(self, event: ids.Event, us: Installation, bot: Bot) -> MessageReceived:
        external_id = ids.external_id(event["channel"], event["ts"])
        return MessageReceived(
            id=contract_ids.received_id(us.workspace, us.id, external_id),
            source=SOURCE,
            subject=external_id,
            workspaceid=us.workspace,
            traceparent=traceparent(),
            data=await _message(event, external_id, us, bot),
        )


async def _message(event: ids.Event, external_id: str, us: Installation, bot: Bot) -> ReceivedMessage:
    person, names, audience = await asyncio.gather(
        us.people.person(event["user"], bot.team),
        us.people.names(convert.mentioned(event)),
        _audience(event, us),
    )
    return ReceivedMessage(
        channel=Channel(id=us.id, kind="slack"),
        external_id=external_id,
        identities=_identities(event, us, bot, person),
        name=person.name if person else None,
        place=ids.spot(event, bot.team).place(audience),
        answers=ids.answered(event),
        text=convert.text_of(event, names, bot.user),
        sent_at=ids.said_at(event["ts"]),
    )


def _identities(event: ids.Event, us: Installation, bot: Bot, person: Person | None) -> list[Identity]:
    own_team = event.get("user_team") or event.get("team") or bot.team
    slack_user = Identity(
        kind="slack_user", value=f"{own_team}/{event['user']}", trust="verified", evidence="Slack signed the event"
    )
    email = person.email_identity(us.doubt) if person else None
    return [slack_user, *([email] if email else [])]


async def _audience(event: ids.Event, us: Installation) -> Audience:
    return Audience(shared=False) if ids.is_direct(event) else await us.people.audience(event["channel"])
