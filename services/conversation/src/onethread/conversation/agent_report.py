"""What the agent did, or would have done, by channel and by topic: what one looks at before it may answer by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, LiteralString, cast, get_args
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from onethread.contracts.agent import AgentMode, HandoffKind
from onethread.contracts.messages import Channel
from onethread.conversation.database import Connection
from onethread.conversation.proposals import Dismissal, State

ALIKE = 0.8
"""From here on two texts say the same, in the main."""
SHOWN_PAIRS = 20
TOPICS = 50
EXCERPT = 600
KINDS: tuple[HandoffKind, ...] = get_args(HandoffKind)

WITHIN = """p.workspace_id = %(workspace)s and p.created_at >= %(since)s and p.created_at < %(until)s
    and (%(channel)s::text is null or %(channel)s in (p.channel_id, p.channel_kind))"""
_HANDOFFS = ", ".join(f"count(*) filter (where p.handoff_kind = '{kind}') as handoff_{kind}" for kind in KINDS)
_STATES = ", ".join(f"count(*) filter (where p.state = '{state}') as state_{state}" for state in get_args(State))
_MODES = ", ".join(f"count(*) filter (where p.mode = '{mode}') as mode_{mode}" for mode in ("auto", "draft", "shadow"))
# A message that says no more than thanks asks nothing.
COUNTS = f"""select p.channel_id, p.channel_kind, p.topic, grouping(p.channel_id) as all_channels,
        grouping(p.topic) as all_topics, count(*) as questions,
        count(*) filter (where p.decision in ('answer', 'draft')) as answered,
        count(*) filter (where p.decision = 'clarify') as clarified,
        count(*) filter (where p.decision = 'handoff') as handed_off, {_HANDOFFS}, {_STATES}, {_MODES},
        count(p.likeness) as compared,
        count(*) filter (where p.likeness_by = 'words' and p.state <> 'used') as by_words,
        percentile_cont(0.5) within group (order by p.likeness) as median_likeness,
        count(*) filter (where p.likeness >= {ALIKE}) as alike,
        sum(p.input_tokens) as input_tokens, sum(p.output_tokens) as output_tokens, sum(p.cost) as cost
    from proposal p join message q on q.id = p.question_id
    where {WITHIN} and not q.thanks
    group by grouping sets ((p.channel_id, p.channel_kind), (p.topic), ())"""  # noqa: S608 names of ours
MESSAGES = """select channel_id, channel_kind, count(*) as messages from message
    where workspace_id = %(workspace)s and author_kind = 'customer'
        and created_at >= %(since)s and created_at < %(until)s
        and (%(channel)s::text is null or %(channel)s in (channel_id, channel_kind))
    group by channel_id, channel_kind"""
PAIRS = f"""select p.id, q.thread_id, p.channel_id, p.channel_kind, p.topic, p.state, p.dismissal, p.likeness,
        p.confidence, p.created_at, left(q.text, {EXCERPT}) as question, left(p.text, {EXCERPT}) as proposed,
        left(m.text, {EXCERPT}) as said
    from proposal p join message q on q.id = p.question_id left join message m on m.id = p.reply_id
    where {WITHIN}"""  # noqa: S608 names of ours
LEAST_ALIKE = f"{PAIRS} and p.likeness < {ALIKE} order by p.likeness, p.created_at desc limit {SHOWN_PAIRS}"
DISMISSED = f"{PAIRS} and p.state = 'dismissed' order by p.settled_at desc limit {SHOWN_PAIRS}"


@dataclass(frozen=True)
class Period:
    """`channel`: an id, or a kind of channel; None: all."""

    workspace: str
    since: AwareDatetime
    until: AwareDatetime
    channel: str | None = None

    @property
    def asked(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("workspace", "since", "until", "channel")}


class Counts(BaseModel):
    """Questions are what the agent proposed something for: a burst of messages is one, thanks are none."""

    questions: int = 0
    answered: int = Field(default=0, description="It answered, or in draft and shadow would have answered.")
    clarified: int = Field(default=0, description="It asked back.")
    handed_off: int = 0
    handoffs: dict[HandoffKind, int] = Field(default_factory=dict[HandoffKind, int], description="By why.")
    states: dict[State, int] = Field(default_factory=dict[State, int], description="What became of the proposals.")
    modes: dict[AgentMode, int] = Field(default_factory=dict[AgentMode, int], description="For whom they were written.")
    compared: int = Field(default=0, description="Answers that could be held against what a teammate then sent.")
    compared_by_words: int = Field(
        default=0, description="Of these, those whose words alone were compared: knowledge was away."
    )
    median_likeness: float | None = Field(default=None, description="0 to 1.")
    alike: int = Field(default=0, description=f"Of those compared, how many are alike: {ALIKE} and more.")
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0


class OnChannel(Counts):
    channel: Channel
    messages: int = Field(default=0, description="Everything that customers said there.")


class OnTopic(Counts):
    topic: str | None = Field(description="Title of the nearest article. Null: none was near.")


class Total(Counts):
    messages: int = 0


class Pair(BaseModel):
    """A proposal that was not what the teammate said. Texts are cut."""

    id: UUID
    thread_id: UUID
    channel: Channel
    topic: str | None
    state: State
    dismissal: Dismissal | None
    likeness: float | None
    confidence: float
    question: str
    proposed: str
    said: str | None = Field(description="What the teammate sent.")
    created_at: AwareDatetime


class AgentReport(BaseModel):
    since: AwareDatetime
    until: AwareDatetime
    total: Total
    channels: list[OnChannel]
    topics: list[OnTopic] = Field(description=f"Those with most questions, {TOPICS} at most.")
    least_alike: list[Pair]
    dismissed: list[Pair]


async def report(connection: Connection, period: Period) -> AgentReport:
    messages = await (await connection.execute(MESSAGES, period.asked)).fetchall()
    groups = await (await connection.execute(cast("LiteralString", COUNTS), period.asked)).fetchall()
    least_alike = await (await connection.execute(cast("LiteralString", LEAST_ALIKE), period.asked)).fetchall()
    dismissed = await (await connection.execute(cast("LiteralString", DISMISSED), period.asked)).fetchall()
    total = next(row for row in groups if row.all_channels and row.all_topics)
    topics = [OnTopic(topic=row.topic, **_counts(row)) for row in groups if row.all_channels and not row.all_topics]
    return AgentReport(
        since=period.since,
        until=period.until,
        total=Total(messages=sum(row.messages for row in messages), **_counts(total)),
        channels=_channels(messages, [row for row in groups if not row.all_channels]),
        topics=sorted(topics, key=lambda one: -one.questions)[:TOPICS],
        least_alike=[_pair(row) for row in least_alike],
        dismissed=[_pair(row) for row in dismissed],
    )


def _channels(messages: list[Any], groups: list[Any]) -> list[OnChannel]:
    said = {(row.channel_id, row.channel_kind): row.messages for row in messages}
    counted = {(row.channel_id, row.channel_kind): _counts(row) for row in groups}
    found = [
        OnChannel(channel=Channel(id=id_, kind=kind), messages=said.get((id_, kind), 0), **counted.get((id_, kind), {}))
        for id_, kind in said.keys() | counted.keys()
    ]
    return sorted(found, key=lambda one: (-one.messages, one.channel.id))


def _counts(row: Any) -> dict[str, Any]:
    by_name = row._asdict()

    def named(prefix: str) -> dict[str, int]:
        return {name.removeprefix(prefix): n for name, n in by_name.items() if name.startswith(prefix) and n}

    same = {name: by_name[name] or 0 for name in Counts.model_fields if name in by_name and name != "median_likeness"}
    return same | {
        "handoffs": named("handoff_"),
        "states": named("state_"),
        "modes": named("mode_"),
        "compared_by_words": row.by_words,
        "median_likeness": row.median_likeness,
    }


def _pair(row: Any) -> Pair:
    same = {name: getattr(row, name) for name in Pair.model_fields if name != "channel"}
    return Pair(**same, channel=Channel(id=row.channel_id, kind=row.channel_kind))
