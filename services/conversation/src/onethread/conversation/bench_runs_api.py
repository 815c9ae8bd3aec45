"""REST: runs of the test bench, and what each question got."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from onethread.contracts.agent import Trial
from onethread.conversation import bench_results, bench_runs, bench_trials, queries
from onethread.conversation.access import CallerDep
from onethread.conversation.api import DatabaseDep, Limit
from onethread.conversation.bench_checks import Change
from onethread.conversation.bench_results import Result
from onethread.conversation.bench_trials import NewTrial
from onethread.conversation.once import OnceDep
from onethread.conversation.queries import position_in

router = APIRouter(prefix="/api/v1/agent/runs", tags=["test bench"])


class NewRun(BaseModel):
    model_config = ConfigDict(extra="forbid")

    trial: NewTrial | None = Field(default=None, description="What is not live and shall count. Null: what is live.")


class Counts(BaseModel):
    questions: int = 0
    asked: int = 0
    passed: int = Field(default=0, description="As expected, or judged right by a teammate.")
    failed: int = 0
    worse: int = Field(default=0, description="As expected before and not now, or answered before and not now.")
    other: int = Field(default=0, description="Answered from other articles than before.")
    better: int = 0
    same: int = 0
    new: int = Field(default=0, description="There is nothing to compare with.")
    unclear: int = Field(default=0, description="The agent or the knowledge base was in trouble.")


class Run(BaseModel):
    id: UUID
    why: bench_runs.Why
    changes: list[str] = Field(description="What changed before it: titles of articles, or settings.")
    trial: Trial | None
    state: bench_runs.State
    reason: str = Field(description="Why it waits or was stopped.")
    by: str | None = Field(description="Who started it. Null: it started by itself.")
    baseline_id: UUID | None = Field(description="The run that it is compared with.")
    counts: Counts
    accepted_by: str | None = Field(description="Who said that what is worse in it may stand.")
    input_tokens: int
    output_tokens: int
    cost: float
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class Runs(BaseModel):
    items: list[Run]
    next: str | None = None


class Results(BaseModel):
    items: list[Result]
    next: str | None = None


class Judgement(BaseModel):
    model_config = ConfigDict(extra="forbid")

    right: bool


async def _shown(connection: bench_runs.Connection, row: Any) -> Run:
    same = {name: getattr(row, name) for name in Run.model_fields if name not in {"by", "counts"}}
    counted = row.counts or await bench_runs.counts(connection, row.id)
    return Run(**same, by=row.by_name, counts=Counts(**counted))


@router.post("", status_code=202)
async def start_run(new: NewRun, request: Request, caller: CallerDep, database: DatabaseDep, once: OnceDep) -> Run:
    """Asks all questions, in the background. With a `trial` it shows what would change; what is live is asked before,
    where it is not known. A language model costs: it stops when the month's budget is spent.
    """
    trial = await bench_trials.checked(request.app.state.bus, database, caller.workspace, new.trial)
    async with database.transaction(caller.workspace) as connection:
        if before := await once.earlier(connection):
            run = await bench_runs.one(connection, caller.workspace, UUID(before.answer["id"]))
        else:
            run = await bench_runs.start(connection, caller.workspace, "asked", caller.author.name, trial=trial)
            await once.keep(connection, answer={"id": str(run.id)})
        shown = await _shown(connection, run)
    request.app.state.timers.poke()
    return shown


@router.get("")
async def list_runs(
    caller: CallerDep,
    database: DatabaseDep,
    limit: Limit = 20,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Runs:
    """Newest first."""
    before = queries.read_cursor(cursor) if cursor else (None, None)
    async with database.transaction(caller.workspace) as connection:
        values = [caller.workspace, before[0], *before, limit + 1]
        rows = await (await connection.execute(bench_runs.PAGE, values)).fetchall()
        items = [await _shown(connection, row) for row in rows[:limit]]
    following = queries.cursor_of(items[-1].created_at, items[-1].id) if len(rows) > limit else None
    return Runs(items=items, next=following)


@router.get("/{run_id}")
async def get_run(run_id: UUID, caller: CallerDep, database: DatabaseDep) -> Run:
    async with database.transaction(caller.workspace) as connection:
        return await _shown(connection, await bench_runs.one(connection, caller.workspace, run_id))


@router.get("/{run_id}/results")
async def list_results(
    run_id: UUID,
    caller: CallerDep,
    database: DatabaseDep,
    change: Change | None = None,
    limit: Limit = 50,
    cursor: Annotated[str | None, Query(max_length=20)] = None,
) -> Results:
    """What got worse first, then what is answered from elsewhere, what fails, what got better, and the rest; each with
    the answer before it. Of old runs only the counts are kept.
    """
    after = position_in(cursor) if cursor else 0
    async with database.transaction(caller.workspace) as connection:
        await bench_runs.one(connection, caller.workspace, run_id)
        items = await bench_results.page(connection, run_id, change, after, limit + 1)
    return Results(items=items[:limit], next=str(after + limit) if len(items) > limit else None)


@router.post("/{run_id}/cancel")
async def cancel_run(run_id: UUID, caller: CallerDep, database: DatabaseDep, once: OnceDep) -> Run:
    """What was asked is kept. A run that has ended stays as it is."""
    async with database.transaction(caller.workspace) as connection:
        await once.earlier(connection)
        await bench_runs.one(connection, caller.workspace, run_id, held=True)
        await bench_runs.end(connection, caller.workspace, run_id, "canceled", f"Canceled by {caller.author.name}.")
        return await _shown(connection, await bench_runs.one(connection, caller.workspace, run_id))


@router.post("/{run_id}/accept")
async def accept_run(run_id: UUID, caller: CallerDep, database: DatabaseDep, once: OnceDep) -> Run:
    """What got worse or comes from elsewhere may stand: the next runs are compared with this one."""
    async with database.transaction(caller.workspace) as connection:
        await once.earlier(connection)
        by = caller.author.name or "API"
        return await _shown(connection, await bench_runs.accept(connection, caller.workspace, run_id, by))


@router.post("/{run_id}/results/{question_id}/judge")
async def judge_result(
    run_id: UUID,
    question_id: UUID,
    judgement: Judgement,
    request: Request,
    caller: CallerDep,
    database: DatabaseDep,
    once: OnceDep,
) -> Result:
    """Right or wrong, whatever is expected. It counts from now on, and for the same answer in later runs."""
    by = caller.author.name or "API"
    async with database.transaction(caller.workspace) as connection:
        await once.earlier(connection)
        await bench_runs.judge(connection, caller.workspace, run_id, question_id, judgement.right, by)
        result = await bench_results.one(connection, run_id, question_id)
    request.app.state.timers.poke()
    return result
