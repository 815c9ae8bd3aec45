from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethread.agent.spending import Prices, Spending
from onethread.contracts.agent import AgentConfig, AgentSettings, Usage


def config(spent: float, budget: float | None = 10.0, workspace: str = "local") -> AgentConfig:
    return AgentConfig(workspace=workspace, settings=AgentSettings(monthly_budget=budget), spent=spent)


def spend(spending: Spending, told: AgentConfig, most: float, cost: float) -> bool:
    with spending.reserve(told, most) as used:
        if used is not None:
            used.append(Usage(model="m", cost=cost))
    return used is not None


def test_prices_are_for_a_million_tokens() -> None:
    assert Prices(3.0, 15.0).cost(1_000, 200) == pytest.approx(0.006)


def test_a_month_s_budget_ends() -> None:
    assert spend(Spending(), config(9.0), 1.0, 0.5)
    assert not spend(Spending(), config(9.5), 1.0, 0.5)
    assert spend(Spending(), config(99.0, None), 1.0, 0.5)
    assert not spend(Spending(), config(0.0, 0.0), 0.1, 0.1)


def test_what_was_spent_since_conversation_counted_counts_too() -> None:
    spending = Spending()
    assert [spend(spending, config(8.0), 0.5, 0.5) for _ in range(6)] == [True] * 4 + [False] * 2


def test_what_conversation_has_heard_meanwhile_is_not_counted_twice() -> None:
    spending = Spending()
    assert spend(spending, config(0.0), 4.0, 4.0)
    assert spend(spending, config(4.0), 4.0, 4.0)
    assert not spend(spending, config(8.0), 4.0, 4.0)


def test_a_new_month_begins_at_nothing() -> None:
    spending = Spending()
    spend(spending, config(5.0), 5.0, 5.0)
    assert not spend(spending, config(9.9), 1.0, 1.0)
    assert spend(spending, config(0.0), 9.0, 9.0)
    assert not spend(spending, config(0.0), 2.0, 1.0)


def test_workspaces_have_purses_of_their_own() -> None:
    spending = Spending()
    spend(spending, config(0.0), 10.0, 10.0)
    assert not spend(spending, config(0.0), 1.0, 1.0)
    assert spend(spending, config(0.0, workspace="other"), 1.0, 1.0)


@given(st.lists(st.tuples(st.floats(0.1, 3.0), st.floats(0.0, 1.0)), max_size=40))
def test_a_burst_never_overruns(calls: list[tuple[float, float]]) -> None:
    """All at once: none is done before the last began."""
    spending, paid = Spending(), 0.0
    with ExitStack() as running:
        for most, share in calls:
            used = running.enter_context(spending.reserve(config(5.0), most))
            if used is not None:
                used.append(Usage(model="m", cost=most * share))
                paid += most * share
    assert 5.0 + paid <= 10.0 + 1e-9
