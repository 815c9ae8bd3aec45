"""Reads files in a process of its own: what a hostile file makes of its reader, the service survives."""

import json
import os
import subprocess
import sys
import threading
from types import TracebackType
from typing import Self

import structlog

from onethread.knowledge.reading.parts import File, Reading, UnreadableError

log = structlog.get_logger()

SECONDS = 60.0


class InterruptedReadingError(Exception):
    """The service is going down."""


class Reader:
    """One process, started when it is first needed and again after it had to be ended. Not for several threads."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._interrupted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def interrupt(self) -> None:
        """Ends what is being read, from another thread: `read` raises `InterruptedReadingError`."""
        self._interrupted = True
        if process := self._process:
            process.kill()

    def read(self, file: File) -> Reading:
        """Raises `UnreadableError`."""
        process = self._process = self._process or _start()
        too_slow = threading.Event()

        def end() -> None:
            too_slow.set()
            process.kill()

        limit = threading.Timer(self._seconds, end)
        limit.start()
        try:
            answer = _ask(process, file)
        finally:
            limit.cancel()
        if not answer:
            self.close()
            if self._interrupted:
                raise InterruptedReadingError
            slow = f"it takes longer than {self._seconds:.0f} seconds to read"
            raise UnreadableError(slow if too_slow.is_set() else "its reader broke down on it")
        return _reading(answer)


def _start() -> subprocess.Popen[bytes]:
    """Without this service's secrets."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ONETHREAD_", "NATS_"))}
    command = [sys.executable, "-m", "onethread.knowledge.reading"]
    return subprocess.Popen(  # noqa: S603 our own module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    )


def _ask(process: subprocess.Popen[bytes], file: File) -> bytes:
    """Empty when the process has ended."""
    header = {"size": len(file.content)} | {
        "name": file.name,
        "media_type": file.media_type,
        "charset": file.charset,
        "url": file.url,
    }
    if not process.stdin or not process.stdout:
        return b""
    try:
        process.stdin.write(json.dumps(header).encode() + b"\n" + file.content)
        process.stdin.flush()
        return process.stdout.readline()
    except (BrokenPipeError, ValueError):
        return b""


def _reading(answer: bytes) -> Reading:
    fields = json.loads(answer)
    if "error" in fields:
        log.warning("knowledge.reader_gave_up", error=fields["error"])
    if "unreadable" in fields:
        raise UnreadableError(fields["unreadable"])
    return Reading.from_json(fields["reading"])
