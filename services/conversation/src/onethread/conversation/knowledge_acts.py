"""What is done in knowledge by way of conversation: once for each key, and told in the audit."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from fastapi import Request, Response

from onethread.contracts.calls import Method
from onethread.conversation import audit
from onethread.conversation.access import Caller
from onethread.conversation.database import AWAY as DATABASE_AWAY
from onethread.conversation.database import Database
from onethread.conversation.once import Once, of
from onethread.runtime.errors import Problem

log = structlog.get_logger()
Ask = Callable[[], Awaitable[Response]]
Read = Callable[[str], Awaitable[Response]]

CHANGES_NOTHING = frozenset({"search"})
NOUNS: Mapping[str, str] = {
    "sources": "source", "documents": "document", "uploads": "files", "articles": "article", "proposals": "proposal",
    "gaps": "gap", "judgements": "judgement",
}  # fmt: skip
VERBS: Mapping[Method, str] = {"POST": "added", "PUT": "set", "PATCH": "changed", "DELETE": "removed"}
ASKED_FOR = {"sync": "read", "draft": "drafted", "pages": "page_removed"}
"""By what stands behind the id in a path."""
MADE_IN = {"articles": "articles", "proposals": "articles", "gaps": "articles"}
"""Where what was made is read: its texts are kept there alone."""
NO_TEXTS = frozenset({"sources", "uploads", "documents"})
"""What they answer holds nothing that a customer said, so that it may be kept as it is."""
OK, REFUSED, FAILED = 200, 400, 500


def once_of(key: str | None, request: Request, path: str, content: bytes) -> Once:
    return of(None if path.partition("/")[0] in CHANGES_NOTHING else key, request, content)


async def done_once(
    once: Once, database: Database, workspace: str, path: str, ask: Ask, read: Read, away: Problem
) -> Response:
    """Asks knowledge, unless the first request with this key did: then what that one made is read again.

    Where nobody knows whether it was done, the key stays taken. Raises 409 and 422 problems, and those of `ask`.
    """
    if once.key is None:
        return await ask()
    if (before := await once.begin(database, workspace, {})) is not None:
        return await _again(before, read)
    try:
        answer = await ask()
    except Problem as problem:
        if problem is away:  # nobody was asked
            await once.give_back(database, workspace)
        raise
    if OK <= answer.status_code < REFUSED:
        await once.end(database, workspace, _kept(path, answer))
    elif answer.status_code < FAILED:
        await once.give_back(database, workspace)
    return answer


def _kept(path: str, answer: Response) -> dict[str, Any]:
    first, made, status = path.partition("/")[0], _json(answer), answer.status_code
    if first in NO_TEXTS:
        return {"status": status, "body": made}
    where, id_ = MADE_IN.get(first), made.get("id")
    return {"status": status, "made": f"{where}/{id_}" if where and id_ else None}


async def _again(kept: dict[str, Any], read: Read) -> Response:
    if not kept.get("made"):
        return Response(json.dumps(kept.get("body", {})), kept["status"], media_type="application/json")
    answer = await read(kept["made"])
    if answer.status_code == OK:
        answer.status_code = kept["status"]
    return answer


async def note(database: Database, caller: Caller, method: Method, path: str, content: bytes, answer: Response) -> None:
    """In the audit: who, what, and which fields; no word of a text. What was done is done, also where the database is
    away just now: then it stands in the service's log alone.
    """
    parts = path.split("/")
    if method == "GET" or parts[0] in CHANGES_NOTHING or not OK <= answer.status_code < REFUSED:
        return
    target = parts[1] if len(parts) > 1 else str(_json(answer).get("id", parts[0]))
    action, detail = _action(method, parts), _detail(method, path, content)
    try:
        async with database.transaction(caller.workspace) as connection:
            await audit.record(connection, caller, action, target, detail)
    except DATABASE_AWAY:
        log.exception("knowledge.not_in_the_audit", action=action, target=target, by=str(caller.id))


def _action(method: Method, parts: list[str]) -> str:
    verb = next((ASKED_FOR[one] for one in parts[2:] if one in ASKED_FOR), VERBS[method])
    noun = NOUNS.get(parts[0], parts[0])
    return f"knowledge.{noun}_settings_set" if parts[1:] == ["settings"] else f"knowledge.{noun}_{verb}"


def _detail(method: Method, path: str, content: bytes) -> dict[str, Any]:
    """Of a change its fields, and what an article or a gap became."""
    given = _object(content) if method in ("POST", "PUT", "PATCH") else {}
    state = {"state": given["state"]} if isinstance(given.get("state"), str) else {}
    return {"path": path, **({"fields": sorted(given)} if given else {}), **state}


def _json(answer: Response) -> dict[str, Any]:
    return _object(bytes(answer.body))


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
