import sqlite3

import pytest

from onethread.knowledge.written import ArticleStore, Content

from .test_api import SHIPPING, StandInBus, indexed, running, until

PARROTS = {"title": "Parrots", "text": "Parrots eat nuts.", "wordings": ["What shall I feed my bird?"], "locale": "en"}


@pytest.fixture
async def client(tmp_path):
    async with running(tmp_path) as client:
        yield client


async def found(client, question="what do parrots eat", **more):
    await indexed(client)
    answer = await client.post("/v1/search", json={"query": question, "k": 3, **more})
    return [passage["text"] for passage in answer.json()["passages"]]


async def write(client, **more):
    answer = await client.post("/v1/articles", json={**PARROTS, **more}, headers={"X-Onethread-Author": "ana"})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def change(client, article, **changes):
    return await client.patch(f"/v1/articles/{article['id']}", json=changes, headers={"X-Onethread-Author": "ben"})


async def test_a_draft_is_never_in_search_until_it_is_published(client):
    draft = await write(client)
    assert (draft["state"], draft["live_version"], draft["author"], draft["origin"]) == (
        "draft",
        None,
        "ana",
        "written",
    )
    assert await found(client, audience="internal") == []
    published = (await change(client, draft, state="published")).json()
    assert (published["state"], published["live_version"], published["changed"]) == ("published", 1, False)
    assert await found(client) == ["Parrots eat nuts."]
    assert (await client.get(f"/v1/documents/{draft['id']}")).json()["wordings"] == PARROTS["wordings"]


async def test_a_draft_beside_a_published_article_leaves_it_as_it_is(client):
    article = await write(client, state="published")
    changed = (await change(client, article, text="Parrots eat seeds.")).json()
    assert (changed["state"], changed["version"], changed["live_version"], changed["changed"]) == (
        "published",
        2,
        1,
        True,
    )
    assert await found(client) == ["Parrots eat nuts."]
    await change(client, article, state="published")
    assert await found(client) == ["Parrots eat seeds."]
    versions = (await client.get(f"/v1/articles/{article['id']}/versions")).json()["items"]
    assert [(v["version"], v["text"], v["author"]) for v in versions] == [
        (2, "Parrots eat seeds.", "ben"),
        (1, "Parrots eat nuts.", "ana"),
    ]
    assert all(version["published_at"] for version in versions)


async def test_an_article_is_taken_back_deleted_and_turned_internal(client):
    article = await write(client, state="published")
    await change(client, article, audience="internal", state="published")
    assert await found(client) == []
    assert await found(client, audience="internal") == ["Parrots eat nuts."]
    await change(client, article, state="draft")
    assert await found(client, audience="internal") == []
    await change(client, article, state="published")
    assert await found(client, audience="internal") == ["Parrots eat nuts."]
    assert (await client.delete(f"/v1/articles/{article['id']}")).status_code == 204
    assert await found(client, audience="internal") == []
    assert (await client.get(f"/v1/articles/{article['id']}")).status_code == 404


async def test_a_lost_update_is_refused(client):
    article = await write(client)
    path = f"/v1/articles/{article['id']}"
    tag = (await client.get(path)).headers["etag"]
    first = await client.patch(path, json={"text": "First."}, headers={"If-Match": tag})
    assert (first.status_code, first.headers["etag"] != tag) == (200, True)
    for method, body in (("patch", {"text": "Second."}), ("delete", None)):
        refused = await client.request(method, path, json=body, headers={"If-Match": tag})
        assert refused.status_code == 412
    assert (await client.get(path)).json()["text"] == "First."


async def test_a_proposal_waits_for_a_person(client):
    new = {
        "title": "Parrots",
        "text": "They eat nuts.",
        "why": "Three customers asked and Ana answered.",
        "thread_id": "thr_1",
        "questions": ["What shall I feed my bird?"],
    }
    proposed = (await client.post("/v1/proposals", json=new)).json()
    assert (proposed["state"], proposed["origin"], proposed["why"]) == ("proposed", "thread", new["why"])
    assert proposed["wordings"] == new["questions"]
    assert await found(client, audience="internal") == []
    again = (await client.post("/v1/proposals", json={**new, "title": "Other"})).json()
    assert (again["id"], again["title"]) == (proposed["id"], "Parrots")
    listed = (await client.get("/v1/articles", params={"state": "proposed"})).json()["items"]
    assert [article["id"] for article in listed] == [proposed["id"]]
    await change(client, proposed, state="published")
    assert await found(client) == ["They eat nuts."]


async def test_a_proposal_that_was_dismissed_is_not_made_again(client):
    new = {"title": "Gap", "text": "Text.", "why": "Asked often.", "thread_id": "thr_2"}
    proposed = (await client.post("/v1/proposals", json=new)).json()
    assert (await change(client, proposed, state="dismissed")).json()["state"] == "dismissed"
    assert (await client.post("/v1/proposals", json=new)).json()["state"] == "dismissed"
    gap = (await client.post("/v1/proposals", json={**new, "thread_id": None})).json()
    assert (gap["origin"], gap["state"]) == ("gap", "proposed")


async def test_articles_are_listed_page_by_page(client):
    made = sorted([(await write(client, title=f"Bird {n}"))["id"] for n in range(5)])
    first = (await client.get("/v1/articles", params={"limit": 3})).json()
    second = (await client.get("/v1/articles", params={"limit": 3, "cursor": first["next"]})).json()
    assert [article["id"] for article in first["items"] + second["items"]] == made
    assert second["next"] is None
    assert [a["title"] for a in (await client.get("/v1/articles", params={"q": "bird 4"})).json()["items"]] == [
        "Bird 4"
    ]


async def test_what_is_no_article_is_refused(client):
    article = await write(client)
    for changes in ({"title": None}, {"text": " "}, {"state": "proposed"}, {"url": "javascript:x"}, {"wordings": None}):
        assert (await change(client, article, **changes)).status_code == 422, changes
    assert (await client.post("/v1/articles", json={"title": "x"})).status_code == 422
    assert (await client.patch("/v1/articles/art_none", json={})).status_code == 404
    assert (await client.get("/v1/articles/art_none/versions")).status_code == 404
    other = {"X-Onethread-Workspace": "other"}
    assert (await client.get(f"/v1/articles/{article['id']}", headers=other)).status_code == 404


async def test_documents_are_looked_through(client):
    await client.post("/v1/documents", json=[{**SHIPPING, "id": f"s{n}", "title": f"Shipping {n}"} for n in range(4)])
    article = await write(client, state="published")
    await indexed(client)
    first = (await client.get("/v1/documents", params={"limit": 2})).json()
    second = (await client.get("/v1/documents", params={"limit": 9, "cursor": first["next"]})).json()
    assert [row["id"] for row in first["items"] + second["items"]] == [article["id"], "s0", "s1", "s2", "s3"]
    one = (await client.get("/v1/documents", params={"q": "SHIPPING 3", "source": "api", "state": "indexed"})).json()
    assert [row["id"] for row in one["items"]] == ["s3"]
    assert (await client.get("/v1/documents", params={"source": "articles"})).json()["items"][0]["title"] == "Parrots"
    whole = (await client.get("/v1/documents/s3")).json()
    assert (whole["text"], whole["passages"], whole["version"], whole["reason"]) == (SHIPPING["text"], 1, 1, None)
    assert (await client.get("/v1/documents/none")).status_code == 404
    assert (await client.get("/v1/documents", params={"cursor": "é"})).status_code == 422


async def test_an_article_is_no_one_elses_to_overwrite_or_delete(client):
    article = await write(client, state="published")
    taken = await client.post("/v1/documents", json=[SHIPPING, {**SHIPPING, "id": article["id"]}])
    assert taken.status_code == 409
    assert (await client.get("/v1/status")).json()["documents"] == 1
    assert (await client.delete(f"/v1/documents/{article['id']}")).status_code == 409


async def test_publishing_is_told_to_the_other_services(tmp_path):
    bus = StandInBus()
    async with running(tmp_path, bus) as client:
        article = await write(client, state="published")
        await indexed(client)
        await change(client, article, state="draft")

        async def told():
            return len(bus.published) == 2

        await until(told)
    assert [event.type for event in bus.published] == [
        "onethread.knowledge.indexed.v1",
        "onethread.knowledge.removed.v1",
    ]
    assert bus.published[0].data.document_id == article["id"]


def test_a_crash_while_publishing_leaves_the_draft_and_nothing_in_search(store, monkeypatch):
    def full(*_):
        raise sqlite3.OperationalError("disk full")

    articles = ArticleStore(store)
    made = articles.create("acme", Content("T", "Text"), "ana")
    monkeypatch.setattr(store, "accept_one", full)
    with pytest.raises(sqlite3.OperationalError):
        articles.change("acme", made.id, "ana", changes={"text": "Newer"}, state="published")
    assert articles.get("acme", made.id) == made
    assert store.pending(1) == []
