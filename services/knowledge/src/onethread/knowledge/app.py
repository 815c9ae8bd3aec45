"""Wires the knowledge service."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from onethread.contracts import subjects
from onethread.contracts.calls import Call
from onethread.knowledge import (
    access,
    api,
    articles_api,
    documents_api,
    embedding_api,
    gaps_api,
    judging_api,
    sources_api,
    subscribers,
    uploads_api,
)
from onethread.knowledge.calls import Calls
from onethread.knowledge.embedding import EmbeddingError
from onethread.knowledge.gap_articles import GapArticles
from onethread.knowledge.gap_tending import Tending
from onethread.knowledge.gaps import GapStore
from onethread.knowledge.ingest import Ingestion
from onethread.knowledge.library import Library, open_library
from onethread.knowledge.settings import Settings
from onethread.knowledge.switching import Switching
from onethread.knowledge.syncing import Syncing
from onethread.knowledge.trial import Trials
from onethread.knowledge.written import ArticleStore
from onethread.runtime import errors
from onethread.runtime.bodies import Bodies
from onethread.runtime.bus import Bus, UnavailableError
from onethread.runtime.context import service_name
from onethread.runtime.health import Health


def create_app(settings: Settings | None = None, bus: Bus | None = None) -> FastAPI:
    """Raises `FolderInUseError` at start when another process owns the folder."""
    settings = settings or Settings.load()
    health = Health()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service_name.set("knowledge")
        async with AsyncExitStack() as stack:
            opening = open_library(settings.folder, settings.offers, settings.first_model, settings.chroma_url)
            library = await asyncio.to_thread(stack.enter_context, opening)
            connected = bus or Bus("knowledge", settings)
            searcher, written = library.searcher, ArticleStore(library.store)
            gaps = GapArticles(library, connected, GapStore(library.store, library.models), written)
            subscribers.subscribe(connected, library, Trials(library, searcher, written))
            connected.answer(subjects.KNOWLEDGE_API, Call, Calls(app, settings, Bodies(connected)))
            ingestion = Ingestion(library, connected.publish)
            subscribers.hear_judgements(connected, library)
            subscribers.follow(connected, gaps, ingestion.wake)
            await connected.start()
            stack.push_async_callback(connected.stop)
            switching = Switching(library, ingestion)
            stack.callback(switching.close)
            stack.callback(ingestion.close)
            syncing = _syncing(settings, library, ingestion)
            stack.callback(syncing.close)
            own = await library.run(syncing.open, settings.knowledge_dir, settings.workspace)
            running: dict[str, Coroutine[None, None, None]] = {
                "indexing": ingestion.run(partial(syncing.pass_over, own) if own else _nothing),
                "switching of models": switching.run(),
                "reading of sources": syncing.run(),
                "tending of gaps": Tending(library, searcher, gaps).run(),
            }
            for what, coroutine in running.items():
                task = asyncio.create_task(coroutine)
                stack.push_async_callback(_cancel, task)
                health.alive[what] = partial(_check, task, what)
            app.state.knowledge = access.Knowledge(
                library, searcher, ingestion, switching, syncing, written, gaps, settings
            )
            health.alive["consumers"] = connected.check_consumers
            health.ready |= {"bus": connected.check, "first pass": ingestion.first_pass}
            yield

    app = FastAPI(title="Onethread knowledge", lifespan=lifespan)
    errors.install(app)
    app.exception_handler(EmbeddingError)(_model_away)
    for part in (api, documents_api, embedding_api, sources_api, uploads_api, articles_api, gaps_api, judging_api):
        app.include_router(part.router)
    app.include_router(health.router())
    return app


def _syncing(settings: Settings, library: Library, ingestion: Ingestion) -> Syncing:
    loop = asyncio.get_running_loop()

    def changed() -> None:
        loop.call_soon_threadsafe(ingestion.wake)

    return Syncing(library.store, settings.guard, changed, settings.folder)


async def _check(task: asyncio.Task[None], what: str) -> None:
    if task.done():
        raise UnavailableError(f"{what} has stopped")


async def _model_away(_: Request, error: Exception) -> JSONResponse:
    return errors.Problem(503, "The embedding model can't be used now", str(error)).response()


def _nothing() -> None:
    """No folder comes first."""


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
