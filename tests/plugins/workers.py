"""Tests on several workers (`-n 2`): each file stays on one, and whole stacks run one after the other.

What takes longest begins first, so that no worker is left alone with it at the end.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

FIRST = ("tests/", "deploy/", "services/conversation/")
"""From the outside in."""


class WholeFiles(LoadScopeScheduling):
    """Files share what is slow to start: a browser, an app, an embedding. Whole stacks are busy enough."""

    def _split_scope(self, nodeid: str) -> str:
        return share(nodeid)


def share(nodeid: str) -> str:
    """Tests of the same are run by one worker, in their order."""
    file = nodeid.partition("::")[0]
    return "whole stacks" if file.startswith("tests/") and file.count("/") > 1 else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    config.option.loadscopereorder = False
    return WholeFiles(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: next((n for n, folder in enumerate(FIRST) if item.nodeid.startswith(folder)), 9))
