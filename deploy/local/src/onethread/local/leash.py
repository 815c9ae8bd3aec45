"""No process outlives the runner, not even one that was killed with -9.

Linux signals a child when the thread that forked it is gone, so children are started from the main thread.
Elsewhere a watcher process reads from a pipe: when the runner is gone, the pipe ends and the watcher ends the rest.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable

PR_SET_PDEATHSIG = 1
GRACE_SECONDS = 5.0


class Leash:
    """Ties child processes to this one.

    `kernel=False` uses the watcher process also where the kernel could do it.
    """

    def __init__(self, *, kernel: bool = sys.platform == "linux") -> None:
        self._kernel = kernel
        self._watcher: subprocess.Popen[str] | None = None

    def before_exec(self, death_signal: signal.Signals) -> Callable[[], None] | None:
        """For `preexec_fn`: runs in the child, between fork and exec, after the change of user."""
        if not self._kernel:
            return None
        libc, parent = ctypes.PyDLL(None), os.getpid()

        def tie() -> None:
            libc.prctl(PR_SET_PDEATHSIG, int(death_signal))
            if os.getppid() != parent:  # the runner died before the line above
                os._exit(1)

        return tie

    def hold(self, pid: int, death_signal: signal.Signals) -> None:
        """From now on the process group `pid` gets `death_signal` when this process is gone."""
        if not self._kernel:
            self._tell(f"{pid} {int(death_signal)}")

    def release(self, pid: int) -> None:
        if not self._kernel:
            self._tell(f"{pid} 0")

    def close(self) -> None:
        if self._watcher and self._watcher.stdin:
            self._watcher.stdin.close()
            self._watcher.wait()

    def _tell(self, line: str) -> None:
        if self._watcher is None:
            command = [sys.executable, "-m", __name__]
            self._watcher = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, start_new_session=True)  # noqa: S603
        stdin = self._watcher.stdin
        with contextlib.suppress(BrokenPipeError):
            print(line, file=stdin, flush=True)


def watch(lines: Iterable[str]) -> None:
    """The watcher: remembers who is held until the lines end, then ends those."""
    held: dict[int, int] = {}
    for line in lines:
        pid, number = map(int, line.split())
        if number:
            held[pid] = number
        else:
            held.pop(pid, None)
    for pid, number in held.items():
        _signal(pid, number)
    end = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < end and any(_signal(pid, 0) for pid in held):
        time.sleep(0.05)
    for pid in held:
        _signal(pid, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    watch(sys.stdin)
