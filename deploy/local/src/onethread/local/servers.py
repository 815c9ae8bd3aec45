"""The embedded servers: real NATS and PostgreSQL, from wheels, on loopback.

`embedded_servers` runs the two for tests and the bench; `onethread up` hands the same programs to its supervisor.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from onethread.local.errors import CannotStart
from onethread.local.leash import Leash
from onethread.local.ports import taken
from onethread.local.postgres import database_url, postgres
from onethread.local.program import Program, nats_answers

MAX_PAYLOAD = 8 * 1024 * 1024
"""Bytes. A mail travels as one event, HTML part and all, and many are over NATS' default of 1 MB. More than 8 MB the
server itself advises against: one such message holds up everything behind it on the connection."""
SYNC_CHOICES = ("always", "default")
START_SECONDS = 30.0
STOP_SECONDS = 15.0
FREE_PORTS = range(10_000, 32_000)


def nats_url(port: int) -> str:
    return f"nats://127.0.0.1:{port}"


def nats(home: Path, port: int, *, durable: bool = True) -> Program:
    """Writes the configuration into `home/nats` and says how to start the server."""
    folder = home / "nats"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    configuration = folder / "nats.conf"
    configuration.write_text(_configuration(folder, port, durable=durable))
    return Program(
        name="nats",
        command=(_nats_server(), "-c", str(configuration)),
        ready=nats_answers(nats_url(port)),
        chatter=(" [INF]",),
        death_signal=signal.SIGTERM,
    )


def _configuration(folder: Path, port: int, *, durable: bool = True) -> str:
    sync = os.environ.get("ONETHREAD_NATS_SYNC", "always" if durable else "default")
    if sync not in SYNC_CHOICES:
        raise CannotStart(f"ONETHREAD_NATS_SYNC is {sync!r}, but can only be {' or '.join(SYNC_CHOICES)}.")
    # NATS' own default forgets up to two minutes of acknowledged messages in a power cut.
    interval = "sync_interval: always" if sync == "always" else ""
    return (
        f"server_name: onethread-local\nhost: 127.0.0.1\nport: {port}\nmax_payload: {MAX_PAYLOAD}\n"
        f"jetstream {{\n  store_dir: {json.dumps(str(folder))}\n  {interval}\n}}\n"
    )


def _nats_server() -> str:
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if not found:
        raise CannotStart("There is no nats-server here: install it (macOS: brew install nats-server) or set NATS_URL.")
    return found


def free_port() -> int:
    """Below those that the system hands out by itself: such a one may be in use by the time that a server listens."""
    return next(port for port in random.sample(FREE_PORTS, 100) if not taken("127.0.0.1", port))


@contextlib.contextmanager
def embedded_servers(home: Path | None = None, *, durable: bool = True) -> Iterator[tuple[str, str]]:
    """Runs both on free ports and yields `(nats_url, database_url)`; the database `onethread` is there, and empty.

    Without `home` everything lies in a throw-away folder. Where that need not outlive a power cut, `durable=False`
    spares every wait for the disk. Call it from the main thread: the servers die with the thread that started them.
    """
    with contextlib.ExitStack() as stack:
        throw_away = home is None
        folder = stack.enter_context(_temporary_folder()) if home is None else home.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        leash = Leash()
        stack.callback(leash.close)
        nats_port, postgres_port = free_port(), free_port()
        database = postgres(folder, postgres_port, leash, throw_away=throw_away, durable=durable)
        for program in (database, nats(folder, nats_port, durable=durable)):
            stack.enter_context(_running(program, folder, leash))
        yield nats_url(nats_port), database_url(postgres_port)


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="onethread-"))
    folder.chmod(0o711)  # as root the database runs as another user, who must pass
    try:
        yield folder
    finally:
        shutil.rmtree((folder / "postgres").resolve(), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _running(program: Program, folder: Path, leash: Leash) -> Iterator[None]:
    if program.before_start:
        program.before_start()
    log = folder / f"{program.name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 our own command
            program.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            **program.start_options(leash),
        )
    leash.hold(process.pid, program.death_signal)
    try:
        _wait_until_ready(program, process, log)
        yield
    finally:
        _stop(program, process)
        leash.release(process.pid)


def _wait_until_ready(program: Program, process: subprocess.Popen[Any], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while not program.ready():
        if process.poll() is not None or time.monotonic() > end:
            last = " ".join(log.read_text(errors="replace").splitlines()[-3:])
            raise CannotStart(f"{program.name} did not start: {last or process.returncode}")
        time.sleep(0.02)


def _stop(program: Program, process: subprocess.Popen[Any]) -> None:
    process.send_signal(program.stop_signal)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.send_signal(program.kill_signal)
        process.wait(STOP_SECONDS)
