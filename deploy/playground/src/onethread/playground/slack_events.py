"""Events as Slack sends them: the envelope, the signature, and the retries."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

import structlog

from onethread.playground.people import APP_ID, BOT_USER, TEAM_ID, Place
from onethread.playground.slack_text import mentions_bot

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

ATTEMPT_SECONDS = 3.0
VERIFICATION_TOKEN = "playground"  # noqa: S105 - Slack's old shared token; only the signature counts
_OUR_KEYS = ("delivery", "reply_count", "latest_reply")
log = structlog.get_logger()

Event = dict[str, Any]


def events_for(place: Place, message: dict[str, Any]) -> list[Event]:
    """What the app hears of a new message: `message`, and `app_mention` as well when it is named in a channel."""
    said = {key: value for key, value in message.items() if key not in _OUR_KEYS}
    heard = {**said, "channel": place.id, "event_ts": message["ts"]}
    events = [{**heard, "type": "message", "channel_type": place.kind}]
    if not place.is_direct and "bot_id" not in message and mentions_bot(message["text"]):
        events.append({**heard, "type": "app_mention"})
    return events


def changed_event(place: Place, before: dict[str, Any], after: dict[str, Any], event_ts: str) -> Event:
    return {
        "type": "message",
        "subtype": "message_changed",
        "hidden": True,
        "message": {key: value for key, value in after.items() if key not in _OUR_KEYS},
        "previous_message": {key: value for key, value in before.items() if key not in _OUR_KEYS},
        "channel": place.id,
        "channel_type": place.kind,
        "ts": event_ts,
        "event_ts": event_ts,
    }


def envelope(event: Event) -> dict[str, Any]:
    """The outer body of one event. Its id follows from the event, so that a retry after a restart carries the same."""
    key = f"{event['type']} {event['channel']} {event['event_ts']}"
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": TEAM_ID,
        "context_team_id": TEAM_ID,
        "context_enterprise_id": None,
        "api_app_id": APP_ID,
        "event": event,
        "type": "event_callback",
        "event_id": "Ev" + hashlib.sha256(key.encode()).hexdigest()[:10].upper(),
        "event_time": int(float(event["event_ts"])),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM_ID,
                "user_id": BOT_USER,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": f"4-{event['type']}-{TEAM_ID}-{event['channel']}",
    }


def signed_headers(secret: str, body: bytes, *, now: float) -> dict[str, str]:
    """Slack's signature, version 0, over the bytes as they are sent."""
    stamp = str(int(now))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={digest}",
    }


class Courier:
    """Brings events to the app. First attempts keep the order of each channel; retries, as with Slack, do not."""

    def __init__(self, url: str, secret: str, retries: Sequence[float]) -> None:
        self._url = url
        self._secret = secret
        self._retries = retries
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        import httpx  # a fifth of the start-up time; not needed before the first event

        return httpx.AsyncClient()

    async def close(self) -> None:
        if "_client" in self.__dict__:
            await self._client.aclose()

    async def bring(self, place: Place, events: Sequence[Event]) -> bool:
        """True when the app took every event. At most one attempt and the retries for each, three seconds a try."""
        bodies = [json.dumps(envelope(event), separators=(",", ":")).encode() for event in events]
        async with self._turns[place.id]:
            reasons = await asyncio.gather(*(self._attempt(body) for body in bodies))
        late = [self._retry(body, reason) for body, reason in zip(bodies, reasons, strict=True) if reason]
        return all(await asyncio.gather(*late))

    async def _retry(self, body: bytes, reason: str) -> bool:
        for number, wait in enumerate(self._retries, start=1):
            await asyncio.sleep(wait)
            again = await self._attempt(body, {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason})
            if again is None:
                return True
            reason = again
        log.warning("slack event given up", reason=reason, tries=1 + len(self._retries))
        return False

    async def _attempt(self, body: bytes, retry: dict[str, str] | None = None) -> str | None:
        import httpx

        headers = {**signed_headers(self._secret, body, now=time.time()), **(retry or {})}
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                answer = await self._client.post(self._url, content=body, headers=headers)
        except (TimeoutError, httpx.TimeoutException):
            return "http_timeout"
        except httpx.HTTPError:
            return "connection_failed"
        return None if answer.is_success else "http_error"
