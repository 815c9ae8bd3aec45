"""The check of statements, measured: sentences that their article supports, and near ones that are wrong."""

import csv
from pathlib import Path

import pytest

from onethread.agent.check import Check
from onethread.contracts.knowledge import Passage

ROOT = Path(__file__).parents[3]
HELP = ROOT / "deploy" / "playground" / "help-centre"
SETS = Path(__file__).parent / "sets"


def article(name: str) -> Passage:
    head, text = (HELP / f"{name}.md").read_text("utf-8").split("---\n", 2)[1:]
    title = next(line for line in head.splitlines() if line.startswith("title:"))
    return Passage(document_id=name, title=title[6:].strip(' "'), text=text, score=1, version=1)


@pytest.mark.skipif(not HELP.exists(), reason="the package is tested alone")
@pytest.mark.parametrize(("which", "kept", "caught"), [("claims", 1.0, 1.0), ("claims-held-out", 0.95, 0.7)])
def test_what_is_supported_is_kept_and_what_is_near_it_is_cut(which: str, kept: float, caught: float, capsys) -> None:
    with (SETS / f"{which}.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    passed = {
        verdict: [
            Check([article(name)], tongue="en").wrong(f"{text} [1]") is None
            for name, said, text in rows
            if said == verdict
        ]
        for verdict in ("yes", "no")
    }
    right, wrong = (sum(passed[verdict]) / len(passed[verdict]) for verdict in ("yes", "no"))
    with capsys.disabled():
        print(f"\n{which}: of true ones {right:.3f} kept, of wrong ones {1 - wrong:.3f} cut, {len(rows)} in all")  # noqa: T201
    assert right >= kept
    assert 1 - wrong >= caught


def passage(text: str, title: str = "Help", n: int = 0) -> Passage:
    return Passage(document_id=str(n), title=title, text=text, score=1, version=1)


TARIFF = passage(
    "| Country | Price |\n|---|---|\n| Germany | €4.90 |\n| France | €8.90 |\n\nDHL brings it in 2 to 3 days."
)


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        ("Gift cards are refundable.", "Gift cards are refundable.", "Gift cards are not refundable."),
        ("Gift cards are not refundable.", "Gift cards can't be refunded.", "Gift cards are refundable."),
        ("Gift cards are non-refundable.", "Gift cards are not refundable.", "Gift cards are refundable."),
        ("Unopened ink can be returned.", "Ink that is unopened can be returned.", "Opened ink can be returned."),
        ("You can pay by card, but not in cash.", "You can't pay in cash.", "You can pay in cash."),
        (
            "Geschenkkarten werden nicht erstattet.",
            "Geschenkkarten erstatten wir nicht.",
            "Geschenkkarten werden erstattet.",
        ),
        (
            "Les cartes ne sont pas remboursables.",
            "Les cartes ne sont pas remboursables.",
            "Les cartes sont remboursables.",
        ),
        (
            "Las tarjetas no se pueden devolver.",
            "Las tarjetas no se pueden devolver.",
            "Las tarjetas se pueden devolver.",
        ),
        ("Le carte non sono rimborsabili.", "Le carte non sono rimborsabili.", "Le carte sono rimborsabili."),
        (
            "De kaarten worden niet terugbetaald.",
            "De kaarten worden niet terugbetaald.",
            "De kaarten worden terugbetaald.",
        ),
        ("Карты не возвращаются в магазин.", "Карты не возвращаются в магазин.", "Карты возвращаются в магазин."),
        ("It weighs 5 kg.", "It weighs 5 kg.", "It weighs 5 g."),
        ("It costs €1,200.50 a year.", "It costs 1200.50 euros a year.", "It costs $1,200.50 a year."),
        ("It takes thirty days.", "It takes 30 days.", "It takes 30 weeks."),
        ("It takes 5 working days.", "It takes 5 business days.", "It takes 5 days."),
        (
            "We are open until 18:00 on Fridays.",
            "On Fridays we are open until 18:00.",
            "On Sundays we are open until 18:00.",
        ),
        ("Pay with Klarna.", "You can pay with Klarna.", "You can pay with PayPal."),
        ("Call +49 30 1234567 for help.", "For help call +49 30 1234567.", "For help call +49 30 7654321."),
        (
            "Transfer to DE89 3704 0044 0532 0130 00.",
            "Transfer to DE89370400440532013000.",
            "Transfer to DE89370400440532013001.",
        ),
    ],
)
def test_a_small_word_turns_a_statement(text: str, right: str, wrong: str) -> None:
    check = Check([passage(text)])
    assert check.wrong(f"{right} [1]") is None
    assert check.wrong(f"{wrong} [1]") is not None


@pytest.mark.parametrize("right", ["Germany costs €4.90.", "It costs €8.90 to France.", "DHL needs 2 to 3 days."])
def test_a_row_of_a_table_supports_what_it_says(right: str) -> None:
    assert Check([TARIFF]).wrong(f"{right} [1]") is None


@pytest.mark.parametrize(
    "wrong", ["Germany costs €8.90.", "It costs €4.90 to France.", "It costs 2 to 3 euros to France."]
)
def test_rows_of_a_table_are_not_mixed(wrong: str) -> None:
    assert Check([TARIFF]).wrong(f"{wrong} [1]") is not None


def test_a_statement_is_held_to_the_passage_that_it_cites(returns: Passage, shipping: Passage) -> None:
    check = Check([returns, shipping])
    assert check.wrong("Standard shipping costs €4.90 in Germany [2].") is None
    assert check.wrong("Standard shipping costs €4.90 in Germany.") is None
    assert check.wrong("Standard shipping costs €4.90 in Germany [1].") is not None
    assert check.wrong("Standard shipping costs €4.90 in Germany [7].") == "a source that there is not"


def test_no_statement_is_made_of_two_passages(returns: Passage, shipping: Passage) -> None:
    mixed = "Return shipping of unused ink costs €4.90 within 30 days"
    assert Check([returns, shipping]).wrong(f"{mixed} [1, 2].") is not None
    assert Check([returns, shipping]).wrong(f"{mixed}.") is not None
