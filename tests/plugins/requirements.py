"""A run that must not skip what it is there to prove.

ONETHREAD_REQUIRE=browser,connected names markers: the run fails when a test that bears one was skipped, or none ran.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

BEARERS = {"browser": "browser", "servers": "connected"}
"""A test that asks for such a fixture bears the marker, whether it says so or not."""


def required() -> list[str]:
    return [name.strip() for name in os.environ.get("ONETHREAD_REQUIRE", "").split(",") if name.strip()]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture, marker in BEARERS.items():
            if fixture in getattr(item, "fixturenames", ()) and not item.get_closest_marker(marker):
                item.add_marker(marker)


def pytest_configure(config: pytest.Config) -> None:
    if names := required():
        known = {line.partition(":")[0].strip() for line in config.getini("markers")}
        if unknown := set(names) - known:
            raise pytest.UsageError(f"ONETHREAD_REQUIRE names {', '.join(sorted(unknown))}, which is no marker here")
        config.pluginmanager.register(Requirements(names), "requirements-of-this-run")


class Requirements:
    def __init__(self, names: list[str]) -> None:
        self.skipped: dict[str, list[str]] = {name: [] for name in names}
        self.ran: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name in self.skipped.keys() & report.keywords.keys():
            if report.skipped:
                self.skipped[name].append(report.nodeid)
            elif report.when == "call":
                self.ran.add(name)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that was skipped as a whole has no tests to look at, only its text."""
        module = Path(report.fspath) if report.fspath else None
        if report.skipped and module and module.is_file():
            text = module.read_text("utf-8")
            for name, nodes in self.skipped.items():
                if re.search(rf"\bmark\.{name}\b", text):
                    nodes.append(report.nodeid)

    def sentences(self) -> Iterator[str]:
        for name, nodes in self.skipped.items():
            if nodes:
                yield f"ONETHREAD_REQUIRE asks for all {name} tests, but {len(nodes)} were skipped, such as {nodes[0]}."
            elif name not in self.ran:
                yield f"ONETHREAD_REQUIRE asks for the {name} tests, but none ran."

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if list(self.sentences()) and session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for sentence in self.sentences():
            terminalreporter.write_line(sentence, red=True)
