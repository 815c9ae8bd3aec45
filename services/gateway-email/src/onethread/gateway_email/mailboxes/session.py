"""One connection to an IMAP server. Blocks: each lives in a thread of its own."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# imapclient has no types.

from __future__ import annotations

import imaplib
import logging
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientError, LoginError

from onethread.gateway_email.mailboxes.mailbox import Mailbox
from onethread.runtime.fetching import NotSentError, RefusedError

NOTHINGS = 5
FOLDERS = 20
"""As many are named where another one is not there."""
CHUNK, LINE_BYTES = 256 * 1024, 64 * 1024**2
CONNECT_SECONDS, ANSWER_SECONDS = 15.0, 60.0
logging.getLogger("imapclient").setLevel(logging.WARNING)  # in its debug lines stand the passwords


class UnreadableError(Exception):
    """The mailbox cannot be read now. The text is for the administrator."""


class LoginRefusedError(UnreadableError):
    """Trying again soon would lock the account."""


class MailError(Exception):
    """The server does not give out this one mail."""


BROKEN = (imaplib.IMAP4.abort, OSError, EOFError)


@dataclass(frozen=True, slots=True)
class Folder:
    validity: int
    """UIDs mean something only as long as this stays the same."""
    next_uid: int


@dataclass(frozen=True, slots=True)
class Fetched:
    raw: bytes
    at: datetime
    size: int


class Session:
    def __init__(self, mailbox: Mailbox, token: str | None) -> None:
        """`token` takes the password's place. Raises UnreadableError."""
        self._box = mailbox
        self.folder = Folder(0, 0)
        self._nothings = 0
        try:
            self._client: Any = _Client(mailbox)
            self._log_in(token)
            said = self._selected()
            self.folder = Folder(int(said[b"UIDVALIDITY"]), int(said.get(b"UIDNEXT", 0)) or self._next_uid())
            self.has_idle = self._client.has_capability("IDLE")
        except LoginError as error:
            raise LoginRefusedError(
                "The server refuses the login. Check user and password, or sign in again."
            ) from error
        except (IMAPClientError, imaplib.IMAP4.error, KeyError) as error:
            raise UnreadableError(_of(error, f"The server does not open the folder {mailbox.folder}.")) from error
        except (RefusedError, NotSentError) as error:
            raise UnreadableError(f"The server may not or cannot be asked: {error}.") from error
        except OSError as error:
            raise UnreadableError(_why_not_reached(error, mailbox)) from error

    def uids_after(self, uid: int) -> list[int]:
        """`n:*` holds the last mail even where its UID is lower."""
        found = self._client.search(["UID", f"{uid + 1}:*"])
        return sorted(one for one in found if one > uid)

    def uids_since(self, day: date, *, unseen: bool) -> list[int]:
        return sorted(self._client.search(["SINCE", day, *(["UNSEEN"] if unseen else [])]))

    def fetch(self, uid: int, limit: int) -> Fetched | None:
        """None: it is gone. `raw` is empty where the mail is larger than `limit`. Raises MailError."""
        try:
            known: dict[bytes, Any] = self._client.fetch([uid], ["RFC822.SIZE", "INTERNALDATE"]).get(uid, {})
            if not known:
                return None
            size, at = int(known[b"RFC822.SIZE"]), known.get(b"INTERNALDATE") or datetime.now(UTC)
            raw = self._client.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"] if size <= limit else b""
        except BROKEN:
            raise
        except (IMAPClientError, imaplib.IMAP4.error, KeyError, ValueError) as error:
            raise MailError("the server does not give it out") from error
        return Fetched(raw or b"", at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC), size)

    def mark(self, uid: int) -> None:
        if self._box.after == "seen":
            self._client.add_flags([uid], [b"\\Seen"], silent=True)
        elif self._box.after == "deleted":
            self._client.delete_messages([uid], silent=True)
            if self._client.has_capability("UIDPLUS"):  # without it, all would go that anybody marked
                self._client.expunge([uid])

    def begin_idle(self) -> None:
        self._client.idle()

    def heard(self, seconds: float) -> bool:
        """Whether the folder changed meanwhile. Raises ConnectionError where the server is gone."""
        began = time.monotonic()
        news: Sequence[Any] = self._client.idle_check(seconds)
        # A connection that broke is readable, and has nothing to read; now and then TLS has something of its own.
        self._nothings = 0 if news or time.monotonic() - began >= seconds / 2 else self._nothings + 1
        if self._nothings >= NOTHINGS:
            raise ConnectionError("the connection broke")
        if any(isinstance(one, tuple) and one[0] == b"BYE" for one in news):
            raise ConnectionError("the server said goodbye")
        return any(isinstance(one, tuple) and len(one) > 1 and one[1] == b"EXISTS" for one in news)

    def end_idle(self) -> None:
        self._client.idle_done()

    def close(self) -> None:
        try:
            self._client.shutdown()
        except (imaplib.IMAP4.error, OSError):
            return

    def _log_in(self, token: str | None) -> None:
        if self._box.security == "starttls":
            self._start_tls()
        if token is None:
            self._client.login(self._box.user, self._box.password)
        else:
            self._client.oauth2_login(self._box.user, token)

    def _start_tls(self) -> None:
        try:
            self._client.starttls()
        except (IMAPClientError, imaplib.IMAP4.error) as error:
            raise UnreadableError(
                "The server offers no STARTTLS. Port 993 mostly has TLS from the beginning."
            ) from error

    def _selected(self) -> dict[bytes, Any]:
        try:
            return self._client.select_folder(self._box.folder, readonly=self._box.after == "nothing")
        except imaplib.IMAP4.abort:
            raise
        except (IMAPClientError, imaplib.IMAP4.error) as error:
            known = [str(name) for _, _, name in self._client.list_folders()][:FOLDERS]
            words = f"There is no folder {self._box.folder} that can be opened. The mailbox has: {', '.join(known)}."
            raise UnreadableError(words) from error

    def _next_uid(self) -> int:
        return max(self._client.search(["ALL"]), default=0) + 1


class _Client(IMAPClient):
    """Connects to the address that was checked, and to no other that the name may have by then."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._addresses = mailbox.guard.addresses(mailbox.host, mailbox.port)
        super().__init__(
            mailbox.host,
            mailbox.port,
            ssl=mailbox.security == "tls",
            ssl_context=ssl.create_default_context(),
            timeout=SocketTimeout(CONNECT_SECONDS, ANSWER_SECONDS),  # pyright: ignore[reportArgumentType]
        )

    def _create_IMAP4(self) -> Any:  # noqa: N802
        return _Imap(self._addresses, self.host, self.port, self.ssl_context if self.ssl else None)

    def _poll_socket(self, sock: Any, timeout: float | None = None) -> Any:
        return True if self._imap.has_more() else super()._poll_socket(sock, timeout)


class _Imap(imaplib.IMAP4):
    """Keeps what it has read itself: news that came along with something else would stay unseen in a buffered file."""

    def __init__(self, addresses: list[str], host: str, port: int, context: ssl.SSLContext | None) -> None:
        self._addresses, self._context = addresses, context
        self._came = bytearray()
        self._came_by: socket.socket | None = None
        super().__init__(host, port)

    def _create_socket(self, _timeout: float | None = None) -> socket.socket:
        failure: OSError | None = None
        for address in self._addresses:
            try:
                plain = socket.create_connection((address, self.port), CONNECT_SECONDS)
            except OSError as error:
                failure = error
                continue
            return self._context.wrap_socket(plain, server_hostname=self.host) if self._context else plain
        raise failure or OSError("the name has no address")

    def has_more(self) -> bool:
        return b"\n" in self._came or bool(isinstance(self.sock, ssl.SSLSocket) and self.sock.pending())

    def readline(self) -> bytes:
        self._begin_anew_after_starttls()
        end = seen = 0
        while not end:
            end = self._came.find(b"\n", seen) + 1
            seen = len(self._came)
            if seen > LINE_BYTES:
                raise self.error("the server's line is too long")
            if not end and not self._receive():
                end = len(self._came)
                break
        return self._take(end)

    def read(self, size: int) -> bytes:
        while len(self._came) < size and self._receive():
            pass
        return self._take(min(size, len(self._came)))

    def _begin_anew_after_starttls(self) -> None:
        """What somebody in between said before is not the server's."""
        if self.sock is not self._came_by:
            self._came.clear()
            self._came_by = self.sock

    def _receive(self) -> bool:
        chunk = self.sock.recv(CHUNK)
        self._came += chunk
        return bool(chunk)

    def _take(self, size: int) -> bytes:
        taken = bytes(self._came[:size])
        del self._came[:size]
        return taken


def _why_not_reached(error: OSError, mailbox: Mailbox) -> str:
    where = f"{mailbox.host} on port {mailbox.port}"
    match error:
        case ssl.SSLCertVerificationError():
            return f"The server's certificate is not valid: {error.verify_message.rstrip('.')}."
        case ssl.SSLError():
            return f"{where} does not speak TLS. Port 993 mostly does; 143 is for STARTTLS."
        case TimeoutError():
            return f"{where} does not answer. A firewall may be in between, or TLS be mistaken for STARTTLS."
        case ConnectionRefusedError():
            return f"Nothing listens at {where}."
        case _:
            return f"{where} cannot be reached."


def _of(error: Exception, otherwise: str) -> str:
    return "The server closed the connection." if isinstance(error, imaplib.IMAP4.abort) else otherwise
