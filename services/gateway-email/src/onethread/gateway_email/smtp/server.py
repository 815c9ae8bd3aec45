"""The mail server: SMTP for the world, LMTP for a mail server of ours. `inbound.py` has what it answers about mails."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from ipaddress import IPv4Address, IPv6Address
from typing import Any, AnyStr

from aiosmtpd.lmtp import LMTP
from aiosmtpd.proxy_protocol import ProxyData
from aiosmtpd.smtp import SMTP, Envelope
from prometheus_client import Counter, Gauge

from onethread.gateway_email.smtp.certificate import Certificate
from onethread.gateway_email.smtp.peers import TOO_MANY_WRONG, Network, Peers, is_among

DRAIN_SECONDS = 8.0
COMMAND_SECONDS = 300.0
"""RFC 5321, 4.5.3.2.7."""
DATA_SECONDS = 600.0
PROXY_SECONDS = 5.0
PIECE = 64 * 1024
MAILS_IN_MEMORY = 12
"""Of the largest kind, over all connections. Smaller ones are many more."""
RECIPIENTS = 100
WRONG_AT_FULL_SPEED, WRONG_RECIPIENTS, WRONG_SECONDS = 3, 20, 1.0
REPEATED = {"NOOP": 100, "VRFY": 10, "HELP": 10, "HELO": 20, "EHLO": 20, "LHLO": 20, "STARTTLS": 3, "*": 1_000_000}
"""How often a command that brings no mail may come in a connection."""
END = b"\r\n.\r\n"
SENDER_TAKEN, RECIPIENT_TAKEN = "250 2.1.0 OK", "250 2.1.5 OK"
_PLAIN = re.compile(r"<([\w.+=-]+@[\w.-]+)>((?: [\w=.-]+)*)", re.ASCII)
"""As nearly every address comes, and the parameters behind it."""

CLOSING = "421 4.3.2 Closing for a restart; try again in a moment"
TOO_SLOW = "421 4.4.2 Nothing came for too long; connect and send again"
TOO_LARGE = "552 5.3.4 The mail is larger than {} bytes; send less with it, or a link"
TOO_BUSY = "452 4.3.1 Too many large mails at once; nothing is lost, try again in a moment"
NO_PROXY = "554 5.7.1 PROXY is not taken from this address"

CONNECTIONS = Counter("onethread_email_connections_total", "Connections of mail servers", ["protocol", "outcome"])
SECURED = Counter("onethread_email_secured_total", "Connections that went over to TLS", ["version"])
OPEN = Gauge("onethread_email_connections_open", "Connections of mail servers that are open")
SERVERS = Gauge("onethread_email_servers_connected", "Different mail servers that are connected")


@dataclass(frozen=True, slots=True)
class Front:
    """What every connection is held to."""

    hostname: str
    mail_bytes: int
    peers: Peers
    proxies: tuple[Network, ...] = ()
    """The balancers that say by the PROXY protocol whom they speak for. They must; nobody else may."""
    certificate: Certificate | None = None


class MailServer:
    """Listens from `start` to `stop`; `port` and `lmtp_port` are those that were bound."""

    def __init__(self, handler: Any, front: Front) -> None:
        self._handler, self.front = handler, front
        self._sessions: set[MailSession] = set()
        self._servers: list[asyncio.Server] = []
        self.draining = False
        self.port = self.lmtp_port = 0
        OPEN.set_function(lambda: front.peers.connections)
        SERVERS.set_function(lambda: front.peers.servers)

    async def start(self, host: str, port: int, lmtp_port: int | None = None) -> None:
        self.port = await self._listen(MailSession, host, port)
        if lmtp_port is not None:
            self.lmtp_port = await self._listen(LocalSession, host, lmtp_port)

    async def stop(self) -> None:
        """Takes no new mail, finishes those in hand, and closes."""
        self.draining = True
        for server in self._servers:
            server.close()
        busy = [session.in_hand for session in self._sessions if session.in_hand]
        if busy:
            await asyncio.wait(busy, timeout=DRAIN_SECONDS)
        for session in list(self._sessions):
            session.say_goodbye()

    @property
    def held(self) -> int:
        """Bytes of the mails in hand."""
        return sum(session.held for session in self._sessions)

    def came(self, session: MailSession) -> None:
        self._sessions.add(session)

    def left(self, session: MailSession) -> None:
        self._sessions.discard(session)

    async def _listen(self, kind: type[MailSession], host: str, port: int) -> int:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: kind(self, self._handler, loop), host, port)
        self._servers.append(server)
        return server.sockets[0].getsockname()[1]


class MailSession(SMTP):
    """One connection. An answer that begins with 421 is the last one."""

    protocol = "smtp"
    answers_each = False
    line_length_limit = PIECE

    def __init__(self, server: MailServer, handler: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._mails, self._front = server, server.front
        super().__init__(
            handler,
            hostname=self._front.hostname,
            ident="Onethread",
            data_size_limit=self._front.mail_bytes,
            enable_SMTPUTF8=True,
            tls_context=self._front.certificate.context if self._front.certificate else None,
            timeout=COMMAND_SECONDS,
            command_call_limit=REPEATED,
            loop=loop,
        )
        self.in_hand: asyncio.Future[None] | None = None
        self.held = 0
        self.peer = ""
        self._counted = False
        self._wrong = 0
        self._untold = b""
        del self._smtp_methods["AUTH"]
        for name, method in list(self._smtp_methods.items()):
            self._smtp_methods[name] = self._unless_draining(method)

    # Who comes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Once more after STARTTLS: whom the balancer named must not be forgotten."""
        first = self.transport is None
        if first:
            self.peer = str((transport.get_extra_info("peername") or ("",))[0])
            is_proxied = self.protocol == "smtp" and is_among(self.peer, self._front.proxies)
            self._proxy_timeout = PROXY_SECONDS if is_proxied else None
            self._mails.came(self)
        super().connection_made(transport)
        if not first:
            SECURED.labels(str(transport.get_extra_info("ssl_object").version())).inc()

    def connection_lost(self, error: Exception | None) -> None:
        self._mails.left(self)
        if self._counted:
            self._counted = False
            self._front.peers.go(self.peer)
        super().connection_lost(error)

    async def _handle_client(self) -> None:
        if self._proxy_timeout is not None or await self.is_admitted():
            await super()._handle_client()

    async def speaks_for(self, proxy: ProxyData) -> bool:
        """What a balancer says at first: for whom it speaks, or that it only looks whether we are here."""
        self.peer = str(proxy.src_addr) if isinstance(proxy.src_addr, IPv4Address | IPv6Address) else ""
        return await self.is_admitted()

    async def is_admitted(self) -> bool:
        refusal = self._front.peers.come(self.peer)
        CONNECTIONS.labels(self.protocol, "refused" if refusal else "taken").inc()
        if refusal:
            await self.push(refusal)
            return False
        self._counted = True
        return True

    @property
    def is_known(self) -> bool:
        """A relay of ours."""
        return self._front.peers.is_known(self.peer)

    # What they ask

    def may_send(self) -> str | None:
        """The refusal of one more mail."""
        return self._front.peers.mail(self.peer)

    async def wrong_recipient(self) -> str | None:
        """Whoever looks for addresses gets slower answers, and then none."""
        if self.is_known:
            return None
        self._wrong += 1
        self._front.peers.wrong(self.peer)
        if self._wrong > WRONG_RECIPIENTS:
            return TOO_MANY_WRONG
        if self._wrong > WRONG_AT_FULL_SPEED:
            await asyncio.sleep(WRONG_SECONDS)
        return None

    async def smtp_PROXY(self, _: str | None) -> None:  # noqa: N802
        CONNECTIONS.labels(self.protocol, "forged_proxy").inc()
        await self.push(NO_PROXY)
        self._close()

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802
        if await self.check_helo_needed():
            return
        envelope = self.envelope
        if envelope is None or not envelope.rcpt_tos or arg:
            await self.push("501 5.5.4 Syntax: DATA" if arg else "503 5.5.1 Name a recipient first")
            return
        self.in_hand = self.loop.create_future()
        try:
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            content = await self._content()
            for answer in await self._answers(envelope, content):
                await self.push(answer)
        finally:
            self._set_post_data_state()
            self.in_hand.set_result(None)
            self.in_hand, self.held = None, 0

    async def _answers(self, envelope: Envelope, content: bytes | str) -> list[str]:
        """One; by LMTP one for each recipient."""
        if isinstance(content, str):
            return [content] * (len(envelope.rcpt_tos) if self.answers_each else 1)
        return await self.event_handler.answers(self, envelope, content)

    async def _content(self) -> bytes | str:
        """The mail, or the refusal once it has come to its end (RFC 5321, 4.2.5).

        In pieces, not in lines: a large mail has a hundred thousand lines. It ends at CR LF . CR LF and nowhere else.
        """
        self._reset_timeout(DATA_SECONDS)
        pieces, size, refusal = [await self._head()], 0, None
        while not pieces[-1].endswith(END):
            pieces.append(await self._piece())
            size += len(pieces[-1])
            refusal = refusal or self._too_much(size)
            if refusal:
                pieces = pieces[-1:]
            self.held = 0 if refusal else size
        self._reset_timeout()
        return refusal or b"".join(pieces).replace(b"\r\n.", b"\r\n")[2:-2]

    async def _head(self) -> bytes:
        """Up to the first byte with which the end does not begin; the CR LF of the command counts for it."""
        head = bytearray(b"\r\n")
        while not head.endswith(END) and any(head.endswith(END[:length]) for length in range(1, len(END))):
            head += await self._reader.readexactly(1)
        return bytes(head)

    async def _piece(self) -> bytes:
        try:
            return await self._reader.readuntil(END)
        except asyncio.LimitOverrunError as more:
            return await self._reader.readexactly(more.consumed)

    def _too_much(self, size: int) -> str | None:
        if size > self._front.mail_bytes + len(END):
            return TOO_LARGE.format(self._front.mail_bytes)
        return TOO_BUSY if self._mails.held > MAILS_IN_MEMORY * self._front.mail_bytes else None

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """The library's own reader knows comments and quoted names, and takes long for each address."""
        if plain := _PLAIN.fullmatch(arg):
            return plain[1], plain[2]
        return super()._getaddr(arg)

    # How it ends

    async def push(self, status: AnyStr) -> None:
        """What came at once, as mail servers send it (RFC 2920), is answered at once: sending takes longer than working
        out what to say.
        """
        answer = status.encode() if isinstance(status, str) else status
        if status in (SENDER_TAKEN, RECIPIENT_TAKEN) and self._is_asked_more:
            self._untold += answer + b"\r\n"
            return
        answer, self._untold = self._untold + answer, b""
        await super().push(answer)
        if isinstance(status, str) and status.startswith("421"):
            self._close()

    @property
    def _is_asked_more(self) -> bool:
        """A command is there already, so that its answer follows."""
        return b"\n" in self._reader._buffer  # noqa: SLF001 # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]

    def say_goodbye(self) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        if self.in_hand is None:
            self._writer.write(f"{CLOSING}\r\n".encode())
        self._close()

    def _timeout_cb(self) -> None:
        self._writer.write(f"{TOO_SLOW}\r\n".encode())
        super()._timeout_cb()

    def _close(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def _unless_draining(self, method: Callable[[str | None], Any]) -> Callable[[str | None], Any]:
        @wraps(method)
        async def answer(arg: str | None) -> None:
            await (self.push(CLOSING) if self._mails.draining else method(arg))

        return answer


class LocalSession(MailSession, LMTP):
    """A mail server of ours hands on what it took (RFC 2033)."""

    protocol = "lmtp"
    answers_each = True
