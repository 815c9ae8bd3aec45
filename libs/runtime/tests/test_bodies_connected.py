"""Bodies beside questions: small ones in them, large ones through the bucket, on a real NATS server."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
from nats.js import JetStreamContext

from onethread.contracts.calls import Body, Call
from onethread.contracts.streams import BODIES
from onethread.runtime.bodies import INLINE_BYTES, Bodies
from onethread.runtime.bus import Bus, UnavailableError
from onethread.runtime.provision import provision
from onethread.runtime.settings import Settings

pytestmark = pytest.mark.connected


@pytest.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    bus = Bus("test", Settings(NATS_URL=nats_url))
    await bus.start()
    yield bus
    await bus.stop()


async def kept(js: JetStreamContext) -> int:
    """Pieces of bodies in the bucket."""
    info = await js.stream_info(f"OBJ_{BODIES.name}", subjects_filter=f"$O.{BODIES.name}.C.>")
    return sum((info.state.subjects or {}).values())


@pytest.mark.parametrize("size", [0, 1, INLINE_BYTES, INLINE_BYTES + 1, 9 * 1024**2])
async def test_a_body_of_any_size_arrives_whole_and_leaves_nothing_behind(bus: Bus, size: int) -> None:
    content, bodies = os.urandom(size), Bodies(bus)
    sent = await bodies.send(content)
    assert (await kept(bus.js) > 0) == (size > INLINE_BYTES)
    as_read = Body.model_validate_json(sent.model_dump_json())
    assert await bodies.receive(as_read) == content
    assert await kept(bus.js) == 0
    await bodies.remove(sent)  # whoever sent it makes sure, and finds it gone


async def test_an_inline_body_fits_into_the_message_of_any_server(bus: Bus) -> None:
    body = await Bodies(bus).send(os.urandom(INLINE_BYTES))
    call = Call(
        workspace="w" * 63, method="POST", path="p" * 4_000, query="q" * 8_000, author="A", role="admin", body=body
    )
    assert len(call.model_dump_json()) < 1024**2


async def test_a_body_is_read_once(bus: Bus) -> None:
    bodies = Bodies(bus)
    sent = await bodies.send(bytes(INLINE_BYTES + 1))
    await bodies.receive(sent)
    with pytest.raises(UnavailableError):
        await bodies.receive(sent)


async def test_a_bucket_that_is_there_is_brought_up_to_date(bus: Bus) -> None:
    name = f"OBJ_{BODIES.name}"
    config = (await bus.js.stream_info(name)).config
    await bus.js.update_stream(config.evolve(max_age=600))
    await provision(bus.js)
    assert (await bus.js.stream_info(name)).config.max_age == BODIES.max_age


@pytest.mark.parametrize("path", ["..", "articles/../sources", "./articles", "articles/."])
def test_no_call_steps_out_of_its_path(path: str) -> None:
    with pytest.raises(ValueError, match="steps"):
        Call(workspace="local", method="GET", path=path, author="A", role="admin")
