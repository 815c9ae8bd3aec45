"""What a workspace wants of its agent, asked of conversation and kept for some seconds."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Protocol, TypeVar

import structlog
from pydantic import BaseModel

from onethread.contracts.agent import AgentConfig, AgentConfigOf
from onethread.contracts.subjects import CONVERSATION_AGENT
from onethread.runtime.bus import RefusedError, UnavailableError

log = structlog.get_logger()
A = TypeVar("A", bound=BaseModel)
KEPT_SECONDS = 5.0
ASK_SECONDS = 1.0


class Asks(Protocol):
    """What is needed of the bus."""

    async def ask(self, subject: str, question: BaseModel, answer: type[A], timeout: float = 5.0) -> A: ...


class Configs:
    """The settings of each workspace. While conversation does not answer: the last known, or else the defaults.

    A failed question counts as asked, so that an absent conversation service costs one customer a second, not each.
    """

    def __init__(self, bus: Asks, now: Callable[[], float] = time.monotonic) -> None:
        self._bus, self._now = bus, now
        self._known: dict[str, AgentConfig] = {}
        self._asked_at: dict[str, float] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, workspace: str) -> AgentConfig:
        async with self._locks[workspace]:
            if self._is_old(workspace):
                await self._ask(workspace)
            return self._known.get(workspace) or AgentConfig(workspace=workspace)

    def _is_old(self, workspace: str) -> bool:
        asked_at = self._asked_at.get(workspace)
        return asked_at is None or self._now() - asked_at >= KEPT_SECONDS

    async def _ask(self, workspace: str) -> None:
        try:
            asked = AgentConfigOf(workspace=workspace)
            self._known[workspace] = await self._bus.ask(CONVERSATION_AGENT, asked, AgentConfig, ASK_SECONDS)
        except (UnavailableError, RefusedError) as error:
            log.warning("config.away", workspace=workspace, error=type(error).__name__)
        self._asked_at[workspace] = self._now()
