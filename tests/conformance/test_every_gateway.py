"""What every gateway promises, whatever its channel. A new one joins by adding its customer to `CUSTOMERS`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Protocol, Self
from uuid import uuid4

import httpx
import pytest
from plugins.customers import Desk, Mailer, Person, Slack, Visitor, eventually, somebody
from plugins.stack import Stack

pytestmark = pytest.mark.connected

NOT_COVERED = "Do you sell left-handed scissors?"


class Customer(Protocol):
    """Somebody on one channel, who sends as that channel's clients do."""

    kind: str
    channel_id: str
    identity: str
    """The kind of the identity that their message comes in with."""
    retryable: str
    """The refusal that makes this channel's clients send again."""
    person: Person

    def write(self, text: str) -> Any:
        """A message, which can be sent more than once."""
        ...

    async def send(self, message: Any) -> str:
        """`receipt`, or the refusal."""
        ...

    async def heard(self, text: str) -> bool:
        """True when `text` has reached them."""
        ...


class OnWidget:
    kind, channel_id, identity, retryable = "widget", "local", "site_user", "try_again"

    def __init__(self, stack: Stack) -> None:
        self.person = somebody("Wanda")
        self._browser = Visitor(stack, self.person)

    async def __aenter__(self) -> Self:
        await self._browser.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._browser.close()

    def write(self, text: str) -> tuple[str, str]:
        return text, str(uuid4())

    async def send(self, message: tuple[str, str]) -> str:
        answer = await self._browser.say(*message)
        return "receipt" if answer["type"] == "ack" else answer["code"]

    async def heard(self, text: str) -> bool:
        return any(f["type"] == "message" and text in f["message"]["text"] for f in self._browser.frames)


class OnEmail:
    kind, channel_id, identity, retryable = "email", "email-local", "email", "451"

    def __init__(self, stack: Stack) -> None:
        self.person = somebody("Elsa")
        self._mailer = Mailer(stack, self.person)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""

    def write(self, text: str) -> bytes:
        return self._mailer.write(text)

    async def send(self, message: bytes) -> str:
        code, _ = await self._mailer.send(message)
        return "receipt" if code == 250 else str(code)

    async def heard(self, text: str) -> bool:
        return any(text in mail["text"] for mail in await self._mailer.inbox())


class OnSlack:
    """A new person each time is not to be had here: the look-alike's people are fixed."""

    kind, channel_id, identity, retryable = "slack", "slack-local", "slack_user", "503"

    def __init__(self, stack: Stack) -> None:
        self.person = Person("Bob Stone", "bob@pineandpaper.example")
        self._slack = Slack(stack, "U0BOBSTONE1")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""

    def write(self, text: str) -> dict[str, Any]:
        return self._slack.event(text)

    async def send(self, message: dict[str, Any]) -> str:
        answer = await self._slack.bring(message)
        return "receipt" if answer.status_code == httpx.codes.OK else str(answer.status_code)

    async def heard(self, text: str) -> bool:
        return any(text in message["text"] for message in await self._slack.messages())


CUSTOMERS = {"widget": OnWidget, "email": OnEmail, "slack": OnSlack}


@pytest.fixture(params=CUSTOMERS)
async def customer(request: pytest.FixtureRequest, stack: Stack) -> AsyncIterator[Customer]:
    async with CUSTOMERS[request.param](stack) as one:
        yield one


async def found(desk: Desk, customer: Customer, text: str) -> dict[str, Any]:
    thread = await desk.thread(customer.person.email)
    return await desk.message(thread["id"], lambda message: text in message["text"])


def unique() -> str:
    return f"{NOT_COVERED} {uuid4().hex}"


async def test_a_message_shows_with_its_channel_identity_and_audience(desk: Desk, customer: Customer):
    text = unique()
    assert await customer.send(customer.write(text)) == "receipt"
    message = await found(desk, customer, text)
    assert message["channel"] == {"id": customer.channel_id, "kind": customer.kind}
    assert message["author"]["kind"] == "customer"
    assert message["author"]["name"] == customer.person.name
    assert (message["identity"]["kind"], message["identity"]["trust"]) == (customer.identity, "verified")
    assert message["audience"] == {"shared": False, "name": None}


async def test_a_message_sent_twice_gets_two_receipts_and_has_one_effect(desk: Desk, customer: Customer):
    text, marker = unique(), unique()
    message = customer.write(text)
    assert [await customer.send(message), await customer.send(message)] == ["receipt", "receipt"]
    await customer.send(customer.write(marker))
    thread_id = (await found(desk, customer, marker))["thread_id"]
    texts = [one["text"] for one in await desk.messages(thread_id) if one["author"]["kind"] == "customer"]
    assert [text_ for text_ in texts if text in text_ or marker in text_] == [text, marker]


async def test_messages_stand_in_the_order_in_which_they_were_sent(desk: Desk, customer: Customer):
    texts = [unique() for _ in range(8)]
    for text in texts:
        assert await customer.send(customer.write(text)) == "receipt"
    thread_id = (await found(desk, customer, texts[-1]))["thread_id"]
    shown = [one["text"] for one in await desk.messages(thread_id)]
    assert [text for text in shown if text in texts] == texts


async def test_a_teammates_reply_reaches_the_customer_there_and_its_delivery_is_known(desk: Desk, customer: Customer):
    text, answer = unique(), f"From a person: {uuid4().hex}"
    await customer.send(customer.write(text))
    thread_id = (await found(desk, customer, text))["thread_id"]
    reply = await desk.reply(thread_id, answer)
    assert reply["channel"]["kind"] == customer.kind, "the default is where the customer is"
    await eventually(lambda: customer.heard(answer), what="the reply")

    def settled(message: dict[str, Any]) -> bool:
        return message["id"] == reply["id"] and message["delivery"]["state"] in ("sent", "delivered")

    assert (await desk.message(thread_id, settled))["delivery"]["reason"] is None


async def test_while_the_bus_is_away_the_refusal_makes_the_sender_try_again(
    stack: Stack, desk: Desk, customer: Customer
):
    text = unique()
    message = customer.write(text)
    with stack.frozen("nats"):
        refusal = await customer.send(message)
    assert refusal == customer.retryable
    await asyncio.sleep(0.5)
    assert await customer.send(message) == "receipt"
    thread_id = (await found(desk, customer, text))["thread_id"]
    shown = [one["text"] for one in await desk.messages(thread_id)]
    assert shown.count(text) == 1
