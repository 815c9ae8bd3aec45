"""From a question without an answer to an article that answers it: conversation, knowledge and a real bus between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from plugins.conversation_world import Outside, received, verified

from onethread.contracts.envelope import now
from onethread.contracts.ids import derived_id
from onethread.contracts.knowledge import KnowledgeGap, KnowledgeGapFound
from onethread.contracts.replies import Feedback, FeedbackReceived
from onethread.knowledge.app import create_app
from onethread.knowledge.settings import Settings

pytestmark = pytest.mark.connected
ANA, BO = verified("visitor", "ana"), verified("visitor", "bo")
ASKED = "Do you deliver parrots to Portugal?"
ANSWER = "Yes, parrots travel to Portugal by train, on Mondays."


@pytest.fixture
async def knowledge(nats_url: str, tmp_path: Any) -> AsyncIterator[Any]:
    app = create_app(Settings(api_key="knowledge-key", home=tmp_path, NATS_URL=nats_url))
    async with app.router.lifespan_context(app):
        yield app


async def until(check: Callable[[], Awaitable[Any]]) -> Any:
    for _ in range(1_000):
        if found := await check():
            return found
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen in time")


async def get(outside: Outside, path: str) -> Any:
    answer = await outside.api.get(f"/api/v1/knowledge/{path}")
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()


async def gaps(outside: Outside) -> list[dict[str, Any]]:
    return (await get(outside, "gaps"))["items"]


def gap_of(added: Any, question: str, workspace: str = "local") -> KnowledgeGapFound:
    """As the agent tells of it."""
    return KnowledgeGapFound(
        id=derived_id(added.id, "gap"), source="/agent", subject=str(added.data.message.id), workspaceid=workspace,
        threadid=added.threadid, customerid=added.customerid,
        data=KnowledgeGap(question=question, confidence=0.2, channel="widget"),
    )  # fmt: skip


async def asked_and_handed_off(outside: Outside, who: Any = ANA, text: str = ASKED) -> Any:
    added = await outside.hear(received("widget", text, who))
    await outside.propose(added, "handoff", "A person will answer.", handoff="unsure")
    await outside.bus.publish(gap_of(added, text))
    return added


async def test_from_a_question_to_an_article_that_is_found(outside: Outside, knowledge: Any) -> None:
    added = await asked_and_handed_off(outside)
    [gap] = await until(lambda: gaps(outside))
    assert (gap["question"], gap["count"], gap["state"]) == (ASKED, 1, "open")

    thread = f"/api/v1/threads/{added.threadid}"
    assert (await outside.api.post(f"{thread}/messages", json={"text": ANSWER})).status_code == httpx.codes.CREATED
    assert (await outside.api.patch(thread, json={"status": "closed"})).is_success

    async def proposed() -> Any:
        return (await get(outside, "articles?state=proposed"))["items"]

    [article] = await until(proposed)
    assert (article["origin"], article["title"], article["text"]) == ("thread", ASKED, ANSWER)
    assert article["thread_id"] == str(added.threadid)
    assert (await get(outside, f"gaps/{gap['id']}"))["state"] == "drafted"

    path = f"/api/v1/knowledge/articles/{article['id']}"
    assert (await outside.api.patch(path, json={"state": "published"})).status_code == httpx.codes.OK
    [closed] = await gaps(outside)
    assert (closed["state"], closed["article_id"]) == ("closed", article["id"])

    async def found() -> Any:
        answer = await outside.api.post("/api/v1/knowledge/search", json={"query": ASKED, "k": 1})
        return [passage for passage in answer.json()["passages"] if passage["text"] == ANSWER]

    await until(found)


async def test_told_twice_a_gap_counts_once_and_a_thumb_down_is_one_too(outside: Outside, knowledge: Any) -> None:
    added = await asked_and_handed_off(outside)
    again = gap_of(added, ASKED).model_copy(update={"id": uuid4()})
    await outside.bus.publish(again)
    other = await outside.hear(received("widget", "Where can I park my car?", BO))
    await outside.propose(other, "answer", "Nowhere.")

    async def answered() -> Any:
        return [m for m in await outside.messages(other.threadid) if m["text"] == "Nowhere."]

    [answer] = await until(answered)
    judged = FeedbackReceived(
        id=uuid4(), source="/gateway-widget", workspaceid="local", time=now(), customerid=other.customerid,
        data=Feedback(message_id=answer["id"], score=-1),
    )  # fmt: skip
    await outside.bus.publish(judged)

    async def both() -> Any:
        return {gap["question"]: (gap["count"], gap["kinds"]) for gap in await gaps(outside)}

    async def told() -> bool:
        return len(await both()) > 1

    await until(told)
    assert await both() == {ASKED: (1, ["handed_off"]), "Where can I park my car?": (1, ["thumbed_down"])}


async def test_another_workspaces_gaps_and_answers_are_not_seen(outside: Outside, knowledge: Any) -> None:
    """A message of this workspace that another one names is answered with nothing."""
    added = await outside.hear(received("widget", "canary of ours", ANA))
    await outside.api.post(f"/api/v1/threads/{added.threadid}/messages", json={"text": "canary answer"})
    await outside.bus.publish(gap_of(added, "canary of the other?", "other"))
    own = httpx.AsyncClient(
        transport=httpx.ASGITransport(knowledge), base_url="http://knowledge/v1",
        headers={"Authorization": "Bearer knowledge-key", "X-Onethread-Workspace": "other"},
    )  # fmt: skip
    async with own:

        async def of_other() -> Any:
            return (await own.get("/gaps")).json()["items"]

        [gap] = await until(of_other)
        article = (await own.post(f"/gaps/{gap['id']}/draft")).json()
    assert (article["text"], await gaps(outside)) == ("", [])


async def test_an_erased_customer_is_forgotten_by_knowledge_too(
    outside: Outside, knowledge: Any, tmp_path: Any
) -> None:
    added = await asked_and_handed_off(outside, text="Do you deliver a zyxwvparrot?")
    await until(lambda: gaps(outside))
    erased = await outside.api.post(f"/api/v1/customers/{added.customerid}/erase")
    assert erased.status_code == httpx.codes.ACCEPTED

    async def forgotten() -> bool:
        return await gaps(outside) == []

    await until(forgotten)

    async def written_over() -> bool:
        held = b"".join(file.read_bytes() for file in (tmp_path / "knowledge").glob("documents.sqlite3*"))
        return b"zyxwvparrot" not in held

    await until(written_over)
