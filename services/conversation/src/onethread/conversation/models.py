"""The tables. Rows are read through SQLModel by the API and written by plain SQL where every millisecond counts.

A row of either kind answers to the same attribute names.
"""

# pyright: reportAssignmentType=false
# SQLModel declares `__tablename__` as a method.

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Column, DateTime, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from onethread.contracts.envelope import now


def moment(**options: Any) -> Any:
    return Field(sa_type=DateTime(timezone=True), **options)  # type: ignore[call-overload]


class CustomerRow(SQLModel, table=True):
    __tablename__ = "customer"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: str = Field(index=True)
    name: str | None = None
    email: str | None = Field(default=None, description="The verified one that is shown.")
    merged_into_id: UUID | None = Field(default=None, foreign_key="customer.id")
    created_at: datetime = moment(default_factory=now)


class IdentityRow(SQLModel, table=True):
    """An asserted identity is another row than the verified one of the same value: it is somebody else."""

    __tablename__ = "identity"
    __table_args__ = (
        UniqueConstraint("workspace_id", "kind", "value", "trust"),
        Index("identity_of_customer", "customer_id"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: str
    kind: str
    value: str
    trust: str
    evidence: str = ""
    customer_id: UUID = Field(foreign_key="customer.id")
    created_at: datetime = moment(default_factory=now)


class ThreadRow(SQLModel, table=True):
    """Names of the customer and the assignee stand here too, so that a list needs no join."""

    __tablename__ = "thread"
    __table_args__ = (
        Index("thread_of_customer", "workspace_id", "customer_id", text("updated_at DESC")),
        Index("thread_list", "workspace_id", "status", text("updated_at DESC"), "id"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: str
    customer_id: UUID = Field(foreign_key="customer.id")
    customer_name: str | None = None
    customer_email: str | None = None
    status: str = "open"
    channel_id: str | None = None
    channel_kind: str | None = None
    place_key: str | None = Field(default=None, description="Where the customer spoke last.")
    assignee_id: UUID | None = Field(default=None, foreign_key="teammate.id")
    assignee_name: str | None = None
    agent: str = "active"
    handoff_reason: str | None = None
    handoff_summary: str | None = None
    handoff_at: datetime | None = moment(default=None)
    tags: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default="{}"))
    priority: str = "normal"
    subject: str | None = None
    last_text: str | None = None
    trust: str | None = Field(default=None, description="Of the identity by which the customer spoke last.")
    last_author_kind: str | None = None
    last_author_id: UUID | None = None
    last_author_name: str | None = None
    last_message_at: datetime | None = moment(default=None)
    waiting_since: datetime | None = moment(default=None)
    sequence: int = 0
    previous_thread_id: UUID | None = Field(default=None, foreign_key="thread.id")
    closed_at: datetime | None = moment(default=None)
    created_at: datetime = moment(default_factory=now)
    updated_at: datetime = moment(default_factory=now)


class PlaceRow(SQLModel, table=True):
    """A place on a channel, the thread that lives there now, and how to answer there."""

    __tablename__ = "place"
    __table_args__ = (Index("place_of_thread", "thread_id"),)

    workspace_id: str = Field(primary_key=True)
    channel_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    channel_kind: str
    shared: bool = False
    name: str | None = None
    route: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSONB, nullable=False))
    thread_id: UUID = Field(foreign_key="thread.id")
    updated_at: datetime = moment(default_factory=now)


class MessageRow(SQLModel, table=True):
    """Each message keeps the identity it came in with, so that a merge can be undone exactly."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("thread_id", "sequence"),
        Index("message_of_customer", "workspace_id", "customer_id", "created_at"),
    )

    id: UUID = Field(primary_key=True)
    workspace_id: str
    thread_id: UUID = Field(foreign_key="thread.id")
    customer_id: UUID = Field(foreign_key="customer.id", description="Whose timeline it stands in.")
    sequence: int
    note: bool = False
    channel_id: str | None = None
    channel_kind: str | None = None
    place_key: str | None = None
    shared: bool = False
    audience_name: str | None = None
    author_kind: str
    author_id: UUID | None = None
    author_name: str | None = None
    identity_kind: str | None = None
    identity_value: str | None = None
    identity_trust: str | None = None
    identity_evidence: str | None = None
    text: str
    html: str | None = None
    attachments: list[Any] = Field(default_factory=list, sa_column=Column(JSONB, nullable=False, server_default="[]"))
    sources: list[Any] = Field(default_factory=list, sa_column=Column(JSONB, nullable=False, server_default="[]"))
    external_id: str | None = None
    client_id: str | None = None
    delivery_state: str | None = None
    delivery_reason: str | None = None
    created_at: datetime = moment(default_factory=now)


class OutsideIdRow(SQLModel, table=True):
    """The outside's id for a message of ours, by which an answer to it is recognized."""

    __tablename__ = "outside_id"

    workspace_id: str = Field(primary_key=True)
    channel_id: str = Field(primary_key=True)
    external_id: str = Field(primary_key=True)
    message_id: UUID = Field(foreign_key="message.id")
    thread_id: UUID = Field(foreign_key="thread.id")


class TeammateRow(SQLModel, table=True):
    __tablename__ = "teammate"
    __table_args__ = (UniqueConstraint("workspace_id", "email"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: str
    email: str
    name: str
    password_hash: str
    created_at: datetime = moment(default_factory=now)


class SessionRow(SQLModel, table=True):
    """A teammate's login. The token itself is only in their cookie."""

    __tablename__ = "session"

    token_hash: str = Field(primary_key=True)
    teammate_id: UUID = Field(foreign_key="teammate.id")
    expires_at: datetime = moment()


class IdempotencyRow(SQLModel, table=True):
    """What a POST with this key made, so that its repetition makes nothing."""

    __tablename__ = "idempotency"

    workspace_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    message_id: UUID
    created_at: datetime = moment(default_factory=now)


class InboxRow(SQLModel, table=True):
    """Events whose effect is committed. A redelivery finds itself here and changes nothing."""

    __tablename__ = "inbox"

    event_id: UUID = Field(primary_key=True)
    handled_at: datetime = moment(sa_column_kwargs={"server_default": text("now()")}, default_factory=now)


class OutboxRow(SQLModel, table=True):
    """The event log: written with the change, relayed in order, kept."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("thread_id", "sequence"),
        Index("outbox_waiting", "position", postgresql_where=text("published_at IS NULL")),
    )

    position: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    id: UUID = Field(unique=True)
    workspace_id: str
    subject: str
    type: str
    thread_id: UUID | None = None
    sequence: int | None = None
    body: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = moment(default_factory=now)
    published_at: datetime | None = moment(default=None)
