"""Messages that could not be handled: look at them, and put them back once the cause is mended."""

from __future__ import annotations

from typing import Any

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from onethread.contracts.streams import DEAD, EVENTS
from onethread.runtime.errors import Problem

LOOK_THROUGH = 2_000
"""So many are looked at for one page."""
GONE = Problem(404, "There is no such dead letter", "It may have been replayed already.")


async def page(
    js: JetStreamContext, before: int | None, limit: int, workspace: str | None
) -> tuple[list[dict[str, Any]], int | None]:
    """Newest first, those before the id `before`, and the id before which the next page begins.

    `workspace` None: of all. Of one among many a page may hold fewer than `limit`, and others follow.
    """
    state = (await js.stream_info(DEAD.name)).state
    first, last = max(state.first_seq, 1), min(state.last_seq, (before or state.last_seq + 1) - 1)
    letters: list[dict[str, Any]] = []
    for sequence in range(last, max(first, last - LOOK_THROUGH) - 1, -1):
        letters += await _letters_at(js, sequence, workspace)
        if len(letters) == limit or sequence == last - LOOK_THROUGH:
            return letters, sequence if sequence > first else None
    return letters, None


async def _letters_at(js: JetStreamContext, sequence: int, workspace: str | None) -> list[dict[str, Any]]:
    """One, or none: it was replayed, or is another workspace's."""
    try:
        message = await js.get_msg(DEAD.name, sequence)
    except NotFoundError:
        return []
    return [_letter(sequence, message)] if _is_of(message, workspace) else []


def _is_of(message: Any, workspace: str | None) -> bool:
    """The subject it came from says whose it is."""
    subject = (message.headers or {}).get("Onethread-Subject", "")
    return workspace is None or subject.split(".")[1:2] == [workspace]


def _letter(sequence: int, message: Any) -> dict[str, Any]:
    headers = message.headers or {}
    return {
        "id": sequence,
        "service": message.subject.removeprefix("dead."),
        "reason": headers.get("Onethread-Reason"),
        "subject": headers.get("Onethread-Subject"),
        "consumer": headers.get("Onethread-Consumer"),
        "tries": int(headers.get("Onethread-Tries", 0)),
        "body": (message.data or b"").decode("utf-8", "replace")[:20_000],
    }


async def replay(js: JetStreamContext, sequence: int, workspace: str | None) -> None:
    """Every consumer of the subject sees it again; those that have handled it know its id and change nothing."""
    try:
        message = await js.get_msg(DEAD.name, sequence)
    except NotFoundError:
        raise GONE from None
    if not _is_of(message, workspace):
        raise GONE
    headers = message.headers or {}
    # A new message id: within the duplicate window the server would drop the old one.
    id_ = f"replay-{sequence}-{headers.get('Nats-Msg-Id', '')}"
    back = {"Nats-Msg-Id": id_, "Content-Type": headers.get("Content-Type", "")}
    await js.publish(headers["Onethread-Subject"], message.data or b"", stream=EVENTS.name, headers=back)
    await js.delete_msg(DEAD.name, sequence)
