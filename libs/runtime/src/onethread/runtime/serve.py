"""Runs ASGI applications: one in a process, or all six in one loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from collections.abc import Generator, Sequence

import uvicorn
from fastapi import FastAPI

from onethread.runtime import logs
from onethread.runtime.settings import Settings

DRAIN_SECONDS = 10
WS_FRAME_LIMIT = 64 * 1024


class _Server(uvicorn.Server):
    """A uvicorn server that leaves the signals to `serve_all`."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def serve(app: FastAPI, settings: Settings) -> None:
    """Serves `app` until SIGTERM or SIGINT, then drains: sockets, requests, bus, stores.

    The functions in the list `app.state.on_start` are awaited before anything else: one that finds that this must not
    run raises `SystemExit` with the reason.

    A request that never ends by itself, such as a stream of events, holds up the drain: the functions in the list
    `app.state.on_stop` are called first, to end those.
    """
    serve_all([(app, settings)])


def serve_all(apps: Sequence[tuple[FastAPI, Settings]]) -> None:
    logs.configure(apps[0][1])
    with contextlib.suppress(KeyboardInterrupt):
        loop_factory = _config(*apps[0]).get_loop_factory()
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(_serve_all(apps))


async def _serve_all(apps: Sequence[tuple[FastAPI, Settings]]) -> None:
    for app, _ in apps:
        for check in getattr(app.state, "on_start", ()):
            await check()
    servers = [_Server(_config(app, settings)) for app, settings in apps]

    def stop() -> None:
        for server in servers:
            server.should_exit = True
        for app, _ in apps:
            for end_streams in getattr(app.state, "on_stop", ()):
                end_streams()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    running = [asyncio.create_task(server.serve()) for server in servers]
    await _started(servers, running)
    # A full collection walks every imported module and stops the service for about 100 ms.
    gc.collect()
    gc.freeze()
    await asyncio.gather(*running)
    if not all(server.started for server in servers):
        raise SystemExit(3)


async def _started(servers: list[_Server], running: list[asyncio.Task[None]]) -> None:
    while not all(s.started for s in servers) and not any(task.done() for task in running):
        await asyncio.sleep(0.02)


def _config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.listen_port,
        log_config=None,
        access_log=False,
        ws="websockets-sansio",
        ws_max_size=WS_FRAME_LIMIT,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        server_header=False,
    )
