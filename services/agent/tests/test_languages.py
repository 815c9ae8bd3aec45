"""From a customer's words in one language to an answer that they can read."""

from collections.abc import Awaitable, Callable

import pytest

from onethread.agent.answer import Answerer, Question, Reply
from onethread.agent.foreign import is_foreign
from onethread.agent.prompt import Said
from onethread.agent.so_far import SoFar
from onethread.contracts.agent import AgentConfig, AgentSettings
from onethread.contracts.knowledge import KnowledgeFound, KnowledgeSearch, Passage

ENGLISH = Passage(
    document_id="shipping-costs",
    title="What shipping costs",
    text="Standard shipping costs €4.90 in Germany and is free for orders of €50 or more.",
    locale="en",
    score=1.0,
    version=1,
)
GERMAN = Passage(
    document_id="versand",
    title="Versandkosten",
    text="Der Standardversand kostet innerhalb Deutschlands 4,90 €. Ab einem Warenwert von 50 € zahlen Sie kein Porto.",
    locale="de",
    score=1.0,
    version=1,
)
Ask = Callable[..., Awaitable[Reply]]


class Centre:
    """Finds by the language that is asked for, as knowledge does, and keeps what it was asked."""

    def __init__(self, sure_in: dict[str, Passage], unsure_in: dict[str, Passage] | None = None) -> None:
        self.sure_in, self.unsure_in = sure_in, unsure_in or {}
        self.locales: list[str | None] = []

    async def search(self, question: KnowledgeSearch) -> KnowledgeFound:
        self.locales.append(question.locale)
        named = self.sure_in | self.unsure_in
        looked_at = [question.locale] if question.locale in named else list(named)
        best = next((one for one in looked_at if one in self.sure_in), looked_at[0])
        left_out = sorted(named.keys() - {*looked_at})
        belief = 0.9 if best in self.sure_in else 0.3
        return KnowledgeFound(confidence=belief, passages=[named[best]], left_out=left_out)

    async def ask(self, text: str, *before: Said, **fields: object) -> Reply:
        async def so_far() -> SoFar:
            return SoFar(before)

        async def nobody(text: str) -> None:
            """Nothing is streamed."""

        settings = AgentConfig(workspace="local", settings=AgentSettings())
        return await Answerer(self.search, 0.6).answer(Question(settings, text, "widget", so_far, **fields), nobody)


async def test_a_question_is_looked_up_in_the_articles_of_its_own_language() -> None:
    centre = Centre({"en": ENGLISH, "de": GERMAN})
    reply = await centre.ask("Was kostet der Versand?")
    assert centre.locales == ["de"]
    assert (reply.decision, reply.sources[0].document_id) == ("answer", "versand")
    assert "4,90 €" in reply.text


async def test_a_question_whose_language_nothing_tells_is_looked_up_in_all() -> None:
    centre = Centre({"en": ENGLISH, "de": GERMAN})
    await centre.ask("PP-104233?")
    assert centre.locales == [None]


async def test_where_the_own_language_has_no_sure_answer_the_others_are_looked_at() -> None:
    centre = Centre({"en": ENGLISH}, {"de": GERMAN})
    reply = await centre.ask("Was kostet der Versand?")
    assert centre.locales == ["de", None]
    assert reply.found is not None
    assert reply.found.passages[0].locale == "en"


async def test_what_only_an_english_article_says_is_not_quoted_to_who_asks_in_german() -> None:
    reply = await Centre({"en": ENGLISH}).ask("Was kostet der Versand?")
    assert (reply.decision, reply.sources) == ("handoff", ())
    assert "an einen Menschen weitergegeben" in reply.text
    assert "“What shipping costs” may answer it, but it is in another language" in reply.reason
    assert "€4.90" in reply.suggested_reply


async def test_that_is_a_gap_in_the_customer_s_language() -> None:
    reply = await Centre({"en": ENGLISH}).ask("Was kostet der Versand?")
    assert (reply.gap, reply.locale) == ("Was kostet der Versand?", "de")


async def test_who_mixes_languages_reads_both() -> None:
    reply = await Centre({"en": ENGLISH}).ask("standard shipping Germany kostet?")
    assert (reply.decision, reply.sources[0].document_id) == ("answer", "shipping-costs")


async def test_who_asks_for_it_in_german_is_not_told_it_in_english_again() -> None:
    before = (Said("customer", "What does shipping cost?"), Said("agent", "€4.90", ("What shipping costs",)))
    reply = await Centre({"en": ENGLISH}).ask("und auf Deutsch bitte?", *before)
    assert reply.decision == "handoff"
    assert "an einen Menschen weitergegeben" in reply.text


async def test_nobody_is_asked_to_choose_among_titles_that_they_cannot_read() -> None:
    other = ENGLISH.model_copy(update={"document_id": "express", "title": "Express delivery", "score": 0.95})

    async def search(question: KnowledgeSearch) -> KnowledgeFound:
        return KnowledgeFound(confidence=0.5, passages=[ENGLISH, other])

    centre = Centre({})
    centre.search = search
    assert (await centre.ask("Was kostet der Versand?")).decision == "handoff"
    assert (await centre.ask("What does shipping cost?")).decision == "clarify"


async def test_the_caller_may_say_the_language() -> None:
    centre = Centre({"en": ENGLISH, "de": GERMAN})
    reply = await centre.ask("shipping?", locale="de-AT")
    assert centre.locales[0] == "de-AT"
    assert reply.decision == "handoff" or "4,90" in reply.text


@pytest.mark.parametrize(
    ("question", "foreign"),
    [("Was kostet der Versand?", True), ("What does shipping cost?", False), ("PayPal?", False)],
)
def test_an_article_is_foreign_to_who_writes_another_language(question: str, *, foreign: bool) -> None:
    tongue = "de" if "Was" in question else "en" if "What" in question else None
    assert is_foreign(ENGLISH, question, tongue) is foreign


def test_a_wrong_label_on_a_page_makes_nothing_foreign() -> None:
    assert not is_foreign(GERMAN.model_copy(update={"locale": "en"}), "Was kostet der Versand?", "de")
