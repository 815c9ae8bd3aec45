"""What a thread's fields become when an act is undone and others may have changed them since."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from onethread.conversation.models import ThreadRow

GROUPS: dict[str, tuple[str, ...]] = {
    "status": ("status", "closed_at", "snoozed_until"),
    "merged": ("merged_into_id",),
    "assignee": ("assignee_id", "assignee_name"),
    "agent": ("agent", "agent_by", "agent_at"),
    "handoff": ("handoff_at", "handoff_reason", "handoff_summary"),
    "tags": ("tags",),
    "priority": ("priority",),
    "topic": ("topic",),
    "subject": ("subject",),
    "waiting": ("waiting_since",),
}
"""Columns of a thread that are one decision: they are taken back together or not at all."""


def three_way(before: Any, given: Any, current: Any) -> Any:
    """`before` where `current` still is what was `given`; else `current`, which somebody wanted since.

    Of lists, which are sets of tags, each element is decided by itself.
    """
    if isinstance(current, list):
        return sorted(set(current) - (set(given) - set(before)) | (set(before) - set(given)))
    return before if current == given else current


def changed(before: Any, after: Any) -> dict[str, dict[str, Any]]:
    """How an act changed a thread's row, as its journal keeps it."""
    return {
        group: {"before": _json(before, names), "given": _json(after, names)}
        for group, names in GROUPS.items()
        if _values(before, names) != _values(after, names)
    }


def taken_back(row: Any, journal: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of `row` that are to change when the act that `changed` it so is undone."""
    changes: dict[str, Any] = {}
    for group, change in journal.items():
        names = GROUPS[group]
        before, given, current = _read(names, change["before"]), _read(names, change["given"]), _values(row, names)
        if len(names) == 1:
            changes[names[0]] = three_way(before[0], given[0], current[0])
        else:
            changes |= zip(names, three_way(before, given, current), strict=True)
    return changes


def _values(row: Any, names: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in names)


def _json(row: Any, names: tuple[str, ...]) -> list[Any]:
    return [_column(name).dump_python(getattr(row, name), mode="json") for name in names]


def _read(names: tuple[str, ...], values: list[Any]) -> tuple[Any, ...]:
    return tuple(_column(name).validate_python(value) for name, value in zip(names, values, strict=True))


@cache
def _column(name: str) -> TypeAdapter[Any]:
    annotation: Any = ThreadRow.model_fields[name].annotation
    return TypeAdapter(annotation)
