"""Logs of the code under test, as lines that can be read in a failed test's output."""

import structlog

structlog.configure(processors=[structlog.processors.KeyValueRenderer()])
