"""Wires the knowledge service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from fastapi import FastAPI

from onethread.knowledge import api, folder, subscribers
from onethread.knowledge.embedding import Embedder
from onethread.knowledge.ingest import Ingestion
from onethread.knowledge.library import Library, open_library
from onethread.knowledge.settings import Settings
from onethread.runtime import errors
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
            searcher = library.searcher
            subscribers.subscribe(connected, library, searcher)
            await connected.start()
            stack.push_async_callback(connected.stop)
            ingestion = Ingestion(library, connected.publish)
            stack.callback(ingestion.close)
            running = asyncio.create_task(ingestion.run(lambda: _read_folder(library, settings)))
            stack.push_async_callback(_cancel, running)
            app.state.knowledge = api.Knowledge(library, searcher, ingestion, settings.api_key)

            async def indexing() -> None:
                if running.done():
                    raise UnavailableError("indexing has stopped")

            health.alive |= {"indexing": indexing, "consumers": connected.check_consumers}
            health.ready |= {"bus": connected.check, "first pass": ingestion.first_pass}
            yield

    app = FastAPI(title="Onethread knowledge", lifespan=lifespan)
    errors.install(app)
    app.include_router(api.router)
    app.include_router(health.router())
    return app


def _read_folder(library: Library, settings: Settings) -> None:
    if settings.knowledge_dir:
        folder.sync(library.store, settings.workspace, settings.knowledge_dir)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
