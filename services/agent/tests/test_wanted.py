import pytest

from onethread.agent.wanted import wanted


@pytest.mark.parametrize(
    ("question", "held", "other"),
    [
        ("How much is delivery?", "It costs €4.90.", "It takes three days."),
        ("What are the fees for a refund?", "Refunds are free.", "Refunds are made by card."),
        ("How long does it take?", "It takes two to four working days.", "It costs 4 euros."),
        ("When will it arrive?", "It arrives within a week.", "We ask the carrier three times."),
        ("Wie viel kostet der Versand?", "Der Versand kostet 4,90 €.", "Der Versand dauert drei Tage."),
        ("Wie lange dauert der Versand?", "Der Versand dauert zwei Werktage.", "Der Versand ist kostenlos."),
        ("Combien de temps faut-il ?", "Il faut trois jours.", "La livraison est gratuite."),
        ("¿Cuánto cuesta el envío?", "El envío es gratis.", "El envío tarda dos días."),
        ("送料はいくらですか？", "送料は500円です。", "三営業日で届きます。"),
    ],
)
def test_a_question_for_money_or_time_is_met_by_what_holds_it(question: str, held: str, other: str) -> None:
    holds = wanted(question)
    assert holds
    assert holds(held)
    assert not holds(other)


@pytest.mark.parametrize("question", ["What do I do when my card expires?", "Do you tune harpsichords?", "returns"])
def test_other_questions_ask_for_neither(question: str) -> None:
    assert wanted(question) is None
