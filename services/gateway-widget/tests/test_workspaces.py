"""Widgets of two workspaces on one gateway: what one says and hears is nothing to the other."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from onethread.contracts.channels import ChannelConfig, Channels
from onethread.contracts.envelope import now
from onethread.contracts.ids import received_id
from onethread.contracts.messages import MessageReceived
from onethread.contracts.questions import Delta
from onethread.contracts.replies import FeedbackReceived, ReplyDelivered
from onethread.gateway_widget.outbound import ADDED, DELTAS, FORWARDED
from onethread.gateway_widget.sessions import Session, session_token

from .conftest import SESSION_SECRET, gateway_on, until

CHANNELS = "svc.conversation.channels"
NOTICE = "live.*.channels.widget"
ACME_SECRET = "acme-secret-of-thirty-two-bytes!!"
ORIGIN = "https://acme.example"


def a_shop(channel_id: str = "acme-shop", workspace: str = "acme", **more) -> ChannelConfig:
    settings = {"greeting": "Welcome to Acme", "brand": "#aa0000", "origins": [ORIGIN]}
    fields = {"name": "Acme", "settings": settings, "secrets": {"identity_secret": ACME_SECRET}, **more}
    return ChannelConfig(id=channel_id, workspace=workspace, kind="widget", **fields)


@pytest.fixture
async def shops(settings, memory_bus):
    """A gateway with its own channel `local` and one of the workspace `acme`."""
    memory_bus.answers[CHANNELS] = lambda _: Channels(items=[a_shop()])
    async with gateway_on(settings, memory_bus) as running:
        yield running


def token_of(workspace: str, channel_id: str, visitor: str = "v-1") -> str:
    """Two workspaces whose visitors happen to be called the same."""
    return session_token(Session(workspace, channel_id, visitor), SESSION_SECRET, now())


def ours() -> str:
    return token_of("local", "local")


def theirs() -> str:
    return token_of("acme", "acme-shop")


async def test_a_session_is_opened_on_a_channel_of_any_workspace_as_that_channel_is(shops):
    answer = await shops.session(channel_id="acme-shop")
    assert answer["config"] == {"name": "Acme", "greeting": "Welcome to Acme", "brand": "#aa0000"}
    assert (await shops.session())["config"]["name"] == "Support", "the own channel is as it was"


async def test_an_identity_counts_on_the_channel_whose_secret_signed_it(shops, vouch):
    async def status(channel_id: str, secret: str) -> int:
        asked = {"channel_id": channel_id, "identity_token": vouch("u-1", secret=secret)}
        return (await shops.http.post("/v1/session", json=asked)).status_code

    local = shops.app.state.settings.widget_secret.get_secret_value()
    assert [await status("acme-shop", ACME_SECRET), await status("local", local)] == [200, 200]
    assert [await status("acme-shop", local), await status("local", ACME_SECRET)] == [401, 401]


async def test_a_session_of_one_workspace_is_a_new_visitor_in_the_other(shops, visitor_of):
    own = (await shops.session())["session_token"]
    there = (await shops.session(channel_id="acme-shop", session_token=own))["session_token"]
    assert visitor_of(own) != visitor_of(there)


async def test_what_is_said_goes_out_with_the_channels_workspace(shops):
    async with shops.browser(theirs(), origin=ORIGIN) as browser:
        client_id = await browser.say("Hi")
        await browser.hear()
        await browser.send(type="feedback", message_id=str(uuid4()), score=1)
        await browser.send(type="resume", after=None)
        await until(lambda: shops.bus.events(FeedbackReceived) and shops.bus.asked)
    [event] = shops.bus.events(MessageReceived)
    assert (event.workspaceid, event.data.channel.id) == ("acme", "acme-shop")
    assert event.id == received_id("acme", "acme-shop", f"v-1:{client_id}")
    assert [event.workspaceid for event in shops.bus.events(FeedbackReceived)] == ["acme"]
    assert {question.workspace for question in shops.bus.asked} == {"acme"}


async def test_nothing_for_one_workspace_reaches_the_other_though_their_ids_collide(shops, a_reply, added, a_message):
    async with shops.browser(ours()) as here, shops.browser(theirs(), origin=ORIGIN) as there:
        await shops.settled(2)
        reply = a_reply("v-1", "for acme", "acme")
        delta = Delta(
            kind="delta", thread_id=reply.threadid, place="widget:v-1", reply_id=reply.data.message_id, text="f"
        )
        await shops.bus.hears(DELTAS, delta, "acme")
        await shops.bus.replies(reply)
        await shops.bus.hears(FORWARDED, a_reply("v-1", "forwarded", "acme").to_json(), "acme")
        await shops.bus.hears(ADDED, added(a_message(1), "widget:v-1"), "acme")
        heard = [await there.hear() for _ in range(4)]
        assert [frame["type"] for frame in heard] == ["delta", "message", "message", "message"]
        assert await here.hears_nothing()
        await shops.bus.hears(ADDED, added(a_message(2), "email:ana@acme.example"), "acme")  # the same customer id
        await until(lambda: shops.bus.asked)
    assert {event.workspaceid for event in shops.bus.events(ReplyDelivered)} == {"acme"}
    assert {question.workspace for question in shops.bus.asked} == {"acme"}


async def test_a_site_uses_its_own_channel_only(shops):
    async def status(channel_id: str, origin: str) -> int:
        asked = {"channel_id": channel_id}
        return (await shops.http.post("/v1/session", json=asked, headers={"origin": origin})).status_code

    assert [await status("acme-shop", ORIGIN), await status("local", "https://evil.example")] == [200, 200]
    assert await status("acme-shop", "https://evil.example") == 403


async def test_a_choosy_gateway_lets_the_sites_of_its_channels_call_and_no_others(settings, memory_bus):
    memory_bus.answers[CHANNELS] = lambda _: Channels(items=[a_shop()])
    choosy = settings.model_copy(update={"widget_origins": "https://shop.example"})
    async with gateway_on(choosy, memory_bus) as running:

        async def allowed(origin: str) -> str | None:
            asked = {"origin": origin, "access-control-request-method": "POST"}
            return (await running.http.options("/v1/session", headers=asked)).headers.get("access-control-allow-origin")

        await asyncio.sleep(0.05)
        assert [await allowed(o) for o in ("https://shop.example", ORIGIN)] == ["https://shop.example", ORIGIN]
        assert await allowed("https://evil.example") is None


@pytest.mark.parametrize("items", [[], [a_shop(active=False)]])
async def test_a_channel_that_is_removed_or_switched_off_ends_its_sockets_and_opens_no_session(shops, items):
    async with shops.browser(ours()) as here, shops.browser(theirs(), origin=ORIGIN) as there:
        await shops.settled(2)
        shops.bus.answers[CHANNELS] = lambda _: Channels(items=items)
        await shops.bus.hears(NOTICE, b'{"id":"acme-shop"}')
        assert await there.closed() == 4401
        await here.say("Hi")
        assert (await here.hear())["type"] == "ack"
    answer = await shops.http.post("/v1/session", json={"channel_id": "acme-shop"})
    assert (answer.status_code, answer.json()["title"]) == (404, "There is no such channel")
    async with shops.browser(theirs(), origin=ORIGIN) as again:
        assert await again.closed() == 4401


async def test_until_conversation_has_told_the_channels_nobody_is_sent_away_for_good(settings, memory_bus):
    del memory_bus.answers[CHANNELS]
    async with gateway_on(settings, memory_bus) as running:
        await running.session()
        answer = await running.http.post("/v1/session", json={"channel_id": "acme-shop"})
        assert answer.status_code == 503
        async with running.browser(theirs()) as browser:
            assert await browser.closed() == 1012
