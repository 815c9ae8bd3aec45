"""Fixtures that drive a real Chromium: the system's, else Playwright's own.

Tests that ask for them are skipped, saying so, only where neither is there. They must be plain functions, in modules
without asyncio tests: Playwright's own event loop runs as long as its module.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Playwright

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
START_TIMEOUT = 30
PATIENCE = 30_000
"""Milliseconds until a thing must be there: a pass takes none of it, and two busy cores may need seconds."""


def find_chromium(playwright: Playwright) -> str | None:
    own = Path(playwright.chromium.executable_path)
    return next(filter(None, map(shutil.which, NAMES)), None) or (str(own) if own.is_file() else None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        program = find_chromium(playwright)
        if program is None:
            pytest.skip("no Chromium: install the system's, or run `playwright install chromium`")
        chromium = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser without history: no cookie, no storage."""
    fresh = browser.new_context(viewport={"width": 1440, "height": 860}, locale="en-GB", timezone_id="UTC")
    fresh.set_default_timeout(PATIENCE)
    yield fresh
    fresh.close()


@pytest.fixture(scope="session")
def built_ui() -> None:
    """The widget and the inbox, built from today's sources."""
    command = [sys.executable, str(ROOT / "deploy/local/build_ui.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode != 0:
        pytest.fail(f"the browser parts could not be built: {done.stderr.strip()}", pytrace=False)


@pytest.fixture
def serve_app() -> Iterator[Callable[[Any], str]]:
    """Serves an ASGI app from a thread on a free port; returns its origin. All are stopped after the test."""
    import uvicorn

    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def serve(app: Any) -> str:
        config = uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=1, ws_ping_interval=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        running.append((server, thread))
        deadline = time.monotonic() + START_TIMEOUT
        while not server.started:
            if time.monotonic() > deadline:
                pytest.fail("the test's own server did not start")
            time.sleep(0.01)
        return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"

    yield serve
    for server, _ in running:
        server.should_exit = True
    for _, thread in running:
        thread.join(START_TIMEOUT)
