"""The whole system as `just up` runs it: every process real, own data, own ports, nothing left behind."""

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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest
from plugins.offsets import free_offset
from plugins.telemetry import Collector

SHOP = 8090
"""Where tests may serve a shop's own API, for the agent's tools."""
PORTS = (2525, 2526, 4222, 5433, 8000, 8010, 8020, 8030, 8040, 8050, 8080, SHOP)
READY_SECONDS = 240
STOP_SECONDS = 60
GONE_SECONDS = 10
"""What the runner killed last goes in its own time."""
MARK = "ONETHREAD_TEST_MARK"
SECRETS = {
    "ONETHREAD_API_KEY": "key-of-the-tests",
    "ONETHREAD_ADMIN_EMAIL": "admin@onethread.localhost",
    "ONETHREAD_ADMIN_PASSWORD": "password-of-the-tests",
    "ONETHREAD_SLACK_BOT_TOKEN": "xoxb-of-the-tests",
    "ONETHREAD_SLACK_SIGNING_SECRET": "signing-secret-of-the-tests",
    "ONETHREAD_WIDGET_SECRET": "widget-secret-of-the-tests-32-bytes",
    "ONETHREAD_REPLY_SECRET": "reply-secret-of-the-tests-32-bytes",
    "ONETHREAD_SESSION_SECRET": "session-secret-of-the-tests-32-bytes",
    "ONETHREAD_SECRET": "secret-of-the-tests-of-32-bytes-or-more",
}
COMMANDS = {
    "nats": "nats-server",
    "postgres": "bin/postgres -D",
    **{name: f"onethread.{name.replace('-', '_')}" for name in ("gateway-widget", "gateway-email", "gateway-slack")},
    **{name: f"onethread.{name}" for name in ("conversation", "agent", "knowledge", "playground")},
}


class Stack:
    """One `onethread up`. `url(8000)` is the inbox's address: ports are named by their defaults."""

    secrets = SECRETS

    def __init__(self, folder: Path, collector: Collector) -> None:
        self.folder, self.collector = folder, collector
        self.output = folder / "output.txt"
        self.offset = free_offset(PORTS)
        self.mark = uuid4().hex
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **more: str) -> None:
        """`more` goes into the environment."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("ONETHREAD_", "OTEL_"))}
        ours = {name: value for name, value in ours.items() if name not in ("NATS_URL", "DATABASE_URL")}
        own = {
            MARK: self.mark,
            "ONETHREAD_HOME": str(self.folder / "home"),
            "ONETHREAD_PORT_OFFSET": str(self.offset),
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.collector.url,
            "ONETHREAD_TOOL_NETWORKS": "127.0.0.0/8",
            "ONETHREAD_TOOL_PORTS": str(self.port(SHOP)),
        }
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "onethread.local", "up"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.folder,
                env=ours | SECRETS | own | more,
            )  # fmt: skip
        self.until(lambda: "Ctrl-C stops it" in self.said() or self.process.poll() is not None, READY_SECONDS)
        assert self.process.poll() is None, f"the stack did not start:\n{self.said()}"

    def stop(self) -> None:
        """By Ctrl-C. It must end by itself, and leave no process."""
        assert self.process
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(STOP_SECONDS)
        assert code == 0, self.said()[-3000:]
        self.until(lambda: not self.processes(), GONE_SECONDS, "the end of every process")

    def url(self, port: int, path: str = "") -> str:
        return f"http://127.0.0.1:{self.port(port)}{path}"

    def port(self, default: int) -> int:
        return default + self.offset

    def api(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {SECRETS['ONETHREAD_API_KEY']}"}
        return httpx.Client(base_url=self.url(8000, "/api/v1"), headers=headers, timeout=30)

    def said(self) -> str:
        """All that the runner and its programs wrote."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def log_of(self, service: str) -> list[str]:
        """The lines of one program, without its name in front."""
        plain = re.sub(r"\x1b\[[0-9;]*m", "", self.said())
        return [line.partition("| ")[2] for line in plain.splitlines() if line.split("|")[0].strip() == service]

    def until(self, true: Callable[[], object], seconds: float = 30, what: str = "it") -> Any:
        end = time.monotonic() + seconds
        while not (found := true()):
            assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
            time.sleep(0.05)
        return found

    # Processes

    def processes(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == self.mark:
                    found.append(process)
        return found

    def child(self, name: str) -> psutil.Process:
        """The process of a service, or of an embedded server."""
        assert self.process
        for process in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.Error):
                if COMMANDS[name] in " ".join(process.cmdline()):
                    return process
        raise LookupError(f"{name} does not run")

    @contextlib.contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """The process and what it started stand still, as a machine that hangs: connections stay, nobody answers."""
        family = [self.child(name)]
        family[0].suspend()
        family += family[0].children(recursive=True)
        try:
            for process in family[1:]:
                with contextlib.suppress(psutil.Error):
                    process.suspend()
            # Where the machine is busy, it takes a while until a process notices.
            self.until(lambda: all(map(_stands_still, family)), what="the standstill")
            yield
        finally:
            for process in reversed(family):
                with contextlib.suppress(psutil.Error):
                    process.resume()

    def end(self, name: str, number: signal.Signals) -> None:
        """Ends a program; the runner starts it again."""
        process = self.child(name)
        process.send_signal(number)
        process.wait(60)

    @contextlib.contextmanager
    def away(self, name: str) -> Iterator[None]:
        """The process is killed, and the one that the runner starts in its place gets no further than its start."""
        self.end(name, signal.SIGKILL)
        self.until(lambda: self._runs(name), what=f"another start of {name}")
        with self.frozen(name):
            yield

    def _runs(self, name: str) -> bool:
        with contextlib.suppress(LookupError):
            return bool(self.child(name))
        return False

    def until_ready(self, name: str, port: int, seconds: float = 60) -> None:
        def ready() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return httpx.get(self.url(port, "/readyz"), timeout=3).status_code == httpx.codes.OK
            return False

        self.until(ready, seconds, f"the return of {name}")


def _stands_still(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
    return True


@contextlib.contextmanager
def own_folder() -> Iterator[Stack]:
    """A stack that is not started yet, in a folder that goes with it."""
    pytest.importorskip("onethread.local.up", reason="the local runner is not installed")
    folder = Path(tempfile.mkdtemp(prefix="onethread-e2e-"))
    folder.chmod(0o711)  # as root the database runs as another user, who must pass
    with Collector() as collector:
        own = Stack(folder, collector)
        try:
            yield own
        finally:
            _clean_up(own)


@pytest.fixture(scope="session")
def stack(built_ui: None) -> Iterator[Stack]:
    """Runs until the end of the session, and must then end by itself and leave no process."""
    with own_folder() as running:
        running.start()
        yield running
        running.stop()


@pytest.fixture
def another_stack(built_ui: None) -> Iterator[Stack]:
    """One more, for a test to start and stop."""
    with own_folder() as own:
        yield own


def _clean_up(stack: Stack) -> None:
    for process in stack.processes():
        with contextlib.suppress(psutil.Error):
            process.kill()
    if stack.process:
        stack.process.wait()
    shutil.rmtree((stack.folder / "home/postgres").resolve(), ignore_errors=True)
    shutil.rmtree(stack.folder, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A failed test shows what the stack said meanwhile."""
    report = yield
    stacks = [one for one in getattr(item, "funcargs", {}).values() if isinstance(one, Stack)]
    if report.failed:
        report.sections += [("the stack's output (its end)", one.said()[-6000:]) for one in stacks]
    return report
