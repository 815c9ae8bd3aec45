"""How a workspace wants its AI agent, and the question that tests an answer."""

from __future__ import annotations

from datetime import date, time
from typing import Literal

from pydantic import Field

from onethread.contracts.envelope import Contract
from onethread.contracts.knowledge import LOCALE, Evidence, KnowledgeTrial, Passage
from onethread.contracts.messages import AuthorKind, ChannelKind, Source
from onethread.contracts.tools import Tool

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
    test_changes: bool = Field(
        default=True,
        description="The test bench asks its questions by itself after each change of knowledge or settings.",
    )


class AgentConfigOf(Contract):
    """`svc.conversation.agent`, asked by the agent."""

    workspace: str


class AgentConfig(Contract):
    """Answer: the settings, the tools, and what the language model has cost this month."""

    workspace: str
    settings: AgentSettings = AgentSettings()
    spent: float = Field(default=0.0, ge=0)
    tools: list[Tool] = Field(default_factory=list[Tool])


class Usage(Contract):
    """What a language model was asked and what that cost."""

    model: str
    input_tokens: int = Field(default=0, ge=0)
    output_tokens: int = Field(default=0, ge=0)
    cost: float = Field(default=0.0, ge=0, description="By the configured prices; 0 where there are none.")


AskedDecision = Literal["answer", "clarify", "draft", "handoff"]


class SaidBefore(Contract):
    """Something that was said before the question. `titles`: of the articles that an answer rested on."""

    author: AuthorKind = "customer"
    text: str = Field(max_length=20_000)
    titles: list[str] = Field(default_factory=list[str], max_length=20)


class Trial(KnowledgeTrial):
    """What is not live and shall count for one question. The month's budget stays the live one."""

    settings: AgentSettings | None = None


class Ask(Contract):
    """`svc.agent.ask`: what would the agent say? Nobody is told, and nothing is kept. `history` is oldest first."""

    workspace: str
    question: str = Field(min_length=1, max_length=20_000)
    history: list[SaidBefore] = Field(default_factory=list[SaidBefore], max_length=200)
    channel: ChannelKind = "widget"
    locale: str | None = Field(
        default=None, pattern=LOCALE, description="The customer's language. None: the one that they write."
    )
    trial: Trial | None = Field(default=None, description="Answered as if this were live.")


class Answered(Contract):
    """Answer: the decision, and all that led to it."""

    decision: AskedDecision
    confidence: float = Field(ge=0, le=1)
    threshold: float | None = Field(default=None, ge=0, le=1, description="Confidence from which it answers by itself.")
    text: str = Field(description="For the customer, also on a handoff.")
    sources: list[Source] = Field(default_factory=list[Source])
    reason: str = Field(default="", description="Why, in words that a teammate reads.")
    summary: str = ""
    query: str = Field(default="", description="What was searched for. Empty: nothing was.")
    passages: list[Passage] = Field(default_factory=list[Passage], description="What was found, best first.")
    handoff: HandoffKind | None = None
    suggested_reply: str = ""
    tags: list[str] = Field(default_factory=list[str])
    topic: str | None = None
    calibration: str = Field(default="", description="Version of what turned scores into the confidence.")
    evidence: Evidence | None = Field(
        default=None, description="What the confidence was made of, where one search found the answer."
    )
    usage: list[Usage] = Field(default_factory=list[Usage])
    budget_spent: bool = Field(
        default=False, description="The language model was not asked: the month's budget is spent."
    )
