"""The Slack look-alike's own page, and saying things by script."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from onethread.playground.pages import render
from onethread.playground.people import (
    BOT_TITLE,
    BOT_USER,
    PEOPLE,
    PLACES,
    TEAM_NAME,
    Person,
    Place,
    find_person,
    find_place,
)
from onethread.playground.settings import Settings
from onethread.playground.slack_room import Message, Room
from onethread.playground.store import Store
from onethread.runtime.errors import Problem


class Saying(BaseModel):
    """What a person writes. `user`: key, email or Slack id. `channel`: id, `#name`, or `dm` (with the bot)."""

    user: str
    channel: str
    text: str = Field(min_length=1, max_length=12_000)
    thread_ts: str | None = None


def router(settings: Settings, store: Store, room: Room) -> APIRouter:
    routes = APIRouter()

    @routes.get("/slack", response_class=HTMLResponse, include_in_schema=False)
    async def page() -> str:
        return render("slack", settings)

    @routes.post("/api/slack/say", status_code=201)
    async def say(saying: Saying) -> dict[str, str]:
        """A person writes in a place they are in: `{channel, ts}`."""
        person = find_person(saying.user)
        if person is None:
            raise Problem(404, "Nobody of that name is in this Slack", f"There are {', '.join(p.key for p in PEOPLE)}.")
        place = _place(saying.channel, person)
        if person.slack_id not in place.members:
            raise Problem(403, "That is somebody else's direct messages")
        message = room.say(person, place, saying.text, saying.thread_ts or None)
        return {"channel": place.id, "ts": message["ts"]}

    @routes.get("/api/slack/messages")
    async def messages(
        channel: str, thread_ts: str | None = None, limit: Annotated[int, Query(ge=1, le=5000)] = 1000
    ) -> dict[str, list[Message]]:
        """A place with its threads, or one thread with its first message; oldest first, each with its `delivery`."""
        place = _place(channel, None)
        found = store.thread(place.id, thread_ts) if thread_ts else store.messages(place.id, limit)
        return {"items": found}

    @routes.get("/api/slack/cast", include_in_schema=False)
    async def cast() -> dict[str, Any]:
        return {
            "team": TEAM_NAME,
            "bot": {"id": BOT_USER, "name": BOT_TITLE},
            "people": [{"id": p.slack_id, "key": p.key, "name": p.name, "dm": p.direct_channel} for p in PEOPLE],
            "channels": [{"id": p.id, "name": p.name, "topic": p.topic} for p in PLACES if not p.is_direct],
        }

    return routes


def _place(channel: str, person: Person | None) -> Place:
    wanted = person.direct_channel if person and channel in ("dm", "im") else channel
    place = find_place(wanted)
    if place is None:
        names = ", ".join(f"#{p.name}" for p in PLACES if not p.is_direct)
        raise Problem(
            404, "There is no such place in this Slack", f"There are {names}, and dm for the direct messages."
        )
    return place
