"""Messages on their way from the bus into a thread, and out again as `message.added`."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections import Counter
from typing import Any, Self
from uuid import uuid4

from tests.bench.conversation.installation import KEY, Installation
from tests.bench.conversation.world import IDENTITIES, Someone
from tests.bench.measure import Neighbours, cpu_seconds
from tests.plugins.conversation_world import received, verified

from onethread.contracts.ids import lane
from onethread.contracts.messages import MessageReceived
from onethread.contracts.streams import EVENTS
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.bus import Bus

PATIENCE, DRAIN_SECONDS = 60, 20
TOGETHER = 256


class Customers:
    """What customers say: 70 % who have an open thread, 20 % who are new, 10 % who answer in a closed thread."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        settings = ConversationSettings(nats_url=installation.nats_url, api_key=KEY, admin_password=KEY)
        self._bus = Bus("bench", settings)
        self._awaited: dict[str, asyncio.Future[float]] = {}

    async def __aenter__(self) -> Self:
        await self._bus.start()
        await self._bus.listen("ot.*.message.added.>", self._on_added)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._bus.stop()

    async def _on_added(self, message: Any) -> None:
        heard = time.perf_counter()
        awaited = self._awaited.pop(json.loads(message.data)["data"]["message"]["id"], None)
        if awaited:
            awaited.set_result(heard)

    async def say(self) -> float:
        """Seconds until the message that was published is out as stitched."""
        event = self._next()
        began = time.perf_counter()
        heard = await self._publish(event)
        return await asyncio.wait_for(heard, PATIENCE) - began

    async def _publish(self, event: MessageReceived) -> asyncio.Future[float]:
        heard = self._awaited[str(event.id)] = asyncio.get_running_loop().create_future()
        await self._bus.publish(event, event.data.channel.kind, lane(event.data.identities[0].value))
        return heard

    def _next(self) -> MessageReceived:
        world, chance = self._installation.world, random.random()
        if chance < 0.7:
            return _said(random.choice(world.known))
        if chance < 0.9:
            return _said(Someone("", "email", f"{uuid4().hex}@company{random.randrange(5_000)}.example"))
        who, answers = random.choice(world.answerable)
        return _said(who, answers=[answers])

    async def drained(self, count: int) -> dict[str, Any]:
        """Replicas that stand still while `count` messages are put before them, and how fast they work them off."""
        replicas = self._installation.replicas
        for replica in replicas:
            replica.process.suspend()
        events = [self._next() for _ in range(count)]
        heard: list[asyncio.Future[float]] = []
        for first in range(0, count, TOGETHER):
            heard += await asyncio.gather(*(self._publish(event) for event in events[first : first + TOGETHER]))
        neighbours, cpu, began = Neighbours(os.getpid()), self._cpu(), time.perf_counter()
        for replica in replicas:
            replica.process.resume()
        done, late = await asyncio.wait(heard, timeout=DRAIN_SECONDS)
        seconds = max(one.result() for one in done) - began
        used = self._cpu()
        used.subtract(cpu)
        shares = {name: round(100 * one / seconds) for name, one in used.items()}
        shares["other programs"] = neighbours.percent_of_a_core()
        if late:  # nobody waits for the rest
            await self._bus.js.purge_stream(EVENTS.name)
        return {"messages_s": round(len(done) / seconds), "percent_of_a_core": shares}

    def _cpu(self) -> Counter[str]:
        used = cpu_seconds(os.getpid())
        used.pop("conversation", None)
        for number, replica in enumerate(self._installation.replicas, 1):
            used[f"conversation {number}"] = replica.cpu_seconds()
        return used


def _said(who: Someone, **more: Any) -> MessageReceived:
    own = verified(IDENTITIES[who.kind], who.value)
    return received(who.kind, "Where is my parcel?", own, place=f"{who.kind}:{who.value}", **more)
