"""A mail as a received message: pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

from onethread.contracts.messages import Audience, Identity, Place, ReceivedMessage
from onethread.gateway_email import addresses, charsets, markup, quotes
from onethread.gateway_email.authenticity import Verdict, judge
from onethread.gateway_email.capabilities import (
    ANSWERED_IDS,
    HEADER_BYTES,
    HTML_CHARACTERS,
    PARTICIPANTS,
    RECEIVED_HOPS,
    TEXT_CHARACTERS,
)
from onethread.gateway_email.desks import Desk
from onethread.gateway_email.mime import Mail
from onethread.gateway_email.tokens import token_in

INSTANCE_HEADER = "X-Onethread-Instance"
MACHINE_HEADERS = (
    "List-Id",
    "List-Unsubscribe",
    "X-Autoreply",
    "X-Autorespond",
    "X-Autoresponse",
    "X-AutoReply-From",
    "X-Mail-Autoreply",
    "X-FC-Machinegenerated",
    "X-Failed-Recipients",
)
MACHINE_PRECEDENCE = {"bulk", "list", "junk", "auto_reply"}
ID_CHARACTERS = 250


class RefusedMailError(Exception):
    """This mail will never be taken. The text is the SMTP answer that its sender reads."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What only the SMTP session knows."""

    peer: str
    sender: str
    recipients: tuple[str, ...]
    at: datetime


def is_own(mail: Mail, desk: Desk) -> bool:
    """One of our own mails has come back, by a forwarder or a loop."""
    carried = mail.header(INSTANCE_HEADER)
    return carried in desk.signer.instances() or desk.signer.is_ours(mail.header("Message-ID"))


def received(mail: Mail, arrival: Arrival, desk: Desk) -> ReceivedMessage:
    """Raises RefusedMailError where the mail names no sender, or more than one, or can't be kept whole."""
    _refuse_the_endless(mail)
    name, sender = _sender(mail, desk)
    verdict = judge(mail.headers, arrival.peer, sender, desk.edge)
    readers = [a for a in addresses.several(_named(mail)) if a != sender and token_in(a, desk.address) is None]
    thread, note = _thread(mail, arrival, desk, sender)
    rich = mail.html
    shown = markup.sanitized(rich) if rich else None
    return ReceivedMessage(
        channel=desk.channel,
        external_id=external_id(mail),
        identities=[
            Identity(kind="email", value=sender, trust=verdict.trust, evidence="; ".join((verdict.evidence, *note)))
        ],
        name=name or None,
        participants=_participants(readers, verdict),
        place=_place(mail, sender, readers, verdict),
        answers=_answered(mail),
        thread_token=thread,
        subject=mail.header("Subject")[:998] or None,
        text=_text(mail),
        html=shown if shown and len(shown) <= HTML_CHARACTERS else None,
        attachments=mail.attachments,
        automatic=is_automatic(mail, arrival.sender, sender),
        sent_at=_sent_at(mail, arrival.at),
    )


def external_id(mail: Mail) -> str:
    """Message-ID with a hash of the content: two mails may share an id. Without one, a hash of the whole mail."""
    own = _ids(mail, "Message-ID")
    if not own:
        return f"no-id:{hashlib.sha256(mail.raw).hexdigest()}"
    said = "\n".join("".join(mail.fields(name)) for name in ("From", "Date", "Subject"))
    content = said.encode() + b"\n" + mail.body
    return f"{own[0]}:{hashlib.sha256(content).hexdigest()}"


def is_automatic(mail: Mail, envelope_sender: str, sender: str) -> bool:
    """Written by a machine (RFC 3834): kept, and never answered by one."""
    return (
        envelope_sender in ("", "<>")
        or mail.header("Auto-Submitted").partition(";")[0].strip().lower() not in ("", "no")
        or mail.header("Precedence").lower() in MACHINE_PRECEDENCE
        or mail.header("X-Precedence").lower() in MACHINE_PRECEDENCE
        or any(mail.fields(name) for name in MACHINE_HEADERS)
        or mail.message.get_content_type() == "multipart/report"
        or addresses.is_machine(sender)
    )


def _refuse_the_endless(mail: Mail) -> None:
    if len(mail.raw) - len(mail.body) > HEADER_BYTES:
        raise RefusedMailError("552 5.3.4 The header of this mail is larger than 256 KB; shorten it and send it again")
    if len(mail.fields("Received")) > RECEIVED_HOPS:
        raise RefusedMailError("554 5.4.6 This mail goes in circles: it has passed more than 100 servers")


def _sender(mail: Mail, desk: Desk) -> tuple[str, str]:
    fields = mail.fields("From")
    if not fields:
        raise RefusedMailError("550 5.6.0 This mail has no From field; add the sender's address and send it again")
    found = addresses.sole(fields[0]) if len(fields) == 1 else None
    if found is None:
        raise RefusedMailError("550 5.6.0 The From field must name exactly one sender; correct it and send it again")
    if token_in(found[1], desk.address) is not None:
        raise RefusedMailError("550 5.7.1 This address takes no mail from itself; send it from your own address")
    return charsets.header(found[0])[:200], found[1]


def _thread(mail: Mail, arrival: Arrival, desk: Desk, sender: str) -> tuple[UUID | None, list[str]]:
    """The thread of the first token made for this sender: in the envelope, then To, then Cc."""
    named = [*arrival.recipients, *addresses.several(_named(mail))]
    tokens = [token for address in named if (token := token_in(address, desk.address))]
    for token in tokens:
        thread = desk.signer.thread_of(token, sender)
        if thread:
            return thread, []
    return None, ["it used a reply address that was not made for this sender"] if tokens else []


def _participants(readers: list[str], verdict: Verdict) -> list[Identity]:
    if verdict.trust != "verified":
        return []
    people = [reader for reader in readers if not addresses.is_machine(reader)][:PARTICIPANTS]
    return [Identity(kind="email", value=p, trust="asserted", evidence="named in To or Cc") for p in people]


def _place(mail: Mail, sender: str, readers: list[str], verdict: Verdict) -> Place:
    """One place for a sender and a set of readers. What is only claimed to be from a sender has a place of its own."""
    key = f"email:{sender}" if verdict.trust == "verified" else f"email:unproven:{sender}"
    if readers:
        key += f":{hashlib.sha256(','.join(sorted(readers)).encode()).hexdigest()[:16]}"
    own = _ids(mail, "Message-ID")
    reply_to = addresses.several(mail.fields("Reply-To"))
    foreign = [a for a in reply_to if addresses.domain_of(a) != addresses.domain_of(sender)]
    route = {
        "to": sender,
        "cc": readers[:PARTICIPANTS],
        "subject": mail.header("Subject")[:998],
        "message_id": own[0] if own else None,
        "references": _ids(mail, "References")[-ANSWERED_IDS:],
        "reply_to_other_domain": foreign[0] if foreign else None,
    }
    return Place(key=key, audience=_audience(readers), route=route)


def _audience(readers: list[str]) -> Audience:
    if not readers:
        return Audience(shared=False)
    others = f" and {len(readers) - 1} more" if len(readers) > 1 else ""
    return Audience(shared=True, name=f"Email with cc {readers[0]}{others}")


def _answered(mail: Mail) -> list[str]:
    ids = [*_ids(mail, "In-Reply-To"), *reversed(_ids(mail, "References"))]
    return list(dict.fromkeys(ids))[:ANSWERED_IDS]


def _ids(mail: Mail, name: str) -> list[str]:
    """Message-IDs as `<…@…>`. What has no brackets is taken by words."""
    found: list[str] = []
    for word in mail.header(name).replace("<", " <").replace(">", "> ").split():
        bare = word.strip("<>")
        if bare and len(bare) <= ID_CHARACTERS and bare.isascii():
            found.append(f"<{bare}>")
    return found


def _named(mail: Mail) -> list[str]:
    return [*mail.fields("To"), *mail.fields("Cc")]


def _text(mail: Mail) -> str:
    text = quotes.new_text(mail.text)
    if len(text) > TEXT_CHARACTERS:
        raise RefusedMailError(
            f"552 5.3.4 The text of this mail is longer than {TEXT_CHARACTERS} characters; send it as an attachment"
        )
    return text


def _sent_at(mail: Mail, arrived: datetime) -> datetime:
    """The Date field, where it can be true."""
    try:
        sent = parsedate_to_datetime(mail.header("Date"))
        sent = sent if sent.tzinfo else sent.replace(tzinfo=UTC)
        return sent.astimezone(UTC) if sent < arrived + timedelta(hours=1) else arrived
    except (ValueError, TypeError, IndexError, OverflowError):
        return arrived
