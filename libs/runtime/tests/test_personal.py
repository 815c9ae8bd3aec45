"""What tells who somebody is goes, in whatever form; what is said stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethread.runtime.personal import without_personal_data

WORDS = st.sampled_from(["Hello,", "my parcel", "is late.", "Was ist mit", "où est", "please (now)", "x:", "–"])
AROUND = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)
SEPARATORS = st.sampled_from([" ", "-", ".", "", "/", "\u00a0", " - "])
LETTERS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=8)


@st.composite
def numbers(draw):
    """Telephones, cards, accounts: seven digits and more, grouped as people group them."""
    groups = draw(st.lists(st.text("0123456789", min_size=2, max_size=4), min_size=4, max_size=6))
    return draw(st.sampled_from(["", "+", "(", "#"])) + draw(SEPARATORS).join(groups)


@given(AROUND, numbers(), AROUND)
def test_of_a_long_number_no_digit_is_left(before, number, after):
    left = without_personal_data(f"{before} {number} {after}")
    assert not any(one.isdigit() for one in left)
    assert "[number]" in left


@given(AROUND, LETTERS, LETTERS, st.sampled_from(["example.com", "mail.x.example", "münchen.example"]), AROUND)
def test_of_an_address_nothing_is_left(before, one, other, domain, after):
    left = without_personal_data(f"{before} {one}.{other}+7@{domain} {after}")
    assert left == f"{before} [email] {after}"


@given(
    AROUND, st.sampled_from(["order", "Bestellnummer", "invoice no.", "pedido n", "ticket #"]), st.integers(10, 10**9)
)
def test_of_an_order_no_digit_is_left(before, called, number):
    left = without_personal_data(f"{before} {called} {number} today")
    assert not any(one.isdigit() for one in left)


@given(AROUND, LETTERS.map(str.title), LETTERS.map(str.title), AROUND)
def test_of_a_known_name_no_part_is_left(before, first, last, after):
    left = without_personal_data(f"{before} {first} {last}, {first}: {last}! {after}", [f"{first} {last}"])
    assert not {first, last} & set(left.replace(",", " ").replace(":", " ").replace("!", " ").split())


@given(st.text(max_size=80), st.lists(st.text(max_size=10), max_size=2))
def test_any_text_goes_through_and_twice_is_as_once(text, names):
    once = without_personal_data(text, [])
    assert without_personal_data(once, []) == once
    without_personal_data(text, names)


@pytest.mark.parametrize(
    "text",
    [
        "I waited 24 hours and 3 days for the iPhone 14 of 2026, and got error 404.",
        "It costs 1,299 EUR in version 1.2.3. What is a case number?",
        "1. Open Settings\n2. Choose Delivery\n3. Save\n4. Wait\n5. Go\n6. Done\n7. Enjoy",
        "See https://shop.example/help/returns.",
        "Customer since 2019; the ticket is closed.",
    ],
)
def test_what_is_no_personal_data_stays(text):
    assert without_personal_data(text) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("IBAN DE89 3704 0044 0532 0130 00, thanks", "IBAN [number], thanks"),
        ("card 4111-1111-1111-1111 exp 12/27", "card [number] exp 12/27"),
        ("see https://shop.example/orders/48213?token=abc#q", "see https://shop.example/orders/[number]"),
        ("mine is AB-1234 and #123", "mine is [number] and [number]"),
        ("Will you call bob miller, or Will Smith?", "[name] you call [name], or [name]?"),
    ],
)
def test_each_kind_is_named(text, left):
    assert without_personal_data(text, ["Bob Miller", "Will Smith"]) == left
