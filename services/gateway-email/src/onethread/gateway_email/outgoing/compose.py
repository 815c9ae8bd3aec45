"""A requested reply as a mail: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage, Message
from email.utils import format_datetime
from typing import Any
from uuid import UUID

from onethread.contracts.mail import SaidBefore
from onethread.contracts.mail_places import READERS
from onethread.contracts.messages import Place
from onethread.contracts.replies import RequestedReply
from onethread.gateway_email.capabilities import ANSWERED_IDS
from onethread.gateway_email.convert import ID_CHARACTERS, INSTANCE_HEADER
from onethread.gateway_email.desks import Desk, desk_address
from onethread.gateway_email.outgoing import body
from onethread.gateway_email.parsing import addresses

UNTITLED = "Your conversation with us"
AS_THEY_ARE = {"message-id", "in-reply-to", "references", "reply-to", "to", "cc", "list-unsubscribe"}
OF_A_FILE = {"content-type", "content-disposition"}
"""As `files.py` writes them: the standard library would make one of the two forms of a name out of both."""


class UndeliverableError(Exception):
    """This reply can never be sent. The text is for the teammate who wrote it."""


class _Wire(policy.EmailPolicy):
    """The standard library encodes ids longer than a line, and then no program finds its thread by them."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.lower() in AS_THEY_ARE:
            return f"{name}: {f'{self.linesep} '.join(str(value).split())}{self.linesep}".encode("ascii")
        if name.lower() in OF_A_FILE and not hasattr(value, "fold"):
            return f"{name}: {value}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


WIRE = _Wire(linesep="\r\n", raise_on_defect=False)


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes as a support address of ours."""

    desk: Desk

    def message_id(self, message: UUID) -> str:
        return self.desk.signer.message_id(message, addresses.domain_of(self.desk.address))

    def write(
        self,
        reply: RequestedReply,
        thread: UUID | None,
        now: datetime,
        before: SaidBefore | None = None,
        files: Sequence[Message] = (),
    ) -> EmailMessage:
        """`files`: as parts of a mail. Raises UndeliverableError where the place names no address that can be written
        to.
        """
        route, recipient = reply.place.route, recipient_of(reply)
        mail = EmailMessage(policy=WIRE)
        mail["From"] = Address(body.sender_name(reply, self.desk), addr_spec=self.desk.address)
        mail["To"] = recipient
        if copies := self.copies_of(reply):
            mail["Cc"] = ", ".join(copies)
        mail["Subject"] = _subject(route.get("subject") or reply.subject, is_answer=bool(_parent(route)))
        mail["Date"] = format_datetime(now)
        mail["Message-ID"] = self.message_id(reply.message_id)
        if parent := _parent(route):
            mail["In-Reply-To"] = parent
        # Some relays put an id of their own over ours. Answers repeat this one, and the thread is found by it.
        mail["References"] = " ".join([*references(route), mail["Message-ID"]])
        if thread:
            mail["Reply-To"] = self.desk.reply_address(thread, recipient)
        if reply.author.kind in ("agent", "system"):
            mail["Auto-Submitted"] = "auto-generated" if reply.unsubscribe else "auto-replied"
            mail["X-Auto-Response-Suppress"] = "All"
        if url := reply.unsubscribe:
            mail["List-Unsubscribe"] = f"<{url}>"
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        mail[INSTANCE_HEADER] = self.desk.signer.instances()[0]
        mail.set_content(body.text(reply, self.desk, before), cte="quoted-printable")
        mail.add_alternative(body.html(reply, self.desk, before), subtype="html", cte="quoted-printable")
        if files:
            mail.make_mixed()
        for file in files:
            Message.attach(mail, file)
        return mail

    def copies_of(self, reply: RequestedReply) -> list[str]:
        """Who gets it, too. Never an address of ours, which would answer itself."""
        wanted = addresses.several(reply.cc)
        not_theirs = {recipient_of(reply), self.desk.address}
        return [one for one in wanted if one.isascii() and desk_address(one) not in not_theirs][:READERS]

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
    """The chain up to the answered mail: where it is long, the first id and the latest, with room for our own."""
    parent = _parent(route)
    known = [str(id_) for id_ in route.get("references") or []]
    chain = list(dict.fromkeys(id_ for id_ in (*known, parent) if id_ and id_ == _id(id_)))
    return chain if len(chain) < ANSWERED_IDS else [chain[0], *chain[-(ANSWERED_IDS - 2) :]]


def _parent(route: dict[str, Any]) -> str | None:
    return _id(route.get("message_id"))


def _id(value: object) -> str | None:
    """A Message-ID that may stand in a header."""
    id_ = str(value or "")
    is_id = id_.isascii() and id_.isprintable() and " " not in id_ and len(id_) <= ID_CHARACTERS + 2
    return id_ if id_ and is_id else None


def _subject(subject: str | None, *, is_answer: bool) -> str:
    said = body.one_line(subject or "") or UNTITLED
    return said if not is_answer or said.lower().startswith("re:") else f"Re: {said}"
