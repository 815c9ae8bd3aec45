"""Which channels a gateway serves, and when it hears of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from onethread.contracts import subjects
from onethread.contracts.channels import ChannelChanged, ChannelConfig, Channels, ChannelsOf, EmailSettings
from onethread.runtime import channels as channels_module
from onethread.runtime.bus import Bus, UnavailableError
from onethread.runtime.channels import ChannelBook
from onethread.runtime.settings import Settings


@dataclass(frozen=True)
class Desk:
    id: str
    workspace: str
    address: str


OWN = Desk("email-local", "local", "support@local.example")


def read(config: ChannelConfig) -> Desk:
    return Desk(config.id, config.workspace, EmailSettings.model_validate(config.settings).address)


def a_channel(
    id_: str = "c1", workspace: str = "acme", address: str = "help@acme.example", **more: Any
) -> ChannelConfig:
    settings = {"address": address}
    return ChannelConfig(id=id_, workspace=workspace, kind="email", name="Help", settings=settings, **more)


class Conversation:
    """Answers with `items`, or is away."""

    def __init__(self) -> None:
        self.items: list[ChannelConfig] | None = []
        self.asked = 0
        self.notice: Callable[[Any], Any] | None = None

    async def ask(self, subject: str, question: ChannelsOf, answer: type) -> Channels:
        assert (subject, question.kind, answer) == ("svc.conversation.channels", "email", Channels)
        self.asked += 1
        if self.items is None:
            raise UnavailableError("conversation is away")
        return Channels(items=self.items)

    async def listen(self, subject: str, handler: Callable[[Any], Any]) -> None:
        assert subject == "live.*.channels.email"
        self.notice = handler


@asynccontextmanager
async def kept(bus: Any, on_change: Callable[[], None] = lambda: None) -> AsyncIterator[ChannelBook[Desk]]:
    book = ChannelBook(bus, "email", OWN, read, on_change)
    await book.start()
    await asyncio.sleep(0.01)
    yield book
    book.stop()


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def test_channels_of_every_workspace_are_found_by_id_and_by_address():
    bus = Conversation()
    bus.items = [a_channel(), a_channel("c2", "zeta", "help@zeta.example")]
    async with kept(bus) as book:
        assert book.at("help@acme.example") == Desk("c1", "acme", "help@acme.example")
        assert book.get("c2") == Desk("c2", "zeta", "help@zeta.example")
        assert book.get("c2", "acme") is None, "it is another workspace's"
        assert book.get("nowhere") is None
        assert [desk.id for desk in book] == ["email-local", "c1", "c2"]


async def test_while_conversation_is_away_the_own_channel_is_served_and_no_other_is_denied(monkeypatch):
    monkeypatch.setattr(channels_module, "ASK_SOON", 0.02)
    bus = Conversation()
    bus.items = None
    async with kept(bus) as book:
        assert book.get("email-local") is OWN
        with pytest.raises(UnavailableError):
            book.at("help@acme.example")
        bus.items = [a_channel()]
        await until(lambda: len(list(book)) == 2)
        bus.items = None
        await bus.notice(None)
        await asyncio.sleep(0.05)
        assert book.at("help@acme.example") is not None, "what was known stays known"


async def test_a_notice_makes_it_ask_again_and_only_a_change_is_told():
    bus, changes = Conversation(), []
    async with kept(bus, lambda: changes.append(1)) as book:
        bus.items = [a_channel()]
        await bus.notice(None)
        await until(lambda: book.get("c1") is not None)
        first = book.get("c1")
        await bus.notice(None)
        await until(lambda: bus.asked == 3)
        assert book.get("c1") is first, "unchanged, it keeps its object"
        assert len(changes) == 2
        bus.items = [a_channel(active=False)]
        await bus.notice(None)
        await until(lambda: book.get("c1") is None)
        assert len(changes) == 3


async def test_it_asks_again_by_itself(monkeypatch):
    monkeypatch.setattr(channels_module, "ASK_AGAIN", 0.02)
    bus = Conversation()
    async with kept(bus) as book:
        bus.items = [a_channel()]
        await until(lambda: book.get("c1") is not None)


async def test_nobody_takes_the_own_channels_id_or_address_or_one_that_is_taken():
    bus = Conversation()
    bus.items = [
        a_channel("email-local", "evil", "x@evil.example"),
        a_channel("c1", "evil", OWN.address),
        a_channel("c2"),
        a_channel("c3", "evil"),
    ]
    async with kept(bus) as book:
        assert [desk.id for desk in book] == ["email-local", "c2"]
        assert book.at(OWN.address) is OWN


async def test_a_channel_that_cannot_be_read_is_left_out_and_the_others_are_served():
    bus = Conversation()
    bus.items = [a_channel("c1", address="no address"), a_channel("c2")]
    async with kept(bus) as book:
        assert [desk.id for desk in book] == ["email-local", "c2"]


@pytest.mark.connected
async def test_on_a_real_bus_a_new_channel_is_served_at_once(nats_url: str):
    gateway, conversation = (Bus(name, Settings(nats_url=nats_url)) for name in ("gateway-email", "conversation"))
    items: list[ChannelConfig] = []

    async def answer(_: ChannelsOf) -> Channels:
        return Channels(items=items)

    conversation.answer(subjects.CONVERSATION_CHANNELS, ChannelsOf, answer)
    await conversation.start()
    await gateway.start()
    async with kept(gateway) as book:
        await until(lambda: book._complete)
        items.append(a_channel())
        await conversation.say_live(subjects.live("acme", "channels", "email"), ChannelChanged(id="c1"))
        await until(lambda: book.get("c1") is not None, 15)
    await gateway.stop()
    await conversation.stop()
