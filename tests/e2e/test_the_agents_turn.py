"""The agent's turn through the whole stack: who speaks when, and what the customer is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from plugins.customers import Desk, Mailer, eventually, somebody
from plugins.stack import Stack

pytestmark = pytest.mark.connected
COVERED = "How long does delivery take?"
UNCOVERED = "Do you tune harpsichords in Antarctica?"


@pytest.fixture
async def hours(desk: Desk) -> AsyncIterator[Any]:
    """Sets when people answer; afterwards nothing is said about when."""

    async def are(opens: dict[str, Any] | None) -> None:
        settings = {"settings": {"agent": {"hours": opens}}}
        (await desk.http.patch("workspaces/local", json=settings)).raise_for_status()

    yield are
    await are(None)


async def test_whoever_is_handed_off_after_hours_hears_when_people_are_back(visitor, hours):
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    opening = {"days": [tomorrow.strftime("%a").lower()], "opens": "09:30", "closes": "17:00"}
    closed = [day.isoformat() for day in [datetime.now(UTC).date()]]
    await hours({"timezone": "UTC", "openings": [opening], "closed_on": closed})

    async def is_told() -> bool:
        # The agent takes new settings within seconds. It speaks to each once: who was handed off hears no more of it.
        browser = visitor(somebody())
        await browser.connect()
        await browser.say("I want to talk to a person please")
        return "9:30" in (await browser.message("agent"))["text"]

    assert await eventually(is_told, what="the opening hour in the answer")


async def test_a_thread_that_is_given_back_is_answered_again_and_not_before(visitor, desk: Desk):
    person = somebody()
    browser = visitor(person)
    await browser.connect()
    await browser.say(UNCOVERED)
    await browser.message("agent")
    thread = await desk.thread(person.email)
    await desk.reply(thread["id"], "I am Mara, let me look.")
    await browser.message("teammate")
    before = len(browser.frames)
    await browser.say("Thanks. " + COVERED)
    await desk.message(thread["id"], lambda m: COVERED in m["text"])

    given = await desk.http.patch(f"threads/{thread['id']}", json={"agent": "active", "assignee": None})
    given.raise_for_status()
    await browser.say(COVERED)
    answer = await browser.message("agent", since=before)
    assert answer["sources"]
    said = [frame["message"] for frame in browser.frames[before:] if frame["type"] == "message"]
    assert {message["id"] for message in said if message["author"]["kind"] == "agent"} == {answer["id"]}


async def test_what_was_asked_in_the_chat_is_understood_in_the_mail_that_follows(stack: Stack, visitor, desk: Desk):
    person = somebody()
    browser, mail = visitor(person), Mailer(stack, person)
    await browser.connect()
    await browser.say("How long does delivery to Germany take?")
    await browser.message("agent")
    await mail.send(mail.write("And to Japan?"))
    answer = await mail.answer()
    assert "8 to 14 working days" in answer["text"]
    assert len(await desk.threads(person.email)) == 1
