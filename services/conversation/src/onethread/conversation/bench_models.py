"""The tables of the test bench: questions, runs over all of them, and what each answer was."""

# pyright: reportAssignmentType=false
# SQLModel declares `__tablename__` as a method.

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Column, ForeignKey, Index, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from onethread.contracts.envelope import now
from onethread.conversation.models import moment


def _list(kind: Any = JSONB, default: str = "[]") -> Any:
    return Field(default_factory=list, sa_column=Column(kind, nullable=False, server_default=default))


def _words() -> Any:
    return _list(ARRAY(Text), "{}")


class BenchQuestionRow(SQLModel, table=True):
    """A question that the agent is asked again and again, and what is expected of its answer."""

    __tablename__ = "bench_question"
    __table_args__ = (Index("bench_question_list", "workspace_id", "created_at", "id"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: str
    question: str
    history: list[Any] = _list()
    channel: str = "widget"
    expect: str | None = Field(default=None, description="`answer`, `clarify` or `handoff`; none: any.")
    sources: list[str] = _words()
    contains: list[str] = _words()
    lacks: list[str] = _words()
    note: str = ""
    message_ids: list[UUID] = Field(
        default_factory=list[UUID],
        sa_column=Column(ARRAY(Uuid), nullable=False, server_default="{}"),
        description="Of what customers and teammates said, that it is made of: it is erased with them.",
    )
    by_name: str | None = None
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    created_at: datetime = moment(default_factory=now)
    updated_at: datetime = moment(default_factory=now)


class BenchRunRow(SQLModel, table=True):
    """All questions, asked once. One runs at a time in a workspace; who works on it holds it until `held_until`."""

    __tablename__ = "bench_run"
    __table_args__ = (
        Index("bench_run_list", "workspace_id", "created_at", "id"),
        Index(
            "bench_run_alone", "workspace_id", unique=True, postgresql_where=text("state = 'running'"),
        ),
    )  # fmt: skip

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: str
    why: str = Field(description="`asked`, `change` or `trial`.")
    changes: list[str] = _words()
    trial: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    state: str = Field(default="waiting", description="`waiting`, `running`, `done`, `canceled` or `stopped`.")
    reason: str = ""
    by_name: str | None = None
    baseline_id: UUID | None = Field(
        default=None, sa_column=Column(Uuid, ForeignKey("bench_run.id", ondelete="SET NULL"))
    )
    counts: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB), description="Of its results, once it has ended."
    )
    accepted_by: str | None = Field(default=None, description="Who said that what is worse in it may stand.")
    input_tokens: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    output_tokens: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    cost: float = Field(default=0.0, sa_column_kwargs={"server_default": "0"})
    held_until: datetime | None = moment(default=None)
    created_at: datetime = moment(default_factory=now)
    started_at: datetime | None = moment(default=None)
    ended_at: datetime | None = moment(default=None)


class BenchResultRow(SQLModel, table=True):
    """What one question got in one run. Until `asked_at` it waits."""

    __tablename__ = "bench_result"
    __table_args__ = (
        Index("bench_result_of_question", "question_id"),
        Index("bench_result_untold", "workspace_id", "tell_at", postgresql_where=text("tell_at IS NOT NULL")),
    )

    run_id: UUID = Field(sa_column=Column(Uuid, ForeignKey("bench_run.id", ondelete="CASCADE"), primary_key=True))
    question_id: UUID = Field(
        sa_column=Column(Uuid, ForeignKey("bench_question.id", ondelete="CASCADE"), primary_key=True)
    )
    workspace_id: str
    question_version: int = Field(default=1, description="An answer to another wording is not compared.")
    answered: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB), description="As the agent gave it.")
    passed: bool | None = None
    failures: list[str] = _words()
    change: str | None = Field(default=None, description="`worse`, `other`, `better`, `same`, `new` or `unclear`.")
    changes: list[str] = _words()
    judged: bool | None = None
    judged_by: str | None = None
    tell_at: datetime | None = moment(default=None, description="When knowledge is told of the judgement.")
    asked_at: datetime | None = moment(default=None)


class BenchDueRow(SQLModel, table=True):
    """Something changed, and the questions are to be asked when no more follows."""

    __tablename__ = "bench_due"

    workspace_id: str = Field(primary_key=True)
    due_at: datetime = moment()
    since: datetime = moment(default_factory=now)
    changes: list[str] = _words()
