"""Which thread does a message join? The design's four rules, as pure decisions over what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

NOT_KNOWN_THERE = "It names a message of another thread, but its sender is not known there."


@dataclass(frozen=True)
class Stitch:
    """`thread` is the row to join, or None for a new one that continues `previous`."""

    thread: Any | None
    how: Literal["answer", "open", "reopened", "new"]
    previous: UUID | None = None
    why: str | None = None
    """Why it stands here and not where it says that it belongs, in words. None where that is plain."""
    may_belong_to: UUID | None = None
    """The thread that it names and was not let into."""


def choose(
    answered: Sequence[Any],
    latest: Any | None,
    *,
    customer_id: UUID,
    known_in: set[UUID],
    now: datetime,
    window: timedelta,
) -> Stitch:
    """Rules 1 to 4.

    `answered` are the threads whose messages this one answers, the surest first. One of them counts only when the
    sender may see it: it is theirs, or knows them (`known_in`). `latest` is the customer's latest thread, open ones
    first.
    """
    refused: Any | None = None
    for thread in answered:
        if thread.customer_id != customer_id and thread.id not in known_in:
            refused = refused or thread
        elif expired(thread, now, window):
            return Stitch(None, "new", previous=thread.id, why=_closed(thread, now))
        else:
            return _with(refused, Stitch(thread, "answer" if thread.status != "closed" else "reopened"))
    return _with(refused, _of_customer(latest, now, window))


def _of_customer(latest: Any | None, now: datetime, window: timedelta) -> Stitch:
    if latest is None:
        return Stitch(None, "new")
    if latest.status != "closed":
        return Stitch(latest, "open")
    if not expired(latest, now, window):
        return Stitch(latest, "reopened")
    return Stitch(None, "new", previous=latest.id, why=_closed(latest, now))


def _with(refused: Any | None, stitch: Stitch) -> Stitch:
    if refused is None:
        return stitch
    return replace(stitch, why=NOT_KNOWN_THERE, may_belong_to=refused.id)


def _closed(thread: Any, now: datetime) -> str:
    return f"The conversation before it was closed {(now - thread.closed_at).days} days ago."


def expired(thread: Any, now: datetime, window: timedelta) -> bool:
    """Closed longer ago than the reopen window."""
    return thread.status == "closed" and thread.closed_at is not None and thread.closed_at < now - window
