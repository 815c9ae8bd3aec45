"""Messages of one place that arrive together, and the run that answers them."""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from onethread.agent.settle import MOST_PAUSES, pause
from onethread.contracts.threads import MessageAdded

Ending = Literal["done", "overtaken", "stopped"]
_REMEMBERED = 2_000


@dataclass
class Burst:
    """What waits for one answer. A message that comes during the run ends it, for another that answers all of them."""

    waiting: list[MessageAdded] = field(default_factory=list[MessageAdded])
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _run: asyncio.Task[None] | None = None
    _why: Ending = "done"
    restarts_left: int = 3

    def add(self, event: MessageAdded) -> None:
        self.waiting.append(event)
        self._news.set()
        if self.restarts_left > 0:
            self._end("overtaken")

    def stop(self) -> None:
        """People took over: what waits here is theirs."""
        self.waiting.clear()
        self._news.set()
        self._end("stopped")

    async def settled(self, longest: float) -> list[MessageAdded]:
        """All that waits, oldest first, once the customer seems to have finished. Empty: it was stopped."""
        until = time.monotonic() + MOST_PAUSES * longest
        while self.waiting:
            batch = sorted(self.waiting, key=lambda event: event.data.message.sequence)
            said = batch[-1].data.message
            assert said.channel is not None  # noqa: S101 the gate let it through
            left = min(pause(said.text, said.channel.kind, longest), until - time.monotonic())
            if left <= 0 or not await self._more_within(left):
                break
        return sorted(self.waiting, key=lambda event: event.data.message.sequence)

    async def run(self, task: asyncio.Task[None]) -> Ending:
        """Raises what the run raises. Does not outlive its caller."""
        self._run, self._why = task, "done"
        try:
            await asyncio.wait({task})
        finally:
            self._run = None
            task.cancel()
        if task.cancelled():
            return self._why
        task.result()
        return "done"

    def no_more_ends(self) -> None:
        """From here on the proposal is on its way: ending the run would leave two."""
        self._run = None

    async def _more_within(self, seconds: float) -> bool:
        self._news.clear()
        try:
            await asyncio.wait_for(self._news.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def _end(self, why: Ending) -> None:
        if self._run:
            self._why = why
            self._run.cancel()
            self._run = None


class Taken:
    """Threads that people took, each with the number of the event that says so. What came before it is theirs."""

    def __init__(self) -> None:
        self._at: OrderedDict[UUID, int] = OrderedDict()

    def add(self, thread_id: UUID, sequence: int) -> None:
        self._at[thread_id] = max(sequence, self._at.pop(thread_id, 0))
        while len(self._at) > _REMEMBERED:
            self._at.popitem(last=False)

    def before(self, event: MessageAdded) -> bool:
        """Whether `event` had been said when people took its thread."""
        return event.data.thread.sequence < self._at.get(event.data.message.thread_id, 0)
