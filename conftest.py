"""Fixtures for every package's tests."""

import sys
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "tests"))

NEEDS = {
    "memory": "pytest",
    "requirements": "pytest",
    "workers": "xdist",
    "servers": "pytest",
    "browser": "pytest",
    "logs": "structlog",
    "conversation_api": "starlette",
    "widget_gateway": "starlette",
    "name_server": "dns",
    "passwords": "onethread.conversation",
    "senders": "onethread.gateway_email",
    "language_model": "onethread.agent",
    "conversation_world": "onethread.conversation",
    "conversation_driver": "onethread.conversation",
    "tool_world": "onethread.conversation",
    "inbox_service": "onethread.conversation",
    "sign_in_provider": "onethread.conversation",
    "stack": "onethread.local",
    "customers": "onethread.local",
    "mailroom": "onethread.local",
}
"""What a plugin imports: a package that is tested alone has only what it declares, and needs no more fixtures."""

pytest_plugins = [f"plugins.{plugin}" for plugin, module in NEEDS.items() if find_spec(module)]
