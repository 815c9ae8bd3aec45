"""Test an answer: what the agent would say to a question, and why. Nobody is told, and nothing is kept."""

from __future__ import annotations

from typing import Annotated

import nats.errors
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from onethread.contracts import subjects
from onethread.contracts.agent import Answered, Ask, SaidBefore
from onethread.contracts.knowledge import LOCALE
from onethread.contracts.messages import ChannelKind
from onethread.conversation.access import CallerDep
from onethread.runtime.bus import RefusedError, UnavailableError
from onethread.runtime.errors import Problem

SECONDS = 60.0
"""A language model has 30 for an answer, and there may be a second try."""

router = APIRouter(prefix="/api/v1", tags=["agent"])


class Said(SaidBefore):
    model_config = ConfigDict(extra="forbid")


class AskIn(BaseModel):
    """`history` is what was said before, oldest first; `locale` the customer's language, else it is what they write."""

    model_config = ConfigDict(extra="forbid")

    question: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
    history: list[Said] = Field(default_factory=list[Said], max_length=200)
    channel: ChannelKind = "widget"
    locale: Annotated[str, StringConstraints(pattern=LOCALE)] | None = None


@router.post("/agent/ask")
async def ask_agent(asked: AskIn, request: Request, caller: CallerDep) -> Answered:
    """The way of a customer's message, up to the sending. It takes no Idempotency-Key, since it changes nothing; where
    a language model is set up, each time costs what an answer costs.
    """
    question = Ask(workspace=caller.workspace, **asked.model_dump())
    try:
        return await request.app.state.bus.ask(subjects.AGENT_ASK, question, Answered, SECONDS)
    except UnavailableError as error:
        if isinstance(error.__cause__, nats.errors.NoRespondersError):
            raise Problem(503, "The agent is away", "Nothing was asked. Try again in a moment.") from error
        raise Problem(503, "The agent takes too long", "Nothing was kept. Try again in a moment.") from error
    except RefusedError as error:
        detail = "It needs knowledge and its settings, and one of them is away. Try again in a moment."
        raise Problem(503, "The agent could not answer", detail) from error
