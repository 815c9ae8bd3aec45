"""How the agent of a workspace is set up: what it asks for itself, and what administrators see of it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from onethread.contracts.agent import AgentConfig, AgentConfigOf, AgentMode, AgentSettings
from onethread.contracts.messages import ChannelKind
from onethread.conversation import channels, modes, tools, workspaces
from onethread.conversation.access import ADMINISTRATION, CallerDep
from onethread.conversation.admin_api import DatabaseDep
from onethread.conversation.agent_settings import spent
from onethread.conversation.database import Database

router = APIRouter(prefix="/api/v1", tags=[ADMINISTRATION])


class AgentConfigs:
    """Answers `svc.conversation.agent`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, question: AgentConfigOf) -> AgentConfig:
        async with self._database.transaction(question.workspace) as connection:
            settings = workspaces.settings_of(await workspaces.one(connection, question.workspace)).of_agent
            cost = await spent(connection, question.workspace)
            usable = await tools.active(connection, question.workspace)
        return AgentConfig(workspace=question.workspace, settings=settings, spent=cost, tools=usable)


class AgentOnChannel(BaseModel):
    id: str = Field(examples=["local"])
    kind: ChannelKind
    name: str = Field(examples=["Website chat"])
    installation: bool = Field(description="The installation's own: no administrator made it.")
    mode: AgentMode = Field(description="What holds there, by its own setting or by its kind's.")


class AgentView(BaseModel):
    channels: list[AgentOnChannel]
    spent: float = Field(ge=0, description="What language models have cost this month (UTC).")


@router.get("/agent")
async def get_agent(caller: CallerDep, database: DatabaseDep) -> AgentView:
    """What the agent does on each channel, and what it has cost. Set by `settings.agent` of the workspace."""
    async with database.transaction(caller.workspace) as connection:
        settings = workspaces.settings_of(await workspaces.one(connection, caller.workspace)).of_agent
        made = await channels.all_of(connection, caller.workspace)
        cost = await spent(connection, caller.workspace)
    own = [_shown(settings, *one, installation=True) for one in channels.OWN]
    theirs = [_shown(settings, row.id, row.kind, row.name) for row in made]
    return AgentView(channels=[*own, *theirs], spent=cost)


def _shown(settings: AgentSettings, id_: str, kind: Any, name: str, *, installation: bool = False) -> AgentOnChannel:
    mode = modes.of_channel(settings, id_, kind)
    return AgentOnChannel(id=id_, kind=kind, name=name, installation=installation, mode=mode)
