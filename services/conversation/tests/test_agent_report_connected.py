"""What the agent did, or would have done: the numbers of a small history that can be counted by hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from plugins.conversation_world import received, verified

from onethread.contracts import subjects
from onethread.contracts.agent import Usage
from onethread.contracts.knowledge import Likeness, LikenessOf
from onethread.conversation.comparing import Comparing, overlap
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.bus import Bus, UnavailableError

pytestmark = pytest.mark.connected
SMALL = Usage(model="small", input_tokens=100, output_tokens=10, cost=0.01)


class Knowledge:
    """Stands where the bus does: finds texts alike that begin alike, or is away."""

    def __init__(self, *, away: bool = False) -> None:
        self.away, self.asked = away, 0

    async def ask(self, subject: str, question: LikenessOf, _: Any, timeout: float) -> Likeness:
        assert subject == subjects.KNOWLEDGE_LIKENESS
        self.asked += 1
        if self.away:
            raise UnavailableError("nobody answers")
        return Likeness(cosines=[0.95 if one[:5] == other[:5] else 0.1 for one, other in question.pairs])


async def compare(driver: Any, knowledge: Knowledge) -> None:
    await Comparing(driver.app.state.database, knowledge).compare("local", None)  # type: ignore[arg-type]


async def say(driver: Any, customer: str, text: str, kind: str = "email") -> dict[str, Any]:
    own = verified("email", f"{customer}@x.example") if kind == "email" else verified("slack_user", f"T/{customer}")
    return await driver.hear(received(kind, text, own))


async def reply(driver: Any, question: dict[str, Any], text: str) -> dict[str, Any]:
    return await driver.post(f"threads/{question['thread_id']}/messages", text=text)


async def report(driver: Any, **asked: str) -> dict[str, Any]:
    answer = await driver.api.get("/api/v1/metrics/agent", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def a_week_in_shadow(driver: Any) -> None:
    """Four questions by mail, one handed over; one draft on Slack, dismissed; and thanks."""
    await driver.agent(modes={"email": "shadow", "slack": "draft"})
    for customer, said, proposed, sent in (
        ("ana", "How long?", "Three days.", "Three working days."),
        ("bo", "How long to Rome?", "Three days.", "We lost it, sorry."),
        ("cy", "What does it cost?", "Five euros.", "Five euros, Cy."),
    ):
        question = await say(driver, customer, said)
        topic = "Costs" if customer == "cy" else "Delivery"
        await driver.propose(question, proposed, topic=topic, usage=[SMALL])
        await reply(driver, question, sent)
    handed = await say(driver, "di", "My lawyer says")
    await driver.propose(handed, "A person answers.", "handoff", handoff="reserved", usage=[SMALL])
    await reply(driver, handed, "I call you.")
    await driver.propose(await say(driver, "ana", "Thanks!"), "You are welcome.")
    draft = await driver.propose(await say(driver, "el", "Blue or red?", "slack"), "Red.", topic="Colours")
    await driver.post(f"proposals/{draft['id']}/dismiss", reason="wrong")


async def test_the_report_counts_by_channel_and_by_topic_what_it_answered_and_how_alike_that_was(driver: Any) -> None:
    await a_week_in_shadow(driver)
    knowledge = Knowledge()
    await compare(driver, knowledge)
    assert knowledge.asked == 1
    found = await report(driver)
    total, mail, slack = found["total"], *sorted(found["channels"], key=lambda one: one["channel"]["kind"])
    assert (total["messages"], total["questions"], total["answered"], total["handed_off"]) == (6, 5, 4, 1)
    assert (mail["messages"], mail["questions"], mail["answered"], mail["handoffs"]) == (5, 4, 3, {"reserved": 1})
    assert (mail["compared"], mail["alike"], mail["median_likeness"]) == (3, 2, 0.95)
    assert (mail["modes"], mail["states"]) == ({"shadow": 4}, {"silent": 4})
    assert (mail["input_tokens"], mail["output_tokens"], round(mail["cost"], 2)) == (400, 40, 0.04)
    assert (slack["states"], slack["compared"], slack["median_likeness"]) == ({"dismissed": 1}, 0, None)
    topics = {one["topic"]: (one["questions"], one["alike"]) for one in found["topics"]}
    assert topics == {"Delivery": (2, 1), "Costs": (1, 1), "Colours": (1, 0), None: (1, 0)}
    assert found["topics"][0]["topic"] == "Delivery"


async def test_the_report_shows_where_the_agent_was_wrong(driver: Any) -> None:
    await a_week_in_shadow(driver)
    await compare(driver, Knowledge())
    found = await report(driver)
    [wrong], [dismissed] = found["least_alike"], found["dismissed"]
    assert (wrong["question"], wrong["proposed"], wrong["said"]) == (
        "How long to Rome?", "Three days.", "We lost it, sorry.",
    )  # fmt: skip
    assert (wrong["likeness"], wrong["topic"]) == (0.1, "Delivery")
    assert (dismissed["proposed"], dismissed["dismissal"], dismissed["said"]) == ("Red.", "wrong", None)
    assert (await driver.api.get(f"/api/v1/threads/{wrong['thread_id']}")).status_code == 200


async def test_the_report_is_of_a_channel_a_kind_or_a_time(driver: Any) -> None:
    await a_week_in_shadow(driver)
    assert (await report(driver, channel="slack"))["total"]["questions"] == 1
    assert (await report(driver, channel="email-local"))["total"]["questions"] == 4
    assert (await report(driver, channel="nowhere"))["total"]["questions"] == 0
    before = await report(driver, until=datetime.now(UTC).replace(year=2020).isoformat())
    assert (before["total"]["messages"], before["channels"], before["topics"]) == (0, [], [])


@pytest.mark.parametrize(
    "asked",
    [{"since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, {"since": "2020-01-01T00:00:00Z"},
     {"until": "0001-01-01T00:00:00Z"}, {"since": "yesterday"}, {"since": "2026-01-01T00:00:00"}],
)  # fmt: skip
async def test_a_time_that_is_none_is_refused(driver: Any, asked: dict[str, str]) -> None:
    for name in ("agent", "resolutions"):
        assert (await driver.api.get(f"/api/v1/metrics/{name}", params=asked)).status_code == 422


async def test_while_knowledge_is_away_words_are_compared_and_meaning_is_when_it_is_back(driver: Any) -> None:
    await a_week_in_shadow(driver)
    await compare(driver, Knowledge(away=True))
    by_words = (await report(driver))["total"]
    assert (by_words["compared"], by_words["compared_by_words"]) == (3, 3)
    await driver.rows("update proposal set compare_at = now() where compare_at is not null")
    await compare(driver, Knowledge())
    by_meaning = (await report(driver))["total"]
    assert (by_meaning["compared"], by_meaning["compared_by_words"], by_meaning["alike"]) == (3, 0, 2)
    assert await driver.rows("select id from proposal where compare_at is not null") == []


async def test_words_are_not_waited_for_longer_than_a_day(driver: Any) -> None:
    await a_week_in_shadow(driver)
    await driver.rows("update proposal set created_at = created_at - interval '2 days'")
    await compare(driver, Knowledge(away=True))
    assert await driver.rows("select id from proposal where compare_at is not null") == []


async def test_only_the_latest_proposal_before_a_reply_is_compared_with_it(driver: Any) -> None:
    await driver.agent(modes={"email": "shadow"})
    first = await driver.propose(await say(driver, "ana", "How long?"), "Three days.")
    question = await say(driver, "ana", "To Rome, I mean")
    second = await driver.propose(question, "Five days.")
    sent = await reply(driver, question, "Five days, Ana.")
    more = await reply(driver, question, "Or six.")
    paired = {row["id"]: str(row["reply_id"]) for row in await driver.rows("select id, reply_id from proposal")}
    assert paired == {first["id"]: "None", second["id"]: sent["id"]}
    late = await driver.propose(await say(driver, "ana", "And Paris?"), "Two days.")
    assert (await driver.proposal(late["id"]))["reply_id"] is None
    assert more["id"] not in paired.values()


async def test_what_was_erased_is_compared_with_nothing(driver: Any) -> None:
    await a_week_in_shadow(driver)
    for row in await driver.rows("select id from customer"):
        await driver.api.post(f"/api/v1/customers/{row['id']}/erase")
    knowledge = Knowledge()
    await compare(driver, knowledge)
    assert knowledge.asked == 0
    found = await report(driver)
    assert (found["total"]["questions"], found["total"]["compared"]) == (5, 0)
    assert {pair["proposed"] for pair in found["dismissed"]} == {""}


async def test_another_workspace_counts_nothing_of_it(driver: Any) -> None:
    await a_week_in_shadow(driver)
    await driver.post("workspaces", slug="acme", name="Acme")
    for name in ("agent", "resolutions"):
        seen = await driver.api.get(f"/api/v1/metrics/{name}", headers={"X-Onethread-Workspace": "acme"})
        assert not any(value for value in seen.json()["total"].values() if isinstance(value, int | float))


async def test_knowledge_is_asked_over_the_bus_when_there_is_time(outside: Any, nats_url: str) -> None:
    knowledge = Bus("knowledge", ConversationSettings(nats_url=nats_url, api_key="key", admin_password="pw"))

    async def likeness(question: LikenessOf) -> Likeness:
        return Likeness(cosines=[0.5 for _ in question.pairs])

    knowledge.answer(subjects.KNOWLEDGE_LIKENESS, LikenessOf, likeness)
    await knowledge.start()
    await outside.api.patch("/api/v1/workspaces/local", json={"settings": {"agent": {"modes": {"email": "shadow"}}}})
    added = await outside.hear(received("email", "How long?", verified("email", "ana@x.example")))
    await outside.propose(added, "answer", "Three days.")
    url = f"/api/v1/threads/{added.threadid}"

    async def proposal() -> dict[str, Any]:
        return next(iter((await outside.api.get(f"{url}/proposals")).json()["items"]), {})

    await _until(proposal, "id")
    await outside.api.post(f"{url}/messages", json={"text": "It takes three days."})
    outside.app.state.timers.poke()
    assert (await _until(proposal, "likeness"))["likeness"] == 0.5
    await knowledge.stop()


async def _until(read: Any, name: str) -> dict[str, Any]:
    for _ in range(1_000):
        found = await read()
        if found.get(name) is not None:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen in time")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Three days.", "three DAYS", 1),
        ("Three days.", "No.", 0),
        ("a b", "b c", 0.5),
        ("", "", 0),
        ("a a", "a", 2 / 3),
    ],
)
def test_the_overlap_of_words_is_between_nothing_and_all(one: str, other: str, expected: float) -> None:
    assert overlap(one, other) == pytest.approx(expected)
    assert overlap(one, other) == overlap(other, one)
