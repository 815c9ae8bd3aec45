"""Tests packages one by one, each in an environment that holds what it declares and what its tests need.

    python deploy/tests/alone.py [services/agent ...]

Tests that need a bus, a database or a browser need more packages than their own, and are left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("libs/contracts", "libs/runtime", *(f"services/{path.name}" for path in sorted(ROOT.glob("services/*"))))
PACKAGES += ("deploy/local", "deploy/playground")
FOR_TESTS = (
    "pytest",
    "pytest-asyncio",
    "pytest-timeout",
    "hypothesis",
    "httpx",
    "websockets",
    "jsonschema",
    "cryptography",
)
NO_TESTS = 5
IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, sys.argv[1] + "."):
    if "migrations" not in module.name and not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""


def main() -> int:
    failed = [package for package in sys.argv[1:] or PACKAGES if not stands_alone(package)]
    say(f"Not alone: {', '.join(failed)}" if failed else "Each package stands alone.")
    return 1 if failed else 0


def stands_alone(package: str) -> bool:
    about = tomllib.loads((ROOT / package / "pyproject.toml").read_text("utf-8"))
    name = about["project"]["name"]
    module = about["tool"]["uv"]["build-backend"]["module-name"]
    say(f"== {package}")
    if run(name, [], ["python", "-c", IMPORT_ALL, module]) != 0:
        return False
    tests = ["python", "-m", "pytest", "-q", "-m", "not connected and not browser", f"{package}/tests"]
    return run(name, ["--all-groups", *(f"--with={need}" for need in FOR_TESTS)], tests) in {0, NO_TESTS}


def run(package: str, options: list[str], command: list[str]) -> int:
    beside = ROOT / ".tools" / "bin" / "uv"
    uv = str(beside) if beside.exists() else shutil.which("uv") or "uv"
    environment = {key: value for key, value in os.environ.items() if key not in {"VIRTUAL_ENV", "ONETHREAD_REQUIRE"}}
    whole = [uv, "run", "--quiet", "--isolated", "--frozen", "--package", package, *options, *command]
    return subprocess.run(whole, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False).returncode


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
