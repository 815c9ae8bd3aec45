"""Keys that Slack's ids make: the same fact always has the same key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from onethread.contracts.messages import Audience, Place

Event = dict[str, Any]


class Spot(NamedTuple):
    """Where a message stands. `thread_ts` is the thread to answer in, or None for a plain direct message."""

    channel: str
    thread_ts: str | None
    team: str

    @property
    def key(self) -> str:
        return f"slack:{self.channel}:{self.thread_ts}" if self.thread_ts else f"slack:{self.channel}"

    def place(self, audience: Audience) -> Place:
        return Place(key=self.key, audience=audience, route=self._asdict())


def external_id(channel: str, ts: str) -> str:
    """The `app_mention` and the `message` of one mention share it."""
    return f"{channel}:{ts}"


def is_direct(event: Event) -> bool:
    """`app_mention` has no `channel_type`, so the id decides where the type is missing."""
    return event.get("channel_type", "im" if str(event["channel"]).startswith("D") else "channel") == "im"


def spot(event: Event, team: str) -> Spot:
    """A top-level message in a channel starts a thread; in direct messages people write without threads."""
    thread = event.get("thread_ts") or (None if is_direct(event) else event["ts"])
    return Spot(event["channel"], thread, team)


def answered(event: Event) -> list[str]:
    """The message whose thread this one is in."""
    thread = event.get("thread_ts")
    return [external_id(event["channel"], thread)] if thread and thread != event["ts"] else []


def said_at(ts: str) -> datetime:
    return datetime.fromtimestamp(float(ts), UTC)
