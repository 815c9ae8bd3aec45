"""A program to run, as data, and the probes that tell when it is ready."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from onethread.local.leash import Leash

Probe = Callable[[], bool]
PROBE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Account:
    """The user that a server runs as when the runner is root."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Program:
    """What to start, when it counts as ready, and how to end it."""

    name: str
    command: tuple[str, ...]
    ready: Probe = lambda: True
    alive: Probe | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    folder: Path | None = None
    account: Account | None = None
    before_start: Callable[[], None] | None = None
    job: bool = False
    """Runs once to its end before the next tier starts, and must succeed."""
    chatter: tuple[str, ...] = ()
    """Lines with one of these in them are not shown, only kept for the case that the program fails."""
    stop_signal: signal.Signals = signal.SIGTERM
    kill_signal: signal.Signals = signal.SIGKILL
    death_signal: signal.Signals = signal.SIGKILL
    """What it gets when the runner is gone."""

    def start_options(self, leash: Leash) -> dict[str, Any]:
        """Keyword arguments for `subprocess`: own session, own user, tied to this process."""
        options: dict[str, Any] = {
            "cwd": self.folder,
            "env": dict(self.environment),
            "start_new_session": True,
            "preexec_fn": leash.before_exec(self.death_signal),
        }
        if self.account:
            options |= {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}
        return options


def http_answers(url: str) -> Probe:
    """True when `url` answers 200."""
    parts = urlsplit(url)

    def probe() -> bool:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PROBE_SECONDS)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", parts.path)
            return connection.getresponse().status == http.HTTPStatus.OK
        return False

    return probe


def nats_answers(url: str) -> Probe:
    """True when one of the servers of `url` (a comma-separated list) greets."""
    addresses = [urlsplit(one if "://" in one else f"nats://{one}") for one in url.split(",")]

    def probe() -> bool:
        for address in addresses:
            with contextlib.suppress(OSError):
                where = (address.hostname or "127.0.0.1", address.port or 4222)
                with socket.create_connection(where, PROBE_SECONDS) as connection:
                    connection.settimeout(PROBE_SECONDS)
                    return connection.recv(5) == b"INFO "
        return False

    return probe


def postgres_answers(url: str) -> Probe:
    """True when a session can be opened."""

    def probe() -> bool:
        import psycopg

        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url, connect_timeout=2):
            return True
        return False

    return probe
