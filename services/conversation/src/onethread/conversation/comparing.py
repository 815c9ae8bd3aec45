"""How alike what the agent would have said is to what the teammate then sent: found out when there is time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import structlog

from onethread.contracts import subjects
from onethread.contracts.knowledge import Likeness, LikenessOf
from onethread.conversation.database import Database
from onethread.runtime.bus import Bus, RefusedError, UnavailableError

log = structlog.get_logger()

NEXT = "select min(compare_at) from proposal where workspace_id = %(workspace)s and compare_at is not null"
DUE = "select 1 from proposal where workspace_id = %(workspace)s and compare_at <= now() limit 1"
PAIRS = """select p.id, p.text as proposed, m.text as said from proposal p left join message m on m.id = p.reply_id
    where p.workspace_id = %s and p.compare_at <= now() order by p.compare_at limit 64"""
KEEP = """update proposal set likeness = given.likeness, likeness_by = given.likeness_by, compare_at = case
            when given.likeness_by = 'words' and created_at > now() - interval '1 day'
            then now() + interval '15 minutes'
        end
    from unnest(%s::uuid[], %s::float8[], %s::text[]) as given(id, likeness, likeness_by)
    where proposal.id = given.id and proposal.compare_at is not null"""
ANSWER_SECONDS = 10.0
LONGEST = 4_000
"""Characters that are compared: the model sees some 256 tokens."""
_WORDS = re.compile(r"\w+")


class Comparing:
    """The job of `timers.py`. Twice the same work, in two replicas, comes to the same."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database, self._bus = database, bus

    async def compare(self, workspace: str, _: Any) -> None:
        """As many as are due, at most 64. While knowledge is away words are counted, for a day tried again after."""
        async with self._database.transaction(workspace) as connection:
            rows = await (await connection.execute(PAIRS, [workspace])).fetchall()
        whole = [row for row in rows if row.proposed and row.said]
        likeness, how = await self._likeness([(row.proposed[:LONGEST], row.said[:LONGEST]) for row in whole])
        by_id = {row.id: min(1.0, max(0.0, one)) for row, one in zip(whole, likeness, strict=True)}
        kept = [(row.id, by_id.get(row.id), how if row.id in by_id else None) for row in rows]
        async with self._database.transaction(workspace) as connection:
            await connection.execute(KEEP, [list(column) for column in zip(*kept, strict=True)] or [[], [], []])
        log.info("proposals.compared", count=len(rows), by=how)

    async def _likeness(self, pairs: list[tuple[str, str]]) -> tuple[Sequence[float], str]:
        if not pairs:
            return [], "meaning"
        try:
            asked = LikenessOf(pairs=pairs)
            answer = await self._bus.ask(subjects.KNOWLEDGE_LIKENESS, asked, Likeness, ANSWER_SECONDS)
        except (UnavailableError, RefusedError) as error:
            log.warning("likeness.by_words", error=type(error).__name__)
            return [overlap(*pair) for pair in pairs], "words"
        return answer.cosines, "meaning"


def overlap(one: str, other: str) -> float:
    """The share of words that two texts have in common (Dice), 0 to 1."""
    first, second = (Counter(_WORDS.findall(text.lower())) for text in (one, other))
    total = first.total() + second.total()
    return 2 * (first & second).total() / total if total else 0.0
