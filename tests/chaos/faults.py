"""What goes wrong, when and for how long: a plan that follows from its seed."""

from __future__ import annotations

import asyncio
import random
import resource
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import psutil
from chaos.outside import RELAY_MOODS, SLACK_MOODS, Mailboxes, RelayMood, SlackDoor, SlackMood
from plugins.stack import Stack

SERVICES = {
    "conversation": 8000, "gateway-widget": 8010, "gateway-email": 8020, "gateway-slack": 8030, "agent": 8040,
    "knowledge": 8050,
}  # fmt: skip
ENDINGS = ("SIGKILL", "SIGTERM")
SERVER_ENDINGS = {"nats": ("SIGKILL", "SIGTERM"), "postgres": ("SIGKILL", "SIGQUIT", "SIGINT")}
BETWEEN = (3.0, 9.0)
"""Seconds from the beginning of one fault to that of the next: some meet."""
LASTING = (2.0, 14.0)
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@dataclass(frozen=True)
class Fault:
    at: float
    kind: str
    """`end`, `freeze`, `relay`, `slack` or `disk`."""
    target: str
    how: str
    seconds: float

    def __str__(self) -> str:
        lasting = f" for {self.seconds:.0f} s" if self.kind != "end" else ""
        return f"{self.kind} {self.target} {self.how}".strip() + lasting


def plan(seed: int, seconds: float) -> list[Fault]:
    """Every kind comes about as often as it is named here."""
    chance, faults = random.Random(seed), list[Fault]()
    kinds = ("end", "end", "end", "server", "freeze", "freeze", "relay", "slack", "disk")
    at = chance.uniform(*BETWEEN)
    while at < seconds:
        faults.append(_fault(chance, at, chance.choice(kinds)))
        at += chance.uniform(*BETWEEN)
    return faults


def _fault(chance: random.Random, at: float, kind: str) -> Fault:
    lasting = chance.uniform(*LASTING)
    match kind:
        case "end":
            return Fault(at, "end", chance.choice(list(SERVICES)), chance.choice(ENDINGS), 0)
        case "server":
            server = chance.choice(list(SERVER_ENDINGS))
            return Fault(at, "end", server, chance.choice(SERVER_ENDINGS[server]), 0)
        case "freeze":
            return Fault(at, "freeze", chance.choice([*SERVICES, *SERVER_ENDINGS]), "", lasting)
        case "relay":
            return Fault(at, "relay", "", chance.choice(RELAY_MOODS), lasting)
        case "slack":
            return Fault(at, "slack", "", chance.choice(SLACK_MOODS), lasting)
        case _:
            return Fault(at, "disk", "gateway-email", "full", lasting)


class Trouble:
    """Does what a plan says to a stack and to what stands around it."""

    def __init__(self, stack: Stack, mailboxes: Mailboxes, slack: SlackDoor, say: Callable[[str], None]) -> None:
        self._stack, self._mailboxes, self._slack, self._say = stack, mailboxes, slack, say
        self.done: list[Fault] = []

    async def make(self, faults: list[Fault]) -> None:
        """Returns when the last one is over."""
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as all_:
            for fault in faults:
                await asyncio.sleep(max(0.0, began + fault.at - asyncio.get_running_loop().time()))
                all_.create_task(self._make(fault))

    async def _make(self, fault: Fault) -> None:
        acts: dict[str, Callable[[Fault], Awaitable[None]]] = {
            "end": self._end, "freeze": self._freeze, "relay": self._relay, "slack": self._slack_is, "disk": self._full,
        }  # fmt: skip
        try:
            await acts[fault.kind](fault)
        except (LookupError, psutil.Error, OSError) as error:  # it was down already, from another fault
            self._say(f"{fault}: not possible just now ({type(error).__name__})")
        else:
            self.done.append(fault)

    async def _end(self, fault: Fault) -> None:
        self._say(str(fault))
        process = self._stack.child(fault.target)
        process.send_signal(signal.Signals[fault.how])

    async def _freeze(self, fault: Fault) -> None:
        self._say(str(fault))
        family = [self._stack.child(fault.target)]
        family += family[0].children(recursive=True)
        for process in family:
            with suppress(psutil.Error):
                process.suspend()
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            for process in reversed(family):
                with suppress(psutil.Error):
                    process.resume()

    async def _relay(self, fault: Fault) -> None:
        self._say(str(fault))
        mood: RelayMood = fault.how  # type: ignore[assignment]
        await self._mailboxes.be(mood)
        await asyncio.sleep(fault.seconds)
        await self._mailboxes.be("well")

    async def _slack_is(self, fault: Fault) -> None:
        self._say(str(fault))
        mood: SlackMood = fault.how  # type: ignore[assignment]
        self._slack.mood = mood
        await asyncio.sleep(fault.seconds)
        self._slack.mood = "well"

    async def _full(self, fault: Fault) -> None:
        """No file of it may grow, which is as a disk that is full, without one."""
        self._say(str(fault))
        process = self._stack.child(fault.target)
        process.rlimit(psutil.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        await asyncio.sleep(fault.seconds)
        process.rlimit(psutil.RLIMIT_FSIZE, UNLIMITED)
