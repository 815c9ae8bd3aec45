"""Asks the agent the questions of a run, a few at a time, and keeps what it says.

Whatever ends this process, the questions that were not asked yet are asked by the next one: a run is held for minutes,
and each result is kept as it comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID

import structlog

from onethread.contracts.agent import Answered, Ask, SaidBefore, Trial
from onethread.contracts.subjects import AGENT_ASK
from onethread.conversation import bench_runs, workspaces
from onethread.conversation.agent_settings import spent
from onethread.conversation.bench_checks import in_trouble
from onethread.conversation.database import AWAY, Database
from onethread.runtime.bus import Bus, RefusedError, UnavailableError

log = structlog.get_logger()
AT_ONCE = 2
"""Questions under way in one process, over all workspaces: customers ask the same agent."""
ANSWER_SECONDS = 60.0
AGAIN_SECONDS = (0.5, 2.0, 5.0)
LATER_SECONDS = 30.0
AGENT_AWAY = "The agent does not answer. What was asked is kept; the rest is asked when it is back."
NO_BUDGET = "The month's budget for the language model is spent. What was asked is kept."
COULD_NOT = Answered(
    decision="handoff", confidence=0, text="", handoff="trouble", reason="The agent could not answer; its log says why."
)


class _EndedError(Exception):
    """Somebody canceled the run, or another process has it."""


class _NoBudgetError(Exception):
    """The month's budget is spent."""


class BenchRunner:
    """`tell` is called with the workspace when a run begins, waits or ends, `ended` when another one may begin."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        tell: Callable[[str, UUID], Awaitable[None]],
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self._database, self._bus, self._tell, self._ended = database, bus, tell, ended
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._tasks: dict[UUID, tuple[str, asyncio.Task[None]]] = {}

    async def take(self, workspace: str, due: Any) -> None:
        """The job of `timers.py`: begins a run that is due, or goes on with one that was left."""
        if due.id in self._tasks:
            return
        async with self._database.transaction(workspace) as connection:
            run = await bench_runs.take(connection, workspace, due.id)
        if run is not None:
            task = asyncio.create_task(self._work(run))
            self._tasks[run.id] = (workspace, task)
            task.add_done_callback(lambda _: self._tasks.pop(run.id, None))
            await self._tell(workspace, run.id)

    async def stop(self) -> None:
        """Leaves the runs in hand to the next process."""
        left = list(self._tasks.items())
        for _, (_, task) in left:
            task.cancel()
        await asyncio.gather(*(task for _, (_, task) in left), return_exceptions=True)
        for run_id, (workspace, _) in left:
            try:
                async with self._database.transaction(workspace) as connection:
                    await bench_runs.give_back(connection, run_id, 0)
            except AWAY:
                return  # they are free when their time is up

    async def _work(self, run: Any) -> None:
        try:
            await self._ask_all(run)
        except* _EndedError:
            log.info("bench.ended", run=str(run.id))
        except* _NoBudgetError:
            await self._end(run, "stopped", NO_BUDGET)
        except* (UnavailableError, *AWAY) as errors:
            log.warning("bench.waits", run=str(run.id), error=type(errors.exceptions[0]).__name__)
            await self._later(run, AGENT_AWAY)
        except* Exception:
            log.exception("bench.failed", run=str(run.id))
            await self._end(run, "stopped", "It failed; the log of the conversation service says why.")
        else:
            await self._end(run, "done")

    async def _ask_all(self, run: Any) -> None:
        async with self._database.transaction(run.workspace_id) as connection:
            questions = iter(await bench_runs.left(connection, run.id))
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(self._ask_some(run, questions))

    async def _ask_some(self, run: Any, questions: Iterator[Any]) -> None:
        for question in questions:
            async with self._turn:
                answered = await self._answer(run, question)
            if answered.budget_spent:
                raise _NoBudgetError
            async with self._database.transaction(run.workspace_id) as connection:
                if not await bench_runs.record(connection, run, question, answered):
                    raise _EndedError

    async def _go_on(self, run: Any) -> None:
        """Holds the run for one more try. Raises when it is not to go on."""
        async with self._database.transaction(run.workspace_id) as connection:
            if not await bench_runs.hold_on(connection, run.id):
                raise _EndedError
            row = await workspaces.one(connection, run.workspace_id)
            budget = workspaces.settings_of(row).of_agent.monthly_budget
            if budget is not None and (cost := await spent(connection, run.workspace_id)) and cost >= budget:
                raise _NoBudgetError

    async def _answer(self, run: Any, question: Any) -> Answered:
        """Trouble that may pass is waited for, some seconds. Raises `UnavailableError` while nobody answers."""
        asked = Ask(
            workspace=run.workspace_id,
            question=question.question,
            history=[SaidBefore.model_validate(said) for said in question.history],
            channel=question.channel,
            trial=Trial.model_validate(run.trial) if run.trial else None,
        )
        for seconds in AGAIN_SECONDS:
            await self._go_on(run)
            try:
                answered = await self._bus.ask(AGENT_ASK, asked, Answered, ANSWER_SECONDS)
                if not in_trouble(answered):
                    return answered
            except (UnavailableError, RefusedError) as error:
                log.warning("bench.again", run=str(run.id), error=type(error).__name__)
            await asyncio.sleep(seconds)
        await self._go_on(run)
        try:
            return await self._bus.ask(AGENT_ASK, asked, Answered, ANSWER_SECONDS)
        except RefusedError:
            return COULD_NOT

    async def _end(self, run: Any, state: bench_runs.State, reason: str = "") -> None:
        try:
            async with self._database.transaction(run.workspace_id) as connection:
                ended = await bench_runs.end(connection, run.workspace_id, run.id, state, reason)
        except AWAY:
            return  # it is taken again when its time is up, and has nothing left to ask
        if ended is not None:
            log.info("bench.done", run=str(run.id), state=state, **(ended.counts or {}))
        self._ended()
        await self._tell(run.workspace_id, run.id)

    async def _later(self, run: Any, reason: str) -> None:
        try:
            async with self._database.transaction(run.workspace_id) as connection:
                await bench_runs.give_back(connection, run.id, LATER_SECONDS, reason)
        except AWAY:
            return
        await self._tell(run.workspace_id, run.id)
