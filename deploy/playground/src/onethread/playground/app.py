"""Wires the playground: one process with pages, a mailbox and a Slack look-alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI
from fastapi.sse import EventSourceResponse, ServerSentEvent
from fastapi.staticfiles import StaticFiles

from onethread.playground import help as help_centre
from onethread.playground import mail, pages, shop, slack, slack_api
from onethread.playground.live import Live
from onethread.playground.mailbox import MailServer, Sink
from onethread.playground.settings import Settings
from onethread.playground.slack_events import Courier
from onethread.playground.slack_room import Room
from onethread.playground.store import Store
from onethread.runtime import errors
from onethread.runtime.health import Health

log = structlog.get_logger()


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; its lifespan also opens the mailbox's SMTP port (`app.state.smtp_port`)."""
    settings = settings or Settings.load()
    settings.data_folder.mkdir(parents=True, exist_ok=True)
    store, live, health = Store(settings.data_folder / "playground.sqlite"), Live(), Health()
    courier = Courier(settings.slack_events_url, settings.slack_signing_secret, settings.playground_slack_retries)
    room = Room(store, live, courier)
    mailbox = MailServer(Sink(store, live, settings.support_address.rpartition("@")[2]))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await mailbox.start(settings.host, settings.smtp_port)
        app.state.smtp_port = mailbox.port
        room.resume()
        log.info("playground.started", smtp_port=mailbox.port, **store.counts())
        yield
        await mailbox.stop()
        await room.close()
        await courier.close()
        store.close()

    async def store_answers() -> None:
        store.check()

    health.ready["store"] = store_answers
    app = FastAPI(
        title="Onethread playground", lifespan=lifespan, docs_url="/api/docs", openapi_url="/api/openapi.json"
    )
    app.state.on_stop = [live.close]
    errors.install(app)
    own_url = f"http://127.0.0.1:{settings.listen_port}"
    for router in (
        health.router(),
        shop.router(settings),
        help_centre.router(settings),
        mail.router(settings, store, live),
        slack.router(settings, store, room),
        slack_api.router(room, store, settings.slack_bot_token, own_url),
    ):
        app.include_router(router)

    @app.get("/live", response_class=EventSourceResponse, include_in_schema=False)
    async def listen() -> AsyncIterator[ServerSentEvent]:
        async for event in live.listen():
            yield event

    app.mount("/pages", StaticFiles(directory=pages.FOLDER), name="pages")
    return app
