"""The HTTP API of articles that are written in the product, and of proposals."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, ParamSpec, TypeVar

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

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
from onethread.knowledge.articles import Audience
from onethread.knowledge.written import (
    ArticleVersion,
    ChangedMeanwhileError,
    Content,
    NoSuchArticleError,
    Origin,
    State,
    Written,
)
from onethread.runtime.errors import Problem

P = ParamSpec("P")
R = TypeVar("R")
Title = Annotated[NotBlank, Field(max_length=500)]
Text = Annotated[NotBlank, Field(max_length=1_000_000, description="Markdown.")]
Wordings = Annotated[
    list[Annotated[NotBlank, Field(max_length=500)]],
    Field(max_length=100, description="Questions, in customers' words, that it answers."),
]


class ArticleIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: Title
    text: Text
    audience: Audience = "public"
    locale: Locale | None = None
    url: Url | None = None
    wordings: Wordings = []
    state: Literal["draft", "published"] = "draft"
    origin: Literal["written", "gap", "thread"] = "written"


class ArticlePatch(BaseModel):
    """What is left out stays. `state` `published` puts the latest text into search; `draft` and `dismissed` take the
    article out of it. Without `state` a published article stays as it is in search, and the change waits as its draft.
    """

    model_config = ConfigDict(extra="forbid")

    title: Title | None = None
    text: Text | None = None
    audience: Audience | None = None
    locale: Locale | None = None
    url: Url | None = None
    wordings: Wordings | None = None
    state: Literal["draft", "published", "dismissed"] | None = None


class ProposalIn(BaseModel):
    """An article for a person to approve. `questions` become its wordings. One a thread: the first one stands."""

    model_config = ConfigDict(extra="forbid")

    title: Title
    text: Text
    why: Annotated[NotBlank, Field(max_length=2_000)]
    thread_id: Annotated[NotBlank, Field(max_length=200)] | None = None
    questions: Wordings = []
    audience: Audience = "public"
    locale: Locale | None = None


class VersionOut(BaseModel):
    version: int
    title: str
    text: str
    audience: Audience
    locale: str | None
    url: str | None
    wordings: list[str]
    author: str
    at: datetime
    published_at: datetime | None


class ArticleOut(VersionOut):
    """The latest version. `live_version` is the one in search; `changed`: there is a later draft beside it."""

    id: str
    state: State
    origin: Origin
    live_version: int | None
    changed: bool
    why: str | None
    thread_id: str | None


class ArticleList(BaseModel):
    items: list[ArticleOut]
    next: str | None


class VersionList(BaseModel):
    items: list[VersionOut]
    next: str | None = None


async def _if_match(
    if_match: Annotated[str | None, Header(max_length=200, description="The ETag of what was read.")] = None,
) -> int | None:
    """The revision that is named. One that is not ours matches nothing."""
    if if_match is None or if_match.strip() == "*":
        return None
    tag = if_match.strip().removeprefix("W/").strip('"')
    return int(tag) if tag.isascii() and tag.isdigit() else -1


Seen = Annotated[int | None, Depends(_if_match)]


def _as_written(name: str) -> str:
    """Headers come as Latin-1, which is not how people write their names."""
    try:
        return name.encode("latin-1").decode()
    except UnicodeError:
        return name


Author = Annotated[
    str,
    Header(
        alias="X-Onethread-Author", max_length=800, pattern=r"^[^\x00-\x1f\x7f]+$", description="Who does it, in UTF-8."
    ),
    AfterValidator(_as_written),
]

router = APIRouter(prefix="/v1", tags=["articles"])


@router.post("/articles", status_code=201)
async def write_article(
    knowledge: UseKnowledge, workspace: Workspace, article: ArticleIn, response: Response, author: Author = "api"
) -> ArticleOut:
    """A draft is stored and never in search; what is published is found within seconds."""
    content = Content(**_content(article.model_dump()))
    create = knowledge.written.create
    return await _answer(
        knowledge, response, create, workspace, content, author, state=article.state, origin=article.origin
    )


@router.post("/proposals", status_code=201)
async def propose_article(
    knowledge: UseKnowledge, workspace: Workspace, proposal: ProposalIn, response: Response, author: Author = "api"
) -> ArticleOut:
    """Waits in the state `proposed` until a person makes it a draft, publishes or dismisses it."""
    fields = proposal.model_dump()
    content = Content(**_content({**fields, "wordings": fields["questions"]}))
    return await _answer(
        knowledge,
        response,
        knowledge.written.create,
        workspace,
        content,
        author,
        state="proposed",
        origin="thread" if proposal.thread_id else "gap",
        why=proposal.why,
        thread_id=proposal.thread_id,
    )


@router.get("/articles")
async def list_articles(
    knowledge: UseKnowledge,
    workspace: Workspace,
    after: After,
    state: State | None = None,
    q: Annotated[str, Query(max_length=200, description="Words of the title.")] = "",
    limit: Limit = 50,
) -> ArticleList:
    found = await knowledge.library.run(knowledge.written.all, workspace, state, q, after, limit + 1)
    items = [_out(article) for article in found[:limit]]
    return ArticleList(items=items, next=cursor_after(items[-1].id) if len(found) > limit else None)


@router.get("/articles/{article_id}")
async def read_article(
    knowledge: UseKnowledge, workspace: Workspace, article_id: str, response: Response
) -> ArticleOut:
    return await _answer(knowledge, response, knowledge.written.get, workspace, article_id)


@router.patch("/articles/{article_id}")
async def change_article(
    knowledge: UseKnowledge,
    workspace: Workspace,
    article_id: str,
    patch: ArticlePatch,
    seen: Seen,
    response: Response,
    author: Author = "api",
) -> ArticleOut:
    fields = patch.model_dump(exclude_unset=True)
    for name in ("title", "text", "audience", "wordings"):
        if fields.get(name, "") is None:
            raise Problem(422, "The request is not valid", f"`{name}` cannot be null. Nothing was changed.")
    state = fields.pop("state", None)
    change = knowledge.written.change
    return await _answer(
        knowledge, response, change, workspace, article_id, author, changes=_content(fields), state=state, seen=seen
    )


@router.delete("/articles/{article_id}", status_code=204)
async def delete_article(knowledge: UseKnowledge, workspace: Workspace, article_id: str, seen: Seen) -> Response:
    """With all its versions. To keep them, make it a draft."""
    await _run(knowledge, knowledge.written.delete, workspace, article_id, seen)
    return Response(status_code=204)


@router.get("/articles/{article_id}/versions")
async def list_versions(knowledge: UseKnowledge, workspace: Workspace, article_id: str) -> VersionList:
    """The latest first."""
    versions = await _run(knowledge, knowledge.written.versions, workspace, article_id)
    return VersionList(items=[VersionOut(**_version(version)) for version in versions])


async def _answer(
    knowledge: Knowledge, response: Response, act: Callable[P, Written], *args: P.args, **kwargs: P.kwargs
) -> ArticleOut:
    article = await _run(knowledge, act, *args, **kwargs)
    response.headers["ETag"] = f'"{article.revision}"'
    return _out(article)


async def _run(knowledge: Knowledge, act: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Wakes the indexing, which finds nothing to do when nothing was published."""
    try:
        done = await knowledge.library.run(act, *args, **kwargs)
    except NoSuchArticleError as error:
        raise Problem(404, "No such article", "Nothing was changed.") from error
    except ChangedMeanwhileError as error:
        detail = "Nothing was changed. Read it again."
        raise Problem(412, "The article changed meanwhile", detail, version=error.revision) from error
    knowledge.ingestion.wake()
    return done


def _content(fields: dict[str, Any]) -> dict[str, Any]:
    """Those fields that are content."""
    kept = {name: value for name, value in fields.items() if name in Content.__dataclass_fields__}
    return {**kept, "wordings": tuple(kept["wordings"])} if "wordings" in kept else kept


def _out(article: Written) -> ArticleOut:
    latest = article.latest
    return ArticleOut(
        **_version(latest),
        id=article.id,
        state=article.state,
        origin=article.origin,
        live_version=article.live,
        changed=article.live is not None and article.live != latest.number,
        why=article.why,
        thread_id=article.thread_id,
    )


def _version(version: ArticleVersion) -> dict[str, Any]:
    published = version.published_at
    return {
        **vars(version.content),
        "version": version.number,
        "author": version.author,
        "at": datetime.fromtimestamp(version.at, UTC),
        "published_at": datetime.fromtimestamp(published, UTC) if published else None,
    }
