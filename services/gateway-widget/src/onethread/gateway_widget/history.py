"""What was said so far, as conversation tells it, and the word that the browser now has it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import structlog

from onethread.contracts.questions import History, HistoryOfVisitor
from onethread.contracts.subjects import CONVERSATION_VISITOR
from onethread.gateway_widget import convert
from onethread.gateway_widget.sessions import Session
from onethread.runtime.bus import Bus, RefusedError, UnavailableError

log = structlog.get_logger()
PAGE = 200
PATIENCE = 3.0
"""Seconds that a browser waits for its history before the chat opens without."""


async def history_of(bus: Bus, session: Session, after: str | None = None) -> History:
    """A page of what the session may see, behind the cursor `after`. Raises `UnavailableError`."""
    await bus.check()
    question = HistoryOfVisitor(workspace=session.workspace, identities=session.identities, after=after, limit=PAGE)
    try:
        return await bus.ask(CONVERSATION_VISITOR, question, History, PATIENCE)
    except RefusedError as error:
        if after is None:
            raise UnavailableError("conversation could not tell the history") from error
        # A cursor that is no longer known: what the browser has already, it merges by id.
        return await history_of(bus, session)


async def pages_of(bus: Bus, session: Session, after: str | None) -> AsyncIterator[History]:
    """All that the session may see, behind the cursor `after`."""
    while True:
        history = await history_of(bus, session, after)
        yield history
        if len(history.messages) < PAGE or history.cursors[-1] == after:
            return
        after = history.cursors[-1]


async def handed_out(bus: Bus, workspace: str, history: History) -> None:
    """Says which replies reached the customer by way of the history."""
    try:
        for event in convert.delivered_by(workspace, history):
            await bus.publish(event)
    except UnavailableError:  # said again the next time the history is handed out
        log.warning("delivery.not_told")
