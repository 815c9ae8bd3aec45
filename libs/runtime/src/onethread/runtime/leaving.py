"""Leaving a consumer without a loss.

The server counts a message as delivered once it has put it into its own queue, where it waits while the stream is busy.
If the last member of the deliver group leaves before the message comes out of there, nobody gets it, and it comes back
only after its `ack_wait`. So who leaves listens at the consumer's door, and gives back what nobody got.
"""

# pyright: reportUnknownMemberType=false
# nats-py leaves out parts of its types.

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo

from onethread.contracts import subjects

LISTEN_SECONDS = 1.0
"""The server notices a while after it that the last member is gone. Where others stay, this is how long it is asked."""
ASK_SECONDS = 0.02


async def leave(connection: Client, subscriptions: Sequence[Subscription]) -> None:
    """Returns when the server sends no more to any of them, and all that it sent before is taken.

    The `drain` of nats-py alone would let go too early: its question whether the server has heard overtakes the
    "no more" that it asks about, and what comes in between is thrown away.
    """
    await _heard(connection)
    for subscription in subscriptions:
        await connection._send_unsubscribe(subscription._id)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    await _heard(connection)
    await asyncio.gather(*(subscription.drain() for subscription in subscriptions))


async def _heard(connection: Client) -> None:
    """Returns when the server has heard all that was said. The first question may overtake it, the second does not."""
    await connection.flush()
    await connection.flush()


class Door:
    """Hears all that a consumer delivers, to whichever member. Open it before you leave."""

    def __init__(self, js: JetStreamContext, stream: str, durable: str) -> None:
        self._js, self._stream, self._durable = js, stream, durable
        self._heard: dict[str, Msg] = {}
        self._came: set[str] = set()

    async def open(self, connection: Client) -> None:
        await connection.subscribe(subjects.deliver(self._durable), cb=self._hear)

    async def _hear(self, message: Msg) -> None:
        self._heard[message.reply] = message

    def came(self, message: Msg) -> None:
        """This member got the message."""
        self._came.add(message.reply)

    async def give_back(self) -> None:
        """Call it when this member has left and settled what it got. Others deal with what came to them."""
        try:
            if await self._is_last():
                for message in self._nobodys():
                    await message.nak()
        except nats.errors.Error:
            return  # it comes back after its `ack_wait`

    async def _is_last(self) -> bool:
        """Returns when all that was on its way is heard, or when another member seems to be there."""
        end = time.monotonic() + LISTEN_SECONDS
        while True:
            consumer = await self._js.consumer_info(self._stream, self._durable)
            if self._is_quiet(consumer) or time.monotonic() > end:
                return not consumer.push_bound
            await asyncio.sleep(ASK_SECONDS)

    def _is_quiet(self, consumer: ConsumerInfo) -> bool:
        return not consumer.push_bound and (consumer.num_ack_pending or 0) <= len(self._nobodys())

    def _nobodys(self) -> list[Msg]:
        return [message for reply, message in self._heard.items() if reply not in self._came]
