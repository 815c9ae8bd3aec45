"""Which of our messages a browser was sent, and that its customer has looked at them."""

from __future__ import annotations

from uuid import UUID

import structlog

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

    def add(self, ours: Ours) -> None:
        if ours.id not in self._told:
            self._waiting.setdefault(ours.id, ours)

    async def saw(self, bus: Bus, session: Session, message_id: UUID) -> None:
        """Tells that what we said up to that message was seen. What cannot be told now, the next `read` tells."""
        try:
            if message_id not in self._waiting and message_id not in self._told:
                await self._learn(bus, session, message_id)
            for ours in self._up_to(message_id):
                await bus.publish(convert.seen(session, ours))
                self._told.add(ours.id)
                self._waiting.pop(ours.id, None)
        except UnavailableError:
            log.info("seen.not_told")

    def _up_to(self, message_id: UUID) -> list[Ours]:
        ids = list(self._waiting)
        last = ids.index(message_id) + 1 if message_id in self._waiting else 0
        return [self._waiting[id_] for id_ in ids[:last]]

    async def _learn(self, bus: Bus, session: Session, message_id: UUID) -> None:
        """The browser has it from its session. Only what conversation would show to this visitor can they have seen."""
        found: list[Ours] = []
        async for page in pages_of(bus, session, None):
            found += convert.unseen_in(page)
            if any(message.id == message_id for message in page.messages):
                self._waiting = {ours.id: ours for ours in found if ours.id not in self._told} | self._waiting
                return
