"""A requested reply as a mail: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape
from typing import Any
from uuid import UUID

from onethread.contracts.messages import Place, Source
from onethread.contracts.replies import RequestedReply
from onethread.gateway_email import addresses, charsets, markup
from onethread.gateway_email.capabilities import ANSWERED_IDS
from onethread.gateway_email.convert import ID_CHARACTERS, INSTANCE_HEADER
from onethread.gateway_email.desks import Desk

UNTITLED = "Your conversation with us"
AS_THEY_ARE = {"message-id", "in-reply-to", "references", "reply-to", "to"}


class UndeliverableError(Exception):
    """This reply can never be sent. The text is for the teammate who wrote it."""


class _Wire(policy.EmailPolicy):
    """The standard library encodes ids longer than a line, and then no program finds its thread by them."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.lower() in AS_THEY_ARE:
            return f"{name}: {f'{self.linesep} '.join(str(value).split())}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


WIRE = _Wire(linesep="\r\n", raise_on_defect=False)


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes as a support address of ours."""

    desk: Desk

    def message_id(self, message: UUID) -> str:
        return self.desk.signer.message_id(message, addresses.domain_of(self.desk.address))

    def write(self, reply: RequestedReply, thread: UUID | None, now: datetime) -> EmailMessage:
        """Raises UndeliverableError where the place names no address that can be written to."""
        route, recipient = reply.place.route, recipient_of(reply)
        mail = EmailMessage(policy=WIRE)
        mail["From"] = Address(_one_line(reply.author.name or self.desk.name), addr_spec=self.desk.address)
        mail["To"] = recipient
        mail["Subject"] = _subject(route.get("subject") or reply.subject, is_answer=bool(_parent(route)))
        mail["Date"] = format_datetime(now)
        mail["Message-ID"] = self.message_id(reply.message_id)
        if parent := _parent(route):
            mail["In-Reply-To"] = parent
            mail["References"] = " ".join(references(route))
        if thread:
            mail["Reply-To"] = self.desk.signer.reply_address(self.desk.address, thread, recipient)
        if reply.author.kind in ("agent", "system"):
            mail["Auto-Submitted"] = "auto-replied"
            mail["X-Auto-Response-Suppress"] = "All"
        mail[INSTANCE_HEADER] = self.desk.signer.instances()[0]
        mail.set_content(_text(reply), cte="quoted-printable")
        mail.add_alternative(_html(reply), subtype="html", cte="quoted-printable")
        return mail

    def place_after(self, reply: RequestedReply) -> Place:
        """The next mail in this place answers the one that was just sent."""
        route = {
            **reply.place.route,
            "message_id": self.message_id(reply.message_id),
            "references": references(reply.place.route),
        }
        return reply.place.model_copy(update={"route": route})


def recipient_of(reply: RequestedReply) -> str:
    address = addresses.normal(str(reply.place.route.get("to") or ""))
    if address is None:
        raise UndeliverableError("The customer's mail address is not known here. Reply on another channel.")
    if not address.isascii():
        raise UndeliverableError("The customer's mail address has letters that mail can't be sent to from here yet.")
    return address


def references(route: dict[str, Any]) -> list[str]:
    """The chain up to the answered mail: the first id and the latest ones where it is long."""
    parent = _parent(route)
    known = [str(id_) for id_ in route.get("references") or []]
    chain = list(dict.fromkeys(id_ for id_ in (*known, parent) if id_ and id_ == _id(id_)))
    return chain if len(chain) <= ANSWERED_IDS else [chain[0], *chain[-(ANSWERED_IDS - 1) :]]


def _parent(route: dict[str, Any]) -> str | None:
    return _id(route.get("message_id"))


def _id(value: object) -> str | None:
    """A Message-ID that may stand in a header."""
    id_ = str(value or "")
    is_id = id_.isascii() and id_.isprintable() and " " not in id_ and len(id_) <= ID_CHARACTERS + 2
    return id_ if id_ and is_id else None


def _subject(subject: str | None, *, is_answer: bool) -> str:
    said = _one_line(subject or "") or UNTITLED
    return said if not is_answer or said.lower().startswith("re:") else f"Re: {said}"


def _one_line(value: str) -> str:
    return " ".join(charsets.clean(value).split())


def _text(reply: RequestedReply) -> str:
    lines = [f"- {_one_line(s.title)}{f': {url}' if (url := _link(s)) else ''}" for s in reply.sources]
    return "\n\n".join(filter(None, [reply.text.strip(), "\n".join(["Sources:", *lines]) if lines else ""])) + "\n"


def _html(reply: RequestedReply) -> str:
    shown = markup.sanitized(reply.html) or markup.of_text(reply.text)
    return shown + _source_list(reply.sources)


def _source_list(sources: Sequence[Source]) -> str:
    if not sources:
        return "\n"
    items = "".join(f"<li>{_source(source)}</li>" for source in sources)
    return f"\n<p>Sources:</p>\n<ul>{items}</ul>\n"


def _source(source: Source) -> str:
    title, url = escape(_one_line(source.title)), _link(source)
    return f'<a href="{escape(url)}">{title}</a>' if url else title


def _link(source: Source) -> str | None:
    """An address that a reader can follow from anywhere."""
    url = _one_line(source.url or "").replace(" ", "%20")
    return url if url.startswith(("https://", "http://")) else None
