"""What is put off, on a real bus and a real mail server: tried again, in order, by one of several, whoever dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from email import message_from_bytes
from typing import Any
from uuid import uuid4

import nats
import pytest
from nats.js import JetStreamContext

from onethread.contracts.customers import Customer, CustomerErased, Erasure
from onethread.contracts.envelope import now
from onethread.contracts.messages import Audience, Author, Channel, Place
from onethread.contracts.replies import ReplyRequested, RequestedReply
from onethread.gateway_email.desks import desk_of, own_desk
from onethread.gateway_email.outgoing.ledger import BucketLedger
from onethread.gateway_email.outgoing.outbound import Outbound
from onethread.gateway_email.outgoing.relay import Relay
from onethread.gateway_email.outgoing.retries import Retries
from onethread.gateway_email.outgoing.waiting import BucketLines
from onethread.runtime.channels import ChannelBook
from onethread.runtime.provision import provision

pytestmark = pytest.mark.connected
PAUSES = (timedelta(seconds=0.2), timedelta(seconds=0.4))
LEASE = timedelta(seconds=1.5)


@pytest.fixture
async def js(nats_url: str) -> AsyncIterator[JetStreamContext]:
    connection = await nats.connect(nats_url)
    await provision(connection.jetstream())
    yield connection.jetstream()
    await connection.close()


@pytest.fixture
async def replica(js: JetStreamContext, settings, bus, sink) -> AsyncIterator[Callable[..., tuple[Outbound, Retries]]]:
    """One more process of the service, on the same buckets."""
    made: list[Retries] = []

    def make(look: float = 0.05) -> tuple[Outbound, Retries]:
        desks = ChannelBook(bus, "email", own_desk(settings), lambda config: desk_of(config, settings))
        ledger, lines = BucketLedger(lambda: js), BucketLines(lambda: js)
        hours = timedelta(hours=48)
        outbound = Outbound(desks, Relay(sink.url, rests=PAUSES), ledger, lines, bus, patience=hours, pauses=PAUSES)
        made.append(Retries(lines, ledger, outbound, look=look, lease=LEASE))
        made[-1].start()
        return outbound, made[-1]

    yield make
    for one in made:
        await one.stop()


def requested(text: str, thread: Any, to: str = "ann@customer.example") -> ReplyRequested:
    place = Place(key=f"email:{to}", audience=Audience(shared=False), route={"to": to})
    reply = RequestedReply(
        message_id=uuid4(), channel=Channel(id="email-local", kind="email"), place=place,
        author=Author(kind="teammate", name="Kim"), text=text, html=f"<p>{text}</p>", sequence=2,
    )  # fmt: skip
    return ReplyRequested(id=uuid4(), source="/conversation", workspaceid="local", threadid=thread, data=reply)


async def until(true: Callable[[], Any], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.02)


def texts(sink: Any) -> list[str]:
    return [message_from_bytes(raw).get_payload()[0].get_payload().strip() for raw in sink.mails]  # type: ignore[union-attr,index]


async def test_a_thread_leaves_in_order_once_the_server_takes_it_and_others_pass(replica, sink, bus):
    outbound, _ = replica()
    replica()
    sink.answers["ann@customer.example"], thread = "451 4.7.1 Greylisted", uuid4()
    for number in range(4):
        await outbound(requested(f"reply {number}", thread))
    await until(lambda: len(bus.published) >= 6)  # the first was put off again meanwhile
    await outbound(requested("of another", uuid4(), "bob@other.example"))
    assert texts(sink) == ["of another"]
    sink.answers.clear()
    await until(lambda: [told.data.state for told, _ in bus.published].count("sent") == 5)
    await asyncio.sleep(0.3)
    assert texts(sink) == ["of another", *(f"reply {number}" for number in range(4))]
    states = [told.data.state for told, _ in bus.published]
    assert states.count("sent") == 5


async def test_those_behind_the_first_leave_with_it_and_wait_for_no_other_look(replica, sink, bus, js):
    outbound, retries = replica()
    sink.answer, thread = "451 4.7.1 Greylisted", uuid4()
    for number in range(4):
        await outbound(requested(f"reply {number}", thread))
    await retries.stop()
    [found] = await BucketLines(lambda: js).all()
    await asyncio.sleep(max(0, (found.line.at - now()).total_seconds()))
    sink.answer = "250 OK"
    replica(look=3600)
    await until(lambda: len(sink.mails) == 4)
    assert texts(sink) == [f"reply {number}" for number in range(4)]


async def test_what_another_took_and_died_of_is_sent_with_the_same_message_id(replica, sink, bus, js):
    outbound, retries = replica()
    sink.answer, thread = "451 4.7.1 Greylisted", uuid4()
    event = requested("once", thread)
    await outbound(event)
    await retries.stop()
    sink.answer = "250 OK"
    lines = BucketLines(lambda: js)
    [found] = await lines.all()
    assert await lines.take(found, now() + LEASE)
    await outbound._posting.send(event, outbound._posting.writer(event), ["ann@customer.example"])
    replica()
    await until(lambda: len(sink.mails) == 2)
    assert len({message_from_bytes(raw)["Message-ID"] for raw in sink.mails}) == 1
    await until(lambda: bus.published[-1][0].data.state == "sent")
    async with asyncio.timeout(20):
        while await lines.all():
            await asyncio.sleep(0.02)


async def test_when_the_relay_is_back_all_that_waited_leaves_each_thread_in_order(replica, sink, bus):
    outbound, _ = replica()
    relay = outbound._posting._relay
    back, relay.url = relay.url, "smtp://127.0.0.1:1"
    threads = [uuid4() for _ in range(3)]
    for number in range(3):
        for at, thread in enumerate(threads):
            await outbound(requested(f"{at} {number}", thread, f"a{at}@customer.example"))
    await until(lambda: len(bus.published) > 12)  # it was knocked at again meanwhile
    assert sink.mails == []
    relay.url = back
    await until(lambda: len(sink.mails) == 9)
    for at in range(3):
        assert [said for said in texts(sink) if said.startswith(f"{at} ")] == [f"{at} {number}" for number in range(3)]
    await until(lambda: [told.data.state for told, _ in bus.published].count("sent") == 9)


async def test_copies_that_were_put_off_are_sent_while_the_thread_goes_on(replica, sink, bus):
    outbound, _ = replica()
    event, thread = requested("first", uuid4()), uuid4()
    event = event.model_copy(
        update={"threadid": thread, "data": event.data.model_copy(update={"cc": ["bob@x.example"]})}
    )
    sink.answers["bob@x.example"] = "451 4.7.1 Greylisted"
    await outbound(event)
    await outbound(requested("second", thread))
    assert texts(sink) == ["first", "second"]
    sink.answers.clear()
    await until(lambda: len(sink.mails) == 3)
    assert sink.recipients == ["ann@customer.example", "ann@customer.example", "bob@x.example"]
    await until(lambda: bus.published[-1][0].data.reason is None)


async def test_a_reader_whose_copies_were_put_off_gets_them_in_order(replica, sink, bus):
    outbound, _ = replica()
    replica()
    thread, bob = uuid4(), "bob@x.example"
    sink.answers[bob] = "451 4.7.1 Greylisted"
    for number in range(3):
        event = requested(f"reply {number}", thread)
        await outbound(event.model_copy(update={"data": event.data.model_copy(update={"cc": [bob]})}))
    await until(lambda: len(sink.refused) > 1)  # tried again meanwhile, and put off again
    sink.answers.clear()
    await until(lambda: sink.recipients.count(bob) == 3)
    theirs = [text for text, readers in zip(texts(sink), sink.groups, strict=True) if bob in readers]
    assert theirs == ["reply 0", "reply 1", "reply 2"]
    await until(lambda: [told.data.reason for told, _ in bus.published].count(None) == 3)


async def test_what_of_an_erased_customer_waits_is_not_sent(replica, sink, js):
    outbound, _ = replica()
    sink.answer, thread = "451 4.7.1 Greylisted", uuid4()
    erased, kept = requested("erased", thread), requested("kept", thread)
    await outbound(erased)
    await outbound(kept)
    customer = uuid4()
    await BucketLedger(lambda: js).forget(
        CustomerErased(
            id=uuid4(), source="/conversation", workspaceid="local", customerid=customer,
            data=Erasure(customer=Customer(id=customer), erased_message_ids=[erased.data.message_id]),
        )
    )  # fmt: skip
    sink.answer = "250 OK"
    await until(lambda: sink.mails)
    await asyncio.sleep(0.5)
    assert texts(sink) == ["kept"]
