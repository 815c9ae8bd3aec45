"""A request is answered in time, whatever the application waits for."""

from __future__ import annotations

import asyncio

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from onethread.conversation.in_time import AnswerInTime


async def quick(_: Request) -> PlainTextResponse:
    return PlainTextResponse("here")


def client_of(endpoint, seconds: float) -> httpx.AsyncClient:
    app = AnswerInTime(Starlette(routes=[Route("/", endpoint)]), seconds=seconds)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here")


async def test_a_quick_answer_passes():
    assert (await client_of(quick, 20).get("/")).text == "here"


async def test_what_hangs_is_cancelled_and_answered_with_a_problem():
    ended: list[str] = []

    async def hangs(_: Request) -> PlainTextResponse:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.1)  # as psycopg, which waits for the server's word
            ended.append("cancelled")
        return PlainTextResponse("too late")

    answer = await client_of(hangs, 0.1).get("/")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert "Try again" in answer.json()["detail"]
    async with asyncio.timeout(20):
        while not ended:
            await asyncio.sleep(0.02)
    assert ended == ["cancelled"]


async def test_a_stream_that_has_begun_may_last():
    async def pieces():
        yield "a"
        await asyncio.sleep(1)
        yield "b"

    async def streams(_: Request) -> StreamingResponse:
        return StreamingResponse(pieces())

    assert (await client_of(streams, 0.5).get("/")).text == "ab"
