"""One question to one reply, with the thread before it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time

import pytest

from onethread.agent.answer import Answerer, Question, Reply
from onethread.agent.prompt import Said
from onethread.agent.so_far import SoFar
from onethread.contracts.agent import AgentConfig, AgentSettings, OpenHours, Opening
from onethread.contracts.knowledge import Evidence, KnowledgeFound, KnowledgeSearch, Passage

SUNDAY = datetime(2026, 11, 29, 12, tzinfo=UTC)
ANSWERED = Said("agent", "Within 30 days.", ("Our return policy",))
Ask = Callable[..., Awaitable[Reply]]


@pytest.fixture
def ask(bus) -> Ask:
    async def ask(text: str, *before: Said, settings: AgentSettings | None = None, **fields: object) -> Reply:
        async def so_far() -> SoFar:
            return SoFar(before)

        async def say(text: str) -> None:
            """Nobody listens."""

        config = AgentConfig(workspace="local", settings=settings or AgentSettings())
        answerer = Answerer(bus.search, 0.6, now=lambda: SUNDAY)
        return await answerer.answer(Question(config, text, fields.pop("kind", "widget"), so_far, **fields), say)

    return ask


def by_words(**confidences: float) -> Callable[[str], KnowledgeFound]:
    """Each word of a query has its article; a query of several is about the first."""

    def find(query: str) -> KnowledgeFound:
        word, confidence = next(((w, c) for w, c in confidences.items() if w in query.lower()), ("nothing", 0.05))
        text = f"All about {word}: it is good. It costs nothing."
        article = Passage(document_id=word, title=f"About {word}", text=text, score=1, version=1)
        return KnowledgeFound(confidence=confidence, passages=[article])

    return find


async def test_a_greeting_or_thanks_around_a_question_changes_nothing(ask, bus) -> None:
    plain = await ask("What is your return policy?")
    for text in ("Hi there! What is your return policy?", "What is your return policy? Thanks a lot!"):
        reply = await ask(text)
        assert (reply.decision, reply.text, reply.confidence) == (plain.decision, plain.text, plain.confidence)
    assert {search.query for search in bus.searches} == {"What is your return policy?"}


CARDS = "Where you can pay with your card", "Cards you can add money with", "Your card was refused"


def about_cards(*scores: float) -> KnowledgeFound:
    passages = [
        Passage(document_id=title, title=title, text=f"{title}: this is how it works.", score=score, version=1)
        for title, score in zip(CARDS, scores, strict=False)
    ]
    return KnowledgeFound(confidence=0.9, passages=passages)


async def test_an_article_that_is_as_near_as_the_quoted_one_is_named_with_it(ask, bus) -> None:
    bus.found = about_cards(0.99, 0.93, 0.6)
    reply = await ask("Which shops accept my card?")
    assert reply.decision == "answer"
    assert reply.text.endswith("“Cards you can add money with” may answer it too.")
    assert [source.title for source in reply.sources] == list(CARDS[:2])
    assert "another is as near" in reply.reason


async def test_it_is_named_in_the_customers_language(ask, bus) -> None:
    text = "So geht das mit der Karte, wenn Sie sie bei uns haben."
    titles = "Mit der Karte bezahlen", "Geld auf die Karte laden"
    passages = [
        p.model_copy(update={"title": t, "text": text})
        for p, t in zip(about_cards(0.99, 0.93).passages, titles, strict=True)
    ]
    bus.found = KnowledgeFound(confidence=0.9, passages=passages)
    said = (await ask("Wie geht das mit der Karte?")).text
    assert "Auch „Geld auf die Karte laden“ könnte Ihre Frage beantworten." in said


async def test_an_article_that_leads_stands_alone(ask, bus) -> None:
    bus.found = about_cards(0.99, 0.85)
    reply = await ask("Which shops accept my card?")
    assert [source.title for source in reply.sources] == list(CARDS[:1])
    assert "too" not in reply.text


async def test_a_shortened_option_is_understood_when_it_is_chosen(ask, bus, returns, shipping) -> None:
    way = [one.model_copy(update={"title": f"Help > {one.title}", "score": 1.0}) for one in (returns, shipping)]
    bus.found = KnowledgeFound(confidence=0.5, passages=way)
    asked = await ask("costs of delivery")
    assert "1. Our return policy\n2. What shipping costs" in asked.text
    bus.found = KnowledgeFound(confidence=0.9, passages=way)
    before = Said("customer", "costs of delivery"), Said("agent", asked.text)
    assert [source.title for source in (await ask("2", *before)).sources] == ["Help > What shipping costs"]


async def test_several_questions_are_answered_each(ask, bus) -> None:
    bus.found = by_words(returns=0.9, shipping=0.8)
    reply = await ask("Is returns good? Is shipping good?")
    assert reply.decision == "answer"
    assert "All about returns" in reply.text
    assert "All about shipping" in reply.text
    assert [source.document_id for source in reply.sources] == ["returns", "shipping"]
    assert reply.confidence == 0.8


async def test_what_the_confidence_was_made_of_goes_along_where_one_search_found_the_answer(
    ask, bus, returns, shipping
) -> None:
    found = Evidence(model="minilm", calibration="pooled-2", numbers=[0.5])

    def find(query: str) -> KnowledgeFound:
        return by_words(returns=0.9, shipping=0.8, llamas=0.1)(query).model_copy(update={"evidence": found})

    bus.found = find
    assert (await ask("Is returns good?")).evidence == found
    assert (await ask("Hello!")).evidence is None
    assert (await ask("Do you sell llamas?")).evidence is None, "a handoff says nothing of what was found"
    assert (await ask("Is returns good? Is shipping good?")).evidence is None, "nobody can tell which part was judged"
    bus.found = KnowledgeFound(confidence=0.7, passages=[returns, shipping], evidence=found)
    which = Said("agent", "Which of these do you mean?\n\n1. Our return policy\n2. What shipping costs")
    chosen = await ask("the second one", Said("customer", "pens sent"), which)
    assert (chosen.decision, chosen.evidence) == ("answer", None), "the customer chose the article, not the search"


async def test_two_questions_to_which_the_answer_is_the_same_get_it_once(ask, bus) -> None:
    bus.found = by_words(returns=0.9)
    assert (await ask("Is returns good? Is returns fine?")).text.count("All about returns") == 1


async def test_what_is_sure_is_answered_and_what_is_open_handed_over(ask, bus) -> None:
    bus.found = by_words(returns=0.9, llamas=0.1)
    reply = await ask("Is returns good? Do you sell llamas?")
    assert reply.decision == "handoff"
    assert reply.handoff == "unsure"
    assert "All about returns" in reply.text
    assert "“Do you sell llamas?”" in reply.text
    assert "passed that to a person" in reply.text
    assert reply.gap == "Do you sell llamas?"
    assert "Do you sell llamas?" in reply.reason


async def test_questions_of_which_none_is_sure_are_one_question(ask, bus) -> None:
    bus.found = by_words(llamas=0.1)
    reply = await ask("Do you sell llamas? Is alpaca fine?")
    assert reply.decision == "handoff"
    assert bus.searches[-1].query == "Do you sell llamas? Is alpaca fine?"
    assert "All about" not in reply.text


async def test_it_asks_back_and_understands_the_choice(ask, bus, returns, shipping) -> None:
    shipping = shipping.model_copy(update={"score": 0.9})
    bus.found = KnowledgeFound(confidence=0.5, passages=[returns, shipping])
    asked = await ask("pens sent")
    assert asked.decision == "clarify"
    assert asked.text.endswith("1. Our return policy\n2. What shipping costs")
    bus.found = KnowledgeFound(confidence=0.7, passages=[returns, shipping])
    reply = await ask("the second one", Said("customer", "pens sent"), Said("agent", asked.text))
    assert bus.searches[-1].query == "What shipping costs\npens sent"
    assert [source.document_id for source in reply.sources] == ["shipping-costs"]


async def test_none_of_them_ends_at_a_person(ask) -> None:
    which = Said("agent", "Which of these do you mean?\n\n1. Returns\n2. Refunds")
    reply = await ask("none", Said("customer", "pens sent"), which)
    assert (reply.decision, reply.handoff) == ("handoff", "unsure")
    assert "none" in reply.reason
    assert (
        reply.summary == "The customer wrote: “none”. Before that they asked: “pens sent”. The agent asked back once."
    )


async def test_it_does_not_ask_back_a_third_time(ask, bus, returns, shipping) -> None:
    bus.found = KnowledgeFound(confidence=0.5, passages=[returns, shipping])
    which = Said("agent", "Which of these do you mean?\n\n1. Returns\n2. Refunds")
    before = [Said("customer", "pens sent"), which, Said("customer", "pens paid"), which]
    assert (await ask("pens kept", *before)).decision == "handoff"
    assert (await ask("pens kept", *before, settings=AgentSettings(clarify=False))).decision == "handoff"


async def test_a_handoff_carries_what_the_teammate_needs(ask) -> None:
    reply = await ask(
        "I want to talk to a human", Said("customer", "How do I return a pen?"), ANSWERED, name="Ana Ruiz"
    )
    assert reply.handoff == "person"
    assert reply.reason == "The customer asked for a person"
    assert reply.summary == (
        "Ana Ruiz wrote: “I want to talk to a human”. Before that they asked: “How do I return a pen?”. "
        "The agent answered from “Our return policy”."
    )
    assert "30 days" in reply.suggested_reply
    assert reply.topic == "Our return policy"


async def test_an_unsure_handoff_suggests_the_nearest_passage_where_one_is_near(ask, bus, returns) -> None:
    bus.found = KnowledgeFound(confidence=0.5, passages=[returns])
    assert "30 days" in (await ask("Which policy holds for a return of engraved ink?")).suggested_reply
    bus.found = KnowledgeFound(confidence=0.05, passages=[returns])
    reply = await ask("Which policy holds for a return of engraved ink?")
    assert reply.suggested_reply == ""
    assert reply.topic is None


async def test_what_is_about_the_account_has_its_tag_and_the_article_for_the_teammate(ask) -> None:
    reply = await ask("Where is my refund for the return?")
    assert (reply.handoff, reply.tags) == ("account", ("account",))
    assert "30 days" in reply.suggested_reply


async def test_the_customer_is_told_when_people_are_back(ask) -> None:
    weekdays = Opening(days=["mon", "tue", "wed", "thu", "fri"], opens=time(9), closes=time(17))
    settings = AgentSettings(hours=OpenHours(timezone="Europe/Berlin", openings=[weekdays]))
    reply = await ask("a human please", settings=settings)
    assert reply.text.endswith("They will answer you here. We are back on Monday at 09:00 (Berlin time).") or (
        "We are back on Monday at 09:00 (Berlin time)." in reply.text
    )
    german = await ask("Ich möchte mit einem Menschen sprechen", settings=settings)
    assert "am Montag um 09:00 Uhr" in german.text
    assert "back" not in (await ask("a human please")).text  # nothing is promised


async def test_a_workspace_sets_its_own_threshold_topics_and_turns(ask) -> None:
    strict, lax = AgentSettings(confidence=0.95), AgentSettings(confidence=0.5)
    assert (await ask("What is your return policy?", settings=strict)).decision == "handoff"
    assert (await ask("What is your return policy?", settings=lax)).decision == "answer"
    reserved = await ask("What is your return policy?", settings=AgentSettings(reserved_topics=["return policy"]))
    assert (reserved.handoff, reserved.tags) == ("reserved", ("return policy",))
    turns = [Said("customer", "Do you sell ink?"), ANSWERED]
    assert (await ask("What is your return policy?", *turns, settings=AgentSettings(max_turns=1))).handoff == "turns"


async def test_an_attachment_that_is_the_question_goes_to_a_person(ask) -> None:
    assert (await ask("see photo", attachments=1)).handoff == "attachment"
    assert (await ask("What is your return policy?", attachments=1)).decision == "answer"


async def test_the_same_in_another_language_is_asked_and_said_in_it(ask, bus) -> None:
    bus.found = KnowledgeFound(confidence=0.1)
    reply = await ask("und auf Deutsch bitte?", Said("customer", "What is your return policy?"), ANSWERED)
    assert bus.searches[0].query == "What is your return policy?"
    assert "Menschen" in reply.text


async def test_a_letter_in_a_language_is_greeted_in_it(ask) -> None:
    reply = await ask("Ich möchte mit einem Menschen sprechen", kind="email", name="Ana")
    assert reply.text.startswith("Guten Tag Ana,")
    assert "per E-Mail" in reply.text


async def test_searches_are_always_for_what_the_public_may_read(ask, bus) -> None:
    for text in ("What is your return policy?", "Where is my refund?", "Do you ship? Is ink fine?"):
        await ask(text)
    assert {search.audience for search in bus.searches} == {"public"}
    assert all(isinstance(search, KnowledgeSearch) and search.workspace == "local" for search in bus.searches)
