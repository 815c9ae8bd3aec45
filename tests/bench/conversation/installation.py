"""One size: servers of its own, a database that is full already, and replicas of the service as real processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import nats
import psutil
from tests.bench.conversation import world
from tests.bench.conversation.world import World

from onethread.conversation.migrate import migrate
from onethread.local.leash import Leash
from onethread.local.servers import embedded_servers, free_port
from onethread.runtime.provision import provision

KEY = "key-of-the-bench"
START_SECONDS = 60
SECRETS = {"ONETHREAD_API_KEY": KEY, "ONETHREAD_ADMIN_PASSWORD": "password-of-the-bench"}


@dataclass
class Replica:
    """A process of the conversation service."""

    port: int
    process: psutil.Popen

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cpu_seconds(self) -> float:
        return sum(self.process.cpu_times()[:2])


@dataclass
class Installation:
    size: int
    nats_url: str
    database_url: str
    world: World
    folder: Path
    replicas: list[Replica] = field(default_factory=list)

    def add_replica(self) -> None:
        """Returns when it is ready. Call it from the main thread, with which it dies."""
        port = free_port()
        environment = os.environ | SECRETS | {
            "NATS_URL": self.nats_url, "DATABASE_URL": self.database_url, "ONETHREAD_PORT": str(port),
        }  # fmt: skip
        log = self.folder / f"{self.size}-{port}.log"
        with log.open("wb") as output:
            command = [sys.executable, "-m", "onethread.conversation"]
            process = psutil.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                preexec_fn=Leash().before_exec(signal.SIGKILL),
            )  # fmt: skip
        self.replicas.append(Replica(port, process))
        end = time.monotonic() + START_SECONDS
        while not _ready(self.replicas[-1].url):
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"The conversation service did not start: {log.read_text()[-2000:]}")
            time.sleep(0.05)

    def stop_replicas(self) -> None:
        for replica in self.replicas:
            replica.process.terminate()
        for replica in self.replicas:
            replica.process.wait(30)
        self.replicas.clear()


def _ready(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{url}/readyz", timeout=2).is_success
    return False


@contextlib.contextmanager
def installed(size: int) -> Iterator[Installation]:
    """With one replica. Everything is gone afterwards."""
    with embedded_servers() as (nats_url, database_url), tempfile.TemporaryDirectory(prefix="onethread-bench-") as logs:
        began = time.perf_counter()
        migrate(database_url)
        known = world.write(database_url, size)
        print(f"{size:,} messages: wrote {known.messages:,} in {time.perf_counter() - began:.0f} s.", flush=True)
        asyncio.run(_provide(nats_url))
        one = Installation(size, nats_url, database_url, known, Path(logs))
        try:
            one.add_replica()
            yield one
        finally:
            one.stop_replicas()


async def _provide(url: str) -> None:
    connection = await nats.connect(url)
    await provision(connection.jetstream())
    await connection.close()
