"""REST: the questions of the test bench."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from onethread.conversation import bench_questions, bench_table, etags, queries
from onethread.conversation.access import CallerDep
from onethread.conversation.api import DatabaseDep, Limit
from onethread.conversation.bench_questions import NewQuestion, Origin, Question, QuestionPatch, shown
from onethread.conversation.etags import IfMatchDep
from onethread.conversation.once import OnceDep

router = APIRouter(prefix="/api/v1/agent/questions", tags=["test bench"])
LARGEST_TABLE = 8_000_000
CSV: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "text/csv": {"example": "question,channel,expect\r\nHow long does delivery take?,widget,answer\r\n"}
        }
    }
}


class Questions(BaseModel):
    items: list[Question]
    next: str | None = None


class OfMessage(BaseModel):
    """One of the two."""

    model_config = ConfigDict(extra="forbid")

    message_id: UUID | None = None
    proposal_id: UUID | None = Field(default=None, description="The message that it answers is taken.")

    @model_validator(mode="after")
    def _one_of_them(self) -> OfMessage:
        if (self.message_id is None) == (self.proposal_id is None):
            raise ValueError("give message_id or proposal_id")
        return self


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid")

    csv: str = Field(max_length=LARGEST_TABLE, description="As it is exported. Only `question` must be a column.")


class Imported(BaseModel):
    added: int
    changed: int
    same: int


@router.get("")
async def list_questions(
    caller: CallerDep,
    database: DatabaseDep,
    q: Annotated[str, Query(max_length=200, description="Words of the question.")] = "",
    limit: Limit = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Questions:
    """Oldest first."""
    after = queries.read_cursor(cursor) if cursor else None
    async with database.transaction(caller.workspace) as connection:
        rows = await bench_questions.page(connection, caller.workspace, q, after, limit + 1)
    page = rows[:limit]
    following = queries.cursor_of(page[-1].created_at, page[-1].id) if len(rows) > limit else None
    return Questions(items=[shown(row) for row in page], next=following)


@router.post("", status_code=201)
async def add_question(new: NewQuestion, caller: CallerDep, database: DatabaseDep, once: OnceDep) -> Question:
    async with database.transaction(caller.workspace) as connection:
        if before := await once.earlier(connection):
            return shown(await bench_questions.one(connection, caller.workspace, UUID(before.answer["id"])))
        [row] = await bench_questions.add(connection, caller.workspace, Origin(caller.author.name), [new])
        await once.keep(connection, answer={"id": str(row.id)})
    return shown(row)


@router.post("/from-message", status_code=201)
async def add_question_from_message(
    which: OfMessage, caller: CallerDep, database: DatabaseDep, once: OnceDep
) -> Question:
    """What a customer wrote becomes a question, with what was said before it. It is erased with the customer."""
    async with database.transaction(caller.workspace) as connection:
        if before := await once.earlier(connection):
            return shown(await bench_questions.one(connection, caller.workspace, UUID(before.answer["id"])))
        message = which.message_id or await bench_questions.message_of(
            connection, caller.workspace, which.proposal_id or UUID(int=0)
        )
        new, messages = await bench_questions.of_message(connection, caller.workspace, message)
        origin = Origin(caller.author.name, messages)
        [row] = await bench_questions.add(connection, caller.workspace, origin, [new])
        await once.keep(connection, answer={"id": str(row.id)})
    return shown(row)


@router.get("/export", response_class=Response, responses=CSV)
async def export_questions(caller: CallerDep, database: DatabaseDep) -> Response:
    """All of them as CSV, as the import takes it."""
    async with database.transaction(caller.workspace) as connection:
        rows = await bench_questions.all_of(connection, caller.workspace)
    table = bench_table.write([shown(row) for row in rows])
    headers = {"Content-Disposition": 'attachment; filename="questions.csv"'}
    return Response(table, media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/import")
async def import_questions(table: Table, caller: CallerDep, database: DatabaseDep, once: OnceDep) -> Imported:
    """Adds those that are new. One with the wording and channel of a question that is there changes that one. A row
    that cannot be read is named, and then nothing is added.
    """
    new = bench_table.read(table.csv)
    async with database.transaction(caller.workspace) as connection:
        if before := await once.earlier(connection):
            return Imported.model_validate(before.answer)
        imported = await _import(connection, caller.workspace, caller.author.name, new)
        await once.keep(connection, answer=imported.model_dump())
    return imported


async def _import(
    connection: bench_questions.Connection, workspace: str, by: str | None, new: list[NewQuestion]
) -> Imported:
    there = {(row.question, row.channel): row for row in await bench_questions.all_of(connection, workspace)}
    latest = {(one.question, one.channel): one for one in new}
    fresh = [one for key, one in latest.items() if key not in there]
    await bench_questions.add(connection, workspace, Origin(by), fresh)
    known = [(there[key], one) for key, one in latest.items() if key in there]
    other = [
        (row, one)
        for row, one in known
        if NewQuestion(**shown(row).model_dump(include=set(NewQuestion.model_fields))) != one
    ]
    for row, one in other:
        await bench_questions.replace(connection, row, one)
    return Imported(added=len(fresh), changed=len(other), same=len(known) - len(other))


@router.get("/{question_id}")
async def get_question(question_id: UUID, caller: CallerDep, database: DatabaseDep, response: Response) -> Question:
    async with database.transaction(caller.workspace) as connection:
        row = await bench_questions.one(connection, caller.workspace, question_id)
    etags.tag(response, row.version)
    return shown(row)


@router.patch("/{question_id}")
async def change_question(
    question_id: UUID,
    patch: QuestionPatch,
    caller: CallerDep,
    database: DatabaseDep,
    response: Response,
    version: IfMatchDep,
) -> Question:
    """Its earlier answers are not compared any more."""
    async with database.transaction(caller.workspace) as connection:
        row = await bench_questions.change(connection, caller.workspace, question_id, patch, version)
    etags.tag(response, row.version)
    return shown(row)


@router.delete("/{question_id}", status_code=204)
async def delete_question(question_id: UUID, caller: CallerDep, database: DatabaseDep) -> None:
    """With its results."""
    async with database.transaction(caller.workspace) as connection:
        await bench_questions.delete(connection, caller.workspace, question_id)
