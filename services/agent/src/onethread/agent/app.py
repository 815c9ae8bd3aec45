"""Wires the agent."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from onethread.agent import api
from onethread.agent.answer import Answerer
from onethread.agent.llm import LanguageModel
from onethread.agent.settings import Settings
from onethread.agent.turn import Turns
from onethread.contracts.knowledge import KnowledgeFound, KnowledgeSearch
from onethread.contracts.streams import AGENT
from onethread.contracts.subjects import KNOWLEDGE_SEARCH
from onethread.contracts.threads import MessageAdded
from onethread.runtime import errors
from onethread.runtime.bus import Bus
from onethread.runtime.context import service_name
from onethread.runtime.health import Health

SEARCH_SECONDS = 3.0


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
                return await connected.ask(KNOWLEDGE_SEARCH, question, KnowledgeFound, SEARCH_SECONDS)

            answerer = Answerer(search, settings.agent_confidence, model)
            turns = Turns(connected, answerer, settings.agent_settle_ms / 1000)
            connected.on(AGENT, MessageAdded, turns.take)
            app.state.asking = api.Asking(answerer, settings.api_key, settings.workspace)
            await connected.start()
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
    return LanguageModel(settings.llm_url or "", settings.llm_model or "", key, settings.llm_timeout)
