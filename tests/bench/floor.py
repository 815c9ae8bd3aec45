"""The floor beside ours: what this machine can do at best on the same path, with the same servers and guarantees."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from onethread.local.servers import embedded_servers

ROUND_SECONDS = 60


def run(path: Path, rounds: int, variants: Sequence[str] = ("group", "bare")) -> dict[str, Mapping[str, Any]]:
    """Runs the variants on servers that are started like the stack's own; returns their figures by load."""
    with tempfile.TemporaryDirectory(prefix="onethread-floor-") as folder:
        copy = Path(folder) / "floor"
        shutil.copytree(path, copy)
        for one in (copy, *copy.rglob("*")):
            one.chmod(0o755)
        log = Path(folder) / "floor.log"
        figures: dict[str, Mapping[str, Any]] = {}
        for variant in variants:
            with embedded_servers() as (nats, database), log.open("wb") as output:
                environment = os.environ | {"NATS_URL": nats, "DATABASE_URL": database}
                command = [_uv(), "run", "--no-project", "--python", sys.executable, "run.py", str(rounds), variant]
                done = subprocess.run(
                    command, cwd=copy, env=environment, check=False, timeout=ROUND_SECONDS * (rounds + 2), stderr=output
                )
            if done.returncode == 0:
                figures[variant] = json.loads((copy / "results" / f"{variant}.json").read_text())
            else:  # on a busy machine its own bus times out, and it has no second try
                print(f"The floor's `{variant}` failed: {log.read_text(errors='replace').splitlines()[-1]}")
        return figures


def _uv() -> str:
    beside = Path(__file__).parents[2] / ".tools/bin/uv"
    found = shutil.which("uv") or (str(beside) if beside.exists() else None)
    if found is None:
        raise SystemExit("The floor needs uv: pip install uv.")
    return found
