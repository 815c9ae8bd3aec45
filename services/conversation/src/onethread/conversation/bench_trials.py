"""A trial: what is not live and shall count for one run, checked before anything is asked."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from onethread.contracts.agent import Trial
from onethread.contracts.knowledge import KnowledgeFound, KnowledgeSearch, KnowledgeTrial
from onethread.contracts.subjects import KNOWLEDGE_SEARCH
from onethread.conversation import workspaces
from onethread.conversation.agent_settings import AgentChoices
from onethread.conversation.database import Database
from onethread.runtime.bus import Bus, RefusedError, UnavailableError
from onethread.runtime.errors import Problem

SEARCH_SECONDS = 20.0
ArticleId = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class NewTrial(BaseModel):
    """At least one of the three."""

    model_config = ConfigDict(extra="forbid")

    settings: AgentChoices | None = Field(
        default=None, description="As in `settings.agent` of the workspace: what is given counts, the rest stays."
    )
    articles: list[ArticleId] = Field(
        default=[], max_length=50, description="Ids of written articles whose latest draft counts as published."
    )
    without: list[ArticleId] = Field(default=[], max_length=200, description="Ids of documents that count as gone.")


async def checked(bus: Bus, database: Database, workspace: str, new: NewTrial | None) -> Trial | None:
    """With all settings. Raises a 422 problem for an article that is not there, 503 while knowledge is away."""
    if new is None:
        return None
    if not (new.settings or new.articles or new.without):
        raise Problem(422, "The trial changes nothing", "Nothing was started. Name settings or articles.")
    if new.articles or new.without:
        await _check_articles(bus, workspace, KnowledgeTrial(articles=new.articles, without=new.without))
    settings = None
    if new.settings:
        async with database.transaction(workspace) as connection:
            live = workspaces.settings_of(await workspaces.one(connection, workspace)).of_agent
        settings = live.model_copy(update={name: getattr(new.settings, name) for name in new.settings.model_fields_set})
    return Trial(settings=settings, articles=new.articles, without=new.without)


async def _check_articles(bus: Bus, workspace: str, trial: KnowledgeTrial) -> None:
    """By a search, which also makes knowledge read the drafts."""
    search = KnowledgeSearch(workspace=workspace, query="?", k=1, trial=trial)
    try:
        await bus.ask(KNOWLEDGE_SEARCH, search, KnowledgeFound, SEARCH_SECONDS)
    except RefusedError as error:
        raise Problem(422, "The trial names no article of this workspace", f"Nothing was started. {error}") from error
    except UnavailableError as error:
        raise Problem(503, "Knowledge is away", "Nothing was started. Try again in a moment.") from error
