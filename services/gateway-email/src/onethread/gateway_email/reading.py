"""Does work on mails in processes of its own: no mail that hangs, crashes or takes all memory stops the service.

python -m onethread.gateway_email.reading is such a process. It takes work on its standard input until that ends. What
it answers is bytes and never code: whoever breaks into it by a mail gets no further by its answers.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import pickle
import resource
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import structlog

from onethread.gateway_email.capabilities import SERVICE
from onethread.gateway_email.convert import RefusedMailError
from onethread.runtime import logs
from onethread.runtime.bus import UnavailableError
from onethread.runtime.context import service_name
from onethread.runtime.settings import Settings

SECONDS = 30.0
"""The slowest mail that anybody has sent us takes three."""
START_SECONDS = 30.0
MEMORY = 1024**3
"""Beyond what the programs themselves take; a mail of 25 MB takes a fifth of it."""
DONE, REFUSED, FAILED = b"=", b"-", b"!"
_LENGTH = struct.Struct("!I")

log = structlog.get_logger()


class UnreadableError(Exception):
    """A fault of ours: this mail can't be read, now or by this version. The text says why, for an operator."""


class Reader:
    """`processes` 0 works in this one: for tests, and where memory is dearer than safety."""

    def __init__(self, processes: int, seconds: float = SECONDS) -> None:
        self._seconds, self._processes = seconds, [_Process() for _ in range(processes)]
        self._idle: asyncio.Queue[_Process] = asyncio.Queue()
        for process in self._processes:
            self._idle.put_nowait(process)

    async def do(self, work: Callable[..., bytes], *given: Any) -> bytes:
        """`work` is a function of a module of ours. What is given has no slots: with them it takes long to pickle.

        Raises what `work` refuses with, and UnreadableError for all else.
        """
        if not self._processes:
            return _content(await asyncio.to_thread(_answer, work, given))
        process = await self._idle.get()
        try:
            return _content(await process.answer(pickle.dumps((work, given)), self._seconds))
        finally:
            self._idle.put_nowait(process)

    async def stop(self) -> None:
        for process in self._processes:
            await process.end()


class _Process:
    """Started when there is something to read, and again after it had to be ended."""

    def __init__(self) -> None:
        self._running: asyncio.subprocess.Process | None = None

    async def answer(self, asked: bytes, seconds: float) -> bytes:
        try:
            running = self._running or await self._start()
            async with asyncio.timeout(seconds):
                return await _exchange(running, asked)
        except TimeoutError as error:
            await self.end()
            raise UnreadableError(f"it was not read in {seconds:g} seconds") from error
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            await self.end()
            raise UnreadableError("the process that read it ended") from error
        except asyncio.CancelledError:  # its answer would be taken for that of the next mail
            await self.end()
            raise

    async def end(self) -> None:
        running, self._running = self._running, None
        if running:
            with suppress(ProcessLookupError):
                running.kill()
            await running.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        try:
            self._running = running = await asyncio.create_subprocess_exec(
                sys.executable, "-m", __name__, stdin=pipe, stdout=pipe, start_new_session=True
            )
            async with asyncio.timeout(START_SECONDS):
                await cast("asyncio.StreamReader", running.stdout).readexactly(len(DONE))
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            await self.end()  # on a machine this busy, each try would leave one more that is starting
            raise UnavailableError(f"no process to read mails can be started: {type(error).__name__}") from error
        return running


async def _exchange(running: asyncio.subprocess.Process, asked: bytes) -> bytes:
    to, answers = cast("asyncio.StreamWriter", running.stdin), cast("asyncio.StreamReader", running.stdout)
    to.write(_LENGTH.pack(len(asked)) + asked)
    await to.drain()
    (length,) = _LENGTH.unpack(await answers.readexactly(_LENGTH.size))
    return await answers.readexactly(length)


def _content(answer: bytes) -> bytes:
    """Raises what the answer says."""
    outcome, content = answer[:1], answer[1:]
    if outcome == REFUSED:
        raise RefusedMailError(content.decode())
    if outcome == FAILED:
        raise UnreadableError(content.decode())
    return content


def _answer(work: Callable[..., bytes], given: tuple[Any, ...]) -> bytes:
    try:
        return DONE + work(*given)
    except RefusedMailError as refusal:
        return REFUSED + str(refusal).encode()
    except Exception as error:
        log.exception("mail.unreadable")
        return FAILED + type(error).__name__.encode()


def main() -> None:
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # standard output is for answers alone
    logs.configure(Settings.load())
    service_name.set(SERVICE)
    importlib.import_module("onethread.gateway_email.pipeline")  # before the clock of the first mail runs
    _limit_memory()
    answers.write(DONE)
    answers.flush()
    while head := sys.stdin.buffer.read(_LENGTH.size):
        work, given = pickle.loads(sys.stdin.buffer.read(*_LENGTH.unpack(head)))  # noqa: S301 the service wrote it
        answer = _answer(work, given)
        answers.write(_LENGTH.pack(len(answer)) + answer)
        answers.flush()


def _limit_memory() -> None:
    with suppress(ValueError, OSError):  # some systems have no such limit
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


if __name__ == "__main__":
    main()
