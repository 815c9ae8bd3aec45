"""The Slack workspace itself: who says what where, and who hears of it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine
from typing import Any

from onethread.playground import slack_text
from onethread.playground.live import Live
from onethread.playground.people import (
    APP_ID,
    BOT_ID,
    BOT_TITLE,
    BOT_USER,
    TEAM_ID,
    WORKSPACE_BORN,
    Person,
    Place,
    find_place,
)
from onethread.playground.slack_events import Courier, changed_event, events_for
from onethread.playground.store import Delivery, Store

Message = dict[str, Any]
BOT_PROFILE = {
    "id": BOT_ID,
    "deleted": False,
    "name": BOT_TITLE,
    "updated": WORKSPACE_BORN,
    "app_id": APP_ID,
    "icons": {},
    "team_id": TEAM_ID,
}


class Room:
    """Keeps what is said, shows it to the open pages, and has the courier tell the app."""

    def __init__(self, store: Store, live: Live, courier: Courier) -> None:
        self._store = store
        self._live = live
        self._courier = courier
        self._tasks: set[asyncio.Task[None]] = set()

    def say(self, person: Person, place: Place, typed: str, thread_ts: str | None = None) -> Message:
        """A person writes; the app is told."""
        parts = slack_text.elements(typed)
        said = {"user": person.slack_id, "client_msg_id": str(uuid.uuid4()), "text": slack_text.mrkdwn(parts)}
        message = self._new(place, said, thread_ts)
        message["blocks"] = slack_text.rich_text(parts, uuid.uuid4().hex[:5])
        self._store.put_message(place.id, message, "pending")
        self._show(place, message["ts"])
        self._start(self._bring(place, message))
        return message

    def post(self, place: Place, said: Message, thread_ts: str | None = None) -> Message:
        """The bot writes. The app hears its own message too, as on Slack."""
        own = {"user": BOT_USER, "bot_id": BOT_ID, "app_id": APP_ID, "bot_profile": BOT_PROFILE}
        message = self._new(place, {**own, **said}, thread_ts)
        self._store.put_message(place.id, message)
        self._show(place, message["ts"])
        self._start(self._tell(place, events_for(place, message)))
        return message

    def update(self, place: Place, before: Message, changes: Message) -> Message:
        stamp = self._store.next_ts()
        after = {**before, **changes, "edited": {"user": BOT_USER, "ts": stamp}}
        after.pop("delivery", None)
        self._store.put_message(place.id, after)
        self._show(place, before["ts"])
        self._start(self._tell(place, [changed_event(place, before, after, stamp)]))
        return after

    def delete(self, place: Place, ts: str) -> None:
        self._store.delete_message(place.id, ts)
        self._show(place, ts)

    def set_status(self, place: Place, thread_ts: str, status: str) -> None:
        self._live.tell("slack-status", {"channel": place.id, "thread_ts": thread_ts, "status": status})

    def resume(self) -> None:
        """Brings the events that were under way when the playground last stopped."""
        for channel, message in self._store.undelivered():
            place = find_place(channel)
            if place:
                self._start(self._bring(place, message))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _new(self, place: Place, said: Message, thread_ts: str | None) -> Message:
        message = {"type": "message", "ts": self._store.next_ts(), "team": TEAM_ID, **said}
        if thread_ts:
            root = self._store.message(place.id, thread_ts)
            message["thread_ts"] = root.get("thread_ts", thread_ts) if root else thread_ts
            if root:
                message["parent_user_id"] = root["user"]
        return message

    async def _bring(self, place: Place, message: Message) -> None:
        taken = await self._courier.bring(place, events_for(place, message))
        outcome: Delivery = "delivered" if taken else "failed"
        self._store.set_delivery(place.id, message["ts"], outcome)
        self._show(place, message["ts"])

    async def _tell(self, place: Place, events: list[Message]) -> None:
        await self._courier.bring(place, events)

    def _show(self, place: Place, ts: str) -> None:
        self._live.tell("slack", {"channel": place.id, "ts": ts})

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
