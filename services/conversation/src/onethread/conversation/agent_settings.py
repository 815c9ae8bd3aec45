"""What administrators may choose for their agent."""

# pyright: reportIncompatibleVariableOverride=false
# A frozen model may narrow its fields.

from __future__ import annotations

from datetime import time
from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from onethread.contracts import agent as a
from onethread.conversation import channels
from onethread.conversation.database import Connection
from onethread.runtime.errors import Problem

KINDS = ("widget", "email", "slack")
CHANNELS = "select id from channel where workspace_id = %s"
SPENT = """select coalesce(sum(cost), 0)::float8 as cost from (
        select cost, workspace_id, created_at from proposal
        union all select cost, workspace_id, created_at from bench_run) costs
    where workspace_id = %(workspace)s and created_at >= date_trunc('month', now(), 'UTC')"""


@cache
def _zones() -> set[str]:
    return available_timezones()


def _zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("this is no IANA time zone, such as Europe/Berlin")
    return name


class Opening(a.Opening):
    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="after")
    def _in_order(self) -> Opening:
        opens, closes = self.opens.replace(tzinfo=None), self.closes.replace(tzinfo=None)
        if closes <= opens and closes != time():
            raise ValueError("it closes before it opens; a night is two openings")
        return self


class OpenHours(a.OpenHours):
    model_config = ConfigDict(extra="forbid")

    timezone: Annotated[str, AfterValidator(_zone)] = Field(
        default="UTC", max_length=64, description="An IANA name: `Europe/Berlin`."
    )
    openings: list[Opening] = Field(default_factory=list[Opening], max_length=50)  # type: ignore[assignment]


Topic = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*\S[^\x00]*$")]
ChannelName = Annotated[str, Field(max_length=63)]


class AgentChoices(a.AgentSettings):
    """As the agent reads it; closed, so that a misspelt choice is not taken for one."""

    model_config = ConfigDict(extra="forbid")

    modes: dict[ChannelName, a.AgentMode] = Field(
        default_factory=dict[str, a.AgentMode],
        max_length=1_000,
        description="By channel id, or else by kind of channel (`widget`, `email`, `slack`). Not named: `auto`.",
    )
    reserved_topics: list[Topic] = Field(
        default_factory=list[str], max_length=200, description="Words or phrases that always go to a person."
    )
    hours: OpenHours | None = Field(default=None, description="When people answer. None: nothing is said about when.")
    monthly_budget: float | None = Field(
        default=None, ge=0, le=1e9, allow_inf_nan=False,
        description="For the language model, in the currency of its prices. None: no limit.",
    )  # fmt: skip


async def check_channels(connection: Connection, workspace: str, choices: AgentChoices) -> None:
    """Raises a 422 problem that names what is no channel of the workspace."""
    own = {row.id for row in await (await connection.execute(CHANNELS, [workspace])).fetchall()}
    if unknown := choices.modes.keys() - own - channels.OF_THE_INSTALLATION - set(KINDS):
        errors = [{"at": f"settings.agent.modes.{name}", "problem": "no such channel"} for name in sorted(unknown)]
        raise Problem(422, "There is no such channel", "Nothing was changed.", errors=errors)


async def spent(connection: Connection, workspace: str) -> float:
    """What language models have cost this month (UTC), for customers and for the test bench, by the agent's prices."""
    [row] = await (await connection.execute(SPENT, {"workspace": workspace})).fetchall()
    return row.cost
