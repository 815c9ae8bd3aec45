"""The test bench with a played agent: runs ask all questions, and what got worse is shown."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from plugins.bench import EVIDENCE, UNSURE, Bench, answer
from plugins.conversation_world import received, verified

from onethread.contracts.calls import Call, Called
from onethread.contracts.knowledge import DocumentChange, KnowledgeIndexed
from onethread.conversation import bench_due, bench_runs
from onethread.conversation.bench_judging import DUE, Judgements
from onethread.runtime.bus import UnavailableError

pytestmark = pytest.mark.connected
ANA = verified("email", "ana@pineandpaper.example")
HOW, WHERE = "How long may I return it?", "Where is your shop?"
ELSEWHERE = {"X-Onethread-Workspace": "acme"}


@pytest.fixture
def bench(driver: Any) -> Bench:
    return Bench(driver)


async def refused(bench: Bench, method: str, path: str, **more: Any) -> httpx.Response:
    return await bench.driver.api.request(method, f"/api/v1/agent/{path}", **more)


# Runs


async def test_a_run_asks_every_question_and_says_what_is_not_as_expected(bench: Bench) -> None:
    await bench.add(HOW, expect="answer", contains=["30 days"], history=[{"text": "Hi"}], channel="email")
    await bench.add(WHERE, expect="handoff")
    run = await bench.run()
    assert (run["state"], run["counts"]["questions"], run["counts"]["passed"], run["counts"]["failed"]) == (
        "done",
        2,
        1,
        1,
    )
    first = next(asked for asked in bench.agent.asked if asked.question == HOW)
    assert (first.workspace, first.channel, first.history[0].text, first.trial) == ("local", "email", "Hi", None)
    failed = (await bench.results(run["id"]))[0]
    assert (failed["question"], failed["change"]) == (WHERE, "new")
    assert failed["failures"] == ["It answers; expected is that it hands over."]
    assert bench.agent.most_at_once <= 2


async def test_what_passed_before_and_fails_now_comes_first_beside_what_it_was(bench: Bench) -> None:
    await bench.add(WHERE)
    await bench.add(HOW)
    first = await bench.run()
    bench.agent.says[HOW] = UNSURE
    second = await bench.run()
    assert (second["baseline_id"], second["counts"]["worse"], second["counts"]["same"]) == (first["id"], 1, 1)
    worst = (await bench.results(second["id"]))[0]
    assert (worst["question"], worst["before"]["text"], worst["answered"]["decision"]) == (
        HOW,
        "Within 30 days.",
        "handoff",
    )
    assert [one["question"] for one in await bench.results(second["id"], change="worse")] == [HOW]


async def test_a_regression_stays_one_until_it_is_mended_or_may_stand(bench: Bench) -> None:
    await bench.add(HOW)
    good = await bench.run()
    bench.agent.says[HOW] = answer("In Rome.", "Travel")
    for _ in range(2):
        bad = await bench.run()
        assert (bad["baseline_id"], bad["counts"]["other"]) == (good["id"], 1)
    accepted = await bench.driver.post(f"agent/runs/{bad['id']}/accept")
    assert accepted["accepted_by"]
    after = await bench.run()
    assert (after["baseline_id"], after["counts"]["same"]) == (bad["id"], 1)


async def test_a_question_that_was_changed_is_not_compared_with_its_earlier_wording(bench: Bench) -> None:
    made = await bench.add(HOW)
    await bench.run()
    await bench.driver.patch(f"agent/questions/{made['id']}", question=WHERE)
    bench.agent.says[WHERE] = UNSURE
    assert (await bench.run())["counts"]["new"] == 1


async def test_a_judgement_counts_and_holds_for_the_same_answer(bench: Bench) -> None:
    made = await bench.add(HOW)
    run = await bench.run()
    path = f"agent/runs/{run['id']}/results/{made['id']}/judge"
    judged = await bench.driver.post(path, right=False)
    assert (judged["judged"], judged["judged_by"] is not None, judged["passed"]) == (False, True, True)
    assert (await bench.read(run["id"]))["counts"]["failed"] == 1
    again = await bench.run()
    assert (again["counts"]["failed"], again["counts"]["same"]) == (1, 1)
    bench.agent.says[HOW] = answer("Within thirty days.")
    assert (await bench.run())["counts"]["better"] == 1


async def test_a_regression_that_a_teammate_judges_right_is_none(bench: Bench) -> None:
    made = await bench.add(HOW)
    await bench.run()
    bench.agent.says[HOW] = answer("In Rome.", "Travel")
    run = await bench.run()
    await bench.driver.post(f"agent/runs/{run['id']}/results/{made['id']}/judge", right=True)
    assert (await bench.read(run["id"]))["counts"]["other"] == 0
    assert (await bench.run())["baseline_id"] == run["id"]


async def test_a_trial_is_compared_with_what_is_live_and_changes_nothing(bench: Bench) -> None:
    await bench.add(HOW)
    await bench.add(WHERE)
    bench.agent.in_trial[HOW] = UNSURE
    trial = await bench.run(trial={"settings": {"confidence": 0.95}})
    [asked] = [one for one in bench.agent.asked if one.trial and one.question == HOW]
    assert asked.trial.settings.confidence == 0.95
    assert (trial["why"], trial["counts"]["worse"], trial["counts"]["same"]) == ("trial", 1, 1)
    runs = (await bench.driver.api.get("/api/v1/agent/runs")).json()["items"]
    assert [run["why"] for run in runs] == ["trial", "asked"], "what is live was asked before"
    await bench.run(trial={"settings": {"confidence": 0.9}})
    runs = (await bench.driver.api.get("/api/v1/agent/runs")).json()["items"]
    assert [run["why"] for run in runs] == ["trial", "trial", "asked"], "it was known"
    assert (await bench.run())["baseline_id"] == runs[-1]["id"], "no trial is a baseline"


async def test_a_trial_of_nothing_or_while_knowledge_is_away_is_refused(bench: Bench) -> None:
    await bench.add(HOW)
    assert (await refused(bench, "POST", "runs", json={"trial": {}})).status_code == 422
    assert (await refused(bench, "POST", "runs", json={"trial": {"settings": {"max_turn": 3}}})).status_code == 422


async def test_without_questions_nothing_is_started_and_of_many_runs_few_wait(bench: Bench) -> None:
    assert (await refused(bench, "POST", "runs", json={})).status_code == 409
    await bench.add(HOW)
    for _ in range(5):
        await bench.start()
    assert (await refused(bench, "POST", "runs", json={})).status_code == 409


async def test_one_runs_at_a_time(bench: Bench) -> None:
    await bench.add(HOW)
    first, second = await bench.start(), await bench.start()
    database = bench.driver.app.state.database
    async with database.transaction("local") as connection:
        assert (await bench_runs.take(connection, "local", first["id"])).state == "running"
    async with database.transaction("local") as connection:
        due = await (await connection.execute(bench_runs.DUE, {"workspace": "local"})).fetchall()
    assert due == []
    assert (await bench.read(second["id"]))["state"] == "waiting"


async def test_what_a_process_left_is_gone_on_with_where_it_stopped(bench: Bench) -> None:
    for number in range(6):
        await bench.add(f"Question {number}")
    run = await bench.start()
    asked_for_ever = asyncio.Event()

    async def stall(*_: Any) -> Any:
        if len(bench.agent.asked) >= 3:
            asked_for_ever.set()
            await asyncio.Event().wait()
        return await type(bench.agent).ask(bench.agent, *_)

    bench.agent.ask = stall  # type: ignore[method-assign]
    async with bench.driver.app.state.database.transaction("local") as connection:
        due = await (await connection.execute(bench_runs.DUE, {"workspace": "local"})).fetchone()
    await bench.runner.take("local", due)
    await asked_for_ever.wait()
    await bench.runner.stop()
    del bench.agent.ask
    done = (await bench.read(run["id"]))["counts"]["asked"]
    assert 0 < done < 6
    await bench.work(runner=bench.new_runner())
    ended = await bench.read(run["id"])
    assert (ended["state"], ended["counts"]["asked"]) == ("done", 6)
    assert len({asked.question for asked in bench.agent.asked}) == 6


async def test_while_the_agent_is_away_a_run_waits_and_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onethread.conversation.bench_runner.AGAIN_SECONDS", (0.0,))
    await bench.add(HOW)
    bench.agent.away = True
    run = await bench.run()
    assert (run["state"], run["counts"]["asked"]) == ("running", 0)
    assert "does not answer" in run["reason"]
    bench.agent.away = False
    await bench.driver.rows("update bench_run set held_until = now()")
    await bench.work()
    assert (await bench.read(run["id"]))["state"] == "done"


async def test_trouble_is_no_regression_and_no_baseline(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onethread.conversation.bench_runner.AGAIN_SECONDS", (0.0,))
    await bench.add(HOW, expect="answer")
    good = await bench.run()
    bench.agent.says[HOW] = UNSURE.model_copy(update={"handoff": "trouble"})
    assert (await bench.run())["counts"]["unclear"] == 1
    assert (await bench.run())["baseline_id"] == good["id"]


async def test_a_run_is_canceled_and_what_was_asked_is_kept(bench: Bench) -> None:
    await bench.add(HOW)
    run = await bench.start()
    canceled = await bench.driver.post(f"agent/runs/{run['id']}/cancel")
    assert canceled["state"] == "canceled"
    await bench.work()
    assert bench.agent.asked == []
    assert (await bench.driver.post(f"agent/runs/{run['id']}/cancel"))["state"] == "canceled"


async def test_a_run_counts_in_the_months_spending_and_stops_with_the_budget(bench: Bench) -> None:
    for number in range(5):
        await bench.add(f"Question {number}")
    bench.agent.cost = 0.25
    await bench.driver.agent(monthly_budget=0.5)
    run = await bench.run()
    assert (run["state"], run["counts"]["asked"] in (2, 3)) == ("stopped", True)
    assert "budget" in run["reason"]
    assert run["cost"] == pytest.approx(0.25 * run["counts"]["asked"])
    assert (await bench.driver.api.get("/api/v1/agent")).json()["spent"] == pytest.approx(run["cost"])


async def test_old_results_are_pruned_and_the_good_ones_stay(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_runs, "KEPT_RUNS", 2)
    await bench.add(HOW)
    good = await bench.run()
    bench.agent.says[HOW] = UNSURE
    bad = [await bench.run() for _ in range(4)]
    assert [len(await bench.results(run["id"])) for run in (good, *bad)] == [1, 0, 0, 1, 1]
    assert (await bench.read(bad[0]["id"]))["counts"]["worse"] == 1


# Runs that start by themselves


def indexed(title: str, workspace: str = "local") -> KnowledgeIndexed:
    change = DocumentChange(document_id=title.lower(), title=title)
    return KnowledgeIndexed(id=uuid4(), source="/knowledge", workspaceid=workspace, data=change)


async def test_changes_of_knowledge_that_come_together_start_one_run_that_names_them(bench: Bench) -> None:
    state = bench.driver.app.state
    await state.bench_knowledge(indexed("Before there are questions"))
    await bench.add(HOW)
    for title in ("Re\0turns", "Shipping", "Returns"):
        await state.bench_knowledge(indexed(title))
    await bench_due.start(state.database, "local")
    assert (await bench.driver.api.get("/api/v1/agent/runs")).json()["items"] == [], "more may follow"
    await bench.driver.rows("update bench_due set due_at = now()")
    await bench_due.start(state.database, "local")
    await bench_due.start(state.database, "local")
    await bench.work()
    [run] = (await bench.driver.api.get("/api/v1/agent/runs")).json()["items"]
    assert (run["why"], run["changes"], run["by"], run["state"]) == ("change", ["Returns", "Shipping"], None, "done")


async def test_a_change_of_settings_starts_one_where_it_concerns_answers(bench: Bench) -> None:
    await bench.add(HOW)
    await bench.driver.agent(modes={"email": "draft"}, monthly_budget=5)
    assert await bench.driver.rows("select * from bench_due") == []
    await bench.driver.agent(test_changes=False, confidence=0.9)
    assert await bench.driver.rows("select * from bench_due") == [], "the workspace does not want it"
    await bench.driver.agent(test_changes=True, confidence=0.8)
    [due] = await bench.driver.rows("select * from bench_due")
    assert due["changes"] == [bench_due.SETTINGS]


async def test_a_stream_of_changes_does_not_put_a_run_off_for_ever(bench: Bench) -> None:
    await bench.add(HOW)
    await bench.driver.app.state.bench_knowledge(indexed("Returns"))
    await bench.driver.rows("update bench_due set since = now() - interval '1 hour'")
    await bench.driver.app.state.bench_knowledge(indexed("Shipping"))
    assert await bench.driver.rows("select 1 as due from bench_due where due_at <= now()") == [{"due": 1}]


# Who sees what


async def test_a_workspace_sees_and_runs_its_own_questions_alone(bench: Bench) -> None:
    await bench.driver.post("workspaces", slug="acme", name="Acme")
    made = await bench.add(HOW)
    run = await bench.run()
    api = bench.driver.api
    for path in (f"questions/{made['id']}", f"runs/{run['id']}", f"runs/{run['id']}/results"):
        assert (await api.get(f"/api/v1/agent/{path}", headers=ELSEWHERE)).status_code == 404
    for path, body in (("cancel", {}), ("accept", {}), (f"results/{made['id']}/judge", {"right": True})):
        answered = await api.post(f"/api/v1/agent/runs/{run['id']}/{path}", json=body, headers=ELSEWHERE)
        assert answered.status_code == 404
    assert (await api.get("/api/v1/agent/questions", headers=ELSEWHERE)).json()["items"] == []
    message = await bench.driver.hear(received("email", HOW, ANA))
    of_other = await api.post(
        "/api/v1/agent/questions/from-message", json={"message_id": str(message["id"])}, headers=ELSEWHERE
    )
    assert of_other.status_code == 404
    await api.post("/api/v1/agent/questions", json={"question": "Of acme?"}, headers=ELSEWHERE)
    await api.post("/api/v1/agent/runs", json={}, headers=ELSEWHERE)
    bench.agent.asked.clear()
    await bench.work("acme")
    assert [(one.workspace, one.question) for one in bench.agent.asked] == [("acme", "Of acme?")]


async def test_who_only_reads_changes_nothing(bench: Bench) -> None:
    made = await bench.driver.post("api-keys", name="reader", scopes=["read"])
    own = {"Authorization": f"Bearer {made['key']}"}
    assert (await bench.driver.api.get("/api/v1/agent/questions", headers=own)).status_code == 200
    for path in ("questions", "runs"):
        answered = await bench.driver.api.post(f"/api/v1/agent/{path}", json={"question": HOW}, headers=own)
        assert answered.status_code == 403


# What knowledge is told


class HearsCalls:
    """A knowledge service that answers with `status`, or is away."""

    def __init__(self, status: int | None) -> None:
        self.status = status
        self.calls: list[Call] = []

    async def check(self) -> None:
        if self.status is None:
            raise UnavailableError("away")

    async def ask(self, _subject: str, call: Call, _type: Any, _timeout: float = 5.0) -> Called:
        self.calls.append(call)
        return Called(status=self.status or 0)


async def judge(bench: Bench, question: Any, *, right: bool) -> Any:
    run = await bench.run()
    return await bench.driver.post(f"agent/runs/{run['id']}/results/{question['id']}/judge", right=right)


async def tell(bench: Bench, knowledge: HearsCalls) -> None:
    """As the timer does, as soon as it is due."""
    told = Judgements(bench.driver.app.state.database, knowledge)  # type: ignore[arg-type]
    for row in await bench.driver.rows(DUE.replace("%(workspace)s", "'local'")):
        await told.tell("local", SimpleNamespace(**row))


@pytest.mark.parametrize(("status", "waits"), [(200, 0), (404, 0), (503, 1), (None, 1)])
async def test_a_judgement_of_an_answer_is_told_to_knowledge_and_waits_while_that_is_away(
    bench: Bench, status: int | None, waits: int
) -> None:
    knowledge = HearsCalls(status)
    judged = await judge(bench, await bench.add(HOW), right=False)
    assert judged["judged"] is False
    await tell(bench, knowledge)
    told = [(call.method, call.path, json.loads(call.body.inline)) for call in knowledge.calls]
    body = {
        "query": "asked", "right": False, "by": judged["judged_by"], "origin": "bench",
        "evidence": EVIDENCE.model_dump(mode="json"),
    }  # fmt: skip
    assert told == ([] if status is None else [("POST", "judgements", body)])
    untold = await bench.driver.rows("select tell_at > now() as later from bench_result where tell_at is not null")
    assert [row["later"] for row in untold] == [True] * waits


async def test_what_could_not_be_told_is_told_once_when_knowledge_is_back(bench: Bench) -> None:
    await judge(bench, await bench.add(HOW), right=True)
    await tell(bench, HearsCalls(None))
    back = HearsCalls(200)
    await tell(bench, back)
    assert back.calls == [], "not before half a minute has passed"
    await bench.driver.rows("update bench_result set tell_at = now() where tell_at is not null returning 1")
    for _ in range(2):
        await tell(bench, back)
    assert len(back.calls) == 1


async def test_that_a_handoff_was_right_says_nothing_about_what_was_found(bench: Bench) -> None:
    knowledge, made = HearsCalls(200), await bench.add(HOW)
    bench.agent.usual = UNSURE.model_copy(update={"query": "asked"})
    await judge(bench, made, right=True)
    await tell(bench, knowledge)
    assert knowledge.calls == []


async def test_a_customers_words_are_not_told_to_knowledge_with_a_judgement(bench: Bench) -> None:
    knowledge = HearsCalls(200)
    asked = await bench.driver.hear(received("email", HOW, ANA))
    await judge(bench, await bench.driver.post("agent/questions/from-message", message_id=str(asked["id"])), right=True)
    await tell(bench, knowledge)
    assert knowledge.calls == []
