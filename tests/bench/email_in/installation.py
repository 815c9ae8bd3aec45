"""gateway-email and conversation as real processes, with a bus and a database of their own. Nobody answers."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import psutil
from tests.bench.conversation.installation import SECRETS, START_SECONDS, Installation, installed

from onethread.local.leash import Leash
from onethread.local.servers import free_port


@dataclass
class Gateway:
    smtp_port: int
    process: psutil.Popen


@contextlib.contextmanager
def with_gateway() -> Iterator[tuple[Installation, Gateway]]:
    """An empty installation with one replica of each. Everything is gone afterwards."""
    with installed(0) as around:
        gateway = _started(around)
        try:
            yield around, gateway
        finally:
            gateway.process.terminate()
            gateway.process.wait(30)


def _started(around: Installation) -> Gateway:
    port, smtp_port = free_port(), free_port()
    environment = os.environ | SECRETS | {
        "NATS_URL": around.nats_url, "ONETHREAD_PORT": str(port), "ONETHREAD_SMTP_PORT": str(smtp_port),
        "ONETHREAD_HOME": str(around.folder), "ONETHREAD_REPLY_SECRET": "reply-secret-of-the-bench",
        "ONETHREAD_TRUSTED_RELAYS": "127.0.0.0/8", "ONETHREAD_TRUSTED_AUTHSERV_ID": "onethread.localhost",
    }  # fmt: skip
    log = around.folder / "gateway-email.log"
    with log.open("wb") as output:
        process = psutil.Popen(
            [sys.executable, "-m", "onethread.gateway_email"], env=environment, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, preexec_fn=Leash().before_exec(signal.SIGKILL),
        )  # fmt: skip
    end = time.monotonic() + START_SECONDS
    while not _ready(port):
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"gateway-email did not start: {log.read_text()[-2000:]}")
        time.sleep(0.05)
    return Gateway(smtp_port, process)


def _ready(port: int) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2).is_success
    return False
