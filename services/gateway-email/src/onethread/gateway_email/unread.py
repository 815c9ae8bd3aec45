"""The message that stands for a mail which could not be read, or was refused where nobody hears a refusal: pure.

It is made of a few plain looks at the head of the mail. What reads mails has just failed on this one.
"""

from __future__ import annotations

import hashlib
import re
from uuid import UUID

from onethread.contracts import ids
from onethread.contracts.messages import Audience, Identity, Place, ReceivedMessage
from onethread.gateway_email.convert import Arrival
from onethread.gateway_email.desks import Desk

HEAD_BYTES = 64 * 1024
FIELD_BYTES = 1000
TEXT = "This mail could not be read. Nothing of it is lost: save it with “Original mail” and open it in a mail program."
REFUSED = "This mail could not be taken in: {why}. Nothing of it is lost: it is kept as it came under “Original mail”."
READ_SINCE = "This mail could not be read when it came. It has been read since, and is a message of its own."
EVIDENCE = "the mail could not be read, so nobody checked who sent it"
NOBODY = "unknown-{mail}@sender.invalid"
"""A name of its own for each: mails of unknown senders have nothing to do with one another. None can be written to."""
_FIELD = re.compile(rb"^(from|subject):[ \t]*([^\r\n]{0,%d})" % FIELD_BYTES, re.IGNORECASE | re.MULTILINE)
_ADDRESS = re.compile(r"[a-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}")
_PLAIN = re.compile(r"[ -~]{1,200}")


def stand_in(raw: bytes, arrival: Arrival, desk: Desk, refusal: str = "") -> ReceivedMessage:
    """`refusal`: why it was not taken in; without, it could not be read. A person is asked, and no machine answers."""
    digest = hashlib.sha256(raw).hexdigest()
    sender = _sender(raw, arrival)
    return ReceivedMessage(
        channel=desk.channel,
        external_id=_external_id(raw),
        identities=[
            Identity(kind="email", value=sender or NOBODY.format(mail=digest[:12]), trust="asserted", evidence=EVIDENCE)
        ],
        place=Place(
            key=f"email:unread:{digest[:32]}", audience=Audience(shared=False), route={"to": sender} if sender else {}
        ),
        subject=_subject(raw),
        verdict="asserted",
        text=REFUSED.format(why=refusal.rstrip(".")) if refusal else TEXT,
        sent_at=arrival.at,
    )


def message_id(raw: bytes, desk: Desk) -> UUID:
    """Of the message that stands for the mail, if one does."""
    return ids.received_id(desk.workspace, desk.id, _external_id(raw))


def _external_id(raw: bytes) -> str:
    return f"unread:{hashlib.sha256(raw).hexdigest()}"


def _sender(raw: bytes, arrival: Arrival) -> str | None:
    """The address of the only From field, or of the envelope."""
    fields = [value.decode("ascii", "replace").lower() for name, value in _fields(raw) if name == b"from"]
    named = _ADDRESS.findall(fields[0]) if len(fields) == 1 else []
    if len(named) == 1:
        return named[0]
    sender = arrival.sender.lower()
    return sender if _ADDRESS.fullmatch(sender) else None


def _subject(raw: bytes) -> str | None:
    """Only as it stands: to decode it may be what failed."""
    found = next((value.decode("ascii", "replace").strip() for name, value in _fields(raw) if name == b"subject"), "")
    return found if _PLAIN.fullmatch(found) and "=?" not in found else None


def _fields(raw: bytes) -> list[tuple[bytes, bytes]]:
    head = re.split(rb"\r?\n\r?\n", raw[:HEAD_BYTES], maxsplit=1)[0]
    return [(name.lower(), value) for name, value in _FIELD.findall(head)]
