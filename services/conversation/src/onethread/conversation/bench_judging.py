"""What teammates judge of the agent's answers goes to knowledge, whose confidence is fitted anew from it."""

from __future__ import annotations

import json

import structlog

from onethread.contracts.agent import Answered
from onethread.contracts.calls import Body, Call, Called
from onethread.contracts.subjects import KNOWLEDGE_API
from onethread.conversation.access import Caller
from onethread.runtime.bus import Bus, RefusedError, UnavailableError

log = structlog.get_logger()
_LAST_OF_SUCCESS = 299


class Judgements:
    """The result keeps the judgement in any case: that knowledge did not take it is only logged."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def __call__(self, caller: Caller, answered: Answered, right: bool) -> None:
        """Of an answer. That a handoff was right or wrong says nothing about what was found."""
        if answered.decision not in ("answer", "draft") or not answered.query:
            return
        by = caller.author.name or "API"
        body = json.dumps({"query": answered.query, "right": right, "by": by}).encode()
        call = Call(
            workspace=caller.workspace, method="POST", path="judgements", headers={"content-type": "application/json"},
            author=by, role="teammate", body=Body(inline=body),
        )  # fmt: skip
        try:
            await self._bus.check()
            status = (await self._bus.ask(KNOWLEDGE_API, call, Called)).status
        except (UnavailableError, RefusedError) as error:
            log.warning("judgement.untold", error=type(error).__name__)
            return
        if status > _LAST_OF_SUCCESS:
            log.warning("judgement.untold", status=status)
