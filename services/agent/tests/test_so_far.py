from onethread.agent.prompt import Said
from onethread.agent.so_far import SoFar

ASKED = Said("customer", "How do I return a fountain pen?")
ANSWERED = Said("agent", "Within 30 days.", ("Our return policy",))
WHICH = Said("agent", "Which of these do you mean?\n\n1. Returns\n2. Refunds")


def test_greetings_are_no_turns() -> None:
    hello = Said("agent", "Hello Ana,\n\nHello! What can I help you with?\n\nKind regards")
    assert SoFar([hello, ASKED, ANSWERED]).answers == 1
    assert SoFar([hello]).clarified == 0


def test_the_same_question_after_an_answer_is_a_repetition() -> None:
    assert SoFar([ASKED, ANSWERED]).repeats("how do I return a fountain pen")
    assert SoFar([ASKED, ANSWERED]).repeats("Hello? How do I return the fountain pen?!")
    assert SoFar([Said("customer", "How much is shipping?"), ANSWERED]).repeats("how much is shipping??")
    assert not SoFar([Said("customer", "How much is shipping?"), ANSWERED]).repeats("and shipping to Japan?")
    assert not SoFar([ASKED, ANSWERED]).repeats("How do I return a notebook from a store?")


def test_without_an_answer_between_nothing_is_repeated() -> None:
    assert not SoFar([ASKED]).repeats(ASKED.text)
    assert not SoFar([ASKED, WHICH]).repeats(ASKED.text)


def test_what_stood_before_the_thread_was_given_back_counts_for_nothing() -> None:
    given_back = SoFar([ASKED, WHICH, ASKED, WHICH, ASKED, ANSWERED], since=6)
    assert given_back.answers == given_back.clarified == 0
    assert not given_back.repeats(ASKED.text)
    assert not given_back.was_answered
    assert given_back.question == ASKED.text  # but it is known


def test_options_are_those_of_the_last_question_back() -> None:
    assert SoFar([ASKED, WHICH]).options == ["Returns", "Refunds"]
    assert SoFar([ASKED, WHICH, Said("customer", "the first"), ANSWERED]).options == []
    assert SoFar([ASKED, WHICH]).clarified == 1
