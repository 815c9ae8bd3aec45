"""Mails that are made here of what was told otherwise: by a provider in fields, or by us about a mailbox. Pure.

The same fields make the same bytes, so that what is told twice is one mail.
"""

from __future__ import annotations

import hashlib
import re
from base64 import encodebytes
from collections.abc import Iterable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

from onethread.gateway_email.parsing import addresses, charsets

WIRE = policy.compat32.clone(linesep="\r\n")
OF_THE_BODY = ("content-", "mime-version")
Fields = Iterable[tuple[str, str]]
TEXT_CHARACTERS, IDS = 200_000, 100
_ID = re.compile(r"[\w.-]{1,200}@[\w.-]{1,200}")
_NAME = re.compile(r"[!-9;-~]{1,100}")
_TYPE = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,60}")


@dataclass(frozen=True, slots=True)
class File:
    name: str
    type: str
    content: bytes
    id: str = ""
    """Content-ID."""


def mail(headers: Fields, text: str, html: str, files: Iterable[File]) -> bytes:
    """`headers` without those of the body are kept as they are; the body is made anew."""
    kept = [(name, value) for name, value in headers if not name.lower().startswith(OF_THE_BODY)]
    return _head(kept) + _body(text, html, list(files)).as_bytes(policy=WIRE)


def report(about: Iterable[str], recipient: str, action: str, status: str, diagnostic: str) -> bytes:
    """A report of delivery (RFC 3464) on the mail with one of these Message-IDs."""
    fields = [
        ("Final-Recipient", f"rfc822; {recipient}"),
        ("Action", action),
        ("Status", status),
        ("Diagnostic-Code", f"smtp; {diagnostic}"),
    ]
    about_it = ("message/delivery-status", b"Reporting-MTA: dns; provider\r\n\r\n" + _head(fields))
    return _told("delivery-status", "Delivery Status Notification", about_it, about)


def complaint(about: Iterable[str], recipient: str, kind: str) -> bytes:
    """That the recipient complained (RFC 5965)."""
    fields = [("Feedback-Type", kind), ("User-Agent", "provider"), ("Version", "1"), ("Original-Rcpt-To", recipient)]
    return _told("feedback-report", "Complaint", ("message/feedback-report", _head(fields)), about)


def header_of(raw: bytes) -> list[tuple[str, str]]:
    found = message_from_bytes(raw.strip(b"\r\n") + b"\r\n\r\n", policy=policy.compat32)
    return [(name, charsets.as_text(str(value))) for name, value in found.raw_items()]


def ids_in(text: str) -> list[str]:
    """What may be a Message-ID."""
    return [f"<{found}>" for found in dict.fromkeys(_ID.findall(text[:TEXT_CHARACTERS]))][:IDS]


def sender_of(headers: Fields) -> str:
    """Of the envelope, as the last server noted it; else the From, since no sender at all would mean a bounce."""
    noted = {name.lower(): value for name, value in reversed(list(headers))}
    if "return-path" in noted:
        return noted["return-path"].strip().strip("<>")
    return next(iter(addresses.several([noted.get("from", "")])), "unknown")


def _told(kind: str, subject: str, about_it: tuple[str, bytes], about: Iterable[str]) -> bytes:
    returned = _head([("References", " ".join(about))])
    boundary = f"=_{hashlib.sha256(about_it[1] + returned).hexdigest()[:32]}"
    parts = [("text/plain; charset=utf-8", about_it[1]), about_it, ("text/rfc822-headers", returned)]
    head = [
        ("From", "mailer-daemon@localhost"),
        ("Subject", subject),
        ("Auto-Submitted", "auto-replied"),
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/report; report-type={kind}; boundary="{boundary}"'),
    ]
    body = b"".join(b"\r\n--%b\r\n%b\r\n%b" % (boundary.encode(), _head([("Content-Type", t)]), c) for t, c in parts)
    return _head(head) + body + f"\r\n--{boundary}--\r\n".encode()


def _head(fields: Fields) -> bytes:
    """No value can begin another field."""
    lines = [f"{name}: {charsets.clean(value)}\r\n" for name, value in fields if _NAME.fullmatch(name)]
    return "".join(lines).encode()


def _body(text: str, html: str, files: list[File]) -> Message:
    said = [_text(words, kind) for words, kind in ((text, "plain"), (html, "html")) if words]
    said = said or [_text("", "plain")]
    words = _together("alternative", said) if len(said) > 1 else said[0]
    return _together("mixed", [words, *map(_attachment, files)]) if files else words


def _text(words: str, kind: str) -> Message:
    return MIMEText(words.encode("utf-8", "replace").decode(), kind, "utf-8")


def _attachment(file: File) -> Message:
    main, _, sub = (file.type if _TYPE.fullmatch(file.type) else "application/octet-stream").partition("/")
    part = MIMEBase(main, sub) if main not in ("multipart", "message") else MIMEBase("application", "octet-stream")
    part["Content-Transfer-Encoding"] = "base64"
    part.set_payload(encodebytes(file.content).decode())
    part.add_header("Content-Disposition", "inline" if file.id else "attachment", filename=charsets.clean(file.name))
    if file.id:
        part["Content-ID"] = f"<{charsets.clean(file.id).strip('<>')}>"
    return part


def _together(kind: str, parts: list[Message]) -> Message:
    told = hashlib.sha256(b"".join(part.as_bytes(policy=WIRE) for part in parts)).hexdigest()[:32]
    whole = MIMEMultipart(kind, boundary=f"=_{kind}_{told}")
    for part in parts:
        whole.attach(part)
    return whole
