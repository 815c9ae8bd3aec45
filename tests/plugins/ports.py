"""Ports for servers of a test's own."""

from __future__ import annotations

import os
import random
import socket

PORTS = range(10_000, 13_000)
"""Below those that the system hands out by itself, which somebody may have got by the time that a server listens, and
below those of whole stacks."""


def free_port() -> int:
    """Workers do not take each other's."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    own = PORTS[worker :: int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))]
    return next(port for port in random.sample(own, len(own)) if not _taken(port))


def _taken(port: int) -> bool:
    with socket.socket() as there:
        return there.connect_ex(("127.0.0.1", port)) == 0
