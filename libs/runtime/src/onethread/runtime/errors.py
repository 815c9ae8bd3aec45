"""Errors for people: RFC 9457 problem details on HTTP."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

log = structlog.get_logger()

PROBLEM: dict[str, Any] = {
    "description": "What happened, what was kept, and what to do (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "description": "Of a 422: each field that is wrong.",
            "type": "array",
            "items": {
                "type": "object",
                "required": ["at", "problem"],
                "properties": {"at": {"type": "string"}, "problem": {"type": "string"}},
            },
        },
    },
}
OF_FASTAPI = ("HTTPValidationError", "ValidationError")


class Problem(Exception):  # noqa: N818 RFC 9457's own word
    """A refusal: what happened, what was kept, what to do. Rendered as `application/problem+json`; `retry_after`, in
    seconds, is also its header.
    """

    def __init__(self, status: int, title: str, detail: str = "", **extra: Any) -> None:
        super().__init__(f"{status} {title}")
        self.status, self.title, self.detail, self.extra = status, title, detail, extra

    def response(self) -> JSONResponse:
        body = {"type": "about:blank", "title": self.title, "status": self.status, **self.extra}
        if self.detail:
            body["detail"] = self.detail
        retry_after = self.extra.get("retry_after", 2 if self.status == 503 else None)  # noqa: PLR2004 its own name
        headers = {"Retry-After": str(retry_after)} if retry_after else None
        return JSONResponse(body, self.status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Renders every error of `app` as a problem, and none with a stack trace in it; its OpenAPI says so."""
    _document(app)

    @app.exception_handler(Problem)
    async def on_problem(_: Request, problem: Problem) -> JSONResponse:
        return problem.response()

    @app.exception_handler(HTTPException)
    async def on_http(_: Request, error: HTTPException) -> JSONResponse:
        return Problem(error.status_code, str(error.detail)).response()

    @app.exception_handler(RequestValidationError)
    async def on_invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        errors = [{"at": ".".join(map(str, e["loc"])), "problem": e["msg"]} for e in error.errors()]
        return Problem(422, "The request is not valid", errors=errors).response()

    @app.exception_handler(Exception)
    async def on_error(request: Request, error: Exception) -> JSONResponse:
        log.error("request.failed", path=request.url.path, exc_info=error)
        return Problem(500, "Something broke on our side", "Nothing was changed. Try again.").response()


def _document(app: FastAPI) -> None:
    without = app.openapi

    def openapi() -> dict[str, Any]:
        document = without()
        components = document.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        schemas["Problem"] = PROBLEM
        for name in OF_FASTAPI:
            schemas.pop(name, None)
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        components["responses"] = {"Problem": {"description": "It was refused.", "content": content}}
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
                operation["responses"] |= {key: {"$ref": "#/components/responses/Problem"} for key in ("4XX", "503")}
        return document

    app.openapi = openapi
