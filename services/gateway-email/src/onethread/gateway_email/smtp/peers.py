"""What one mail server may ask of us: pure, with the clock passed in. Addresses stay in memory, for a minute."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network

from onethread.gateway_email.sender.authenticity import address_of

WINDOW_SECONDS = 60
WRONG_A_MINUTE = 50
"""Unknown recipients. More is somebody who looks for addresses."""
NEIGHBOURS = 64
"""Whoever has one IPv6 address has all of its /64."""

TOO_MANY = "421 4.7.0 Too many connections; close some, or try again in a moment"
TOO_MANY_WRONG = "421 4.7.1 Too many unknown recipients; check the addresses, and try again in a minute"
TOO_FAST = "451 4.7.1 Too many mails in a minute; nothing is lost, go on in a minute"

Network = IPv4Network | IPv6Network


def networks(text: str) -> tuple[Network, ...]:
    """CIDRs with commas between. Raises ValueError for what is none."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def is_among(peer: str, known: tuple[Network, ...]) -> bool:
    address = address_of(peer)
    return address is not None and any(address in network for network in known)


@dataclass(frozen=True, slots=True)
class Bounds:
    """0 is no bound."""

    connections: int
    connections_each: int
    mails_a_minute: int


class Peers:
    """Counts by peer. Those in `known` are ours, and bring the mail of many: they have no bounds of their own."""

    def __init__(self, bounds: Bounds, known: tuple[Network, ...], clock: Callable[[], float] = time.monotonic) -> None:
        self._bounds, self._known, self._clock = bounds, known, clock
        self._open: Counter[str] = Counter()
        self._mails: Counter[str] = Counter()
        self._wrong: Counter[str] = Counter()
        self._window = 0

    def is_known(self, peer: str) -> bool:
        return is_among(peer, self._known)

    def come(self, peer: str) -> str | None:
        """The refusal. Without one, `go` must follow when the connection ends."""
        self._turn()
        who = _who(peer)
        if _over(self._open.total(), self._bounds.connections):
            return TOO_MANY
        if not self.is_known(peer):
            if _over(self._open[who], self._bounds.connections_each):
                return TOO_MANY
            if _over(self._wrong[who], WRONG_A_MINUTE):
                return TOO_MANY_WRONG
        self._open[who] += 1
        return None

    def go(self, peer: str) -> None:
        who = _who(peer)
        self._open[who] -= 1
        if not self._open[who]:
            del self._open[who]

    def mail(self, peer: str) -> str | None:
        """The refusal of one more mail."""
        self._turn()
        if self.is_known(peer):
            return None
        who = _who(peer)
        if _over(self._mails[who], self._bounds.mails_a_minute):
            return TOO_FAST
        self._mails[who] += 1
        return None

    def wrong(self, peer: str) -> None:
        self._turn()
        self._wrong[_who(peer)] += 1

    @property
    def connections(self) -> int:
        return self._open.total()

    @property
    def servers(self) -> int:
        """How many different ones are connected."""
        return len(self._open)

    def _turn(self) -> None:
        window = int(self._clock() // WINDOW_SECONDS)
        if window != self._window:
            self._window = window
            self._mails.clear()
            self._wrong.clear()


def _over(count: int, bound: int) -> bool:
    return 0 < bound <= count


def _who(peer: str) -> str:
    address = address_of(peer)
    return str(ip_network((address, NEIGHBOURS), strict=False)) if isinstance(address, IPv6Address) else str(address)
