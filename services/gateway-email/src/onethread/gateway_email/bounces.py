"""What other mail servers report of our mails (RFC 3464, and those that write it their own way): pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Literal

from onethread.gateway_email import charsets
from onethread.gateway_email.mime import Mail

State = Literal["failed", "retrying", "delivered"]
REPORTERS = ("mailer-daemon@", "postmaster@")
ACTIONS: dict[str, State] = {"failed": "failed", "delayed": "retrying", "delivered": "delivered"}
TEXT_BYTES = 200_000
"""In so much of a part ids are looked for: what is returned may be large."""
IDS = 50
MAILBOX = {
    "1.1": "The mailbox does not exist",
    "1.2": "The domain of the address takes no mail",
    "1.3": "The address is not valid",
    "1.6": "The mailbox has moved",
    "1.10": "The domain of the address takes no mail",
    "2.1": "The mailbox takes no mail at present",
    "2.2": "The mailbox is full",
    "2.3": "The mail is too large for the mailbox",
    "3.4": "The mail is too large for the receiving server",
    "4.1": "The receiving server did not answer",
    "4.4": "No server takes mail for the address",
    "4.6": "The mail went in circles",
    "4.7": "It could not be delivered in time",
    "7.1": "The receiving server refuses mail from here",
}
SUBJECTS = {
    "1": "The address was refused",
    "2": "The mailbox did not take it",
    "3": "The receiving server could not take it",
    "4": "The receiving server could not be reached",
    "5": "The receiving server did not understand it",
    "6": "The receiving server does not take such content",
    "7": "The receiving server refused it by its rules",
}
WITH_IDS = ("message-id", "in-reply-to", "references")
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_ID = re.compile(r"<([^<>\s@]{1,200}@[^<>\s@]{1,200})>")


@dataclass(frozen=True, slots=True)
class Bounce:
    state: State
    status: str
    """Enhanced status (RFC 3463), `5.1.1`; empty where none is stated."""
    carried: tuple[str, ...]
    """Message-IDs that stand in it: that of the mail it is about is among them."""

    @property
    def reason(self) -> str:
        """In words for the teammate whose reply it was."""
        _, _, detail = self.status.partition(".")
        words = MAILBOX.get(detail) or SUBJECTS.get(detail.partition(".")[0]) or "The receiving server sent it back"
        return f"{words} ({self.status})" if self.status else words


def read(mail: Mail, sender: str) -> Bounce | None:
    """None: it is no report. `sender` is that of the envelope. Whether it is about a mail of ours only its ids tell."""
    fields = list(_recipients(mail))
    reporter = mail.header("From").lower().rpartition("<")[2].lstrip()
    is_notice = reporter.startswith(REPORTERS) or bool(mail.fields("X-Failed-Recipients"))
    if not fields and not (is_notice and sender in ("", "<>")):
        return None
    failed = [one for one in fields if _action(one) == "failed"]
    about = (failed or fields or [Message()])[0]
    state = ACTIONS.get(_action(about)) if fields else "failed"
    return Bounce(state, _status(mail, about), tuple(_carried(mail))) if state else None


def _recipients(mail: Mail) -> Iterator[Message]:
    """The fields about each recipient of a `message/delivery-status`."""
    for part in mail.message.walk():
        blocks = part.get_payload()
        if part.get_content_type() == "message/delivery-status" and isinstance(blocks, list):
            yield from (one for one in blocks if isinstance(one, Message) and one.get("Action"))


def _action(fields: Message) -> str:
    return str(fields.get("Action", "")).strip().lower()


def _status(mail: Mail, fields: Message) -> str:
    """The most exact one: servers write 5.0.0 and say what they mean in the diagnosis, or only in their words."""
    stated = [str(fields.get(name, "")) for name in ("Diagnostic-Code", "Status")]
    said = "" if any(_STATUS.search(one) for one in stated) else mail.text[:TEXT_BYTES]
    found = [match[0] for one in (*stated, said) for match in _STATUS.finditer(one)]
    return next((one for one in found if not one.endswith(".0.0")), found[0] if found else "")


def _carried(mail: Mail) -> Iterator[str]:
    ids = [id_ for part in mail.message.walk() for id_ in _ID.findall(_text(part))]
    yield from list(dict.fromkeys(ids))[:IDS]


def _text(part: Message) -> str:
    """The header of a part (a mail that is returned has its own), and what it says."""
    header = "\n".join(f"{name}: {value}" for name, value in part.raw_items() if name.lower().endswith(WITH_IDS))
    payload = part.get_payload(decode=True) if part.get_content_maintype() in ("text", "message") else None
    said = charsets.decode(payload[:TEXT_BYTES], part.get_content_charset()) if isinstance(payload, bytes) else ""
    return f"{header}\n{said}"
