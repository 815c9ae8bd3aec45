"""What every gateway promises, whatever its channel. A new one joins by adding its customer to `CUSTOMERS`.

Email is the one to copy from: it has all that a channel can have, files included.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.policy import SMTP
from html import escape
from typing import Any, Protocol, Self
from uuid import uuid4

import aiosmtplib
import httpx
import pytest
import websockets
from plugins.customers import Desk, Mailer, Person, Slack, Visitor, eventually, somebody
from plugins.stack import Stack
from websockets.protocol import State

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
    service: str
    port: int
    """Of its probes."""
    person: Person

    def write(self, text: str) -> Any:
        """A message, which can be sent more than once."""
        ...

    async def send(self, message: Any) -> str:
        """`receipt`, or the refusal; `away` while nobody is there."""
        ...

    def again(self, message: Any) -> Any:
        """The same message as it comes by another route, or when the channel sends it a second time."""
        ...

    async def heard(self, text: str) -> int:
        """How often `text` has reached them."""
        ...


class OnWidget:
    kind, channel_id, identity, retryable = "widget", "local", "site_user", "try_again"
    service, port = "gateway-widget", 8010

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
        try:
            answer = await self._browser.say(*message)
        except (websockets.ConnectionClosed, TimeoutError):
            await self._connect_again()
            return "away"
        return "receipt" if answer["type"] == "ack" else answer["code"]

    def again(self, message: tuple[str, str]) -> tuple[str, str]:
        return message

    async def heard(self, text: str) -> int:
        """What the chat shows: a message that comes once more after a new connection has its place already."""
        said = [frame["message"] for frame in self._browser.frames if frame["type"] == "message"]
        if self._browser.socket and self._browser.socket.state is not State.OPEN:
            await self._connect_again()
        return len({one["id"] for one in said if text in one["text"]})

    async def _connect_again(self) -> None:
        """As a browser does: what it missed is asked for first."""
        await self._browser.close()
        with contextlib.suppress(OSError, httpx.HTTPError, websockets.WebSocketException):
            await self._browser.connect()
            await self._browser.send({"type": "resume", "after": None})


class OnEmail:
    kind, channel_id, identity, retryable = "email", "email-local", "email", "451"
    service, port = "gateway-email", 8020

    def __init__(self, stack: Stack) -> None:
        self.person = somebody("Elsa")
        self._mailer = Mailer(stack, self.person)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""

    def write(self, text: str, file: bytes | None = None) -> bytes:
        mail = self._mailer.write(text)
        if file is None:
            return mail
        whole = message_from_bytes(mail, policy=SMTP.clone(max_line_length=900))
        whole.add_attachment(file, "application", "octet-stream", filename="numbers.bin")
        return whole.as_bytes()

    async def send(self, message: bytes) -> str:
        try:
            code, _ = await self._mailer.send(message)
        except (aiosmtplib.SMTPException, OSError):
            return "away"
        return "receipt" if code == 250 else str(code)

    def again(self, message: bytes) -> bytes:
        """By way of a forwarder, which adds its lines on top."""
        verdict, _, rest = message.partition(b"\r\n")
        hop = b"Received: from mx.customers.example by forwarder.example; Mon, 23 Nov 2026 09:00:00 +0000"
        return b"\r\n".join((verdict, hop, b"X-Forwarded-To: support@onethread.localhost", rest))

    async def heard(self, text: str) -> int:
        return sum(text in mail["text"] for mail in await self._mailer.inbox())


class OnSlack:
    """A new person each time is not to be had here. The look-alike's others have stories that begin anew elsewhere."""

    kind, channel_id, identity, retryable = "slack", "slack-local", "slack_user", "503"
    service, port = "gateway-slack", 8030

    PEOPLE = (
        (Person("Bob Stone", "bob@pineandpaper.example"), "U0BOBSTONE1"),
        (Person("Priya Osei", "priya@osei.example"), "U0PRIYAOSEI"),
    )

    def __init__(self, stack: Stack, which: int = 0) -> None:
        self.person, user = self.PEOPLE[which]
        self._slack = Slack(stack, user)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""

    def write(self, text: str) -> dict[str, Any]:
        return self._slack.event(escape(text, quote=False))

    async def send(self, message: dict[str, Any]) -> str:
        try:
            answer = await self._slack.bring(message)
        except httpx.HTTPError:
            return "away"
        return "receipt" if answer.status_code == httpx.codes.OK else str(answer.status_code)

    def again(self, message: dict[str, Any]) -> dict[str, Any]:
        """Two apps of one workspace hear of it, each by an event of its own."""
        return message | {"event_id": f"Ev{uuid4().hex}"}

    async def heard(self, text: str) -> int:
        return sum(text in message["text"] for message in await self._slack.messages())


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


async def test_a_message_that_comes_by_two_routes_has_one_effect(desk: Desk, customer: Customer):
    text, marker = unique(), unique()
    message = customer.write(text)
    assert [await customer.send(message), await customer.send(customer.again(message))] == ["receipt", "receipt"]
    await customer.send(customer.write(marker))
    thread_id = (await found(desk, customer, marker))["thread_id"]
    shown = [one["text"] for one in await desk.messages(thread_id)]
    assert (shown.count(text), shown.count(marker)) == (1, 1)


async def test_a_text_that_looks_like_code_stands_as_it_was_written(desk: Desk, customer: Customer):
    text = f"Is <b>this</b> & <script>alert(1)</script> 'safe'; drop table? {{{{7*7}}}} %s \u202egnp.exe {unique()}"
    assert await customer.send(customer.write(text)) == "receipt"
    assert (await found(desk, customer, text[-32:]))["text"] == text


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
    assert set(await until_receipted(customer, message)) <= {customer.retryable}
    thread_id = (await found(desk, customer, text))["thread_id"]
    shown = [one["text"] for one in await desk.messages(thread_id)]
    assert shown.count(text) == 1


async def until_receipted(customer: Customer, message: Any) -> list[str]:
    """Sends until there is a receipt, as the channel's clients do. Returns what they were told before it."""
    told: list[str] = []
    async with asyncio.timeout(60):
        while (answer := await customer.send(message)) != "receipt":
            told.append(answer)
            await asyncio.sleep(0.2)
    return told


async def test_what_was_receipted_outlives_the_death_of_the_gateway(stack: Stack, desk: Desk, customer: Customer):
    text = unique()
    assert await customer.send(customer.write(text)) == "receipt"
    await asyncio.to_thread(stack.end, customer.service, signal.SIGKILL)
    thread_id = (await found(desk, customer, text))["thread_id"]
    await asyncio.to_thread(stack.until_ready, customer.service, customer.port)
    shown = [one["text"] for one in await desk.messages(thread_id)]
    assert shown.count(text) == 1


async def test_a_restart_of_the_gateway_loses_nothing_and_keeps_the_order(stack: Stack, desk: Desk, customer: Customer):
    texts = [unique() for _ in range(9)]
    messages = [customer.write(text) for text in texts]
    told = [await until_receipted(customer, message) for message in messages[:3]]
    ending = asyncio.create_task(asyncio.to_thread(stack.end, customer.service, signal.SIGTERM))
    told += [await until_receipted(customer, message) for message in messages[3:]]
    await ending
    assert {answer for answers in told for answer in answers} <= {customer.retryable, "away", "421", "503", "try_again"}
    thread_id = (await found(desk, customer, texts[-1]))["thread_id"]
    shown = [one["text"] for one in await desk.messages(thread_id)]
    assert [text for text in shown if text in texts] == texts


async def test_a_reply_that_was_written_while_the_gateway_was_away_comes_once(
    stack: Stack, desk: Desk, customer: Customer
):
    text, answer, marker = unique(), f"While away: {uuid4().hex}", f"Afterwards: {uuid4().hex}"
    await customer.send(customer.write(text))
    thread_id = (await found(desk, customer, text))["thread_id"]
    await asyncio.to_thread(stack.end, customer.service, signal.SIGKILL)
    await desk.reply(thread_id, answer)
    await asyncio.to_thread(stack.until_ready, customer.service, customer.port)
    await desk.reply(thread_id, marker)
    await eventually(lambda: customer.heard(marker), 40, "the reply after the other")
    await eventually(lambda: customer.heard(answer), what="the other")  # a browser may hear what is new first
    assert await customer.heard(answer) == 1


async def test_two_people_are_two_threads(stack: Stack, desk: Desk, customer: Customer):
    text = unique()
    await customer.send(customer.write(text))
    thread = await found(desk, customer, text)
    another = OnSlack(stack, 1) if customer.kind == "slack" else CUSTOMERS[customer.kind](stack)
    async with another as other:
        await other.send(other.write(text))
        assert (await found(desk, other, text))["thread_id"] != thread["thread_id"]


class TestFiles:
    """A channel that has files brings them whole."""

    async def test_a_file_is_named_with_the_message_and_can_be_opened_as_it_was_sent(self, stack: Stack, desk: Desk):
        content, text = bytes(range(256)) * 200, unique()
        async with OnEmail(stack) as elsa:
            assert await elsa.send(elsa.write(text, content)) == "receipt"
            message = await found(desk, elsa, text)
            (file,) = message["attachments"]
            assert (file["name"], file["size"]) == ("numbers.bin", len(content))
            answer = await desk.http.get(f"messages/{message['id']}/attachments/{file['sha256']}")
        assert answer.content == content
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"
