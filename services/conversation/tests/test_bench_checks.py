"""Whether an answer is as expected, and what counts as worse."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethread.contracts.agent import Answered
from onethread.contracts.messages import Source
from onethread.conversation.bench_checks import Expected, Outcome, compared, failures


def answered(decision: Any = "answer", text: str = "Within 30 days.", *articles: str, **more: Any) -> Answered:
    sources = [Source(title=name.title(), document_id=name, score=1) for name in articles or ("returns",)]
    return Answered(decision=decision, confidence=0.9, text=text, sources=sources, reason="So it is", **more)


HANDED_OVER = Answered(
    decision="handoff", confidence=0.2, text="A colleague answers.", reason="Not sure", handoff="unsure"
)
TROUBLE = HANDED_OVER.model_copy(update={"handoff": "trouble"})


def outcome(one: Answered, expected: Expected = Expected()) -> Outcome:  # noqa: B008 frozen
    failed = failures(expected, one)
    return Outcome(one, not failed, failed)


def change(before: Answered | None, now: Answered, expected: Expected = Expected()) -> str:  # noqa: B008 frozen
    return compared(before and outcome(before, expected), outcome(now, expected), expected)[0]


def test_an_article_is_expected_by_its_id_or_its_title_and_words_in_any_case_and_spacing() -> None:
    expected = Expected("answer", ["RETURNS"], ["within\n 30 DAYS"], ["Refund"])
    assert failures(expected, answered()) == []
    assert failures(Expected(sources=["Returns"]), answered()) == []


def test_each_thing_that_is_not_as_expected_is_said() -> None:
    expected = Expected("handoff", ["Shipping"], ["60 days"], ["30 days"])
    assert failures(expected, answered()) == [
        "It answers; expected is that it hands over.", "“Shipping” is not among its sources.",
        "It does not say “60 days”.", "It says “30 days”.",
    ]  # fmt: skip


def test_a_draft_counts_as_an_answer() -> None:
    assert failures(Expected("answer"), answered("draft")) == []
    assert change(answered("draft"), answered()) == "same"


@pytest.mark.parametrize(
    ("before", "now", "expected", "is_now"),
    [
        (answered(), HANDED_OVER, Expected(), "worse"),
        (answered(), HANDED_OVER, Expected("handoff"), "better"),
        (answered(), answered(text="Within 20 days."), Expected(contains=["30"]), "worse"),
        (answered(), answered(text="Within 20 days."), Expected(), "same"),
        (answered(), answered("answer", "x", "shipping"), Expected(), "other"),
        (answered(), answered("answer", "x", "shipping", "returns"), Expected(), "same"),
        (answered("answer", "x", "shipping"), answered(), Expected(sources=["returns"]), "better"),
        (HANDED_OVER, answered(), Expected(), "better"),
        (HANDED_OVER, answered(), Expected("handoff"), "worse"),
        (HANDED_OVER, HANDED_OVER, Expected("answer"), "same"),
        (None, HANDED_OVER, Expected("answer"), "new"),
        (answered(), TROUBLE, Expected("answer"), "unclear"),
        (TROUBLE, HANDED_OVER, Expected("answer"), "new"),
    ],
)
def test_what_a_change_is(before: Answered | None, now: Answered, expected: Expected, is_now: str) -> None:
    assert change(before, now, expected) == is_now


def test_a_teammates_judgement_outweighs_what_is_expected() -> None:
    wrong = Outcome(answered(), right=False)
    assert compared(Outcome(answered(), right=True), wrong, Expected()) == ("worse", ["A teammate judged it wrong."])
    assert compared(wrong, outcome(answered(text="Within 20 days.")), Expected())[0] == "better"


def test_what_got_worse_says_in_what() -> None:
    _, why = compared(outcome(answered()), outcome(HANDED_OVER), Expected())
    assert why == ["It hands over, and answered before: Not sure"]
    _, why = compared(outcome(answered()), outcome(answered("answer", "x", "shipping")), Expected())
    assert why == ["It answers from “Shipping”, before from “Returns”."]


ANY = st.builds(
    answered, st.sampled_from(["answer", "clarify", "draft"]), st.sampled_from(["30 days", "20 days"]),
    st.sampled_from(["returns", "shipping"]),
) | st.just(HANDED_OVER)  # fmt: skip
EXPECTED = st.builds(
    Expected, st.sampled_from([None, "answer", "clarify", "handoff"]), st.sampled_from([(), ("returns",)]),
    st.sampled_from([(), ("30",)]),
)  # fmt: skip


@given(ANY, ANY, EXPECTED)
def test_what_is_worse_one_way_is_no_worse_the_other_way_and_nothing_is_worse_than_itself(
    one: Answered, other: Answered, expected: Expected
) -> None:
    assert change(one, one, expected) == "same"
    there, back = change(one, other, expected), change(other, one, expected)
    assert (there, back) != ("worse", "worse")
    assert not (there == "better" and back not in {"worse", "same"})
    if failures(expected, one) == [] != failures(expected, other):
        assert there == "worse"
