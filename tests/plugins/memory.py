"""Temporary files in memory, where Linux has enough: databases and streams are made and removed by the hundred.

On a disk each costs ten times the processor, and waits for whoever else writes. TMPDIR, when it is set, is obeyed.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")
NEEDED = 4 * 1024**3
PREFIX = "onethread-tests-"


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if "TMPDIR" in os.environ or not enough_memory():
        return
    remove_what_dead_runs_left(MEMORY)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=MEMORY))
    folder.chmod(0o711)  # as root the database runs as another user, who must pass
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)  # the workers of this run have it from us
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def enough_memory() -> bool:
    try:
        available = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text("ascii"))
        enough = bool(available) and min(int(available[1]) * 1024, shutil.disk_usage(MEMORY).free) >= NEEDED
        return enough and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC  # some tests start programs that they wrote
    except OSError:
        return False


def remove_what_dead_runs_left(place: Path) -> None:
    for folder in place.glob(f"{PREFIX}*"):
        if not Path("/proc", folder.name.removeprefix(PREFIX).partition("-")[0]).exists():
            shutil.rmtree(folder, ignore_errors=True)
