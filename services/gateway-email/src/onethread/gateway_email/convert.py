"""A mail as a received message: pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

from onethread.contracts.mail_places import READERS, audience, place_key
from onethread.contracts.messages import Attachment, ForwardedMail, Identity, Machine, Place, ReceivedMessage
from onethread.gateway_email.capabilities import (
    ANSWERED_IDS,
    HEADER_BYTES,
    HTML_CHARACTERS,
    RECEIVED_HOPS,
    TEXT_CHARACTERS,
)
from onethread.gateway_email.desks import Desk
from onethread.gateway_email.parsing import addresses, charsets
from onethread.gateway_email.parsing.mime import Mail
from onethread.gateway_email.quoting import forwards, quotes
from onethread.gateway_email.quoting.forwards import Forward
from onethread.gateway_email.reports import machines
from onethread.gateway_email.sender import checks, deceptions
from onethread.gateway_email.sender.authenticity import Verdict, judge
from onethread.gateway_email.sender.checks import Findings
from onethread.gateway_email.showing import shown
from onethread.gateway_email.tokens import token_in

INSTANCE_HEADER = "X-Onethread-Instance"
ID_CHARACTERS = 250
FORGED = ":forged"
"""Its id is another than that of the mail it copies, which would else be taken for a mail that is here already."""
DELIVERED_TO = ("Delivered-To", "X-Original-To", "X-Forwarded-To")
MADE_FOR_A_READER = "It came to a reply address that was made for somebody else who reads this mail."
MADE_FOR_ANOTHER = "It came to a reply address that was made for somebody else, so it was not put where that leads."
GUESSED_ID = "It names a Message-ID that has the form of ours and that we never sent."
IN_BCC = "Our address is neither in To nor in Cc: it was a blind copy, or it was redirected to us."


class RefusedMailError(Exception):
    """This mail will never be taken. The text is the SMTP answer that its sender reads."""


@dataclass(frozen=True)
class Arrival:
    """What only the SMTP session knows."""

    peer: str
    sender: str
    recipients: tuple[str, ...]
    at: datetime
    authserv_id: str = ""
    """Whose `Authentication-Results` are believed, where something other than a relay of ours brought it."""
    greeting: str = ""
    """What the server that brought it says it is called."""
    found: Findings | None = None
    """What we found out about its sender ourselves."""


def is_own(mail: Mail, desk: Desk) -> bool:
    """One of our own mails has come back, by a forwarder or a loop."""
    carried = mail.header(INSTANCE_HEADER)
    return (carried and carried in desk.signer.instances()) or desk.signer.is_ours(mail.header("Message-ID"))


def bounced(arrival: Arrival, desk: Desk) -> UUID | None:
    """The message of ours to whose sender in the envelope it was sent: reports go there, and automatic replies."""
    tokens = (token_in(address, desk.address) for address in arrival.recipients)
    return next((message for token in tokens if token and (message := desk.signer.bounced(token))), None)


def received(mail: Mail, arrival: Arrival, desk: Desk, ours: Collection[str] = ()) -> ReceivedMessage:
    """Raises RefusedMailError where the mail names no sender, or more than one, or can't be kept whole.

    `ours` are the addresses of the workspace: none of them is a reader.
    """
    _refuse_the_endless(mail)
    name, sender = _sender(mail, desk)
    verdict = _verdict(mail, arrival, sender, desk)
    ours = {desk.address, *ours}
    named = addresses.several(_named(mail))
    readers = [
        a for a in named if a != sender and not desk.is_at(a) and not any(token_in(a, own) is not None for own in ours)
    ]
    machine = machine_of(mail, arrival.sender, sender)
    thread, remarks = _thread(mail, arrival, desk, sender, others=[] if machine else readers)
    answers = _answered(mail, arrival, desk)
    inside = forwards.forward(mail.text, mail.header("Subject") or None)
    passes_on = forwards.is_sure(inside, mail.header("Subject"))
    rich = shown.shown(mail, passes_on=passes_on)
    return ReceivedMessage(
        channel=desk.channel,
        external_id=external_id(mail) + (FORGED if verdict.word == "forged" else ""),
        identities=[Identity(kind="email", value=sender, trust=verdict.trust, evidence=verdict.evidence)],
        name=name or None,
        participants=_participants(readers, verdict),
        place=_place(mail, sender, readers, verdict),
        answers=answers,
        thread_token=thread,
        outside_ids=message_ids(mail, "Message-ID")[:1],
        remarks=[*remarks, *_of_ids(answers, desk), *_of_recipients(named, desk, ours)],
        subject=mail.header("Subject")[:998] or None,
        text=_text(mail, passes_on=passes_on),
        html=rich if rich and len(rich) <= HTML_CHARACTERS else None,
        attachments=_attachments(mail),
        forward=_forward(mail, inside, {sender, *ours}),
        verdict=verdict.word,
        warnings=deceptions.warnings(name, sender, addresses.several(mail.fields("Reply-To"))),
        automatic=machine is not None,
        machine=machine,
        acknowledge=desk.receipt
        and not (machine or thread or any(map(desk.signer.is_ours, answers)))
        and verdict.trust == "verified"
        and _may_acknowledge(mail, named, sender, desk),
        sent_at=_sent_at(mail, arrival.at),
    )


def external_id(mail: Mail) -> str:
    """Message-ID with a hash of the content: two mails may share an id. Without one, a hash of the whole mail."""
    own = message_ids(mail, "Message-ID")
    if not own:
        return f"no-id:{hashlib.sha256(mail.raw).hexdigest()}"
    said = "\n".join("".join(mail.fields(name)) for name in ("From", "Date", "Subject"))
    content = said.encode() + b"\n" + mail.body
    return f"{own[0]}:{hashlib.sha256(content).hexdigest()}"


def machine_of(mail: Mail, envelope_sender: str, sender: str) -> Machine | None:
    """What machine wrote it (RFC 3834): it is kept, and never answered by one."""
    kind = machines.kind_of(mail, envelope_sender)
    if kind in ("message", "own"):
        return "notice" if kind == "own" or addresses.is_machine(sender) else None
    return kind


def refuse_a_large_header(raw: bytes) -> None:
    """Before anything reads it: fields are slow to read, and no mail that people write has so many."""
    if raw.find(b"\n\r\n", 0, HEADER_BYTES) < 0 and raw.find(b"\n\n", 0, HEADER_BYTES) < 0 and len(raw) > HEADER_BYTES:
        raise RefusedMailError("552 5.3.4 The header of this mail is larger than 256 KB; shorten it and send it again")


def _refuse_the_endless(mail: Mail) -> None:
    refuse_a_large_header(mail.raw)
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


def _may_acknowledge(mail: Mail, named: list[str], sender: str, desk: Desk) -> bool:
    """Only to whoever wrote to this very address, and does not forbid it (RFC 3834, and Exchange's way)."""
    forbidden = {word.strip() for word in mail.header("X-Auto-Response-Suppress").lower().split(",")}
    is_to_us = any(token_in(address, desk.address) is not None for address in named)
    return is_to_us and sender.isascii() and not forbidden & {"all", "autoreply"}


def _verdict(mail: Mail, arrival: Arrival, sender: str, desk: Desk) -> Verdict:
    """The word of a relay that we believe; else our own."""
    if arrival.found is None or arrival.authserv_id or desk.edge.believes(arrival.peer):
        told = judge(mail.headers, arrival.peer, sender, desk.edge, arrival.authserv_id)
        return checks.weighed(told, addresses.domain_of(sender), mail, desk.is_at, arrival.at)
    return checks.judge(arrival.found, mail, desk.is_at, arrival.at)


def _thread(mail: Mail, arrival: Arrival, desk: Desk, sender: str, others: list[str]) -> tuple[UUID | None, list[str]]:
    """The thread of the first token made for this sender: in the envelope, then where a relay that we believe says that
    it was delivered, then in To and Cc.

    Else of one made for another who reads this mail: whoever answers all answers at the token of another. It says
    where the mail belongs, and who may go there is decided where the thread is known.
    """
    named = [*arrival.recipients, *_delivered_to(mail, arrival, desk), *addresses.several(_named(mail))]
    tokens = [t for address in named if (t := token_in(address, desk.address)) and not desk.signer.bounced(t)]
    for person in (sender, *others):
        for token in tokens:
            if thread := desk.signer.thread_of(token, person):
                return thread, [] if person == sender else [MADE_FOR_A_READER]
    return None, [MADE_FOR_ANOTHER] if tokens else []


def _delivered_to(mail: Mail, arrival: Arrival, desk: Desk) -> list[str]:
    believed = desk.edge.believes(arrival.peer)
    return addresses.several([field for name in DELIVERED_TO for field in mail.fields(name)]) if believed else []


def _of_ids(answers: list[str], desk: Desk) -> list[str]:
    """An id that has the form of ours and not the tag that only we can make was guessed."""
    guessed = [id_ for id_ in answers if desk.signer.looks_like_ours(id_) and not desk.signer.is_ours(id_)]
    return [GUESSED_ID] if guessed else []


def _of_recipients(named: list[str], desk: Desk, ours: Collection[str]) -> list[str]:
    also = sorted({own for own in ours for a in named if own != desk.address and token_in(a, own) is not None})
    if also:
        return [f"It was sent to {' and '.join(also)}, too."]
    return [] if any(desk.is_at(address) for address in named) else [IN_BCC]


def _participants(readers: list[str], verdict: Verdict) -> list[Identity]:
    if verdict.trust != "verified":
        return []
    return [Identity(kind="email", value=p, trust="asserted", evidence="named in To or Cc") for p in _people(readers)]


def _people(readers: list[str]) -> list[str]:
    return [reader for reader in readers if not addresses.is_machine(reader)][:READERS]


def _place(mail: Mail, sender: str, readers: list[str], verdict: Verdict) -> Place:
    """One place for a sender and a set of readers. What is only claimed to be from a sender has a place of its own."""
    own = message_ids(mail, "Message-ID")
    reply_to = addresses.several(mail.fields("Reply-To"))
    foreign = [a for a in reply_to if addresses.domain_of(a) != addresses.domain_of(sender)]
    route = {
        "to": sender,
        "cc": _people(readers),
        "subject": mail.header("Subject")[:998],
        "message_id": own[0] if own else None,
        "references": message_ids(mail, "References")[-ANSWERED_IDS:],
        "reply_to_other_domain": foreign[0] if foreign else None,
    }
    key = place_key(sender, readers, proven=verdict.trust == "verified")
    return Place(key=key, audience=audience(readers), route=route)


def _answered(mail: Mail, arrival: Arrival, desk: Desk) -> list[str]:
    message = bounced(arrival, desk)
    ours = [desk.signer.message_id(message, addresses.domain_of(desk.address))] if message else []
    ids = [*ours, *message_ids(mail, "In-Reply-To"), *reversed(message_ids(mail, "References"))]
    return list(dict.fromkeys(ids))[:ANSWERED_IDS]


def message_ids(mail: Mail, name: str) -> list[str]:
    """Message-IDs as `<…@…>`. What has no brackets is taken by words."""
    found: list[str] = []
    for word in mail.header(name).replace("<", " <").replace(">", "> ").split():
        bare = word.strip("<>")
        if bare and len(bare) <= ID_CHARACTERS and bare.isascii():
            found.append(f"<{bare}>")
    return found


def _named(mail: Mail) -> list[str]:
    return [*mail.fields("To"), *mail.fields("Cc")]


def _text(mail: Mail, *, passes_on: bool) -> str:
    """What is forwarded is what its sender wants us to read."""
    is_whole = passes_on and len(mail.text) <= TEXT_CHARACTERS
    text = mail.text if is_whole else quotes.new_text(mail.text, mail.source)
    if len(text) > TEXT_CHARACTERS:
        raise RefusedMailError(
            f"552 5.3.4 The text of this mail is longer than {TEXT_CHARACTERS} characters; send it as an attachment"
        )
    return text


def _forward(mail: Mail, in_text: Forward | None, not_theirs: Collection[str]) -> ForwardedMail | None:
    """The mail inside, where somebody else wrote it whom we may write to."""
    has_own = mail.has_words or not mail.attached
    inside = (_in_the_text(in_text) if in_text and has_own else None) or _attached(mail)
    if not inside or not inside.sender or inside.sender in not_theirs or addresses.is_machine(inside.sender):
        return None
    return inside


def _in_the_text(inside: Forward) -> ForwardedMail:
    return ForwardedMail(
        sender=addresses.normal((inside.from_ and inside.from_.address) or "") or "",
        name=((inside.from_ and inside.from_.name) or "")[:200] or None,
        subject=(inside.subject or "")[:998] or None,
        text=(quotes.new_text(inside.body) or inside.body)[:TEXT_CHARACTERS],
        note=(inside.message or "")[:TEXT_CHARACTERS],
    )


def _attached(mail: Mail) -> ForwardedMail | None:
    """One mail, passed on as a file. In an answer it is a piece of evidence, like any other file."""
    titled = forwards.is_titled(mail.header("Subject"))
    is_passed_on = titled if titled is not None else not mail.fields("In-Reply-To")
    if len(mail.attached) != 1 or not is_passed_on or mail.message.get_content_type() == "multipart/report":
        return None
    [inside] = mail.attached
    senders = inside.fields("From")
    found = addresses.sole(senders[0]) if len(senders) == 1 else None
    return ForwardedMail(
        sender=found[1] if found else "",
        name=charsets.header(found[0])[:200] or None if found else None,
        subject=inside.header("Subject")[:998] or None,
        text=(quotes.new_text(inside.text, inside.source) or inside.text)[:TEXT_CHARACTERS],
        note=quotes.new_text(mail.text, mail.source)[:TEXT_CHARACTERS] if mail.has_words else "",
    )


def _attachments(mail: Mail) -> list[Attachment]:
    shown = mail.inline
    return [
        Attachment(name=a.name, type=a.type, size=a.size, sha256=a.sha256, inline=a in shown) for a in mail.attachments
    ]


def _sent_at(mail: Mail, arrived: datetime) -> datetime:
    """The Date field, where it can be true."""
    try:
        sent = parsedate_to_datetime(mail.header("Date"))
        sent = sent if sent.tzinfo else sent.replace(tzinfo=UTC)
        return sent.astimezone(UTC) if sent < arrived + timedelta(hours=1) else arrived
    except (ValueError, TypeError, IndexError, OverflowError):
        return arrived
