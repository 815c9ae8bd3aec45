"""One request of a tool to the administrator's own system, and what of its answer may be said."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from uuid import UUID

from onethread.conversation import tool_request
from onethread.conversation.tool_customer import Whose
from onethread.conversation.tool_request import UnfitError
from onethread.conversation.tools import Definition
from onethread.runtime.fetching import Fetcher, Guard, NotSentError, RefusedError, UnreachableError, resolve

FOUND, GONE, NOT_ALLOWED = {200, 201, 202, 204}, {404, 410}, {401, 403}
REFUSED = range(400, 500)


@dataclass(frozen=True)
class Sent:
    """`reason` says for teammates why there is no answer, with nothing that was asked or answered. `unclear`: what was
    to be changed may be.
    """

    outcome: Literal["done", "nothing", "failed", "unclear"]
    text: str = ""
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    reason: str = ""
    status: int | None = None
    milliseconds: int = 0


async def send(
    guard: Guard, tool: Definition, secret: Mapping[str, str], own: Mapping[str, Any], who: Whose | None, call: UUID
) -> Sent:
    """Never raises for what the system does. `own`: the arguments, which fit their schema."""
    started = time.monotonic()
    bound = {name: who.value(binding) for name, binding in tool.bindings.items()} if who else {}
    try:
        url, body = tool_request.request(tool.method, tool.url, {**own, **bound})
        headers = _headers(tool, secret, body, call)
        answer = await asyncio.to_thread(_asked, _guard(guard, tool.url), tool, headers, url, body)
        sent = _judged(answer, tool, own, who)
    except (RefusedError, UnfitError, NotSentError) as error:
        sent = Sent("failed", reason=str(error))
    except UnreachableError as error:
        sent = _unsure(tool, Sent("failed", reason=str(error)))
    return replace(sent, milliseconds=round((time.monotonic() - started) * 1000))


def _asked(guard: Guard, tool: Definition, headers: dict[str, str], url: str, body: bytes | None) -> tuple[int, bytes]:
    with Fetcher(guard, tool.seconds, tool.kilobytes * 1024) as fetcher:
        answer = fetcher.send(tool.method, url, headers, body)
    return answer.status, answer.content


def _headers(tool: Definition, secret: Mapping[str, str], body: bytes | None, call: UUID) -> dict[str, str]:
    """A write says by its key that it is the same one, should it come twice."""
    own = {"Accept": "application/json", **tool.headers, **secret}
    if body is not None:
        own["Content-Type"] = "application/json"
    return own | ({"Idempotency-Key": str(call)} if tool.access == "writes" else {})


def _guard(guard: Guard, url: str) -> Guard:
    """Without TLS only to the operator's own networks: headers hold secrets."""
    if not url.startswith("http:"):
        return guard

    def only_own(host: str, port: int) -> list[str]:
        found = (guard.resolve or resolve)(host, port)
        if not all(any(ipaddress.ip_address(one) in network for network in guard.allowed) for one in found):
            raise RefusedError(f"{host} is in none of the operator's own networks, so that it needs https")
        return found

    return replace(guard, resolve=only_own)


def _judged(answer: tuple[int, bytes], tool: Definition, own: Mapping[str, Any], who: Whose | None) -> Sent:
    status, content = answer
    if status in GONE:
        return Sent("nothing", status=status)
    if status not in FOUND:
        why = "it refuses our key" if status in NOT_ALLOWED else f"it answered with HTTP {status}"
        failed = Sent("failed", reason=why, status=status)
        return failed if status in REFUSED else _unsure(tool, failed)
    try:
        document = json.loads(content) if content.strip() else {}
    except (ValueError, RecursionError):
        return _unsure(tool, Sent("failed", reason="it answered with something that is not JSON", status=status))
    if tool.owner and not _is_theirs(document, tool, who):
        return Sent("nothing", reason="what it found is not this customer's", status=status)
    found = tool_request.fields(document, tool.fields)
    shown = {name: tool_request.plain(value) for name, value in own.items()}
    text = tool_request.filled(tool.answer, {**shown, **found})
    if not text:
        lacking = Sent("failed", reason="its answer holds none of the fields that may be shown", status=status)
        return _unsure(tool, lacking)
    return Sent("done", text, found, status=status)


def _unsure(tool: Definition, failed: Sent) -> Sent:
    """The request may have arrived: what it was to change may be changed."""
    return failed if tool.access == "reads" else replace(failed, outcome="unclear")


def _is_theirs(document: Any, tool: Definition, who: Whose | None) -> bool:
    wanted = who.value(tool.owner.is_) if who and tool.owner else None
    found = tool_request.pointed(document, tool.owner.pointer) if tool.owner else None
    return wanted is not None and isinstance(found, str | int) and str(found).strip().casefold() == wanted.casefold()
