"""Starts programs tier by tier, keeps them running, and ends them in reverse order.

A tier starts when every program of the one before it is ready. Ctrl-C (or SIGTERM, or a closed terminal) ends the last
tier first, so that services drain while the bus still runs, and the bus ends before the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import Callable, Sequence

from onethread.local.console import Console
from onethread.local.errors import CannotStart
from onethread.local.leash import Leash
from onethread.local.program import Program

FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0
HEALTHY_AFTER = 60.0
READY_SECONDS = 180.0
DRAIN_SECONDS = 15.0
RESTART_DRAIN_SECONDS = 5.0
POLL_SECONDS = 0.15
PROBE_EVERY, MISSES_ALLOWED = 5.0, 3
EARLY_DEATHS_ALLOWED = 3
LAST_LINES = 15


class Backoff:
    """Seconds to wait before the next start: doubles until the program has lived a while."""

    def __init__(self) -> None:
        self._next = FIRST_DELAY

    def after(self, lived: float) -> float:
        if lived >= HEALTHY_AFTER:
            self._next = FIRST_DELAY
        delay, self._next = self._next, min(self._next * 2, LONGEST_DELAY)
        return delay


def died(code: int) -> str:
    """How a program ended, in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


class Child:
    """One program, kept alive."""

    def __init__(self, program: Program, console: Console, leash: Leash) -> None:
        self.program = program
        self.ready = asyncio.Event()
        self.process: asyncio.subprocess.Process | None = None
        self.task: asyncio.Task[None] | None = None
        self._console = console
        self._leash = leash
        self._stopping = asyncio.Event()
        self._last: deque[str] = deque(maxlen=LAST_LINES)

    def start(self) -> asyncio.Task[None]:
        self.task = asyncio.create_task(self._keep(), name=self.program.name)
        return self.task

    async def _keep(self) -> None:
        """Returns when stopped, or when a job is done; raises CannotStart when it will not come up."""
        loop, backoff, early_deaths = asyncio.get_running_loop(), Backoff(), 0
        while not self._stopping.is_set():
            began = loop.time()
            code = await self._live()
            if self._stopping.is_set() or (self.program.job and code == 0):
                return
            early_deaths += not self.ready.is_set()
            if self.program.job or early_deaths == EARLY_DEATHS_ALLOWED:
                raise CannotStart(self._last_words(f"{self.program.name} {died(code)}"))
            delay = backoff.after(loop.time() - began)
            self._console.say(f"{self.program.name} {died(code)}; starting it again in {delay:g} s.")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)

    async def _live(self) -> int:
        """One life of the process, from its start to its exit code."""
        if self.program.before_start:
            await asyncio.to_thread(self.program.before_start)
        if self._stopping.is_set():
            return 0
        self._last.clear()
        process = await self._spawn()
        output = asyncio.create_task(self._pass_on(process))
        watching = asyncio.create_task(self._watch())
        code = await process.wait()
        watching.cancel()
        self._signal_group(process.pid, signal.SIGKILL)  # whatever it started itself
        self._leash.release(process.pid)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(output, 1)
        if self.program.job and code == 0:
            self.ready.set()
        return code

    async def _spawn(self) -> asyncio.subprocess.Process:
        try:
            self.process = await asyncio.create_subprocess_exec(
                *self.program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                **self.program.start_options(self._leash),
            )
        except OSError as error:
            raise CannotStart(f"{self.program.name} cannot be started: {error.strerror}: {error.filename}") from None
        self._leash.hold(self.process.pid, self.program.death_signal)
        return self.process

    async def _pass_on(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101 asked for above
        rest = b""
        while chunk := await process.stdout.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._hear(line)
        if rest:
            self._hear(rest)

    def _hear(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        self._last.append(text)
        if self._console.verbose or not any(chatter in text for chatter in self.program.chatter):
            self._console.line(self.program.name, text)

    async def _watch(self) -> None:
        """Tells when the program is ready, then that it still answers; ends it when it no longer does."""
        if self.program.job:
            return
        await self._until_ready()
        misses = 0
        while alive := self.program.alive:
            await asyncio.sleep(PROBE_EVERY)
            misses = 0 if await asyncio.to_thread(alive) else misses + 1
            if misses == MISSES_ALLOWED:
                self._console.say(f"{self.program.name} missed {misses} health checks in a row; ending it.")
                await self._end(RESTART_DRAIN_SECONDS)

    async def _until_ready(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_SECONDS
        while not await asyncio.to_thread(self.program.ready):
            await asyncio.sleep(POLL_SECONDS)
            if self.ready.is_set() and loop.time() > deadline:
                self._console.say(f"{self.program.name} is not ready {READY_SECONDS:g} s after its restart; ending it.")
                await self._end(RESTART_DRAIN_SECONDS)
        if self.ready.is_set():
            self._console.say(f"{self.program.name} is back.")
        self.ready.set()

    async def stop(self) -> None:
        """Lets it drain; kills it when that takes too long."""
        self._stopping.set()
        while self.task and not self.task.done():
            await self._end(DRAIN_SECONDS)
            await asyncio.wait([self.task], timeout=POLL_SECONDS)  # a start may have been under way

    async def _end(self, patience: float) -> None:
        process = self.process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(self.program.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), patience)
        except TimeoutError:
            self._console.say(f"{self.program.name} did not end within {patience:g} s; killing it.")
            self.kill()

    def kill(self) -> None:
        if self.process and self.process.returncode is None:
            self._signal_group(self.process.pid, self.program.kill_signal)

    @staticmethod
    def _signal_group(pid: int, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, number)

    def _last_words(self, sentence: str) -> str:
        return "\n  ".join([f"{sentence}. Its last lines:" if self._last else f"{sentence}.", *self._last])

    def too_slow(self) -> CannotStart:
        return CannotStart(self._last_words(f"{self.program.name} was not ready within {READY_SECONDS:g} s"))


async def _all_ready(tier: Sequence[Child]) -> None:
    for child in tier:
        await child.ready.wait()


class Supervisor:
    def __init__(self, tiers: Sequence[Sequence[Program]], console: Console, leash: Leash) -> None:
        self._tiers = [[Child(program, console, leash) for program in tier] for tier in tiers]
        self._console = console
        self._leash = leash
        self._stop = asyncio.Event()
        self.interrupted = False
        """By Ctrl-C."""
        self.killed = False
        """Asked twice: what was running did not drain."""
        console.names([program.name for tier in tiers for program in tier])

    async def run(self, when_ready: Callable[[], None], left_alone: Callable[[], bool]) -> None:
        """Returns after an orderly stop.

        Raises CannotStart, with nothing left running, when a program will not come up.
        It also stops when `left_alone` says that nobody is there any more who could stop it.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._asked_to_stop, number)
        watching = asyncio.create_task(self._stop_when(left_alone))
        try:
            for tier in self._tiers:
                await self._start(tier)
            if not self._stop.is_set():
                when_ready()
            await self._until_stopped()
        finally:
            for tier in reversed(self._tiers):
                await asyncio.gather(*(child.stop() for child in tier), return_exceptions=True)
            self._leash.close()
            watching.cancel()

    async def _start(self, tier: Sequence[Child]) -> None:
        if self._stop.is_set():
            return
        for child in tier:
            child.start()
        all_ready = asyncio.create_task(_all_ready(tier))
        try:
            await asyncio.wait_for(self._until_stopped(all_ready), READY_SECONDS)
        except TimeoutError:
            raise next(child for child in tier if not child.ready.is_set()).too_slow() from None
        finally:
            all_ready.cancel()
        if not self._stop.is_set():
            names, seconds = ", ".join(child.program.name for child in tier), self._console.seconds()
            self._console.say(f"{names}: {'done' if tier[0].program.job else 'ready'} after {seconds:.1f} s.")

    async def _until_stopped(self, goal: asyncio.Task[None] | None = None) -> None:
        """Waits for `goal` or for the wish to stop. Raises what a child raised meanwhile."""
        stop = asyncio.create_task(self._stop.wait())
        try:
            while not stop.done() and not (goal and goal.done()):
                tasks = [child.task for tier in self._tiers for child in tier if child.task]
                for task in tasks:
                    if task.done():
                        task.result()
                waiting = [stop, *(task for task in tasks if not task.done()), *([goal] if goal else [])]
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()

    def _asked_to_stop(self, number: signal.Signals | None = None) -> None:
        self.interrupted = number == signal.SIGINT
        if not self._stop.is_set():
            self._stop.set()
            self._console.say("Stopping: the services finish what they have in hand. Ctrl-C again kills at once.")
            return
        self.killed = True
        for tier in self._tiers:
            for child in tier:
                child.kill()

    async def _stop_when(self, left_alone: Callable[[], bool]) -> None:
        while not left_alone():
            await asyncio.sleep(0.5)
        self._asked_to_stop()
