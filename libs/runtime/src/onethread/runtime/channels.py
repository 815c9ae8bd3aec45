"""The channels that a gateway serves: its own, from its settings, and those of every workspace, from conversation."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, Protocol, TypeVar

import structlog
from nats.aio.msg import Msg
from pydantic import ValidationError

from onethread.contracts import subjects
from onethread.contracts.channels import ChannelConfig, Channels, ChannelsOf
from onethread.contracts.messages import ChannelKind
from onethread.runtime.bus import Bus, RefusedError, UnavailableError

log = structlog.get_logger()
ASK_AGAIN = 60.0
"""Seconds. A notice that was lost, as when the bus was away, is made up for by then."""
ASK_SOON = 2.0
"""Seconds, while conversation does not answer."""


class Served(Protocol):
    """A channel as its gateway serves it."""

    @property
    def id(self) -> str: ...
    @property
    def workspace(self) -> str: ...
    @property
    def address(self) -> str:
        """By what the outside names it: a mail address, a Slack team, a widget's id."""
        ...


C = TypeVar("C", bound=Served)


class ChannelBook(Generic[C]):
    """Finds channels, and hears when they change. `own` is always in it, and no other takes its id or address.

    `read` makes of a channel's data what the gateway works with; what it cannot read is left out, by a
    `ValidationError`. A channel that did not change keeps its object.
    """

    def __init__(
        self,
        bus: Bus,
        kind: ChannelKind,
        own: C,
        read: Callable[[ChannelConfig], C],
        on_change: Callable[[], None] = lambda: None,
        refine: Callable[[C, ChannelConfig], C] | None = None,
    ) -> None:
        """`refine`: what an administrator says of the gateway's own channel, under its id, is added to its settings."""
        self.own: C = own
        self._plain: C = own
        self._refine = refine
        self._kind: ChannelKind = kind
        self._bus, self._read, self._on_change = bus, read, on_change
        self._known: dict[str, tuple[ChannelConfig, C]] = {}
        self._by_id, self._by_address = {own.id: own}, {own.address: own}
        self._complete = False
        self._notice = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to ask. Returns at once: until conversation answers, only `own` is served."""
        await self._bus.listen(subjects.live("*", "channels", self._kind), self._on_notice)
        self._keeping = asyncio.create_task(self._keep())

    def stop(self) -> None:
        if self._keeping:
            self._keeping.cancel()

    def __iter__(self) -> Iterator[C]:
        return iter(self._by_id.values())

    def get(self, channel_id: str, workspace: str | None = None) -> C | None:
        """None: there is no such channel, or it is another workspace's. Raises `UnavailableError` while nobody has
        told which there are.
        """
        found = self._found(self._by_id, channel_id)
        return found if found and workspace in (None, found.workspace) else None

    def at(self, address: str) -> C | None:
        """As `get`, by what the outside calls it."""
        return self._found(self._by_address, address)

    def _found(self, index: dict[str, C], key: str) -> C | None:
        if key not in index and not self._complete:
            raise UnavailableError("conversation has not told yet which channels there are")
        return index.get(key)

    async def _on_notice(self, _: Msg) -> None:
        self._notice.set()

    async def _keep(self) -> None:
        while True:
            self._notice.clear()
            answered = await self._ask()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._notice.wait(), ASK_AGAIN if answered else ASK_SOON)

    async def _ask(self) -> bool:
        try:
            answer = await self._bus.ask(subjects.CONVERSATION_CHANNELS, ChannelsOf(kind=self._kind), Channels)
        except (UnavailableError, RefusedError, ValidationError) as error:
            log.info("channels.not_told", kind=self._kind, error=type(error).__name__)
            return False
        self._take(answer.items)
        return True

    def _take(self, items: Iterable[ChannelConfig]) -> None:
        items = list(items)
        known: dict[str, tuple[ChannelConfig, C]] = {}
        own = self._own_as(items)
        by_id, by_address = {own.id: own}, {own.address: own}
        for config in items:
            channel = self._channel(config) if config.active and config.kind == self._kind else None
            if channel is None or channel.id in by_id or channel.address in by_address:
                continue
            known[channel.id] = (config, channel)
            by_id[channel.id] = by_address[channel.address] = channel
        changed = known != self._known or own != self.own or not self._complete
        self.own, self._known, self._by_id, self._by_address, self._complete = own, known, by_id, by_address, True
        if changed:
            log.info("channels.told", kind=self._kind, count=len(by_id))
            self._on_change()

    def _own_as(self, items: Iterable[ChannelConfig]) -> C:
        mine = (one for one in items if (one.id, one.workspace) == (self._plain.id, self._plain.workspace))
        config = next(mine, None) if self._refine else None
        if config is None or self._refine is None:
            return self._plain
        try:
            return self._refine(self._plain, config)
        except ValidationError as error:
            self._tell_unreadable(config, error)
            return self._plain

    def _channel(self, config: ChannelConfig) -> C | None:
        before, channel = self._known.get(config.id, (None, None))
        if before == config:
            return channel
        try:
            return self._read(config)
        except ValidationError as error:
            self._tell_unreadable(config, error)
            return None

    @staticmethod
    def _tell_unreadable(config: ChannelConfig, error: ValidationError) -> None:
        fields = [".".join(map(str, e["loc"])) for e in error.errors()]  # the error's own text quotes the secret
        log.warning("channel.unreadable", channel=config.id, fields=fields)
