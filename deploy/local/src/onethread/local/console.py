"""What the person at the terminal sees: the runner's own sentences, and the programs' lines with their names."""

from __future__ import annotations

import json
import os
import sys
import termios
import time
from typing import Any, TextIO

COLOURS = (36, 32, 35, 34, 33, 96, 92, 95, 94)
BOLD, DIM = 1, 2
LEVEL_COLOURS = {"warning": 33, "error": 31, "critical": 31}
NOT_SHOWN = {"event", "level", "timestamp", "service", "trace_id", "span_id", "logger", "exception"}


class Console:
    """Writes whole lines. A reader that has gone away (`just up | head`) is not an error here."""

    def __init__(self, stream: TextIO | None = None, *, verbose: bool = False) -> None:
        self.stream = stream or sys.stdout
        self.verbose = verbose
        self.terminal = self.stream.isatty()
        self._colour = self.terminal and "NO_COLOR" not in os.environ
        self._descriptor = self.stream.fileno() if self.terminal else -1
        self._names: dict[str, int] = {}
        self._width = 0
        self._began = time.monotonic()

    def names(self, names: list[str]) -> None:
        self._width = max(map(len, names), default=0)
        self._names = {name: COLOURS[n % len(COLOURS)] for n, name in enumerate(names)}

    def line(self, name: str, text: str) -> None:
        """A program's own line."""
        shown = short(text, self._paint) if self.terminal else text
        self._write(f"{self._label(name, self._names.get(name, 0))} {shown}")

    def say(self, sentence: str) -> None:
        """The runner's own sentence."""
        self._write(f"{self._label('onethread', BOLD)} {sentence}")

    def show(self, text: str) -> None:
        self._write(text)

    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._began

    def has_lost_its_terminal(self) -> bool:
        try:
            if self.terminal:
                termios.tcgetattr(self._descriptor)
        except termios.error:
            return True
        return False

    def _label(self, name: str, colour: int) -> str:
        return self._paint(f"{name:{self._width}} |", colour)

    def _paint(self, text: str, colour: int) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colour and colour else text

    def _write(self, text: str) -> None:
        try:
            self.stream.write(text + "\n")
            self.stream.flush()
        except (BrokenPipeError, OSError):
            self.stream = open(os.devnull, "w")  # noqa: SIM115, PTH123 kept open until the end


def short(text: str, paint: Any = lambda text, _colour: text) -> str:
    """A service's JSON log line as `level message key=value`; any other line as it is."""
    try:
        fields = json.loads(text) if text.startswith("{") else None
    except ValueError:
        return text
    if not isinstance(fields, dict) or "event" not in fields:
        return text
    level = str(fields.get("level", "info"))
    rest = [f"{key}={value}" for key, value in fields.items() if key not in NOT_SHOWN]
    line = " ".join([paint(level, LEVEL_COLOURS.get(level, DIM)), str(fields["event"]), *rest])
    return "\n".join([line, fields["exception"]]) if fields.get("exception") else line
