"""ETags: a change may name the version that it was made from. A lost update is refused."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Header, Response

from onethread.runtime.errors import Problem

ETAG = {"description": "The version of what is answered, for `If-Match`.", "schema": {"type": "string"}}


async def _if_match(
    if_match: Annotated[str | None, Header(max_length=200, description="The ETag of what was read.")] = None,
) -> int | None:
    """The version that is named. One that is not ours matches nothing."""
    if if_match is None or if_match.strip() == "*":
        return None
    tag = if_match.strip().removeprefix("W/").strip('"')
    return int(tag) if tag.isascii() and tag.isdigit() else -1


IfMatchDep = Annotated[int | None, Depends(_if_match)]


def document(api: dict[str, Any]) -> dict[str, Any]:
    """`api`, an OpenAPI document: what takes `If-Match` answers an ETag, and so does GET of the same path."""
    api["components"]["headers"] = {"ETag": ETAG}
    for methods in api["paths"].values():
        to_read = _takes_if_match(methods.get("patch", {}))
        for method, endpoint in methods.items():
            if _takes_if_match(endpoint) or (method == "get" and to_read):
                success = next(answer for code, answer in endpoint["responses"].items() if code.startswith("2"))
                success["headers"] = {"ETag": {"$ref": "#/components/headers/ETag"}}
    return api


def _takes_if_match(endpoint: dict[str, Any]) -> bool:
    return any(one["name"] == "if-match" for one in endpoint.get("parameters", []))


def tag(response: Response, version: int) -> None:
    response.headers["ETag"] = f'"{version}"'


def expect(row: Any, version: int | None, what: str) -> None:
    """Raises a 412 problem when the locked `row` is not what the caller has seen. None: they did not say."""
    if version is not None and row.version != version:
        raise Problem(412, f"The {what} changed meanwhile", "Nothing was changed. Read it again.", version=row.version)
