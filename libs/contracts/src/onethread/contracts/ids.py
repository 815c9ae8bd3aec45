"""Deterministic ids: the same outside fact always has the same event id, whoever computes it."""

from __future__ import annotations

from uuid import UUID, uuid5
from zlib import crc32

NAMESPACE = UUID("6d1f8f3c-9a4b-5e0e-8a55-0e7b1f2c4d60")
LANES = 8


def received_id(workspace: str, channel_id: str, external_id: str) -> UUID:
    """Id of a received message, from its channel and the outside's own key for it.

    The key is the widget's `client_id`, Slack's channel and `ts`, or an email's Message-ID with a hash of its content.
    """
    return uuid5(NAMESPACE, f"received\n{workspace}\n{channel_id}\n{external_id}")


def derived_id(cause: UUID, what: str) -> UUID:
    """Id of the one fact of kind `what` that follows from `cause`."""
    return uuid5(cause, what)


def lane(key: str) -> str:
    """The order lane of a key. All that shares a key shares a lane, and a lane is handled one message at a time."""
    return f"l{crc32(key.encode()) % LANES}"
