"""Senders as real ones are: each waits for its receipt, and sends the same message again until it has it."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from uuid import uuid4

import aiosmtplib
import httpx
import websockets
from plugins.customers import Desk, Mailer, Person, Slack, Visitor, somebody
from plugins.stack import Stack

PAUSE = 0.4
"""Seconds between two messages of one sender; the widget's gateway allows five a second."""


class Sender:
    """Sends numbered messages, one after the other, from `start` to `stop`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.accepted: list[str] = []
        self.in_hand: str | None = None
        """Sent, and perhaps taken: no receipt came yet."""
        self.receipts: list[float] = []
        """Seconds until each receipt."""
        self.refused: Counter[str] = Counter()
        self._stopped = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self, seconds: float = 60) -> None:
        """After the message in hand has its receipt."""
        self._stopped.set()
        assert self._task
        await asyncio.wait_for(self._task, seconds)

    def text(self) -> str:
        """What it says next."""
        return f"{self.name} number {len(self.accepted)}"

    def pause(self) -> float:
        return PAUSE

    async def _run(self) -> None:
        while not self._stopped.is_set():
            self.in_hand, began = self.text(), time.monotonic()
            await self._until_accepted(self.in_hand)
            self.accepted.append(self.in_hand)
            self.receipts.append(time.monotonic() - began)
            self.in_hand = None
            await asyncio.sleep(self.pause())

    async def _until_accepted(self, text: str) -> None:
        attempt = self.prepare(text)
        while True:
            answer = await self._try(attempt)
            if answer == "accepted":
                return
            self.refused[answer] += 1
            await asyncio.sleep(PAUSE)

    async def _try(self, attempt: Callable[[], Awaitable[str]]) -> str:
        try:
            async with asyncio.timeout(10):
                return await attempt()
        except (OSError, httpx.HTTPError, aiosmtplib.SMTPException, websockets.WebSocketException, TimeoutError):
            return "no answer"

    def prepare(self, text: str) -> Callable[[], Awaitable[str]]:
        """One message, to be tried as often as it takes."""
        raise NotImplementedError

    async def shown(self, desk: Desk) -> list[str]:
        """What its thread holds, in order."""
        raise NotImplementedError


class WidgetSender(Sender):
    def __init__(self, stack: Stack, person: Person | None = None) -> None:
        self.person = person or somebody("Wilma")
        super().__init__(self.person.email)
        self.browser = Visitor(stack, self.person)

    def prepare(self, text: str) -> Callable[[], Awaitable[str]]:
        client_id = str(uuid4())

        async def attempt() -> str:
            await self.browser.stay_connected()
            answer = await self.browser.say(text, client_id, seconds=9)
            return "accepted" if answer["type"] == "ack" else answer["code"]

        return attempt

    async def shown(self, desk: Desk) -> list[str]:
        return await _said_by(desk, self.person.email)


class MailSender(Sender):
    def __init__(self, stack: Stack, person: Person | None = None) -> None:
        self.person = person or somebody("Emil")
        super().__init__(self.person.email)
        self.mailer = Mailer(stack, self.person)

    def prepare(self, text: str) -> Callable[[], Awaitable[str]]:
        raw = self.mailer.write(text)

        async def attempt() -> str:
            code, _ = await self.mailer.send(raw, seconds=9)
            return "accepted" if code == 250 else str(code)

        return attempt

    async def shown(self, desk: Desk) -> list[str]:
        return await _said_by(desk, self.person.email)


class SlackSender(Sender):
    """Slack gives each attempt three seconds."""

    def __init__(self, stack: Stack, user: str = "U0BOBSTONE1") -> None:
        super().__init__(f"slack {uuid4().hex[:8]}")
        self.slack = Slack(stack, user)

    def prepare(self, text: str) -> Callable[[], Awaitable[str]]:
        body = self.slack.event(text)

        async def attempt() -> str:
            async with asyncio.timeout(9):
                answer = await self.slack.bring(body)
            return "accepted" if answer.status_code == httpx.codes.OK else str(answer.status_code)

        return attempt

    async def shown(self, desk: Desk) -> list[str]:
        return [text for text in await _said_by(desk, "bob@pineandpaper.example") if text.startswith(self.name)]


class TeammateSender(Sender):
    """A teammate who answers one customer again and again; what reaches the customer outside is what counts."""

    def __init__(self, desk: Desk, thread_id: str, reached: Callable[[], Awaitable[list[str]]]) -> None:
        super().__init__(f"teammate {uuid4().hex[:8]}")
        self.desk, self.thread_id, self.reached = desk, thread_id, reached

    def prepare(self, text: str) -> Callable[[], Awaitable[str]]:
        headers = {"Idempotency-Key": uuid4().hex}

        async def attempt() -> str:
            said = {"text": text}
            answer = await self.desk.http.post(f"threads/{self.thread_id}/messages", json=said, headers=headers)
            return "accepted" if answer.status_code == httpx.codes.CREATED else str(answer.status_code)

        return attempt

    async def shown(self, _: Desk) -> list[str]:
        return [found[0] for text in await self.reached() if (found := re.search(rf"{self.name} number \d+", text))]


async def _said_by(desk: Desk, email: str) -> list[str]:
    found = await desk.threads(email)
    assert len(found) <= 1, "one customer has one thread"
    messages = await desk.messages(found[0]["id"]) if found else []
    return [m["text"] for m in messages if m["author"]["kind"] == "customer"]
