"""How a workspace wants its AI agent, and the question that tests an answer."""

from __future__ import annotations

from datetime import date, time
from typing import Literal

from pydantic import Field

from onethread.contracts.envelope import Contract

AgentMode = Literal["auto", "draft", "shadow", "off"]
"""`auto` answers the customer. `draft` writes for the teammate, who uses, edits or dismisses it. `shadow` writes for
the report alone, and is compared with what the teammate sent. `off` does nothing.
"""
HandoffKind = Literal[
    "person", "account", "unsure", "upset", "repeating", "reserved", "turns", "attachment", "trouble", "budget"
]
"""Why a person must answer: asked for, about the customer's own order or account, not sure enough, the customer is
upset or says the same again, a topic that the workspace reserves, too many turns, a file that cannot be read, a fault,
or the month's budget is spent.
"""
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Opening(Contract):
    days: list[Weekday] = Field(min_length=1)
    opens: time
    closes: time = Field(description="Of the same day; 00:00 is its end.")


class OpenHours(Contract):
    """When people answer. Without openings: always."""

    timezone: str = Field(default="UTC", description="An IANA name: `Europe/Berlin`.")
    openings: list[Opening] = Field(default_factory=list[Opening], max_length=50)
    closed_on: list[date] = Field(default_factory=list[date], max_length=400, description="Holidays.")


class AgentSettings(Contract):
    """What an administrator sets for the agent of a workspace."""

    modes: dict[str, AgentMode] = Field(
        default_factory=dict[str, AgentMode],
        description="By channel id, or else by kind of channel (`widget`, `email`, `slack`). Not named: `auto`.",
    )
    confidence: float | None = Field(
        default=None, ge=0, le=1, description="Belief from which it answers by itself. None: the installation's."
    )
    clarify: bool = Field(default=True, description="It may ask one question back, at most twice in a thread.")
    reserved_topics: list[str] = Field(
        default_factory=list[str], max_length=200, description="Words or phrases that always go to a person."
    )
    max_turns: int = Field(
        default=8, ge=1, le=100, description="Answers of the agent in one thread before a person takes it."
    )
    hours: OpenHours | None = Field(default=None, description="When people answer. None: nothing is said about when.")
    monthly_budget: float | None = Field(
        default=None, ge=0, description="For the language model, in the currency of its prices. None: no limit."
    )


class AgentConfigOf(Contract):
    """`svc.conversation.agent`, asked by the agent."""

    workspace: str


class AgentConfig(Contract):
    """Answer: the settings, and what the language model has cost this month."""

    workspace: str
    settings: AgentSettings = AgentSettings()
    spent: float = Field(default=0.0, ge=0)


class Usage(Contract):
    """What a language model was asked and what that cost."""

    model: str
    input_tokens: int = Field(default=0, ge=0)
    output_tokens: int = Field(default=0, ge=0)
    cost: float = Field(default=0.0, ge=0, description="By the configured prices; 0 where there are none.")
