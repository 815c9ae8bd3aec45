"""Ports: where everything listens, and who is in the way."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Mapping

import psutil

from onethread.local.errors import CannotStart

HIGHEST = 65535
OFFSETS = range(100, 5100, 100)
RELEASE_SECONDS = 3.0
"""The database of a copy that was killed a moment ago is still writing to the disk what it has."""


def port_offset(text: str, highest_port: int) -> int:
    try:
        offset = int(text or "0")
    except ValueError:
        raise CannotStart(f"ONETHREAD_PORT_OFFSET is {text!r}, but must be a whole number.") from None
    if not 0 <= offset <= HIGHEST - highest_port:
        raise CannotStart(f"ONETHREAD_PORT_OFFSET is {offset}, but must be between 0 and {HIGHEST - highest_port}.")
    return offset


def require_free(host: str, ports: Mapping[int, str], offset: int) -> None:
    """`ports` maps each port, the offset included, to the name of what will listen there."""
    end = time.monotonic() + RELEASE_SECONDS
    while busy := [port for port in ports if taken(host, port)]:
        if time.monotonic() > end:
            raise CannotStart(_sentence(busy, ports, _free_offset(host, ports, offset)))
        time.sleep(0.1)


def taken(host: str, port: int) -> bool:
    """True when something answers there, or when we may not listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as caller, contextlib.suppress(OSError):
        caller.settimeout(0.5)
        caller.connect((host, port))
        return True
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen()
        except OSError:
            return True
    return False


def owner(port: int) -> str | None:
    """The program that listens on `port`, where the system tells us."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,) and connection.pid:
                return f"{psutil.Process(connection.pid).name()}, process {connection.pid}"
    return None


def _free_offset(host: str, ports: Mapping[int, str], offset: int) -> int:
    fits = (o for o in OFFSETS if o != offset and max(ports) - offset + o <= HIGHEST)
    return next((o for o in fits if not any(taken(host, port - offset + o) for port in ports)), 1000)


def _sentence(busy: list[int], ports: Mapping[int, str], cure: int) -> str:
    named = [f"{port} ({ports[port]}) is taken by {owner(port) or 'another program'}" for port in busy]
    return f"Port {', port '.join(named)}: stop that, or move every port with ONETHREAD_PORT_OFFSET={cure}."
