"""What the agent proposed, from its recording to what became of it.

Every change of a state is made with the row of the proposal's thread locked: of two teammates one wins, and the other
is told. A proposal belongs to the thread of its question, so nothing here follows a move.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb
from pydantic import AwareDatetime, BaseModel, Field

from onethread.contracts import messages as m
from onethread.contracts import replies as r
from onethread.contracts.agent import AgentMode, HandoffKind, Usage
from onethread.contracts.envelope import now
from onethread.conversation import judged
from onethread.conversation.database import Connection, Together
from onethread.runtime.errors import Problem

State = Literal["sent", "open", "used", "edited", "dismissed", "superseded", "silent"]
Dismissal = Literal["wrong", "incomplete", "tone", "other"]
COMPARABLE = ("answer", "draft")
"""Decisions whose text says what a teammate's would."""

ADD = """insert into proposal (id, workspace_id, question_id, channel_id, channel_kind, place_key, mode, decision,
        handoff_kind, text, sources, confidence, topic, reason, summary, suggested_reply, tags, usage, input_tokens,
        output_tokens, cost, evidence, state, reply_id, compare_at, created_at, settled_at)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
        case when %s then now() end, now(), case when %s then now() end)
    on conflict (id) do nothing"""
MAKE_OLD = """update proposal p set state = 'superseded', settled_at = now() from message q
    where q.id = p.question_id and q.thread_id = %s and p.state = 'open'"""
SINCE = """select (select id from message where thread_id = %(thread)s and position > %(asked)s
            and author_kind = 'teammate' and not note order by position limit 1) as reply,
        exists (select from message q join proposal p on p.question_id = q.id
            where q.thread_id = %(thread)s and q.position > %(asked)s and p.mode = 'draft') as newer_draft"""
SHOWN = """select p.*, q.thread_id, q.position as asked_position, q.shared, q.audience_name
    from proposal p join message q on q.id = p.question_id"""
ONE = f"{SHOWN} where p.workspace_id = %s and p.id = %s"
OF_THREAD = f"""{SHOWN} where q.thread_id = %s and (%s::text is null or p.state = %s)
    and (%s::timestamptz is null or (p.created_at, p.id) < (%s::timestamptz, %s::uuid))
    order by p.created_at desc, p.id desc limit %s"""
SETTLE = """update proposal set state = %s, dismissal = %s, reply_id = %s, by_id = %s, by_name = %s, settled_at = now(),
        likeness = case when %s = 'used' then 1 end, likeness_by = case when %s = 'used' then 'words' end
    where id = %s"""
WITH_DRAFT = """select distinct q.thread_id from proposal p join message q on q.id = p.question_id
    where p.workspace_id = %s and p.state = 'open' limit 1000"""
ANSWERED = """with theirs as (
        select p.id, row_number() over (order by q.position desc) = 1 as latest
        from proposal p join message q on q.id = p.question_id
        where q.thread_id = %(thread)s and p.state in ('open', 'silent') and p.settled_at is null)
    update proposal p set settled_at = now(), state = case p.state when 'open' then 'superseded' else p.state end,
        reply_id = case when latest then %(reply)s::uuid end,
        compare_at = case when latest and p.decision = any(%(comparable)s) then now() end
    from theirs where theirs.id = p.id"""
WAS_MADE_OF_IT = """update proposal set compare_at = case when state = 'edited' then now() end
    where reply_id = %s and state in ('used', 'edited') returning state, sources"""
REOPEN = """update proposal p set reply_id = null, by_id = null, by_name = null, likeness = null, likeness_by = null,
        settled_at = case when later then now() end, state = case when later then 'superseded' else 'open' end
    from (select p.id, exists (
                select from message s left join proposal o on o.question_id = s.id and o.state = 'open'
                where s.thread_id = q.thread_id and s.position > q.position
                    and (o.id is not null or (s.author_kind = 'teammate' and not s.note))) as later
            from proposal p join message q on q.id = p.question_id
            where p.reply_id = %s and p.state in ('used', 'edited')) known
    where known.id = p.id"""


class Proposal(BaseModel):
    """What the agent would say, or said, to one message of the customer."""

    id: UUID
    thread_id: UUID
    message_id: UUID = Field(description="The customer's message.")
    channel: m.Channel = Field(description="Where it was asked, and where a draft goes when it is used.")
    audience: m.Audience
    mode: AgentMode
    decision: r.Decision
    handoff: HandoffKind | None
    text: str
    sources: list[m.Source]
    confidence: float
    topic: str | None
    reason: str
    summary: str
    suggested_reply: str
    tags: list[str]
    usage: list[Usage]
    state: State = Field(
        description="`sent` to the customer; an `open` draft; `used`, `edited` or `dismissed` by a teammate; "
        "`superseded` by a newer one or by a teammate's own words; `silent`, in shadow."
    )
    dismissal: Dismissal | None
    reply_id: UUID | None = Field(description="The message that the customer got.")
    by: m.Author | None = Field(description="Who used, edited or dismissed it.")
    likeness: float | None = Field(description="Of its text to the teammate's: 1 says the same.")
    created_at: AwareDatetime
    settled_at: AwareDatetime | None


SAME = [name for name in Proposal.model_fields if name not in {"channel", "audience", "handoff", "message_id", "by"}]


def shown(row: Any) -> Proposal:
    """`row`: of `SHOWN`."""
    return Proposal(
        **{name: getattr(row, name) for name in SAME},
        message_id=row.question_id,
        channel=m.Channel(id=row.channel_id, kind=row.channel_kind),
        audience=m.Audience(shared=row.shared, name=row.audience_name),
        handoff=row.handoff_kind,
        by=m.Author(kind="teammate", id=row.by_id, name=row.by_name) if row.by_name else None,
    )


async def record(
    writes: Connection | Together,
    asked: Any,
    proposal: r.ProposedReply,
    *,
    mode: AgentMode,
    state: State,
    reply_id: UUID | None,
) -> None:
    """`asked`: the row of its question's thread, with `asked_channel`, `asked_kind` and `asked_place`."""
    compare = state != "sent" and reply_id is not None and proposal.decision in COMPARABLE
    is_settled = state != "open" and (state != "silent" or reply_id is not None)
    usage = [one.model_dump(mode="json") for one in proposal.usage]
    evidence = proposal.evidence
    await writes.execute(ADD, [
        proposal.reply_id, asked.workspace_id, proposal.message_id, asked.asked_channel, asked.asked_kind,
        asked.asked_place, mode, proposal.decision, proposal.handoff, proposal.text,
        Jsonb([one.model_dump(mode="json") for one in proposal.sources]), proposal.confidence, proposal.topic,
        proposal.reason, proposal.summary, proposal.suggested_reply, proposal.tags, Jsonb(usage),
        sum(one.input_tokens for one in proposal.usage), sum(one.output_tokens for one in proposal.usage),
        sum(one.cost for one in proposal.usage), evidence and Jsonb(evidence.model_dump(mode="json")), state,
        reply_id, compare, is_settled,
    ])  # fmt: skip


async def since(connection: Connection, asked: Any) -> Any:
    """What is newer in the thread than the question: `reply`, a teammate's message, and whether `newer_draft`."""
    found = await connection.execute(SINCE, {"thread": asked.id, "asked": asked.asked_position})
    return await found.fetchone()


async def find(connection: Connection, workspace: str, id_: UUID) -> Any:
    """A row of `SHOWN`. Raises a 404 problem."""
    row = await (await connection.execute(ONE, [workspace, id_])).fetchone()
    if row is None:
        raise Problem(404, "There is no such proposal")
    return row


async def open_draft(connection: Connection, thread: Any, id_: UUID) -> Any:
    """The open draft of a locked thread. Raises 404, and a 409 problem that says who was quicker."""
    row = await find(connection, thread.workspace_id, id_)
    if row.thread_id != thread.id:
        raise Problem(404, "There is no such proposal", "It is not of this thread. Nothing was sent.")
    if row.state != "open":
        raise Problem(409, _why_not(row), "Nothing was changed. Read the thread again.", state=row.state)
    return row


def _why_not(row: Any) -> str:
    who = row.by_name or "Somebody"
    return {
        "used": f"{who} has sent this draft",
        "edited": f"{who} has sent this draft in other words",
        "dismissed": f"{who} has dismissed this draft",
        "superseded": "There is a newer draft or reply",
    }.get(row.state, "This is no draft")


def written_for(draft: Any) -> Any:
    """The place of a draft, as `pending.place_of` takes it."""
    return SimpleNamespace(channel_id=None, place_channel_id=draft.channel_id, place_key=draft.place_key)


async def settle(
    connection: Connection,
    draft: Any,
    state: State,
    by: m.Author,
    *,
    reply_id: UUID | None,
    why: Dismissal | None = None,
) -> None:
    await connection.execute(SETTLE, [state, why, reply_id, by.id, by.name, state, state, draft.id])


async def answered(connection: Connection, thread_id: UUID, reply_id: UUID) -> list[m.Source]:
    """A teammate's reply stands in the thread: the latest that it answers is compared with it, and no draft waits.

    Returns what the reply rests on: the sources of the draft that it is, unchanged.
    """
    asked = {"thread": thread_id, "reply": reply_id, "comparable": list(COMPARABLE)}
    await connection.execute(ANSWERED, asked)
    made_of = await (await connection.execute(WAS_MADE_OF_IT, [reply_id])).fetchone()
    if made_of is None or made_of.state == "edited":
        return []
    await judged.by_use(connection, reply_id, now())
    return [m.Source.model_validate(source) for source in made_of.sources]


async def reopen(connection: Connection, reply_id: UUID) -> None:
    """The reply that was made of a draft was taken back or could not be sent: the draft waits again."""
    await connection.execute(REOPEN, [reply_id])


async def threads_with_draft(connection: Connection, workspace: str) -> list[UUID]:
    rows = await (await connection.execute(WITH_DRAFT, [workspace])).fetchall()
    return [row.thread_id for row in rows]


async def of_thread(
    connection: Connection, thread_id: UUID, state: State | None, before: tuple[Any, UUID] | None, limit: int
) -> Sequence[Any]:
    """Newest first."""
    at, id_ = before or (None, None)
    return await (await connection.execute(OF_THREAD, [thread_id, state, state, at, at, id_, limit])).fetchall()
