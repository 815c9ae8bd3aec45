"""The relay that our mails go to: what it answers, and what it is when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from structlog.testing import capture_logs

from onethread.gateway_email.outgoing import relay as relay_module
from onethread.gateway_email.outgoing.relay import RefusedByRelayError, Relay, RelayAwayError

MAIL = b"From: us@desk.example\r\nTo: a@x.example\r\n\r\nhi\r\n"
RESTS = (timedelta(seconds=5), timedelta(seconds=20))


class Clock(datetime):
    """Stands still until a test moves it."""

    at = datetime(2026, 11, 2, 10, tzinfo=UTC)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return cls.at.astimezone(tz)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Clock]:
    monkeypatch.setattr(Clock, "at", Clock.at)
    monkeypatch.setattr(relay_module, "datetime", Clock)
    return Clock


class Door:
    """Counts who knocks, and hangs up."""

    def __init__(self) -> None:
        self.knocks, self.greeting = 0, b""
        self.url = ""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.knocks += 1
        writer.write(self.greeting)
        while self.greeting and (line := await reader.readline()):
            writer.write(b"250 OK\r\n")
            if line.startswith(b"MAIL"):
                break
        writer.close()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    door = Door()
    server = await asyncio.start_server(door, "127.0.0.1", 0)
    door.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield door
    server.close()


async def test_a_relay_that_is_away_is_left_alone_for_longer_each_time_and_said_so_once(door: Door, clock):
    relay = Relay(door.url, rests=RESTS)
    with capture_logs() as logs:
        for _ in range(20):
            with pytest.raises(RelayAwayError):
                await relay.send(MAIL, "us@desk.example", "a@x.example")
        assert door.knocks == 1
        clock.at += timedelta(seconds=6)
        away = [await _away(relay) for _ in range(20)]
    assert door.knocks == 2
    assert len({one.until for one in away}) == 1
    assert [one["event"] for one in logs] == ["relay.away", "relay.away"]


async def test_many_who_find_it_away_at_once_count_as_one(door: Door):
    relay = Relay(door.url, rests=(timedelta(seconds=10), timedelta(seconds=1000)))
    away = await asyncio.gather(*(_away(relay) for _ in range(10)))
    assert len({one.until for one in away}) == 1


async def test_it_is_back_when_a_mail_is_taken(sink, clock):
    relay = Relay("smtp://127.0.0.1:1", rests=RESTS)
    await _away(relay)
    clock.at += timedelta(seconds=6)
    relay.url = sink.url
    with capture_logs() as logs:
        assert await relay.send(MAIL, "us@desk.example", "a@x.example") == {}
    assert [one["event"] for one in logs] == ["relay.back"]
    assert await relay.send(MAIL, "us@desk.example", "a@x.example") == {}


async def test_a_mail_at_which_the_connection_breaks_off_keeps_no_others_waiting(door: Door, sink):
    door.greeting = b"220 here\r\n"
    relay = Relay(door.url, rests=RESTS)
    with pytest.raises(RefusedByRelayError) as refused:
        await relay.send(MAIL, "us@desk.example", "a@x.example")
    assert (refused.value.code, refused.value.permanent) == (421, False)
    relay.url = sink.url
    assert await relay.send(MAIL, "us@desk.example", "a@x.example") == {}


async def test_who_was_refused_is_named_with_what_was_said(sink):
    relay = Relay(sink.url)
    sink.answers = {"b@x.example": "550 5.1.1 nobody", "c@x.example": "451 later"}
    refused = await relay.send(MAIL, "us@desk.example", "a@x.example", "b@x.example", "c@x.example")
    assert {address: (one.said, one.permanent) for address, one in refused.items()} == {
        "b@x.example": ("550 5.1.1 nobody", True), "c@x.example": ("451 later", False)
    }  # fmt: skip
    with pytest.raises(RefusedByRelayError, match="nobody"):
        await relay.send_alone(MAIL, "us@desk.example", "b@x.example")


async def _away(relay: Relay) -> RelayAwayError:
    with pytest.raises(RelayAwayError) as away:
        await relay.send(MAIL, "us@desk.example", "a@x.example")
    return away.value
