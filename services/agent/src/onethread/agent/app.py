"""Wires the agent."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from onethread.agent import api
from onethread.agent.answer import Answerer
from onethread.agent.config import Configs
from onethread.agent.llm import LanguageModel, Limits
from onethread.agent.providers import Provider
from onethread.agent.settings import Settings
from onethread.agent.spending import Prices
from onethread.agent.tongues import tongues
from onethread.agent.turn import Turns
from onethread.contracts import subjects
from onethread.contracts.agent import Ask
from onethread.contracts.catalog import type_of
from onethread.contracts.knowledge import KnowledgeFound, KnowledgeSearch
from onethread.contracts.streams import AGENT
from onethread.contracts.subjects import AGENT_ASK, KNOWLEDGE_SEARCH
from onethread.contracts.threads import MessageAdded, ThreadAssigned
from onethread.runtime import errors
from onethread.runtime.bus import Bus
from onethread.runtime.context import service_name
from onethread.runtime.health import Health

SEARCH_SECONDS = 3.0
TRIAL_SECONDS = 30.0
"""Nobody waits for a trial, and the first search of one embeds the drafts."""
TAKEN = (subjects.event("*", type_of(MessageAdded), "teammate"), subjects.event("*", type_of(ThreadAssigned)))
"""People wrote in a thread, or it was given to one of them."""


def create_app(settings: Settings | None = None, bus: Bus | None = None) -> FastAPI:
    settings = settings or Settings.load()
    health = Health()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service_name.set("agent")
        async with AsyncExitStack() as stack:
            connected = bus or Bus("agent", settings)
            model = _model(settings)
            if model:
                await model.warm()

            async def search(question: KnowledgeSearch) -> KnowledgeFound:
                seconds = TRIAL_SECONDS if question.trial else SEARCH_SECONDS
                return await connected.ask(KNOWLEDGE_SEARCH, question, KnowledgeFound, seconds)

            answerer = Answerer(search, settings.agent_confidence, model)
            configs = Configs(connected)
            turns = Turns(connected, answerer, settings.agent_settle_ms / 1000, configs)
            asking = app.state.asking = api.Asking(answerer, configs, settings.api_key, settings.workspace)
            connected.on(AGENT, MessageAdded, turns.take)
            connected.answer(AGENT_ASK, Ask, asking.answer)
            tongues()  # read before the first customer waits for it
            await connected.start()
            for taken in TAKEN:
                await connected.listen(taken, turns.on_people)
            stack.push_async_callback(connected.stop)
            health.alive["consumers"] = connected.check_consumers
            health.ready["bus"] = connected.check
            yield

    app = FastAPI(title="Onethread agent", lifespan=lifespan)
    errors.install(app)
    app.include_router(api.router)
    app.include_router(health.router())
    return app


def _model(settings: Settings) -> LanguageModel | None:
    if settings.llm_provider == "extractive":
        return None
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else None
    provider = Provider(
        settings.llm_provider,
        settings.llm_model or "",
        settings.llm_url,
        key,
        settings.llm_timeout,
        settings.llm_context,
        settings.llm_longest,
    )
    limits = Limits(
        settings.llm_first_token, settings.llm_between_tokens, settings.llm_timeout, at_once=settings.llm_at_once
    )
    return LanguageModel(provider, limits, Prices(settings.llm_input_price, settings.llm_output_price))
