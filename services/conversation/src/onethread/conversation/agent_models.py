"""The table of what the agent proposed."""

# pyright: reportAssignmentType=false
# SQLModel declares `__tablename__` as a method.

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from onethread.contracts.envelope import now
from onethread.conversation.models import moment


def _list(kind: Any = JSONB, default: str = "[]") -> Any:
    return Field(default_factory=list, sa_column=Column(kind, nullable=False, server_default=default))


class ProposalRow(SQLModel, table=True):
    """What the agent would say to one customer message, and what became of it.

    It has no thread and no customer of its own: it stands where its question stands, whatever is moved, merged or
    split.
    """

    __tablename__ = "proposal"
    __table_args__ = (
        Index("proposal_of_question", "question_id"),
        Index("proposal_of_reply", "reply_id", postgresql_where=text("reply_id IS NOT NULL")),
        Index("proposal_by_age", "workspace_id", "created_at"),
        Index("proposal_open", "workspace_id", postgresql_where=text("state = 'open'")),
        Index("proposal_to_compare", "workspace_id", "compare_at", postgresql_where=text("compare_at IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True, description="In `auto` mode the id of the message that it became.")
    workspace_id: str
    question_id: UUID = Field(foreign_key="message.id", description="The customer's message.")
    channel_id: str
    channel_kind: str
    place_key: str | None = Field(default=None, description="Where it was asked, and for whose eyes it was written.")
    mode: str = Field(description="For whom it was written: `auto`, `draft` or `shadow`.")
    decision: str
    handoff_kind: str | None = None
    text: str
    sources: list[Any] = _list()
    confidence: float
    topic: str | None = None
    reason: str = ""
    summary: str = ""
    suggested_reply: str = ""
    tags: list[str] = _list(ARRAY(Text), "{}")
    usage: list[Any] = _list()
    evidence: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB), description="What the confidence was made of."
    )
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    state: str = Field(description="`sent`, `open`, `used`, `edited`, `dismissed`, `superseded` or `silent`.")
    dismissal: str | None = Field(default=None, description="`wrong`, `incomplete`, `tone` or `other`.")
    reply_id: UUID | None = Field(default=None, description="The message that the customer got: its own, or people's.")
    by_id: UUID | None = None
    by_name: str | None = Field(default=None, description="Who used, edited or dismissed it.")
    likeness: float | None = Field(default=None, description="Of its text to the teammate's, 0 to 1.")
    likeness_by: str | None = Field(default=None, description="`meaning`, or `words` while knowledge was away.")
    compare_at: datetime | None = moment(default=None, description="Compared then; none: there is nothing to.")
    created_at: datetime = moment(default_factory=now)
    settled_at: datetime | None = moment(default=None, description="When it became clear what became of it.")
