"""A circuit breaker: who fails again and again is left alone for a while, so that nobody waits for it. Pure."""

from collections.abc import Callable
from typing import Literal

State = Literal["closed", "open", "half-open"]


class Breaker:
    """Opens after `failures` in a row, for `rest` seconds; then one call tries, and the others go on being refused.

    `clock` gives seconds that only grow.
    """

    def __init__(self, failures: int, rest: float, clock: Callable[[], float]) -> None:
        self._most, self._rest, self._clock = failures, rest, clock
        self._failures = 0
        self._opened: float | None = None
        self._trying = False

    @property
    def state(self) -> State:
        if self._opened is None:
            return "closed"
        return "half-open" if self._trying or self._clock() - self._opened >= self._rest else "open"

    def admit(self) -> bool:
        """Whether to call now. Who was admitted tells what came of it, by one of the three below."""
        if self.state == "closed":
            return True
        if self.state == "open" or self._trying:
            return False
        self._trying = True
        return True

    def succeeded(self) -> None:
        self._failures, self._opened, self._trying = 0, None, False

    def failed(self) -> None:
        self._failures += 1
        if self._trying or (self._opened is None and self._failures >= self._most):
            self._opened = self._clock()
        self._trying = False

    def gave_up(self) -> None:
        """The call was stopped from outside, which says nothing about the other side."""
        self._trying = False
