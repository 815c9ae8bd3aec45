"""The bus on a real NATS server. Each trap of FastStream's that loses or stalls messages has its test here."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4
from zlib import crc32

import nats
import pytest
from nats.js.api import DiscardPolicy, StreamConfig
from nats.js.errors import NotFoundError
from pydantic import BaseModel

from onethread.contracts.customers import Customer, CustomerChange, CustomerUpdated
from onethread.contracts.streams import EVENTS, Consumer
from onethread.runtime import bus as bus_module
from onethread.runtime.bus import Bus, FullError, PoisonError, RefusedError, UnavailableError
from onethread.runtime.provision import _consumer, provision
from onethread.runtime.settings import Settings

pytestmark = pytest.mark.connected
WORK = Consumer("test-work", "ot.*.customer.updated", ack_wait=2, max_ack_pending=8)
LANED = Consumer("test-laned", "ot.*.customer.updated", lanes=True, ack_wait=30)
UNFORGIVING = Consumer("test-unforgiving", "ot.*.customer.updated", ack_wait=300, max_ack_pending=8)
"""What is lost by a member of it comes back too late for any test."""


def fact(name: str) -> CustomerUpdated:
    data = CustomerChange(customer=Customer(id=uuid4(), name=name))
    return CustomerUpdated(id=uuid4(), source="/test", workspaceid="local", data=data)


class Bench:
    """A bus whose handler does what a test tells it to."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.heard: list[str] = []
        self.buses: list[Bus] = []

    async def bus(self, consumer: Consumer | None = None, act: Callable[[str], Any] | None = None) -> Bus:
        bus = Bus("test", Settings(nats_url=self.url))

        async def handler(event: CustomerUpdated) -> None:
            name = event.data.customer.name or ""
            self.heard.append(name)
            if act:
                result = act(name)
                if asyncio.iscoroutine(result):
                    await result

        if consumer:
            connection = await nats.connect(self.url)
            for durable, subject in consumer.each():
                await _consumer(connection.jetstream(), consumer, durable, subject)
            await connection.close()
            bus.on(consumer, CustomerUpdated, handler)
        await bus.start()
        self.buses.append(bus)
        return bus

    async def stop(self, bus: Bus) -> None:
        self.buses.remove(bus)
        await bus.stop()

    async def until(self, condition: Callable[[], bool], seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"it did not happen in time; heard {self.heard[-10:]}"
            await asyncio.sleep(0.02)


class Traffic:
    """Facts that are published without a pause. The stream is then busy, and what it has for its readers waits."""

    def __init__(self, bus: Bus) -> None:
        self.published: list[str] = []
        self._bus, self._on = bus, True
        self._task = asyncio.create_task(self._publish())

    async def _publish(self) -> None:
        while self._on:
            names = [str(len(self.published) + n) for n in range(10)]
            await asyncio.gather(*(self._bus.publish(fact(name)) for name in names))
            self.published += names

    async def end(self) -> None:
        self._on = False
        await self._task


@asynccontextmanager
async def wire(url: str, open_ones: list[asyncio.StreamWriter] | None = None) -> AsyncIterator[str]:
    """Another address of the server at `url`, until it is cut. Whoever closes the `open_ones` cuts it for a moment."""
    host, port = url.removeprefix("nats://").split(":")
    open_ones = [] if open_ones is None else open_ones

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.append(writer)
        while data := await reader.read(4096):
            writer.write(data)

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, int(port))
        await asyncio.gather(copy(reader, back), copy(there, writer), return_exceptions=True)

    server = await asyncio.start_server(join, "127.0.0.1", 0)
    yield f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    for writer in open_ones:
        writer.close()


@pytest.fixture
async def bench(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(bus_module, "RETRY_DELAYS", (0.05, 0.1))
    monkeypatch.setattr(bus_module, "UNAVAILABLE_DELAY", 0.1)
    bench = Bench(nats_url)
    yield bench
    for bus in bench.buses:
        await bus.stop()


async def dead_letters(bus: Bus) -> int:
    return (await bus.js.stream_info("DEAD")).state.messages


async def dead_letter(bus: Bus) -> Any:
    """The latest, once there is one: what comes behind a message does not wait until it is parked."""
    end = time.monotonic() + 30
    while not await dead_letters(bus):
        assert time.monotonic() < end, "nothing was parked"
        await asyncio.sleep(0.05)
    return await bus.js.get_last_msg("DEAD", "dead.test")


async def test_trap_1_a_message_whose_handler_fails_is_tried_again_and_not_discarded(bench: Bench) -> None:
    def fail_twice(name: str) -> None:
        if bench.heard.count(name) < 3:
            raise RuntimeError("not yet")

    bus = await bench.bus(WORK, fail_twice)
    await bus.publish(fact("flaky"))
    await bench.until(lambda: bench.heard.count("flaky") == 3)
    await asyncio.sleep(0.3)
    assert bench.heard.count("flaky") == 3
    assert await dead_letters(bus) == 0


async def test_trap_2_a_publish_that_no_stream_takes_is_refused_and_not_lost(bench: Bench) -> None:
    bus = await bench.bus()
    with pytest.raises(UnavailableError):
        await bus.publish_raw("nobody.keeps.this", b"{}", "id")


async def test_a_publish_that_the_full_bus_refuses_is_told_apart(bench: Bench) -> None:
    bus = await bench.bus()
    await bus.publish(fact("fits"))
    config = (await bus.js.stream_info(EVENTS.name)).config
    await bus.js.update_stream(config, max_bytes=1, discard=DiscardPolicy.NEW)
    with pytest.raises(FullError):
        await bus.publish(fact("does not fit"))
    await bus.js.update_stream(config)
    await bus.publish(fact("fits again"))


async def test_trap_3_starting_a_service_leaves_the_streams_settings_alone(bench: Bench, nats_url: str) -> None:
    connection = await nats.connect(nats_url)
    js = connection.jetstream()
    await js.update_stream(StreamConfig(name="EVENTS", subjects=["ot.>"], max_age=1234, description="mine"))
    await bench.bus(WORK)
    config = (await js.stream_info("EVENTS")).config
    assert (config.max_age, config.description) == (1234, "mine")
    await connection.close()


async def test_trap_4_provisioning_changes_a_consumer_that_exists(nats_url: str) -> None:
    connection = await nats.connect(nats_url)
    js = connection.jetstream()
    for pending in (8, 4):
        await _consumer(js, Consumer(WORK.name, WORK.subject, max_ack_pending=pending), WORK.name, WORK.subject)
    assert (await js.consumer_info("EVENTS", WORK.name)).config.max_ack_pending == 4
    await provision(js)
    await connection.close()


async def test_trap_5_a_consumer_that_is_gone_fails_the_liveness_check(bench: Bench) -> None:
    bus = await bench.bus(WORK)
    await bus.check_consumers()
    await bus.js.delete_consumer("EVENTS", WORK.name)
    with pytest.raises(UnavailableError, match="is gone"):
        await bus.check_consumers()


async def test_trap_6_the_connection_is_never_given_up(bench: Bench) -> None:
    bus = await bench.bus()
    assert bus.broker._connection.options["max_reconnect_attempts"] == -1


async def test_trap_7_8_9_messages_after_a_pause_arrive_at_once(bench: Bench) -> None:
    """Pull consumers stall here for up to their fetch timeout of five seconds; ours are pushed."""
    bus = await bench.bus(WORK)
    waits = []
    for n in range(20):
        await asyncio.sleep(0.05)
        started = time.monotonic()
        await bus.publish(fact(str(n)))
        await bench.until(lambda n=n: str(n) in bench.heard)
        waits.append(time.monotonic() - started)
    assert sorted(waits)[-3] < 3.0  # a busy disk may hold up the server, which waits until a message is on it
    info = await bus.js.consumer_info("EVENTS", WORK.name)
    assert info.config.deliver_subject
    assert info.config.deliver_group == WORK.name


async def test_trap_8_no_more_messages_are_in_flight_than_there_are_workers(bench: Bench) -> None:
    done, may_end = [], asyncio.Event()

    async def held(name: str) -> None:
        await may_end.wait()
        done.append(name)

    bus = await bench.bus(WORK, held)
    for n in range(40):
        await bus.publish(fact(str(n)))
    await bench.until(lambda: len(bench.heard) == WORK.in_flight)
    await asyncio.sleep(0.3)
    assert len(bench.heard) == WORK.in_flight
    may_end.set()
    await bench.until(lambda: len(done) == 40)
    assert len(set(done)) == 40


async def test_trap_10_stopping_finishes_what_is_in_hand_and_the_rest_comes_to_the_next_process(bench: Bench) -> None:
    done: list[str] = []

    async def slowly(name: str) -> None:
        await asyncio.sleep(0.3)
        done.append(name)

    bus = await bench.bus(WORK, slowly)
    for n in range(20):
        await bus.publish(fact(str(n)))
    await bench.until(lambda: len(bench.heard) >= 8)
    await bench.stop(bus)
    assert sorted(bench.heard) == sorted(done)
    await bench.bus(WORK, slowly)
    await bench.until(lambda: len(set(done)) == 20)
    assert len(done) == 20


async def test_nothing_waits_when_the_last_process_stops_under_traffic(bench: Bench) -> None:
    """The server itself loses what it has for the last member when that one leaves, until the `ack_wait` is over."""
    traffic = Traffic(await bench.bus())
    for _ in range(20):
        bus = await bench.bus(UNFORGIVING, lambda _: asyncio.sleep(0.002))
        await asyncio.sleep(0.1)
        await bench.stop(bus)
    await traffic.end()
    await bench.bus(UNFORGIVING)
    await bench.until(lambda: len(set(bench.heard)) == len(traffic.published), 60)
    assert len(bench.heard) == len(traffic.published)


async def test_nothing_waits_and_nothing_is_done_twice_when_one_of_two_stops_under_traffic(bench: Bench) -> None:
    traffic = Traffic(await bench.bus())
    first = await bench.bus(UNFORGIVING, lambda _: asyncio.sleep(0.002))
    for _ in range(5):
        second = await bench.bus(UNFORGIVING, lambda _: asyncio.sleep(0.002))
        await asyncio.sleep(0.1)
        await bench.stop(first)
        first = second
    await traffic.end()
    await bench.until(lambda: len(set(bench.heard)) == len(traffic.published), 60)
    assert len(bench.heard) == len(traffic.published)


async def test_what_is_not_done_when_the_time_is_up_goes_to_the_next_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "DRAIN_SECONDS", 0.2)
    bus = await bench.bus(UNFORGIVING, lambda _: asyncio.sleep(100))
    await bus.publish(fact("long"))
    await bench.until(lambda: bench.heard == ["long"])
    started = time.monotonic()
    await bench.stop(bus)
    await bench.bus(UNFORGIVING)
    await bench.until(lambda: bench.heard == ["long", "long"])
    assert time.monotonic() - started < 30, "the server itself would wait for five minutes"


async def test_a_process_whose_bus_is_away_stops_without_a_fault(bench: Bench) -> None:
    async with wire(bench.url) as url:
        bus = await Bench(url).bus(WORK)
    await bench.until(lambda: not bus.connected)
    await bus.stop()


async def test_what_is_live_is_no_fault_while_the_bus_is_away(bench: Bench) -> None:
    await Bus("test", Settings(nats_url=bench.url)).say_live("live.local.typing.widget", b"{}")
    async with wire(bench.url) as url:
        bus = await Bench(url).bus(WORK)
    await bench.until(lambda: not bus.connected)
    await bus.say_live("live.local.typing.widget", b"{}")
    await bus.stop()


async def test_who_only_listens_hears_that_the_bus_was_away_and_is_back(bench: Bench) -> None:
    open_ones: list[asyncio.StreamWriter] = []
    heard: list[str] = []
    async with wire(bench.url, open_ones) as url:
        bus = await Bench(url).bus()
        bus.when_back(lambda: heard.append("back"))

        async def on_news(message: Any) -> None:
            heard.append(message.subject)

        await bus.listen("live.local.typing.widget", on_news)
        for writer in open_ones:
            writer.close()
        await bench.until(lambda: heard == ["back"])
        await bus.say_live("live.local.typing.widget", b"{}")
        await bench.until(lambda: heard == ["back", "live.local.typing.widget"])
        await bus.stop()


async def test_trap_11_a_json_body_reaches_the_handler_as_the_contract(bench: Bench) -> None:
    """FastStream decodes by content type first; our events say `application/cloudevents+json`."""
    bus = await bench.bus(WORK)
    event = fact("typed")
    await bus.js.publish("ot.local.customer.updated", event.to_json(), headers={"content-type": "application/json"})
    await bench.until(lambda: "typed" in bench.heard)


async def test_trap_12_nothing_warns_of_what_is_deprecated_or_cannot_scale(bench: Bench) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        await bench.bus(WORK)


async def test_trap_13_a_poison_message_is_parked_once_with_its_reason_and_blocks_nobody(bench: Bench) -> None:
    def choke(name: str) -> None:
        if name == "poison":
            raise PoisonError("cannot be read")

    bus = await bench.bus(WORK, choke)
    for name in ("poison", "after"):
        await bus.publish(fact(name))
    await bench.until(lambda: "after" in bench.heard)
    await bench.until(lambda: bench.heard.count("poison") == 1)
    letter = await dead_letter(bus)
    assert letter.headers["Onethread-Reason"] == "PoisonError: cannot be read"
    assert letter.headers["Onethread-Subject"] == "ot.local.customer.updated"
    await asyncio.sleep(0.3)
    assert await dead_letters(bus) == 1


async def test_an_event_that_says_another_workspace_than_its_subject_is_parked(bench: Bench) -> None:
    bus = await bench.bus(WORK)
    await bus.publish_raw("ot.other.customer.updated", fact("strayed").to_json(), "strayed")
    await bus.publish(fact("after"))
    await bench.until(lambda: "after" in bench.heard)
    letter = await dead_letter(bus)
    assert letter.headers["Onethread-Reason"] == "PoisonError: the event says another workspace than its subject"
    assert "strayed" not in bench.heard


async def test_a_handler_that_always_fails_is_parked_after_bounded_tries(bench: Bench) -> None:
    def always(_: str) -> None:
        raise ValueError("never")

    bus = await bench.bus(WORK, always)
    await bus.publish(fact("hopeless"))
    await dead_letter(bus)
    await asyncio.sleep(0.3)
    assert bench.heard.count("hopeless") == 3
    assert await dead_letters(bus) == 1


async def test_the_reason_of_a_dead_letter_does_not_quote_the_message(bench: Bench) -> None:
    bus = await bench.bus(WORK)
    await bus.publish_raw("ot.local.customer.updated", b'{"id": "ana@secret.example"}', "bad")
    letter = await dead_letter(bus)
    assert "ValidationError" in letter.headers["Onethread-Reason"]
    assert "secret" not in letter.headers["Onethread-Reason"]


async def test_a_message_waits_as_long_as_its_store_is_away(bench: Bench) -> None:
    done: list[str] = []

    def away(name: str) -> None:
        if len(bench.heard) < 10:  # so often nothing is tried that fails by itself
            raise UnavailableError("the store is away")
        done.append(name)

    bus = await bench.bus(WORK, away)
    await bus.publish(fact("patient"))
    await bench.until(lambda: done == ["patient"])
    assert await dead_letters(bus) == 0


async def test_a_long_handler_says_that_it_lives_and_gets_the_message_once(bench: Bench) -> None:
    async def long(_: str) -> None:
        await asyncio.sleep(WORK.ack_wait * 1.6)

    bus = await bench.bus(WORK, long)
    await bus.publish(fact("long"))
    await asyncio.sleep(WORK.ack_wait * 2.2)
    assert bench.heard == ["long"]


async def test_lanes_keep_the_order_over_failures_and_two_processes(bench: Bench) -> None:
    from onethread.contracts.ids import lane

    done: dict[str, list[int]] = {}

    async def sometimes_fails(name: str) -> None:
        key, number = name.split(":")
        if crc32(name.encode()) % 7 == 0 and bench.heard.count(name) < 2:
            raise RuntimeError("once more")
        done.setdefault(key, []).append(int(number))

    bus = await bench.bus(LANED, sometimes_fails)
    await bench.bus(LANED, sometimes_fails)
    for number in range(10):
        for key in range(12):
            await bus.publish(fact(f"{key}:{number}"), lane(str(key)))
    await bench.until(lambda: sum(map(len, done.values())) >= 120)
    assert done == {str(key): list(range(10)) for key in range(12)}


async def test_the_same_event_published_twice_is_one(bench: Bench) -> None:
    bus = await bench.bus(WORK)
    event = fact("same")
    await bus.publish(event)
    await bus.publish(event)
    await bus.publish(fact("last"))
    await bench.until(lambda: "last" in bench.heard)
    assert bench.heard.count("same") == 1


class Ping(BaseModel):
    text: str


async def test_a_question_is_answered_refused_or_said_to_be_unanswered(bench: Bench) -> None:
    async def answer(question: Ping) -> Ping:
        if question.text == "bad":
            raise ValueError("no")
        return Ping(text=question.text.upper())

    other = Bus("other", Settings(nats_url=bench.url))
    other.answer("svc.test.shout", Ping, answer)
    await other.start()
    bench.buses.append(other)
    bus = await bench.bus()
    assert (await bus.ask("svc.test.shout", Ping(text="a"), Ping)).text == "A"
    with pytest.raises(RefusedError):
        await bus.ask("svc.test.shout", Ping(text="bad"), Ping)
    with pytest.raises(UnavailableError):
        await bus.ask("svc.test.nobody", Ping(text="a"), Ping, timeout=0.3)


async def test_a_process_that_stops_answers_every_question_that_has_come(bench: Bench) -> None:
    asked: list[str] = []

    async def answer(question: Ping) -> Ping:
        asked.append(question.text)
        await asyncio.sleep(0.1)
        return question

    other = Bus("other", Settings(nats_url=bench.url))
    other.answer("svc.test.echo", Ping, answer)
    await other.start()
    bus = await bench.bus()
    answers = [asyncio.create_task(bus.ask("svc.test.echo", Ping(text=str(n)), Ping)) for n in range(60)]
    await bench.until(lambda: bool(asked))
    await other.stop()
    assert [(await one).text for one in answers] == [str(n) for n in range(60)]


async def test_the_trace_travels_with_the_event(bench: Bench) -> None:
    from onethread.runtime.telemetry import traceparent

    seen: list[str | None] = []
    bus = await bench.bus(WORK, lambda _: seen.append(traceparent()))
    with bus.tracing.span("the cause"):
        sent = traceparent()
        await bus.publish(fact("traced"))
    await bench.until(lambda: bool(seen))
    assert sent
    assert seen[0]
    assert seen[0].split("-")[1] == sent.split("-")[1]


async def test_deleting_a_stream_is_noticed_and_provisioning_brings_it_back(nats_url: str) -> None:
    connection = await nats.connect(nats_url)
    js = connection.jetstream()
    await js.delete_stream("EVENTS")
    with pytest.raises(NotFoundError):
        await js.stream_info("EVENTS")
    await provision(js)
    assert (await js.stream_info("EVENTS")).config.subjects == ["ot.>"]
    await connection.close()
