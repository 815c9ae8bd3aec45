from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from onethread.conversation import threads
from onethread.conversation.three_way import GROUPS, changed, taken_back, three_way

WORDS = st.sampled_from(["low", "normal", "high", "urgent"])
TAGS = st.lists(st.sampled_from("abcdef"), unique=True).map(sorted)


@given(WORDS, WORDS)
def test_what_nobody_changed_since_is_as_before(before: str, gave: str) -> None:
    assert three_way(before, gave, gave) == before


@given(TAGS, TAGS)
def test_tags_that_nobody_changed_since_are_as_before(before: list[str], gave: list[str]) -> None:
    assert three_way(before, gave, gave) == before


@given(WORDS, WORDS)
def test_an_act_that_changed_nothing_takes_nothing_back(before: str, current: str) -> None:
    assert three_way(before, before, current) == current


@given(TAGS, TAGS)
def test_an_act_that_gave_no_tags_takes_none_back(before: list[str], current: list[str]) -> None:
    assert three_way(before, before, current) == current


@given(WORDS, WORDS, WORDS)
def test_what_somebody_changed_since_stays(before: str, gave: str, current: str) -> None:
    assert three_way(before, gave, current) == (before if current == gave else current)


@given(TAGS, TAGS, TAGS)
def test_of_tags_each_is_decided_by_itself(before: list[str], gave: list[str], current: list[str]) -> None:
    result = three_way(before, gave, current)
    for tag in "abcdef":
        assert (tag in result) == three_way(tag in before, tag in gave, tag in current)


def test_a_decision_of_several_columns_is_taken_back_whole_or_not_at_all() -> None:
    before = threads.Row(agent="active", tags=["a"])
    sam = {"kind": "teammate", "name": "Sam"}
    after = before._replace(agent="off", agent_by=sam, tags=["a", "b"])
    journal = changed(before, after)
    assert set(journal) == {"agent", "tags"}
    assert taken_back(after, journal) == {"agent": "active", "agent_by": None, "agent_at": None, "tags": ["a"]}
    by_ana = after._replace(agent_by={"kind": "teammate", "name": "Ana"}, tags=["b", "c"])
    assert taken_back(by_ana, journal)["agent"] == "off"
    assert taken_back(by_ana, journal)["tags"] == ["c"]


def test_every_column_of_a_group_is_one_of_a_thread() -> None:
    assert {name for names in GROUPS.values() for name in names} <= set(threads.COLUMNS)
