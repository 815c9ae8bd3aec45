"""Signatures that were used, in a NATS key-value bucket: one that covers no body is good for one body."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

import nats.errors
from nats.js import JetStreamContext
from nats.js.errors import KeyNotFoundError

from onethread.contracts.streams import EMAIL_TOKENS
from onethread.runtime.bus import UnavailableError


class Tokens(Protocol):
    """Raises `UnavailableError` when the bus is away."""

    async def is_used(self, provider: str, token: str) -> bool: ...

    async def use(self, provider: str, token: str) -> None: ...


class BucketTokens:
    def __init__(self, js: Callable[[], JetStreamContext]) -> None:
        self._js = js

    async def is_used(self, provider: str, token: str) -> bool:
        try:
            await (await self._js().key_value(EMAIL_TOKENS.name)).get(_key(provider, token))
        except KeyNotFoundError:
            return False
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise UnavailableError("the bus does not tell which signatures were used") from error
        return True

    async def use(self, provider: str, token: str) -> None:
        try:
            await (await self._js().key_value(EMAIL_TOKENS.name)).put(_key(provider, token), b"")
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise UnavailableError("the bus does not keep which signatures were used") from error


def _key(provider: str, token: str) -> str:
    return f"{provider}.{hashlib.sha256(token.encode()).hexdigest()}"
