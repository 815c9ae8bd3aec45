"""The questions of the test bench: kept by the workspace's teammates, at most 2,000."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from onethread.contracts.agent import SaidBefore
from onethread.contracts.messages import ChannelKind
from onethread.conversation import etags
from onethread.conversation.bench_checks import Expect, Expected
from onethread.conversation.database import Connection
from onethread.runtime.errors import Problem

MOST = 2_000
HISTORY = 20
"""Messages before the one that a question is made of."""
ALONE = "select pg_advisory_xact_lock(hashtextextended(%s, 18))"
COUNT = "select count(*) as n from bench_question where workspace_id = %s"
COLUMNS = "question, history, channel, expect, sources, contains, lacks, note"
ADD = f"""insert into bench_question (id, workspace_id, {COLUMNS}, message_ids, by_name, created_at, updated_at)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp(), now()) returning *"""  # noqa: S608
CHANGE = f"""update bench_question set ({COLUMNS}) = (%s, %s, %s, %s, %s, %s, %s, %s), version = version + 1,
        updated_at = now() where id = %s returning *"""  # noqa: S608
ONE = "select * from bench_question where id = %s and workspace_id = %s"
HOLD = f"{ONE} for update"
PAGE = """select * from bench_question where workspace_id = %s and (%s = '' or strpos(lower(question), lower(%s)) > 0)
    and (%s::timestamptz is null or (created_at, id) > (%s::timestamptz, %s::uuid)) order by created_at, id limit %s"""
ALL = "select * from bench_question where workspace_id = %s order by created_at, id"
DELETE = "delete from bench_question where id = %s and workspace_id = %s returning id"
MESSAGE = """select id, thread_id, position, channel_kind, author_kind, note, text from message
    where id = %s and workspace_id = %s"""
OF_PROPOSAL = "select question_id from proposal where id = %s and workspace_id = %s"
BEFORE = """select m.id, m.author_kind, m.text, m.sources from message m where m.thread_id = %s and m.position < %s
        and not m.note and m.author_kind <> 'system' and m.text <> '' order by m.position desc limit %s"""

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
WordList = Annotated[list[Words], Field(max_length=20)]


class NewQuestion(BaseModel):
    """What is left out is not looked at. Titles and words are compared in any case."""

    model_config = ConfigDict(extra="forbid")

    question: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8_000)]
    history: list[SaidBefore] = Field(default=[], max_length=50, description="What was said before, oldest first.")
    channel: ChannelKind = "widget"
    expect: Expect | None = Field(default=None, description="What the agent shall do. Null: anything.")
    sources: WordList = Field(default=[], description="Ids or titles of articles that must be among the sources.")
    contains: WordList = Field(default=[], description="Words that the answer must have.")
    lacks: WordList = Field(default=[], description="Words that it must not have.")
    note: str = Field(default="", max_length=2_000)


class QuestionPatch(BaseModel):
    """Only what is given changes."""

    model_config = ConfigDict(extra="forbid")

    question: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8_000)] | None = None
    history: list[SaidBefore] | None = Field(default=None, max_length=50)
    channel: ChannelKind | None = None
    expect: Expect | None = None
    sources: WordList | None = None
    contains: WordList | None = None
    lacks: WordList | None = None
    note: str | None = Field(default=None, max_length=2_000)


class Question(NewQuestion):
    model_config = ConfigDict(extra="ignore")

    id: UUID
    from_message: bool = Field(description="It was made of what a customer wrote, and is erased with them.")
    by: str | None = Field(description="Who added it.")
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Origin:
    """Who added a question, and what messages it is made of."""

    by: str | None
    messages: Sequence[UUID] = ()


def shown(row: Any) -> Question:
    same = {name: getattr(row, name) for name in (*NewQuestion.model_fields, "id", "version")}
    return Question(
        **same, from_message=bool(row.message_ids), by=row.by_name, created_at=row.created_at, updated_at=row.updated_at
    )


def expected(row: Any) -> Expected:
    return Expected(row.expect, row.sources, row.contains, row.lacks)


def _values(new: NewQuestion) -> list[Any]:
    history = Jsonb([said.model_dump(mode="json") for said in new.history])
    return [new.question, history, new.channel, new.expect, new.sources, new.contains, new.lacks, new.note]


async def add(connection: Connection, workspace: str, origin: Origin, new: Sequence[NewQuestion]) -> list[Any]:
    """Raises a 409 problem, with none added, when there would be too many."""
    await connection.execute(ALONE, [workspace])
    [there] = await (await connection.execute(COUNT, [workspace])).fetchall()
    if there.n + len(new) > MOST:
        detail = f"There are {there.n}, and a workspace has at most {MOST:,}. Nothing was added. Delete some first."
        raise Problem(409, "There are too many questions", detail)
    added: list[Any] = []
    for one in new:
        values = [uuid4(), workspace, *_values(one), list(origin.messages), origin.by]
        added += await (await connection.execute(ADD, values)).fetchall()
    return added


async def one(connection: Connection, workspace: str, question_id: UUID, *, held: bool = False) -> Any:
    """Raises a 404 problem."""
    row = await (await connection.execute(HOLD if held else ONE, [question_id, workspace])).fetchone()
    if row is None:
        raise Problem(404, "There is no such question")
    return row


async def page(connection: Connection, workspace: str, q: str, after: tuple[datetime, UUID] | None, limit: int) -> Any:
    """Oldest first."""
    moment, id_ = after or (None, None)
    return await (await connection.execute(PAGE, [workspace, q, q, moment, moment, id_, limit])).fetchall()


async def all_of(connection: Connection, workspace: str) -> list[Any]:
    return await (await connection.execute(ALL, [workspace])).fetchall()


async def change(
    connection: Connection, workspace: str, question_id: UUID, patch: QuestionPatch, version: int | None
) -> Any:
    """Raises 404 and 412 problems."""
    row = await one(connection, workspace, question_id, held=True)
    etags.expect(row, version, "question")
    given = patch.model_dump(exclude_unset=True)
    there = {name: getattr(row, name) for name in NewQuestion.model_fields}
    changed = {name: value for name, value in given.items() if value is not None or name == "expect"}
    return await replace(connection, row, NewQuestion.model_validate(there | changed))


async def replace(connection: Connection, row: Any, new: NewQuestion) -> Any:
    """The question stays the same one; its earlier answers are not compared any more."""
    return await (await connection.execute(CHANGE, [*_values(new), row.id])).fetchone()


async def delete(connection: Connection, workspace: str, question_id: UUID) -> None:
    """With its results. Raises a 404 problem."""
    if await (await connection.execute(DELETE, [question_id, workspace])).fetchone() is None:
        raise Problem(404, "There is no such question")


async def of_message(connection: Connection, workspace: str, message_id: UUID) -> tuple[NewQuestion, list[UUID]]:
    """A customer's message with what was said before it in the thread, and the ids of all these. Raises 404 and 422."""
    asked = await (await connection.execute(MESSAGE, [message_id, workspace])).fetchone()
    if asked is None:
        raise Problem(404, "There is no such message")
    if asked.author_kind != "customer" or not asked.text.strip():
        raise Problem(422, "A question is made of what a customer wrote", "This message is not a customer's text.")
    before = await (await connection.execute(BEFORE, [asked.thread_id, asked.position, HISTORY])).fetchall()
    history = [
        SaidBefore(author=row.author_kind, text=row.text[:20_000], titles=[one["title"] for one in row.sources][:20])
        for row in reversed(before)
    ]
    new = NewQuestion(question=asked.text[:8_000], history=history, channel=asked.channel_kind)
    return new, [message_id, *(row.id for row in before)]


async def message_of(connection: Connection, workspace: str, proposal_id: UUID) -> UUID:
    """The message that a proposal answers. Raises a 404 problem."""
    row = await (await connection.execute(OF_PROPOSAL, [proposal_id, workspace])).fetchone()
    if row is None:
        raise Problem(404, "There is no such proposal")
    return row.question_id
