import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethread.agent.asked import is_fragment, points_back, question_of, questions, said_in

ASKED = "How long does delivery take?"


@pytest.mark.parametrize(
    "message",
    [
        f"Hi there! {ASKED}",
        f"Good morning. {ASKED} Thanks a lot!",
        f"{ASKED} Thank you in advance",
        f"Hello, I have a question. {ASKED}",
        f"Dear team,\n\n{ASKED}\n\nKind regards,\nAna Ruiz\nStudio Ruiz",
        f"{ASKED}\n\nOn Mon, 3 Mar 2025 at 10:00, Shop <shop@shop.example> wrote:\n> Do you like our pens?\n> Yes?",
        f"> Do you want to return it?\n\n{ASKED}",
        f"{ASKED}\n-- \nAna Ruiz\nDo you know our shop?",
        f"{ASKED}\n\nSent from my iPhone",
    ],
)
def test_greetings_thanks_signatures_and_quotes_do_not_change_the_question(message: str) -> None:
    assert question_of(message) == ASKED


@pytest.mark.parametrize("body", ["", "Hello,\n\nsee subject", "Siehe Betreff.", "件名の通りです"])
def test_a_mail_that_says_nothing_below_its_subject_asks_by_it(body: str) -> None:
    assert said_in(ASKED, body) == ASKED
    assert said_in(None, body) == body


def test_a_mail_that_asks_in_its_body_asks_nothing_by_its_subject() -> None:
    body = "Is the subject of your newsletter always about pens, or would it suit painters too?"
    assert said_in("Your order", body) == body


@pytest.mark.parametrize("subject", ["Re: your order", "AW: Ihre Frage", "RE[2]: Pens", "回复：订单"])
def test_the_subject_of_an_older_mail_is_not_asked_again(subject: str) -> None:
    assert said_in(subject, "") == ""


@pytest.mark.parametrize(
    ("message", "asked"),
    [
        ("Guten Tag, ich habe eine Frage. Wie lange dauert der Versand? Vielen Dank im Voraus!",
         "Wie lange dauert der Versand?"),
        ("Bonjour, combien coûte la livraison ? Merci d'avance", "combien coûte la livraison ?"),
        ("Hola, ¿hacen envíos a Chile? Gracias", "¿hacen envíos a Chile?"),
        ("你好,请问运费多少?", "请问运费多少?"),
        ("hi how long does it take", "how long does it take"),
    ],
)  # fmt: skip
def test_small_talk_of_each_language_is_left_out(message: str, asked: str) -> None:
    assert question_of(message) == asked


@pytest.mark.parametrize("message", ["Hi", "hello hello", "Morning delivery: is it possible?", "Good pens?"])
def test_what_is_nothing_else_or_no_greeting_is_kept(message: str) -> None:
    assert question_of(message) == message


def test_of_a_very_long_message_the_beginning_is_read() -> None:
    assert question_of("Is it blue? " * 20_000).startswith("Is it blue? Is it")
    assert len(question_of("x" * 200_000)) == 8_000


def test_each_question_keeps_what_leads_to_it() -> None:
    message = "I bought a pen. Can I return it? What does shipping to Japan cost? It is urgent."
    assert questions(message) == ["I bought a pen. Can I return it?", "What does shipping to Japan cost? It is urgent."]
    assert questions(ASKED) == [ASKED]
    assert questions("Really??? How?") == ["Really??? How?"]


def test_a_questionnaire_is_not_taken_apart() -> None:
    many = " ".join(f"Is colour {n} there?" for n in range(6))
    assert questions(many) == [many]


@given(st.text(max_size=300))
def test_no_text_is_lost_whole(message: str) -> None:
    assert bool(question_of(message)) == bool(message.strip())
    assert questions(message)


@pytest.mark.parametrize(
    "text", ["and to France?", "How long does that take?", "what about Japan", "und nach Frankreich?", "et en Suisse ?",
             "¿y a Chile?", "а в Россию?", "それはいつですか"]
)  # fmt: skip
def test_follow_ups_point_back(text: str) -> None:
    assert points_back(text)


def test_whole_questions_do_not_point_back() -> None:
    assert not points_back("How do I return an unused fountain pen in its original box?")
    assert is_fragment("shipping price?")
    assert not is_fragment("how much is express shipping to France")
    assert not is_fragment("Do you sell llamas?")  # what was asked before would answer it wrongly
