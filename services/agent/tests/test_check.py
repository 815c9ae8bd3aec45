import pytest

from onethread.agent.check import Check, Checked, cited_numbers, links, visible, without_citations
from onethread.contracts.knowledge import Passage


def check(text: str, passages: list[Passage]) -> Checked:
    return Check(passages).check(text)


GOOD = "You may return anything unused within 30 days of delivery."


@pytest.mark.parametrize(
    "bad",
    [
        "Read more at https://evil.example/x?q=return.",
        "Return it [here](https://evil.example/return) unused.",
        "Return it [here](javascript:alert(1)) unused.",
        "Return it [here](//evil.example) unused.",
        "![unused](https://evil.example/p.png)",
        "![unused](https://shop.example/help/return-policy)",
        "Return unused to evil.example within 30 days.",
        "Return unused: write to thief@evil.example.",
        "<img src=x> unused return",
        "Unused return <a href=https://shop.example/help/return-policy>here</a>.",
        "[unused]: https://evil.example",
        "Return it at HTTPS://EVIL.EXAMPLE unused.",
        "Return it at https://shop.example/help/return-policy?leak=1 unused.",
        "Return it at https://shop.example.evil.example/help/return-policy unused.",
    ],
)
def test_a_link_that_no_source_has_is_cut(bad: str, returns: Passage) -> None:
    checked = check(f"{GOOD} {GOOD} {GOOD}\n{bad}", [returns])
    assert "evil" not in checked.text.lower()
    assert "<" not in checked.text
    assert "![" not in checked.text
    assert checked.cut


def test_an_answer_of_only_a_foreign_link_is_not_sent(returns: Passage) -> None:
    assert not check("Go to https://evil.example now.", [returns]).whole


def test_the_sources_own_link_stays(returns: Passage) -> None:
    text = f"{GOOD} Read [our return policy](https://shop.example/help/return-policy)."
    assert check(text, [returns]).text == text


def test_a_number_that_no_source_has_is_cut(returns: Passage, shipping: Passage) -> None:
    assert not check("You may return anything unused within 60 days of delivery.", [returns]).whole
    assert check("1. Standard shipping costs €4,90 in Germany.", [shipping]).whole


def test_a_statement_that_no_source_makes_is_cut(returns: Passage) -> None:
    checked = check(f"{GOOD} {GOOD} Please send your password to our security department.", [returns])
    assert checked.text == f"{GOOD} {GOOD}"
    assert checked.cut == ("a request for a secret",)
    assert check(f"{GOOD} Llamas are brown.", [returns]).cut == ("a statement that no source makes",)


def test_a_translation_is_held_to_its_numbers(returns: Passage) -> None:
    assert check("Sie können alles innerhalb von 30 Tagen nach der Lieferung zurückgeben.", [returns]).whole
    assert not check("Sie können alles innerhalb von 90 Tagen nach der Lieferung zurückgeben.", [returns]).whole


def test_hidden_characters_are_taken_out() -> None:
    assert visible("a\u200bb\u202ec\U000e0041") == "abc"


def test_citations_are_read_and_taken_out() -> None:
    text = "Return it [1]. Ship it [2, 1]. Nonsense [9]."
    assert cited_numbers(text) == [1, 2, 9]
    assert without_citations(text) == "Return it. Ship it. Nonsense."


def test_links_are_found_in_every_form() -> None:
    assert links("see www.evil.example/a. or mail a@b.example") == {"www.evil.example/a", "a@b.example"}
    assert links("that costs 4.90 e.g. on 1.2.2026, No. 5") == set()
