"""A received message as it came, and its attachments: its gateway keeps them, and is asked for one at a time."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from onethread.contracts.calls import Body
from onethread.contracts.envelope import Contract
from onethread.contracts.messages import Attachment


class OriginalOf(Contract):
    """`svc.gateway-email.original`, asked by conversation for somebody who may read the message."""

    workspace: str
    message_id: UUID
    attachment: str | None = Field(
        default=None, pattern="^[0-9a-f]{64}$", description="SHA-256 of the attachment. None: the whole mail."
    )


class Original(Contract):
    """Answer. The asker takes the body, which can be done once."""

    body: Body | None = Field(default=None, description="None: it is not kept, or no more.")


class CorrectMessage(Contract):
    """`svc.conversation.correct`, asked by a gateway that has read a mail again: what it says, as we read it now."""

    workspace: str
    message_id: UUID
    subject: str | None = Field(default=None, repr=False)
    text: str = Field(max_length=200_000, repr=False)
    html: str | None = Field(default=None, repr=False)
    attachments: list[Attachment] = Field(default_factory=list[Attachment], repr=False)


class Corrected(Contract):
    """Answer. `gone`: there is no such message of a customer, or its words were erased."""

    outcome: Literal["corrected", "same", "gone"]
