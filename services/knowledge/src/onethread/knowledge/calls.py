"""Answers `svc.knowledge.api`: what teammates ask of this service's own HTTP API, by way of conversation."""

from urllib.parse import quote

import httpx
from fastapi import FastAPI

from onethread.contracts.calls import Call, Called
from onethread.knowledge.settings import Settings
from onethread.runtime.bodies import Bodies
from onethread.runtime.errors import Problem

ANSWERED = ("content-type", "etag", "retry-after", "content-disposition")
STARTING = Problem(503, "Knowledge is starting", "Nothing was changed. Try again in a moment.")


class Calls:
    """With this service's own key: whoever sent the call has seen to it that the teammate may do this."""

    def __init__(self, app: FastAPI, settings: Settings, bodies: Bodies) -> None:
        self._app, self._bodies = app, bodies
        self._key = settings.api_key
        self._api = httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False))

    async def __call__(self, call: Call) -> Called:
        if not hasattr(self._app.state, "knowledge"):  # the bus is there a moment before the rest
            return Called(status=STARTING.status, body=await self._bodies.send(bytes(STARTING.response().body)))
        content = await self._bodies.receive(call.body)
        answer = await self._api.request(
            call.method,
            _url(call),
            content=content,
            headers=self._headers(call),
            timeout=None,
        )
        headers = {name: answer.headers[name] for name in ANSWERED if name in answer.headers}
        return Called(status=answer.status_code, headers=headers, body=await self._bodies.send(answer.content))

    def _headers(self, call: Call) -> dict[bytes, bytes]:
        own = {
            "authorization": f"Bearer {self._key.get_secret_value()}",
            "x-onethread-workspace": call.workspace,
            "x-onethread-author": call.author,
        }
        return {name.encode(): value.encode() for name, value in (call.headers | own).items()}


def _url(call: Call) -> str:
    return f"http://knowledge/v1/{quote(call.path)}" + (f"?{call.query}" if call.query else "")
