"""Wires the knowledge service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial

from fastapi import FastAPI

from onethread.contracts import subjects
from onethread.contracts.calls import Call
from onethread.knowledge import (
    access,
    api,
    articles_api,
    documents_api,
    gaps_api,
    sources_api,
    subscribers,
    uploads_api,
)
from onethread.knowledge.calls import Calls
from onethread.knowledge.embedding import Embedder
from onethread.knowledge.gap_articles import GapArticles
from onethread.knowledge.gap_tending import Tending
from onethread.knowledge.gaps import GapStore
from onethread.knowledge.ingest import Ingestion
from onethread.knowledge.library import open_library
from onethread.knowledge.settings import Settings
from onethread.knowledge.syncing import Syncing
from onethread.knowledge.trial import Trials
from onethread.knowledge.written import ArticleStore
from onethread.runtime import errors
from onethread.runtime.bodies import Bodies
from onethread.runtime.bus import Bus, UnavailableError
from onethread.runtime.context import service_name
from onethread.runtime.health import Health


def create_app(settings: Settings | None = None, bus: Bus | None = None, embedder: Embedder | None = None) -> FastAPI:
    """Raises `FolderInUseError` at start when another process owns the folder."""
    settings = settings or Settings.load()
    health = Health()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service_name.set("knowledge")
        async with AsyncExitStack() as stack:
            opening = open_library(settings.folder, embedder)
            library = await asyncio.to_thread(stack.enter_context, opening)
            connected = bus or Bus("knowledge", settings)
            searcher, written = library.searcher, ArticleStore(library.store)
            gaps = GapArticles(library, connected, GapStore(library.store, library.embedder), written)
            subscribers.subscribe(connected, library, Trials(library, searcher, written))
            connected.answer(subjects.KNOWLEDGE_API, Call, Calls(app, settings, Bodies(connected)))
            ingestion = Ingestion(library, connected.publish)
            subscribers.follow(connected, gaps, ingestion.wake)
            await connected.start()
            stack.push_async_callback(connected.stop)
            stack.callback(ingestion.close)
            loop = asyncio.get_running_loop()

            def changed() -> None:
                loop.call_soon_threadsafe(ingestion.wake)

            syncing = Syncing(library.store, settings.guard, changed, settings.folder)
            stack.callback(syncing.close)
            own = await library.run(syncing.open, settings.knowledge_dir, settings.workspace)
            running = asyncio.create_task(ingestion.run(partial(syncing.pass_over, own) if own else _nothing))
            stack.push_async_callback(_cancel, running)
            following = asyncio.create_task(syncing.run())
            stack.push_async_callback(_cancel, following)
            tending = asyncio.create_task(Tending(library, searcher, gaps).run())
            stack.push_async_callback(_cancel, tending)
            app.state.knowledge = access.Knowledge(library, searcher, ingestion, syncing, written, gaps, settings)

            async def indexing() -> None:
                if running.done():
                    raise UnavailableError("indexing has stopped")

            async def reading() -> None:
                if following.done():
                    raise UnavailableError("reading of sources has stopped")

            async def gaps_tended() -> None:
                if tending.done():
                    raise UnavailableError("gaps are not looked after")

            health.alive |= {
                "indexing": indexing,
                "reading": reading,
                "gaps": gaps_tended,
                "consumers": connected.check_consumers,
            }
            health.ready |= {"bus": connected.check, "first pass": ingestion.first_pass}
            yield

    app = FastAPI(title="Onethread knowledge", lifespan=lifespan)
    errors.install(app)
    for part in (api, documents_api, sources_api, uploads_api, articles_api, gaps_api):
        app.include_router(part.router)
    app.include_router(health.router())
    return app


def _nothing() -> None:
    """No folder comes first."""


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
