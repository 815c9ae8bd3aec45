from __future__ import annotations

import nats
import pytest

from onethread.runtime.bus import RefusedError
from onethread.runtime.erasing import erase

pytestmark = pytest.mark.connected


async def test_a_message_is_erased_once_and_erasing_it_again_does_nothing(nats_url: str) -> None:
    connection = await nats.connect(nats_url)
    js = connection.jetstream()
    await js.add_stream(name="ERASED", subjects=["erased.>"])
    ack = await js.publish("erased.one", b"secret")
    for _ in range(2):
        await erase(js, "ERASED", ack.seq)
    await erase(js, "ERASED", 99)
    assert (await js.stream_info("ERASED")).state.messages == 0
    await connection.close()


async def test_a_stream_that_forbids_it_is_named(nats_url: str) -> None:
    connection = await nats.connect(nats_url)
    js = connection.jetstream()
    await js.add_stream(name="KEPT", subjects=["kept.>"], deny_delete=True)
    ack = await js.publish("kept.one", b"secret")
    with pytest.raises(RefusedError, match="KEPT keeps message 1"):
        await erase(js, "KEPT", ack.seq)
    await connection.close()
