"""The places of mail: one for a sender and a set of readers. The gateway makes them, and conversation when a teammate
chooses other readers, so that what is answered there is found again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from onethread.contracts.messages import Audience

READERS = 10
"""So many are written to besides the one who is answered, and so many of a mail's readers take part."""


def place_key(sender: str, readers: Collection[str], *, proven: bool) -> str:
    """What is only claimed to be from a sender has a place of its own."""
    key = f"email:{sender}" if proven else f"email:unproven:{sender}"
    return f"{key}:{digest(readers)}" if readers else key


def digest(readers: Collection[str]) -> str:
    return hashlib.sha256(",".join(sorted(readers)).encode()).hexdigest()[:16]


def audience(readers: Collection[str]) -> Audience:
    if not readers:
        return Audience(shared=False)
    first, *rest = readers
    return Audience(shared=True, name=f"Email with cc {first}{f' and {len(rest)} more' if rest else ''}")
