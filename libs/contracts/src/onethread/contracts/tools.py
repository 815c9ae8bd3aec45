"""Tools: HTTP actions of a workspace's own systems, which the agent asks for and conversation carries out."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from onethread.contracts.envelope import Contract

MOST_CALLS = 3
"""For one message of a customer."""
Outcome = Literal[
    "done", "nothing", "missing", "address", "code", "wrong_code", "private", "waits", "failed", "unknown"
]
"""`done`: `text` and `fields` hold the answer. `nothing`: the system knows no such thing of this customer. `missing`:
the customer must say `missing` first. `address`: who they are is not proven, and by which address it could be is not
known. `code`: a one-time code is on its way to them. `wrong_code`: what they typed was not it. `private`: others see
the place. `waits`: a teammate must approve. `failed`: a person must do it; `reason` says why. `unknown`: there is no
such tool, or no call that waits for a code.
"""


class Tool(Contract):
    """A tool as the agent knows it: neither where it leads nor what the server fills in by itself."""

    name: str = Field(description="How the language model calls it.")
    title: str = Field(description="The system, as customers know it: the source of the answer.")
    description: str = Field(default="", description="When to use it.")
    examples: list[str] = Field(default_factory=list[str], description="What customers write who need it.")
    parameters: dict[str, Any] = Field(default_factory=dict[str, Any], description="JSON Schema of what they must say.")
    writes: bool = False


class CallTool(Contract):
    """`svc.conversation.tool`, asked by the agent. For whom it is follows from the message, never from `arguments`.

    With `code` alone: what the customer typed, for the call that waits for it.
    """

    workspace: str
    message_id: UUID
    tool: str = ""
    arguments: dict[str, Any] = Field(default_factory=dict[str, Any], repr=False)
    code: str | None = Field(default=None, max_length=20, repr=False)


class ToolResult(Contract):
    """`reason` is for teammates; it holds nothing that the system answered."""

    outcome: Outcome
    tool: str = ""
    title: str = ""
    text: str = Field(default="", repr=False, description="The answer, in the administrator's words. Markdown.")
    fields: dict[str, str] = Field(default_factory=dict[str, str], repr=False)
    missing: list[str] = Field(default_factory=list[str], description="What to ask for, in words.")
    reason: str = ""
    address: str = Field(default="", repr=False, description="Where the code went, masked.")
