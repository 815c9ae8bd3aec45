"""An agent that is played, for runs of the test bench."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from onethread.contracts.agent import Answered, Ask, Usage
from onethread.contracts.knowledge import Evidence
from onethread.contracts.messages import Source
from onethread.conversation import bench_runs
from onethread.conversation.bench_runner import BenchRunner
from onethread.runtime.bus import UnavailableError

EVIDENCE = Evidence(model="minilm", calibration="pooled-2", numbers=[0.5, 0.25])


def answer(text: str = "Within 30 days.", article: str = "Returns", **more: Any) -> Answered:
    source = Source(title=article, document_id=article.lower(), score=1)
    return Answered(
        decision="answer", confidence=0.9, text=text, sources=[source], query="asked", evidence=EVIDENCE, **more
    )


UNSURE = Answered(decision="handoff", confidence=0.3, text="A colleague answers.", reason="Not sure", handoff="unsure")


class PlayedAgent:
    """Answers `says` to a question that it has there, else `usual`; in a trial `in_trial`."""

    def __init__(self) -> None:
        self.says: dict[str, Answered] = {}
        self.in_trial: dict[str, Answered] = {}
        self.usual = answer()
        self.asked: list[Ask] = []
        self.away = False
        self.cost = 0.0
        self.at_once = self.most_at_once = 0

    async def ask(self, _subject: str, asked: Any, _type: Any, _timeout: float = 5.0) -> Any:
        if not isinstance(asked, Ask):
            raise UnavailableError("nobody else is there")
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if self.away:
            raise UnavailableError("away")
        self.asked.append(asked)
        says = {**self.says, **self.in_trial} if asked.trial else self.says
        usage = [Usage(model="m", input_tokens=10, output_tokens=2, cost=self.cost)] if self.cost else []
        return says.get(asked.question, self.usual).model_copy(update={"usage": usage})


class Bench:
    """The test bench of the service in a test's hands. Runs are worked on when the test says so."""

    def __init__(self, driver: Any) -> None:
        self.driver, self.agent = driver, PlayedAgent()
        self.runner = self.new_runner()

    def new_runner(self) -> BenchRunner:
        """As another process would have it."""

        async def tell(_workspace: str, _run: UUID) -> None:
            """No inbox is open."""

        return BenchRunner(self.driver.app.state.database, self.agent, tell)  # type: ignore[arg-type]

    async def add(self, question: str, **more: Any) -> dict[str, Any]:
        return await self.driver.post("agent/questions", question=question, **more)

    async def start(self, **body: Any) -> dict[str, Any]:
        return await self.driver.post("agent/runs", **body)

    async def work(self, workspace: str = "local", runner: BenchRunner | None = None) -> None:
        """Takes all that is due, one after the other, until nothing is."""
        runner = runner or self.runner
        while due := await self._due(workspace):
            await runner.take(workspace, due)
            await asyncio.gather(*(task for _, task in list(runner._tasks.values())))

    async def run(self, **body: Any) -> dict[str, Any]:
        """Starts one and works until it has ended."""
        started = await self.start(**body)
        await self.work()
        return await self.read(started["id"])

    async def read(self, run_id: str) -> dict[str, Any]:
        return (await self.driver.api.get(f"/api/v1/agent/runs/{run_id}")).json()

    async def results(self, run_id: str, **asked: Any) -> list[dict[str, Any]]:
        return (await self.driver.api.get(f"/api/v1/agent/runs/{run_id}/results", params=asked)).json()["items"]

    async def _due(self, workspace: str) -> Any:
        async with self.driver.app.state.database.transaction(workspace) as connection:
            return await (await connection.execute(bench_runs.DUE, {"workspace": workspace})).fetchone()
