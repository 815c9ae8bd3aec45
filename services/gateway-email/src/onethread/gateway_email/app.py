"""The wiring of gateway-email."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from onethread.contracts.customers import CustomerErased
from onethread.contracts.proofs import ProofMail
from onethread.contracts.replies import ReplyRequested
from onethread.contracts.streams import EMAIL_ERASURES, EMAIL_REPLIES
from onethread.contracts.subjects import EMAIL_PROVE
from onethread.gateway_email.addresses import domain_of
from onethread.gateway_email.capabilities import KIND
from onethread.gateway_email.desks import desk_of, own_desk
from onethread.gateway_email.inbound import SERVICE, Intake, MailServer
from onethread.gateway_email.ledger import BucketLedger, Ledger
from onethread.gateway_email.outbound import Outbound
from onethread.gateway_email.proof import Prover
from onethread.gateway_email.relay import Relay
from onethread.gateway_email.settings import Settings
from onethread.runtime import errors
from onethread.runtime.bus import Bus
from onethread.runtime.channels import ChannelBook
from onethread.runtime.context import service_name
from onethread.runtime.health import Health


def create_app(settings: Settings | None = None, bus: Bus | None = None, ledger: Ledger | None = None) -> FastAPI:
    """`bus` and `ledger` take stand-ins. The mail server is `app.state.mail`."""
    settings = settings or Settings.load()
    bus = bus or Bus(SERVICE, settings)
    ledger = ledger or BucketLedger(lambda: bus.js)
    relay = Relay(settings.relay_url)
    desks = ChannelBook(bus, KIND, own_desk(settings), lambda config: desk_of(config, settings))
    mail = MailServer(Intake(desks, bus), domain_of(desks.own.address), settings.mail_bytes)
    bus.on(EMAIL_REPLIES, ReplyRequested, Outbound(desks, relay, ledger, bus))
    bus.on(EMAIL_ERASURES, CustomerErased, ledger.forget)
    bus.answer(EMAIL_PROVE, ProofMail, Prover(desks, relay))

    health = Health()
    health.ready["bus"] = bus.check
    health.alive["consumers"] = bus.check_consumers

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service_name.set(SERVICE)
        await bus.start()
        try:
            await desks.start()
            await mail.start(settings.host, settings.smtp_listen_port)
            try:
                yield
            finally:
                await mail.stop()
        finally:
            desks.stop()
            await bus.stop()

    app = FastAPI(title="Onethread gateway-email", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.mail = mail
    app.include_router(health.router())
    errors.install(app)
    return app
