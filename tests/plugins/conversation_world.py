from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from onethread.contracts import messages as m
from onethread.contracts.envelope import now
from onethread.contracts.ids import derived_id, lane, received_id
from onethread.contracts.replies import ProposedReply, ReplyProposed, ReplyRequested
from onethread.contracts.threads import MessageAdded
from onethread.conversation.app import create_app
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.bus import Bus

KINDS = {"widget": "local", "email": "email-local", "slack": "slack-local"}


def verified(kind: str, value: str) -> m.Identity:
    return m.Identity(kind=kind, value=value, trust="verified", evidence="test")


def asserted(kind: str, value: str) -> m.Identity:
    return m.Identity(kind=kind, value=value, trust="asserted", evidence="nobody vouched")


def received(kind: str, text: str, *identities: m.Identity, place: str | None = None, **more: Any) -> m.MessageReceived:
    """A message of `identities[0]`; `shared`, `answers`, `thread_token`, `external_id` and the rest as wanted."""
    external_id = more.pop("external_id", str(uuid4()))
    shared = more.pop("shared", None)
    key = place or f"{kind}:{identities[0].value}"
    channel = m.Channel(id=KINDS[kind], kind=kind)
    return m.MessageReceived(
        id=received_id("local", channel.id, external_id),
        source=f"/gateway-{kind}",
        workspaceid="local",
        data=m.ReceivedMessage(
            channel=channel,
            external_id=external_id,
            identities=list(identities),
            place=m.Place(key=key, audience=m.Audience(shared=bool(shared), name=shared), route={"to": key}),
            text=text,
            **{"sent_at": now(), **more},
        ),
    )


class Outside:
    """The rest of the world, as the conversation service sees it: a bus and an HTTP client."""

    def __init__(self, bus: Bus, api: httpx.AsyncClient, app: Any) -> None:
        self.bus, self.api, self.app = bus, api, app
        self.added: list[MessageAdded] = []
        self.requested: list[ReplyRequested] = []

    async def say(self, event: m.MessageReceived) -> None:
        await self.bus.publish(event, event.data.channel.kind, lane(event.data.identities[0].value))

    async def hear(self, event: m.MessageReceived) -> MessageAdded:
        """Says it, and waits until it stands in a thread."""
        await self.say(event)
        return await self.wait(lambda: next((a for a in self.added if a.data.message.id == event.id), None))

    async def propose(self, added: MessageAdded, decision: str, text: str, **more: Any) -> None:
        data = ProposedReply(
            message_id=added.data.message.id, reply_id=derived_id(added.data.message.id, "reply"), decision=decision,
            text=text, confidence=0.9, **more,
        )  # fmt: skip
        event = ReplyProposed(
            id=derived_id(added.id, "proposed"),
            source="/agent",
            workspaceid="local",
            threadid=added.threadid,
            data=data,
        )
        await self.bus.publish(event)

    async def wait(self, found: Callable[[], Any], seconds: float = 30) -> Any:
        for _ in range(int(seconds / 0.02)):
            if (result := found()) is not None and result is not False:
                return result
            await asyncio.sleep(0.02)
        raise AssertionError("it did not happen in time")

    async def threads(self, **filters: str) -> list[dict[str, Any]]:
        return (await self.api.get("/api/v1/threads", params={"status": "all", **filters})).json()["items"]

    async def messages(self, thread_id: Any) -> list[dict[str, Any]]:
        return (await self.api.get(f"/api/v1/threads/{thread_id}/messages")).json()["items"]


def once(heard: list[Any], event: Any) -> None:
    """As a consumer of the stream gets it: what a relay tells again, the stream takes once."""
    if all(one.id != event.id for one in heard):
        heard.append(event)


async def behind_its_back(database_url: str, statement: str, *values: Any) -> None:
    """Writes to the service's tables. It runs in this thread: whoever blocked here for a row that it holds would wait
    for ever.
    """
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(statement, values)  # type: ignore[arg-type]


@asynccontextmanager
async def running(nats_url: str, database_url: str, **settings: Any) -> AsyncIterator[Any]:
    own = {"nats_url": nats_url, "database_url": database_url, "api_key": "key", "admin_password": "pw-of-admin"}
    app = create_app(ConversationSettings(**own | settings))
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def outside(nats_url: str, database_url: str) -> AsyncIterator[Outside]:
    async with running(nats_url, database_url) as app:
        bus = Bus("test", ConversationSettings(nats_url=nats_url, api_key="key", admin_password="pw"))
        transport = httpx.ASGITransport(app)
        api = httpx.AsyncClient(transport=transport, base_url="http://inbox", headers={"Authorization": "Bearer key"})
        world = Outside(bus, api, app)
        await bus.start()

        async def on_added(message: Any) -> None:
            once(world.added, MessageAdded.model_validate_json(message.data))

        async def on_requested(message: Any) -> None:
            once(world.requested, ReplyRequested.model_validate_json(message.data))

        await bus.listen("ot.*.message.added.>", on_added)
        await bus.listen("ot.*.reply.requested.>", on_requested)
        await bus.broker.config.broker_config.connection_state.connection.flush()
        yield world
        await api.aclose()
        await bus.stop()
