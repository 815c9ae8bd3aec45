"""Knowledge by way of conversation: a real bus and the real knowledge service behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import nats
import pytest
from plugins.conversation_world import running

from onethread.contracts.streams import BODIES
from onethread.knowledge.app import create_app
from onethread.knowledge.settings import Settings

pytestmark = pytest.mark.connected
PASSWORD = "correct horse battery"
PAGE = "# Parrots\n\nParrots eat nuts and live for sixty years in a warm room.\n"


@asynccontextmanager
async def knowledge(nats_url: str, home: Any) -> AsyncIterator[Any]:
    app = create_app(Settings(api_key="knowledge-key", home=home, NATS_URL=nats_url))
    async with app.router.lifespan_context(app):
        yield app


def client(app: Any, **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://inbox/api/v1", headers=headers, timeout=30)


@pytest.fixture
async def alone(nats_url: str, database_url: str) -> AsyncIterator[Any]:
    """Conversation without knowledge."""
    async with running(nats_url, database_url) as app:
        yield app


@pytest.fixture
async def api(alone: Any, nats_url: str, tmp_path: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator of the workspace `local`, by API key."""
    async with knowledge(nats_url, tmp_path), client(alone, Authorization="Bearer key") as api:
        yield api


@asynccontextmanager
async def teammate(api: httpx.AsyncClient, app: Any, name: str) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in, as a browser; no administrator."""
    email = f"{uuid4().hex[:8]}@shop.example"
    made = await api.post("/teammates", json={"email": email, "name": name, "password": PASSWORD, "role": "teammate"})
    assert made.status_code == 201, made.text
    async with client(app) as browser:
        assert (await browser.post("/session", json={"email": email, "password": PASSWORD})).is_success
        yield browser


async def until(check: Callable[[], Awaitable[Any]]) -> Any:
    for _ in range(1_000):
        if found := await check():
            return found
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen in time")


async def found(api: httpx.AsyncClient, query: str) -> list[dict[str, Any]]:
    return (await api.post("/knowledge/search", json={"query": query, "k": 3})).json()["passages"]


async def bodies_on(nats_url: str) -> int:
    """How many pieces of bodies lie in the bucket."""
    connection = await nats.connect(nats_url)
    info = await connection.jetstream().stream_info(f"OBJ_{BODIES.name}", subjects_filter=f"$O.{BODIES.name}.C.>")
    await connection.close()
    return len(info.state.subjects or {})


async def test_an_article_is_written_published_and_found(api: httpx.AsyncClient) -> None:
    written = await api.post("/knowledge/articles", json={"title": "Parrots", "text": PAGE})
    assert (written.status_code, written.json()["state"]) == (201, "draft")
    path = f"/knowledge/articles/{written.json()['id']}"
    published = await api.patch(path, json={"state": "published"}, headers={"If-Match": written.headers["etag"]})
    assert (published.status_code, published.headers["content-type"]) == (200, "application/json")
    assert await until(lambda: found(api, "What do parrots eat?"))


async def test_a_lost_update_is_refused_in_words(api: httpx.AsyncClient) -> None:
    written = await api.post("/knowledge/articles", json={"title": "Parrots", "text": PAGE})
    path, seen = f"/knowledge/articles/{written.json()['id']}", {"If-Match": written.headers["etag"]}
    assert (await api.patch(path, json={"text": "One"}, headers=seen)).status_code == 200
    refused = await api.patch(path, json={"text": "Other"}, headers=seen)
    assert (refused.status_code, refused.headers["content-type"]) == (412, "application/problem+json")
    assert refused.json()["title"] == "The article changed meanwhile"


async def test_the_author_is_whoever_is_signed_in_whatever_the_request_says(api: httpx.AsyncClient, alone: Any) -> None:
    async with teammate(api, alone, "Олена Ковальчук") as olena:
        own = {"X-Onethread-Author": "Somebody else", "X-Onethread-Workspace": "local"}
        written = await olena.post("/knowledge/articles", json={"title": "Parrots", "text": PAGE}, headers=own)
        assert written.json()["author"] == "Олена Ковальчук"


async def test_teammates_write_drafts_and_administrators_decide_what_customers_are_told(
    api: httpx.AsyncClient, alone: Any
) -> None:
    async with teammate(api, alone, "Mara") as mara:
        written = await mara.post("/knowledge/articles", json={"title": "Parrots", "text": PAGE})
        path = f"/knowledge/articles/{written.json()['id']}"
        assert (await mara.patch(path, json={"text": f"{PAGE} They sing."})).status_code == 200
        refused = {
            "publish": await mara.patch(path, json={"state": "published"}),
            "at once": await mara.post("/knowledge/articles", json={"title": "A", "text": "A", "state": "published"}),
            "said twice": await mara.patch(path, content=b'{"state":"draft","state":"published"}'),
            "delete": await mara.delete(path),
            "source": await mara.post("/knowledge/sources", json={"kind": "upload", "name": "Manuals"}),
            "file": await mara.post("/knowledge/uploads", files=[("files", ("a.md", PAGE.encode()))]),
            "settings": await mara.put("/knowledge/embedding", json={}),
        }
        assert {name: answer.status_code for name, answer in refused.items()} == dict.fromkeys(refused, 403)
        assert refused["publish"].json()["title"] == "Only an administrator may do this"
        assert (await mara.get("/knowledge/sources")).status_code == 200
    read = (await api.get(path)).json()
    assert (read["state"], read["version"]) == ("draft", 2)
    assert (await api.patch(path, json={"state": "published"})).json()["state"] == "published"


@pytest.mark.parametrize(
    "path", ["articles/%2e%2e/sources", "%2e%2e/docs", "articles/%2E", "openapi.json", "", "healthz"]
)
async def test_only_what_is_meant_to_be_reached_is(path: str, api: httpx.AsyncClient) -> None:
    answer = await api.post(f"/knowledge/{path}", json={"kind": "upload", "name": "Manuals"})
    assert answer.status_code == 404
    assert (await api.get("/knowledge/sources")).json()["items"] == []


async def test_nothing_of_another_workspace_is_read_found_or_changed(api: httpx.AsyncClient) -> None:
    assert (await api.post("/workspaces", json={"slug": "acme", "name": "Acme"})).is_success
    there = {"X-Onethread-Workspace": "acme"}
    canary = {"title": "Canary", "text": "The canary of Acme is called Kiwi.", "state": "published"}
    written = (await api.post("/knowledge/articles", json=canary, headers=there)).json()

    async def there_found() -> Any:
        return (await api.post("/knowledge/search", json={"query": "canary Kiwi"}, headers=there)).json()["passages"]

    assert await until(there_found)
    assert await found(api, "canary Kiwi") == []
    for method in ("GET", "PATCH", "DELETE"):
        answer = await api.request(method, f"/knowledge/articles/{written['id']}", json={})
        assert answer.status_code == 404, method
    assert (await api.get("/knowledge/articles")).json()["items"] == []
    key = (await api.post("/api-keys", json={"name": "CRM", "scopes": ["admin"]})).json()["key"]
    foreign = await api.get("/knowledge/articles", headers={**there, "Authorization": f"Bearer {key}"})
    assert foreign.status_code == 404


async def test_a_file_of_15_mb_is_carried_and_nothing_of_it_stays_on_the_bus(
    api: httpx.AsyncClient, nats_url: str
) -> None:
    rows = b"".join(b"What is thing %d?,It is thing number %d of many things.\n" % (n, n) for n in range(3))
    padding = b"," * (15 * 1024**2 - len(rows) - 17)  # one long row of nothing
    content = b"question,answer\n" + rows + padding + b"\n"
    assert len(content) > 15 * 1024**2 - 64
    answer = await api.post("/knowledge/uploads", files=[("files", ("things.csv", content, "text/csv"))])
    assert (answer.status_code, answer.json()["accepted"]) == (202, ["things.csv"])
    assert await bodies_on(nats_url) == 0


async def test_an_answer_that_is_too_large_for_a_message_comes_whole(api: httpx.AsyncClient, nats_url: str) -> None:
    text = "All work and no play. " * 45_000
    for number in range(2):
        await api.post("/knowledge/articles", json={"title": f"Long {number}", "text": text})
    listed = await api.get("/knowledge/articles")
    assert [len(one["text"]) for one in listed.json()["items"]] == [len(text.strip())] * 2
    assert await bodies_on(nats_url) == 0


async def test_what_is_too_large_is_refused_before_it_is_carried(api: httpx.AsyncClient) -> None:
    answer = await api.post("/knowledge/uploads", content=bytes(33 * 1024**2))
    assert (answer.status_code, answer.json()["title"]) == (413, "Too much at once")


async def test_knowledge_that_is_away_is_told_in_words(alone: Any, nats_url: str) -> None:
    async with client(alone, Authorization="Bearer key") as api:
        for answer in (
            await api.get("/knowledge/sources"),
            await api.post("/knowledge/uploads", files=[("files", ("a.md", bytes(2 * 1024**2)))]),
        ):
            assert answer.status_code == 503
            assert answer.json()["title"] == "Knowledge is away"
            assert "Nothing was changed" in answer.json()["detail"]
            assert answer.headers["retry-after"]
    assert await bodies_on(nats_url) == 0


async def test_an_agent_that_is_away_is_told_in_words(alone: Any) -> None:
    async with client(alone, Authorization="Bearer key") as api:
        answer = await api.post("/agent/ask", json={"question": "What do parrots eat?"})
        assert (answer.status_code, answer.json()["title"]) == (503, "The agent is away")


# Once, and told in the audit


async def test_a_post_that_is_repeated_with_its_key_makes_nothing_more(api: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "once"}
    first, again = [
        await api.post("/knowledge/articles", json={"title": "Parrots", "text": PAGE}, headers=key) for _ in range(2)
    ]
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.json(), again.headers["etag"]) == (first.json(), first.headers["etag"])
    assert len((await api.get("/knowledge/articles")).json()["items"]) == 1
    other = await api.post("/knowledge/articles", json={"title": "Others", "text": PAGE}, headers=key)
    assert other.status_code == 422
    made = [
        await api.post(
            "/knowledge/sources", json={"kind": "upload", "name": "Manuals"}, headers={"Idempotency-Key": "s"}
        )
        for _ in range(2)
    ]
    assert made[0].status_code == made[1].status_code == 201
    assert made[0].json() == made[1].json()


async def test_a_key_is_free_again_when_knowledge_refused_or_was_not_asked(
    alone: Any, nats_url: str, tmp_path: Any
) -> None:
    key, article = {"Idempotency-Key": "later"}, {"title": "Parrots", "text": PAGE}
    async with client(alone, Authorization="Bearer key") as api:
        assert (await api.post("/knowledge/articles", json=article, headers=key)).status_code == 503
        async with knowledge(nats_url, tmp_path):
            refused = await api.post("/knowledge/articles", json={"title": ""}, headers=key)
            assert refused.status_code == 422
            assert (await api.post("/knowledge/articles", json=article, headers=key)).status_code == 201
            searched = [
                (await api.post("/knowledge/search", json={"query": "parrots"}, headers=key)).status_code
                for _ in range(2)
            ]
            assert searched == [200, 200]


async def test_what_is_done_in_knowledge_is_told_in_the_audit_without_a_word_of_its_text(
    api: httpx.AsyncClient, alone: Any
) -> None:
    async with teammate(api, alone, "Mara") as mara:
        written = (await mara.post("/knowledge/articles", json={"title": "Parrots", "text": PAGE})).json()
        assert (await mara.patch(f"/knowledge/articles/{written['id']}", json={"text": "Canary"})).is_success
        assert not (await mara.delete(f"/knowledge/articles/{written['id']}")).is_success
        await found(mara, "What do parrots eat?")
    assert (await api.patch(f"/knowledge/articles/{written['id']}", json={"state": "published"})).is_success
    assert (await api.put("/knowledge/gaps/settings", json={"proposals": "off"})).is_success
    source = (await api.post("/knowledge/sources", json={"kind": "upload", "name": "Manuals"})).json()
    assert (await api.delete(f"/knowledge/sources/{source['id']}")).is_success
    audit = await api.get("/audit")
    told = [one for one in reversed(audit.json()["items"]) if one["action"].startswith("knowledge.")]
    assert [(one["action"], one["target"]) for one in told] == [
        ("knowledge.article_added", written["id"]), ("knowledge.article_changed", written["id"]),
        ("knowledge.article_changed", written["id"]), ("knowledge.gap_settings_set", "settings"),
        ("knowledge.source_added", source["id"]), ("knowledge.source_removed", source["id"]),
    ]  # fmt: skip
    assert told[0]["by"]["name"] == told[1]["by"]["name"] == "Mara"
    assert (told[1]["detail"]["fields"], told[2]["detail"]["state"]) == (["text"], "published")
    assert "Canary" not in audit.text
    assert "Parrots" not in audit.text


async def test_an_article_covers_a_gap_when_it_is_sure_enough_for_the_workspaces_own_agent(
    api: httpx.AsyncClient, nats_url: str
) -> None:
    """The threshold goes along with each look at the gaps."""
    at = {"settings": {"agent": {"confidence": 0.31}}}
    assert (await api.patch("/workspaces/local", json=at)).is_success
    bus = await nats.connect(nats_url)
    heard = await bus.subscribe("svc.knowledge.api")
    await bus.flush()
    assert (await api.get("/knowledge/gaps", params={"sort": "latest"})).is_success
    asked = (await heard.next_msg(30)).data.decode()
    await bus.close()
    assert "sort=latest&covered_from=0.31" in asked
