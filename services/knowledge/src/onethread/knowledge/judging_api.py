"""The HTTP API of judged answers, and of the calibration that is fitted to them."""

import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from onethread.contracts.knowledge import Evidence, KnowledgeSearch
from onethread.knowledge import fitting, judgements
from onethread.knowledge.access import Knowledge, NotBlank, UseKnowledge, Workspace
from onethread.knowledge.articles_api import Author
from onethread.knowledge.calibrations import InUse, OfferChangedError, Standing
from onethread.knowledge.gaps import COVERED_FROM
from onethread.knowledge.judgements import Judgement, Origin
from onethread.runtime.errors import Problem

Share = Annotated[float, Field(ge=0, le=1)]
Threshold = Annotated[float, Query(ge=0, le=1, description="Confidence from which the agent answers by itself.")]


class JudgementIn(BaseModel):
    """`evidence`: of the answer that is judged, as a search gives it. Without it the question is searched for now."""

    model_config = ConfigDict(extra="forbid")

    query: Annotated[NotBlank, Field(max_length=8_000)] = Field(description="What was searched for. It is not kept.")
    right: bool = Field(description="What was found answers it.")
    by: Annotated[NotBlank, Field(max_length=200)] | None = None
    origin: Origin = "api"
    evidence: Evidence | None = None
    customer_id: Annotated[NotBlank, Field(max_length=200)] | None = Field(
        default=None, description="Whose question it is. Erased, they take the judgement with them."
    )


class JudgementOut(BaseModel):
    counted: bool = Field(description="False where nothing was found: that says nothing about a confidence.")


class BinOut(BaseModel):
    count: int
    belief: Share
    right: Share


class FiguresOut(BaseModel):
    off: float = Field(description="How far belief and truth are apart, on average (ECE).")
    surprise: float = Field(description="Log loss.")
    coverage: Share = Field(description="Of the judged, the share that is answered from the threshold.")
    precision: Share | None = Field(description="Of these, the share that is right.")
    bins: list[BinOut] = Field(description="By tenths of belief: how many, how sure, and how many of them right.")


class InUseOut(BaseModel):
    version: str
    model_id: str
    data: str
    by: str | None = Field(description="Who adopted it. Null: it is the shipped one.")
    since: datetime | None


class OfferOut(BaseModel):
    id: str
    version: str = Field(description="What answers will name when it is adopted.")
    before: FiguresOut
    after: FiguresOut = Field(description="On judged answers that the refit had not seen.")


class JudgedOut(BaseModel):
    total: int
    right: int
    origins: dict[str, int]


class NeededOut(BaseModel):
    total: int = fitting.LEAST
    of_each: int = fitting.LEAST_OF_EACH
    unsure: int = fitting.LEAST_UNSURE


class CalibrationOut(BaseModel):
    in_use: InUseOut
    judged: JudgedOut = Field(description="For this embedding model and what is shipped for it.")
    needed: NeededOut = NeededOut()
    threshold: Share
    figures: FiguresOut | None = Field(description="Of what is in use, on all that was judged but thumbs.")
    offer: OfferOut | None
    why_not: str | None = Field(description="Why nothing is offered.")


class Adoption(BaseModel):
    model_config = ConfigDict(extra="forbid")

    offer: str = Field(description="`id` of the offer that was looked at.", max_length=100)


router = APIRouter(prefix="/v1", tags=["calibration"])


@router.post("/judgements")
async def judge(
    knowledge: UseKnowledge, workspace: Workspace, said: JudgementIn, author: Author = "api"
) -> JudgementOut:
    """Was what is found for a question right? The same question judged again is judged anew."""
    evidence = said.evidence or await knowledge.library.run(_found_now, knowledge, workspace, said.query)
    if evidence is None:
        return JudgementOut(counted=False)
    if not judgements.is_sound(evidence):
        raise Problem(422, "This evidence cannot be read", "Send it as the search gave it. Nothing was kept.")
    judgement = Judgement(
        judgements.key_of(said.query), evidence, said.right, said.origin, time.time(), said.by or author,
        said.customer_id,
    )  # fmt: skip
    await knowledge.library.run(judgements.note, knowledge.library.store, workspace, judgement)
    return JudgementOut(counted=True)


@router.get("/calibration")
async def read_calibration(
    knowledge: UseKnowledge, workspace: Workspace, threshold: Threshold = COVERED_FROM
) -> CalibrationOut:
    """What turns a search into a belief, how right it is, and what is offered instead."""
    library = knowledge.library
    standing = await library.run(
        library.calibrations.standing, workspace, library.models.choice(workspace).live, threshold
    )
    return _shown(standing, threshold)


@router.post("/calibration")
async def adopt(
    knowledge: UseKnowledge,
    workspace: Workspace,
    adoption: Adoption,
    author: Author = "api",
    threshold: Threshold = COVERED_FROM,
) -> CalibrationOut:
    """Every search from now on uses what was offered."""
    library = knowledge.library
    try:
        await library.run(
            library.calibrations.adopt, workspace, library.models.choice(workspace).live, adoption.offer, author
        )
    except OfferChangedError as error:
        detail = "Judgements came in since, or somebody adopted it. Nothing was changed. Look at it again."
        raise Problem(409, "This is not what is offered now", detail) from error
    return await read_calibration(knowledge, workspace, threshold)


@router.delete("/calibration")
async def go_back(
    knowledge: UseKnowledge, workspace: Workspace, author: Author = "api", threshold: Threshold = COVERED_FROM
) -> CalibrationOut:
    """To what is shipped, at once. Judgements are kept, and what they make is offered again."""
    library = knowledge.library
    await library.run(library.calibrations.back, workspace, library.models.choice(workspace).live, author)
    return await read_calibration(knowledge, workspace, threshold)


def _found_now(knowledge: Knowledge, workspace: str, query: str) -> Evidence | None:
    return knowledge.searcher.search(KnowledgeSearch(workspace=workspace, query=query)).evidence


def _shown(standing: Standing, threshold: float) -> CalibrationOut:
    offer = standing.offer
    return CalibrationOut(
        in_use=_in_use(standing.in_use),
        judged=JudgedOut(**asdict(standing.counts)),
        threshold=threshold,
        figures=FiguresOut(**asdict(standing.figures)) if standing.figures else None,
        offer=offer
        and OfferOut(
            id=offer.id,
            version=offer.calibration.version,
            before=FiguresOut(**asdict(offer.before)),
            after=FiguresOut(**asdict(offer.after)),
        ),
        why_not=standing.why_not,
    )


def _in_use(in_use: InUse) -> InUseOut:
    of = in_use.calibration
    since = None if in_use.since is None else datetime.fromtimestamp(in_use.since, UTC)
    return InUseOut(version=of.version, model_id=of.model_id, data=of.data, by=in_use.by, since=since)
