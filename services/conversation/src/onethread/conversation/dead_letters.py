"""Messages that could not be handled: look at them, and put them back once the cause is mended."""

from __future__ import annotations

from typing import Any

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from onethread.contracts.streams import DEAD, EVENTS
from onethread.runtime.errors import Problem

LOOK_THROUGH = 2_000
GONE = Problem(404, "There is no such dead letter", "It may have been replayed already.")


async def newest(js: JetStreamContext, limit: int, workspace: str | None) -> list[dict[str, Any]]:
    """Of the latest 2,000. `workspace` None: of all."""
    state = (await js.stream_info(DEAD.name)).state
    letters: list[dict[str, Any]] = []
    first = max(state.first_seq, state.last_seq - LOOK_THROUGH, 1)
    for sequence in range(state.last_seq, first - 1, -1):
        if len(letters) == limit:
            break
        try:
            message = await js.get_msg(DEAD.name, sequence)
        except NotFoundError:  # it was replayed
            continue
        if _is_of(message, workspace):
            letters.append(_letter(sequence, message))
    return letters


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
