"""Wires the widget's gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from onethread.gateway_widget import api, socket
from onethread.gateway_widget.connections import Connections
from onethread.gateway_widget.outbound import Outbound
from onethread.gateway_widget.settings import Settings
from onethread.runtime import errors
from onethread.runtime.bus import Bus
from onethread.runtime.context import service_name
from onethread.runtime.health import Health

DRAIN_SECONDS = 5.0


def create_app(settings: Settings | None = None, bus: Bus | None = None) -> FastAPI:
    settings = settings or Settings.load()
    health = Health()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service_name.set("gateway-widget")
        connected = bus or Bus("gateway-widget", settings)
        connections = Connections()
        outbound = Outbound(connected, connections)
        outbound.subscribe()
        await connected.start()
        try:
            await outbound.listen()
            app.state.settings, app.state.bus, app.state.connections = settings, connected, connections
            app.state.on_stop = [connections.end]
            health.alive |= {"consumers": connected.check_consumers}
            health.ready |= {"bus": connected.check}
            yield
            connections.end()
            await connections.ended(DRAIN_SECONDS)
        finally:
            await connected.stop()

    app = FastAPI(title="Onethread widget gateway", lifespan=lifespan)
    errors.install(app)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.origins,
        allow_methods=["GET", "POST"],
        allow_headers=["content-type"],
        max_age=86_400,
    )
    app.include_router(api.router)
    app.include_router(socket.router)
    app.include_router(health.router())
    return app
