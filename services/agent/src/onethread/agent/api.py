"""Test an answer: `POST /v1/ask`, and the same on the bus. It goes the way of a customer's message; nobody is told."""

import hmac
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from pydantic import BaseModel, Field, SecretStr, StringConstraints

from onethread.agent.answer import Answerer, Question
from onethread.agent.config import Configs
from onethread.agent.prompt import Said
from onethread.agent.so_far import SoFar
from onethread.agent.writing import NO_MONEY
from onethread.contracts.agent import AgentConfig, Answered, Ask, SaidBefore, Trial
from onethread.contracts.knowledge import LOCALE, KnowledgeTrial
from onethread.contracts.messages import ChannelKind
from onethread.runtime.errors import Problem


@dataclass(frozen=True)
class Asking:
    """What the route works with. The lifespan puts it into `app.state.asking`."""

    answerer: Answerer
    configs: Configs
    api_key: SecretStr
    workspace: str

    async def answer(self, asked: Ask) -> Answered:
        """What the agent would say, and why. Nothing is kept or sent."""

        async def so_far() -> SoFar:
            return SoFar([Said(said.author, said.text, tuple(said.titles)) for said in asked.history])

        async def nobody(text: str) -> None:
            """Nothing is streamed."""

        config = as_if(await self.configs.of(asked.workspace), asked.trial)
        question = Question(
            config, asked.question, asked.channel, so_far, trial=_articles(asked.trial), locale=asked.locale
        )
        reply = await self.answerer.answer(question, nobody)
        return Answered(
            decision=reply.decision,
            confidence=reply.confidence,
            threshold=self.answerer.needed(config),
            text=reply.text,
            sources=list(reply.sources),
            reason=reply.reason,
            summary=reply.summary,
            query=reply.query,
            passages=reply.found.passages if reply.found else [],
            handoff=reply.handoff,
            suggested_reply=reply.suggested_reply,
            tags=list(reply.tags),
            topic=reply.topic,
            calibration=reply.found.calibration if reply.found else "",
            evidence=reply.evidence,
            usage=list(reply.usage),
            budget_spent=NO_MONEY in reply.reason.lower(),
        )


def as_if(config: AgentConfig, trial: Trial | None) -> AgentConfig:
    """With the settings of the trial. It spends of the live budget: no trial can lift that."""
    if trial is None or trial.settings is None:
        return config
    budget = {"monthly_budget": config.settings.monthly_budget}
    return config.model_copy(update={"settings": trial.settings.model_copy(update=budget)})


def _articles(trial: Trial | None) -> KnowledgeTrial | None:
    """What knowledge needs of it, if anything."""
    if trial is None or not (trial.articles or trial.without):
        return None
    return KnowledgeTrial(articles=trial.articles, without=trial.without)


class AskIn(BaseModel):
    """`history` is oldest first; a bare string counts as the customer's."""

    question: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
    history: list[SaidBefore | str] = Field(default_factory=list, max_length=200)
    workspace: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] | None = None
    channel: ChannelKind = "widget"
    locale: Annotated[str, StringConstraints(pattern=LOCALE)] | None = None
    trial: Trial | None = None


def _asking(request: Request, authorization: Annotated[str, Header()] = "") -> Asking:
    asking: Asking = request.app.state.asking
    expected = f"Bearer {asking.api_key.get_secret_value()}"
    if not hmac.compare_digest(authorization.encode(), expected.encode()):
        raise Problem(401, "Not allowed", "Send the API key as a bearer token.")
    return asking


router = APIRouter(prefix="/v1", tags=["agent"])


@router.post("/ask")
async def ask(asking: Annotated[Asking, Depends(_asking)], asked: AskIn) -> Answered:
    """What the agent would say, and why. Nothing is kept or sent."""
    before = [SaidBefore(text=said) if isinstance(said, str) else said for said in asked.history]
    return await asking.answer(
        Ask(
            workspace=asked.workspace or asking.workspace,
            question=asked.question,
            history=before,
            channel=asked.channel,
            locale=asked.locale,
            trial=asked.trial,
        )
    )
