"""What Slack tells us becomes `message.received`. Slack has its 200 only after the bus has the event on disk."""

from __future__ import annotations

import asyncio

import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import Counter

from onethread.contracts import ids as contract_ids
from onethread.contracts.messages import Audience, Channel, Identity, MessageReceived, ReceivedMessage
from onethread.gateway_slack import convert, ids
from onethread.gateway_slack.capabilities import CHANNEL_ID
from onethread.gateway_slack.installation import Installation
from onethread.gateway_slack.ledger import Ledger
from onethread.gateway_slack.people import People, Person
from onethread.gateway_slack.settings import Settings
from onethread.runtime.bus import Bus
from onethread.runtime.telemetry import traceparent

EVENTS = Counter("onethread_slack_events_total", "Slack events, by what became of them", ["outcome"])
SOURCE = "/gateway-slack"

log = structlog.get_logger()


class Inbound:
    def __init__(self, settings: Settings, bus: Bus, people: People, ledger: Ledger) -> None:
        self._settings = settings
        self._bus = bus
        self._people = people
        self._ledger = ledger

    async def take(self, event: ids.Event, us: Installation) -> None:
        """Raises `UnavailableError` when the event could not be kept."""
        with self._bus.tracing.span("slack received", SpanKind.SERVER):
            reason = convert.why_ignored(event, us.bot) or await self._not_for_us(event, us.bot)
            if reason:
                log.debug("slack.ignored", reason=reason, type=event.get("type"), ts=event.get("ts"))
                EVENTS.labels("ignored").inc()
                return
            received = await self._received(event, us)
            await self._bus.publish(received, "slack", contract_ids.lane(event["user"]))
            EVENTS.labels("taken").inc()

    async def _not_for_us(self, event: ids.Event, bot: str) -> str | None:
        """In a channel: a mention is for us, and all that follows in its thread. `app_mention` and `message` of one
        mention come in any order, so both are taken, and are one event.
        """
        if ids.is_direct(event):
            return None
        thread = event.get("thread_ts") or event["ts"]
        if event["type"] == "app_mention" or bot in convert.mentioned(event):
            await self._ledger.join_thread(event["channel"], thread)
            return None
        if event.get("thread_ts") and await self._ledger.is_in_thread(event["channel"], thread):
            return None
        return "said in a channel, not to the bot"

    async def _received(self, event: ids.Event, us: Installation) -> MessageReceived:
        external_id = ids.external_id(event["channel"], event["ts"])
        workspace = self._settings.workspace
        return MessageReceived(
            id=contract_ids.received_id(workspace, CHANNEL_ID, external_id),
            source=SOURCE,
            subject=external_id,
            workspaceid=workspace,
            traceparent=traceparent(),
            data=await self._message(event, external_id, us),
        )

    async def _message(self, event: ids.Event, external_id: str, us: Installation) -> ReceivedMessage:
        person, names, audience = await asyncio.gather(
            self._people.person(event["user"], us.team),
            self._people.names(convert.mentioned(event)),
            self._audience(event),
        )
        return ReceivedMessage(
            channel=Channel(id=CHANNEL_ID, kind="slack"),
            external_id=external_id,
            identities=self._identities(event, us.team, person),
            name=person.name if person else None,
            place=ids.spot(event, us.team).place(audience),
            answers=ids.answered(event),
            text=convert.text_of(event, names, us.bot),
            sent_at=ids.said_at(event["ts"]),
        )

    def _identities(self, event: ids.Event, team: str, person: Person | None) -> list[Identity]:
        own_team = event.get("user_team") or event.get("team") or team
        slack_user = Identity(
            kind="slack_user", value=f"{own_team}/{event['user']}", trust="verified", evidence="Slack signed the event"
        )
        email = person.email_identity(self._settings.slack_trust_emails) if person else None
        return [slack_user, *([email] if email else [])]

    async def _audience(self, event: ids.Event) -> Audience:
        return Audience(shared=False) if ids.is_direct(event) else await self._people.audience(event["channel"])
