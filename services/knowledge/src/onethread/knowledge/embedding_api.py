"""The HTTP API of a workspace's embedding model."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from onethread.knowledge.access import Knowledge, UseKnowledge, Workspace
from onethread.knowledge.confidence import is_measured
from onethread.knowledge.models import Kind, Offer
from onethread.runtime.errors import Problem


class ModelOut(BaseModel):
    """`calibrated`: how sure its answers are was measured with it. `sends_text_to`: the host that texts are sent to."""

    id: str
    name: str
    kind: Kind
    languages: str
    available: bool
    why_not: str | None
    calibrated: bool
    sends_text_to: str | None


class Building(BaseModel):
    """How far the index of another model is; searches use the live one until it has all. `error` holds it up."""

    model: str
    passages: int
    of: int
    error: str | None


class EmbeddingOut(BaseModel):
    """`error` says why the live model can't be used now: what is new waits, and questions are handed to people."""

    models: list[ModelOut]
    live: str
    building: Building | None
    error: str | None


class EmbeddingIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: Annotated[str, Field(min_length=1, max_length=200)]


router = APIRouter(prefix="/v1/embedding", tags=["knowledge"])


@router.get("")
async def read_embedding(knowledge: UseKnowledge, workspace: Workspace) -> EmbeddingOut:
    return await knowledge.library.run(_embedding, knowledge, workspace)


@router.put("", status_code=202)
async def choose_embedding(knowledge: UseKnowledge, workspace: Workspace, chosen: EmbeddingIn) -> EmbeddingOut:
    """All articles are indexed again in the background, and searches go on with the old index until that is done.
    Naming the live model ends that.
    """
    models = knowledge.library.models
    offer = models.offers.get(chosen.model)
    choice = await knowledge.library.run(models.choice, workspace)
    if chosen.model != choice.live:
        _check(offer, list(models.offers))
    await knowledge.library.run(models.want, workspace, chosen.model)
    knowledge.switching.wake()
    return await knowledge.library.run(_embedding, knowledge, workspace)


def _check(offer: Offer | None, known: list[str]) -> None:
    if offer is None:
        raise Problem(422, "No such embedding model", f"Nothing was changed. There are: {', '.join(known)}.")
    if reason := offer.why_not():
        raise Problem(422, "This embedding model can't be used here", f"Nothing was changed. {reason}")


def _embedding(knowledge: Knowledge, workspace: str) -> EmbeddingOut:
    library = knowledge.library
    choice = library.models.choice(workspace)
    building = None
    if choice.wanted:
        building = Building(
            model=choice.wanted,
            passages=library.vectors.of(choice.wanted).count(workspace),
            of=library.store.status(workspace).passages,
            error=choice.error,
        )
    return EmbeddingOut(
        models=[_model(offer) for offer in library.models.offers.values()],
        live=choice.live,
        building=building,
        error=None if building else choice.error,
    )


def _model(offer: Offer) -> ModelOut:
    reason = offer.why_not()
    return ModelOut(
        id=offer.model_id,
        name=offer.name,
        kind=offer.kind,
        languages=offer.languages,
        available=reason is None,
        why_not=reason,
        calibrated=is_measured(offer.model_id),
        sends_text_to=offer.host,
    )
