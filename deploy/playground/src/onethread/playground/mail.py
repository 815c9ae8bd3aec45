"""The mailbox's HTTP side: read what came, send what a customer writes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from onethread.playground import relay
from onethread.playground.live import Live
from onethread.playground.mailbox import full_view, index_headers, summary
from onethread.playground.pages import render
from onethread.playground.people import PEOPLE, find_person
from onethread.playground.settings import Settings
from onethread.playground.store import Store
from onethread.runtime.errors import Problem


class Outgoing(BaseModel):
    """A mail to send. `from` is an address, `Name <address>`, or a sample person's key; `to` defaults to support."""

    sender: str = Field(alias="from", max_length=320)
    to: str = Field("", max_length=320)
    subject: str = Field("", max_length=900)
    text: str = Field(max_length=1_000_000)
    in_reply_to: str = ""
    references: str = ""
    forge: bool = False


def router(settings: Settings, store: Store, live: Live) -> APIRouter:
    routes = APIRouter()

    @routes.get("/mail", response_class=HTMLResponse, include_in_schema=False)
    async def page() -> str:
        return render("mail", settings)

    @routes.post("/api/mail/send", status_code=201)
    async def send(outgoing: Outgoing) -> dict[str, Any]:
        """Sends one mail through the relay: `{id, message_id, said}`, or a problem with the server's `code`."""
        letter = _letter(outgoing, settings.support_address)
        now = datetime.now(UTC)
        message_id = relay.new_message_id(letter.domain)
        try:
            written = relay.write(letter, message_id=message_id, now=now)
        except ValueError as error:
            raise Problem(422, "This mail cannot be written", f"{error}. Your text is kept.") from None
        raw = relay.seal(written, letter, authserv_id=settings.trusted_authserv_id, now=now)
        said = await _deliver(raw, letter, settings)
        number = store.add_mail(letter.address, "sent", raw, index_headers(raw), forged=letter.forged)
        live.tell("mail", {"mailbox": letter.address.lower()})
        return {"id": number, "message_id": message_id, "said": said}

    @routes.get("/api/mail")
    async def mailboxes() -> dict[str, Any]:
        """The sample people's mailboxes and those of others that have mail: `{items: [{address, name, unseen}]}`."""
        unseen = {row["mailbox"]: row["unseen"] for row in store.mailboxes()}
        known = [{"address": p.email, "name": p.name, "unseen": unseen.pop(p.email, 0)} for p in PEOPLE]
        return {"items": known + [{"address": a, "name": "", "unseen": n} for a, n in unseen.items()]}

    @routes.get("/api/mail/{address}")
    async def mails(
        address: str,
        folder: str = "received",
        after: int = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    ) -> dict[str, Any]:
        """One mailbox, oldest first. `folder`: received, sent or all. `after`: the last `id` that was read."""
        rows = store.mails(address, after=after, limit=limit)
        return {"items": [full_view(row) for row in rows if folder in ("all", row["folder"])]}

    @routes.get("/api/mail/{address}/list", include_in_schema=False)
    async def listing(address: str) -> dict[str, Any]:
        return {"items": [summary(row) for row in store.mails(address)][::-1]}

    @routes.get("/api/mail/{address}/{number}", include_in_schema=False)
    async def one(address: str, number: int) -> dict[str, Any]:
        row = store.mail(address, number)
        if row is None:
            raise Problem(404, "There is no such mail")
        store.mark_seen(number)
        return full_view(row)

    return routes


def _letter(outgoing: Outgoing, support_address: str) -> relay.Letter:
    person = find_person(outgoing.sender)
    letter = relay.Letter(
        sender=f"{person.name} <{person.email}>" if person else outgoing.sender,
        to=outgoing.to or support_address,
        subject=outgoing.subject,
        text=outgoing.text,
        in_reply_to=outgoing.in_reply_to,
        references=outgoing.references,
        forged=outgoing.forge,
    )
    if not letter.domain or "@" not in letter.to:
        raise Problem(
            422, "An address is not complete", "Both From and To need the form name@domain. Your text is kept."
        )
    return letter


async def _deliver(raw: bytes, letter: relay.Letter, settings: Settings) -> str:
    try:
        return await relay.deliver(raw, letter, settings.mail_server)
    except relay.MailRefusedError as refused:
        status = 422 if refused.permanent else 503
        raise Problem(status, "The mail was not sent", str(refused), code=refused.code, said=refused.said) from refused
