"""Customers by raw protocol: a browser's socket, a mail server, Slack itself. And the teammate's API."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_string
from email.message import EmailMessage, Message
from email.mime.multipart import MIMEMultipart
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
import websockets
from plugins.stack import SECRETS, Stack

SUPPORT = "support@onethread.localhost"
BOT, TEAM = "U0ONETHREAD", "T0ACMEPLAY1"
SECONDS = 30.0
"""Until a thing must be there: a pass takes none of it, and busy processors may need many."""


async def eventually(find: Callable[[], Any], seconds: float = SECONDS, what: str = "it") -> Any:
    """Awaits `find()` until what it returns is true."""
    end = time.monotonic() + seconds
    while not (found := await find()):
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        await asyncio.sleep(0.1)
    return found


@dataclass(frozen=True)
class Person:
    name: str
    email: str


def somebody(name: str = "Kim") -> Person:
    """A person whom no earlier test knows."""
    tail = uuid4().hex[:10]
    return Person(f"{name} {tail[:4].capitalize()}", f"{name.lower()}.{tail}@customers.example")


class Visitor:
    """A browser with the widget: opens a session, then a socket."""

    def __init__(self, stack: Stack, person: Person | None = None) -> None:
        self._stack, self._person = stack, person
        self.frames: list[dict[str, Any]] = []
        self.token: str | None = None
        self.socket: websockets.ClientConnection | None = None
        self._heard = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None

    async def session(self) -> dict[str, Any]:
        asked: dict[str, Any] = {"channel_id": "local"}
        if self.token:
            asked["session_token"] = self.token
        async with httpx.AsyncClient(timeout=SECONDS) as http:
            if self._person:
                vouched = await http.get(self._stack.url(8080, "/shop/identity"), params=vars(self._person))
                asked["identity_token"] = vouched.json()["identity_token"]
            answer = await http.post(self._stack.url(8010, "/v1/session"), json=asked)
        answer.raise_for_status()
        self.token = answer.json()["session_token"]
        return answer.json()

    async def connect(self) -> None:
        if self.token is None:
            await self.session()
        address = self._stack.url(8010, "/v1/socket").replace("http", "ws", 1)
        self.socket = await websockets.connect(address, subprotocols=["onethread.v1", self.token])
        self._reading = asyncio.create_task(self._read(self.socket))
        self._reading.add_done_callback(lambda _: self._heard.set())

    async def stay_connected(self) -> None:
        """Opens the socket again where it has closed, and asks for what was said meanwhile, as the widget does."""
        if self.socket is None or self.socket.state is not websockets.State.OPEN:
            await self.connect()
            heard = [frame["message"]["cursor"] for frame in self.frames if frame["type"] == "message"]
            await self.send({"type": "resume", "after": heard[-1] if heard else None})

    async def close(self) -> None:
        if self._reading:
            self._reading.cancel()
        if self.socket:
            await self.socket.close()

    async def send(self, frame: dict[str, Any] | str) -> None:
        assert self.socket
        await self.socket.send(frame if isinstance(frame, str) else json.dumps(frame))

    async def say(self, text: str, client_id: str | None = None, seconds: float = SECONDS) -> dict[str, Any]:
        """Returns the ack, or the refusal."""
        client_id = client_id or str(uuid4())
        before = len(self.frames)
        await self.send({"type": "message", "client_id": client_id, "text": text, "attachments": []})
        return await self.hears(
            lambda f: f["type"] in ("ack", "error") and f.get("client_id") == client_id, seconds, since=before
        )

    async def hears(
        self, wanted: Callable[[dict[str, Any]], object], seconds: float = SECONDS, since: int = 0
    ) -> dict[str, Any]:
        """The first frame that `wanted` is true of. Raises `ConnectionClosed` when the socket ends before."""
        assert self.socket
        assert self._reading
        async with asyncio.timeout(seconds):
            while True:
                for frame in self.frames[since:]:
                    if wanted(frame):
                        return frame
                if self._reading.done():
                    raise self.socket.protocol.close_exc
                self._heard.clear()
                await self._heard.wait()

    async def message(
        self, kind: str = "agent", seconds: float = SECONDS, since: int = 0, **like: Any
    ) -> dict[str, Any]:
        """The first message by a `kind` of author; `text` may be a part of its text."""

        def fits(frame: dict[str, Any]) -> bool:
            if frame["type"] != "message" or frame["message"]["author"]["kind"] != kind:
                return False
            return like.get("text", "") in frame["message"]["text"]

        return (await self.hears(fits, seconds, since))["message"]

    async def _read(self, socket: websockets.ClientConnection) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for raw in socket:
                self.frames.append(json.loads(raw))
                self._heard.set()


@dataclass
class Mailer:
    """Somebody's mail program behind a relay that vouches for them, or not (`vouched=False`)."""

    stack: Stack
    person: Person
    vouched: bool = True
    relay: str = "onethread.localhost"
    sent: list[bytes] = field(default_factory=list)

    def write(self, text: str, **headers: str) -> bytes:
        """`headers` use underscores; an empty one is left out."""
        found = "dmarc=pass" if self.vouched else "dmarc=none"
        domain = self.person.email.partition("@")[2]
        fields = {
            "Authentication-Results": f"{self.relay}; {found} header.from={domain}",
            "From": f"{self.person.name} <{self.person.email}>",
            "To": SUPPORT,
            "Subject": "A question",
            "Date": format_datetime(datetime.now(UTC)),
            "Message-ID": f"<{uuid4()}@{domain}>",
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        mail = EmailMessage(policy=SMTP.clone(max_line_length=900))
        for name, value in fields.items():
            if value:
                mail[name] = value
        mail.set_content(text, cte="quoted-printable")
        return mail.as_bytes()

    def report(self, mail: dict[str, Any], diagnosis: str) -> bytes:
        """What their mail server writes when it cannot deliver `mail` (RFC 3464)."""
        domain = self.person.email.partition("@")[2]
        report = MIMEMultipart("report", report_type="delivery-status")
        report["From"] = f"Mail Delivery System <MAILER-DAEMON@{domain}>"
        report["To"] = _return_path(mail)
        report["Subject"] = "Undelivered Mail Returned to Sender"
        report["Date"] = format_datetime(datetime.now(UTC))
        report["Message-ID"] = f"<{uuid4()}@mx.{domain}>"
        report.attach(_part("text/plain", "I'm sorry to have to inform you that your message could not be delivered."))
        recipient = f"Final-Recipient: rfc822; {self.person.email}\nAction: failed\nStatus: {diagnosis.split()[1]}\n"
        status = f"Reporting-MTA: dns; mx.{domain}\n\n{recipient}Diagnostic-Code: smtp; {diagnosis}\n"
        report.attach(_part("message/delivery-status", status))
        report.attach(_part("text/rfc822-headers", mail["raw_headers"]))
        return report.as_bytes(policy=SMTP)

    async def bounce(self, mail: dict[str, Any], diagnosis: str = "550 5.1.1 No such user here") -> tuple[int, str]:
        """Their mail server sends `mail` back, as from nobody."""
        return await self.send(self.report(mail, diagnosis), _return_path(mail), sender="")

    async def send(
        self, raw: bytes, to: str = SUPPORT, seconds: float = SECONDS, sender: str | None = None
    ) -> tuple[int, str]:
        """(code, words) of the mail server; raises when it cannot be reached. `sender`: that of the envelope."""
        import aiosmtplib

        self.sent.append(raw)
        client = aiosmtplib.SMTP(
            hostname="127.0.0.1",
            port=self.stack.port(2525),
            timeout=seconds,
            start_tls=False,
            local_hostname="relay.example",
        )
        async with client:
            try:
                _, said = await client.sendmail(self.person.email if sender is None else sender, [to], raw)
            except aiosmtplib.SMTPRecipientsRefused as refused:
                return refused.recipients[0].code, refused.recipients[0].message
            except aiosmtplib.SMTPResponseException as refused:
                return refused.code, refused.message
        return 250, said

    async def inbox(self) -> list[dict[str, Any]]:
        """The mails that came, oldest first."""
        async with httpx.AsyncClient(timeout=SECONDS) as http:
            answer = await http.get(self.stack.url(8080, f"/api/mail/{self.person.email}"))
        return answer.json()["items"]

    async def answer(self, number: int = 1, seconds: float = SECONDS) -> dict[str, Any]:
        """The mail with that number, counted from one, when it has come."""

        async def come() -> Any:
            mails = await self.inbox()
            return mails[number - 1] if len(mails) >= number else None

        return await eventually(come, seconds, f"mail {number} to the customer")


def _part(kind: str, content: str) -> Message:
    return message_from_string(f"Content-Type: {kind}\n\n{content}")


def _return_path(mail: dict[str, Any]) -> str:
    return mail["headers"]["Return-Path"].strip("<>")


@dataclass
class Slack:
    """Slack itself, as the gateway sees it: signed events."""

    stack: Stack
    user: str = "U0MEITANAKA"
    secret: str = SECRETS["ONETHREAD_SLACK_SIGNING_SECRET"]

    def event(self, text: str, **more: Any) -> dict[str, Any]:
        """The body of a direct message; `channel` and other fields of the event as wanted."""
        ts = more.pop("ts", f"{time.time():.6f}")
        event = {
            "type": "message", "channel": f"D{self.user[1:]}", "channel_type": "im", "user": self.user, "text": text,
            "ts": ts, "event_ts": ts, "team": TEAM, **more,
        }  # fmt: skip
        return {
            "type": "event_callback", "team_id": TEAM, "api_app_id": "A0ONETHREAD", "event": event,
            "event_id": f"Ev{ts}", "event_time": int(float(ts)), "token": "t",
            "authorizations": [{"team_id": TEAM, "user_id": BOT, "is_bot": True}],
        }  # fmt: skip

    async def bring(self, body: dict[str, Any] | bytes, **headers: str) -> httpx.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        stamp = headers.pop("stamp", str(int(time.time())))
        digest = hmac.new(self.secret.encode(), f"v0:{stamp}:".encode() + raw, hashlib.sha256).hexdigest()
        signed = {
            "Content-Type": "application/json",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": headers.pop("signature", f"v0={digest}"),
        }
        async with httpx.AsyncClient(timeout=SECONDS) as http:
            return await http.post(self.stack.url(8030, "/slack/events"), content=raw, headers=signed | headers)

    async def say(self, text: str, channel: str = "dm", thread_ts: str | None = None) -> dict[str, Any]:
        """As the person in the Slack look-alike, who is then Slack."""
        said = {"user": self.user, "channel": channel, "text": text, "thread_ts": thread_ts}
        async with httpx.AsyncClient(timeout=SECONDS) as http:
            answer = await http.post(self.stack.url(8080, "/api/slack/say"), json=said)
        answer.raise_for_status()
        return answer.json()

    async def messages(self, channel: str | None = None) -> list[dict[str, Any]]:
        async with httpx.AsyncClient(timeout=SECONDS) as http:
            asked = {"channel": channel or f"D{self.user[1:]}"}
            return (await http.get(self.stack.url(8080, "/api/slack/messages"), params=asked)).json()["items"]

    async def answered(
        self, wanted: Callable[[dict[str, Any]], object], channel: str | None = None, seconds: float = SECONDS
    ) -> dict[str, Any]:
        """The first message of the bot that `wanted` is true of."""

        async def find() -> Any:
            return next((m for m in await self.messages(channel) if m.get("bot_id") and wanted(m)), None)

        return await eventually(find, seconds, "the bot's answer")


class Desk:
    """A teammate, or an integrator, by the REST API."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def threads(self, email: str, status: str = "all") -> list[dict[str, Any]]:
        answer = await self.http.get("threads", params={"status": status, "q": email, "limit": 200})
        answer.raise_for_status()
        return [one for one in answer.json()["items"] if one["customer"]["email"] == email]

    async def thread(self, email: str, seconds: float = SECONDS) -> dict[str, Any]:
        """The customer's only thread, once it is there."""
        found = await eventually(lambda: self.threads(email), seconds, "the thread")
        assert len(found) == 1, f"{len(found)} threads of one customer"
        return found[0]

    async def messages(self, thread_id: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        after: str | None = "0"
        while after is not None:
            page = (await self.http.get(f"threads/{thread_id}/messages", params={"after": after})).json()
            items, after = items + page["items"], page["next"]
        return items

    async def message(self, thread_id: str, wanted: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        async def find() -> Any:
            return next((m for m in await self.messages(thread_id) if wanted(m)), None)

        return await eventually(find, what="the message in the thread")

    async def delivered(self, message: dict[str, Any], state: str) -> dict[str, Any]:
        """The message, once its delivery is in that state."""
        return await self.message(
            message["thread_id"], lambda m: m["id"] == message["id"] and m["delivery"]["state"] == state
        )

    async def reply(self, thread_id: str, text: str, **more: Any) -> dict[str, Any]:
        headers = {"Idempotency-Key": more.pop("key")} if "key" in more else {}
        answer = await self.http.post(f"threads/{thread_id}/messages", json={"text": text, **more}, headers=headers)
        assert answer.status_code == httpx.codes.CREATED, answer.text
        return answer.json()


@pytest.fixture
async def desk(stack: Stack) -> AsyncIterator[Desk]:
    headers = {"Authorization": f"Bearer {SECRETS['ONETHREAD_API_KEY']}"}
    async with httpx.AsyncClient(base_url=stack.url(8000, "/api/v1/"), headers=headers, timeout=SECONDS) as http:
        yield Desk(http)


@pytest.fixture
async def visitor(stack: Stack) -> AsyncIterator[Callable[..., Visitor]]:
    """Makes visitors whose sockets are closed after the test."""
    made: list[Visitor] = []

    def make(person: Person | None = None) -> Visitor:
        made.append(Visitor(stack, person))
        return made[-1]

    yield make
    for one in made:
        await one.close()
