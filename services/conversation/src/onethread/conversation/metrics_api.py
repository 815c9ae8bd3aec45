"""REST: what the agent is worth, in numbers."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime

from onethread.contracts.envelope import now
from onethread.conversation import agent_report, resolutions
from onethread.conversation.access import CallerDep
from onethread.conversation.agent_report import AgentReport, Period
from onethread.conversation.api import DatabaseDep
from onethread.conversation.resolutions import ResolutionReport
from onethread.runtime.errors import Problem

router = APIRouter(prefix="/api/v1/metrics", tags=["metrics"])
USUAL = timedelta(days=30)
LONGEST = timedelta(days=366)

Since = Annotated[AwareDatetime | None, Query(description="From this moment on. Left out: 30 days before `until`.")]
Until = Annotated[AwareDatetime | None, Query(description="Before this moment. Left out: now.")]
ChannelName = Annotated[str | None, Query(max_length=63, description="A channel's id, or `widget`, `email`, `slack`.")]


async def _period(caller: CallerDep, since: Since = None, until: Until = None, channel: ChannelName = None) -> Period:
    """Raises a 422 problem."""
    end = until or now()
    with suppress(OverflowError):
        begin = since or end - USUAL
        if timedelta(0) < end - begin <= LONGEST:
            return Period(caller.workspace, begin, end, channel)
    raise Problem(422, "Choose a period of at most a year", "`since` comes before `until`.")


PeriodDep = Annotated[Period, Depends(_period)]


@router.get("/agent")
async def get_agent_report(period: PeriodDep, database: DatabaseDep) -> AgentReport:
    """By channel and by topic: what the agent answered, or would have answered, what it handed over and why, how alike
    its answers were to what teammates then sent, where it was wrong, and what it cost.
    """
    async with database.transaction(period.workspace) as connection:
        return await agent_report.report(connection, period)


@router.get("/resolutions")
async def get_resolutions(
    period: PeriodDep,
    database: DatabaseDep,
    request: Request,
    window_hours: Annotated[int, Query(ge=1, le=720, description="Silence for so long is an assumed resolution.")] = 72,
) -> ResolutionReport:
    """What became of the agent's answers of that time. Silence is never called confirmed."""
    reopen = await request.app.state.workspaces.reopen_window(period.workspace)
    async with database.transaction(period.workspace) as connection:
        return await resolutions.report(connection, period, timedelta(hours=window_hours), reopen, now())
