"""The whole stack, started and stopped through its own runner in a throw-away home."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from onethread.local.postgres import database_url

ROOT = Path(__file__).parents[2]
START_SECONDS, STOP_SECONDS = 180, 60
RUNNING = "Onethread is running"


@dataclass
class Stack:
    """A stack that runs. `started` is the seconds from the command to the table that says so."""

    home: Path
    offset: int
    process: subprocess.Popen[bytes]
    started: float

    def port(self, default: int) -> int:
        return default + self.offset

    @property
    def api_key(self) -> str:
        lines = (self.home / "secrets.env").read_text().splitlines()
        return next(line.partition("=")[2] for line in lines if line.startswith("ONETHREAD_API_KEY="))

    def analyze(self) -> None:
        """What PostgreSQL does by itself sooner or later: until then it plans as if the tables were empty."""
        with psycopg.connect(database_url(self.port(5433)), autocommit=True) as connection:
            connection.execute("analyze")


@contextlib.contextmanager
def throw_away_home() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="onethread-bench-"))
    home.chmod(0o711)  # as root the database runs as another user, who must pass
    try:
        yield home
    finally:
        shutil.rmtree((home / "postgres").resolve(), ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def running(home: Path, offset: int) -> Iterator[Stack]:
    """What `just up` does, from its two steps to its Ctrl-C."""
    environment = os.environ | {
        "ONETHREAD_HOME": str(home),
        "ONETHREAD_PORT_OFFSET": str(offset),
        "ONETHREAD_WIDGET_RATE": "0",
    }
    log = home / "bench.log"
    began = time.perf_counter()
    subprocess.run([sys.executable, "deploy/local/setup.py", "up"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "onethread.local", "up", "--with-parent"],
            cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        _wait(process, log)
        yield Stack(home, offset, process, time.perf_counter() - began)
    finally:
        _stop(process)


def _wait(process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while RUNNING not in (said := log.read_text(errors="replace")):
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit("The stack did not start. Its last lines:\n" + "\n".join(said.splitlines()[-15:]))
        time.sleep(0.02)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
