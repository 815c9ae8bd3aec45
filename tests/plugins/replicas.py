"""A replica of the conversation service that can be killed, and a look at where it stands."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

HOLD = "select 1 from thread where id = %s for no key update"
"""From a thread of its own: whoever may have the row now may be waiting for this one."""


@contextmanager
def replica(nats_url: str, database_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another replica of the service, in a process of its own."""
    environment = {
        **os.environ, "NATS_URL": nats_url, "DATABASE_URL": database_url, "ONETHREAD_PORT": "0",
        "ONETHREAD_API_KEY": "key", "ONETHREAD_ADMIN_PASSWORD": "pw-of-admin",
    }  # fmt: skip
    command = [sys.executable, "-m", "onethread.conversation"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def waiting_for_a_lock(connection: Any, query: str) -> list[int]:
    """Backends that are stopped in the middle of a transaction, at a statement like `query`."""
    found = connection.execute(
        "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        " and query like %s", [query]
    )  # fmt: skip
    return [pid for (pid,) in found.fetchall()]
