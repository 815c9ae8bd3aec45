"""An erased customer is in no store any more: every table, every message of the bus, every file of every service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import nats
import psycopg
import pytest
from plugins.customers import SECONDS, Desk, Mailer, Person, Slack, Visitor, eventually
from plugins.stack import SECRETS, Stack
from psycopg import sql

from onethread.local.postgres import database_url
from onethread.local.servers import nats_url

pytestmark = [pytest.mark.connected, pytest.mark.slow]

COVERED = "How long does delivery take?"
MEI = Person("Mei Tanaka", "mei@harbourbooks.example")
TABLES = "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
NOT_OURS = {"postgres", "playground"}
"""The playground is the outside: mailboxes and Slack itself. PostgreSQL keeps dead rows until it vacuums them, and its
log for as long as backups want it: the tables are looked at instead."""


class Search:
    """Where the words are found in what a stack keeps."""

    def __init__(self, stack: Stack, *words: str) -> None:
        self._stack, self._words = stack, words

    def in_tables(self) -> list[str]:
        with psycopg.connect(database_url(self._stack.port(5433))) as connection:
            names = [name for (name,) in connection.execute(TABLES).fetchall()]
            return [name for name in names if any(self._count(connection, name, word) for word in self._words)]

    async def on_the_bus(self) -> list[str]:
        connection = await nats.connect(nats_url(self._stack.port(4222)))
        js = connection.jetstream()
        found: list[str] = []
        for info in await js.streams_info():
            for sequence in range(max(info.state.first_seq, 1), info.state.last_seq + 1):
                try:
                    message = await js.get_msg(info.config.name or "", sequence)
                except nats.js.errors.NotFoundError:
                    continue
                said = f"{message.subject} {message.headers} {(message.data or b'').decode('utf-8', 'replace')}".lower()
                found += [f"{info.config.name} {message.subject}" for word in self._words if word.lower() in said]
        await connection.close()
        return found

    async def in_files(self) -> list[str]:
        home = self._stack.folder / "home"
        ours = [one for one in home.iterdir() if one.name not in NOT_OURS]
        files = [one for top in ours for one in (top, *top.rglob("*")) if one.is_file()]
        return [str(one.relative_to(home)) for one in [*files, self._stack.output] if self._is_in(one)]

    def _is_in(self, file: Path) -> bool:
        try:
            held = file.read_bytes().lower()
        except FileNotFoundError:  # the servers are running, and write some of their files anew
            return False
        return any(word.lower().encode() in held for word in self._words)

    def _count(self, connection: psycopg.Connection[Any], table: str, word: str) -> int:
        query = sql.SQL("select count(*) from {table} t where t::text ilike %s").format(table=sql.Identifier(table))
        return (connection.execute(query, [f"%{word}%"]).fetchone() or [0])[0]


@pytest.fixture
async def own_desk(another_stack: Stack) -> AsyncIterator[Desk]:
    another_stack.start()
    headers = {"Authorization": f"Bearer {SECRETS['ONETHREAD_API_KEY']}"}
    base = another_stack.url(8000, "/api/v1/")
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=30) as http:
        yield Desk(http)


async def test_after_erasing_no_store_holds_a_word_of_the_customer(another_stack: Stack, own_desk: Desk):
    canary = f"zyxwv{uuid4().hex[:8]}"
    await three_channels(another_stack, canary)

    async def all_heard() -> bool:
        [thread] = await own_desk.threads(MEI.email)
        said = [m["channel"]["kind"] for m in await own_desk.messages(thread["id"]) if m["identity"]]
        return sorted(said) == ["email", "slack", "widget"]

    thread = await own_desk.thread(MEI.email)
    await eventually(all_heard, what="what they said on three channels")
    for channel in ("slack-local", "email-local", "local"):
        await own_desk.reply(thread["id"], f"To {canary} by hand, {channel}", channel_id=channel)
    await own_desk.reply(thread["id"], f"{canary} is a VIP", note=True)

    async def all_delivered() -> bool:
        states = [m["delivery"]["state"] for m in await own_desk.messages(thread["id"]) if m["delivery"]]
        return len(states) >= 4 and set(states) <= {"sent", "delivered", "seen"}

    await eventually(all_delivered, what="the delivery of every reply")
    messages = len(await own_desk.messages(thread["id"]))
    search = Search(another_stack, canary, MEI.email, MEI.name)
    assert {"message", "thread", "customer", "identity", "outbox"} <= set(search.in_tables())
    assert any(line.startswith("KV_deliveries-email") for line in await search.on_the_bus())
    assert any(name.startswith("nats/") for name in await search.in_files())

    customer = thread["customer"]["id"]
    exported = await own_desk.http.post(f"customers/{customer}/export")
    assert exported.text.count(canary) >= messages
    await eventually(lambda: erased(own_desk, customer), 60, "the erasing")
    assert search.in_tables() == []
    await until_nothing_is_found(search.on_the_bus)
    await until_nothing_is_found(search.in_files)
    assert len(await own_desk.messages(thread["id"])) == messages

    mail = Mailer(another_stack, MEI)
    await mail.send(mail.write("It is me again."))
    again = await own_desk.thread(MEI.email)
    assert again["customer"]["id"] != customer


async def three_channels(stack: Stack, canary: str) -> None:
    browser, mail, slack = Visitor(stack, MEI), Mailer(stack, MEI), Slack(stack)
    await browser.connect()
    await browser.say(f"{COVERED} {canary}")
    await browser.message("agent")
    await mail.send(mail.write(f"Do you accept PayPal? {canary}", Subject=f"About {canary}"))
    await slack.say(f"do you offer gift wrapping? {canary}")
    await browser.close()


async def erased(desk: Desk, customer: str) -> bool:
    answer = await desk.http.post(f"customers/{customer}/erase")
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    return answer.json()["state"] == "erased"


async def until_nothing_is_found(find: Callable[[], Awaitable[list[str]]]) -> None:
    """The gateways forget when they hear of it, and servers write to the disk in their own time."""
    end = time.monotonic() + SECONDS
    while (found := await find()) and time.monotonic() < end:
        await asyncio.sleep(0.2)
    assert found == []
