"""What every provider of mail by HTTP has in common: what it posts, and how it proves that it does."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Protocol

from onethread.runtime.bus import UnavailableError
from onethread.runtime.errors import Problem
from onethread.runtime.fetching import Fetcher, Guard, RefusedError, UnreachableError

OLDEST = timedelta(days=3)
"""Providers bring a mail again for so long when we were away: what is late must not be lost. A request that somebody
plays again within this time does nothing, since the same mail is the same message."""
AHEAD = timedelta(minutes=10)
FETCHED_BYTES = 64 * 1024**2
_KEPT = "Nothing was kept."


@dataclass(frozen=True, slots=True)
class Call:
    headers: Mapping[str, str]
    """By names in lower case."""
    body: bytes
    at: datetime
    is_ours: bool = True
    """It is proven by the installation's key, not by that of an address."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A mail."""

    raw: bytes
    sender: str
    """Of the envelope."""
    recipients: tuple[str, ...]
    evidence: str = ""
    """What the provider, and nobody else, can have said about the sender: results as in RFC 8601. Empty: nothing."""
    hash: str = ""
    """What stood behind the plus of the recipient, where that is an address of the provider's."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a mail of ours, as a report."""

    raw: bytes
    about: tuple[str, ...]
    """Message-IDs: that of the mail it is about is among them, if it is one of ours."""


@dataclass(frozen=True, slots=True)
class Heard:
    items: Sequence[Posted | Told] = ()
    once: str = ""
    """A signature that covers no body is good for one request; this names it."""


Read = Callable[[str, int], bytes]
"""What stands at an `s3://…`, if it has no more bytes than that. Raises UnavailableError."""
Fetch = Callable[[str, Mapping[str, str]], bytes]


class Provider(Protocol):
    refusal: int
    """The status by which it is told never to bring a mail again."""

    def read(self, call: Call, key: str) -> Heard:
        """In a thread of its own. Raises a 401 `Problem` for what is not proven by `key`, 400 for what is malformed."""
        ...


def check_login(call: Call, key: str) -> None:
    """HTTP Basic, `key` is `user:password`. Raises a 401 `Problem`."""
    scheme, _, said = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic" or not said:
        raise not_proven("it has no user name and password", "Put them into the address: https://user:password@host/…")
    try:
        given = base64.b64decode(said.strip(), validate=True)
    except (binascii.Error, ValueError):
        given = b""
    if not hmac.compare_digest(given, key.encode()):
        raise not_proven("its user name or password is wrong", "Compare the address at the provider with the one here.")


def check_time(said: datetime, now: datetime) -> None:
    if not -AHEAD < now - said < OLDEST:
        raise not_proven("its timestamp is not of these three days", "Check that the clock of this machine is right.")


def is_at(url: str, hosts: re.Pattern[str]) -> bool:
    """Whether it is a plain https address at one of the provider's hosts."""
    return re.fullmatch(rf"https://{hosts.pattern}/[!-~]*", url) is not None


def fetch(url: str, headers: Mapping[str, str]) -> bytes:
    """What stands there; redirects are not followed. Raises `UnavailableError`."""
    try:
        with Fetcher(Guard(), size=FETCHED_BYTES) as fetcher:
            answer = fetcher.send("GET", url, dict(headers))
    except (RefusedError, UnreachableError) as error:
        raise UnavailableError(f"the provider's own address could not be read: {error}") from error
    if answer.status != HTTPStatus.OK:
        raise UnavailableError(f"the provider's own address could not be read: it answered {answer.status}")
    return answer.content


def not_proven(why: str, remedy: str) -> Problem:
    return Problem(
        401, "The request is not proven to come from the provider", f"{_KEPT} {why[:1].upper()}{why[1:]}. {remedy}"
    )
