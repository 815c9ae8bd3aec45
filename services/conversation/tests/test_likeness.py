"""Addresses that are one mailbox, and those that only look so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethread.conversation import likeness

ALIKE = [
    ("ana@acme.com", "ANA@Acme.com", "Both use"),
    ("ana@exämple.com", "ana@xn--exmple-cua.com", "Both use"),
    ("ana@acme.com", "ana+shop@acme.com", "after the plus"),
    ("ana+a@acme.com", "ana+b@acme.com", "after the plus"),
    ("ana.ruiz@gmail.com", "anaruiz@gmail.com", "one mailbox to Gmail"),
    ("anaruiz@googlemail.com", "ana.ruiz@gmail.com", "one mailbox to Gmail"),
]
DECEIVING = [
    ("ana@paypal.com", "ana@p\u0430ypal.com"),
    ("ana@paypal.com", "ana@paypa1.com"),
    ("ana@paypal.com", "ana+x@paypa1.com"),
    ("ana@modern.com", "ana@rnodern.com"),
    ("ana@exämple.com", "ana@example.com"),
    ("\u0430na@acme.com", "ana@acme.com"),
]
STRANGERS = [
    ("ana@acme.com", "bob@acme.com"),
    ("ana.ruiz@acme.com", "anaruiz@acme.com"),
    ("ana1@acme.com", "anal@acme.com"),
    ("ana@acme.com", "ana@acme.org"),
    ("+a@acme.com", "+b@acme.com"),
]
addresses = st.one_of(
    st.emails(),
    st.sampled_from([one for row in [*ALIKE, *DECEIVING, *STRANGERS] for one in row[:2]]),
    st.tuples(st.text(max_size=8), st.text(max_size=12)).map("@".join),
    st.text(max_size=20),
)


@pytest.mark.parametrize(("one", "other", "reason"), ALIKE)
def test_one_mailbox_is_told_with_the_reason(one: str, other: str, reason: str) -> None:
    assert reason in (likeness.same_person_hints(one, other) or "")
    assert likeness.likeness_key(one) == likeness.likeness_key(other)


@pytest.mark.parametrize(("one", "other"), DECEIVING)
def test_a_look_alike_is_warned_of(one: str, other: str) -> None:
    assert (likeness.same_person_hints(one, other) or "").startswith("Careful: ")
    assert likeness.normal_address(one) != likeness.normal_address(other)
    assert likeness.likeness_key(one) == likeness.likeness_key(other)


def test_a_warning_spells_the_letters_that_deceive() -> None:
    assert "ana@p\u0430ypal.com (xn--pypal-4ve.com)" in (
        likeness.same_person_hints("ana@p\u0430ypal.com", "ana@paypal.com") or ""
    )


@pytest.mark.parametrize(("one", "other"), STRANGERS)
def test_strangers_are_not_brought_together(one: str, other: str) -> None:
    assert likeness.same_person_hints(one, other) is None


@given(addresses, addresses)
def test_hints_have_no_direction_and_are_found_by_the_key(one: str, other: str) -> None:
    hint = likeness.same_person_hints(one, other)
    assert hint == likeness.same_person_hints(other, one)
    assert (hint is not None) == (likeness.likeness_key(one) == likeness.likeness_key(other))


@given(addresses)
def test_the_one_spelling_stays_as_it_is(address: str) -> None:
    spelled = likeness.normal_address(address)
    assert likeness.normal_address(spelled) == spelled
