"""Lines of mails that wait: the same cases in memory and on a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import nats
import pytest

from onethread.contracts.envelope import now
from onethread.gateway_email.outgoing.waiting import BucketLines, Lines, Waits
from onethread.runtime.provision import provision


@pytest.fixture(params=["memory", pytest.param("bucket", marks=pytest.mark.connected)])
def server(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "memory" else request.getfixturevalue("nats_url")


@pytest.fixture
async def lines(server: str | None, memory_lines) -> AsyncIterator[Lines]:
    if server is None:
        yield memory_lines
        return
    connection = await nats.connect(server)
    js = connection.jetstream()
    await provision(js)
    yield BucketLines(lambda: js)
    await connection.close()


def mail() -> Waits:
    return Waits(message=uuid4())


async def named(lines: Lines, key: str) -> list[Waits]:
    found = await lines.find(key)
    return found.line.mails if found else []


async def test_whoever_joins_stands_behind_and_joins_once(lines: Lines):
    key, first, second, at = uuid4().hex, mail(), mail(), now() + timedelta(minutes=5)
    await lines.put_off(key, first, at)
    for _ in range(2):
        await lines.join(key, second, now())
    assert await named(lines, key) == [first, second]
    found = await lines.find(key)
    assert found
    assert found.line.at == at


async def test_the_next_is_due_when_the_first_has_left_and_an_empty_line_is_none(lines: Lines):
    key, first, second, at = uuid4().hex, mail(), mail(), now()
    await lines.put_off(key, first, at + timedelta(hours=3))
    await lines.join(key, second, at)
    await lines.leave(key, first, at)
    [found] = await lines.all()
    assert (found.line.mails, found.line.at) == ([second], at)
    for _ in range(2):
        await lines.leave(key, second, at)
    assert await lines.find(key) is None
    assert await lines.all() == []
    await lines.join(key, first, at)
    assert await named(lines, key) == [first]


async def test_of_two_who_take_a_line_it_is_ones(lines: Lines):
    key = uuid4().hex
    await lines.put_off(key, mail(), now())
    found = await lines.find(key)
    assert found
    taken = await asyncio.gather(*(lines.take(found, now() + timedelta(minutes=1)) for _ in range(5)))
    assert sorted(taken) == [False] * 4 + [True]


async def test_many_who_join_at_once_all_stand_in_it(lines: Lines):
    key, mails = uuid4().hex, [mail() for _ in range(8)]
    await asyncio.gather(*(lines.join(key, one, now()) for one in mails))
    assert {one.message for one in await named(lines, key)} == {one.message for one in mails}


async def test_lines_do_not_mix(lines: Lines):
    keys = [uuid4().hex for _ in range(3)]
    for key in keys:
        await lines.join(key, mail(), now())
    await lines.leave(keys[0], (await named(lines, keys[0]))[0], now())
    assert {found.key for found in await lines.all()} == set(keys[1:])
