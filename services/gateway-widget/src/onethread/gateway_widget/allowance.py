"""How much one socket may send: so many frames a second for long, and a burst at once."""

from __future__ import annotations


class Allowance:
    """A token bucket. The clock is the caller's, in seconds."""

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self._rate, self._burst = rate, float(burst)
        self._left, self._at = self._burst, now

    def spend(self, now: float) -> bool:
        """Whether one more frame is within the allowance. A rate of 0 allows everything."""
        if not self._rate:
            return True
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
