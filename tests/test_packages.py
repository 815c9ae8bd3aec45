"""Each package declares what it imports. All share one environment here, which would hide what is missing."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = sorted(path.parent for path in ROOT.glob("*/*/pyproject.toml"))


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def distributions() -> dict[str, set[str]]:
    return {module: {plain(name) for name in names} for module, names in packages_distributions().items()}


def providers(module: str) -> set[str]:
    """The distributions of which any brings `module`."""
    top, _, rest = module.partition(".")
    if top == "onethread":
        return {plain(f"onethread-{rest.partition('.')[0]}")}
    return distributions().get(top, {plain(top)})


def imports(source: Path) -> Iterator[str]:
    """Absolute ones, also those inside of functions."""
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # `from onethread import runtime` names the package second.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def declared(project: dict[str, Any]) -> set[str]:
    named = (re.match(r"[A-Za-z0-9._-]+", line) for line in project.get("dependencies", []))
    return {plain(match[0]) for match in named if match} | {plain(project["name"])}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_package_declares_what_it_imports(package: Path) -> None:
    own = declared(tomllib.loads((package / "pyproject.toml").read_text("utf-8"))["project"])
    missing = {
        f"{source.relative_to(package / 'src')} imports {module.partition('.')[0]}"
        for source in (package / "src").rglob("*.py")
        for module in imports(source)
        if module.partition(".")[0] not in sys.stdlib_module_names and not providers(module) & own
    }
    assert not missing, f"not declared in {package.name}: {sorted(missing)}"
