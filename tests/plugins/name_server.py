"""A name server that answers from a table, by UDP and TCP, and keeps what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

TTL = 60


class NameServer(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        """By name and type, as a zone file writes them."""
        self.silent: set[str] = set()
        self.failing: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self.slow: dict[str, float] = {}
        """Seconds until an answer by UDP."""
        self.by_tcp = 0
        self.port = 0
        self._transport: Any = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def add(self, name: str, kind: str, *records: str) -> None:
        self.records.setdefault((name, kind), []).extend(records)

    def text(self, name: str, *texts: str) -> None:
        """Long texts are cut into the strings of a record."""
        self.add(name, "TXT", *(" ".join(f'"{one[n : n + 250]}"' for n in range(0, len(one), 250)) for one in texts))

    def answer(self, wire: bytes, *, room: int = 65_535) -> bytes | None:
        question = dns.message.from_wire(wire)
        [asked] = question.question
        name, kind = asked.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(asked.rdtype)
        self.asked.append((name, kind))
        if name in self.silent:
            return None
        reply = dns.message.make_response(question, recursion_available=True)
        if name in self.failing:
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif records := self.records.get((name, kind)) or self.records.get((name, "CNAME")):
            self._tell(reply, asked.name, kind, records)
        elif not any(known == name for known, _ in self.records):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        full = reply.to_wire(max_size=65_535)
        if len(full) <= room:
            return full
        reply.answer.clear()
        reply.flags |= dns.flags.TC
        return reply.to_wire(max_size=65_535)

    def _tell(
        self, reply: dns.message.Message, name: dns.name.Name, kind: str, records: list[str], hops: int = 16
    ) -> None:
        """With what an alias leads to, as a resolver does."""
        own = self.records.get((name.to_text(omit_final_dot=True).lower(), kind))
        reply.answer.append(dns.rrset.from_text(name, TTL, "IN", kind if own else "CNAME", *records))
        if own or not hops:
            return
        other = dns.name.from_text(records[0])
        key = other.to_text(omit_final_dot=True).lower()
        if found := self.records.get((key, kind)) or self.records.get((key, "CNAME")):
            self._tell(reply, other, kind, found, hops - 1)

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if (reply := self.answer(data, room=1232)) is not None:
            name = dns.message.from_wire(data).question[0].name.to_text(omit_final_dot=True).lower()
            asyncio.get_running_loop().call_later(self.slow.get(name, 0), self._transport.sendto, reply, addr)

    async def stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.by_tcp += 1
        size = int.from_bytes(await reader.readexactly(2), "big")
        if (reply := self.answer(await reader.readexactly(size))) is not None:
            writer.write(len(reply).to_bytes(2, "big") + reply)
        writer.close()


@pytest.fixture
async def name_server() -> AsyncIterator[NameServer]:
    server = NameServer()
    by_tcp, by_udp = await _listening(server)
    yield server
    by_udp.close()
    by_tcp.close()


async def _listening(server: NameServer) -> tuple[asyncio.Server, asyncio.DatagramTransport]:
    """On one port by both ways: what is free for TCP, a resolver somewhere may be asking from by UDP."""
    while True:
        by_tcp = await asyncio.start_server(server.stream, "127.0.0.1", 0)
        server.port = by_tcp.sockets[0].getsockname()[1]
        own = ("127.0.0.1", server.port)
        try:
            by_udp, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: server, local_addr=own)
        except OSError:
            by_tcp.close()
        else:
            return by_tcp, by_udp
