"""What teammates judge of the agent's answers goes to knowledge, whose confidence is fitted anew from it.

It is noted with the judgement that it is to be told. While knowledge is away it stays so, and is told when it is back.
"""

from __future__ import annotations

import json
from typing import Any

import structlog

from onethread.contracts.agent import Answered
from onethread.contracts.calls import Body, Call, Called
from onethread.contracts.subjects import KNOWLEDGE_API
from onethread.conversation.database import Database
from onethread.runtime.bus import Bus, RefusedError, UnavailableError

log = structlog.get_logger()
AGAIN = "interval '30 seconds'"
NEXT = "select min(tell_at) from bench_result where workspace_id = %(workspace)s"
DUE = """select run_id, question_id from bench_result where workspace_id = %(workspace)s and tell_at <= now()
    order by tell_at limit 16"""
TAKE = f"""update bench_result set tell_at = now() + {AGAIN}
    where run_id = %s and question_id = %s and tell_at <= now() returning *"""  # noqa: S608
TOLD = "update bench_result set tell_at = null where run_id = %s and question_id = %s and tell_at = %s"
"""Judged otherwise meanwhile, it is told again."""
_LAST_OF_SUCCESS, _FIRST_OF_FAULTS = 299, 500


class Judgements:
    def __init__(self, database: Database, bus: Bus) -> None:
        self._database, self._bus = database, bus

    async def tell(self, workspace: str, due: Any) -> None:
        """`due`: a row of `DUE`. What knowledge refuses is not told again."""
        async with self._database.transaction(workspace) as connection:
            row = await (await connection.execute(TAKE, [due.run_id, due.question_id])).fetchone()
        if row is not None and await self._is_told(workspace, row):
            async with self._database.transaction(workspace) as connection:
                await connection.execute(TOLD, [row.run_id, row.question_id, row.tell_at])

    async def _is_told(self, workspace: str, row: Any) -> bool:
        """False: knowledge is away, and is told later."""
        call = _call(workspace, Answered.model_validate(row.answered), row.judged, row.judged_by)
        if call is None:
            return True
        try:
            await self._bus.check()
            status = (await self._bus.ask(KNOWLEDGE_API, call, Called)).status
        except (UnavailableError, RefusedError) as error:
            log.info("judgement.waits", error=type(error).__name__)
            return False
        if status > _LAST_OF_SUCCESS:
            log.warning("judgement.untold", status=status)
        return status < _FIRST_OF_FAULTS


def _call(workspace: str, answered: Answered, right: bool, by: str) -> Call | None:
    """Of an answer that one search found. That a handoff was right or wrong says nothing about what was found."""
    if answered.evidence is None or not answered.query:
        return None
    evidence = answered.evidence.model_dump(mode="json")
    judged = {"query": answered.query, "right": right, "by": by, "origin": "bench", "evidence": evidence}
    body = json.dumps(judged).encode()
    return Call(
        workspace=workspace, method="POST", path="judgements", headers={"content-type": "application/json"},
        author=by, role="teammate", body=Body(inline=body),
    )  # fmt: skip
