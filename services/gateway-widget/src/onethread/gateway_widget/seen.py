"""Which of our messages a browser was sent, and that its customer has looked at them."""

from __future__ import annotations

from uuid import UUID

import structlog

from onethread.contracts.messages import Message
from onethread.gateway_widget import convert
from onethread.gateway_widget.convert import Ours
from onethread.gateway_widget.history import pages_of
from onethread.gateway_widget.sessions import Session
from onethread.runtime.bus import Bus, UnavailableError

log = structlog.get_logger()


class Unseen:
    """One browser's messages of ours, in the order in which it was sent them. Each is told once."""

    def __init__(self) -> None:
        self._waiting: dict[UUID, Ours] = {}
        self._told: set[UUID] = set()
        self._knows_what_came_before = False
        """What the session handed out never passed through here; conversation is asked for it once."""

    def add(self, ours: Ours) -> None:
        if ours.id not in self._told:
            self._waiting.setdefault(ours.id, ours)

    async def saw(self, bus: Bus, session: Session, message_id: UUID) -> None:
        """Tells that what we said up to that message was seen. What cannot be told now, the next `read` tells."""
        try:
            shown = await self._up_to(bus, session, message_id)
            for ours in shown or ():
                if ours.id not in self._told:
                    await bus.publish(convert.seen(session, ours))
                    self._told.add(ours.id)
                    self._waiting.pop(ours.id, None)
            if shown is not None:
                self._told.add(message_id)
        except UnavailableError:
            log.info("seen.not_told")

    async def _up_to(self, bus: Bus, session: Session, message_id: UUID) -> list[Ours] | None:
        if message_id in self._told:
            return []
        if not self._knows_what_came_before or message_id not in self._waiting:
            shown = await _shown_up_to(bus, session, message_id)
            if shown is not None:
                self._knows_what_came_before = True
                return shown
        ids = list(self._waiting)
        return [self._waiting[id_] for id_ in ids[: ids.index(message_id) + 1]] if message_id in self._waiting else None


async def _shown_up_to(bus: Bus, session: Session, message_id: UUID) -> list[Ours] | None:
    """None where conversation would not show that message to this visitor: they cannot have seen it."""
    shown: list[Message] = []
    async for page in pages_of(bus, session, None):
        for message in page.messages:
            shown.append(message)
            if message.id == message_id:
                return convert.unseen_in(shown)
    return None
