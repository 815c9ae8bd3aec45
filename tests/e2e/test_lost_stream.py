"""The bus loses everything: PostgreSQL has it all, and nobody is answered or written to twice."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import nats
import psycopg
import pytest
from plugins.customers import Desk, Mailer, Person, Slack, Visitor, eventually
from plugins.stack import SECRETS, Stack

from onethread.contracts.streams import EVENTS
from onethread.local.postgres import database_url
from onethread.local.servers import nats_url

pytestmark = [pytest.mark.connected, pytest.mark.slow]

MEI = Person("Mei Tanaka", "mei@harbourbooks.example")
SETTLE_SECONDS = 5


def log_of(stack: Stack) -> dict[str, str]:
    with psycopg.connect(database_url(stack.port(5433))) as connection:
        return {str(id_): body for id_, body in connection.execute("select id, body from outbox").fetchall()}


async def told(stack: Stack) -> dict[str, str]:
    connection = await nats.connect(nats_url(stack.port(4222)))
    js = connection.jetstream()
    state = (await js.stream_info(EVENTS.name)).state
    found: dict[str, str] = {}
    for sequence in range(max(state.first_seq, 1), state.last_seq + 1):
        message = await js.get_msg(EVENTS.name, sequence)
        found[(message.headers or {}).get("Nats-Msg-Id", "")] = (message.data or b"").decode()
    await connection.close()
    return found


async def lose(stack: Stack) -> None:
    """The stream with its consumers, and the gateways' ledgers."""
    connection = await nats.connect(nats_url(stack.port(4222)))
    js = connection.jetstream()
    for info in await js.streams_info():
        await js.delete_stream(info.config.name or "")
    await connection.close()


async def world(stack: Stack, desk: Desk, thread: str) -> Any:
    """What the customer and the teammates have."""
    messages = [(m["id"], m["text"], m["delivery"]) for m in await desk.messages(thread)]
    return messages, await Mailer(stack, MEI).inbox(), await Slack(stack).messages()


async def test_what_the_bus_lost_comes_back_and_nobody_hears_anything_twice(another_stack: Stack):
    another_stack.start()
    headers = {"Authorization": f"Bearer {SECRETS['ONETHREAD_API_KEY']}"}
    base = another_stack.url(8000, "/api/v1/")
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=30) as http:
        desk = Desk(http)
        browser, mail, slack = Visitor(another_stack, MEI), Mailer(another_stack, MEI), Slack(another_stack)
        await browser.connect()
        await browser.say("How long does delivery take?")
        await browser.message("agent")
        await browser.close()
        await mail.send(mail.write("Do you accept PayPal?"))
        await mail.answer()
        await slack.say("do you offer gift wrapping?")
        await slack.answered(lambda message: "wrap" in message["text"])
        thread = (await desk.thread(MEI.email))["id"]

        async def all_delivered() -> bool:
            states = {m["delivery"]["state"] for m in await desk.messages(thread) if m["delivery"]}
            return not states & {"queued", "retrying"}

        await eventually(all_delivered, what="the delivery of every reply")
        before = await world(another_stack, desk, thread)
        await lose(another_stack)
        another_stack.stop()
        another_stack.start()
        log = log_of(another_stack)
        await eventually(lambda: is_told(another_stack, log), 30, "the return of the log")
        await asyncio.sleep(SETTLE_SECONDS)
        assert await world(another_stack, desk, thread) == before
        assert log_of(another_stack) == log
        await mail.send(mail.write("Do you accept PayPal? Still?"))
        await mail.answer(2)


async def is_told(stack: Stack, log: dict[str, str]) -> bool:
    return log.items() <= (await told(stack)).items()
