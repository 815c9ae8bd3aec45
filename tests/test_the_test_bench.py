"""The test bench with the real agent and the real knowledge: a regression is seen before it is published, and after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from plugins.conversation_world import running

from onethread.agent.app import create_app as create_agent
from onethread.agent.settings import Settings as AgentSettings
from onethread.contracts.knowledge import KnowledgeFound, KnowledgeSearch
from onethread.contracts.subjects import KNOWLEDGE_SEARCH
from onethread.knowledge.app import create_app as create_knowledge
from onethread.knowledge.settings import Settings as KnowledgeSettings

pytestmark = pytest.mark.connected
QUESTION = "How long may I return a pen?"
ANSWERS = "You may return a pen within 30 days of delivery. We pay the way back."
SHIPPING = "Parcels arrive after three working days. Shipping costs 4 euros."
SAYS_NOTHING = "Our shop sells pens, ink and paper. We are open from Monday to Friday."


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
    async with httpx.AsyncClient(
        transport=transport, base_url="http://inbox/api/v1", headers=headers, timeout=30
    ) as api:
        yield api


async def until(check: Callable[[], Awaitable[Any]], what: str) -> Any:
    for _ in range(1_500):
        if found := await check():
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"{what} did not happen in time")


async def ok(answer: Awaitable[httpx.Response]) -> Any:
    response = await answer
    assert response.is_success, response.text
    return response.json()


async def runs(api: httpx.AsyncClient, why: str) -> list[dict[str, Any]]:
    """Those that have ended, newest first."""
    found = (await ok(api.get("/agent/runs")))["items"]
    return [run for run in found if run["why"] == why and run["state"] == "done"]


async def ended(api: httpx.AsyncClient, run: dict[str, Any]) -> dict[str, Any]:
    async def is_done() -> Any:
        read = await ok(api.get(f"/agent/runs/{run['id']}"))
        return read if read["ended_at"] else None

    return await until(is_done, "the end of the run")


async def publish(api: httpx.AsyncClient, **article: Any) -> str:
    made = await ok(api.post("/knowledge/articles", json={**article, "state": "published"}))

    async def is_found() -> bool:
        found = await ok(api.post("/knowledge/search", json={"query": article["title"], "k": 20}))
        return made["id"] in {passage["document_id"] for passage in found["passages"]}

    await until(is_found, "the article in search")
    return made["id"]


async def test_a_regression_is_seen_in_a_trial_before_it_is_published_and_in_the_run_after(
    api: httpx.AsyncClient, app: Any
) -> None:
    returns = await publish(api, title="Returning a pen", text=ANSWERS)
    await publish(api, title="Shipping", text=SHIPPING)
    question = {"question": QUESTION, "expect": "answer", "sources": ["Returning a pen"], "contains": ["30 days"]}
    await ok(api.post("/agent/questions", json=question))
    first = await ended(api, await ok(api.post("/agent/runs", json={})))
    assert (first["counts"]["passed"], first["counts"]["failed"]) == (1, 0)

    draft = {"title": "About us", "text": SAYS_NOTHING}
    await ok(api.patch(f"/knowledge/articles/{returns}", json=draft))
    trial = await ended(api, await ok(api.post("/agent/runs", json={"trial": {"articles": [returns]}})))
    before = await ok(api.get(f"/agent/runs/{trial['baseline_id']}"))  # the first, or one that the articles asked for
    assert (trial["counts"]["worse"], before["counts"]["passed"]) == (1, 1)
    [tried] = (await ok(api.get(f"/agent/runs/{trial['id']}/results")))["items"]
    assert "30 days" in tried["before"]["text"]
    assert "30 days" not in tried["answered"]["text"]
    found = await app.state.bus.ask(
        KNOWLEDGE_SEARCH, KnowledgeSearch(workspace="local", query=QUESTION, k=20), KnowledgeFound
    )
    assert ANSWERS in {passage.text for passage in found.passages}, "customers are answered from what is live"
    assert SAYS_NOTHING not in {passage.text for passage in found.passages}

    await ok(api.patch(f"/knowledge/articles/{returns}", json={"state": "published"}))

    async def ran_after_the_change() -> Any:
        return next((run for run in await runs(api, "change") if "About us" in run["changes"]), None)

    after = await until(ran_after_the_change, "the run after publishing")
    assert (after["counts"]["worse"], after["by"]) == (1, None)
    [result] = (await ok(api.get(f"/agent/runs/{after['id']}/results", params={"change": "worse"})))["items"]
    assert (result["question"], result["before"]["decision"]) == (QUESTION, "answer")


async def test_a_threshold_is_tried_before_it_is_saved_and_an_article_before_it_is_gone(api: httpx.AsyncClient) -> None:
    returns = await publish(api, title="Returning a pen", text=ANSWERS)
    await publish(api, title="Shipping", text=SHIPPING)
    await ok(api.post("/agent/questions", json={"question": QUESTION}))
    settings = {"confidence": 1, "clarify": False}
    strict = await ended(api, await ok(api.post("/agent/runs", json={"trial": {"settings": settings}})))
    assert (strict["trial"]["settings"]["confidence"], strict["counts"]["worse"]) == (1, 1)
    gone = await ended(api, await ok(api.post("/agent/runs", json={"trial": {"without": [returns]}})))
    assert gone["counts"]["worse"] == 1
    assert (await ok(api.get("/workspaces/local")))["settings"]["agent"] is None
    refused = await api.post("/agent/runs", json={"trial": {"articles": ["art_of_nobody"]}})
    assert (refused.status_code, refused.json()["title"]) == (422, "The trial names no article of this workspace")
