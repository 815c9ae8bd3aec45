"""Which thread does a message join? The design's four rules, as pure decisions over what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID


@dataclass(frozen=True)
class Stitch:
    """`thread` is the row to join, or None for a new one that continues `previous`."""

    thread: Any | None
    how: Literal["answer", "open", "reopened", "new"]
    previous: UUID | None = None


def choose(
    answered: Sequence[Any],
    latest: Any | None,
    *,
    customer_id: UUID,
    shared_here: set[UUID],
    now: datetime,
    window: timedelta,
) -> Stitch:
    """Rules 1 to 4.

    `answered` are the threads whose messages this one answers, the surest first. One of them counts only when the
    sender may see it: it is theirs, or it lives (`shared_here`) at the shared place where the message was said.
    `latest` is the customer's latest thread, open ones first.
    """
    for thread in answered:
        if thread.customer_id == customer_id or thread.id in shared_here:
            if not expired(thread, now, window):
                return Stitch(thread, "answer" if thread.status != "closed" else "reopened")
            return Stitch(None, "new", previous=thread.id)
    if latest is not None and latest.status != "closed":
        return Stitch(latest, "open")
    if latest is not None and not expired(latest, now, window):
        return Stitch(latest, "reopened")
    return Stitch(None, "new", previous=latest.id if latest is not None else None)


def expired(thread: Any, now: datetime, window: timedelta) -> bool:
    """Closed longer ago than the reopen window."""
    return thread.status == "closed" and thread.closed_at is not None and thread.closed_at < now - window
