import pytest

from onethread.agent.prompt import Said
from onethread.agent.rewrite import chosen, language_wished, meant, queries
from onethread.agent.so_far import SoFar

OPTIONS = ["How long delivery takes", "What shipping costs", "Customs and import duties"]
WHICH = (
    "Which of these do you mean?\n\n1. How long delivery takes\n2. What shipping costs\n3. Customs and import duties"
)


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("2", 1), ("b", 1), ("B)", 1), ("option 3", 2), ("the second one", 1), ("the first", 0), ("3rd please", 2),
        ("shipping costs", 1), ("customs", 2), ("I mean the duties", 2), ("das zweite", 1), ("le premier", 0),
        ("la tercera", 2), ("il secondo", 1), ("o primeiro", 0), ("de derde", 2), ("drugie", 1), ("ikincisi", 1),
        ("второе", 1), ("2つ目", 1), ("第二个", 1), ("the last", 2),
    ],
)  # fmt: skip
def test_a_choice_is_understood_by_number_letter_place_or_words(text: str, option: int) -> None:
    assert chosen(text, OPTIONS) == OPTIONS[option]


@pytest.mark.parametrize("text", ["none", "no", "nein", "aucune", "都不是"])
def test_none_of_them_is_understood(text: str) -> None:
    assert chosen(text, OPTIONS) == ""


@pytest.mark.parametrize("text", ["Do you also engrave pens for companies?", "9", "z", "hmm"])
def test_what_is_no_choice_is_a_message_like_any_other(text: str) -> None:
    assert chosen(text, OPTIONS) is None


def test_a_choice_is_searched_with_the_question_that_led_to_it() -> None:
    so_far = SoFar([Said("customer", "delivery"), Said("agent", WHICH)])
    wants = meant("the second", so_far)
    assert wants.queries == ["What shipping costs\ndelivery"]
    assert wants.choice == "What shipping costs"
    assert meant("none of these", so_far).choice == ""


def test_the_answer_to_a_question_back_completes_the_question() -> None:
    so_far = SoFar([Said("customer", "my pen is broken"), Said("agent", "Could you tell me a little more?")])
    assert meant("The nib fell on the floor", so_far).queries[0] == "my pen is broken\nThe nib fell on the floor"


def test_follow_ups_build_on_the_question_that_stands_by_itself() -> None:
    so_far = SoFar([
        Said("customer", "How much is shipping?"), Said("agent", "€4.90", ("What shipping costs",)),
        Said("customer", "and to France?"), Said("agent", "€8.90", ("What shipping costs",)),
    ])  # fmt: skip
    assert meant("and Japan?", so_far).queries[0] == "How much is shipping?\nand Japan?"


@pytest.mark.parametrize(
    ("text", "tongue"),
    [("and in German?", "de"), ("auf Englisch bitte", "en"), ("¿en francés?", "fr"), ("日本語で", "ja")],
)
def test_a_wish_for_another_language_asks_the_same_again(text: str, tongue: str) -> None:
    assert language_wished(text) == tongue
    wants = meant(text, SoFar([Said("customer", "What is your return policy?")]))
    assert wants.queries == ["What is your return policy?"]
    assert wants.wished == tongue


def test_a_question_that_names_a_language_is_its_own() -> None:
    assert language_wished("Do you have the instructions for the German pens?") is None


def test_without_anything_before_it_a_question_stands_alone() -> None:
    assert queries("and to France?", None) == ["and to France?"]
    assert queries("How do I return a pen that I bought?", "Do you ship?") == ["How do I return a pen that I bought?"]
