"""What stands between Onethread and its customers, and fails: a mail relay, and the way to Slack's Web API."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Literal, cast

import aiohttp
from aiohttp import web
from aiosmtpd.smtp import SMTP

logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # it would tell of each connection that we break off

RelayMood = Literal["well", "away", "greylisting", "hanging", "answers nothing"]
SlackMood = Literal["well", "too many", "failing", "hanging", "answers nothing"]
RELAY_MOODS: tuple[RelayMood, ...] = ("away", "greylisting", "hanging", "answers nothing")
SLACK_MOODS: tuple[SlackMood, ...] = ("too many", "failing", "hanging", "answers nothing")


class Mailboxes:
    """The relay that our replies go to, and the mailboxes behind it. What it does wrong, it does once to each mail: a
    second time would put the mail off for longer than a run lasts.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.mood: RelayMood = "well"
        self.mails: defaultdict[str, list[EmailMessage]] = defaultdict(list)
        self._troubled: set[str] = set()
        self._server: asyncio.Server | None = None
        self._sessions: set[SMTP] = set()

    async def handle_DATA(self, server: SMTP, _session: Any, envelope: Any) -> str:  # noqa: N802
        mail = cast(EmailMessage, message_from_bytes(envelope.content, policy=policy.default))
        mood = "well" if mail["Message-ID"] in self._troubled else self.mood
        self._troubled.add(mail["Message-ID"])
        if mood == "greylisting":
            return "451 4.7.1 Come back in a while"
        if mood == "hanging":
            while self.mood == "hanging":
                await asyncio.sleep(0.2)
            return "451 4.3.0 That took too long"
        for address in envelope.rcpt_tos:
            self.mails[address.lower()].append(mail)
        if mood == "answers nothing" and server.transport:
            server.transport.abort()
        return "250 OK"

    async def be(self, mood: RelayMood) -> None:
        self.mood = mood
        if mood == "away" and self._server:
            self._server.close()
            for session in self._sessions:
                if session.transport:
                    session.transport.abort()
            self._server = None
        elif mood != "away" and self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._session, "127.0.0.1", self.port)

    def _session(self) -> SMTP:
        session = SMTP(self, hostname="relay.example", enable_SMTPUTF8=True)
        self._sessions.add(session)
        return session


def text_of(mail: EmailMessage) -> str:
    """What it says, without the message that it quotes."""
    part = mail.get_body(("plain",))
    lines = str(part.get_content()).splitlines() if part else []
    return "\n".join(line for line in lines if not line.startswith(">"))


class SlackDoor:
    """Passes on what is asked of Slack's Web API, or does not."""

    def __init__(self, port: int, behind: str) -> None:
        self.port, self._behind = port, behind.rstrip("/")
        self.mood: SlackMood = "well"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{method}", self._pass_on)
        runner = web.AppRunner(app, access_log=None)
        async with aiohttp.ClientSession() as self._http:
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", self.port).start()
            try:
                yield
            finally:
                await runner.cleanup()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        mood = self.mood
        if mood == "too many":
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "2"})
        if mood == "failing":
            return web.Response(status=503, text="upstream connect error")
        while mood == "hanging" == self.mood:
            await asyncio.sleep(0.2)
        answer = await self._ask(request)
        if mood == "answers nothing" and request.transport:
            request.transport.abort()
        return answer

    async def _ask(self, request: web.Request) -> web.Response:
        kept = ("authorization", "content-type")
        headers = {name: value for name, value in request.headers.items() if name.lower() in kept}
        where, body = f"{self._behind}/{request.match_info['method']}", await request.read()
        async with self._http.request(
            request.method, where, params=request.query, data=body or None, headers=headers
        ) as answer:
            return web.Response(body=await answer.read(), status=answer.status, content_type=answer.content_type)
