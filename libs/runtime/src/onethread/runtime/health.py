"""Probes. `/healthz`: does this process make progress. `/readyz`: can it do its work now. `/metrics`: Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

Check = Callable[[], Awaitable[None]]
TIMEOUT = 2.0


class Health:
    """Named checks; one that raises or takes two seconds has failed."""

    def __init__(self) -> None:
        self.ready: dict[str, Check] = {}
        self.alive: dict[str, Check] = {}

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)

        @router.get("/healthz")
        async def healthz() -> Response:
            return await _answer(self.alive)

        @router.get("/readyz")
        async def readyz() -> Response:
            return await _answer(self.ready)

        @router.get("/metrics")
        async def metrics() -> Response:
            return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

        return router


async def _answer(checks: dict[str, Check]) -> Response:
    failed: dict[str, str] = {}
    for name, check in checks.items():
        try:
            await asyncio.wait_for(check(), TIMEOUT)
        except Exception as error:
            failed[name] = type(error).__name__ + (f": {error}" if str(error) else "")
    return JSONResponse({"ok": not failed, "failed": failed}, 503 if failed else 200)
