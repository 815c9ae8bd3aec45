"""The same on a real NATS: subjects, duplicates, the ledger over a restart, and the way out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import nats
import pytest

from onethread.contracts.customers import Customer, CustomerErased, Erasure
from onethread.contracts.ids import lane
from onethread.contracts.messages import MessageReceived
from onethread.contracts.replies import ReplyDelivered
from onethread.gateway_slack.app import create_app
from onethread.gateway_slack.ledger import Entry, Ledger
from onethread.gateway_slack.settings import Settings
from onethread.runtime.bus import Bus

from .conftest import BOT, SECRET, FakeSlack, Gateway, said
from .test_outbound import IN_CHANNEL, requested

pytestmark = pytest.mark.connected


@asynccontextmanager
async def running(slack: FakeSlack, nats_url: str) -> AsyncIterator[Gateway]:
    settings = Settings(
        slack_bot_token="xoxb-test", slack_signing_secret=SECRET, slack_api_url=slack.url, nats_url=nats_url
    )
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
            yield Gateway(http, slack, None)


async def kept(nats_url: str, subject: str, enough: int = 1) -> list[Any]:
    """The messages on `subject`, once there are `enough` of them and no more come."""
    connection = await nats.connect(nats_url)
    found: list[Any] = []
    reader = await connection.jetstream().subscribe(subject, ordered_consumer=True)
    try:
        while True:
            found.append(await reader.next_msg(timeout=20 if len(found) < enough else 0.3))
    except TimeoutError:
        return found
    finally:
        await connection.close()


async def test_an_event_is_kept_once_on_the_senders_lane_and_a_restart_forgets_no_thread(
    slack: FakeSlack, nats_url: str
):
    async with running(slack, nats_url) as gateway:
        mention = said(f"<@{BOT}> hi", channel="C1")
        both = [mention, {**mention, "type": "app_mention"}, mention]
        assert {a.status_code for a in await asyncio.gather(*map(gateway.hear, both))} == {200}
        assert (await gateway.http.get("/readyz")).status_code == 200
        assert (await gateway.http.get("/healthz")).status_code == 200
    async with running(slack, nats_url) as gateway:
        await gateway.hear(said("more", channel="C1", ts="1700000002.000100", thread_ts="1700000001.000100"))
        await gateway.hear(said("else", channel="C2", ts="1700000003.000100", thread_ts="1700000001.000100"))

    messages = await kept(nats_url, "ot.local.message.received.>", 2)
    assert {m.subject for m in messages} == {f"ot.local.message.received.slack.{lane('U111')}"}
    assert [MessageReceived.model_validate_json(m.data).data.text for m in messages] == ["hi", "more"]
    assert messages[0].headers["Nats-Msg-Id"] == str(MessageReceived.model_validate_json(messages[0].data).id)


async def test_a_requested_reply_is_posted_once_and_its_delivery_published(slack: FakeSlack, nats_url: str):
    slack.broken["chat.postMessage"] = [(503, {}, "down"), "posted, then cut off"]
    event = requested(route=IN_CHANNEL)
    async with running(slack, nats_url):
        connection = await nats.connect(nats_url)
        subject = f"ot.local.reply.requested.slack.{lane('thread')}"
        await connection.jetstream().publish(subject, event.to_json(), headers={"Nats-Msg-Id": str(event.id)})
        await connection.close()
        (message,) = await kept(nats_url, "ot.local.reply.delivered")

    delivered = ReplyDelivered.model_validate_json(message.data)
    assert delivered.data.external_id == "C1:1700000000.000000"
    assert delivered.causationid == event.id
    assert len(slack.posts) == 1


async def test_of_an_erased_customer_no_delivery_is_kept(slack: FakeSlack, nats_url: str):
    bus = Bus("test", Settings(slack_bot_token="x", slack_signing_secret=SECRET, nats_url=nats_url))
    await bus.start()
    ledger, erased, kept_one, customer = Ledger(bus), uuid4(), uuid4(), uuid4()
    for message in (erased, kept_one):
        await ledger.record(message, Entry(state="sent", ts="1.2"))
    data = Erasure(customer=Customer(id=customer), erased_message_ids=[erased, uuid4()])
    event = CustomerErased(id=uuid4(), source="/conversation", workspaceid="local", customerid=customer, data=data)
    async with running(slack, nats_url):
        await bus.publish(event)
        for _ in range(400):
            if await ledger.entry(erased) is None:
                break
            await asyncio.sleep(0.05)
    assert await ledger.entry(erased) is None
    assert await ledger.entry(kept_one) is not None
    await bus.stop()
