"""Fixtures for every package's tests."""

import sys
from pathlib import Path

import structlog

sys.path.insert(0, str(Path(__file__).parent / "tests"))

pytest_plugins = [
    "plugins.servers",
    "plugins.conversation_world",
    "plugins.browser",
    "plugins.conversation_api",
    "plugins.widget_gateway",
    "plugins.stack",
    "plugins.customers",
]

structlog.configure(processors=[structlog.processors.KeyValueRenderer()])
