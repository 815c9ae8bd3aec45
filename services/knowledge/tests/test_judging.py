"""Judged answers and the calibration that is fitted to them, by the HTTP API and by what the bus brings."""

import sqlite3
from contextlib import closing
from uuid import uuid4

import numpy as np
import pytest

from onethread.contracts.envelope import now
from onethread.contracts.knowledge import AnswerJudged, Evidence, KnowledgeAnswerJudged, KnowledgeSearch
from onethread.contracts.subjects import KNOWLEDGE_SEARCH
from onethread.knowledge import judgements
from onethread.knowledge.calibrations import Calibrations
from onethread.knowledge.confidence import FEATURES, shipped
from onethread.knowledge.judgements import Judgement
from onethread.knowledge.minilm import MODEL_ID

from .gap_world import erase, living, publish
from .test_api import indexed

SHIPPED = shipped(MODEL_ID)
QUESTION = "What do parrots eat?"
MIDDLE = np.array([1.44, 0.35, 0.22, 1.13, 0.28, 0.04])


@pytest.fixture
async def world(tmp_path):
    async with living(tmp_path) as world:
        yield world


def evidence(seed=0, **more):
    """Every fourth is of a search that the agent was not sure of."""
    middle = MIDDLE * (1 if seed % 4 else 0.7)
    numbers = (middle * (1 + 0.2 * np.random.default_rng(seed).normal(size=len(FEATURES)))).tolist()
    return {"model": MODEL_ID, "calibration": SHIPPED.version, "numbers": numbers} | more


async def judge(world, query, right, **more):
    answer = await world.client.post("/v1/judgements", json={"query": query, "right": right, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["counted"]


async def judge_many(world, n=240):
    """What is shipped is far too sure: of all, one in three is right."""
    for i in range(n):
        await judge(world, f"question {i}", i % 3 == 0, evidence=evidence(i))


async def calibration(world, **asked):
    return (await world.client.get("/v1/calibration", params=asked)).json()


async def adopt(world, offer):
    headers = {"X-Onethread-Author": "Ana"}
    return await world.client.post("/v1/calibration", json={"offer": offer["id"]}, headers=headers)


async def found(world, workspace="local"):
    return await world.bus.answers[KNOWLEDGE_SEARCH](KnowledgeSearch(workspace=workspace, query=QUESTION))


async def hear(world, right, message=None, customer=None, **more):
    event = KnowledgeAnswerJudged(
        id=uuid4(), source="/conversation", subject=str(message or uuid4()), workspaceid="local",
        customerid=customer, time=more.pop("time", now()),
        data=AnswerJudged(right=right, how="thumb", evidence=more.pop("evidence", Evidence(**evidence()))),
    )  # fmt: skip
    await world.bus.hears["knowledge-judged"](event)


def kept(world):
    with closing(sqlite3.connect(world.home / "knowledge" / "documents.sqlite3")) as db:
        return db.execute("select * from judgements").fetchall()


async def test_a_judged_question_is_searched_for_and_kept_without_its_words(world):
    await publish(world, "Parrots eat seeds and fruit.")
    await indexed(world.client)
    assert await judge(world, QUESTION, right=True, by="Ana")
    [row] = kept(world)
    assert "parrot" not in str(row).lower()
    state = await calibration(world)
    assert state["judged"] == {"total": 1, "right": 1, "origins": {"api": 1}}
    sure = (await found(world)).confidence
    assert state["figures"]["bins"] == [{"count": 1, "belief": pytest.approx(sure, abs=1e-4), "right": 1.0}]


async def test_of_one_question_the_latest_judgement_counts(world):
    await judge(world, "Where is it?", right=True, evidence=evidence())
    await judge(world, "  where IS it? ", right=False, evidence=evidence())
    assert (await calibration(world))["judged"] == {"total": 1, "right": 0, "origins": {"api": 1}}


async def test_where_nothing_is_found_nothing_is_judged(world):
    assert not await judge(world, QUESTION, right=False)
    assert kept(world) == []


@pytest.mark.parametrize("numbers", [[], [1.0], ["NaN"] * len(FEATURES), ["Infinity"] * len(FEATURES)])
async def test_evidence_that_cannot_be_read_is_refused(world, numbers):
    body = {"query": "x", "right": True, "evidence": evidence(numbers=numbers)}
    answer = await world.client.post("/v1/judgements", json=body)
    assert answer.status_code == 422
    assert kept(world) == []


async def test_a_refit_is_offered_after_two_hundred_adopted_by_name_and_taken_back(world):
    await publish(world, "Parrots eat seeds and fruit.")
    await indexed(world.client)
    before = await found(world)
    assert before.calibration == SHIPPED.version
    await judge_many(world, 199)
    early = await calibration(world)
    assert (early["offer"], early["why_not"]) == (None, "A refit needs 200 judged answers. There are 199.")
    await judge(world, "one more", right=False, evidence=evidence(500))

    offered = (await calibration(world, threshold=0.6))["offer"]
    assert offered["version"] == "workspace-1"
    assert offered["after"]["off"] < offered["before"]["off"] / 1.5
    assert offered["after"]["surprise"] < offered["before"]["surprise"]
    assert (await found(world)) == before, "offered is not taken"

    adopted = (await adopt(world, offered)).json()
    assert (adopted["in_use"]["version"], adopted["in_use"]["by"]) == ("workspace-1", "Ana")
    assert "200 judged answers" in adopted["in_use"]["data"]
    assert adopted["offer"] is None
    after = await found(world)
    assert (after.calibration, after.passages) == ("workspace-1", before.passages)
    assert after.confidence < before.confidence
    assert after.evidence == before.evidence, "a judgement of either says the same"
    assert (await found(world, "other")).calibration == SHIPPED.version

    back = (await world.client.delete("/v1/calibration")).json()
    assert (back["in_use"]["version"], back["in_use"]["by"]) == (SHIPPED.version, None)
    assert await found(world) == before
    assert back["offer"]["version"] == "workspace-2", "a version names one calibration for ever"


async def test_what_is_offered_meanwhile_is_not_adopted_unseen(world):
    await judge_many(world)
    seen = (await calibration(world))["offer"]
    await judge(world, "late", right=True, evidence=evidence(900))
    answer = await adopt(world, seen)
    assert (answer.status_code, answer.json()["title"]) == (409, "This is not what is offered now")
    state = await calibration(world)
    assert state["in_use"]["version"] == SHIPPED.version
    await adopt(world, state["offer"])
    assert (await adopt(world, state["offer"])).status_code == 409


async def test_nothing_is_offered_that_is_no_better_and_it_is_said_why(world):
    numbers = 0.9 * np.array([evidence(i)["numbers"] for i in range(240)])
    logits = SHIPPED.intercept + numbers @ [SHIPPED.weights[name] for name in FEATURES]
    right = np.random.default_rng(1).random(240) < 1 / (1 + np.exp(-logits))
    for i in range(240):
        await judge(world, f"question {i}", bool(right[i]), evidence=evidence(numbers=numbers[i].tolist()))
    state = await calibration(world)
    assert state["judged"]["total"] == 240
    assert state["offer"] is None
    assert state["why_not"].startswith("A refit was tried and is not surely better")


async def test_an_adopted_calibration_and_its_judgements_outlive_a_restart(tmp_path):
    async with living(tmp_path) as world:
        await judge_many(world)
        await adopt(world, (await calibration(world))["offer"])
        used = (await calibration(world))["in_use"]
    async with living(tmp_path) as world:
        assert (await calibration(world))["in_use"] == used
        assert (await calibration(world))["judged"]["total"] == 240


def test_an_adopted_calibration_belongs_to_its_embedding_model(store):
    calibrations = Calibrations(store)
    for i in range(240):
        judgement = Judgement(str(i), Evidence(**evidence(i)), i % 3 == 0, "api", float(i))
        judgements.note(store, "acme", judgement)
    offer = calibrations.standing("acme", MODEL_ID, 0.8).offer
    calibrations.adopt("acme", MODEL_ID, offer.id, "Ana")
    assert calibrations.of("acme", MODEL_ID).version == "workspace-1"
    assert calibrations.of("acme", "another").version == shipped("another").version
    assert calibrations.standing("acme", "another", 0.8).counts.total == 0


async def test_judgements_of_another_model_or_of_an_earlier_release_do_not_count(world):
    await judge_many(world, 3)
    await judge(world, "other model", right=True, evidence=evidence(model="another"))
    await judge(world, "earlier", right=True, evidence=evidence(calibration="pooled-1"))
    assert (await calibration(world))["judged"]["total"] == 3


async def test_thumbs_count_with_the_numbers_of_then_and_in_the_order_in_which_they_were_given(world):
    message, late = uuid4(), now()
    await hear(world, right=True, message=message, time=late)
    await hear(world, right=False, message=message, time=late.replace(year=late.year - 1))
    assert (await calibration(world))["judged"] == {"total": 1, "right": 1, "origins": {"thumb": 1}}
    await hear(world, right=False, message=message)
    assert (await calibration(world))["judged"] == {"total": 1, "right": 0, "origins": {"thumb": 1}}


async def test_thumbs_make_no_table_of_how_right_the_agent_was_and_no_offer(world):
    """Who is cross gives one sooner than who is content."""
    for i in range(210):
        await hear(world, right=i % 3 == 0, evidence=Evidence(**evidence(i)))
    state = await calibration(world)
    assert (state["judged"]["total"], state["figures"], state["offer"]) == (210, None, None)
    assert "210 thumbs of customers do not count here" in state["why_not"]
    await judge_many(world, 90)
    state = await calibration(world)
    assert sum(one["count"] for one in state["figures"]["bins"]) == 90


async def test_judgements_of_an_erased_customer_are_gone_and_others_stay(world):
    customer, message = uuid4(), uuid4()
    await hear(world, right=True, customer=customer)
    await hear(world, right=True, message=message)
    await judge(world, "Theirs", right=True, evidence=evidence(), customer_id=str(customer))
    await judge(world, "Nobody's", right=True, evidence=evidence())
    await erase(world, customer, message)
    await hear(world, right=True, customer=customer, evidence=None)
    assert (await calibration(world))["judged"]["origins"] == {"api": 1}


async def test_what_is_covered_is_looked_at_again_when_the_confidence_changes(world):
    await judge_many(world)
    documents = world.home / "knowledge" / "documents.sqlite3"
    with closing(sqlite3.connect(documents, isolation_level=None)) as db:
        db.execute(
            "insert into gaps (workspace, id, question, model, sum, count, first, last, stale)"
            " values ('local', 'gap_1', 'Parrots?', 'm', x'', 1, 1, 1, 0)"
        )
        db.execute("create table seen (stale integer)")
        db.execute("create trigger seen after update of stale on gaps begin insert into seen values (new.stale); end")
        await adopt(world, (await calibration(world))["offer"])
        assert db.execute("select stale from seen").fetchall()[0] == (1,)
