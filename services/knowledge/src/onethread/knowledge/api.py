"""The HTTP API of search, and what tells how far indexing is."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from onethread.contracts.knowledge import KnowledgeFound, KnowledgeSearch
from onethread.knowledge.access import Locale, NotBlank, UseKnowledge, Workspace
from onethread.knowledge.articles import Audience


class StatusOut(BaseModel):
    """`pending` articles are not all searchable yet; `failed` ones could not be cut into passages."""

    documents: int
    passages: int
    pending: int
    failed: int


class SearchIn(BaseModel):
    query: Annotated[NotBlank, Field(max_length=8_000)]
    k: int = Field(5, ge=1, le=50)
    audience: Audience = "public"
    locale: Locale | None = None


router = APIRouter(prefix="/v1", tags=["knowledge"])


@router.get("/status")
async def status(knowledge: UseKnowledge, workspace: Workspace) -> StatusOut:
    return StatusOut(**vars(await knowledge.library.run(knowledge.library.store.status, workspace)))


@router.post("/search")
async def search(knowledge: UseKnowledge, workspace: Workspace, question: SearchIn) -> KnowledgeFound:
    asked = KnowledgeSearch(workspace=workspace, **question.model_dump())
    return await knowledge.library.run(knowledge.searcher.search, asked)
