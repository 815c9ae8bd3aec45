"""From what people say of answers to another confidence: conversation, agent, knowledge and a real bus between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import numpy as np
import pytest
from plugins.conversation_world import received, running, verified

from onethread.agent.app import create_app as create_agent
from onethread.agent.settings import Settings as AgentSettings
from onethread.contracts.envelope import now
from onethread.contracts.ids import lane
from onethread.contracts.replies import Feedback, FeedbackReceived
from onethread.knowledge.app import create_app as create_knowledge
from onethread.knowledge.confidence import shipped
from onethread.knowledge.minilm import MODEL_ID
from onethread.knowledge.settings import Settings as KnowledgeSettings

pytestmark = pytest.mark.connected
ANA, BO = verified("visitor", "ana"), verified("visitor", "bo")
SHIPPED = shipped(MODEL_ID).version
ARTICLES = {
    "Returning a pen": "You may return a pen within 30 days of delivery. We pay the way back.",
    "Shipping": "Shipping to Spain takes five days and costs 4 euros.",
    "Gift cards": "A gift card holds for three years and is sent by mail.",
    "Passwords": "Choose Forgotten on the sign-in page to set a new password.",
    "Opening hours": "The shop in Porto is open from nine to six on weekdays.",
    "Invoices": "Every order has an invoice, which you find in your account.",
}
QUESTION = "How long may I return a pen?"


@pytest.fixture
async def app(nats_url: str, database_url: str, tmp_path: Any) -> AsyncIterator[Any]:
    """Conversation, with agent and knowledge on the same bus."""
    knowledge = create_knowledge(KnowledgeSettings(api_key="k", home=tmp_path, NATS_URL=nats_url))
    agent = create_agent(AgentSettings(api_key="k", NATS_URL=nats_url))
    async with (
        running(nats_url, database_url, bench_settle_seconds=0.3) as app,
        knowledge.router.lifespan_context(knowledge),
        agent.router.lifespan_context(agent),
    ):
        yield app


@pytest.fixture
async def api(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": "Bearer key"}
    transport = httpx.ASGITransport(app)
    url = "http://inbox/api/v1"
    async with httpx.AsyncClient(transport=transport, base_url=url, headers=headers, timeout=30) as api:
        for title, text in ARTICLES.items():
            await ok(api.post("/knowledge/articles", json={"title": title, "text": text, "state": "published"}))

        async def found() -> bool:
            return (await ok(api.get("/knowledge/status")))["passages"] >= len(ARTICLES)

        await until(found)
        yield api


async def ok(answer: Awaitable[httpx.Response]) -> Any:
    response = await answer
    assert response.is_success, response.text
    return response.json()


async def until(check: Callable[[], Awaitable[Any]]) -> Any:
    for _ in range(1_500):
        if found := await check():
            return found
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen in time")


async def calibration(api: httpx.AsyncClient) -> Any:
    return await ok(api.get("/knowledge/calibration"))


async def search(api: httpx.AsyncClient) -> Any:
    return await ok(api.post("/knowledge/search", json={"query": QUESTION}))


async def origins(api: httpx.AsyncClient) -> dict[str, int]:
    return (await calibration(api))["judged"]["origins"]


async def answered(app: Any, api: httpx.AsyncClient, who: Any, text: str = QUESTION) -> dict[str, Any]:
    """A customer asks in the chat. Returns the message with which the agent answers."""
    event = received("widget", text, who)
    await app.state.bus.publish(event, "widget", lane(event.data.identities[0].value))

    async def answer() -> Any:
        threads = (await ok(api.get("/threads", params={"status": "all"})))["items"]
        said = [await ok(api.get(f"/threads/{one['id']}/messages")) for one in threads]
        ours = next((one["items"] for one in said if str(event.id) in {m["id"] for m in one["items"]}), [])
        return next((message for message in ours if message["author"]["kind"] == "agent"), None)

    return await until(answer)


async def thumb(app: Any, message: dict[str, Any], score: int) -> None:
    event = FeedbackReceived(
        id=uuid4(), source="/gateway-widget", workspaceid="local", time=now(),
        data=Feedback(message_id=UUID(message["id"]), score=score),
    )  # fmt: skip
    await app.state.bus.publish(event)


async def judge_by_hand(api: httpx.AsyncClient, n: int) -> None:
    """Of searches like a real one, sure and unsure: one in six is right, which is less than was believed."""
    like = (await search(api))["evidence"]
    for i in range(n):
        numbers = np.array(like["numbers"]) * (1.0 if i % 4 else 0.4)
        numbers = (numbers * (1 + 0.1 * np.random.default_rng(i).normal(size=len(numbers)))).tolist()
        said = {"query": f"question {i}", "right": i % 6 == 0, "evidence": {**like, "numbers": numbers}}
        assert (await ok(api.post("/knowledge/judgements", json={**said, "origin": "search"})))["counted"]


async def test_thumbs_on_what_the_agent_answered_count_until_their_customer_is_erased(
    app: Any, api: httpx.AsyncClient
) -> None:
    for who, score in ((ANA, -1), (BO, 1)):
        answer = await answered(app, api, who)
        assert "30 days" in answer["text"]
        await thumb(app, answer, score)

    async def both() -> bool:
        return await origins(api) == {"thumb": 2}

    await until(both)
    state = await calibration(api)
    assert state["judged"]["right"] == 1
    assert state["figures"] is None, "thumbs say nothing about how many are right"
    await judge_by_hand(api, 1)
    [bin_] = (await calibration(api))["figures"]["bins"]
    assert (bin_["count"], bin_["right"]) == (1, 1)
    customers = (await ok(api.get("/customers")))["items"]
    assert (await api.post(f"/customers/{customers[0]['id']}/erase")).is_success

    async def one_is_gone() -> bool:
        return (await origins(api))["thumb"] == 1

    await until(one_is_gone)


async def test_greetings_and_answers_to_several_questions_are_not_judged(app: Any, api: httpx.AsyncClient) -> None:
    for who, text in ((ANA, "Hello!"), (BO, "How long may I return a pen? How long does shipping to Spain take?")):
        await thumb(app, await answered(app, api, who, text), -1)
    # What is judged later is heard later.
    await thumb(app, await answered(app, api, verified("visitor", "cy")), 1)

    async def last() -> bool:
        return await origins(api) == {"thumb": 1}

    await until(last)


async def test_from_judgements_to_another_confidence_and_back(api: httpx.AsyncClient) -> None:
    await ok(api.post("/agent/questions", json={"question": QUESTION}))
    run = await ok(api.post("/agent/runs", json={}))

    async def ended() -> bool:
        return bool((await ok(api.get(f"/agent/runs/{run['id']}")))["ended_at"])

    await until(ended)
    [result] = (await ok(api.get(f"/agent/runs/{run['id']}/results")))["items"]
    await ok(api.post(f"/agent/runs/{run['id']}/results/{result['question_id']}/judge", json={"right": False}))

    async def told() -> bool:
        return await origins(api) == {"bench": 1}

    await until(told)
    await judge_by_hand(api, 240)

    before = await search(api)
    state = await calibration(api)
    assert (state["in_use"]["version"], before["calibration"], state["threshold"]) == (SHIPPED, SHIPPED, 0.8)
    offer = state["offer"]
    assert offer, state["why_not"]
    assert offer["after"]["off"] < offer["before"]["off"]
    adopted = await ok(api.post("/knowledge/calibration", json={"offer": offer["id"]}))
    assert adopted["in_use"]["version"] == "workspace-1"
    after = await search(api)
    assert after["confidence"] < before["confidence"]
    asked = await ok(api.post("/agent/ask", json={"question": QUESTION}))
    assert (asked["calibration"], asked["confidence"]) == ("workspace-1", after["confidence"])

    async def asked_again() -> Any:
        runs = (await ok(api.get("/agent/runs")))["items"]
        return [one for one in runs if "Confidence of the search" in one["changes"]]

    await until(asked_again)
    assert (await ok(api.delete("/knowledge/calibration")))["in_use"]["version"] == SHIPPED
    assert await search(api) == before


async def test_the_figures_are_at_the_workspaces_own_threshold_and_only_administrators_adopt(
    api: httpx.AsyncClient,
) -> None:
    await ok(api.patch("/workspaces/local", json={"settings": {"agent": {"confidence": 0.4}}}))
    assert (await calibration(api))["threshold"] == 0.4
    key = await ok(api.post("/api-keys", json={"name": "ci", "scopes": ["read", "write"]}))
    own = {"Authorization": f"Bearer {key['key']}"}
    assert (await api.get("/knowledge/calibration", headers=own)).is_success
    for method in ("POST", "DELETE"):
        refused = await api.request(method, "/knowledge/calibration", json={"offer": "x"}, headers=own)
        assert refused.status_code == 403
