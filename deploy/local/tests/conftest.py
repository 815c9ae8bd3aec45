"""Starts real runners, and ends whatever they leave: a leak fails a test, it does not stay on the machine."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from plugins.offsets import free_offset

RUNNER = Path(__file__).with_name("runner_with_fakes.py")
MARK = "ONETHREAD_TEST_MARK"
UP = "Ctrl-C stops it"
PORTS = (1001, 1002, 4222, 5433)


class Runner:
    """One `onethread up` with fake services `a` and `b`, in its own home, on its own ports."""

    def __init__(self, folder: Path, home: Path | None = None, **environment: str) -> None:
        self.folder = folder
        self.home = home or folder / "home"
        self.output = folder / "output.txt"
        self.order = folder / "order.txt"
        self.mark = uuid.uuid4().hex
        self.offset = free_offset(PORTS)
        self.python = sys.executable
        self.options: dict = {}
        clean = {k: v for k, v in os.environ.items() if not k.startswith("ONETHREAD_")} | environment
        self.environment = clean | {
            MARK: self.mark,
            "ONETHREAD_HOME": str(self.home),
            "ONETHREAD_PORT_OFFSET": str(self.offset),
            "ORDER_FILE": str(self.order),
        }
        self.process: subprocess.Popen | None = None

    def start(self, *, wait: bool = True) -> Runner:
        """With `wait`, returns when the table is shown."""
        with self.output.open("w") as output:
            command = [self.python, str(RUNNER), str(self.folder), "a=1001", "b=1002"]
            self.process = subprocess.Popen(
                command, stdout=output, stderr=output, env=self.environment, cwd=self.folder, **self.options
            )
        if wait:
            self.until(lambda: UP in self.text() or self.process.poll() is not None, 100)
            assert self.process.poll() is None, self.text()
        return self

    def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)

    def text(self) -> str:
        return self.output.read_text()

    def processes(self) -> list[psutil.Process]:
        """All that descend from this runner, also those that have lost their parent."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def child(self, words: str) -> psutil.Process:
        return next(p for p in self.processes() if words in " ".join(p.cmdline()) and p.pid != self.process.pid)

    def port(self, default: int) -> int:
        return default + self.offset

    def database_url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port(5433)}/onethread"

    def nats_url(self) -> str:
        return f"nats://127.0.0.1:{self.port(4222)}"

    def password(self) -> str:
        found = re.search(r"admin@onethread.localhost  (\S+)", self.text())
        assert found, self.text()
        return found[1]

    def get(self, default_port: int, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port(default_port)}{path}", timeout=30) as answer:
            return answer.read()

    def until(self, true: Callable[[], object], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f"not within {seconds} s; the runner said:\n{self.text()}"
            time.sleep(0.05)

    def is_gone(self) -> bool:
        return not self.processes()

    def clean_up(self) -> None:
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()
        if self.process:
            self.process.wait()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A short path that every user may enter; pytest's own temporary folders are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="ot-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def make_runner(open_folder: Path) -> Iterator[Callable[..., Runner]]:
    made: list[Runner] = []

    def make(name: str = "one", **environment: str) -> Runner:
        folder = open_folder / name
        folder.mkdir(exist_ok=True)
        made.append(Runner(folder, **environment))
        return made[-1]

    yield make
    for runner in made:
        runner.clean_up()


@pytest.fixture
def runner(make_runner: Callable[..., Runner]) -> Runner:
    return make_runner()
