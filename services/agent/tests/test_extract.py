import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethread.agent.extract import best_passage, extract
from onethread.contracts.knowledge import Passage

HELP_CENTRE = Path(__file__).parents[3] / "deploy" / "playground" / "help-centre"


def article(name: str) -> Passage:
    path = HELP_CENTRE / f"{name}.md"
    if not path.exists():
        pytest.skip("the playground's help centre is not there")
    _, front, text = path.read_text().split("---\n", 2)
    title = re.search(r"^title: (.*)$", front, re.MULTILINE)
    assert title
    return Passage(document_id=name, title=title[1], text=text, url=None, score=1.0, version=1)


def answer(question: str, name: str, words: int = 70) -> str:
    quoted = extract(question, article(name), words)
    assert quoted
    return quoted.text


def test_the_opening_answers_the_article_s_own_question() -> None:
    text = answer("What is your return policy?", "return-policy")
    assert text.startswith("You may return anything unused within 30 days")


def test_a_detail_is_found_under_its_heading() -> None:
    assert "waterproof" in answer("Is the ink waterproof?", "ink-stains-and-care")
    assert "shows the balance" in answer("How do I check the balance on my gift card?", "gift-cards")


def test_a_list_item_answers_alone() -> None:
    assert "France" in answer("when will my parcel get to france", "delivery-times")


def test_steps_come_whole_and_numbered() -> None:
    text = answer("where can I find my tracking number", "track-your-order")
    assert "\n1. Open the email" in text
    assert "\n3. If you have an account" in text


def test_a_list_comes_with_the_line_that_leads_to_it() -> None:
    text = answer("my promo code does not work", "discount-codes")
    assert re.search(r":\s*\n- It has expired", text)


def test_an_answer_in_a_chat_is_short_and_holds_no_heading() -> None:
    path = HELP_CENTRE / "questions.jsonl"
    if not path.exists():
        pytest.skip("the playground's help centre is not there")
    for line in path.read_text().splitlines():
        asked = json.loads(line)
        if asked["article"]:
            text = answer(asked["question"], asked["article"])
            assert 5 < len(text.split()) < 130, text
            assert not re.search(r"^#", text, re.MULTILINE)


def test_every_sentence_stands_in_the_article() -> None:
    passage = article("cancel-order")
    quoted = extract("how do i cancel my order", passage, 130)
    assert quoted
    flat = " ".join(passage.text.split())
    for piece in quoted.pieces:
        assert re.sub(r"^(?:\d+\.|-) ", "", piece.strip()).rstrip(":") in flat


def test_a_question_about_something_else_is_not_covered() -> None:
    quoted = extract("What is the exchange rate of the dollar to the yen?", article("payment-methods"), 70)
    assert quoted
    assert quoted.coverage < 0.1


def test_a_passage_without_a_sentence_says_nothing() -> None:
    empty = Passage(document_id="a", title="A", text="# Heading\n\n```\ncode", score=1, version=1)
    assert extract("what", empty.model_copy(update={"text": "# Heading\n"}), 70) is None


@given(st.text(max_size=400), st.text(max_size=80), st.integers(5, 200))
def test_any_text_is_read_without_an_error(text: str, question: str, words: int) -> None:
    quoted = extract(question, Passage(document_id="a", title="T", text=text, score=1, version=1), words)
    assert quoted is None or 0 <= quoted.coverage <= 1.0001


def test_among_equals_the_title_decides() -> None:
    engraving = Passage(document_id="a", title="Engraving and pens", text="Delivery.", score=0.94, version=1)
    delivery = Passage(document_id="b", title="How long delivery takes", text="Delivery.", score=0.91, version=1)
    far = delivery.model_copy(update={"score": 0.5})
    assert best_passage("How long does delivery take?", [engraving, delivery]) is delivery
    assert best_passage("How long does delivery take?", [engraving, far]) is engraving
    assert best_passage("???", [engraving, delivery]) is engraving


def test_images_and_links_within_the_help_centre_are_not_quoted() -> None:
    text = "See ![a](https://x.example/a.png) the [price list](../prices.md) and [our site](https://x.example)."
    quoted = extract("price list", Passage(document_id="a", title="T", text=text, score=1, version=1), 70)
    assert quoted
    assert quoted.text == "See  the price list and [our site](https://x.example)."


def quote(question: str, text: str, title: str = "Pens", words: int = 70) -> str:
    quoted = extract(question, Passage(document_id="a", title=title, text=text, score=1, version=1), words)
    assert quoted
    return quoted.text


def test_what_is_asked_beyond_the_title_decides_over_the_opening() -> None:
    text = answer("do my loyalty points expire?", "loyalty-rings")
    assert "Rings expire 18 months after your last order" in text


def test_a_case_without_a_name_of_its_own_is_shown_all_cases() -> None:
    text = answer("what does shipping to Japan cost?", "shipping-costs")
    assert "Rest of the world:** €19.90" in text
    assert "Rest of the world" not in answer("how much is shipping", "shipping-costs")


def test_sentences_that_only_lead_elsewhere_are_left_out() -> None:
    text = "A coinjoin mixes coins. Read more: [coinjoins](../c.md). You can read it [here](../x.md). See also below."
    assert quote("What does a coinjoin do?", text) == "A coinjoin mixes coins."
    whole = "A coinjoin mixes coins. See [the guide](https://guide.example)."
    assert "https://guide.example" in quote("What does a coinjoin do?", whole)


def test_tables_drawn_with_characters_are_no_sentences() -> None:
    text = (
        "The candidate is one month ahead.\n\n======  ======\nStable  Candidate\n======  ======\n\n+---+---+\n| a | b |"
    )
    assert "===" not in quote("How far ahead is the candidate?", text)
    assert "+--" not in quote("How far ahead is the candidate?", text)


def test_an_answer_does_not_begin_with_a_sentence_that_leans_on_one_left_out() -> None:
    text = "Ask the shop first.\n\nAfter that, claim the refund in the app.\n\n## Other\n\nWe are closed on Sundays."
    assert quote("How do I claim a refund?", text, words=14).startswith("Ask the shop first.")
    german = "Öffnen Sie zuerst die App.\n\nDanach fordern Sie dort die Erstattung an."
    assert quote("Wie fordere ich eine Erstattung an?", german, words=14).startswith("Öffnen Sie zuerst die App.")


def test_articles_of_other_languages_are_read_by_their_own_stems() -> None:
    german = (
        "Wir liefern in die ganze EU.\n\n## Rückgaben\n\nGeöffnete Tinte, z. B. ein Glas Königsblau, können Sie nicht "
        "zurückgeben. Alles andere nehmen wir 30 Tage lang zurück.\n\n## Kosten\n\nDer Versand kostet 4,90 €."
    )
    assert "4,90" in quote("Welche Kosten hat der Versand?", german, "Bestellen")
    assert "z. B. ein Glas Königsblau, können Sie nicht zurückgeben." in quote(
        "Gibt es Rückgabe für Tinte?", german, "Bestellen"
    )
    japanese = "返品は30日以内に承ります。\n\n## 送料\n\n送料は全国一律500円です。ギフトカードは対象外です。"
    assert "500円" in quote("送料はいくらですか", japanese, "ご注文について")


def test_the_same_article_is_longer_in_a_letter_than_in_a_chat() -> None:
    chat, letter = (answer("how do I return something", "how-to-return", words) for words in (70, 130))
    assert len(chat.split()) <= len(letter.split())


def passage(text: str, title: str) -> Passage:
    return Passage(document_id="a", title=title, text=text, url=None, score=1.0, version=1)


HARPSICHORDS = passage(
    "Yes, we tune harpsichords every March.\n\n- A tuning costs 90 euros.\n- Book it two weeks before.",
    "Do you tune harpsichords?",
)
FEES = passage(
    "Exchanging is free on weekdays up to 1,000 a month. From Friday evening until Sunday evening we add 1%.\n\n"
    "## Where you see it\n\nThe fee is always shown before you confirm the exchange.",
    "Exchange between currencies",
)


def test_whoever_asks_for_a_price_reads_it() -> None:
    quoted = extract("How much is tuning a harpsichord?", HARPSICHORDS, 20)
    assert quoted
    assert quoted.text == "A tuning costs 90 euros."
    quoted = extract("What is your exchange fee?", FEES, 70)
    assert quoted
    assert "1%" in quoted.text


def test_whoever_asks_whether_reads_whether() -> None:
    quoted = extract("Do you tune harpsichords?", HARPSICHORDS, 10)
    assert quoted
    assert quoted.text == "Yes, we tune harpsichords every March."
