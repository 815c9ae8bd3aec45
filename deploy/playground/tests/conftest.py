from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import uvicorn
from aiosmtpd.controller import Controller

from onethread.playground.app import create_app
from onethread.playground.settings import Settings

TOKEN, SIGNING, WIDGET = "xoxb-test", "signing-secret", "widget-secret-of-thirty-two-bytes!"


@dataclass
class SlackApp:
    """Stands for gateway-slack: records each request, answers as told (200 when nothing is left to say)."""

    port: int
    answers: list[int] = field(default_factory=list)
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def bodies(self) -> list[dict]:
        return [json.loads(body) for _, body in self.heard]


@pytest.fixture
def slack_app() -> Iterator[SlackApp]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            app.heard.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(app.answers.pop(0) if app.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    app = SlackApp(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield app
    server.shutdown()
    thread.join()
    server.server_close()


class MailServer:
    """Stands for gateway-email: keeps what it takes, or refuses with `refusal` at RCPT."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, list[str], bytes]] = []
        self.refusal = ""
        self.port = 0

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if self.refusal:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.taken.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 OK durable"


class _AnyPort(Controller):
    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    handler = MailServer()
    controller = _AnyPort(handler, hostname="127.0.0.1", port=0)
    controller.start()
    handler.port = controller.port
    yield handler
    controller.stop()


@dataclass
class Playground:
    url: str
    smtp_port: int
    settings: Settings


@pytest.fixture
def settings(tmp_path, slack_app, mail_server) -> Settings:
    return Settings(
        widget_secret=WIDGET,
        slack_bot_token=TOKEN,
        slack_signing_secret=SIGNING,
        home=tmp_path,
        port=0,
        playground_smtp_port=0,
        playground_mail_server=f"127.0.0.1:{mail_server.port}",
        playground_slack_events_url=f"http://127.0.0.1:{slack_app.port}/slack/events",
        playground_slack_retries=(0, 0.05, 0.1),
    )


@contextmanager
def running(settings: Settings) -> Iterator[Playground]:
    """A playground in a thread of its own, on free ports."""
    app = create_app(settings)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=asyncio.run, args=(server.serve(),))
    thread.start()
    for _ in range(3_000):
        if server.started or not thread.is_alive():
            break
        thread.join(0.01)
    assert server.started, "the playground did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Playground(f"http://127.0.0.1:{port}", app.state.smtp_port, settings)
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.fixture
def start() -> Callable[[Settings], AbstractContextManager[Playground]]:
    return running


@pytest.fixture
def playground(settings) -> Iterator[Playground]:
    with running(settings) as place:
        yield place
