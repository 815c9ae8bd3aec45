"""Fetches addresses that people name, without letting them reach what only this machine can (SSRF).

The name is resolved here, every address it has is checked, and the connection goes to exactly the checked one: a name
that changes between check and use gains nothing. TLS and the Host header keep the name. Redirects are checked again.
Whole requests have a time limit and answers a size limit, unpacked. Proxies of the environment are not used.
"""

import ipaddress
import re
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import certifi
import httpcore

from onethread.runtime.addresses import Network, reason_to_refuse

Resolve = Callable[[str, int], list[str]]

HOPS = 5
SECONDS = 30.0
QUIET_SECONDS = 10.0
BYTES = 20 * 1024**2
USER_AGENT = "OnethreadBot"
_STEP_SECONDS = 0.5
_REDIRECTS = {301, 302, 303, 307, 308}
_HOLDS = {200, 201, 202}
_READS = {"Accept": "text/html, application/xhtml+xml, */*;q=0.5"}
_DEFAULT_PORTS = {"http": 80, "https": 443}


class RefusedError(Exception):
    """The address may not be fetched. The message says why."""


class UnreachableError(Exception):
    """It did not answer, or not properly, or too much, or too slowly. The message says which."""


class NotSentError(UnreachableError):
    """There was no connection: nothing of the request arrived."""


@dataclass(frozen=True)
class Answer:
    """`url` is where the last redirect led. `content` is unpacked, and empty where the request failed."""

    url: str
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str | None:
        match = re.search(r"charset=[\"']?([\w-]+)", self.headers.get("content-type", ""), re.IGNORECASE)
        return match[1] if match else None


@dataclass(frozen=True)
class Guard:
    """What may be asked. `resolve` gives the addresses of a host, and raises `OSError` when it has none."""

    allowed: Sequence[Network] = ()
    ports: frozenset[int] = frozenset({80, 443})
    resolve: Resolve | None = None

    @classmethod
    def of(cls, networks: str, ports: str) -> Self:
        """From settings: CIDRs and ports with commas between. Raises `ValueError`."""
        listed = [port.strip() for port in ports.split(",") if port.strip()]
        if not all(port.isdigit() and 0 < int(port) < 65_536 for port in listed):  # noqa: PLR2004 ports end there
            raise ValueError("these are not ports with commas between")
        found = [ipaddress.ip_network(one.strip()) for one in networks.split(",") if one.strip()]
        return cls(tuple(found), frozenset(map(int, listed)))

    def addresses(self, host: str, port: int) -> list[str]:
        """Raises `RefusedError` when any one may not be asked, `NotSentError` when there is none."""
        if port not in self.ports:
            raise RefusedError(f"port {port} is not among those allowed ({', '.join(map(str, sorted(self.ports)))})")
        try:
            found = (self.resolve or resolve)(host, port)
        except (OSError, UnicodeError) as error:
            raise NotSentError(f"the name {host} is not known") from error
        for address in found:
            if reason := reason_to_refuse(address, self.allowed):
                raise RefusedError(f"{host} is at an address that may not be asked: {reason}")
        if not found:
            raise NotSentError(f"the name {host} has no address")
        return found

    def check(self, url: str) -> None:
        """Raises as `addresses` does; `url` is in its normal spelling."""
        parts = urlsplit(url)
        self.addresses(parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme])


def resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def normal(url: str) -> str:
    """One spelling of an address, without its fragment. Raises `RefusedError` for what is no address to fetch."""
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").rstrip(".").encode("idna").decode("ascii").lower()
        port = parts.port
    except ValueError as error:  # UnicodeError, too
        raise RefusedError("it is not a proper address") from error
    if parts.scheme not in _DEFAULT_PORTS or not host:
        raise RefusedError("only http and https addresses can be read")
    if parts.username is not None or parts.password is not None:
        raise RefusedError("an address with a user name in it is not used")
    shown = f"[{host}]" if ":" in host else host
    place = shown if port in {None, _DEFAULT_PORTS[parts.scheme]} else f"{shown}:{port}"
    path, query = (quote(part, safe="/%:@!$&'()*+,;=~?-._") for part in (parts.path or "/", parts.query))
    return urlunsplit((parts.scheme, place, path, query, ""))


class Fetcher:
    """Keeps connections open between requests. Not for several threads. Gives up soon once `stopped` says so."""

    def __init__(
        self,
        guard: Guard,
        seconds: float = SECONDS,
        size: int = BYTES,
        stopped: Callable[[], bool] = lambda: False,
        hops: int = HOPS,
    ) -> None:
        self._clock = _Clock(stopped)
        self._seconds, self._size, self._hops = seconds, size, hops
        self._pool = httpcore.ConnectionPool(
            ssl_context=_trust(), max_connections=4, keepalive_expiry=15, network_backend=_Guarded(guard, self._clock)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.close()

    def get(self, url: str, headers: dict[str, str] | None = None, size: int | None = None) -> Answer:
        """Follows a few redirects. Raises `RefusedError`, `UnreachableError`."""
        url = normal(url)
        self._clock.start(self._seconds)
        for _ in range(self._hops + 1):
            answer = self._once("GET", url, _READS | (headers or {}), None, size or self._size)
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not location:
                return answer
            url = normal(urljoin(url, location))
        raise UnreachableError(f"it redirects more than {self._hops} times")

    def send(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None = None, refusals: Iterable[int] = ()
    ) -> Answer:
        """One request; a redirect is an answer like any other. Of an answer with a status in `refusals` there is the
        content, too. Raises `RefusedError`, `UnreachableError`.
        """
        url = normal(url)
        self._clock.start(self._seconds)
        return self._once(method, url, headers, body, self._size, refusals)

    def _once(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes | None,
        size: int,
        refusals: Iterable[int] = (),
    ) -> Answer:
        sent: dict[str | bytes, str | bytes] = {
            "Host": urlsplit(url).netloc,
            "User-Agent": f"Mozilla/5.0 (compatible; {USER_AGENT}/1.0)",
            "Accept-Encoding": "gzip",
            **headers,
        }
        limits = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), QUIET_SECONDS)}
        try:
            with self._pool.stream(method, url, headers=sent, content=body, extensions=limits) as response:
                got = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
                content = b""
                if response.status in _HOLDS or response.status in refusals:
                    content = _bounded(_unpacked(response.iter_stream(), got.get("content-encoding", ""), size), size)
                return Answer(url, response.status, got, content)
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            raise NotSentError(_in_words(error)) from error
        except httpcore.TimeoutException as error:
            raise UnreachableError("it did not answer in time") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError, ssl.SSLError, zlib.error) as error:
            raise UnreachableError(_in_words(error)) from error


class _Clock:
    """What is left of the time for the request in hand, redirects included."""

    def __init__(self, stopped: Callable[[], bool]) -> None:
        self._end = 0.0
        self._stopped = stopped

    def start(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self, timeout: float | None) -> float:
        left = self._end - time.monotonic()
        if left <= 0 or self._stopped():
            raise httpcore.ReadTimeout("the time for the whole request is over")
        return min(left, timeout or left)


class _Guarded(httpcore.NetworkBackend):
    """Connects to checked addresses only."""

    def __init__(self, guard: Guard, clock: _Clock) -> None:
        self._guard, self._clock = guard, clock
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception | None = None
        for address in self._guard.addresses(host, port):
            try:
                stream = self._sockets.connect_tcp(
                    address, port, self._clock.left(timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _Timed(stream, self._clock)
        raise failure or httpcore.ConnectError("no address")


class _Timed(httpcore.NetworkStream):
    """A drip of single bytes does not outlast the request's time."""

    def __init__(self, stream: httpcore.NetworkStream, clock: _Clock) -> None:
        self._stream, self._clock = stream, clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """In short steps, so that a stop does not wait for a silent server."""
        waited = 0.0
        while True:
            step = min(self._clock.left(timeout), _STEP_SECONDS)
            try:
                return self._stream.read(max_bytes, step)
            except httpcore.ReadTimeout:
                waited += step
                if timeout is not None and waited >= timeout:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._clock.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inner = self._stream.start_tls(ssl_context, server_hostname, self._clock.left(timeout))
        return _Timed(inner, self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _trust() -> ssl.SSLContext:
    """What the system trusts (and `SSL_CERT_FILE`), and the usual authorities where the system has none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _unpacked(chunks: Iterable[bytes], encoding: str, size: int) -> Iterator[bytes]:
    if encoding.lower() in {"", "identity"}:
        yield from chunks
        return
    if encoding.lower() not in {"gzip", "x-gzip"}:
        raise UnreachableError(f"it is packed as {encoding[:20]}, which was not asked for")
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
    for chunk in chunks:
        yield unpack.decompress(chunk, size + 1)
        if unpack.unconsumed_tail:
            raise _too_large(size)


def _bounded(chunks: Iterable[bytes], size: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > size:
            raise _too_large(size)
    return bytes(body)


def _too_large(size: int) -> UnreachableError:
    return UnreachableError(f"it is larger than {size / 1024**2:.0f} MB")


def _in_words(error: Exception) -> str:
    text = str(error).lower()
    if "certificate" in text:
        return "its certificate is not trusted"
    if isinstance(error, httpcore.ConnectTimeout):
        return "it did not answer in time"
    if "refused" in text:
        return "it refuses connections"
    return "the connection to it broke"
