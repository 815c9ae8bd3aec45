"""Look-ups in the DNS: beside the event loop's other work, remembered as long as they hold, and never for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, Literal

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import structlog
from prometheus_client import Counter

from onethread.runtime.bus import UnavailableError

Kind = Literal["TXT", "A", "AAAA", "MX", "PTR"]
Records = tuple[Any, ...]
"""TXT: bytes. A, AAAA, PTR: text. MX: (preference, name)."""

REMEMBERED = 10_000
AT_ONCE = 100
ONE_TRY, ONE_LOOK_UP = 2.0, 5.0
SILENT_FOR = 30.0
"""A name that got no answer is not asked for again so long: mail would wait each time."""
TEXT_BYTES = 4096
"""A larger record is none: what reads them takes its time over long ones."""
DATAGRAM = 1232
PORT = 53

log = structlog.get_logger()
SILENT = Counter("onethread_email_dns_silent_total", "Names that got no answer in time")


class NotAnsweredError(UnavailableError):
    """The name service was silent, or failed. Nothing follows from it about the name."""


class Names:
    """Asks `server` (`address` or `address:port`), or whom the system asks."""

    def __init__(self, server: str = "") -> None:
        self._resolver = _resolver(server)
        self._room = asyncio.Semaphore(AT_ONCE)
        self._silent: dict[tuple[str, str], float] = {}

    async def txt(self, name: str) -> list[str]:
        """As it is now, each record whole. Raises NotAnsweredError."""
        return [text.decode("utf-8", "replace") for text in await self._anew(name, "TXT")]

    async def mx(self, name: str) -> list[str]:
        """The servers as they are now, the first choice first. Raises NotAnsweredError."""
        return [server for _, server in sorted(await self._anew(name, "MX")) if server]

    async def find(self, name: str, kind: Kind) -> Records:
        """What is recorded there; empty for a name that is not. Raises NotAnsweredError."""
        key = (name.lower().rstrip("."), kind)
        if self._resolver is None or self._silent.get(key, 0) > time.monotonic():
            raise NotAnsweredError("the DNS gave no answer")
        try:
            async with self._room:
                answer = await self._resolver.resolve(
                    key[0], kind, search=False, lifetime=ONE_LOOK_UP, raise_on_no_answer=False
                )
        except (dns.resolver.NXDOMAIN, dns.resolver.YXDOMAIN):
            return ()
        except (dns.exception.Timeout, dns.resolver.NoNameservers, OSError) as error:
            self._remember_silence(key)
            SILENT.inc()
            raise NotAnsweredError(f"the DNS gave no answer: {type(error).__name__}") from error
        except (dns.exception.DNSException, UnicodeError, ValueError):  # no name at all: too long, an empty label
            return ()
        return _records(answer, kind)

    async def _anew(self, name: str, kind: Kind) -> Records:
        """Whoever has just corrected a record is not told what was there before."""
        self._silent.pop((name.lower().rstrip("."), kind), None)
        if self._resolver and self._resolver.cache:
            self._resolver.cache.flush((dns.name.from_text(name), dns.rdatatype.from_text(kind), dns.rdataclass.IN))
        return await self.find(name, kind)

    def _remember_silence(self, key: tuple[str, str]) -> None:
        if len(self._silent) >= REMEMBERED:
            self._silent.clear()
        self._silent[key] = time.monotonic() + SILENT_FOR


def parse_server(server: str) -> tuple[str, int]:
    """Raises ValueError for what is no address with or without a port."""
    bare = server.strip()
    if bare.startswith("["):
        host, _, port = bare[1:].partition("]")
        port = port.removeprefix(":")
    elif bare.count(":") == 1:
        host, _, port = bare.partition(":")
    else:
        host, port = bare, ""
    return str(ip_address(host)), int(port or PORT)


def _resolver(server: str) -> dns.asyncresolver.Resolver | None:
    try:
        resolver = dns.asyncresolver.Resolver(configure=not server)
    except dns.resolver.NoResolverConfiguration:
        log.warning("dns.no_server")
        return None
    if server:
        resolver.nameservers = [dns.nameserver.Do53Nameserver(*parse_server(server))]
    resolver.timeout = ONE_TRY
    resolver.cache = dns.resolver.LRUCache(REMEMBERED)
    resolver.use_edns(0, 0, DATAGRAM)
    return resolver


def _records(answer: dns.resolver.Answer, kind: Kind) -> Records:
    found = tuple(_READERS[kind](record) for record in answer.rrset or ())
    return tuple(one for one in found if not isinstance(one, bytes) or len(one) <= TEXT_BYTES)


def _name(name: Any) -> str:
    return name.to_text(omit_final_dot=True)


_READERS: dict[Kind, Callable[[Any], Any]] = {
    "TXT": lambda record: b"".join(record.strings),
    "A": lambda record: record.address,
    "AAAA": lambda record: record.address,
    "MX": lambda record: (record.preference, _name(record.exchange)),
    "PTR": lambda record: _name(record.target),
}
