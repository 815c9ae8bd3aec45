import pytest

from onethread.agent.decide import (
    ATTACHMENT,
    NO_TEXT,
    OWN_ACCOUNT,
    REPEATS,
    UNHELPED,
    UPSET,
    WANTS_PERSON,
    AskBack,
    Handoff,
    after_search,
    before_search,
    may_ask_back,
)
from onethread.agent.prompt import Said
from onethread.agent.so_far import SoFar
from onethread.contracts.agent import AgentSettings
from onethread.contracts.knowledge import KnowledgeFound, Passage

ASKED = Said("customer", "How do I return a fountain pen?")
ANSWERED = Said("agent", "Within 30 days.", ("Our return policy",))
ASKED_BACK = Said("agent", "Which of these do you mean?\n\n1. Returns\n2. Refunds")
DEFAULTS = AgentSettings()


def titled(*titles: str, score: float = 1.0) -> list[Passage]:
    return [Passage(document_id=title, title=title, text="x", score=score, version=1) for title in titles]


def test_at_the_threshold_it_answers_and_below_it_hands_off(returns: Passage) -> None:
    assert after_search("x", KnowledgeFound(confidence=0.6, passages=[returns]), 0.6, may_ask=True) is None
    below = after_search("x", KnowledgeFound(confidence=0.59, passages=[returns]), 0.6, may_ask=True)
    assert isinstance(below, Handoff)
    assert below.gap
    assert "59%" in below.reason
    assert "Our return policy" in below.reason


def test_finding_nothing_hands_off_however_sure_the_search_is() -> None:
    handoff = after_search("llamas", KnowledgeFound(confidence=0.99), 0.6, may_ask=True)
    assert isinstance(handoff, Handoff)
    assert handoff.reason == "No article covers the question"


def test_articles_that_are_about_as_good_are_asked_about() -> None:
    found = KnowledgeFound(confidence=0.45, passages=titled("How to return an item", "When refunds arrive"))
    assert after_search("returns", found, 0.6, may_ask=True) == AskBack(
        ("How to return an item", "When refunds arrive"), 0.45
    )
    assert isinstance(after_search("returns", found, 0.6, may_ask=False), Handoff)


def test_equal_titles_are_told_apart_by_their_headings() -> None:
    one, other = (
        Passage(document_id=str(n), title="Paying", heading_path=[heading], text="x", score=1, version=1)
        for n, heading in enumerate(["By card", "By invoice"])
    )
    asked = after_search("pay", KnowledgeFound(confidence=0.5, passages=[one, other]), 0.6, may_ask=True)
    assert asked == AskBack(("By card", "By invoice"), 0.5)


def asked_about(*passages: Passage) -> tuple[str, ...]:
    asked = after_search("pay", KnowledgeFound(confidence=0.5, passages=list(passages)), 0.6, may_ask=True)
    return asked.options if isinstance(asked, AskBack) else ()


def test_an_option_is_called_without_the_way_to_it_unless_another_ends_alike() -> None:
    coinjoin = ("Use of Wasabi > Fees", "Coinjoin > Coinjoin step-by-step > Music box", "Use of Wasabi > Send")
    assert asked_about(*titled(*coinjoin)) == ("Fees", "Music box", "Send")
    assert asked_about(*titled("Cards > Fees", "Transfers > Fees")) == ("Cards > Fees", "Transfers > Fees")


def test_options_that_say_the_same_are_offered_once_and_the_next_takes_their_place() -> None:
    titles = ("Verify the signature", "Verifying signatures", "Verify the hash", "Signed release files")
    assert asked_about(*titled(*titles)) == ("Verify the signature", "Verify the hash", "Signed release files")
    assert asked_about(*titled("Verify the signature", "Verifying signatures")) == ()


def test_a_long_title_is_an_option_of_one_line() -> None:
    long = "Financial contributions and venture capital, and what money from commercial organisations may buy"
    (option, _) = asked_about(*titled(long, "Donations"))
    assert option == "Financial contributions and venture capital, and what money…"


@pytest.mark.parametrize(
    "found",
    [
        KnowledgeFound(confidence=0.2, passages=titled("Returns", "Refunds")),  # nothing is about it
        KnowledgeFound(confidence=0.5, passages=titled("Returns") + titled("Refunds", score=0.6)),  # one is meant
        KnowledgeFound(confidence=0.5, passages=titled("Returns")),
    ],
)
def test_asking_back_must_be_of_use(found: KnowledgeFound) -> None:
    assert isinstance(after_search("returns and money", found, 0.6, may_ask=True), Handoff)


def test_a_single_word_is_a_topic_to_ask_about_sooner() -> None:
    found = KnowledgeFound(confidence=0.25, passages=titled("How long shipping takes", "Express delivery"))
    assert isinstance(after_search("delivery", found, 0.6, may_ask=True), AskBack)
    assert isinstance(after_search("delivery of llamas", found, 0.6, may_ask=True), Handoff)


def test_a_message_that_says_nothing_is_asked_about() -> None:
    assert after_search("what about it", KnowledgeFound(confidence=0.0), 0.6, may_ask=True) == AskBack()


def test_it_asks_back_at_most_twice_in_a_thread() -> None:
    assert may_ask_back(SoFar([ASKED, ASKED_BACK]), DEFAULTS)
    assert not may_ask_back(SoFar([ASKED, ASKED_BACK, ASKED, ASKED_BACK]), DEFAULTS)
    assert may_ask_back(SoFar([ASKED, ASKED_BACK, ASKED, ASKED_BACK], since=4), DEFAULTS)
    assert not may_ask_back(SoFar(), AgentSettings(clarify=False))


def test_some_intents_are_decided_without_a_search() -> None:
    assert before_search("x", "person", SoFar(), DEFAULTS) is WANTS_PERSON
    assert before_search("x", "upset", SoFar(), DEFAULTS) is UPSET
    assert before_search("x", "account", SoFar(), DEFAULTS) is OWN_ACCOUNT
    assert before_search("x", "question", SoFar(), DEFAULTS) is None
    assert before_search("", "question", SoFar(), DEFAULTS) is NO_TEXT


def test_an_attachment_with_little_text_is_for_a_person() -> None:
    assert before_search("", "question", SoFar(), DEFAULTS, attachments=1) is ATTACHMENT
    assert before_search("see screenshot", "question", SoFar(), DEFAULTS, attachments=1) is ATTACHMENT
    whole = "How long does a repair of a broken nib under guarantee take?"
    assert before_search(whole, "question", SoFar(), DEFAULTS, attachments=1) is None


def test_reserved_topics_are_for_people() -> None:
    reserved = before_search("Can I get a bulk discount?", "question", SoFar(), AgentSettings(reserved_topics=["bulk"]))
    assert reserved is not None
    assert (reserved.why, reserved.tags) == ("reserved", ("bulk",))


def test_after_many_turns_a_person_takes_it() -> None:
    long = SoFar([ASKED, ANSWERED] * 8)
    handoff = before_search("And do you ship to Japan?", "question", long, DEFAULTS)
    assert handoff is not None
    assert handoff.why == "turns"
    assert before_search("And to Japan?", "question", long, AgentSettings(max_turns=9)) is None


def test_who_asks_again_or_was_not_helped_gets_a_person() -> None:
    so_far = SoFar([ASKED, ANSWERED])
    assert before_search(ASKED.text, "question", so_far, DEFAULTS) is REPEATS
    assert before_search("that did not help", "question", so_far, DEFAULTS) is UNHELPED
    assert before_search("that did not help", "question", SoFar(), DEFAULTS) is None


def test_a_thread_that_was_given_back_begins_anew() -> None:
    given_back = SoFar([ASKED, ANSWERED] * 8, since=16)
    assert before_search(ASKED.text, "question", given_back, DEFAULTS) is None
