"""Runs of the test bench, as rows: made, taken, filled, ended, compared, pruned.

A run of what is live is compared with the last good one: the latest that ended with nothing worse, or of which a
teammate said that it may stand. A trial is compared with what is live now.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, LiteralString
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from onethread.contracts.agent import Answered, Trial
from onethread.conversation import bench_questions
from onethread.conversation.bench_checks import Expected, Outcome, compared, failures, in_trouble, is_the_same
from onethread.conversation.database import Connection
from onethread.runtime.errors import Problem

State = Literal["waiting", "running", "done", "canceled", "stopped"]
Why = Literal["asked", "change", "trial"]
HELD = "interval '120 seconds'"
"""Longer than one try for an answer takes: whoever died with a run is followed by another one then."""
MOST_WAITING = 5
KEPT_RUNS, KEPT_TRIALS = 20, 10
CHANGES = 20
"""Titles that a run names as its reason."""

GOOD = "coalesce(r.judged, r.passed)"
NOT_MEANT = "r.change in ('worse', 'other') and r.judged is not true"
COUNTS: LiteralString = f"""select count(*)::int as questions, count(r.asked_at)::int as asked,
        count(*) filter (where {GOOD})::int as passed, count(*) filter (where not {GOOD})::int as failed,
        count(*) filter (where r.change = 'worse' and r.judged is not true)::int as worse,
        count(*) filter (where r.change = 'other' and r.judged is not true)::int as other,
        count(*) filter (where r.change = 'better')::int as better,
        count(*) filter (where r.change = 'same' or (r.change in ('worse', 'other') and r.judged))::int as same,
        count(*) filter (where r.change = 'new')::int as new,
        count(*) filter (where r.change = 'unclear')::int as unclear
    from bench_result r where r.run_id = %s"""  # noqa: S608 names of ours
ADD = """insert into bench_run (id, workspace_id, why, changes, trial, state, reason, by_name, created_at)
    values (%s, %s, %s, %s, %s, 'waiting', '', %s, clock_timestamp()) returning *"""
FILL = """with filled as (
        insert into bench_result (run_id, question_id, workspace_id, question_version)
        select %s, id, workspace_id, version from bench_question where workspace_id = %s returning 1)
    select count(*) as questions from filled"""
ONE = "select * from bench_run where id = %s and workspace_id = %s"
HOLD = f"{ONE} for update"
PAGE = """select * from bench_run where workspace_id = %s
    and (%s::timestamptz is null or (created_at, id) < (%s::timestamptz, %s::uuid))
    order by created_at desc, id desc limit %s"""
UNDER_WAY = "select * from bench_run where workspace_id = %s and state in ('waiting', 'running') order by created_at"
LATEST_LIVE = """select * from bench_run where workspace_id = %s and state = 'done' and why <> 'trial'
    order by created_at desc limit 1"""
LAST_GOOD = """select id from bench_run where workspace_id = %s and state = 'done' and why <> 'trial'
        and exists (select from bench_result where run_id = bench_run.id)
        and (accepted_by is not null
            or ((counts->>'worse')::int = 0 and (counts->>'other')::int = 0 and (counts->>'unclear')::int = 0))
    order by created_at desc limit 1"""
IS_CURRENT = """select not exists (select from bench_due where workspace_id = %(workspace)s)
    and not exists (select from bench_question q where q.workspace_id = %(workspace)s and not exists (
        select from bench_result r where r.run_id = %(run)s and r.question_id = q.id
            and r.question_version = q.version)) as is_current"""
NEXT = """select min(case when state = 'running' then held_until else created_at end) from bench_run r
    where workspace_id = %(workspace)s and (state = 'running' or (state = 'waiting' and not exists (
        select from bench_run o where o.workspace_id = r.workspace_id and o.state = 'running')))"""
DUE = """select id from bench_run r where workspace_id = %(workspace)s
        and ((state = 'running' and held_until <= now()) or (state = 'waiting' and not exists (
            select from bench_run o where o.workspace_id = r.workspace_id and o.state = 'running')))
    order by state = 'running' desc, created_at limit 1"""
TAKE: LiteralString = f"""update bench_run set state = 'running', reason = '', started_at = coalesce(started_at, now()),
        held_until = now() + {HELD}
    where id = (select id from bench_run where id = %s and workspace_id = %s
            and (state = 'waiting' or (state = 'running' and held_until <= now())) for update skip locked)
    returning *"""  # noqa: S608 a number of ours
BASELINE = "update bench_run set baseline_id = %s where id = %s returning *"
LEFT = """select q.*, r.question_version from bench_result r join bench_question q on q.id = r.question_id
    where r.run_id = %s and r.asked_at is null order by q.created_at, q.id"""
BEFORE = """select answered, failures, judged, judged_by, coalesce(judged, passed) as right from bench_result
    where run_id = %s and question_id = %s and question_version = %s and asked_at is not null"""
SPEND: LiteralString = f"""update bench_run set input_tokens = input_tokens + %s, output_tokens = output_tokens + %s,
        cost = cost + %s, held_until = now() + {HELD}
    where id = %s and state = 'running' returning id"""  # noqa: S608 a number of ours
HOLD_ON: LiteralString = f"""update bench_run set held_until = now() + {HELD} where id = %s and state = 'running'
    returning id"""  # noqa: S608 a number of ours
KEEP = """update bench_result set answered = %s, passed = %s, failures = %s, change = %s, changes = %s, judged = %s,
        judged_by = %s, asked_at = now(), question_version = %s
    where run_id = %s and question_id = %s and asked_at is null"""
GIVE_BACK = """update bench_run set held_until = now() + make_interval(secs => %s), reason = %s
    where id = %s and state = 'running'"""
END = """update bench_run set state = %s, reason = %s, ended_at = now(), held_until = null
    where id = %s and state in ('waiting', 'running') returning *"""
SET_COUNTS = "update bench_run set counts = %s where id = %s returning *"
PRUNE = """delete from bench_result where run_id in (
        select id from (select id, why, row_number() over (partition by why = 'trial' order by created_at desc) as n
            from bench_run where workspace_id = %(workspace)s and ended_at is not null) old
        where n > case when why = 'trial' then %(trials)s else %(runs)s end)
    and run_id not in (select baseline_id from bench_run where workspace_id = %(workspace)s and baseline_id is not null
        and exists (select from bench_result kept where kept.run_id = bench_run.id))
    and run_id is distinct from %(good)s"""
FORGET = "delete from bench_run where workspace_id = %s and ended_at < now() - interval '90 days'"
ACCEPT = "update bench_run set accepted_by = %s where id = %s returning *"
JUDGE = """update bench_result r set judged = %s, judged_by = %s,
        tell_at = case when q.message_ids = '{}' then now() end
    from bench_question q where r.run_id = %s and r.question_id = %s and q.id = r.question_id and r.asked_at is not null
    returning r.run_id"""
"""A customer's words go nowhere where they would not be erased with them."""


async def start(
    connection: Connection,
    workspace: str,
    why: Why,
    by: str | None,
    *,
    trial: Trial | None = None,
    changes: Sequence[str] = (),
) -> Any:
    """Queues a run over all questions. Raises a 409 problem when there is nothing to ask, or too much waits.

    Before a trial goes a run of what is live, unless the latest is of just that.
    """  # fmt: skip
    await connection.execute(bench_questions.ALONE, [workspace])
    under_way = await (await connection.execute(UNDER_WAY, [workspace])).fetchall()
    waiting = [run for run in under_way if run.state == "waiting"]
    if len(waiting) >= MOST_WAITING:
        raise Problem(409, "Enough runs wait already", "Nothing was started. Wait for them, or cancel some.")
    if trial and not any(run.why != "trial" for run in under_way) and not await _is_current(connection, workspace):
        await _add(connection, workspace, "asked", by, None, ())
    return await _add(connection, workspace, "trial" if trial else why, by, trial, changes)


async def _add(
    connection: Connection, workspace: str, why: Why, by: str | None, trial: Trial | None, changes: Sequence[str]
) -> Any:
    kept = Jsonb(trial.model_dump(mode="json")) if trial else None
    [run] = await (
        await connection.execute(ADD, [uuid4(), workspace, why, list(changes)[:CHANGES], kept, by])
    ).fetchall()
    [filled] = await (await connection.execute(FILL, [run.id, workspace])).fetchall()
    if filled.questions == 0:
        raise Problem(409, "There are no questions yet", "Nothing was started. Add some first.")
    return run


async def _is_current(connection: Connection, workspace: str) -> bool:
    latest = await (await connection.execute(LATEST_LIVE, [workspace])).fetchone()
    if latest is None:
        return False
    [row] = await (await connection.execute(IS_CURRENT, {"workspace": workspace, "run": latest.id})).fetchall()
    return row.is_current


async def take(connection: Connection, workspace: str, run_id: UUID) -> Any | None:
    """Holds the run for this process. None: somebody else has it, or it is not to be run any more."""
    await connection.execute(bench_questions.ALONE, [workspace])
    run = await (await connection.execute(TAKE, [run_id, workspace])).fetchone()
    if run is None or run.baseline_id:
        return run
    which = LATEST_LIVE if run.why == "trial" else LAST_GOOD
    baseline = await (await connection.execute(which, [workspace])).fetchone()
    return await (await connection.execute(BASELINE, [baseline.id if baseline else None, run.id])).fetchone()


async def left(connection: Connection, run_id: UUID) -> list[Any]:
    """Questions that were not asked yet."""
    return await (await connection.execute(LEFT, [run_id])).fetchall()


async def hold_on(connection: Connection, run_id: UUID) -> bool:
    """False: the run is not to go on."""
    return await (await connection.execute(HOLD_ON, [run_id])).fetchone() is not None


async def record(connection: Connection, run: Any, question: Any, answered: Answered) -> bool:
    """Keeps what the question got, held against the baseline. False: the run is not to go on."""
    spent = [sum(getattr(one, name) for one in answered.usage) for name in ("input_tokens", "output_tokens", "cost")]
    if await (await connection.execute(SPEND, [*spent, run.id])).fetchone() is None:
        return False
    cursor = await connection.execute(BEFORE, [run.baseline_id, question.id, question.version])
    row = await cursor.fetchone() if run.baseline_id else None
    before = Outcome(Answered.model_validate(row.answered), row.right, row.failures) if row else None
    judged, judged_by = _inherited(row, before, answered)
    expected = Expected(question.expect, question.sources, question.contains, question.lacks)
    failed = failures(expected, answered)
    right = not failed if judged is None else judged
    change, changes = compared(before, Outcome(answered, right and not in_trouble(answered), failed), expected)
    kept = [Jsonb(answered.model_dump(mode="json")), not failed, failed, change, changes, judged, judged_by]
    await connection.execute(KEEP, [*kept, question.version, run.id, question.id])
    return True


def _inherited(row: Any, before: Outcome | None, answered: Answered) -> tuple[bool | None, str | None]:
    """A teammate's judgement of the same answer holds on."""
    if before and is_the_same(before.answered, answered):
        return row.judged, row.judged_by
    return None, None


async def give_back(connection: Connection, run_id: UUID, seconds: float, reason: str = "") -> None:
    """For whoever takes it next, in so many seconds."""
    await connection.execute(GIVE_BACK, [seconds, reason, run_id])


async def end(connection: Connection, workspace: str, run_id: UUID, state: State, reason: str = "") -> Any | None:
    """None: it had ended before."""
    row = await (await connection.execute(END, [state, reason, run_id])).fetchone()
    if row is None:
        return None
    row = await recount(connection, run_id)
    good = await (await connection.execute(LAST_GOOD, [workspace])).fetchone()
    kept = {"workspace": workspace, "runs": KEPT_RUNS, "trials": KEPT_TRIALS, "good": good.id if good else None}
    await connection.execute(PRUNE, kept)
    await connection.execute(FORGET, [workspace])
    return row


async def recount(connection: Connection, run_id: UUID) -> Any:
    return await (await connection.execute(SET_COUNTS, [Jsonb(await counts(connection, run_id)), run_id])).fetchone()


async def counts(connection: Connection, run_id: UUID) -> dict[str, int]:
    [row] = await (await connection.execute(COUNTS, [run_id])).fetchall()
    return row._asdict()


async def one(connection: Connection, workspace: str, run_id: UUID, *, held: bool = False) -> Any:
    """Raises a 404 problem."""
    row = await (await connection.execute(HOLD if held else ONE, [run_id, workspace])).fetchone()
    if row is None:
        raise Problem(404, "There is no such run")
    return row


async def accept(connection: Connection, workspace: str, run_id: UUID, by: str) -> Any:
    """What changed in it may stand: later runs are compared with it. Raises 404 and 409 problems."""
    run = await one(connection, workspace, run_id, held=True)
    if run.state != "done" or run.why == "trial":
        raise Problem(409, "Only a run of what is live, that has ended, may stand", "Nothing was changed.")
    return await (await connection.execute(ACCEPT, [by, run_id])).fetchone()


async def judge(connection: Connection, workspace: str, run_id: UUID, question_id: UUID, right: bool, by: str) -> None:
    """Knowledge is told soon after (`bench_judging.py`). Raises 404 problems."""
    run = await one(connection, workspace, run_id, held=True)
    row = await (await connection.execute(JUDGE, [right, by, run_id, question_id])).fetchone()
    if row is None:
        raise Problem(404, "There is no such result", "Nothing was changed. The question may not have been asked yet.")
    if run.ended_at:
        await recount(connection, run_id)
