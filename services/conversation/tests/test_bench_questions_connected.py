"""The questions of the test bench: kept, changed, made of messages and erased with them, brought and taken as CSV."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest
from plugins.bench import Bench
from plugins.conversation_world import received, verified

from onethread.conversation import bench_questions

pytestmark = pytest.mark.connected
ANA = verified("email", "ana@pineandpaper.example")
HOW, WHERE = "How long may I return it?", "Where is your shop?"
ELSEWHERE = {"X-Onethread-Workspace": "acme"}


@pytest.fixture
def bench(driver: Any) -> Bench:
    return Bench(driver)


async def refused(bench: Bench, method: str, path: str, **more: Any) -> httpx.Response:
    return await bench.driver.api.request(method, f"/api/v1/agent/{path}", **more)


async def test_a_question_is_added_changed_and_deleted(bench: Bench) -> None:
    made = await bench.add(HOW, expect="answer", sources=["Returns"], contains=["30 days"])
    path = f"/api/v1/agent/questions/{made['id']}"
    read = await bench.driver.api.get(path)
    changed = await bench.driver.api.patch(
        path, json={"expect": None, "note": "x"}, headers={"If-Match": read.headers["etag"]}
    )
    assert (changed.json()["expect"], changed.json()["sources"], changed.json()["version"]) == (None, ["Returns"], 2)
    again = await bench.driver.api.patch(path, json={"note": "y"}, headers={"If-Match": read.headers["etag"]})
    assert again.status_code == 412
    assert (await bench.driver.api.delete(path)).status_code == 204
    assert (await bench.driver.api.get(path)).status_code == 404


async def test_the_list_comes_in_pages_and_is_searched(bench: Bench) -> None:
    for number in range(5):
        await bench.add(f"Question {number}")
    seen, cursor = [], None
    while cursor is not None or not seen:
        asked = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await bench.driver.api.get("/api/v1/agent/questions", params=asked)).json()
        seen += [one["question"] for one in page["items"]]
        cursor = page["next"]
    assert seen == [f"Question {number}" for number in range(5)]
    found = (await bench.driver.api.get("/api/v1/agent/questions", params={"q": "question 3"})).json()["items"]
    assert [one["question"] for one in found] == ["Question 3"]


async def test_a_message_becomes_a_question_with_what_was_said_before_it_and_is_erased_with_its_customer(
    bench: Bench,
) -> None:
    driver = bench.driver
    await driver.hear(received("email", "I bought a pen.", ANA))
    asked = await driver.hear(received("email", HOW, ANA))
    await bench.add(WHERE)
    proposal = await driver.propose(asked, "Within 30 days.")
    of_message = await driver.post("agent/questions/from-message", message_id=str(asked["id"]))
    of_proposal = await driver.post("agent/questions/from-message", proposal_id=str(proposal["id"]))
    for made in (of_message, of_proposal):
        assert (made["question"], made["channel"], made["from_message"]) == (HOW, "email", True)
        assert made["history"][0]["text"] == "I bought a pen."
    run = await bench.run()
    assert len(await bench.results(run["id"])) == 3
    await driver.post(f"customers/{asked['customer_id']}/erase")
    left = (await driver.api.get("/api/v1/agent/questions")).json()["items"]
    assert [one["question"] for one in left] == [WHERE]
    assert [one["question"] for one in await bench.results(run["id"])] == [WHERE]


async def test_only_a_customers_message_becomes_a_question(bench: Bench) -> None:
    asked = await bench.driver.hear(received("email", HOW, ANA))
    said = await bench.driver.post(f"threads/{asked['thread_id']}/messages", text="Thirty days.")
    for body, status in (
        ({"message_id": said["id"]}, 422), ({"message_id": str(uuid4())}, 404), ({"proposal_id": str(uuid4())}, 404),
        ({}, 422), ({"message_id": str(asked["id"]), "proposal_id": str(uuid4())}, 422),
    ):  # fmt: skip
        assert (await refused(bench, "POST", "questions/from-message", json=body)).status_code == status


async def test_what_is_exported_is_imported_again_and_changes_those_that_are_there(bench: Bench) -> None:
    await bench.add(HOW, expect="answer", contains=["=1+1", "30 days"], note="two\nlines")
    table = (await bench.driver.api.get("/api/v1/agent/questions/export")).text
    assert (await bench.driver.post("agent/questions/import", csv=table)) == {"added": 0, "changed": 0, "same": 1}
    edited = table.replace("30 days", "20 days") + f"{WHERE},email\r\n"
    assert (await bench.driver.post("agent/questions/import", csv=edited)) == {"added": 1, "changed": 1, "same": 0}
    kept = (await bench.driver.api.get("/api/v1/agent/questions")).json()["items"]
    assert [(one["question"], one["contains"]) for one in kept] == [(HOW, ["=1+1", "20 days"]), (WHERE, [])]
    bad = await refused(bench, "POST", "questions/import", json={"csv": "question,expect\nA?,answer\nB?,maybe\n"})
    assert (bad.status_code, [one["row"] for one in bad.json()["errors"]]) == (422, [3])
    assert len((await bench.driver.api.get("/api/v1/agent/questions")).json()["items"]) == 2


async def test_there_are_at_most_two_thousand(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_questions, "MOST", 2)
    await bench.add(HOW)
    table = {"csv": "question\nA?\nB?\n"}
    assert (await refused(bench, "POST", "questions/import", json=table)).status_code == 409
    await bench.add(WHERE)
    assert (await refused(bench, "POST", "questions", json={"question": "One more?"})).status_code == 409
