"""The HTTP API of sources: what is read, when, and what became of each page."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from onethread.knowledge.access import (
    After,
    Knowledge,
    Limit,
    Locale,
    NotBlank,
    Url,
    UseKnowledge,
    Workspace,
    cursor_after,
)
from onethread.knowledge.articles import API, FOLDER, Audience
from onethread.knowledge.sources import Kind, Page, PageState, Source
from onethread.runtime.errors import Problem
from onethread.runtime.fetching import RefusedError, UnreachableError, normal

SOURCES_A_WORKSPACE = 200
DAILY = 24 * 60
OPTIONS = ("branch", "folder", "max_pages", "max_depth")

Name = Annotated[NotBlank, Field(max_length=200)]
Every = Annotated[int, Field(ge=5, le=60 * 24 * 60, description="Minutes from one reading to the next; null: by hand.")]
MaxPages = Annotated[int, Field(ge=1, le=20_000)]
MaxDepth = Annotated[int, Field(ge=0, le=50, description="Links from the start, where no sitemap lists the pages.")]
# Git takes what begins with a hyphen for an option.
Branch = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}$")]
Folder = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{0,500}$")]


class _NewSource(BaseModel):
    model_config = ConfigDict(extra="forbid")

    audience: Audience = "public"
    locale: Locale | None = None


class WebsiteIn(_NewSource):
    """Its sitemap's pages, else what links lead to, within the host and the path of `url`."""

    kind: Literal["website"]
    name: Name | None = None
    url: Url
    every: Every | None = DAILY
    max_pages: MaxPages = 1_000
    max_depth: MaxDepth = 10


class GitIn(_NewSource):
    """The files of a folder in a public repository; without `branch`, of its default branch."""

    kind: Literal["git"]
    name: Name | None = None
    url: Annotated[str, StringConstraints(pattern=r"^https://\S+$", max_length=2_000)]
    branch: Branch | None = None
    folder: Folder = ""
    every: Every | None = DAILY


class UploadIn(_NewSource):
    """A place for uploaded files, with a name, an audience and a locale of their own."""

    kind: Literal["upload"]
    name: Name


SourceIn = Annotated[WebsiteIn | GitIn | UploadIn, Field(discriminator="kind")]


class SourcePatch(BaseModel):
    """What is left out stays. Articles that become internal are out of customers' sight as soon as this answers."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    audience: Audience | None = None
    locale: Locale | None = None
    every: Every | None = None
    max_pages: MaxPages | None = None
    max_depth: MaxDepth | None = None


class Progress(BaseModel):
    """Of the pass that runs, else of the last one. `total` is what there is likely to be."""

    found: int
    read: int
    failed: int
    total: int


class SourceOut(BaseModel):
    """`reason` is why the last pass failed as a whole; what was known is kept then."""

    id: str
    kind: Kind
    name: str
    url: str | None
    branch: str | None = None
    folder: str | None = None
    max_pages: int | None = None
    max_depth: int | None = None
    audience: Audience
    locale: str | None
    every: int | None
    state: Literal["idle", "waiting", "syncing", "failed"]
    reason: str | None
    progress: Progress
    documents: int
    pages: int
    last_synced: datetime | None
    next_sync: datetime | None


class SourceList(BaseModel):
    items: list[SourceOut]
    next: str | None = None


class PageOut(BaseModel):
    """`page` is its address, path or file name within the source."""

    page: str
    url: str | None
    state: PageState
    reason: str | None
    documents: list[str]
    last_read: datetime | None


class PageList(BaseModel):
    items: list[PageOut]
    next: str | None


router = APIRouter(prefix="/v1", tags=["sources"])


@router.get("/sources")
async def list_sources(knowledge: UseKnowledge, workspace: Workspace) -> SourceList:
    sources = await knowledge.library.run(knowledge.syncing.sources.all, workspace)
    return SourceList(items=[_out(source) for source in sources])


@router.post("/sources", status_code=201)
async def add_source(knowledge: UseKnowledge, workspace: Workspace, new: SourceIn) -> SourceOut:
    """It is read at once, and again every `every` minutes."""
    fields = new.model_dump()
    options = {name: value for name in OPTIONS if (value := fields.get(name)) is not None}
    location = await _checked(knowledge, fields["url"]) if "url" in fields else None
    source = Source(
        workspace=workspace,
        id=f"src_{uuid4().hex[:16]}",
        kind=new.kind,
        name=new.name or location or "Uploads",
        location=location,
        options=options,
        audience=new.audience,
        locale=new.locale,
        every=fields.get("every"),
        next_sync=time.time() if location else None,
    )
    await _refuse_double(knowledge, source)
    await knowledge.library.run(knowledge.syncing.sources.add, source)
    knowledge.syncing.wake()
    return _out(source)


@router.get("/sources/{source_id}")
async def read_source(knowledge: UseKnowledge, workspace: Workspace, source_id: str) -> SourceOut:
    return _out(await existing(knowledge, workspace, source_id))


@router.patch("/sources/{source_id}")
async def change_source(knowledge: UseKnowledge, workspace: Workspace, source_id: str, patch: SourcePatch) -> SourceOut:
    source = await existing(knowledge, workspace, source_id)
    if source.kind == API:
        raise Problem(
            409, "This source has no settings", "Each document that is sent has its own. Nothing was changed."
        )
    fields = patch.model_dump(exclude_unset=True)
    limits = {name: fields.pop(name) for name in ("max_pages", "max_depth") if name in fields}
    if source.kind != "website" and limits:
        raise Problem(422, "Only websites have limits", "Nothing was changed.")
    if source.kind in {"upload", FOLDER} and fields.get("every"):
        raise Problem(422, "Files are read when they come", "Only websites and repositories have a schedule.")
    _refuse_nulls(fields, limits)
    changed = replace(source, **fields, options={**source.options, **limits})
    reread = (changed.audience, changed.locale) != (source.audience, source.locale)
    await knowledge.library.run(
        knowledge.syncing.sources.change, _scheduled(source, changed, at_once=reread or bool(limits)), reread=reread
    )
    knowledge.ingestion.wake()
    knowledge.syncing.wake()
    return await read_source(knowledge, workspace, source_id)


@router.delete("/sources/{source_id}", status_code=204)
async def delete_source(knowledge: UseKnowledge, workspace: Workspace, source_id: str) -> Response:
    """Its articles are out of every search as soon as this answers."""
    source = await existing(knowledge, workspace, source_id)
    if source.kind == API:
        raise Problem(409, "This source stays", "Remove the documents that were sent one by one. Nothing was changed.")
    if source.kind == FOLDER and knowledge.settings.knowledge_dir:
        raise Problem(409, "The server's settings name this folder", "Unset ONETHREAD_KNOWLEDGE_DIR first.")
    await knowledge.library.run(knowledge.syncing.sources.delete, source)
    knowledge.ingestion.wake()
    return Response(status_code=204)


@router.post("/sources/{source_id}/sync", status_code=202)
async def sync_source(knowledge: UseKnowledge, workspace: Workspace, source_id: str) -> SourceOut:
    """Reads it now. While a pass runs, another one follows it."""
    source = await existing(knowledge, workspace, source_id)
    if source.kind == API:
        raise Problem(409, "This source is not read", "Its documents are sent. Nothing was changed.")
    await knowledge.library.run(knowledge.syncing.sources.ask, source, time.time())
    knowledge.syncing.wake()
    return await read_source(knowledge, workspace, source_id)


@router.get("/sources/{source_id}/pages")
async def list_pages(
    knowledge: UseKnowledge,
    workspace: Workspace,
    source_id: str,
    after: After,
    state: Annotated[PageState | None, Query()] = None,
    limit: Limit = 50,
) -> PageList:
    """Each page with what became of it. `next` is the cursor of the following page of the list."""
    source = await existing(knowledge, workspace, source_id)
    pages = await knowledge.library.run(knowledge.syncing.sources.pages, source, after, limit + 1, state)
    items = [page_out(page) for page in pages[:limit]]
    return PageList(items=items, next=cursor_after(items[-1].page) if len(pages) > limit else None)


@router.delete("/sources/{source_id}/pages/{page:path}", status_code=204)
async def delete_page(knowledge: UseKnowledge, workspace: Workspace, source_id: str, page: str) -> Response:
    """An uploaded file, with its articles."""
    source = await existing(knowledge, workspace, source_id)
    if source.kind != "upload":
        raise Problem(409, "The source would bring this page back", "Remove it there. Nothing was changed.")
    if not await knowledge.library.run(knowledge.syncing.sources.has_page, source, page):
        raise Problem(404, "No such page", "Nothing was changed.")
    await knowledge.library.run(knowledge.syncing.sources.drop, source, [page])
    knowledge.ingestion.wake()
    return Response(status_code=204)


async def existing(knowledge: Knowledge, workspace: str, source_id: str) -> Source:
    source = await knowledge.library.run(knowledge.syncing.sources.get, workspace, source_id)
    if source is None:
        raise Problem(404, "No such source", "Nothing was changed.")
    return source


async def _checked(knowledge: Knowledge, url: str) -> str:
    """The address in one spelling. One that may not be asked is refused now; one that is away may come back."""
    try:
        address = normal(url)
        await knowledge.library.run(knowledge.settings.guard.check, address)
    except RefusedError as error:
        raise Problem(422, "This address cannot be a source", f"{error}. Nothing was added.") from error
    except UnreachableError:
        return normal(url)
    return address


async def _refuse_double(knowledge: Knowledge, new: Source) -> None:
    known = await knowledge.library.run(knowledge.syncing.sources.all, new.workspace)
    if len(known) >= SOURCES_A_WORKSPACE:
        raise Problem(409, f"A workspace has at most {SOURCES_A_WORKSPACE} sources", "Nothing was added.")
    same = next((s for s in known if new.location and _place(s) == _place(new)), None)
    if same:
        raise Problem(409, "This is a source already", f"Its name is {same.name}. Nothing was added.", id=same.id)


def _place(source: Source) -> tuple[Any, ...]:
    return source.kind, source.location, source.options.get("branch"), source.options.get("folder")


def _refuse_nulls(*changes: dict[str, Any]) -> None:
    for name in ("name", "audience", "max_pages", "max_depth"):
        if any(fields.get(name, "") is None for fields in changes):
            raise Problem(422, "The request is not valid", f"`{name}` cannot be null. Nothing was changed.")


def _scheduled(before: Source, after: Source, *, at_once: bool) -> Source:
    if at_once:
        return replace(after, next_sync=time.time())
    if before.every == after.every:
        return after
    start = before.last_synced or time.time()
    return replace(after, next_sync=start + after.every * 60 if after.every else None)


def page_out(page: Page) -> PageOut:
    return PageOut(
        page=page.key,
        url=page.url,
        state=page.state,
        reason=page.reason,
        documents=list(page.documents),
        last_read=_moment(page.last_read),
    )


def _out(source: Source) -> SourceOut:
    total = max(source.total, source.pages) if source.syncing else source.total
    return SourceOut(
        id=source.id,
        kind=source.kind,
        name=source.name,
        url=source.location if source.kind != FOLDER else None,
        audience=source.audience,
        locale=source.locale,
        every=source.every,
        state=_state(source),
        reason=source.reason,
        progress=Progress(found=source.total, read=source.read, failed=source.failed, total=total),
        documents=source.documents,
        pages=source.pages,
        last_synced=_moment(source.last_synced),
        next_sync=_moment(source.next_sync),
        **source.options,
    )


def _state(source: Source) -> Literal["idle", "waiting", "syncing", "failed"]:
    if source.syncing:
        return "syncing"
    if source.next_sync is not None and source.next_sync <= time.time():
        return "waiting"
    return "failed" if source.failures else "idle"


def _moment(at: float | None) -> datetime | None:
    return datetime.fromtimestamp(at, UTC) if at is not None else None
