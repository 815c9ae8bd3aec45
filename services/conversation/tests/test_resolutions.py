"""What became of an answer of the agent. Silence is never called confirmed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethread.conversation.resolutions import Outcome, outcome

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
WINDOW, REOPEN = timedelta(hours=72), timedelta(days=14)
H, D = timedelta(hours=1), timedelta(days=1)


def answer(
    *, thanks: timedelta | None = None, more: timedelta | None = None, then: timedelta | None = None,
    by: str = "customer", score: int | None = None, scale: str = "thumbs",
) -> Any:  # fmt: skip
    """Said at `AT`. `thanks` or `more`: what followed, so much later; `then`: what the customer said after thanks."""
    following = thanks if thanks is not None else more
    return SimpleNamespace(
        created_at=AT, score=score, scale=scale if score is not None else None,
        next_author=by if following is not None else None, next_at=None if following is None else AT + following,
        next_thanks=thanks is not None, then_at=None if then is None else AT + then,
    )  # fmt: skip


CASES: list[tuple[str, Any, timedelta, Outcome | None]] = [
    ("nothing yet", answer(), 71 * H, "pending"),
    ("nothing for the whole window", answer(), 72 * H, "assumed"),
    ("thanks", answer(thanks=H), 2 * H, "confirmed"),
    ("thanks after weeks", answer(thanks=30 * D), 31 * D, "confirmed"),
    ("a thumb up", answer(score=1), H, "confirmed"),
    ("a CSAT of 4", answer(score=4, scale="csat"), H, "confirmed"),
    ("a CSAT of 3 says nothing", answer(score=3, scale="csat"), H, "pending"),
    ("a CSAT of 1 is no thumb up", answer(score=1, scale="csat"), 100 * H, "negative"),
    ("a thumb down", answer(score=-1), 100 * H, "negative"),
    ("a thumb down outweighs thanks", answer(score=-1, thanks=H), 2 * H, "negative"),
    ("the talk went on", answer(more=H), 2 * H, None),
    ("back after it counted as resolved", answer(more=73 * H), 80 * H, "reopened"),
    ("back after the reopen window", answer(more=72 * H + 15 * D), 99 * D, "assumed"),
    ("back after thanks", answer(thanks=H, then=2 * D), 3 * D, "reopened"),
    ("back long after thanks", answer(thanks=H, then=20 * D), 30 * D, "confirmed"),
    ("back after a thumb up", answer(score=1, more=D), 2 * D, "reopened"),
    ("the agent said more", answer(more=H, by="agent"), 2 * H, None),
    ("a teammate went on", answer(more=H, by="teammate"), 2 * H, "taken_over"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "later", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_an_answer_ends_as_what_followed_says(row: Any, later: timedelta, expected: Outcome | None) -> None:
    assert outcome(row, WINDOW, REOPEN, AT + later) == expected


GAPS = st.none() | st.integers(1, 60 * 24).map(lambda hours: timedelta(hours=hours))


@given(
    thanks=GAPS,
    more=GAPS,
    then=GAPS,
    score=st.none() | st.integers(-1, 5),
    later=st.integers(0, 100).map(lambda n: n * D),
)
def test_without_a_word_of_the_customer_nothing_is_confirmed(
    thanks: timedelta | None, more: timedelta | None, then: timedelta | None, score: int | None, later: timedelta
) -> None:
    scale = "thumbs" if score in (-1, 1) else "csat"
    found = outcome(answer(thanks=thanks, more=more, then=then, score=score, scale=scale), WINDOW, REOPEN, AT + later)
    if found == "confirmed":
        assert thanks is not None or score in (1, 4, 5)
    if score in (-1, 0, 2) and not (thanks is None and more is None):
        assert found != "assumed"
