"""Customers, the agent, gateways and teammates, all at one customer at the same time: nobody is refused for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from plugins.conversation_world import received, verified

from onethread.contracts import replies as r

pytestmark = pytest.mark.connected
ANA = verified("email", "ana@pineandpaper.example")
SIGNED_IN = (verified("site_user", "ana"), ANA, verified("visitor", "v"))
IN_SLACK = (verified("slack_user", "T/ana"), ANA)
ROUNDS, EACH = 12, 3


class Crowd:
    """Everybody who works on the thread of one customer. Each act is done once, whatever the others do."""

    def __init__(self, driver: Any, thread_id: Any, asked: Any) -> None:
        self._driver, self._thread, self._asked = driver, thread_id, asked
        self.said = 0

    async def write(self) -> None:
        await self._driver.hear(received("email", "by mail", ANA))
        self.said += 1

    async def chat(self) -> None:
        await self._driver.hear(received("widget", "in the chat", *SIGNED_IN))
        self.said += 1

    async def post(self) -> None:
        await self._driver.hear(received("slack", "in Slack", *IN_SLACK))
        self.said += 1

    async def reply(self) -> None:
        answer = await self._driver.post(f"threads/{self._thread}/messages", text="by a teammate")
        self.said += 1
        await self._driver.delivered(answer["id"], f"<{uuid4()}@mail>")

    async def note(self) -> None:
        await self._driver.post(f"threads/{self._thread}/messages", text="for teammates", note=True)
        self.said += 1

    async def tag(self) -> None:
        await self._driver.patch(f"threads/{self._thread}", tags=[uuid4().hex[:4]], status="waiting")

    async def name(self) -> None:
        await self._driver.patch(f"customers/{self._asked['customer_id']}", name=f"Ana {uuid4().hex[:4]}")

    async def propose(self) -> None:
        """It is dropped, for a teammate is there, and takes the same locks."""
        proposal = r.ProposedReply(
            reply_id=uuid4(), message_id=self._asked["id"], decision="answer", text="by the agent", confidence=1
        )
        event = r.ReplyProposed(id=uuid4(), source="/agent", workspaceid="local", data=proposal)
        await self._driver.app.state.proposed(event)

    async def merge_and_part(self, bob: Any) -> None:
        merged = await self._driver.post(f"customers/{self._asked['customer_id']}/merge", other_id=str(bob))
        await self._driver.post(f"acts/{merged['act_id']}/undo")

    def acts(self) -> list[Callable[[], Awaitable[None]]]:
        return [self.write, self.chat, self.post, self.reply, self.note, self.tag, self.name, self.propose]


async def test_nobody_who_works_on_one_customer_at_once_is_refused_or_lost(driver: Any) -> None:
    asked = await driver.hear(received("email", "hello", ANA))
    await driver.hear(received("widget", "hello", *SIGNED_IN))
    await driver.hear(received("slack", "hello", *IN_SLACK))
    bob = await driver.hear(received("email", "hello", verified("email", "bob@harbourbooks.example")))
    crowd = Crowd(driver, asked["thread_id"], asked)
    await crowd.reply()
    refused: list[Exception] = []
    for _ in range(ROUNDS):
        acts = [act() for act in crowd.acts() * EACH]
        done = await asyncio.gather(*acts, crowd.merge_and_part(bob["customer_id"]), return_exceptions=True)
        refused += [one for one in done if isinstance(one, Exception)]
    assert refused == []
    assert len(await driver.said(asked["thread_id"])) == crowd.said + 3
    await driver.check()
