"""`POST /inbound/{provider}`: a provider has its 2xx only after the mail is durable."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import structlog
from fastapi import APIRouter, Request
from prometheus_client import Counter
from pydantic import BaseModel

from onethread.gateway_email.capabilities import SERVICE
from onethread.gateway_email.convert import Arrival, RefusedMailError
from onethread.gateway_email.desks import Desk, desk_address
from onethread.gateway_email.pipeline import Pipeline, Taken
from onethread.gateway_email.storage.store import read_object
from onethread.gateway_email.webhooks.mailgun import Mailgun
from onethread.gateway_email.webhooks.postmark import Postmark
from onethread.gateway_email.webhooks.provider import Call, Fetch, Heard, Posted, Provider, Told, fetch
from onethread.gateway_email.webhooks.sendgrid import SendGrid
from onethread.gateway_email.webhooks.ses import Ses
from onethread.gateway_email.webhooks.tokens import Tokens
from onethread.runtime.bus import UnavailableError
from onethread.runtime.channels import ChannelBook
from onethread.runtime.context import service_name
from onethread.runtime.errors import Problem

AT_ONCE = 8
"""Bodies in memory. Whoever comes after them waits."""
BODY_SECONDS = 60.0
NAMES = {"postmark": "Postmark", "mailgun": "Mailgun", "sendgrid": "SendGrid", "ses": "Amazon SES"}
AWAY = "Nothing was kept. Send it again in a moment; providers do so by themselves."

log = structlog.get_logger()
HEARD = Counter(
    "onethread_email_webhooks_total", "Requests of providers, by what became of them", ["provider", "outcome"]
)


class Kept(BaseModel):
    """Ids of what was kept. Empty: there was nothing for us in it, or all of it was here already."""

    kept: list[str]


class Webhooks:
    def __init__(
        self, desks: ChannelBook[Desk], pipeline: Pipeline, tokens: Tokens, keys: Mapping[str, str], size: int,
        ask: Fetch = fetch, *, ses_buckets: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """`keys` are the operator's, and speak for every address; those of an address for it alone."""
        self._desks, self._pipeline, self._tokens = desks, pipeline, tokens
        self._keys, self._size = keys, size
        self._limit = 3 * size + 2**20
        """A form may write one byte as three."""
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._providers: dict[str, Provider] = {
            "postmark": Postmark(), "mailgun": Mailgun(ask), "sendgrid": SendGrid(),
            "ses": Ses(ask, read_object, ses_buckets),
        }  # fmt: skip

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/inbound", include_in_schema=False)

        @router.post("/{provider}")
        @router.post("/{provider}/mime")
        async def installations(provider: str, request: Request) -> Kept:
            return await self._answer(provider, None, request)

        @router.post("/{provider}/{channel}")
        @router.post("/{provider}/{channel}/mime")
        async def channels(provider: str, channel: str, request: Request) -> Kept:
            return await self._answer(provider, channel, request)

        return router

    async def _answer(self, name: str, channel: str | None, request: Request) -> Kept:
        service_name.set(SERVICE)
        try:
            kept = await self._take(name, channel, request)
        except Problem as problem:
            known = name if name in self._providers else "unknown"
            HEARD.labels(known, "unavailable" if problem.status == 503 else "refused").inc()  # noqa: PLR2004 its own name
            log.warning("webhook.refused", provider=known, status=problem.status, reason=problem.title)
            raise
        HEARD.labels(name, "kept" if kept.kept else "nothing").inc()
        return kept

    async def _take(self, name: str, channel: str | None, request: Request) -> Kept:
        provider, (desk, key) = self._provider(name), self._key(name, channel)
        async with self._turn:
            body = await _body(request, self._limit)
            call = Call({k.lower(): v for k, v in request.headers.items()}, body, datetime.now(UTC), desk is None)
            try:
                heard = await asyncio.to_thread(provider.read, call, key)
                return Kept(kept=await self._keep(heard, name, desk, call.at))
            except RefusedMailError as refusal:
                title = "This mail will not be taken"
                raise Problem(provider.refusal, title, f"{_words(refusal)} Do not send it again.") from refusal
            except UnavailableError as error:
                log.warning("webhook.deferred", provider=name, error=str(error))
                raise Problem(503, "The mail could not be kept just now", AWAY, retry_after=30) from error

    def _provider(self, name: str) -> Provider:
        """Raises a 404 `Problem`."""
        provider = self._providers.get(name)
        if provider is None:
            known = ", ".join(f"/inbound/{known}" for known in self._providers)
            raise Problem(404, "There is no such provider of mail here", f"Nothing was kept. There are: {known}.")
        return provider

    def _key(self, name: str, channel: str | None) -> tuple[Desk | None, str]:
        """The address that the request is for, where it names one, and what proves it. Raises 404 and 503 problems."""
        try:
            desk = self._desks.get(channel) if channel else None
        except UnavailableError as error:
            raise Problem(503, "We are starting and do not know all our addresses yet", AWAY) from error
        key = desk.keys.get(name) if desk else None if channel else self._keys.get(name)
        if key is None:
            where = "this address of ours" if channel else "this installation"
            raise Problem(404, f"{NAMES[name]} is not set up for {where}", "Nothing was kept. Set its key first.")
        return desk, key

    async def _keep(self, heard: Heard, name: str, desk: Desk | None, at: datetime) -> list[str]:
        """Raises RefusedMailError, UnavailableError."""
        if heard.once and await self._tokens.is_used(name, heard.once):
            return []
        kept = [id_ for item in heard.items for id_ in await self._keep_one(item, name, desk, at)]
        if heard.once:
            await self._tokens.use(name, heard.once)
        return kept

    async def _keep_one(self, item: Posted | Told, name: str, desk: Desk | None, at: datetime) -> list[str]:
        taken = await (self._told(item, desk, at) if isinstance(item, Told) else self._posted(item, name, desk, at))
        return [str(event.id) for event in taken.events] if taken else []

    async def _posted(self, mail: Posted, name: str, desk: Desk | None, at: datetime) -> Taken:
        if len(mail.raw) > self._size:
            raise RefusedMailError(f"552 5.3.4 The mail is larger than {self._size} bytes")
        arrival = Arrival(peer="", sender=mail.sender, recipients=_recipients(mail, desk), at=at)
        raw, vouching = mail.raw, f"{name}.webhook"
        if mail.evidence:
            raw = f"Authentication-Results: {vouching}; {mail.evidence}\r\n".encode() + raw
            arrival = replace(arrival, authserv_id=vouching)
        try:
            return await self._pipeline.take(raw, arrival)
        except RefusedMailError as refusal:  # its sender has been told that it arrived
            return await self._pipeline.set_aside(raw, arrival, _words(refusal))

    async def _told(self, report: Told, desk: Desk | None, at: datetime) -> Taken | None:
        """None: it is about a mail that is not ours. The account at the provider may serve others too."""
        desks = [desk] if desk else list(self._desks)
        ours = next((d for d in desks if any(d.signer.is_ours(id_) for id_ in report.about)), None)
        if ours is None:
            return None
        return await self._pipeline.take(report.raw, Arrival(peer="", sender="", recipients=(ours.address,), at=at))


def _recipients(mail: Posted, desk: Desk | None) -> tuple[str, ...]:
    """A key of one address speaks for that address alone, whichever the provider knows it by."""
    if desk is None:
        return mail.recipients
    own = tuple(one for one in mail.recipients if desk_address(one) == desk.address)
    local, _, domain = desk.address.partition("@")
    return own or (f"{local}+{mail.hash}@{domain}" if mail.hash else desk.address,)


def _words(refusal: RefusedMailError) -> str:
    """Without the codes of SMTP."""
    return str(refusal).partition(" ")[2].partition(" ")[2] + "."


async def _body(request: Request, limit: int) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise Problem(413, "The body is too large", f"Nothing was kept. The limit is {limit} bytes.")
    except TimeoutError as error:
        raise Problem(408, "The body did not come in time", "Nothing was kept. Send it again.") from error
    return bytes(body)
