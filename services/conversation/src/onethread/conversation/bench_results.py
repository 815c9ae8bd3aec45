"""What a question got in a run, beside what it got before."""

from __future__ import annotations

from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from pydantic import BaseModel, Field

from onethread.contracts.agent import Answered
from onethread.contracts.messages import ChannelKind
from onethread.conversation.bench_checks import Change, Expect
from onethread.conversation.database import Connection

_SHOWN: LiteralString = """select r.*, q.question, q.channel, q.expect, q.version as asked_as, b.answered as before,
        coalesce(b.judged, b.passed) as before_right
    from bench_result r join bench_question q on q.id = r.question_id join bench_run u on u.id = r.run_id
    left join bench_result b on b.run_id = u.baseline_id and b.question_id = r.question_id
        and b.question_version = r.question_version"""
PAGE: LiteralString = f"""{_SHOWN} where r.run_id = %s and (%s::text is null or r.change = %s)
    order by array_position(array['worse', 'other', 'unclear'],
            case when r.judged is true and r.change in ('worse', 'other') then null else r.change end) nulls last,
        coalesce(r.judged, r.passed) is true, r.change is distinct from 'better', r.asked_at is null,
        q.created_at, q.id
    offset %s limit %s"""
ONE: LiteralString = f"{_SHOWN} where r.run_id = %s and r.question_id = %s"


class Result(BaseModel):
    question_id: UUID
    question: str
    channel: ChannelKind
    expect: Expect | None
    edited: bool = Field(description="The question was changed since: this is the answer to its earlier wording.")
    answered: Answered | None = Field(description="Null: it was not asked yet.")
    passed: bool | None = Field(description="As expected.")
    failures: list[str] = Field(description="What is not as expected.")
    change: Change | None = Field(description="How it stands to `before`.")
    changes: list[str] = Field(description="In what.")
    before: Answered | None = Field(description="In the run that it is compared with.")
    before_right: bool | None
    judged: bool | None = Field(description="A teammate says that it is right, or wrong.")
    judged_by: str | None
    asked_at: datetime | None


SAME = [name for name in Result.model_fields if name != "edited"]


def _shown(row: Any) -> Result:
    edited = row.asked_as != row.question_version
    return Result(**{name: getattr(row, name) for name in SAME}, edited=edited)


async def page(connection: Connection, run_id: UUID, change: Change | None, after: int, limit: int) -> list[Result]:
    rows = await (await connection.execute(PAGE, [run_id, change, change, after, limit])).fetchall()
    return [_shown(row) for row in rows]


async def one(connection: Connection, run_id: UUID, question_id: UUID) -> Result:
    [row] = await (await connection.execute(ONE, [run_id, question_id])).fetchall()
    return _shown(row)
