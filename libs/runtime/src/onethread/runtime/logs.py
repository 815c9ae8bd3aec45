"""Logs: one JSON object a line, each with the service and the trace it belongs to."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, cast

import structlog
from opentelemetry import trace

from onethread.runtime.context import service_name
from onethread.runtime.settings import Settings

Line = MutableMapping[str, Any]
NOISY = (
    "nats",
    "httpx",
    "httpcore",
    "uvicorn.access",
    "uvicorn.error",
    "chromadb",
    "mail.log",
    "slack_bolt",
    "slack_sdk",
)


def _whose(_logger: object, _method: str, line: Line) -> Line:
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        line["trace_id"] = f"{span.trace_id:032x}"
    if service := service_name.get():
        line["service"] = service
    return line


def _where(_logger: object, _method: str, line: Line) -> Line:
    """Where an error came from. Its own words are left out: a store's error quotes the customer's data."""
    error = line.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    elif isinstance(error, tuple):
        error = cast("BaseException | None", error[1])
    if isinstance(error, BaseException):
        line["error"] = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)[-6:]
        line["where"] = [
            f"{frame.filename.rsplit('site-packages/')[-1]}:{frame.lineno} {frame.name}" for frame in frames
        ]
    return line


def configure(settings: Settings) -> None:
    """Sends structlog's and the standard library's lines through one renderer. Called once, by `serve`."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _where,
        _whose,
    ]
    console = settings.log_format == "console"
    renderer = structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.root.handlers = [handler]
    logging.root.setLevel(settings.log_level.upper())
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
