import pytest

from onethread.agent.intents import intent_of, is_short, points_back, question_of


@pytest.mark.parametrize("text", ["hi", "Hello there!", "Good morning", "hola", "Guten Tag", "Bonjour à tous", "你好"])
def test_a_bare_greeting_is_a_greeting(text: str) -> None:
    assert intent_of(text) == "greeting"


@pytest.mark.parametrize(
    "text", ["thanks!", "Ok, thank you so much", "perfect, that helps, thanks", "vielen Dank", "merci beaucoup"]
)
def test_bare_thanks_are_thanks(text: str) -> None:
    assert intent_of(text) == "thanks"


@pytest.mark.parametrize(
    "text",
    [
        "Hi, how do I return a pen?",
        "thanks, but that did not help",
        "good pens?",
        "Can you help me with a return?",
        "",
        "???",
    ],
)
def test_a_greeting_with_a_question_is_a_question(text: str) -> None:
    assert intent_of(text) == "question"


@pytest.mark.parametrize(
    "text",
    [
        "I want to speak to a human",
        "can I talk to a real person please",
        "connect me with an agent",
        "Please transfer me to customer service",
        "human please",
        "get me a manager",
        "I'd like to speak with someone from your team",
        "no more bots!",
        "Ich möchte mit einem Menschen sprechen",
        "Kann ich bitte mit einem Mitarbeiter reden?",
        "je veux parler à un humain",
        "Puis-je parler à quelqu'un ?",
        "quiero hablar con una persona",
        "vorrei parlare con un operatore",
        "quero falar com um humano",
        "ik wil een medewerker spreken",
        "Chcę rozmawiać z człowiekiem",
        "转人工",
    ],
)
def test_asking_for_a_person_is_heard(text: str) -> None:
    assert intent_of(text) == "person"


@pytest.mark.parametrize(
    "text",
    [
        "Can I talk to someone on the phone?",
        "I need a gift for a person who likes pens",
        "How many people work at your shop?",
        "do your agents get a discount",
        "what does customer service cost",
    ],
)
def test_mentioning_people_is_not_asking_for_one(text: str) -> None:
    assert intent_of(text) == "question"


@pytest.mark.parametrize(
    "text",
    [
        "Where is my refund?",
        "where's my order",
        "What's the status of my order?",
        "Has my parcel been shipped yet?",
        "I haven't received my refund",
        "my package never arrived",
        "Please cancel order PP-104233",
        "Wo ist mein Paket?",
        "Où est ma commande ?",
        "¿Dónde está mi pedido?",
    ],
)
def test_what_only_the_account_can_tell_is_about_the_account(text: str) -> None:
    assert intent_of(text) == "account"


@pytest.mark.parametrize(
    "text",
    [
        "where can I find my tracking number",
        "where is my order number",
        "tracking says delivered but I didn't get anything",
        "I sent my return last week, when do I get my money back?",
        "how do i cancel my order",
        "error code E-10234 on the screen",
    ],
)
def test_what_an_article_can_tell_is_a_question(text: str) -> None:
    assert intent_of(text) == "question"


def test_follow_ups_point_back() -> None:
    assert points_back("and to France?")
    assert points_back("How long does that take?")
    assert points_back("what about Japan")
    assert not points_back("How do I return an unused fountain pen in its original box?")
    assert is_short("shipping price?")
    assert not is_short("how much is express shipping to France")


def test_a_letter_loses_its_salutation_and_sign_off() -> None:
    letter = "Dear team,\n\nhow long do I have to return a pen?\n\nBest regards,\nAna Ruiz\nStudio Ruiz"
    assert question_of(letter) == "how long do I have to return a pen?"
    assert question_of("Hi") == "Hi"
    assert question_of("Thanks\nfor the quick answer, but how?") == "Thanks\nfor the quick answer, but how?"
