"""Articles that are proposed for gaps, threads that were solved, and what is forgotten."""

from contextlib import closing, suppress
from uuid import uuid4

import pytest

from onethread.knowledge import gap_articles
from onethread.knowledge.documents import DocumentStore
from onethread.knowledge.gap_forgetting import KEPT_SECONDS, forget_old
from onethread.knowledge.gaps import GapStore
from onethread.knowledge.models import Models

from .gap_world import (
    PARKING,
    PARROT,
    PARROT_TOO,
    articles,
    change,
    close,
    draft,
    erase,
    listed,
    living,
    note,
    tell,
    the_gap,
    told,
)
from .test_api import indexed, until


@pytest.fixture
def gaps(store):
    return GapStore(store, Models(store))


@pytest.fixture
async def world(tmp_path):
    async with living(tmp_path) as world:
        yield world


# Articles for a gap


async def test_a_draft_is_what_teammates_answered_with_the_customers_ways_to_put_it(world):
    messages = [await tell(world, PARROT), await tell(world, PARROT_TOO), await tell(world, PARROT)]
    for message, text in zip(messages, ("By ship.", "By plane.", "By ship."), strict=True):
        world.bus.said_by_teammates[message] = text
    gap = await the_gap(world)
    article = await draft(world, gap)
    assert (article["state"], article["origin"], article["title"]) == ("proposed", "gap", gap["question"])
    assert sorted(article["text"].split("\n\n---\n\n")) == ["By plane.", "By ship."]
    assert set(article["wordings"]) == {PARROT, PARROT_TOO}
    assert PARROT not in article["text"]
    assert ((await the_gap(world))["state"], (await the_gap(world))["article_id"]) == ("drafted", article["id"])
    assert (await draft(world, gap))["id"] == article["id"]
    assert len(await articles(world)) == 1


async def test_without_an_answer_the_draft_is_empty_says_so_and_cannot_be_published(world):
    await tell(world, PARROT)
    article = await draft(world, await the_gap(world))
    assert (article["text"], "no teammate has answered" in article["why"]) == ("", True)
    refused = await change(world, article, state="published")
    assert (refused.status_code, refused.json()["title"]) == (422, "An empty article cannot be published")
    assert (await change(world, article, text="We do.", state="published")).status_code == 200
    assert (await the_gap(world))["state"] == "closed"


async def test_while_conversation_is_away_nothing_is_proposed_and_the_person_is_told(world):
    await tell(world, PARROT)
    world.bus.away = True
    answer = await world.client.post(f"/v1/gaps/{(await the_gap(world))['id']}/draft")
    assert (answer.status_code, answer.json()["title"]) == (503, "The conversations are away")
    assert await articles(world) == []


async def test_the_gap_follows_its_article(world):
    world.bus.said_by_teammates[await tell(world, PARROT)] = "We do."
    gap = await the_gap(world)
    article = await draft(world, gap)
    for state, then in (("published", "closed"), ("draft", "drafted"), ("dismissed", "open"), ("published", "closed")):
        assert (await change(world, article, state=state)).status_code == 200
        assert ((await the_gap(world))["state"], (await the_gap(world))["article_id"]) == (then, article["id"])
    await world.client.delete(f"/v1/articles/{article['id']}")
    assert ((await the_gap(world))["state"], (await the_gap(world))["article_id"]) == ("open", None)
    assert (await draft(world, gap))["id"] != article["id"]


async def test_what_a_person_has_written_is_never_written_over(world):
    world.bus.said_by_teammates[await tell(world, PARROT)] = "We do."
    gap = await the_gap(world)
    article = await draft(world, gap)
    await change(world, article, text="Mine.", state="published")
    world.bus.said_by_teammates[await tell(world, PARROT_TOO)] = "Later words."
    again = await draft(world, gap)
    assert (again["id"], again["text"], again["state"], again["changed"]) == (
        article["id"],
        "Mine.",
        "published",
        True,
    )
    assert set(again["wordings"]) == {PARROT, PARROT_TOO}


@pytest.mark.parametrize(
    ("question", "title"),
    [
        (PARROT, PARROT),
        (
            f"Hello. {'I have bought many things from you. ' * 5}Do you deliver parrots? Thank you.",
            "Do you deliver parrots?",
        ),
        ("word " * 50, " ".join(["word"] * 24) + "…"),
        ("x" * 200, "x" * 120 + "…"),
    ],
)
def test_the_title_of_a_long_letter_is_what_it_asks(question, title):
    assert gap_articles.title_of(question) == title


# Solved threads


async def test_a_thread_that_a_teammate_closes_after_answering_becomes_a_proposal(world):
    thread = uuid4()
    world.bus.said_by_teammates[await tell(world, PARROT, thread=thread)] = "We do, by ship."
    await close(world, thread)

    async def proposed():
        return await articles(world)

    await until(proposed)
    [article] = await articles(world)
    assert (article["state"], article["origin"], article["thread_id"]) == ("proposed", "thread", str(thread))
    assert article["text"] == "We do, by ship."

    other = uuid4()
    world.bus.said_by_teammates[await tell(world, PARROT_TOO, thread=other)] = "Also by plane."
    await close(world, other)

    async def merged():
        return "Also by plane." in (await articles(world))[0]["text"]

    await until(merged)
    assert len(await articles(world)) == 1


async def test_a_reply_within_its_undo_window_when_the_thread_is_closed_is_waited_for(world, monkeypatch):
    monkeypatch.setattr(gap_articles, "SECOND_LOOK_SECONDS", 3.0)
    thread = uuid4()
    message = await tell(world, PARROT, thread=thread)
    await close(world, thread)

    async def looked():
        with closing(DocumentStore(world.home / "knowledge" / "documents.sqlite3")) as store:
            return store.connection.execute("select 1 from solved_threads where tries > 0").fetchone()

    await until(looked)
    world.bus.said_by_teammates[message] = "We do."

    async def proposed():
        return await articles(world)

    await until(proposed)


async def test_nothing_is_proposed_of_a_thread_that_a_rule_closed_or_where_it_is_switched_off_or_put_aside(world):
    answered = uuid4()
    world.bus.said_by_teammates[await tell(world, PARROT, thread=answered)] = "We do."
    await close(world, answered, by=None)
    await close(world, answered, by="agent")
    assert (await world.client.get("/v1/gaps/settings")).json() == {"proposals": "ask"}
    assert (await world.client.put("/v1/gaps/settings", json={"proposals": "off"})).status_code == 200
    await close(world, answered)
    await world.client.put("/v1/gaps/settings", json={"proposals": "ask"})
    await world.client.patch(f"/v1/gaps/{(await the_gap(world))['id']}", json={"state": "ignored"})
    await close(world, answered)
    await close(world, uuid4())
    with closing(DocumentStore(world.home / "knowledge" / "documents.sqlite3")) as store:
        assert store.connection.execute("select * from solved_threads").fetchall() == []


# What is forgotten


def files(world):
    """All that the document store keeps, once what is in its log is in its file."""
    with suppress(FileNotFoundError):
        return b"".join((world.home / "knowledge" / f"documents.sqlite3{end}").read_bytes() for end in ("", "-wal"))
    return (world.home / "knowledge" / "documents.sqlite3").read_bytes()


async def test_an_erased_customer_is_in_no_gap_no_proposal_and_no_file(world):
    canary, customer = "zyxwvparrot", uuid4()
    message = await tell(world, f"Do you deliver a {canary}?", customer=customer)
    moved = await tell(world, f"Do you deliver the {canary}?")
    world.bus.said_by_teammates[message] = f"Yes, the {canary} too."
    await draft(world, await the_gap(world))
    await erase(world, customer, moved)
    assert await told(world) == []
    assert await articles(world) == []
    assert canary.encode() not in files(world)


async def test_others_who_asked_the_same_keep_their_gap_and_the_proposal_is_made_of_their_answers(world):
    customer = uuid4()
    gone = await tell(world, PARROT, customer=customer)
    kept = await tell(world, PARROT_TOO)
    world.bus.said_by_teammates |= {gone: "Yes, dear zyxwv.", kept: "Yes."}
    before = await the_gap(world)
    article = await draft(world, before)
    world.bus.said_by_teammates.pop(gone)
    await erase(world, customer, gone)
    assert ((await the_gap(world))["id"], (await the_gap(world))["count"]) == (before["id"], 1)
    [after] = await articles(world)
    assert (after["id"], after["text"], after["wordings"], after["title"]) == (
        article["id"], "Yes.", [PARROT_TOO], PARROT_TOO,
    )  # fmt: skip
    assert b"zyxwv" not in files(world)


async def test_an_article_that_a_person_has_published_stays_without_the_erased_customers_wordings(world):
    customer = uuid4()
    gone = await tell(world, f"{PARROT} zyxwv", customer=customer)
    await tell(world, PARROT_TOO)
    article = await draft(world, await the_gap(world))
    await change(world, article, title="Parrots", text="We do.", state="published")
    await indexed(world.client)
    await erase(world, customer, gone)
    await indexed(world.client)
    [after] = await articles(world)
    assert (after["state"], after["text"], after["wordings"]) == ("published", "We do.", [PARROT_TOO])
    assert (await world.client.get(f"/v1/documents/{article['id']}")).json()["wordings"] == [PARROT_TOO]
    versions = (await world.client.get(f"/v1/articles/{article['id']}/versions")).json()["items"]
    assert "zyxwv" not in str(versions)


def test_questions_are_forgotten_when_they_are_old(gaps, store):
    note(gaps, PARROT, at=1_000.0)
    note(gaps, PARROT_TOO, at=2_000.0)
    note(gaps, PARKING, at=1_000.0)
    assert forget_old(store, 1_500.0 + KEPT_SECONDS) == 2
    [gap] = listed(gaps)
    assert (gap.question, gap.count) == (PARROT_TOO, 1)
