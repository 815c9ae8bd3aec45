"""What the processes of a stack used, and how times are summed up."""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from collections.abc import Iterable, Sequence

import psutil

MEGABYTE = 2**20


def percentiles(seconds: Iterable[float]) -> dict[str, float | None]:
    """p50, p99 and the worst, in milliseconds. None where nothing was measured."""
    ordered = sorted(seconds)
    if not ordered:
        return {"p50": None, "p99": None, "max": None}
    last = len(ordered) - 1
    return {
        "p50": round(ordered[len(ordered) // 2] * 1e3, 1),
        "p99": round(ordered[min(last, int(len(ordered) * 0.99))] * 1e3, 1),
        "max": round(ordered[last] * 1e3, 1),
    }


def _role(process: psutil.Process) -> str:
    name = process.name()
    if name.startswith(("nats-server", "postgres")):
        return name.removesuffix("-server")
    command = process.cmdline()
    module = command[command.index("-m") + 1] if "-m" in command else name
    return {"onethread.local": "runner"}.get(module, module.rpartition(".")[2].replace("_", "-"))


def _family(pid: int) -> Sequence[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        top = psutil.Process(pid)
        return [top, *top.children(recursive=True)]
    return []


def cpu_seconds(pid: int) -> Counter[str]:
    """CPU that each role below `pid` has used so far."""
    used: Counter[str] = Counter()
    for process in _family(pid):
        with contextlib.suppress(psutil.Error):
            used[_role(process)] += sum(process.cpu_times()[:2])
    return used


class Neighbours:
    """What other programs than `pid` and its family take of the machine from now on."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._began, self._not_theirs = time.perf_counter(), self._idle_or_ours()

    def percent_of_a_core(self) -> int:
        seconds = time.perf_counter() - self._began
        return round(100 * ((os.cpu_count() or 1) - (self._idle_or_ours() - self._not_theirs) / seconds))

    def _idle_or_ours(self) -> float:
        times = psutil.cpu_times()
        return times.idle + getattr(times, "iowait", 0.0) + cpu_seconds(self._pid).total()


def memory(pid: int) -> dict[str, dict[str, float]]:
    """Megabytes of each role, `whole` included. PSS shares what processes share; RSS counts it for each of them."""
    found: dict[str, Counter[str]] = {}
    for process in _family(pid):
        with contextlib.suppress(psutil.Error):
            info = process.memory_full_info()
            for role in (_role(process), "whole"):
                sizes = found.setdefault(role, Counter())
                sizes["rss"] += info.rss
                sizes["pss"] += getattr(info, "pss", info.rss)
    return {role: {kind: round(size / MEGABYTE, 1) for kind, size in sizes.items()} for role, sizes in found.items()}
