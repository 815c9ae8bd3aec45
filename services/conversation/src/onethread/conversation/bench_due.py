"""A change of knowledge or settings asks for a run of the test bench, once no more follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from onethread.contracts.agent import AgentSettings
from onethread.contracts.knowledge import KnowledgeIndexed, KnowledgeRemoved
from onethread.conversation import bench_runs, workspaces
from onethread.conversation.database import Connection, Database

LONGEST_SECONDS = 300
"""While articles come in one after the other, a run starts at the latest so long after the first."""
SETTINGS = "Settings of the agent"
NOTE = f"""insert into bench_due (workspace_id, due_at, since, changes)
    select %(workspace)s::text, now() + make_interval(secs => %(settle)s), now(), %(changes)s::text[]
        where exists (select from bench_question where workspace_id = %(workspace)s::text)
    on conflict (workspace_id) do update set changes = case
            when excluded.changes <@ bench_due.changes or cardinality(bench_due.changes) >= {bench_runs.CHANGES}
            then bench_due.changes else bench_due.changes || excluded.changes
        end, due_at = least(excluded.due_at, bench_due.since + interval '{LONGEST_SECONDS} seconds')"""  # noqa: S608 numbers of ours
NEXT = "select min(due_at) from bench_due where workspace_id = %(workspace)s"
DUE = "select 1 from bench_due where workspace_id = %(workspace)s and due_at <= now()"
TAKE = """delete from bench_due where workspace_id = (select workspace_id from bench_due
        where workspace_id = %s and due_at <= now() for update skip locked) returning changes"""
MERGE = """update bench_run set changes = (changes || %s::text[])[1:%s] where id = (
        select id from bench_run where workspace_id = %s and state = 'waiting' and why <> 'trial' limit 1)
    returning id"""
ANY = "select exists (select from bench_question where workspace_id = %s) as any"
NOT_ASKED_OF = {"modes", "monthly_budget", "hours", "test_changes"}
"""Settings that no answer depends on."""


class ChangesOfKnowledge:
    """Hears of each article that went into search or out of it. `settle`: seconds in which more is waited for."""

    def __init__(self, database: Database, settle: float) -> None:
        self._database, self._settle = database, settle

    async def __call__(self, event: KnowledgeIndexed | KnowledgeRemoved) -> None:
        async with self._database.transaction(event.workspaceid) as connection:
            row = await workspaces.one(connection, event.workspaceid)
            if workspaces.settings_of(row).of_agent.test_changes:
                title = event.data.title or event.data.document_id
                named = title[:200].replace("\0", "")  # PostgreSQL has no such character
                await note(connection, event.workspaceid, [named], self._settle)


class ChangesOfSettings:
    """Called with the row of a workspace before and after a change, in its transaction."""

    def __init__(self, settle: float) -> None:
        self._settle = settle

    async def __call__(self, connection: Connection, before: Any, after: Any) -> None:
        settings = workspaces.settings_of(after).of_agent
        if settings.test_changes and differ(workspaces.settings_of(before).of_agent, settings):
            await note(connection, after.id, [SETTINGS], self._settle)


def differ(before: AgentSettings, after: AgentSettings) -> bool:
    """True when an answer may be another one."""
    return before.model_dump(exclude=NOT_ASKED_OF) != after.model_dump(exclude=NOT_ASKED_OF)


async def note(connection: Connection, workspace: str, changes: Sequence[str], settle: float) -> None:
    """Where there are no questions, nothing is noted. A change that is heard of twice is named once."""
    await connection.execute(NOTE, {"workspace": workspace, "settle": settle, "changes": list(changes)})  # type: ignore[arg-type]


async def start(database: Database, workspace: str) -> None:
    """Queues the run that is due. One that waits already does for both."""
    async with database.transaction(workspace) as connection:
        due: Any = await (await connection.execute(TAKE, [workspace])).fetchone()
        if due is None:
            return
        if await (await connection.execute(MERGE, [due.changes, bench_runs.CHANGES, workspace])).fetchone():
            return
        if (await (await connection.execute(ANY, [workspace])).fetchall())[0].any:
            await bench_runs.start(connection, workspace, "change", None, changes=due.changes)
