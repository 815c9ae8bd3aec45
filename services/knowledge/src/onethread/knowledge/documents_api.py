"""The HTTP API of documents: those that are sent, and a view of all, wherever they are from."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from onethread.knowledge import catalogue
from onethread.knowledge.access import (
    After,
    Limit,
    Locale,
    NotBlank,
    Url,
    UseKnowledge,
    Workspace,
    cursor_after,
)
from onethread.knowledge.articles import API, FOLDER, Article, Audience
from onethread.knowledge.documents import OwnedElsewhereError
from onethread.knowledge.sources import api_source
from onethread.runtime.errors import Problem

DOCUMENTS_A_CALL = 1_000


class DocumentIn(BaseModel):
    """An article. Sending an id again replaces it; sending the same content again costs nothing."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,512}$")]
    title: Annotated[NotBlank, Field(max_length=500)]
    text: Annotated[NotBlank, Field(max_length=1_000_000, description="Markdown.")]
    url: Url | None = None
    audience: Audience = "public"
    locale: Locale | None = None


class Accepted(BaseModel):
    accepted: int


class DocumentRow(BaseModel):
    """`source` is where it is from, `page` which page of that source. `reason` says why it failed."""

    id: str
    title: str
    url: str | None
    audience: Audience
    locale: str | None
    source: str
    page: str | None
    state: Literal["pending", "indexed", "failed"]
    reason: str | None
    version: int
    live_version: int | None


class DocumentOut(DocumentRow):
    """`passages` are those of the live version, `text` is that of the latest."""

    text: str
    wordings: list[str]
    passages: int


class DocumentList(BaseModel):
    items: list[DocumentRow]
    next: str | None


Documents = Annotated[list[DocumentIn], Field(min_length=1, max_length=DOCUMENTS_A_CALL)]

router = APIRouter(prefix="/v1", tags=["knowledge"])


@router.post("/documents", status_code=202)
async def accept_documents(knowledge: UseKnowledge, workspace: Workspace, documents: Documents) -> Accepted:
    """Stores the articles and answers; they become searchable soon after. Of two with one id the later counts."""
    articles = [Article(**document.model_dump()) for document in documents]
    await knowledge.library.run(knowledge.syncing.sources.add, api_source(workspace))
    try:
        await knowledge.library.run(knowledge.library.store.accept, workspace, articles)
    except OwnedElsewhereError as error:
        detail = f"{error.document_id} is kept by the source {error.source}. Nothing was changed: choose another id."
        raise Problem(409, "Another source has this id", detail) from error
    knowledge.ingestion.wake()
    return Accepted(accepted=len(articles))


@router.get("/documents")
async def list_documents(
    knowledge: UseKnowledge,
    workspace: Workspace,
    after: After,
    q: Annotated[str, Query(max_length=200, description="Words of the title or a part of the id.")] = "",
    source: Annotated[str | None, Query(max_length=200)] = None,
    state: Literal["pending", "indexed", "failed"] | None = None,
    limit: Limit = 50,
) -> DocumentList:
    """By id. `next` is the cursor of the following page, null on the last one."""
    asked = catalogue.Asked(q, source, state, after, limit + 1)
    rows = await knowledge.library.run(catalogue.documents, knowledge.library.store, workspace, asked)
    items = [DocumentRow(**row) for row in rows[:limit]]
    return DocumentList(items=items, next=cursor_after(items[-1].id) if len(rows) > limit else None)


@router.get("/documents/{document_id:path}")
async def read_document(knowledge: UseKnowledge, workspace: Workspace, document_id: str) -> DocumentOut:
    row = await knowledge.library.run(catalogue.document, knowledge.library.store, workspace, document_id)
    if row is None:
        raise Problem(404, "No such document")
    return DocumentOut(**row)


@router.delete("/documents/{document_id:path}", status_code=204)
async def remove_document(knowledge: UseKnowledge, workspace: Workspace, document_id: str) -> Response:
    """Out of every search as soon as this answers. What a source keeps is removed there."""
    source = await knowledge.library.run(knowledge.library.store.source_of, workspace, document_id)
    if source is None:
        raise Problem(404, "No such document", "Nothing was changed.")
    if source not in {API, FOLDER}:
        detail = f"The source {source} keeps it and would bring it back. Nothing was changed: remove it there."
        raise Problem(409, "A source keeps this document", detail)
    await knowledge.library.run(knowledge.library.store.remove, workspace, document_id)
    knowledge.ingestion.wake()
    return Response(status_code=204)
