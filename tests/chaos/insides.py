"""Whether anything is still under way inside, and whether all that is kept fits together."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from typing import Any
from uuid import UUID

import httpx
import nats
import psycopg
from chaos.book import Book, Shown
from chaos.faults import SERVICES
from nats.js.errors import NotFoundError
from plugins.customers import Desk
from plugins.stack import SECRETS, Stack

from onethread.contracts.streams import DEAD, EMAIL_WAITING, STREAMS
from onethread.local.postgres import database_url

UNTOLD = "select count(*) from outbox where published_at is null or stream_sequence is null"
DELIVERED = ("sent", "delivered", "seen")


async def under_way(stack: Stack) -> list[str]:
    """What has not come to its end."""
    found = [f"{name} is not ready" for name, port in SERVICES.items() if not await _ready(stack, port)]
    if found:
        return found
    async with await psycopg.AsyncConnection.connect(database_url(stack.port(5433))) as connection:
        [untold] = await (await connection.execute(UNTOLD)).fetchone() or [0]
        found += [f"{untold} events are not told"] * (untold > 0)
    connection = await nats.connect(f"nats://127.0.0.1:{stack.port(4222)}", connect_timeout=5)
    try:
        js = connection.jetstream()
        for stream in STREAMS:
            for one in await js.consumers_info(stream.name):
                if one.num_pending or one.num_ack_pending:
                    found.append(f"{one.name}: {one.num_pending} wait, {one.num_ack_pending} not acked")
        waiting = await (await js.key_value(EMAIL_WAITING.name)).status()
        found += [f"{waiting.values} lines of mails wait"] * (waiting.values > 0)
    finally:
        await connection.close()
    return found


async def parked(stack: Stack) -> list[str]:
    """What was given up: nothing that we send is at fault itself."""
    connection = await nats.connect(f"nats://127.0.0.1:{stack.port(4222)}")
    js, found = connection.jetstream(), list[str]()
    try:
        state = (await js.stream_info(DEAD.name)).state
        for sequence in range(max(1, state.first_seq), state.last_seq + 1):
            with contextlib.suppress(NotFoundError):
                headers = (await js.get_msg(DEAD.name, sequence)).headers or {}
                found.append(f"parked: {headers.get('Onethread-Consumer')}, {headers.get('Onethread-Reason')}")
    finally:
        await connection.close()
    return found


async def _ready(stack: Stack, port: int) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        async with httpx.AsyncClient(timeout=5) as http:
            return (await http.get(stack.url(port, "/readyz"))).status_code == httpx.codes.OK
    return False


async def verified(stack: Stack) -> list[str]:
    """`onethread-verify`: the tables hold what follows from the event log."""
    more = {"DATABASE_URL": database_url(stack.port(5433)), "ONETHREAD_HOME": str(stack.folder / "home")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "onethread.conversation.replay",
        env=os.environ | SECRETS | more, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return [f"onethread-verify: {said.decode()[-500:]}"] if process.returncode else []


# What teammates see


async def all_threads(desk: Desk) -> list[dict[str, Any]]:
    threads, cursor = list[dict[str, Any]](), None
    while True:
        asked = {"status": "all", "limit": 200} | ({"cursor": cursor} if cursor else {})
        page = (await desk.http.get("threads", params=asked)).raise_for_status().json()
        threads += page["items"]
        if (cursor := page["next"]) is None:
            return threads


async def in_threads(desk: Desk) -> tuple[list[Shown], list[dict[str, Any]]]:
    """Every message of every thread, and the same as it came."""
    shown, messages = list[Shown](), list[dict[str, Any]]()
    for thread in await all_threads(desk):
        for message in await desk.messages(thread["id"]):
            messages.append(message)
            by_people = message["author"]["kind"] in ("customer", "teammate")  # the agent quotes what it was asked
            text, quoted = (message["text"], "") if by_people else ("", message["text"])
            shown.append(Shown(thread["customer"]["email"] or "", text, message["id"], thread["id"], quoted))
    return shown, messages


def undelivered(book: Book, messages: list[dict[str, Any]]) -> list[str]:
    """Replies of which the thread says something else than that they went out."""
    found: list[str] = []
    for message in messages:
        marks = [mark for mark in book.marks(message["text"]) if book.entries[mark].kind == "reply"]
        delivery = message.get("delivery") or {}
        if marks and delivery.get("state") not in DELIVERED:
            found.append(f"{delivery.get('state')}: {marks[0]}, {delivery.get('reason')}")
    return found


def unanswered(book: Book, messages: list[dict[str, Any]], threads: list[dict[str, Any]]) -> list[str]:
    """Newcomers whose one question neither got an answer nor a person who is to give one."""
    heard = {m["thread_id"] for m in messages if m["author"]["kind"] in ("agent", "teammate")}
    helped = heard | {thread["id"] for thread in threads if thread["handoff"] or thread["waiting_since"]}
    asked = {
        mark: m["thread_id"]
        for m in messages
        for mark in book.marks(m["text"])
        if book.entries[mark].person.startswith("newcomer")
    }
    return [f"not answered: {mark} in thread {thread}" for mark, thread in asked.items() if thread not in helped]


class Listener:
    """An integrator who reads the events, and after each break goes on behind the last one that it has."""

    def __init__(self, stack: Stack, desk: Desk) -> None:
        self._stack, self._desk = stack, desk
        self.ids: set[UUID] = set()
        self.texts: list[str] = []
        self.breaks = self.resets = 0
        self._last = ""

    async def listen(self) -> None:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                await self._read()
            self.breaks += 1
            await asyncio.sleep(0.5)

    async def _read(self) -> None:
        headers = {"Last-Event-ID": self._last} if self._last else {}
        async with self._desk.http.stream("GET", "events", headers=headers, timeout=40) as answer:
            if answer.status_code != httpx.codes.OK:
                return
            async for line in answer.aiter_lines():
                self._take(line)

    def _take(self, line: str) -> None:
        if line.startswith("id: "):
            self._last = line[4:]
        elif line == "event: reset":
            self.resets += 1
        elif line.startswith('data: {"') and '"onethread.message.added.v1"' in line:
            event = json.loads(line[6:])
            if event["id"] not in self.ids:
                self.ids.add(event["id"])
                self.texts.append(event["data"]["message"]["text"])

    def missed(self, book: Book) -> list[str]:
        """Where the server said that too much had happened meanwhile, it reads all anew."""
        heard = {mark for text in self.texts for mark in book.marks(text)}
        late = [one.mark for kind in ("said", "reply") for one in book.of(kind) if one.mark not in heard]
        return [] if self.resets or not late else [f"not told to who reads the events: {len(late)}, as {late[0]}"]
