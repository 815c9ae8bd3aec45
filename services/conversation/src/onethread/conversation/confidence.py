"""Knowledge is as sure as before no more: the test bench asks again."""

from __future__ import annotations

from onethread.conversation import bench_due, workspaces
from onethread.conversation.database import Database

CHANGED = "Confidence of the search"


async def changed(database: Database, workspace: str, settle: float) -> None:
    """Answers may be others now, as after a change of settings."""
    async with database.transaction(workspace) as connection:
        if workspaces.settings_of(await workspaces.one(connection, workspace)).of_agent.test_changes:
            await bench_due.note(connection, workspace, [CHANGED], settle)
