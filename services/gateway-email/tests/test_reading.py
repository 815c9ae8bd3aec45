"""Work in processes of its own: what hangs, crashes or takes all memory is told, and the next one is done."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import psutil
import pytest

from onethread.gateway_email import pipeline, reading
from onethread.gateway_email.convert import RefusedMailError
from onethread.gateway_email.reading import Reader, UnreadableError
from onethread.gateway_email.storage import originals
from onethread.runtime.bus import UnavailableError

MAIL = b"From: Ann <ann@customer.example>\r\nTo: support@desk.example\r\nMessage-ID: <1@customer.example>\r\n\r\nHi\r\n"


@pytest.fixture(params=[0, 1], ids=["here", "in a process"])
async def reader(request: pytest.FixtureRequest) -> AsyncIterator[Reader]:
    reader = Reader(request.param)
    yield reader
    await reader.stop()


@pytest.fixture
async def apart() -> AsyncIterator[Reader]:
    reader = Reader(1, seconds=4)
    yield reader
    await reader.stop()


async def test_a_mail_is_read_the_same_here_and_there(reader, arrival, desk):
    told = await reader.do(pipeline.read, MAIL, arrival, [desk], [desk])
    [event] = pipeline.events_of(MAIL, arrival, [desk], [desk])
    assert f'"id":"{event.id}"'.encode() in told
    assert b'"text":"Hi"' in told


def test_a_process_that_reads_is_not_told_what_other_workspaces_have(desk):
    other = replace(desk, id="email-other", workspace="other", address="help@other.example")
    second = replace(desk, id="email-second", address="sales@desk.example")
    assert pipeline.beside([desk], [desk, other, second]) == [desk, second]


async def test_a_refusal_is_told_in_its_words(reader, arrival, desk):
    with pytest.raises(RefusedMailError, match=r"550 5\.6\.0 This mail has no From field"):
        await reader.do(pipeline.read, b"To: support@desk.example\r\n\r\nHi\r\n", arrival, [desk], [desk])


async def test_a_fault_is_told_by_its_kind_alone(reader, desk):
    with pytest.raises(UnreadableError, match=r"^AttributeError$"):
        await reader.do(pipeline.read, MAIL, None, [desk], [desk])


async def test_what_is_empty_is_not_what_is_missing(reader):
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    raw = MAIL.replace(b"\r\n\r\nHi", b"\r\nContent-Type: text/x; name=empty.txt\r\n\r\n").strip() + b"\r\n\r\n"
    assert await reader.do(originals.attachment, raw, empty) == b"="
    assert await reader.do(originals.attachment, raw, "0" * 64) == b""


async def test_what_hangs_is_ended_and_the_next_mail_is_read(apart, arrival, desk):
    started = time.monotonic()
    with pytest.raises(UnreadableError, match="it was not read in 4 seconds"):
        await apart.do(time.sleep, 3600)  # type: ignore[arg-type]
    assert time.monotonic() - started < 20
    assert b'"text":"Hi"' in await apart.do(pipeline.read, MAIL, arrival, [desk], [desk])


async def test_what_crashes_is_told_and_the_next_mail_is_read(apart, arrival, desk):
    with pytest.raises(UnreadableError, match="the process that read it ended"):
        await apart.do(os._exit, 11)  # type: ignore[arg-type]
    assert b'"text":"Hi"' in await apart.do(pipeline.read, MAIL, arrival, [desk], [desk])


async def test_a_process_that_does_not_start_in_time_is_ended(apart, monkeypatch):
    others = psutil.Process().children()
    monkeypatch.setattr(reading, "START_SECONDS", 0.01)
    with pytest.raises(UnavailableError, match="can be started: TimeoutError"):
        await apart.do(os.getpid)  # type: ignore[arg-type]
    assert set(psutil.Process().children()) <= set(others)


async def test_what_takes_all_memory_is_told(apart):
    with pytest.raises(UnreadableError, match="MemoryError"):
        await apart.do(bytes, 2 * 1024**3)


async def test_one_that_hangs_does_not_hold_up_what_goes_to_another_process(arrival, desk):
    reader = Reader(2)
    hanging = asyncio.ensure_future(reader.do(time.sleep, 3600))  # type: ignore[arg-type]
    assert b'"text":"Hi"' in await reader.do(pipeline.read, MAIL, arrival, [desk], [desk])
    assert not hanging.done()
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
    await reader.stop()


async def test_a_process_ends_with_its_reader():
    reader = Reader(1)
    process = int(await reader.do(os.readlink, b"/proc/self"))  # type: ignore[arg-type]
    await reader.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
