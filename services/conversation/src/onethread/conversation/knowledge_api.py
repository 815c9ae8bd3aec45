"""The API of the knowledge service, for teammates and integrators: each request is carried over the bus and answered
there. Who may do what is decided here, and who did it is told from here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal, get_args

import nats.errors
from fastapi import APIRouter, Header, Path, Request, Response
from pydantic import ValidationError

from onethread.contracts import subjects
from onethread.contracts.calls import Call, Called, Method
from onethread.conversation import confidence, knowledge_acts, workspaces
from onethread.conversation.access import Caller, CallerDep
from onethread.conversation.once import IdempotencyKey
from onethread.runtime.bodies import Bodies
from onethread.runtime.bus import Bus, RefusedError, UnavailableError
from onethread.runtime.errors import Problem

Role = Literal["teammate", "admin"]
NOBODY: frozenset[str] = frozenset()
CHANGED_BY_TEAMMATES: Mapping[str, frozenset[str]] = {
    "status": NOBODY,
    "search": frozenset({"POST"}),
    "documents": NOBODY,
    "sources": NOBODY,
    "uploads": NOBODY,
    "articles": frozenset({"POST", "PATCH"}),
    "proposals": frozenset({"POST"}),
    "gaps": frozenset({"POST", "PATCH"}),
    "judgements": frozenset({"POST"}),
    "embedding": NOBODY,
    "calibration": NOBODY,
}
"""First part of each path that is carried, and the methods that are not for administrators alone. All may read."""
SHOWN_TO_CUSTOMERS = "state"
"""The field of an article that decides what customers are told: for administrators, but for a draft that is new."""
CALIBRATION = "calibration"
THRESHOLDS: Mapping[str, str] = {"gaps": "covered_from", CALIBRATION: "threshold"}
"""By what name each is told from which belief the agent answers here."""
PASSED_ON = ("content-type", "if-match")
LARGEST = 32 * 1024**2
LARGE_AT_ONCE = asyncio.Semaphore(3)
"""Uploads are held in memory while they are carried."""
SECONDS = {"uploads": 60.0}
USUAL_SECONDS = 6.0

AWAY = Problem(503, "Knowledge is away", "Nothing was changed. Try again in a moment.")

ANYTHING: dict[str, Any] = {"application/json": {"schema": {}}}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "As knowledge answers it.", "content": ANYTHING},
    201: {"description": "It was made.", "content": ANYTHING},
    202: {"description": "It is kept, and done soon after.", "content": ANYTHING},
    204: {"description": "It is gone."},
    "5XX": {"description": "Knowledge is away, or could not do it.", "content": ANYTHING},
}
JSON_BODY: dict[str, Any] = {
    "application/json": {"schema": {}, "example": {"title": "Delivery", "text": "Three days."}}
}
FILES: dict[str, Any] = {"multipart/form-data": {"schema": {}, "example": {"files": ["…"], "source": "uploads"}}}
BODY: dict[str, Any] = {"requestBody": {"content": JSON_BODY}}
BODY_OR_FILES: dict[str, Any] = {"requestBody": {"content": JSON_BODY | FILES}}

router = APIRouter(prefix="/api/v1", tags=["knowledge"])
KnowledgePath = Annotated[
    str, Path(description=f"A path of knowledge's own API without `/v1/`: {', '.join(CHANGED_BY_TEAMMATES)}.")
]
IfMatch = Annotated[
    str | None, Header(alias="if-match", max_length=200, description="The ETag of what was read: of an article.")
]


@router.get("/knowledge/{path:path}", responses=ANSWERS)
async def read_knowledge(path: KnowledgePath, request: Request, caller: CallerDep) -> Response:
    """Anyone of the workspace reads sources, articles and what became of each page."""
    return await _carry(request, caller, path)


@router.post("/knowledge/{path:path}", responses=ANSWERS, openapi_extra=BODY_OR_FILES)
async def add_to_knowledge(
    path: KnowledgePath, request: Request, caller: CallerDep, idempotency_key: IdempotencyKey = None
) -> Response:
    """Searches, writes drafts, makes proposals; administrators add sources and files (`multipart/form-data`, 32 MB a
    request) and publish. Repeated with its key, it answers with what the first request made, as that is now.
    """
    return await _carry(request, caller, path, idempotency_key)


@router.put("/knowledge/{path:path}", responses=ANSWERS, openapi_extra=BODY)
async def set_in_knowledge(path: KnowledgePath, request: Request, caller: CallerDep) -> Response:
    """Settings of knowledge. For administrators."""
    return await _carry(request, caller, path)


@router.patch("/knowledge/{path:path}", responses=ANSWERS, openapi_extra=BODY)
async def change_knowledge(path: KnowledgePath, request: Request, caller: CallerDep, _: IfMatch = None) -> Response:
    """Everyone may change the text of articles; it waits as a draft. What customers are told, `state`, is for
    administrators, as are sources.
    """
    return await _carry(request, caller, path)


@router.delete("/knowledge/{path:path}", responses=ANSWERS)
async def remove_from_knowledge(path: KnowledgePath, request: Request, caller: CallerDep) -> Response:
    """For administrators. It is out of every search as soon as this answers."""
    return await _carry(request, caller, path)


async def _carry(request: Request, caller: Caller, path: str, key: str | None = None) -> Response:
    first = path.partition("/")[0]
    if first not in CHANGED_BY_TEAMMATES:
        raise Problem(404, "There is no such thing in knowledge")
    role: Role = "admin" if "admin" in caller.scopes else "teammate"
    if role != "admin" and request.method not in CHANGED_BY_TEAMMATES[first] | {"GET"}:
        raise _for_administrators(caller)
    if first != "uploads":
        return await _act(request, caller, path, role, key)
    async with LARGE_AT_ONCE:
        return await _act(request, caller, path, role, key)


async def _act(request: Request, caller: Caller, path: str, role: Role, key: str | None) -> Response:
    """Once for its key, and told in the audit."""
    database, content = request.app.state.database, await _body(request)

    async def ask() -> Response:
        answer = await _ask(request, caller, path, role, content)
        await knowledge_acts.note(database, caller, _method(request), path, content, answer)
        return answer

    async def read(made: str) -> Response:
        call = Call(workspace=caller.workspace, method="GET", path=made, author=_on_one_line(caller.name), role=role)
        return await _answer(request.app.state.bus, request.app.state.bodies, call, b"")

    once = knowledge_acts.once_of(key, request, path, content)
    return await knowledge_acts.done_once(once, database, caller.workspace, path, ask, read, AWAY)


async def _body(request: Request) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > LARGEST:
            raise Problem(413, "Too much at once", f"At most {LARGEST // 1024**2} MB a request. Nothing was kept.")
    return bytes(content)


async def _ask(request: Request, caller: Caller, path: str, role: Role, content: bytes) -> Response:
    if role != "admin" and path.partition("/")[0] == "articles" and _publishes(request.method, content):
        raise _for_administrators(caller)
    bodies: Bodies = request.app.state.bodies
    headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
    try:
        call = Call(
            workspace=caller.workspace, method=_method(request), path=path, headers=headers,
            query=await _query(request, caller, path), author=_on_one_line(caller.name), role=role,
        )  # fmt: skip
    except ValidationError:
        raise Problem(404, "There is no such thing in knowledge") from None
    answer = await _answer(request.app.state.bus, bodies, call, content)
    if path == CALIBRATION and request.method != "GET" and answer.status_code == HTTPStatus.OK:
        await confidence.changed(request.app.state.database, caller.workspace, request.app.state.bench_settle)
    return answer


async def _answer(bus: Bus, bodies: Bodies, call: Call, content: bytes) -> Response:
    try:
        await bus.check()
        body = await bodies.send(content)
    except UnavailableError as error:
        raise AWAY from error
    try:
        seconds = SECONDS.get(call.path, USUAL_SECONDS)
        called = await bus.ask(subjects.KNOWLEDGE_API, call.model_copy(update={"body": body}), Called, seconds)
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", **called.headers}
        return Response(await bodies.receive(called.body), called.status, headers)
    except UnavailableError as error:
        raise _unanswered(call, error) from error
    except RefusedError as error:
        raise Problem(502, "Knowledge could not do this", "Look whether it was done, and try again.") from error
    finally:
        await bodies.remove(body)


def _method(request: Request) -> Method:
    return next(one for one in get_args(Method) if one == request.method)


async def _query(request: Request, caller: Caller, path: str) -> str:
    """An article covers a gap, and a search is answered, when that is sure enough for the workspace's own agent."""
    given, name = request.url.query, THRESHOLDS.get(path.partition("/")[0])
    if name is None or name in given:
        return given
    async with request.app.state.database.transaction(caller.workspace) as connection:
        own = workspaces.settings_of(await workspaces.one(connection, caller.workspace)).of_agent.confidence
    return given if own is None else "&".join(filter(None, (given, f"{name}={own}")))


def _publishes(method: str, content: bytes) -> bool:
    """Whether customers would be told something else. What is no JSON object changes nothing there."""
    try:
        article = json.loads(content)
    except (ValueError, RecursionError):
        return False
    said = isinstance(article, dict) and SHOWN_TO_CUSTOMERS in article
    return said and not (method == "POST" and article[SHOWN_TO_CUSTOMERS] == "draft")


def _for_administrators(caller: Caller) -> Problem:
    who = "Only an administrator" if caller.kind == "teammate" else "Only an API key with the scope admin"
    return Problem(403, f"{who} may do this", "Nothing was changed. Drafts of articles are for everyone to write.")


def _unanswered(call: Call, error: UnavailableError) -> Problem:
    """Whoever was not asked did nothing. Whoever did not answer in time may have done it."""
    if isinstance(error.__cause__, nats.errors.NoRespondersError) or call.method == "GET":
        return AWAY
    detail = "Knowledge did not answer in time. It may have been done: look before you try again."
    return Problem(503, "Knowledge takes too long", detail)


def _on_one_line(name: str) -> str:
    """Of a teammate or a key, as a header can hold it."""
    return "".join(letter if letter.isprintable() else " " for letter in name)[:200].strip() or "API"
