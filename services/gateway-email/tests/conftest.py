from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.smtp import SMTP

from onethread.contracts.channels import ChannelConfig, Channels
from onethread.contracts.customers import CustomerErased
from onethread.contracts.replies import ReplyOutcome
from onethread.gateway_email.convert import Arrival
from onethread.gateway_email.desks import Desk
from onethread.gateway_email.outgoing.ledger import Delivery
from onethread.gateway_email.outgoing.waiting import Found, Line, Waits
from onethread.gateway_email.sender.authenticity import Edge
from onethread.gateway_email.settings import Settings
from onethread.gateway_email.tokens import Signer
from onethread.runtime.bus import UnavailableError

FIXTURES = Path(__file__).parents[4] / "shared" / "fixtures" / "email"
SECRET = "a secret of a test"


class FakeBus:
    """Keeps what is published, or is away."""

    def __init__(self) -> None:
        self.published: list[tuple[Any, tuple[str, ...]]] = []
        self.handlers: dict[str, Any] = {}
        self.channels: list[ChannelConfig] | None = []
        """Those that conversation tells. None: it is away."""
        self.away = False
        self.tracing = self

    @contextlib.contextmanager
    def span(self, *_: object) -> Iterator[None]:
        yield

    @property
    def js(self) -> Any:
        raise UnavailableError("it has no streams")

    def on(self, consumer: Any, _event: Any, handler: Any) -> None:
        self.handlers[consumer.name] = handler

    def answer(self, subject: str, _question: Any, handler: Any) -> None:
        self.handlers[subject] = handler

    async def ask(self, subject: str, question: Any, _answer: Any) -> Channels:
        assert (subject, question.kind) == ("svc.conversation.channels", "email")
        if self.channels is None:
            raise UnavailableError("conversation is away")
        return Channels(items=self.channels)

    async def listen(self, subject: str, handler: Any) -> None:
        self.handlers[subject] = handler

    async def publish(self, event: Any, *tokens: str) -> None:
        if self.away:
            raise UnavailableError("the bus is not connected")
        self.published.append((event, tokens))

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def check(self) -> None: ...

    async def check_consumers(self) -> None: ...


class MemoryLedger:
    def __init__(self) -> None:
        self.deliveries: dict[tuple[UUID, int], Delivery] = {}

    async def begin(self, message: UUID, now: datetime, attempt: int = 1) -> Delivery:
        return self.deliveries.setdefault((message, attempt), Delivery(since=now))

    async def put_off(self, message: UUID, delivery: Delivery, attempt: int = 1) -> None:
        self.deliveries[message, attempt] = delivery.model_copy(update={"put_off": True})

    async def finish(self, message: UUID, delivery: Delivery, outcome: ReplyOutcome, attempt: int = 1) -> None:
        self.deliveries[message, attempt] = delivery.model_copy(update={"state": "done", "outcome": outcome})

    async def forget(self, event: CustomerErased) -> None:
        erased = set(event.data.erased_message_ids)
        self.deliveries = {key: one for key, one in self.deliveries.items() if key[0] not in erased}


class MemoryLines:
    def __init__(self) -> None:
        self.lines: dict[str, Line] = {}

    async def find(self, key: str) -> Found | None:
        line = self.lines.get(key)
        return Found(key, line, hash(line.model_dump_json())) if line else None

    async def join(self, key: str, mail: Waits, at: datetime) -> None:
        self.lines[key] = self.lines[key].with_last(mail) if key in self.lines else Line(mails=[mail], at=at)

    async def put_off(self, key: str, mail: Waits, at: datetime) -> None:
        await self.join(key, mail, at)
        self.lines[key] = self.lines[key].model_copy(update={"at": at})

    async def leave(self, key: str, mail: Waits, at: datetime) -> None:
        line = self.lines.pop(key, None)
        if rest := line and line.without(mail, at):
            self.lines[key] = rest

    async def all(self) -> list[Found]:
        return [found for key in self.lines if (found := await self.find(key))]

    async def take(self, found: Found, until: datetime) -> bool:
        now = await self.find(found.key)
        if now is None or now.revision != found.revision:
            return False
        self.lines[found.key] = now.line.model_copy(update={"at": until})
        return True


class Sink:
    """A mail server that keeps what it gets, and answers MAIL and RCPT as a test says."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.recipients: list[str] = []
        self.senders: list[str] = []
        self.answer = self.answer_to_sender = "250 OK"
        self.answers: dict[str, str] = {}
        """Of a recipient, where it is another."""
        self.groups: list[list[str]] = []
        """Who got each mail."""
        self.refused: list[str] = []
        self.url = ""

    async def handle_MAIL(self, _server, _session, envelope, address, _options) -> str:  # noqa: N802
        if self.answer_to_sender.startswith("250"):
            envelope.mail_from = address
            self.senders.append(address)
        return self.answer_to_sender

    async def handle_RCPT(self, _server, _session, envelope, address, _options) -> str:  # noqa: N802
        answer = self.answers.get(address, self.answer)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        else:
            self.refused.append(address)
        return answer

    async def handle_DATA(self, _server, _session, envelope) -> str:  # noqa: N802
        self.mails.append(envelope.content)
        self.recipients += envelope.rcpt_tos
        self.groups.append(list(envelope.rcpt_tos))
        return "250 OK"


@pytest.fixture
def email_fixtures() -> Path:
    if not FIXTURES.exists():
        pytest.skip("the shared email fixtures are not beside this clone")
    return FIXTURES


@pytest.fixture
def desk() -> Desk:
    edge = Edge.parse("127.0.0.0/8", "mx.desk.example")
    return Desk("email-local", "local", "support@desk.example", "Support", edge, Signer((SECRET,), "local"))


@pytest.fixture
def arrival() -> Arrival:
    return Arrival(
        "127.0.0.1", "ann@customer.example", ("support@desk.example",), datetime(2026, 11, 2, 10, tzinfo=UTC)
    )


@pytest.fixture
def bus() -> FakeBus:
    return FakeBus()


@pytest.fixture
def memory_ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture
def memory_lines() -> MemoryLines:
    return MemoryLines()


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    loop = asyncio.get_running_loop()
    kept = Sink()
    server = await loop.create_server(lambda: SMTP(kept, hostname="sink", loop=loop), "127.0.0.1", 0)
    kept.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield kept
    server.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        smtp_port=0,
        home=tmp_path,
        support_address="support@desk.example",
        reply_secret=SECRET,
        trusted_relays="127.0.0.0/8",
        trusted_authserv_id="mx.desk.example",
        mail_bytes=200_000,
        mail_readers=0,
    )


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A server that speaks S3, and the environment that leads to it."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT": url, "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
        }.items():  # fmt: skip
            patch.setenv(name, value)
        boto3.client("s3", endpoint_url=url, region_name="us-east-1").create_bucket(Bucket="mails")
        yield url
    server.stop()
