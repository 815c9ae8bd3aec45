"""The wiring of gateway-email."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

from fastapi import FastAPI

from onethread.contracts.customers import CustomerErased
from onethread.contracts.mail import CheckRecords
from onethread.contracts.originals import OriginalOf
from onethread.contracts.proofs import ProofMail
from onethread.contracts.replies import ReplyRequested
from onethread.contracts.streams import EMAIL_ERASURES, EMAIL_REPLIES
from onethread.contracts.subjects import EMAIL_ORIGINAL, EMAIL_PROVE, EMAIL_RECORDS
from onethread.gateway_email.capabilities import KIND, SERVICE
from onethread.gateway_email.desks import desk_of, own_desk, own_desk_as
from onethread.gateway_email.mailboxes.bookmarks import Bookmarks
from onethread.gateway_email.mailboxes.checking import Checking
from onethread.gateway_email.mailboxes.keeper import Mailboxes
from onethread.gateway_email.names import Names
from onethread.gateway_email.outgoing.ledger import BucketLedger, Ledger
from onethread.gateway_email.outgoing.outbound import Outbound
from onethread.gateway_email.outgoing.proof import Prover
from onethread.gateway_email.outgoing.receipts import Receipts
from onethread.gateway_email.outgoing.records import Records
from onethread.gateway_email.outgoing.relay import Relay
from onethread.gateway_email.outgoing.retries import Retries
from onethread.gateway_email.outgoing.waiting import BucketLines, Lines
from onethread.gateway_email.pipeline import Pipeline
from onethread.gateway_email.reading import Reader
from onethread.gateway_email.sender.checks import Checks
from onethread.gateway_email.settings import Settings
from onethread.gateway_email.smtp.inbound import Intake
from onethread.gateway_email.smtp.server import MailServer
from onethread.gateway_email.storage.mails import Mails
from onethread.gateway_email.storage.originals import Originals
from onethread.gateway_email.storage.store import store_at
from onethread.gateway_email.webhooks.endpoint import Webhooks
from onethread.gateway_email.webhooks.provider import Fetch, fetch
from onethread.gateway_email.webhooks.tokens import BucketTokens, Tokens
from onethread.runtime import errors
from onethread.runtime.bodies import Bodies
from onethread.runtime.bus import Bus
from onethread.runtime.channels import ChannelBook
from onethread.runtime.context import service_name
from onethread.runtime.health import Health
from onethread.runtime.tasks import end


def create_app(
    settings: Settings | None = None,
    bus: Bus | None = None,
    ledger: Ledger | None = None,
    tokens: Tokens | None = None,
    ask: Fetch = fetch,
    bookmarks: Bookmarks | None = None,
    lines: Lines | None = None,
) -> FastAPI:
    """All but `settings` take stand-ins. The mail server is `app.state.mail`."""
    settings = settings or Settings.load()
    bus = bus or Bus(SERVICE, settings)
    ledger, lines = ledger or BucketLedger(lambda: bus.js), lines or BucketLines(lambda: bus.js)
    relay = Relay(settings.relay_url)
    desks = ChannelBook(
        bus,
        KIND,
        own_desk(settings),
        lambda config: desk_of(config, settings),
        on_change=lambda: mailboxes.agree(),  # noqa: PLW0108 it is made below
        refine=lambda own, config: own_desk_as(own, config, settings),
    )
    mails, names = Mails(store_at(settings.mails_at)), Names(settings.dns_server)
    reader, receipts = Reader(settings.mail_readers), Receipts(desks, relay, lambda: bus.js)
    pipeline = Pipeline(desks, bus, mails, reader, Checks(names, settings.sealers), receipts)
    mail = MailServer(Intake(desks, pipeline), settings.front)
    webhooks = Webhooks(
        desks, pipeline, tokens or BucketTokens(lambda: bus.js), settings.keys, settings.mail_bytes, ask,
        ses_buckets=settings.ses_bucket_urls,
    )  # fmt: skip
    bookmarks = bookmarks or Bookmarks(lambda: bus.js, uuid4().hex)
    mailboxes = Mailboxes(desks, pipeline, bookmarks, settings.reply_secrets, settings.mail_bytes)
    outbound = Outbound(desks, relay, ledger, lines, bus, patience=timedelta(hours=settings.mail_retry_hours))
    retries = Retries(lines, ledger, outbound)
    bus.on(EMAIL_REPLIES, ReplyRequested, outbound)

    async def forget(event: CustomerErased) -> None:
        await ledger.forget(event)
        await mails.forget(event)

    bus.on(EMAIL_ERASURES, CustomerErased, forget)
    bus.answer(EMAIL_PROVE, ProofMail, Prover(desks, relay))
    bus.answer(EMAIL_RECORDS, CheckRecords, Records(names, settings.mail_host, settings.spf, settings.bounce_domain))
    Checking(settings, desks, bookmarks).answer_on(bus)
    bus.answer(EMAIL_ORIGINAL, OriginalOf, Originals(mails, Bodies(bus), reader))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service_name.set(SERVICE)
        await bus.start()
        try:
            await desks.start()
            await mail.start(settings.host, settings.smtp_listen_port, settings.lmtp_port)
            retries.start()
            mailboxes.start()
            sweeping = asyncio.create_task(mails.sweep_daily(settings.mail_days))
            try:
                yield
            finally:
                await asyncio.gather(mail.stop(), mailboxes.stop(), retries.stop())
                await receipts.done()
                await end(sweeping)
                await reader.stop()
        finally:
            desks.stop()
            await bus.stop()

    app = FastAPI(title="Onethread gateway-email", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.mail, app.state.pipeline = mail, pipeline
    app.include_router(webhooks.router())
    app.include_router(_health(bus, retries).router())
    errors.install(app)
    return app


def _health(bus: Bus, retries: Retries) -> Health:
    health = Health()
    health.ready["bus"] = bus.check
    health.alive |= {"consumers": bus.check_consumers, "retries": retries.check}
    return health
