"""The agent on a real bus, beside a knowledge service that is played."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from nats.js.api import ConsumerInfo

from onethread.agent.app import create_app
from onethread.agent.settings import Settings
from onethread.contracts.agent import Answered, Ask
from onethread.contracts.ids import derived_id
from onethread.contracts.knowledge import KnowledgeFound, KnowledgeSearch
from onethread.contracts.messages import Author
from onethread.contracts.replies import ReplyProposed
from onethread.contracts.streams import AGENT
from onethread.contracts.subjects import AGENT_ASK, KNOWLEDGE_SEARCH
from onethread.contracts.threads import AddedMessage
from onethread.runtime.bus import Bus

pytestmark = pytest.mark.connected
ASKED = "What is your return policy?"


@asynccontextmanager
async def world(nats_url: str, found: KnowledgeFound | None, **more: int) -> AsyncIterator[Bus]:
    """The bus of the others: conversation, and knowledge unless `found` is None."""
    settings = Settings(api_key="secret", NATS_URL=nats_url, **more)
    others = Bus("others", settings)
    if found:

        async def search(question: KnowledgeSearch) -> KnowledgeFound:
            return found

        others.answer(KNOWLEDGE_SEARCH, KnowledgeSearch, search)
    await others.start()
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield others
    await others.stop()


async def proposals(bus: Bus, count: int = 1) -> list[ReplyProposed]:
    subscription = await bus.js.subscribe("ot.*.reply.proposed", ordered_consumer=True)
    events = [await subscription.next_msg(timeout=20) for _ in range(count)]
    await subscription.unsubscribe()
    return [ReplyProposed.model_validate_json(event.data) for event in events]


async def test_a_message_of_a_customer_becomes_a_proposal(nats_url, added, returns) -> None:
    event = added(ASKED)
    async with world(nats_url, KnowledgeFound(confidence=0.9, passages=[returns])) as bus:
        live = []

        async def hear(message) -> None:
            live.append(message.data)

        await bus.listen("live.local.delta.widget", hear)
        await bus.publish(event, "customer")
        (proposed,) = await proposals(bus)
        assert proposed.id == derived_id(event.id, "proposed")
        assert proposed.data.decision == "answer"
        assert proposed.traceparent
        async with asyncio.timeout(20):
            while not live:
                await asyncio.sleep(0.02)


async def test_knowledge_that_is_not_there_ends_at_a_person(nats_url, added) -> None:
    async with world(nats_url, None) as bus:
        await bus.publish(added(ASKED), "customer")
        (proposed,) = await proposals(bus)
        assert proposed.data.decision == "handoff"
        assert proposed.data.reason == "The knowledge base is away"


async def test_an_answer_is_tested_over_the_bus(nats_url, returns) -> None:
    async with world(nats_url, KnowledgeFound(confidence=0.9, passages=[returns])) as bus:
        answered = await bus.ask(AGENT_ASK, Ask(workspace="local", question=ASKED), Answered)
        assert answered.decision == "answer"
        assert answered.passages == [returns]


async def test_when_a_teammate_answers_the_agent_proposes_nothing(nats_url, added, returns) -> None:
    event = added("I have a problem with my pen")  # it waits for more
    async with world(nats_url, KnowledgeFound(confidence=0.9, passages=[returns]), agent_settle_ms=10_000) as bus:
        await bus.publish(event, "customer")
        async with asyncio.timeout(20):
            while not (await bus.js.consumer_info("EVENTS", AGENT.name)).num_ack_pending:
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        said = event.data.message.model_copy(update={"id": uuid4(), "author": Author(kind="teammate", id=uuid4())})
        thread = event.data.thread.model_copy(update={"sequence": 9})
        data = AddedMessage(message=said, thread=thread)
        await bus.publish(event.model_copy(update={"id": uuid4(), "data": data}), "teammate")
        info = await _settled(bus)
        assert info.num_pending == info.num_ack_pending == 0
        assert (await bus.js.stream_info("EVENTS")).state.messages == 2


async def _settled(bus: Bus) -> ConsumerInfo:
    """Of the agent's consumer, once nothing is in hand."""
    for _ in range(200):
        info = await bus.js.consumer_info("EVENTS", AGENT.name)
        if not info.num_pending and not info.num_ack_pending:
            break
        await asyncio.sleep(0.1)
    return info


async def test_what_came_while_the_agent_was_away_is_answered_once(nats_url, added, returns) -> None:
    found = KnowledgeFound(confidence=0.9, passages=[returns])
    events = [added(ASKED) for _ in range(20)]
    async with world(nats_url, found) as bus:
        for event in events[:10]:
            await bus.publish(event, "customer")
    settings = Settings(api_key="secret", NATS_URL=nats_url)
    between = Bus("between", settings)
    await between.start()
    for event in events[10:]:
        await between.publish(event, "customer")
    await between.stop()
    async with world(nats_url, found) as bus:
        seen = await proposals(bus, 20)
        await asyncio.sleep(0.3)
        assert {event.causationid for event in seen} == {event.id for event in events}
        assert (await bus.js.stream_info("EVENTS")).state.messages == 40
