"""The tables of whoever runs a workspace: its channels, its teammates, their keys and what they did."""

# pyright: reportAssignmentType=false
# SQLModel declares `__tablename__` as a method.

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Column, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from onethread.contracts.envelope import now
from onethread.conversation.models import json, moment


class WorkspaceRow(SQLModel, table=True):
    """One company's tenant. `settings` holds what differs from the installation's defaults."""

    __tablename__ = "workspace"

    id: str = Field(primary_key=True, description="The slug that subjects and keys carry.")
    name: str
    settings: dict[str, Any] = Field(default_factory=dict, sa_column=json())
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    created_at: datetime = moment(default_factory=now)


class ChannelRow(SQLModel, table=True):
    """A connected surface that an administrator made. Its id is unique in the installation."""

    __tablename__ = "channel"
    __table_args__ = (
        Index("channel_address", "kind", "address", unique=True, postgresql_where=text("address IS NOT NULL")),
    )

    id: str = Field(primary_key=True)
    workspace_id: str = Field(foreign_key="workspace.id")
    kind: str
    name: str
    address: str | None = Field(default=None, description="By which the outside names it: an address, a Slack team.")
    settings: dict[str, Any] = Field(default_factory=dict, sa_column=json())
    secrets: str | None = Field(default=None, description="Encrypted.")
    active: bool = True
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    created_at: datetime = moment(default_factory=now)


class MailKeyRow(SQLModel, table=True):
    """A key that signs mail from a domain."""

    __tablename__ = "mail_key"

    workspace_id: str = Field(foreign_key="workspace.id", primary_key=True)
    domain: str = Field(primary_key=True)
    selector: str = Field(primary_key=True)
    public: str = Field(description="Base64, as the DNS shows it.")
    private: str = Field(description="Encrypted.")
    created_at: datetime = moment(default_factory=now)
    seen_at: datetime | None = moment(default=None, nullable=True)
    check_at: datetime = moment(default_factory=now)


class ApiKeyRow(SQLModel, table=True):
    """A program's way in. The key itself is shown once and never kept."""

    __tablename__ = "api_key"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: str = Field(foreign_key="workspace.id")
    name: str
    key_hash: str = Field(unique=True)
    scopes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    created_by_name: str | None = None
    created_at: datetime = moment(default_factory=now)
    expires_at: datetime | None = moment(default=None)
    last_used_at: datetime | None = moment(default=None)
    revoked_at: datetime | None = moment(default=None)


class AuditRow(SQLModel, table=True):
    """Who did what, kept for ever: the application may add to it and read it, nothing else."""

    __tablename__ = "audit"
    __table_args__ = (Index("audit_newest", "workspace_id", text("position DESC")),)

    position: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    workspace_id: str
    at: datetime = moment(default_factory=now)
    by_kind: str = Field(description="`teammate`, `api_key` or `system`.")
    by_id: UUID | None = None
    by_name: str | None = None
    action: str = Field(description="`customer.merged`, `api_key.created`, …")
    target: str = Field(description="The id of what it was done to.")
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=json())


class TeammateRow(SQLModel, table=True):
    __tablename__ = "teammate"
    __table_args__ = (UniqueConstraint("workspace_id", "email"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: str
    email: str
    name: str
    role: str = Field(default="teammate", sa_column_kwargs={"server_default": "teammate"})
    password_hash: str
    deactivated_at: datetime | None = moment(default=None)
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    created_at: datetime = moment(default_factory=now)


class SessionRow(SQLModel, table=True):
    """A teammate's login. The token itself is only in their cookie."""

    __tablename__ = "session"

    token_hash: str = Field(primary_key=True)
    workspace_id: str
    teammate_id: UUID = Field(foreign_key="teammate.id")
    expires_at: datetime = moment()
