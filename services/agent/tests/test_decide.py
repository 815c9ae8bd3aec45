from onethread.agent.decide import NO_TEXT, OWN_ACCOUNT, WANTS_PERSON, after_search, before_search
from onethread.contracts.knowledge import KnowledgeFound, Passage


def test_at_the_threshold_it_answers_and_below_it_hands_off(returns: Passage) -> None:
    assert after_search(KnowledgeFound(confidence=0.6, passages=[returns]), 0.6) is None
    below = after_search(KnowledgeFound(confidence=0.59, passages=[returns]), 0.6)
    assert below is not None
    assert below.gap
    assert "59%" in below.reason
    assert "Our return policy" in below.reason


def test_finding_nothing_hands_off_however_sure_the_search_is() -> None:
    handoff = after_search(KnowledgeFound(confidence=0.99), 0.6)
    assert handoff is not None
    assert handoff.reason == "No article covers the question"


def test_some_intents_are_decided_without_a_search() -> None:
    assert before_search("x", "person") is WANTS_PERSON
    assert before_search("x", "account") is OWN_ACCOUNT
    assert before_search("x", "question") is None
    assert before_search("", "question") is NO_TEXT
