"""A requested reply becomes posts on Slack, once."""

from __future__ import annotations

from typing import Any

import aiohttp
import structlog
from opentelemetry.trace import SpanKind
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from onethread.contracts.ids import derived_id
from onethread.contracts.messages import Place
from onethread.contracts.replies import ReplyDelivered, ReplyFailed, ReplyOutcome, ReplyRequested, RequestedReply
from onethread.gateway_slack.capabilities import METADATA_TYPE, REASONS, TRANSIENT
from onethread.gateway_slack.ids import Spot, external_id
from onethread.gateway_slack.inbound import SOURCE
from onethread.gateway_slack.installation import Installation
from onethread.gateway_slack.ledger import Entry, Ledger
from onethread.gateway_slack.mrkdwn import to_posts
from onethread.gateway_slack.web_api import SERVER_ERROR, TOO_MANY, code_of, status_of
from onethread.runtime.bus import Bus, UnavailableError
from onethread.runtime.channels import ChannelBook
from onethread.runtime.telemetry import traceparent

POST = "chat.postMessage"
NOT_CONNECTED = "This Slack workspace is no longer connected. Answer on another channel."
PAGE = 200
PAGES = 10
CLOCK_SKEW = 60
"""Seconds by which Slack's clock may be behind ours when we look for what we posted."""

log = structlog.get_logger()


class RefusedForGoodError(Exception):
    """Slack will not take this reply, however often it is tried. The message says why, to a teammate."""


class Outbound:
    def __init__(self, bus: Bus, installations: ChannelBook[Installation], ledger: Ledger) -> None:
        self._bus = bus
        self._installations = installations
        self._ledger = ledger

    async def deliver(self, event: ReplyRequested) -> None:
        """Raises `UnavailableError` while Slack or the ledger is away: the reply waits and is tried again."""
        entry = await self._ledger.entry(event.data.message_id)
        if entry is not None and entry.state == "failed" and entry.attempt < event.data.attempt:
            # A part of it may stand there already: what was begun before is looked for.
            begun = Entry(since=entry.since, attempt=event.data.attempt)
            entry = await self._ledger.record(event.data.message_id, begun)
        if entry is None or entry.state == "sending":
            us = self._installations.get(event.data.channel.id, event.workspaceid)
            with self._bus.tracing.span("slack post", SpanKind.CLIENT):
                entry = await self._attempt(event.data, us, entry)
        await self._report(event, entry)

    async def _attempt(self, reply: RequestedReply, us: Installation | None, before: Entry | None) -> Entry:
        entry = before or await self._ledger.record(reply.message_id, Entry(attempt=reply.attempt))
        try:
            if us is None:
                raise RefusedForGoodError(NOT_CONNECTED)  # noqa: TRY301 recorded as all refusals are
            spot, poster = _spot(reply), Poster(us.slack)
            posted = await poster.find(reply, spot, entry) if before else {}
            ts = await poster.post(reply, spot, posted)
        except RefusedForGoodError as refusal:
            failed = entry.model_copy(update={"state": "failed", "reason": str(refusal)})
            return await self._ledger.record(reply.message_id, failed)
        if thread := _thread(spot, ts):
            await self._ledger.join_thread(us.thread(spot.channel, thread))
        return await self._ledger.record(reply.message_id, entry.model_copy(update={"state": "sent", "ts": ts}))

    async def _report(self, event: ReplyRequested, entry: Entry) -> None:
        reply = event.data
        spot = _spot_or_none(reply)
        outcome = ReplyOutcome(
            message_id=reply.message_id,
            channel=reply.channel,
            external_id=external_id(spot.channel, entry.ts) if spot and entry.ts else None,
            state="failed" if entry.state == "failed" else "sent",
            reason=entry.reason,
            attempt=entry.attempt,
            place=_place(reply.place, spot, entry.ts),
        )
        kind, what = (ReplyFailed, "failed") if entry.state == "failed" else (ReplyDelivered, "delivered")
        await self._bus.publish(
            kind(
                id=derived_id(event.id, what),
                source=SOURCE,
                subject=str(reply.message_id),
                workspaceid=event.workspaceid,
                traceparent=traceparent(),
                threadid=event.threadid,
                customerid=event.customerid,
                causationid=event.id,
                data=outcome,
            )
        )
        log.info("slack.reply", message=str(reply.message_id), state=outcome.state)


class Poster:
    """Posts as one installation's bot."""

    def __init__(self, slack: AsyncWebClient) -> None:
        self._slack = slack

    async def post(self, reply: RequestedReply, spot: Spot, posted: dict[int, str]) -> str:
        """Posts the parts that are not there yet; returns the `ts` of the first."""
        for part, text in enumerate(to_posts(reply.text, reply.sources)):
            if part in posted:
                continue
            payload = {"message_id": str(reply.message_id), "part": part}
            answer = await self._call(
                POST,
                channel=spot.channel,
                thread_ts=spot.thread_ts or _thread(spot, posted.get(0)),
                text=text,
                metadata={"event_type": METADATA_TYPE, "event_payload": payload},
                unfurl_links=False,
                unfurl_media=False,
                link_names=False,
            )
            posted[part] = answer["ts"]
        return posted[0]

    async def find(self, reply: RequestedReply, spot: Spot, entry: Entry) -> dict[int, str]:
        """What an earlier attempt, of which we do not know the end, has posted: part -> `ts`."""
        where: dict[str, Any] = {"channel": spot.channel, "oldest": str(entry.since.timestamp() - CLOCK_SKEW)}
        method = "conversations.history"
        if spot.thread_ts:
            method, where["ts"] = "conversations.replies", spot.thread_ts
        found: dict[int, str] = {}
        try:
            for _ in range(PAGES):
                page = await self._call(method, **where, include_all_metadata=True, limit=PAGE)
                found.update(_ours(page.get("messages", []), reply))
                where["cursor"] = (page.get("response_metadata") or {}).get("next_cursor")
                if not where["cursor"]:
                    break
        except RefusedForGoodError as refusal:
            raise RefusedForGoodError(
                f"{refusal} It may have been posted all the same: look there before you send it again."
            ) from refusal
        log.info("slack.looked", message=str(reply.message_id), found=len(found))
        return found

    async def _call(self, method: str, **arguments: Any) -> dict[str, Any]:
        arguments = {key: value for key, value in arguments.items() if value is not None}
        try:
            if method == POST:
                answer = await self._slack.api_call(method, json=arguments)
            else:
                answer = await self._slack.api_call(method, http_verb="GET", params=arguments)
        except SlackApiError as error:
            raise _meaning(error) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UnavailableError(f"Slack did not answer {method}: {type(error).__name__}") from error
        data = answer.data
        return data if isinstance(data, dict) else {}


def _spot_or_none(reply: RequestedReply) -> Spot | None:
    route = reply.place.route
    return Spot(route["channel"], route.get("thread_ts"), route.get("team", "")) if route.get("channel") else None


def _spot(reply: RequestedReply) -> Spot:
    spot = _spot_or_none(reply)
    if spot is None:
        raise RefusedForGoodError("The reply does not say which Slack conversation it is for.")
    return spot


def _thread(spot: Spot, ts: str | None) -> str | None:
    """The channel thread that a post stands in or starts; direct messages need none."""
    return spot.thread_ts or (None if spot.channel.startswith("D") else ts)


def _place(place: Place, spot: Spot | None, ts: str | None) -> Place:
    """The thread that a first post in a channel started is where the customer will answer."""
    if spot is None or spot.thread_ts or not (started := _thread(spot, ts)):
        return place
    return spot._replace(thread_ts=started).place(place.audience)


def _ours(messages: list[dict[str, Any]], reply: RequestedReply) -> dict[int, str]:
    found: dict[int, str] = {}
    for message in messages:
        metadata = message.get("metadata") or {}
        payload = metadata.get("event_payload") or {}
        if metadata.get("event_type") == METADATA_TYPE and payload.get("message_id") == str(reply.message_id):
            found.setdefault(int(payload.get("part", 0)), message["ts"])
    return found


def _meaning(error: SlackApiError) -> Exception:
    code, status = code_of(error), status_of(error)
    if status == TOO_MANY or status >= SERVER_ERROR or code in TRANSIENT or code == "not_json":
        return UnavailableError(f"Slack cannot take it now: {status} {code}")
    return RefusedForGoodError(REASONS.get(code, "Slack refused the message.") + f" ({code})")
