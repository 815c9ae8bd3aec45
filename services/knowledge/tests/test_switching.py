"""A workspace moves to another embedding model, and its search never has a gap."""

import asyncio

import pytest

from onethread.knowledge import ingest, switching
from onethread.knowledge.articles import Article
from onethread.knowledge.ingest import Ingestor
from onethread.knowledge.library import open_library
from onethread.knowledge.minilm import MODEL_ID
from onethread.knowledge.models import ENGLISH, MANY, own

from .embedding_server import embedding_server
from .test_api import indexed, running, until

ARTICLES = [{"id": f"a{n}", "title": f"Parrot number {n}", "text": f"Parrot {n} eats nuts."} for n in range(12)]
OWN = "openai:words"


@pytest.fixture
def server():
    with embedding_server() as server:
        yield server


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    for module in (ingest, switching):
        monkeypatch.setattr(module, "REST_SECONDS", 0.2)
    monkeypatch.setattr(switching, "IN_USE_SECONDS", 0.0)


@pytest.fixture
def start(tmp_path, server):
    """Starts the service with a model of its operator's own."""

    def start(**more):
        own_model = {"embedding_provider": "openai", "embedding_model": "words", "embedding_url": server.url}
        return running(tmp_path, **own_model, **more)

    return start


@pytest.fixture
async def client(start):
    async with start() as client:
        yield client


async def embedding(client):
    return (await client.get("/v1/embedding")).json()


async def choose(client, model):
    return await client.put("/v1/embedding", json={"model": model})


async def moved(client, model):
    async def done():
        return (await embedding(client))["live"] == model

    await until(done)


async def found(client, query, **headers):
    answer = await client.post("/v1/search", json={"query": query}, headers=headers)
    return [passage["document_id"] for passage in answer.json()["passages"]] if answer.is_success else answer


async def put(client, *articles, **headers):
    await client.post("/v1/documents", json=list(articles), headers=headers)


async def test_what_can_be_chosen_is_told_with_where_texts_are_sent_to(client, server):
    told = await embedding(client)
    assert (told["live"], told["building"], told["error"]) == (MODEL_ID, None, None)
    english, many, own_model = told["models"]
    assert (english["name"], english["calibrated"], english["sends_text_to"]) == ("English", True, None)
    assert (many["id"], many["available"]) == (MANY.model_id, True)
    assert own_model == {
        "id": OWN, "name": "words", "kind": "openai", "languages": "Those of the model", "available": True,
        "why_not": None, "calibrated": False, "sends_text_to": f"127.0.0.1:{server.server_port}",
    }  # fmt: skip


async def test_a_model_that_is_not_there_is_refused_by_name(client):
    answer = await choose(client, "openai:else")
    assert answer.status_code == 422
    assert answer.json()["detail"] == f"Nothing was changed. There are: {MODEL_ID}, {MANY.model_id}, {OWN}."


async def test_all_is_found_while_the_other_index_is_built_and_by_the_other_model_after_it(client, server):
    await put(client, *ARTICLES)
    await indexed(client)
    server.gate.clear()
    answer = await choose(client, OWN)
    assert answer.status_code == 202
    assert answer.json()["building"] == {"model": OWN, "passages": 0, "of": 12, "error": None}
    for _ in range(5):
        assert (await found(client, "Parrot number 7"))[0] == "a7"
    server.gate.set()
    await moved(client, OWN)
    assert (await embedding(client))["building"] is None
    assert (await found(client, "Parrot number 7"))[0] == "a7"
    assert server.asked[-1]["input"] == ["Parrot number 7"]


async def test_what_is_added_changed_and_removed_while_it_is_built_counts_after_it(client, server):
    await put(client, *ARTICLES)
    await indexed(client)
    server.gate.clear()
    await choose(client, OWN)
    await put(client, {"id": "new", "title": "Camel", "text": "Camels drink."}, {**ARTICLES[3], "text": "Quokka 3."})
    await client.delete("/v1/documents/a5")
    await indexed(client)
    assert (await found(client, "camel"))[0] == "new"
    server.gate.set()
    await moved(client, OWN)
    assert (await found(client, "Camel Camels drink"))[0] == "new"
    assert (await found(client, "Quokka"))[0] == "a3"
    assert "a5" not in await found(client, "Parrot number 5")


async def test_a_server_that_is_away_leaves_the_live_model_in_use_and_is_tried_again(client, server):
    await put(client, *ARTICLES)
    await indexed(client)
    server.answer = (401, {})
    await choose(client, OWN)

    async def told():
        return (await embedding(client))["building"]["error"] is not None

    await until(told)
    assert "refuses the key" in (await embedding(client))["building"]["error"]
    assert (await found(client, "Parrot number 7"))[0] == "a7"
    server.answer = None
    await moved(client, OWN)


async def test_naming_the_live_model_ends_the_building_of_another(client, server):
    await put(client, *ARTICLES)
    await indexed(client)
    server.answer = (500, {})
    await choose(client, OWN)
    answer = await choose(client, MODEL_ID)
    assert (answer.json()["live"], answer.json()["building"]) == (MODEL_ID, None)
    server.answer = None
    await asyncio.sleep(0.5)
    assert (await embedding(client))["live"] == MODEL_ID


async def test_a_restart_goes_on_with_the_building(start, server):
    async with start() as client:
        await put(client, *ARTICLES)
        await indexed(client)
        server.answer = (500, {})
        await choose(client, OWN)
    server.answer = None
    async with start() as client:
        await moved(client, OWN)
        assert (await found(client, "Parrot number 7"))[0] == "a7"


async def test_one_workspaces_model_that_is_away_holds_up_no_other(client, server):
    theirs = {"X-Onethread-Workspace": "theirs"}
    await put(client, *ARTICLES, **theirs)
    await choose_for(client, theirs)
    server.answer = (500, {})
    await put(client, {"id": "late", "title": "Late", "text": "Late camel."}, **theirs)
    await put(client, {"id": "ours", "title": "Ours", "text": "Our parrot."})
    await indexed(client)
    assert await found(client, "our parrot") == ["ours"]
    assert (await client.get("/v1/status", headers=theirs)).json()["pending"] == 1
    told = (await client.get("/v1/embedding", headers=theirs)).json()
    assert "answers, but not with vectors" in told["error"]
    server.answer = None

    async def caught_up():
        return (await client.get("/v1/status", headers=theirs)).json()["pending"] == 0

    await until(caught_up)
    assert (await found(client, "late camel", **theirs))[0] == "late"
    assert (await client.get("/v1/embedding", headers=theirs)).json()["error"] is None


async def choose_for(client, headers):
    await client.put("/v1/embedding", json={"model": OWN}, headers=headers)

    async def done():
        told = (await client.get("/v1/embedding", headers=headers)).json()
        status = (await client.get("/v1/status", headers=headers)).json()
        return told["live"] == OWN and status["pending"] == 0

    await until(done)


async def test_a_question_that_can_not_be_embedded_is_refused_in_words(client, server):
    await put(client, *ARTICLES)
    await choose_for(client, {})
    server.answer = (500, {})
    refused = await found(client, "Parrot number 7")
    assert refused.status_code == 503
    assert "answers, but not with vectors" in refused.json()["detail"]


async def test_a_service_whose_model_is_away_at_start_is_ready_all_the_same(start, server):
    async with start() as client:
        await put(client, *ARTICLES)
        await choose_for(client, {})
    server.answer = (500, {})
    async with start() as client:

        async def ready():
            return (await client.get("/readyz")).status_code == 200

        await until(ready)


async def test_new_workspaces_begin_with_the_model_of_the_settings_and_old_ones_keep_theirs(start):
    async with start() as client:
        await put(client, *ARTICLES)
        await indexed(client)
    async with start(embedding="own") as client:
        assert await found(client, "Parrot number 7")
        assert (await embedding(client))["live"] == MODEL_ID
        new = {"X-Onethread-Workspace": "new"}
        await put(client, *ARTICLES, **new)
        assert (await client.get("/v1/embedding", headers=new)).json()["live"] == OWN


async def test_a_model_that_was_taken_away_is_named_and_another_one_can_be_chosen(start, tmp_path):
    async with start() as client:
        await put(client, *ARTICLES)
        await choose_for(client, {})
    async with running(tmp_path) as client:
        refused = await found(client, "Parrot number 7")
        assert "openai:words is not set up on this server any more" in refused.json()["detail"]
        await choose(client, MODEL_ID)
        await moved(client, MODEL_ID)
        assert (await found(client, "Parrot number 7"))[0] == "a7"


async def test_the_index_that_was_left_is_dropped(start, server, tmp_path):
    async with start() as client:
        await put(client, *ARTICLES)
        await choose_for(client, {})
        library = client._transport.app.state.knowledge.library

        async def dropped():
            return await library.run(
                lambda: not library.vectors.of(MODEL_ID).count("local") and not library.pieces.ids()
            )

        await until(dropped)
    with open_library(tmp_path / "knowledge", [ENGLISH, own(server.chosen())]) as library:
        assert library.vectors.of(OWN).count("local") == 12
        assert library.vectors.of(MODEL_ID).count("local") == 0
        assert library.pieces.ids() == set()


def test_one_model_after_the_other_finds_the_same_again(tmp_path, server):
    with open_library(tmp_path, [ENGLISH, own(server.chosen())]) as library:
        library.store.accept("acme", [Article("a", "Parrot", "Eats nuts."), Article("b", "Camel", "Drinks.")])
        ingestor = Ingestor(library)
        ingestor.work()
        for model in (OWN, MODEL_ID, OWN):
            library.models.want("acme", model)
            assert ingestor.build("acme", model)
            ingestor.switch("acme", model)
            assert library.models.live("acme").model_id == model
            assert library.vectors.of(model).count("acme") == 2
