"""How often a login may be tried. Counted in each replica by itself: a limit against guessing, not a ledger."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

from onethread.runtime.errors import Problem

SECONDS = 900.0
KEYS = 10_000


class Attempts:
    """At most `limit` tries for one key in 15 minutes."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._clock = limit, clock
        self._tried: dict[str, deque[float]] = {}

    def take(self, key: str) -> None:
        """Counts a try. Raises a 429 problem when there were too many."""
        now = self._clock()
        tried = self._tried.setdefault(key, deque(maxlen=self._limit))
        if len(tried) == self._limit and now - tried[0] < SECONDS:
            wait = math.ceil(SECONDS - (now - tried[0]))
            raise Problem(429, "Too many tries", f"Try again in {math.ceil(wait / 60)} minutes.", retry_after=wait)
        tried.append(now)
        if len(self._tried) > KEYS:
            self._forget(now)

    def give_back(self, key: str) -> None:
        """The last try does not count: it was right."""
        self._tried[key].pop()
        if not self._tried[key]:
            del self._tried[key]

    def forgive(self, key: str) -> None:
        """None counts."""
        self._tried.pop(key, None)

    def _forget(self, now: float) -> None:
        self._tried = {key: tried for key, tried in self._tried.items() if now - tried[-1] < SECONDS}
