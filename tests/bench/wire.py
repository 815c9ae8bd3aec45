"""Clients that cost little: on a machine with two cores, the load must not eat what it measures.

A WebSocket client (RFC 6455 text frames, no extensions), an SMTP client and a reader of server-sent events.
"""

from __future__ import annotations

import asyncio
import base64
import os
import struct
from collections.abc import Callable

HEADERS_END = b"\r\n\r\n"


class WebSocket(asyncio.Protocol):
    """`on_text(bytes)` is called for each text frame, `on_close()` once."""

    def __init__(self, head: bytes, on_text: Callable[[bytes], None], on_close: Callable[[], None]) -> None:
        self._head, self._on_text, self._on_close = head, on_text, on_close
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._transport.write(self._head)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self.ready.done():
            self._shake_hands()
        if self.ready.done():
            while (frame := _frame_in(self._buffer)) is not None:
                self._take(*frame)

    def _shake_hands(self) -> None:
        head, found, rest = bytes(self._buffer).partition(HEADERS_END)
        if not found:
            return
        if head[9:12] == b"101":
            self._buffer = bytearray(rest)
            self.ready.set_result(None)
        else:
            self.ready.set_exception(ConnectionError(head[:200].decode(errors="replace")))

    def _take(self, code: int, payload: bytes) -> None:
        if code == 1:
            self._on_text(payload)
        elif code == 9:
            self._send(0x8A, payload)
        elif code == 8:
            self._transport.close()

    def send(self, text: bytes) -> None:
        self._send(0x81, text)

    def _send(self, first: int, payload: bytes) -> None:
        size = len(payload)
        mask = os.urandom(4)
        key = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(size)
        head = bytes([first, 0x80 | size]) if size < 126 else struct.pack("!BBH", first, 0xFE, size)
        self._transport.write(head + mask + masked)

    def close(self) -> None:
        self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(error or ConnectionError("closed"))
        self._on_close()


def _frame_in(buffer: bytearray) -> tuple[int, bytes] | None:
    """(opcode, payload) of the first whole frame, taken out of `buffer`. A server's frames are not masked."""
    if len(buffer) < 10 and (len(buffer) < 2 or len(buffer) < 2 + {126: 2, 127: 8}.get(buffer[1], 0)):
        return None
    size, start = buffer[1] & 127, 2
    if size == 126:
        size, start = struct.unpack_from("!H", buffer, 2)[0], 4
    elif size == 127:
        size, start = struct.unpack_from("!Q", buffer, 2)[0], 10
    if len(buffer) < start + size:
        return None
    frame = buffer[0] & 15, bytes(buffer[start : start + size])
    del buffer[: start + size]
    return frame


async def websocket(
    port: int, path: str, protocols: list[str], on_text: Callable[[bytes], None], on_close: Callable[[], None]
) -> WebSocket:
    key = base64.b64encode(os.urandom(16)).decode()
    head = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: {', '.join(protocols)}\r\n\r\n"
    ).encode()
    _, client = await asyncio.get_running_loop().create_connection(
        lambda: WebSocket(head, on_text, on_close), "127.0.0.1", port
    )
    await client.ready
    return client


async def read_events(port: int, path: str, key: str, on_data: Callable[[bytes], None], ready: asyncio.Event) -> None:
    """Calls `on_data` with the data of each server-sent event until cancelled; raises when the stream ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
    try:
        head = await reader.readuntil(HEADERS_END)
        if head[9:12] != b"200":
            raise ConnectionError(head[:200].decode(errors="replace"))
        ready.set()
        text = b""
        while size := int(await reader.readline(), 16):  # chunked
            text += (await reader.readexactly(size + 2))[:-2]
            *events, text = text.split(b"\n\n")
            for event in events:
                _, found, data = event.partition(b"\ndata: ")
                if found:
                    on_data(data)
        raise ConnectionError("the stream of events ended")
    finally:
        writer.close()


class Smtp:
    """One SMTP connection, kept open over many mails."""

    @classmethod
    async def connect(cls, port: int) -> Smtp:
        self = cls()
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        await self._expect(b"220")
        await self._say(b"EHLO bench.localhost", b"250")
        return self

    async def send(self, sender: str, to: str, mail: bytes) -> None:
        """Returns with the 250 that makes it the other side's. `mail` has no line that begins with a dot. The commands
        go together, as mail servers send them.
        """
        self._writer.write(f"MAIL FROM:<{sender}>\r\nRCPT TO:<{to}>\r\nDATA\r\n".encode())
        for code in (b"250", b"250", b"354"):
            await self._expect(code)
        await self._say(mail + b"\r\n.", b"250")

    async def _say(self, line: bytes, expected: bytes) -> None:
        self._writer.write(line + b"\r\n")
        await self._expect(expected)

    async def _expect(self, code: bytes) -> None:
        while (line := await self._reader.readline())[3:4] == b"-":
            pass
        if not line.startswith(code):
            raise ConnectionError(f"SMTP: {line.decode(errors='replace').strip()}")

    def close(self) -> None:
        self._writer.close()
