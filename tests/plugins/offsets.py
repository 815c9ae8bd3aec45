"""Where a test's own stack or runner listens."""

from __future__ import annotations

import random
import socket
from collections import deque
from collections.abc import Iterable

from onethread.local.ports import taken

OFFSETS = range(11_000, 24_000, 100)
"""All ports then lie below those that the system hands out by itself, and no two offsets make two ports of ours one."""
_kept: deque[socket.socket] = deque(maxlen=8)
"""What was chosen last: between the choice, or a stop, and the start of what will listen lie seconds."""


def free_offset(ports: Iterable[int]) -> int:
    """At which nobody listens on any of `ports`, and which no other run of tests on this machine has just chosen."""
    ports = tuple(ports)
    for offset in random.sample(OFFSETS, len(OFFSETS)):
        if _keep(offset) and not any(taken("127.0.0.1", port + offset) for port in ports):
            return offset
    raise AssertionError("no free range of ports")


def _keep(offset: int) -> bool:
    """By a port of UDP, of which there are no others here, and which is free again when this process is gone."""
    mark = socket.socket(type=socket.SOCK_DGRAM)
    try:
        mark.bind(("127.0.0.1", offset))
    except OSError:
        mark.close()
        return False
    _kept.append(mark)
    return True
