"""`POST /v1/ask`: test an answer. It goes the same way as a customer's message, but nobody is told."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from pydantic import BaseModel, Field, SecretStr, StringConstraints

from onethread.agent.answer import Answerer, Question
from onethread.agent.prompt import Said
from onethread.contracts.messages import AuthorKind, ChannelKind, Source
from onethread.contracts.replies import Decision
from onethread.runtime.errors import Problem


@dataclass(frozen=True)
class Asking:
    """What the route works with. The lifespan puts it into `app.state.asking`."""

    answerer: Answerer
    api_key: SecretStr
    workspace: str


class SaidIn(BaseModel):
    author: AuthorKind = "customer"
    text: str = Field(max_length=20_000)


class AskIn(BaseModel):
    """`history` is oldest first; a bare string counts as the customer's."""

    question: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
    history: list[SaidIn | str] = Field(default_factory=list, max_length=200)
    workspace: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] | None = None
    channel: ChannelKind = "widget"


class AskOut(BaseModel):
    decision: Decision
    confidence: float
    text: str
    sources: list[Source]
    reason: str


def _asking(request: Request, authorization: Annotated[str, Header()] = "") -> Asking:
    asking: Asking = request.app.state.asking
    expected = f"Bearer {asking.api_key.get_secret_value()}"
    if not hmac.compare_digest(authorization.encode(), expected.encode()):
        raise Problem(401, "Not allowed", "Send the API key as a bearer token.")
    return asking


router = APIRouter(prefix="/v1", tags=["agent"])


@router.post("/ask")
async def ask(asking: Annotated[Asking, Depends(_asking)], asked: AskIn) -> AskOut:
    """What the agent would say, and why. Nothing is kept or sent."""
    before = [
        Said("customer", said) if isinstance(said, str) else Said(said.author, said.text) for said in asked.history
    ]

    async def history() -> Sequence[Said]:
        return before

    async def nobody(text: str) -> None:
        """Nothing is streamed."""

    question = Question(asked.workspace or asking.workspace, asked.question, asked.channel, history)
    reply = await asking.answerer.answer(question, nobody)
    return AskOut(
        decision=reply.decision,
        confidence=reply.confidence,
        text=reply.text,
        sources=list(reply.sources),
        reason=reply.reason,
    )
