"""The customers' mailbox: an SMTP server in our own event loop, and mails made readable."""

from __future__ import annotations

import asyncio
import logging
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from typing import TYPE_CHECKING, Any

from aiosmtpd.smtp import SMTP

if TYPE_CHECKING:
    import sqlite3
    from email.message import EmailMessage, Message

    from aiosmtpd.smtp import Envelope, Session

    from onethread.playground.live import Live
    from onethread.playground.store import Store

SIZE_LIMIT = 35 * 1024 * 1024
HEADERS_SHOWN = (
    "From",
    "To",
    "Cc",
    "Reply-To",
    "Subject",
    "Date",
    "Return-Path",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
)

# aiosmtpd logs every peer and command at INFO, addresses included.
logging.getLogger("mail.log").setLevel(logging.WARNING)


class Sink:
    """aiosmtpd's handler: everything is kept, save what our own domain or two test addresses make refuse."""

    def __init__(self, store: Store, live: Live, own_domain: str) -> None:
        self._store = store
        self._live = live
        self._own_domain = own_domain.lower()

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        local, _, domain = address.lower().rpartition("@")
        if domain == self._own_domain:
            return "550 5.1.1 This mailbox is for customers; the support address does not live here"
        if local == "nobody":
            return "550 5.1.1 No such person"
        if local == "busy":
            return "451 4.3.2 The mailbox is busy, try again later"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        raw = envelope.content or b""
        raw = raw if isinstance(raw, bytes) else raw.encode()
        raw = f"Return-Path: <{envelope.mail_from or ''}>\r\n".encode() + raw  # as whoever delivers a mail at last does
        for mailbox in envelope.rcpt_tos:
            self._store.add_mail(mailbox, "received", raw, index_headers(raw))
            self._live.tell("mail", {"mailbox": mailbox.lower()})
        return "250 OK kept"


class MailServer:
    """Listens from `start` to `stop`; `port` is the one that was bound (ask for 0 to get any)."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._sessions: set[SMTP] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        self._server = await asyncio.get_running_loop().create_server(self._session, host, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for session in self._sessions:
            if session.transport:
                session.transport.close()

    def _session(self) -> SMTP:
        self._sessions = {s for s in self._sessions if s.transport and not s.transport.is_closing()}
        session = SMTP(self._sink, hostname="playground.localhost", data_size_limit=SIZE_LIMIT, enable_SMTPUTF8=True)
        self._sessions.add(session)
        return session


def index_headers(raw: bytes) -> dict[str, str]:
    """The few headers by which the mailbox lists a mail; empty text where one is missing or damaged."""
    found = _headers(raw)
    names = {"message_id": "Message-ID", "sender": "From", "recipient": "To", "subject": "Subject"}
    return {key: _header(found, name) for key, name in names.items()}


def summary(row: sqlite3.Row) -> dict[str, Any]:
    keys = ("id", "mailbox", "folder", "message_id", "sender", "recipient", "subject", "at")
    return {**{key: row[key] for key in keys}, "forged": bool(row["forged"]), "seen": bool(row["seen"])}


def full_view(row: sqlite3.Row) -> dict[str, Any]:
    """A mail as a reading person and a test need it: `headers` by name, `raw_headers` as they came, `text`, `html`."""
    raw: bytes = row["raw"]
    message = message_from_bytes(raw, policy=policy.default)
    headers = _headers(raw)
    found = {name: _header(headers, name) for name in HEADERS_SHOWN}
    return {
        **summary(row),
        "headers": {name: value for name, value in found.items() if value},
        "raw_headers": raw.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("utf-8", "replace"),
        "text": _part(message, "plain"),
        "html": _part(message, "html"),
    }


def _header(headers: Message, name: str) -> str:
    """One line, encoded words decoded; as it came where it is damaged."""
    value = " ".join(str(headers.get(name, "")).split())
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (ValueError, LookupError):
        return value


def _headers(raw: bytes) -> Message:
    # The modern policy parses each address: fifteen times the work, and it raises on damage.
    return BytesHeaderParser(policy=policy.compat32).parsebytes(raw)


def _part(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    if part is None:
        return ""
    try:
        return part.get_content()
    except (LookupError, ValueError):
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
