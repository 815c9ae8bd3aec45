"""Random histories: the same few every time, unless `ONETHREAD_HISTORIES` asks for so many new ones."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

_ASKED_FOR = int(os.environ.get("ONETHREAD_HISTORIES", "0"))


def bounded(histories: int, steps: int) -> settings:
    """Nothing is made smaller when it fails: each step is a real one, and the log tells the story."""
    return settings(
        max_examples=_ASKED_FOR or histories,
        stateful_step_count=steps,
        derandomize=not _ASKED_FOR,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
