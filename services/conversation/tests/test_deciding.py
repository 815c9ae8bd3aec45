"""The pure decisions: who is this, and which thread."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from onethread.contracts.messages import Identity
from onethread.conversation import stitching, who
from onethread.conversation.rendering import to_html

NOW = datetime(2026, 11, 23, tzinfo=UTC)
WINDOW = timedelta(days=14)
ANA, BOB = uuid4(), uuid4()
identities = st.builds(
    Identity,
    kind=st.sampled_from(["visitor", "site_user", "email", "slack_user"]),
    value=st.sampled_from(["a", "b", "c"]),
    trust=st.sampled_from(["verified", "asserted"]),
)


def thread(owner: UUID = ANA, status: str = "open", closed_days_ago: float | None = None) -> Any:
    closed_at = NOW - timedelta(days=closed_days_ago) if closed_days_ago is not None else None
    return SimpleNamespace(id=uuid4(), customer_id=owner, status=status, closed_at=closed_at)


def choose(answered: list[Any], latest: Any | None, known_in: set[UUID] | None = None) -> stitching.Stitch:
    return stitching.choose(answered, latest, customer_id=ANA, known_in=known_in or set(), now=NOW, window=WINDOW)


def test_a_message_that_answers_ours_joins_that_thread_before_a_newer_one() -> None:
    answered, latest = thread(), thread()
    assert choose([answered], latest).thread is answered


def test_anothers_thread_is_not_joined_by_answering_it() -> None:
    mine = thread()
    assert choose([thread(BOB)], mine).thread is mine
    assert choose([thread(BOB)], None).thread is None


def test_anothers_thread_is_joined_where_it_knows_the_sender() -> None:
    theirs = thread(BOB)
    assert choose([theirs], None, {theirs.id}).thread is theirs


def test_an_answer_to_a_thread_closed_long_ago_opens_a_new_one_that_points_to_it() -> None:
    old = thread(status="closed", closed_days_ago=15)
    why = "The conversation before it was closed 15 days ago."
    assert choose([old], thread()) == stitching.Stitch(None, "new", previous=old.id, why=why)


def test_one_that_names_a_thread_whose_sender_is_not_known_there_says_so_wherever_it_goes() -> None:
    theirs, mine = thread(BOB), thread()
    assert choose([theirs], None).may_belong_to == theirs.id
    joined = choose([theirs], mine)
    assert (joined.thread, joined.may_belong_to) == (mine, theirs.id)
    assert joined.why == "It names a message of another thread, but its sender is not known there."


def test_a_thread_closed_within_the_window_is_reopened() -> None:
    recent = thread(status="closed", closed_days_ago=13)
    assert choose([], recent) == stitching.Stitch(recent, "reopened")


def test_a_snoozed_thread_is_the_customers_open_one() -> None:
    snoozed = thread(status="snoozed")
    assert choose([], snoozed).thread is snoozed


@given(
    st.lists(st.tuples(st.sampled_from([ANA, BOB]), st.sampled_from(["open", "closed"]), st.floats(0, 30)), max_size=6)
)
def test_whatever_is_answered_nobody_is_put_into_anothers_thread(answered: list[tuple[UUID, str, float]]) -> None:
    rows = [thread(owner, status, days) for owner, status, days in answered]
    chosen = choose(rows, None).thread
    assert chosen is None or chosen.customer_id == ANA


@given(st.lists(identities, min_size=1, max_size=5))
def test_an_unproven_sender_links_to_nobody_and_a_proven_one_only_to_what_is_proven(said: list[Identity]) -> None:
    linking = who.that_link(said)
    if said[0].trust == "asserted":
        assert linking == [said[0]]
    else:
        assert all(one.trust == "verified" for one in linking)


@given(st.permutations(["v1", "v2", "v3"]))
def test_everybody_locks_in_the_same_order(values: list[str]) -> None:
    said = [Identity(kind="email", value=value, trust="verified") for value in values]
    keys = who.lock_keys("local", said)
    assert keys == sorted(keys)


@given(st.text(max_size=300))
def test_a_reply_never_becomes_active_html(markdown: str) -> None:
    html = to_html(markdown + "\n<script>alert(1)</script> [x](javascript:alert(1)) ![i](http://x/i.png)").lower()
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
