"""The agent's HTTP side, on a bus by argument."""

from collections.abc import AsyncIterator

import httpx
import pytest

from onethread.agent.api import as_if
from onethread.agent.app import create_app
from onethread.agent.settings import Settings
from onethread.contracts.agent import AgentConfig, AgentSettings, Ask, Trial
from onethread.contracts.knowledge import KnowledgeFound, KnowledgeTrial
from onethread.contracts.streams import AGENT
from onethread.contracts.subjects import AGENT_ASK

KEY = {"Authorization": "Bearer secret"}


@pytest.fixture
async def client(bus) -> AsyncIterator[httpx.AsyncClient]:
    bus.consumers = []

    async def nothing() -> None: ...

    bus.answers, bus.heard = {}, []

    async def listen(subject, handler) -> None:
        bus.heard.append(subject)

    bus.listen = listen
    bus.on = lambda consumer, event, handler: bus.consumers.append(consumer)
    bus.answer = lambda subject, question, handler: bus.answers.update({subject: handler})
    bus.start = bus.stop = bus.check = bus.check_consumers = nothing
    app = create_app(Settings(api_key="secret"), bus)
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://agent") as one:
        yield one


async def test_ask_answers_as_a_turn_would(client, bus) -> None:
    answer = (await client.post("/v1/ask", json={"question": "What is your return policy?"}, headers=KEY)).json()
    assert answer["decision"] == "answer"
    assert "30 days" in answer["text"]
    assert answer["sources"][0]["document_id"] == "return-policy"
    assert answer["confidence"] == 0.9
    assert answer["reason"]
    assert not bus.published
    assert not bus.live


async def test_ask_takes_history_channel_and_workspace(client, bus) -> None:
    asked = {
        "question": "and to France?",
        "history": ["How much is shipping?", {"author": "agent", "text": "€4.90"}],
        "workspace": "acme",
        "channel": "email",
    }
    answer = (await client.post("/v1/ask", json=asked, headers=KEY)).json()
    assert bus.searches[0].workspace == "acme"
    assert bus.searches[0].query == "How much is shipping?\nand to France?"
    assert answer["text"].startswith("Hello,")


async def test_ask_hands_off_what_it_does_not_know(client, bus) -> None:
    bus.found = KnowledgeFound(confidence=0.1)
    answer = (await client.post("/v1/ask", json={"question": "Do you sell llamas?"}, headers=KEY)).json()
    assert answer["decision"] == "handoff"
    assert answer["sources"] == []
    assert not bus.published


async def test_ask_tells_all_that_led_to_the_answer(client, bus) -> None:
    bus.found = bus.found.model_copy(update={"calibration": "2026-11"})
    asked = {"question": "and after that?", "history": ["What is your return policy?"]}
    answer = (await client.post("/v1/ask", json=asked, headers=KEY)).json()
    assert answer["query"] == "What is your return policy?\nand after that?"
    assert [passage["title"] for passage in answer["passages"]] == ["Our return policy", "What shipping costs"]
    assert answer["passages"][0]["score"] == 1.0
    assert answer["passages"][0]["text"]
    assert (answer["topic"], answer["calibration"], answer["handoff"]) == ("Our return policy", "2026-11", None)


async def test_ask_shows_what_a_teammate_would_get(client, bus) -> None:
    bus.settings = AgentSettings(reserved_topics=["bulk"])
    answer = (await client.post("/v1/ask", json={"question": "Is there a bulk return policy?"}, headers=KEY)).json()
    assert (answer["decision"], answer["handoff"], answer["tags"]) == ("handoff", "reserved", ["bulk"])
    assert "30 days" in answer["suggested_reply"]
    assert answer["summary"] == "The customer wrote: “Is there a bulk return policy?”."


async def test_the_bus_is_answered_the_same(client, bus) -> None:
    answered = await bus.answers[AGENT_ASK](Ask(workspace="local", question="What is your return policy?"))
    over_http = (await client.post("/v1/ask", json={"question": "What is your return policy?"}, headers=KEY)).json()
    assert answered.model_dump(mode="json") == over_http


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "secret"}])
async def test_ask_needs_the_key(client, headers) -> None:
    answer = await client.post("/v1/ask", json={"question": "Hi"}, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body", [{}, {"question": " "}, {"question": "a", "channel": "fax"}, {"question": "a", "workspace": "a.b"}]
)
async def test_a_malformed_question_is_refused(client, body) -> None:
    assert (await client.post("/v1/ask", json=body, headers=KEY)).status_code == 422


async def test_the_agent_listens_and_tells_how_it_is(client, bus) -> None:
    assert bus.consumers == [AGENT]
    assert bus.heard == ["ot.*.message.added.teammate", "ot.*.thread.assigned"]
    for path in ("/healthz", "/readyz", "/metrics"):
        assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        (
            {"ONETHREAD_LLM_PROVIDER": "anthropic"},
            "ONETHREAD_LLM_API_KEY: value error, the provider",
        ),
        ({"ONETHREAD_LLM_PROVIDER": "ollama"}, "ONETHREAD_LLM_MODEL: value error, the provider ollama needs it"),
        ({"ONETHREAD_LLM_PROVIDER": "oracle"}, "'extractive', 'openai', 'anthropic' or 'ollama'"),
        ({"ONETHREAD_LLM_PROVIDER": "openai"}, "ONETHREAD_LLM_URL"),
        ({"ONETHREAD_API_KEY": ""}, "ONETHREAD_API_KEY"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_sentence(monkeypatch, variables, sentence) -> None:
    monkeypatch.setenv("ONETHREAD_API_KEY", "secret")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
        if not value:
            monkeypatch.delenv(name)
    with pytest.raises(SystemExit) as stopped:
        Settings.load()
    assert sentence in str(stopped.value)


async def test_a_trial_is_answered_with_its_drafts_and_its_settings(client, bus) -> None:
    asked = {"question": "What is your return policy?", "trial": {"articles": ["art_1"], "without": ["old"]}}
    assert (await client.post("/v1/ask", json=asked, headers=KEY)).json()["decision"] == "answer"
    assert bus.searches[-1].trial == KnowledgeTrial(articles=["art_1"], without=["old"])
    asked["trial"] = {"settings": {"confidence": 0.95, "clarify": False}}
    answer = (await client.post("/v1/ask", json=asked, headers=KEY)).json()
    assert (answer["decision"], answer["handoff"]) == ("handoff", "unsure")
    assert bus.searches[-1].trial is None
    live = (await client.post("/v1/ask", json={"question": asked["question"]}, headers=KEY)).json()
    assert live["decision"] == "answer"


def test_a_trial_spends_of_the_live_budget() -> None:
    live = AgentConfig(workspace="acme", settings=AgentSettings(monthly_budget=5, max_turns=3))
    tried = as_if(live, Trial(settings=AgentSettings(monthly_budget=1_000, max_turns=8)))
    assert (tried.settings.monthly_budget, tried.settings.max_turns) == (5, 8)
    assert as_if(live, Trial(articles=["art_1"])) == live
