"""The HTTP API: articles in, passages out."""

import hmac
import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from onethread.contracts.knowledge import KnowledgeFound, KnowledgeSearch
from onethread.knowledge.articles import Article, Audience
from onethread.knowledge.ingest import Ingestion
from onethread.knowledge.library import Library
from onethread.knowledge.search import Searcher
from onethread.runtime.errors import Problem

DOCUMENTS_A_CALL = 1_000
_WORKSPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Knowledge:
    """What the routes work with. The lifespan puts it into `app.state.knowledge`."""

    library: Library
    searcher: Searcher
    ingestion: Ingestion
    api_key: SecretStr


NotBlank = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class DocumentIn(BaseModel):
    """An article. Sending an id again replaces it; sending the same content again costs nothing."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,512}$")]
    title: Annotated[NotBlank, Field(max_length=500)]
    text: Annotated[NotBlank, Field(max_length=1_000_000, description="Markdown.")]
    url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$", max_length=2_000)] | None = None
    audience: Audience = "public"
    locale: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] | None = None


class Accepted(BaseModel):
    accepted: int


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


def _knowledge(request: Request, authorization: Annotated[str, Header()] = "") -> Knowledge:
    knowledge: Knowledge = request.app.state.knowledge
    expected = f"Bearer {knowledge.api_key.get_secret_value()}"
    if not hmac.compare_digest(authorization.encode(), expected.encode()):
        raise Problem(401, "Not allowed", "Send the API key as a bearer token.")
    return knowledge


def _workspace(x_onethread_workspace: Annotated[str, Header()] = "local") -> str:
    if not _WORKSPACE.fullmatch(x_onethread_workspace):
        raise Problem(422, "No such workspace", "A workspace's name has up to 63 of a-z, 0-9 and inner hyphens.")
    return x_onethread_workspace


UseKnowledge = Annotated[Knowledge, Depends(_knowledge)]
Workspace = Annotated[str, Depends(_workspace)]
Documents = Annotated[list[DocumentIn], Field(min_length=1, max_length=DOCUMENTS_A_CALL)]

router = APIRouter(prefix="/v1", tags=["knowledge"])


@router.post("/documents", status_code=202)
async def accept_documents(knowledge: UseKnowledge, workspace: Workspace, documents: Documents) -> Accepted:
    """Stores the articles and answers; they become searchable soon after. Of two with one id the later counts."""
    articles = [Article(**document.model_dump()) for document in documents]
    await knowledge.library.run(knowledge.library.store.accept, workspace, articles)
    knowledge.ingestion.wake()
    return Accepted(accepted=len(articles))


@router.delete("/documents/{document_id:path}", status_code=204)
async def remove_document(knowledge: UseKnowledge, workspace: Workspace, document_id: str) -> Response:
    """Out of every search as soon as this answers."""
    if not await knowledge.library.run(knowledge.library.store.remove, workspace, document_id):
        raise Problem(404, "No such document", "Nothing was changed.")
    knowledge.ingestion.wake()
    return Response(status_code=204)


@router.get("/status")
async def status(knowledge: UseKnowledge, workspace: Workspace) -> StatusOut:
    return StatusOut(**vars(await knowledge.library.run(knowledge.library.store.status, workspace)))


@router.post("/search")
async def search(knowledge: UseKnowledge, workspace: Workspace, question: SearchIn) -> KnowledgeFound:
    asked = KnowledgeSearch(workspace=workspace, **question.model_dump())
    return await knowledge.library.run(knowledge.searcher.search, asked)
