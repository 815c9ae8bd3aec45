"""What became of the agent's answers: confirmed, assumed and reopened apart, as docs/architecture/agent-modes.md says.

Silence is never called confirmed, and whatever speaks against a resolution outweighs what speaks for it.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from onethread.contracts.messages import Channel
from onethread.conversation.agent_report import WITHIN, Period
from onethread.conversation.database import Connection

Outcome = Literal["confirmed", "assumed", "reopened", "negative", "pending", "taken_over"]

ANSWERS = f"""select p.channel_id, p.channel_kind, a.created_at, (a.feedback ->> 'score')::int as score,
        a.feedback ->> 'scale' as scale, n.author_kind as next_author, n.created_at as next_at,
        coalesce(n.thanks, false) as next_thanks, case when n.thanks then g.created_at end as then_at
    from proposal p join message q on q.id = p.question_id join message a on a.id = p.reply_id
    left join lateral (select author_kind, created_at, thanks, position from message m
        where m.thread_id = a.thread_id and m.position > a.position and not m.note and m.author_kind <> 'system'
        order by m.position limit 1) n on true
    left join lateral (select created_at from message m
        where m.thread_id = a.thread_id and m.position > n.position and m.author_kind = 'customer' and not m.thanks
        order by m.position limit 1) g on true
    where {WITHIN} and p.state = 'sent' and p.decision = 'answer' and not q.thanks"""  # noqa: S608 names of ours
HANDED_OFF = f"""select p.channel_id, p.channel_kind, count(distinct q.thread_id) as threads
    from proposal p join message q on q.id = p.question_id
    where {WITHIN} and p.state = 'sent' and p.decision = 'handoff' group by p.channel_id, p.channel_kind"""  # noqa: S608
GOOD_SCORE, BAD_SCORE = 4, 2
"""Of a CSAT."""


class Resolutions(BaseModel):
    """Endings: each is an answer of the agent after which it said no more in that matter."""

    answered_last: int = Field(default=0, description="All of the five below.")
    confirmed: int = Field(
        default=0, description="The customer said so: thanks and no more, a thumb up, a CSAT of 4 or 5."
    )
    assumed: int = Field(default=0, description="The customer said nothing within the window. Silence, and no proof.")
    reopened: int = Field(
        default=0, description="Counted as resolved, but the customer came back within the reopen window."
    )
    negative: int = Field(default=0, description="A thumb down, or a CSAT of 1 or 2.")
    pending: int = Field(default=0, description="Silence, but the window is still open.")
    taken_over: int = Field(
        default=0, description="A teammate went on before the customer said anything. Not an ending."
    )
    handed_off: int = Field(default=0, description="Threads that the agent handed to people. Not an ending.")


class ResolutionsOnChannel(Resolutions):
    channel: Channel


class ResolutionReport(BaseModel):
    since: AwareDatetime
    until: AwareDatetime
    window_hours: int
    reopen_days: int
    total: Resolutions
    channels: list[ResolutionsOnChannel]


async def report(
    connection: Connection, period: Period, window: timedelta, reopen: timedelta, now: datetime
) -> ResolutionReport:
    answers = await (await connection.execute(ANSWERS, period.asked)).fetchall()
    handed_off = await (await connection.execute(HANDED_OFF, period.asked)).fetchall()
    by_channel: dict[tuple[str, Any], Counter[str]] = {}
    for row in answers:
        if found := outcome(row, window, reopen, now):
            by_channel.setdefault((row.channel_id, row.channel_kind), Counter())[found] += 1
    for row in handed_off:
        by_channel.setdefault((row.channel_id, row.channel_kind), Counter())["handed_off"] += row.threads
    channels = [
        ResolutionsOnChannel(channel=Channel(id=id_, kind=kind), **_counts(counted))
        for (id_, kind), counted in sorted(by_channel.items())
    ]
    total = sum(by_channel.values(), Counter[str]())
    return ResolutionReport(
        since=period.since, until=period.until, window_hours=int(window / timedelta(hours=1)), reopen_days=reopen.days,
        total=Resolutions(**_counts(total)), channels=channels,
    )  # fmt: skip


def outcome(row: Any, window: timedelta, reopen: timedelta, now: datetime) -> Outcome | None:
    """What became of one answer; None where the talk went on, so that it ended nothing. `row`: of `ANSWERS`."""
    if row.next_author in {"agent", "teammate"}:
        return "taken_over" if row.next_author == "teammate" else None
    if _is(row, good=False):
        return "negative"
    if row.next_thanks:
        return "reopened" if _came_back(row.then_at, row.next_at, reopen) else "confirmed"
    if _is(row, good=True):
        return "reopened" if _came_back(row.next_at, row.created_at, reopen) else "confirmed"
    return _of_silence(row, row.created_at + window, reopen, now)


def _of_silence(row: Any, until: datetime, reopen: timedelta, now: datetime) -> Outcome | None:
    if row.next_at is None:
        return "assumed" if now >= until else "pending"
    if row.next_at < until:
        return None
    return "reopened" if _came_back(row.next_at, until, reopen) else "assumed"


def _came_back(at: datetime | None, resolved_at: datetime, reopen: timedelta) -> bool:
    return at is not None and at <= resolved_at + reopen


def speaks_against(score: int, scale: str) -> bool:
    """A thumb down, or a CSAT of 1 or 2."""
    return score < 0 if scale == "thumbs" else score <= BAD_SCORE


def _is(row: Any, *, good: bool) -> bool:
    if row.score is None:
        return False
    if not good:
        return speaks_against(row.score, row.scale)
    return row.score > 0 if row.scale == "thumbs" else row.score >= GOOD_SCORE


def _counts(counted: Counter[str]) -> dict[str, int]:
    not_endings = {"taken_over", "handed_off"}
    return {**counted, "answered_last": sum(n for name, n in counted.items() if name not in not_endings)}
