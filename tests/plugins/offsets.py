"""Where a test's own stack or runner listens."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable

from onethread.local.ports import taken

OFFSETS = range(11_000, 24_000, 100)
"""All ports then lie below those that the system hands out by itself, and no two offsets make two ports of ours one."""


def free_offset(ports: Iterable[int]) -> int:
    """At which nobody listens on any of `ports`. Workers do not take each other's: between this and the start of what
    will listen lies a second."""
    ports = tuple(ports)
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    own = OFFSETS[worker :: int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))]
    for offset in random.sample(own, len(own)):
        if not any(taken("127.0.0.1", port + offset) for port in ports):
            return offset
    raise AssertionError("no free range of ports")
