"""Wires the widget's gateway."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from onethread.gateway_widget import api, files, socket
from onethread.gateway_widget.capabilities import KIND
from onethread.gateway_widget.connections import Connections
from onethread.gateway_widget.outbound import Outbound
from onethread.gateway_widget.settings import Settings
from onethread.gateway_widget.sites import Site, own_site, site_of
from onethread.runtime import errors
from onethread.runtime.bus import Bus
from onethread.runtime.channels import ChannelBook
from onethread.runtime.context import service_name
from onethread.runtime.health import Health

DRAIN_SECONDS = 5.0


class _Origins(CORSMiddleware):
    """Which sites' pages may call: those of any channel. Each call then checks its own channel's."""

    def __init__(self, app: ASGIApp, own: Site, sites: Callable[[], Iterable[Site]]) -> None:
        super().__init__(
            app,
            allow_origins=own.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type"],
            max_age=86_400,
        )
        self._sites = sites

    def is_allowed_origin(self, origin: str) -> bool:
        return super().is_allowed_origin(origin) or any(site.welcomes(origin) for site in self._sites())


def create_app(settings: Settings | None = None, bus: Bus | None = None) -> FastAPI:
    settings = settings or Settings.load()
    health = Health()
    own = own_site(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service_name.set("gateway-widget")
        connected = bus or Bus("gateway-widget", settings)
        connections = Connections()

        def on_change() -> None:
            connections.close_unless(lambda session: sites.get(session.channel_id, session.workspace) is not None)

        sites = ChannelBook(connected, KIND, own, site_of, on_change)
        outbound = Outbound(connected, connections)
        outbound.subscribe()
        await connected.start()
        try:
            await outbound.listen()
            connected.when_back(connections.refresh)
            app.state.settings, app.state.bus, app.state.connections = settings, connected, connections
            app.state.sites = sites
            await sites.start()
            app.state.on_stop = [connections.end]
            health.alive |= {"consumers": connected.check_consumers}
            health.ready |= {"bus": connected.check}
            yield
            connections.end()
            await connections.ended(DRAIN_SECONDS)
        finally:
            sites.stop()
            await connected.stop()

    app = FastAPI(title="Onethread widget gateway", lifespan=lifespan)
    errors.install(app)
    app.add_middleware(_Origins, own=own, sites=lambda: app.state.sites)
    app.include_router(api.router)
    app.include_router(files.router)
    app.include_router(socket.router)
    app.include_router(health.router())
    return app
