"""What the agent does with a customer's message: its channel's mode, and what was set on the thread. Pure.

docs/architecture/agent-modes.md has the table.
"""

from __future__ import annotations

from onethread.contracts.agent import AgentMode, AgentSettings
from onethread.contracts.threads import AgentState

CAREFUL: tuple[AgentMode, ...] = ("auto", "draft", "shadow", "off")
"""Each shows fewer people what the agent writes than the one before."""


def of_channel(settings: AgentSettings, channel_id: str | None, kind: str | None) -> AgentMode:
    """As an administrator set it: for the channel itself, else for all of its kind."""
    return settings.modes.get(channel_id or "") or settings.modes.get(kind or "") or "auto"


def on_thread(channel: AgentMode, agent: AgentState, *, taken: bool) -> AgentMode:
    """`taken`: the thread is assigned to a teammate.

    `quiet` and `taken` keep the agent from speaking to the customer. Where it only writes for teammates, or for the
    report, there is nothing to keep it from: whoever wants no drafts on a thread switches it `off` there.
    """
    if "off" in (channel, agent):
        return "off"
    if agent == "drafting":
        return "draft"
    if channel != "auto":
        return channel
    return "auto" if agent == "active" and not taken else "off"


def most_careful(*modes: AgentMode) -> AgentMode:
    return max(modes, key=CAREFUL.index)
