"""The tables of tools: what an administrator defined, and each call."""

# pyright: reportAssignmentType=false
# SQLModel declares `__tablename__` as a method.

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from onethread.contracts.envelope import now
from onethread.conversation.models import json, moment

UNENDED = text("state IN ('running', 'waits')")


class ToolRow(SQLModel, table=True):
    """`definition` is a `tools.Definition`."""

    __tablename__ = "tool"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: str = Field(foreign_key="workspace.id")
    name: str
    definition: dict[str, Any] = Field(default_factory=dict, sa_column=json())
    secrets: str | None = Field(default=None, description="Headers, encrypted.")
    active: bool = True
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    created_at: datetime = moment(default_factory=now)


class ToolCallRow(SQLModel, table=True):
    """One call. What the system answered is not kept, and what was asked only as long as somebody waits for it."""

    __tablename__ = "tool_call"
    __table_args__ = (
        Index("tool_call_of_message", "message_id"),
        Index("tool_call_newest", "workspace_id", "created_at"),
        Index("tool_call_unended", "workspace_id", "state", postgresql_where=UNENDED),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True, description="Also the call's `Idempotency-Key`.")
    workspace_id: str
    tool_id: UUID = Field(description="Kept when the tool is gone.")
    title: str
    message_id: UUID = Field(foreign_key="message.id", description="The customer's message.")
    arguments: dict[str, Any] = Field(default_factory=dict, sa_column=json())
    proof_id: UUID | None = Field(default=None, description="The code that it waits for.")
    state: str = Field(
        description="`code`, `waits`, `running`, `done`, `nothing`, `failed`, `unclear`, `declined` or `withdrawn`."
    )
    writes: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    bound: dict[str, Any] = Field(
        default_factory=dict, sa_column=json(), description="What was proven of its customer when it was asked."
    )
    reason: str = ""
    status: int | None = Field(default=None, description="Of HTTP.")
    milliseconds: int | None = None
    by_id: UUID | None = None
    by_name: str | None = Field(default=None, description="Who approved or declined it.")
    created_at: datetime = moment(default_factory=now)
    began_at: datetime | None = moment(default=None)
    settled_at: datetime | None = moment(default=None)
