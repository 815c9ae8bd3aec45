"""Taking a message out of a stream for good: the server writes over its place in the file."""

from __future__ import annotations

from nats.js import JetStreamContext
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError

from onethread.runtime.bus import RefusedError


async def erase(js: JetStreamContext, stream: str, sequence: int) -> None:
    """Nothing happens when it is gone already. Raises `RefusedError` where the stream forbids it."""
    try:
        await js.delete_msg(stream, sequence)
    except ServiceUnavailableError:
        raise
    except APIError as error:  # the answer is the same whether it is gone or may not be deleted
        if await _is_there(js, stream, sequence):
            raise RefusedError(f"{stream} keeps message {sequence}: {error.description}") from error


async def _is_there(js: JetStreamContext, stream: str, sequence: int) -> bool:
    try:
        await js.get_msg(stream, sequence)
    except NotFoundError:
        return False
    return True
