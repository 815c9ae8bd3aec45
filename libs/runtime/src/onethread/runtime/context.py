"""Which service the running task works for. In one process there may be six."""

from __future__ import annotations

from contextvars import ContextVar

service_name: ContextVar[str] = ContextVar("service_name", default="")
