import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from onethread.contracts.knowledge import KnowledgeFound, KnowledgeSearch
from onethread.contracts.questions import TeammateAnswer, TeammateAnswers
from onethread.contracts.subjects import CONVERSATION_ANSWERS, KNOWLEDGE_SEARCH
from onethread.knowledge.app import create_app
from onethread.knowledge.settings import Settings
from onethread.runtime.bus import UnavailableError

SHIPPING = {"id": "help/shipping times#1", "title": "Shipping", "text": "Parcels arrive after three days."}


@dataclass
class StandInBus:
    """The part of the bus that this service uses."""

    away: bool = False
    published: list = field(default_factory=list)
    answers: dict = field(default_factory=dict)
    hears: dict = field(default_factory=dict)
    said_by_teammates: dict = field(default_factory=dict)

    def on(self, consumer, event, handler):
        self.hears[consumer.name] = handler

    async def ask(self, subject, question, answer, timeout=5.0):
        """Conversation, which knows what teammates answered, by message."""
        assert subject == CONVERSATION_ANSWERS
        if self.away:
            raise UnavailableError("nobody answers")
        said = [(one, self.said_by_teammates[one]) for one in question.message_ids if one in self.said_by_teammates]
        return TeammateAnswers(answers=[TeammateAnswer(message_id=one, text=text) for one, text in said])

    def answer(self, subject, question, handler):
        self.answers[subject] = handler

    async def start(self):
        """Nothing to connect to."""

    async def stop(self):
        """Nothing to close."""

    async def publish(self, event):
        if self.away:
            raise UnavailableError("the bus is away")
        self.published.append(event)

    async def check(self):
        """Always there."""

    async def check_consumers(self):
        """None to lose."""


@asynccontextmanager
async def running(home, bus=None, **settings):
    app = create_app(Settings(api_key="key", home=home, **settings), bus or StandInBus())
    async with app.router.lifespan_context(app):
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://knowledge", headers={"Authorization": "Bearer key"}
        )
        async with client:
            yield client


async def until(check, seconds=20):
    for _ in range(int(seconds / 0.02)):
        if await check():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen in time")


async def indexed(client):
    async def done():
        return (await client.get("/v1/status")).json()["pending"] == 0

    await until(done)


@pytest.fixture
async def client(tmp_path):
    async with running(tmp_path) as client:
        yield client


async def test_documents_are_accepted_indexed_found_and_removed(client):
    answer = await client.post("/v1/documents", json=[SHIPPING])
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1})
    await indexed(client)
    assert (await client.get("/v1/status")).json() == {"documents": 1, "passages": 1, "pending": 0, "failed": 0}
    found = (await client.post("/v1/search", json={"query": "when does it arrive", "k": 3})).json()
    assert found["passages"][0] == {
        "document_id": SHIPPING["id"],
        "title": "Shipping",
        "heading_path": [],
        "text": SHIPPING["text"],
        "url": None,
        "locale": None,
        "score": found["passages"][0]["score"],
        "version": 1,
    }
    assert (await client.delete("/v1/documents/help%2Fshipping%20times%231")).status_code == 204
    assert (await client.post("/v1/search", json={"query": "when does it arrive"})).json()["passages"] == []
    assert (await client.delete("/v1/documents/help%2Fshipping%20times%231")).status_code == 404


async def test_the_header_names_the_workspace(client):
    await client.post("/v1/documents", json=[SHIPPING], headers={"X-Onethread-Workspace": "acme"})
    assert (await client.get("/v1/status")).json()["documents"] == 0
    assert (await client.get("/v1/status", headers={"X-Onethread-Workspace": "acme"})).json()["documents"] == 1


@pytest.mark.parametrize(
    ("documents", "at"),
    [
        ([], "body"),
        ({"id": "a"}, "body"),
        ([SHIPPING] * 1_001, "body"),
        ([{"id": "a", "title": "T"}], "body.0.text"),
        ([{**SHIPPING, "text": "  \n"}], "body.0.text"),
        ([{**SHIPPING, "title": ""}], "body.0.title"),
        ([{**SHIPPING, "id": "a\nb"}], "body.0.id"),
        ([{**SHIPPING, "audience": "secret"}], "body.0.audience"),
        ([{**SHIPPING, "audiance": "internal"}], "body.0.audiance"),
        ([{**SHIPPING, "url": "javascript:alert(1)"}], "body.0.url"),
        ([SHIPPING, {**SHIPPING, "locale": "English!"}], "body.1.locale"),
    ],
)
async def test_bad_documents_are_refused_as_a_whole_with_the_place_named(client, documents, at):
    answer = await client.post("/v1/documents", json=documents)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["at"] == at
    assert (await client.get("/v1/status")).json()["documents"] == 0


@pytest.mark.parametrize("body", [b"{", b'[{"id":"a","title":"T","text":"\\ud800"}]', b"[1]", b"\xff"])
async def test_what_is_not_proper_json_is_a_problem_too(client, body):
    answer = await client.post("/v1/documents", content=body)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "question", [{}, {"query": " "}, {"query": "x", "k": 0}, {"query": "x", "k": 51}, {"query": "x" * 8_001}]
)
async def test_a_bad_search_is_refused(client, question):
    assert (await client.post("/v1/search", json=question)).status_code == 422


async def test_any_text_may_be_searched_for(client):
    await client.post("/v1/documents", json=[SHIPPING])
    await indexed(client)
    for query in ("?", "the", "a' OR 1=1 --", "日本語", "\x00", "x" * 8_000, "🙂"):
        assert (await client.post("/v1/search", json={"query": query})).status_code == 200, query


@pytest.mark.parametrize("key", ["", "Bearer", "Bearer nope", "Basic key", "Bearer ké"])
async def test_without_the_key_nothing_is_told(client, key):
    answer = await client.get("/v1/status", headers={"Authorization": key.encode()})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("workspace", ["", "../x", "A", "-a", "a" * 64])
async def test_a_bad_workspace_is_refused(client, workspace):
    answer = await client.get("/v1/status", headers={"X-Onethread-Workspace": workspace})
    assert answer.status_code == 422


async def test_the_folder_is_indexed_before_the_service_is_ready(tmp_path):
    articles = tmp_path / "articles"
    articles.mkdir()
    (articles / "a.md").write_text("---\ntitle: Times\n---\nThree days.\n")
    async with running(tmp_path, knowledge_dir=articles) as client:

        async def ready():
            return (await client.get("/readyz")).status_code == 200

        await until(ready)
        assert (await client.get("/v1/status")).json()["passages"] == 1
        assert (await client.get("/healthz")).status_code == 200


async def test_other_services_ask_over_the_bus(tmp_path):
    bus = StandInBus()
    async with running(tmp_path, bus) as client:
        await client.post("/v1/documents", json=[SHIPPING])
        await indexed(client)
        found = await bus.answers[KNOWLEDGE_SEARCH](KnowledgeSearch(workspace="local", query="arrive"))
    assert isinstance(found, KnowledgeFound)
    assert found.passages[0].document_id == SHIPPING["id"]


async def test_events_wait_for_the_bus_and_come_in_order(tmp_path):
    bus = StandInBus(away=True)
    async with running(tmp_path, bus) as client:
        await client.post("/v1/documents", json=[SHIPPING])
        await indexed(client)
        await client.delete("/v1/documents/help%2Fshipping%20times%231")
    bus.away = False
    async with running(tmp_path, bus):

        async def published():
            return len(bus.published) == 2

        await until(published)
    indexed_event, removed_event = bus.published
    assert indexed_event.type == "onethread.knowledge.indexed.v1"
    assert (indexed_event.data.version, indexed_event.data.passages) == (1, 1)
    assert removed_event.type == "onethread.knowledge.removed.v1"
    assert removed_event.workspaceid == "local"
