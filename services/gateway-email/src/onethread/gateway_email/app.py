"""The wiring of gateway-email."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from onethread.contracts.messages import Channel
from onethread.contracts.replies import ReplyRequested
from onethread.contracts.streams import EMAIL_REPLIES
from onethread.gateway_email.addresses import domain_of
from onethread.gateway_email.capabilities import KIND
from onethread.gateway_email.compose import Writer
from onethread.gateway_email.convert import Desk
from onethread.gateway_email.inbound import SERVICE, Intake, MailServer
from onethread.gateway_email.ledger import BucketLedger, Ledger
from onethread.gateway_email.outbound import Outbound
from onethread.gateway_email.relay import Relay
from onethread.gateway_email.settings import Settings
from onethread.runtime import errors
from onethread.runtime.bus import Bus
from onethread.runtime.health import Health


def create_app(settings: Settings | None = None, bus: Bus | None = None, ledger: Ledger | None = None) -> FastAPI:
    """`bus` and `ledger` take stand-ins. The mail server is `app.state.mail`."""
    settings = settings or Settings.load()
    bus = bus or Bus(SERVICE, settings)
    ledger = ledger or BucketLedger(lambda: bus.js)
    address = settings.support_address
    desk = Desk(Channel(id=settings.channel_id, kind=KIND), address, settings.edge, settings.signer)
    writer = Writer(address, settings.support_name, settings.signer)
    mail = MailServer(Intake(settings.workspace, desk, bus), domain_of(address), settings.mail_bytes)
    bus.on(EMAIL_REPLIES, ReplyRequested, Outbound(writer, Relay(settings.relay_url), ledger, bus))

    health = Health()
    health.ready["bus"] = bus.check
    health.alive["consumers"] = bus.check_consumers

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await bus.start()
        try:
            await mail.start(settings.host, settings.smtp_listen_port)
            try:
                yield
            finally:
                await mail.stop()
        finally:
            await bus.stop()

    app = FastAPI(title="Onethread gateway-email", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.mail = mail
    app.include_router(health.router())
    errors.install(app)
    return app
