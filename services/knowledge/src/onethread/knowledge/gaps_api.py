"""The HTTP API of gaps: what customers asked and got no good answer to."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, ParamSpec, TypeVar

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from onethread.contracts.knowledge import GapKind
from onethread.contracts.messages import ChannelKind
from onethread.knowledge.access import After, Knowledge, Limit, UseKnowledge, Workspace, cursor_after
from onethread.knowledge.articles_api import ArticleOut, article_out
from onethread.knowledge.gaps import Gap, GapState, NoSuchGapError, Proposals, Sort, wordings
from onethread.runtime.bus import RefusedError, UnavailableError
from onethread.runtime.errors import Problem

P = ParamSpec("P")
R = TypeVar("R")
SHOWN_EXAMPLES = 50


class NearestOut(BaseModel):
    document_id: str
    title: str
    score: float = Field(description="The belief, 0 to 1, that it answers the question.")


class GapOut(BaseModel):
    id: str
    question: str = Field(description="The most typical of its questions, without personal data.")
    state: GapState = Field(
        description="`drafted`: an article is proposed. `closed`: it is published, or a person has ended the gap. "
        "Asked again after that, a gap is `open` again. `ignored` stays so."
    )
    count: int
    customers: int
    first: datetime
    last: datetime
    channels: list[ChannelKind]
    kinds: list[GapKind] = Field(description="How it showed.")
    nearest: NearestOut | None
    covered: bool = Field(
        description="An article answers it now, surely enough for the workspace's agent, and not the one that failed."
    )
    article_id: str | None
    article_state: str | None


class ExampleOut(BaseModel):
    message_id: str
    thread_id: str | None
    question: str
    kinds: list[GapKind]
    channel: ChannelKind | None
    at: datetime


class GapDetail(GapOut):
    wordings: list[str] = Field(description="Each way in which it was put, once.")
    examples: list[ExampleOut] = Field(description="The latest first, at most fifty.")


class GapList(BaseModel):
    items: list[GapOut]
    next: str | None


class GapPatch(BaseModel):
    model_config = ConfigDict(extra="forbid")

    state: Literal["open", "closed", "ignored"]


class GapSettings(BaseModel):
    """`ask`: what a teammate answers to a gap's question is proposed as an article when they close the thread."""

    model_config = ConfigDict(extra="forbid")

    proposals: Proposals = "ask"


router = APIRouter(prefix="/v1", tags=["gaps"])


def _covered_from(
    knowledge: UseKnowledge,
    covered_from: Annotated[float | None, Query(ge=0, le=1, description="Where the workspace has its own.")] = None,
) -> float:
    """The belief from which the agent answers by itself."""
    return knowledge.settings.agent_confidence if covered_from is None else covered_from


CoveredFrom = Annotated[float, Depends(_covered_from)]


@router.get("/gaps")
async def list_gaps(
    knowledge: UseKnowledge,
    workspace: Workspace,
    after: After,
    covered_from: CoveredFrom,
    state: GapState | None = None,
    sort: Sort = "count",
    limit: Limit = 50,
) -> GapList:
    """The most asked, or with `sort=latest` the latest asked, first."""
    found = await _run(
        knowledge, knowledge.gaps.gaps.all, workspace, state, sort, _place(after), limit + 1, covered_from
    )
    page = found[:limit]
    following = f"{page[-1].count if sort == 'count' else page[-1].last!r}:{page[-1].id}" if len(found) > limit else ""
    return GapList(items=[GapOut(**_shown(gap)) for gap in page], next=cursor_after(following) if following else None)


@router.get("/gaps/settings")
async def read_settings(knowledge: UseKnowledge, workspace: Workspace) -> GapSettings:
    return GapSettings(proposals=await _run(knowledge, knowledge.gaps.gaps.proposals, workspace))


@router.put("/gaps/settings")
async def set_settings(knowledge: UseKnowledge, workspace: Workspace, settings: GapSettings) -> GapSettings:
    await _run(knowledge, knowledge.gaps.gaps.set_proposals, workspace, settings.proposals)
    return settings


@router.get("/gaps/{gap_id}")
async def read_gap(knowledge: UseKnowledge, workspace: Workspace, covered_from: CoveredFrom, gap_id: str) -> GapDetail:
    """With its examples, each by the thread in which it was asked."""
    gap = await _run(knowledge, knowledge.gaps.gaps.get, workspace, gap_id, covered_from)
    examples = await _run(knowledge, knowledge.gaps.gaps.examples, workspace, gap_id)
    shown = [
        ExampleOut(
            message_id=one.message_id, thread_id=one.thread_id, question=one.question, kinds=list(one.kinds),
            channel=one.channel, at=_moment(one.at),
        )
        for one in examples[:SHOWN_EXAMPLES]
    ]  # fmt: skip
    return GapDetail(**_shown(gap), wordings=list(wordings(examples)), examples=shown)


@router.patch("/gaps/{gap_id}")
async def change_gap(
    knowledge: UseKnowledge, workspace: Workspace, covered_from: CoveredFrom, gap_id: str, patch: GapPatch
) -> GapOut:
    """Ignores, closes or reopens it. An article that was proposed for it stays as it is."""
    await _run(knowledge, knowledge.gaps.gaps.set_state, workspace, gap_id, patch.state)
    return GapOut(**_shown(await _run(knowledge, knowledge.gaps.gaps.get, workspace, gap_id, covered_from)))


@router.post("/gaps/{gap_id}/draft", status_code=201)
async def draft_article(knowledge: UseKnowledge, workspace: Workspace, gap_id: str, response: Response) -> ArticleOut:
    """An article for a person to approve, out of what teammates answered; without text where nobody has. One for each
    gap: asked for again, it has the latest answers as long as nobody has worked on it.
    """
    try:
        article = await knowledge.gaps.draft(workspace, gap_id)
    except NoSuchGapError as error:
        raise _no_such_gap() from error
    except (UnavailableError, RefusedError) as error:
        detail = "What teammates answered could not be read. Nothing was changed. Try again in a moment."
        raise Problem(503, "The conversations are away", detail) from error
    response.headers["ETag"] = f'"{article.revision}"'
    return article_out(article)


async def _run(knowledge: Knowledge, act: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    try:
        return await knowledge.library.run(act, *args, **kwargs)
    except NoSuchGapError as error:
        raise _no_such_gap() from error


def _no_such_gap() -> Problem:
    return Problem(404, "No such gap", "Nothing was changed.")


def _place(cursor: str) -> tuple[float, str] | None:
    if not cursor:
        return None
    value, _, id_ = cursor.partition(":")
    try:
        return float(value), id_
    except ValueError:
        raise Problem(422, "Not a cursor", "Use the `next` of the page before, as it is.") from None


def _shown(gap: Gap) -> dict[str, Any]:
    nearest = None
    if gap.nearest_id and gap.nearest_title is not None:
        nearest = NearestOut(document_id=gap.nearest_id, title=gap.nearest_title, score=round(gap.belief, 4))
    return {
        **{name: getattr(gap, name) for name in GapOut.model_fields if hasattr(gap, name)},
        "first": _moment(gap.first),
        "last": _moment(gap.last),
        "nearest": nearest,
    }


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
