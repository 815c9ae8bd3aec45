"""What the agent does with a message, for every mode of a channel and everything that may be set on a thread."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from onethread.contracts.agent import AgentMode, AgentSettings
from onethread.contracts.threads import AgentState
from onethread.conversation.modes import CAREFUL, most_careful, of_channel, on_thread

TABLE = """
    channel  free    assigned drafting quiet   off
    auto     auto    off      draft    off     off
    draft    draft   draft    draft    draft   off
    shadow   shadow  shadow   draft    shadow  off
    off      off     off      off      off     off
"""
"""As docs/architecture/agent-modes.md has it. `free`: the agent is active and nobody has the thread."""
HEAD, *ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [(row[0], column, row[n]) for row in ROWS for n, column in enumerate(HEAD[1:], 1)]


@pytest.mark.parametrize(("channel", "column", "mode"), CELLS)
def test_the_mode_on_a_thread_is_as_the_table_says(channel: AgentMode, column: str, mode: AgentMode) -> None:
    agent = {"free": "active", "assigned": "active"}.get(column, column)
    assert on_thread(channel, agent, taken=column == "assigned") == mode  # type: ignore[arg-type]


def test_only_an_agent_that_answers_by_itself_cares_who_has_the_thread() -> None:
    for channel, agent in product(get_args(AgentMode), get_args(AgentState)):
        modes = {on_thread(channel, agent, taken=taken) for taken in (True, False)}
        assert len(modes) == 1 or (channel, agent) == ("auto", "active")


def test_the_customer_is_answered_by_the_agent_only_where_channel_and_thread_both_allow_it() -> None:
    for channel, agent, taken in product(get_args(AgentMode), get_args(AgentState), (True, False)):
        if on_thread(channel, agent, taken=taken) == "auto":
            assert (channel, agent, taken) == ("auto", "active", False)


def test_a_channels_own_mode_goes_before_its_kinds_and_what_is_not_named_is_auto() -> None:
    settings = AgentSettings(modes={"email": "draft", "sales": "off", "slack": "shadow"})
    assert of_channel(settings, "sales", "email") == "off"
    assert of_channel(settings, "email-local", "email") == "draft"
    assert of_channel(settings, "local", "widget") == "auto"
    assert of_channel(AgentSettings(), None, None) == "auto"


def test_of_two_modes_the_more_careful_one_shows_fewer_people_what_the_agent_writes() -> None:
    for one, other in product(CAREFUL, CAREFUL):
        chosen = most_careful(one, other)
        assert chosen == most_careful(other, one)
        assert CAREFUL.index(chosen) == max(CAREFUL.index(one), CAREFUL.index(other))
