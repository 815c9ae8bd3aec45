"""Files that teammates send with a reply: conversation keeps them, and a gateway asks for each when it delivers it."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from onethread.contracts.envelope import Contract
from onethread.contracts.messages import ChannelKind, Identity


class FileLimits(Contract):
    """What of files goes with one reply."""

    number: int
    bytes: int = Field(description="Of all together.")


LARGEST = FileLimits(number=20, bytes=20_000_000)
FILES: dict[ChannelKind, FileLimits] = {"email": LARGEST, "widget": LARGEST}
"""The kinds of channels whose gateways deliver files. By mail 20 MB are 27 MB, which the large providers take."""


class FileOf(Contract):
    """`svc.conversation.file`, asked by a gateway that delivers the message, or the mail that it goes out with. The
    answer is an `Original`.
    """

    workspace: str
    message_id: UUID
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    visitor: list[Identity] | None = Field(
        default=None, description="For whom the gateway asks, where it has to be one who sees the message."
    )
