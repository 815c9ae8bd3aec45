"""How tests are spread over workers, and that a run with workers refuses what a run without them does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from plugins.memory import PREFIX, remove_what_dead_runs_left
from plugins.workers import share

ROOT = Path(__file__).resolve().parents[1]
CONFTEST = f"""
import sys
sys.path.insert(0, {str(ROOT / "tests")!r})
pytest_plugins = ["plugins.requirements", "plugins.workers"]
"""
INI = "[pytest]\naddopts = --import-mode=importlib\nmarkers = browser: drives a browser\n"
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""Three processes would each spend a second on plugins that these tests do not need."""
PLAIN = "def test_plain(): pass\n"
RAN = "import pytest\n@pytest.mark.browser\ndef test_a(): pass\n"
SKIPPED = "import pytest\n@pytest.mark.browser\ndef test_b(): pytest.skip('no browser')\n"
SKIPPED_WHOLE = "import pytest\npytestmark = pytest.mark.browser\npytest.importorskip('no_such_module')\n"


def test_a_file_stays_on_one_worker() -> None:
    file = "services/agent/tests/test_turn.py"
    assert share(f"{file}::test_one[a::b/c]") == share(f"{file}::TestMany::test_two") == file


def test_whole_stacks_run_on_one_worker_one_after_the_other() -> None:
    assert share("tests/e2e/test_faults.py::test_one") == share("tests/telemetry/test_trace_joins.py::test_two")
    assert share("tests/test_audience.py::test_three") == "tests/test_audience.py"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ((RAN + SKIPPED, SKIPPED_WHOLE), "ONETHREAD_REQUIRE asks for all browser tests, but 2 were skipped"),
        ((PLAIN, PLAIN), "ONETHREAD_REQUIRE asks for the browser tests, but none ran."),
        ((PLAIN, RAN), ""),
    ],
    ids=["one and a whole file", "none there", "all ran"],
)
def test_what_is_required_and_was_skipped_on_a_worker_fails_the_run(
    tmp_path: Path, files: tuple[str, str], said: str
) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "pytest.ini").write_text(INI)
    for number, text in enumerate(files):
        (tmp_path / f"test_{number}.py").write_text(text)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "xdist", "-n", "2", "-p", "no:cacheprovider"],
        cwd=tmp_path, env=clean | ALONE | {"ONETHREAD_REQUIRE": "browser"}, capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip
    assert "2 workers [" in run.stdout
    assert (run.returncode, said in run.stdout) == (bool(said), True), run.stdout + run.stderr


def test_what_a_killed_run_left_in_memory_goes_with_the_next(tmp_path: Path) -> None:
    living, dead = tmp_path / f"{PREFIX}{os.getpid()}-a", tmp_path / f"{PREFIX}2147483646-b"
    for folder in (living, dead):
        (folder / "postgres").mkdir(parents=True)
    remove_what_dead_runs_left(tmp_path)
    assert [folder.name for folder in tmp_path.iterdir()] == [living.name]
