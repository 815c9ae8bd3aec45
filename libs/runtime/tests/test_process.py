"""Settings, probes, errors and logs."""

from __future__ import annotations

import json
import logging
from typing import ClassVar

import httpx
import pytest
import structlog
from fastapi import FastAPI
from pydantic import SecretStr

from onethread.runtime import errors, logs
from onethread.runtime.errors import Problem
from onethread.runtime.health import Health
from onethread.runtime.serve import serve
from onethread.runtime.settings import Settings


class OwnSettings(Settings):
    default_port: ClassVar[int] = 8000
    api_key: SecretStr


def test_the_offset_moves_every_local_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONETHREAD_PORT_OFFSET", "100")
    monkeypatch.delenv("NATS_URL", raising=False)
    settings = Settings()
    assert (settings.nats, OwnSettings(api_key="x").listen_port) == ("nats://127.0.0.1:4322", 8100)


def test_a_missing_secret_stops_the_start_with_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONETHREAD_API_KEY", raising=False)
    with pytest.raises(SystemExit, match=r"^Cannot start, .*ONETHREAD_API_KEY: field required\.$"):
        OwnSettings.load()


def app_with(health: Health | None = None) -> httpx.AsyncClient:
    app = FastAPI()
    errors.install(app)
    if health:
        app.include_router(health.router())

    @app.get("/refuse")
    async def refuse() -> None:
        raise Problem(409, "Not now", "Nothing was sent.")

    @app.get("/break")
    async def break_() -> None:
        raise RuntimeError("secret detail")

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def test_a_refusal_is_a_problem_in_words() -> None:
    answer = await app_with().get("/refuse")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {"type": "about:blank", "title": "Not now", "status": 409, "detail": "Nothing was sent."}


async def test_a_fault_of_ours_tells_no_detail() -> None:
    answer = await app_with().get("/break")
    assert answer.status_code == 500
    assert "secret" not in answer.text


async def test_probes_name_what_failed_and_liveness_does_not_depend_on_readiness() -> None:
    async def away() -> None:
        raise ConnectionError("no bus")

    health = Health()
    health.ready = {"bus": away}
    client = app_with(health)
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["failed"]) == (503, {"bus": "ConnectionError: no bus"})
    assert (await client.get("/healthz")).status_code == 200
    assert "python_info" in (await client.get("/metrics")).text


def test_a_log_line_is_one_json_object_and_never_quotes_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.root.handlers, logging.root.level, structlog.get_config()
    try:
        logs.configure(Settings(log_format="json"))
        try:
            raise ValueError("ana@secret.example")
        except ValueError as error:
            structlog.get_logger("t").error("thing.failed", thread="t1", exc_info=error)
        line = json.loads(capsys.readouterr().err.strip().splitlines()[-1])
    finally:
        logging.root.handlers, logging.root.level = before[0], before[1]
        structlog.configure(**before[2])
    assert (line["event"], line["error"], line["thread"], line["level"]) == (
        "thing.failed",
        "ValueError",
        "t1",
        "error",
    )
    assert "secret" not in json.dumps(line)
    assert line["where"]


def test_what_must_not_run_says_so_before_anything_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse() -> None:
        raise SystemExit("Cannot start, for a reason.")

    app = FastAPI()
    app.state.on_start = [refuse]
    monkeypatch.setattr(logs, "configure", lambda _: None)
    with pytest.raises(SystemExit, match=r"^Cannot start, for a reason\.$"):
        serve(app, Settings(port=0))
