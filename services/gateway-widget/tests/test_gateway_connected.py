"""Two replicas of the gateway on a real NATS."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats
import pytest

from onethread.contracts import ids, subjects
from onethread.contracts.messages import MessageReceived
from onethread.gateway_widget.outbound import ADDED

pytestmark = pytest.mark.connected


@asynccontextmanager
async def conversation(url: str) -> AsyncIterator[nats.NATS]:
    """What the service of that name does to the bus, by hand."""
    connection = await nats.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def request(bus: nats.NATS, reply) -> None:
    lane = ids.lane(reply.data.place.key)
    await bus.jetstream().publish(subjects.event("local", reply.type, "widget", lane), reply.to_json(), stream="EVENTS")


async def outcomes(bus: nats.NATS, count: int) -> list[str]:
    heard = await bus.jetstream().subscribe("ot.local.reply.delivered", stream="EVENTS", ordered_consumer=True)
    return [json.loads((await heard.next_msg(5)).data)["data"]["state"] for _ in range(count)]


async def test_an_acknowledged_message_is_in_the_stream_once(two_replicas, nats_url):
    async with two_replicas() as (one, two), conversation(nats_url) as bus:
        token = (await one.session())["session_token"]
        async with one.browser(token) as here, two.browser(token) as there:
            client_id = await here.say("Hi")
            first = await here.hear()
            await there.say("Hi", client_id)
            assert await there.hear() == first
        stored = await bus.jetstream().stream_info("EVENTS")
        assert stored.state.messages == 1
        kept = await bus.jetstream().get_msg("EVENTS", 1)
        assert str(MessageReceived.model_validate_json(kept.data).id) == first["message_id"]


async def test_a_reply_reaches_the_socket_whichever_replica_takes_it(two_replicas, nats_url, visitor_of, a_reply):
    async with two_replicas() as (one, two), conversation(nats_url) as bus:
        token = (await one.session())["session_token"]
        replies = [a_reply(visitor_of(token), str(number)) for number in range(20)]
        async with two.browser(token) as browser:
            await two.settled(1)
            waiting = deque(replies)
            while waiting:
                reply = waiting.popleft()
                await request(bus, reply)
                assert (await browser.hear())["message"]["id"] == str(reply.data.message_id)
        states = await outcomes(bus, len(replies))
        assert states.count("delivered") >= 1


async def test_a_reply_to_nobody_waits_in_the_history(two_replicas, nats_url, visitor_of, a_reply):
    async with two_replicas() as (one, _), conversation(nats_url) as bus:
        await request(bus, a_reply(visitor_of((await one.session())["session_token"])))
        assert await outcomes(bus, 1) == ["sent"]


async def test_what_is_stitched_in_is_shown_in_every_tab(two_replicas, nats_url, visitor_of, added, a_message):
    async with two_replicas() as (one, two), conversation(nats_url) as bus:
        token = (await one.session())["session_token"]
        async with one.browser(token) as here, two.browser(token) as there:
            await one.settled(1)
            await two.settled(1)
            event = added(a_message(1), f"widget:{visitor_of(token)}")
            subject = ADDED.replace("*", "local").replace(">", "customer")
            await bus.jetstream().publish(subject, event, stream="EVENTS")
            texts = [(await tab.hear())["message"]["text"] for tab in (here, there)]
        assert texts == ["said 1", "said 1"]
