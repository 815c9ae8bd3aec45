"""Mailboxes that are read by IMAP, on a real server."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError
from prometheus_client import REGISTRY

from onethread.contracts.channels import ChannelConfig
from onethread.contracts.mail import CheckMailbox
from onethread.gateway_email.app import create_app
from onethread.gateway_email.desks import own_desk
from onethread.gateway_email.mailboxes import bookmarks, keeper, reading, session
from onethread.gateway_email.mailboxes.bookmarks import LEASE_SECONDS, Bookmark, Bookmarks
from onethread.gateway_email.mailboxes.checking import Checking
from onethread.gateway_email.mailboxes.mailbox import Mailbox
from onethread.gateway_email.mailboxes.oauth import Seal
from onethread.gateway_email.settings import Settings

from .imap_server import PASSWORD, PROGRAM, USER, Dovecot, SignIn, sign_in

pytestmark = [pytest.mark.imap, pytest.mark.skipif(PROGRAM is None, reason="Dovecot is not installed")]
DESK = "support@desk.example"


def a_mail(number: int, *, more: str = "", said: str = "Where is it?") -> bytes:
    return (
        f"{more}From: Ann <ann@customer.example>\r\nTo: {DESK}\r\nSubject: Order {number}\r\n"
        f"Message-ID: <{number}@customer.example>\r\nDate: Mon, 02 Nov 2026 09:59:58 +0000\r\n\r\n{said}\r\n"
    ).encode()


class MemoryBucket:
    """As a bucket of NATS, for what is used of it."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[bytes, int]] = {}
        self._revision = 0

    async def get(self, key: str) -> Any:
        if key not in self.kept:
            raise KeyNotFoundError
        value, revision = self.kept[key]
        return SimpleNamespace(value=value, revision=revision)

    async def put(self, key: str, value: bytes) -> None:
        self._revision += 1
        self.kept[key] = (value, self._revision)

    async def create(self, key: str, value: bytes) -> None:
        if key in self.kept:
            raise KeyWrongLastSequenceError
        await self.put(key, value)

    async def update(self, key: str, value: bytes, last: int) -> None:
        if self.kept[key][1] != last:
            raise KeyWrongLastSequenceError
        await self.put(key, value)

    async def key_value(self, _: str) -> MemoryBucket:
        return self


@pytest.fixture(scope="module")
def provider() -> Iterator[SignIn]:
    with sign_in() as told:
        yield told


@pytest.fixture(scope="module")
def running(provider: SignIn) -> Iterator[Dovecot]:
    root = Path(tempfile.mkdtemp(prefix="ot-imap-"))  # a short path: there are sockets in it
    server = Dovecot(root, provider)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def server(running: Dovecot, provider: SignIn, monkeypatch: pytest.MonkeyPatch) -> Dovecot:
    shutil.rmtree(running.root / "mail", ignore_errors=True)
    provider.refresh_tokens, provider.access_tokens, provider.rotates, provider.given = {"refresh-1"}, {}, False, 0
    provider.asked, provider.error = [], "invalid_grant"
    monkeypatch.setenv("SSL_CERT_FILE", str(running.root / "cert.pem"))
    monkeypatch.setattr(reading, "WAITS", (0.05,))
    monkeypatch.setattr(reading, "LOGIN_WAIT", 0.2)
    monkeypatch.setattr(reading, "SLICE_SECONDS", 0.2)
    return running


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryBucket()


@asynccontextmanager
async def reading_with(settings: Settings, bus: Any, ledger: Any, bucket: Any, **more: Any) -> AsyncIterator[Any]:
    app = create_app(settings.model_copy(update=more), bus, ledger, bookmarks=Bookmarks(lambda: bucket, uuid4().hex))
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
def reader(settings, bus, memory_ledger, bucket, server) -> Callable[..., Any]:
    def begin(**more: Any) -> Any:
        url = f"imap+plain://{quote(USER)}:{quote(PASSWORD)}@127.0.0.1:{server.port}"
        return reading_with(settings, bus, memory_ledger, bucket, **({"imap_url": url} | more))

    return begin


async def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to pass"
        await asyncio.sleep(0.02)


def subjects(bus: Any) -> list[str]:
    return [event.data.subject for event, _ in bus.published]


def put(server: Dovecot, *mails: bytes, **how: Any) -> Any:
    return asyncio.to_thread(lambda: server.put(*mails, **how))


async def test_a_mail_that_arrives_is_taken_at_once_and_nothing_is_marked(reader, bus, server):
    async with reader():
        await until(lambda: is_up() == 1)
        await put(server, a_mail(1))
        await until(lambda: len(bus.published) == 1)
        await put(server, a_mail(2), a_mail(3))
        await until(lambda: len(bus.published) == 3)
        flags = await asyncio.to_thread(server.flags)
        assert (len(flags), "".join(flags).count("Seen")) == (3, 0)
    event = bus.published[0][0]
    assert subjects(bus) == ["Order 1", "Order 2", "Order 3"]
    assert (event.data.channel.id, event.data.text, event.data.identities[0].trust) == (
        "email-local", "Where is it?", "asserted",
    )  # fmt: skip


def marked(bucket: MemoryBucket) -> int:
    """The last mail that was dealt with."""
    kept = bucket.kept.get("email-local.mark")
    return Bookmark.model_validate_json(kept[0]).uid if kept else 0


def is_up() -> float | None:
    return REGISTRY.get_sample_value("onethread_email_mailbox_up", {"channel": "email-local"})


async def test_what_came_in_between_looking_and_listening_is_seen_at_once(reader, bus, server, monkeypatch):
    begin = session.Session.begin_idle

    def late(self) -> None:
        if not put_already:
            put_already.append(True)
            server.put(a_mail(1))
        begin(self)

    put_already: list[bool] = []
    monkeypatch.setattr(session.Session, "begin_idle", late)
    async with reader():
        await until(lambda: len(bus.published) == 1)


async def test_without_idle_the_mailbox_is_looked_at_from_time_to_time(reader, bus, server, monkeypatch):
    monkeypatch.setattr(reading, "POLL_SECONDS", 0.1)
    opened = session.Session.__init__

    def without_idle(self, *what):
        opened(self, *what)
        self.has_idle = False

    monkeypatch.setattr(session.Session, "__init__", without_idle)
    async with reader():
        await put(server, a_mail(1))
        await until(lambda: len(bus.published) == 1)


async def test_after_a_restart_it_goes_on_behind_the_last_mail(reader, bus, bucket, server):
    async with reader():
        await until(lambda: is_up() == 1)
        await put(server, a_mail(1))
        await until(lambda: len(bus.published) == 1)
        await until(lambda: marked(bucket) == 1)
    await put(server, a_mail(2))
    async with reader():
        await until(lambda: len(bus.published) == 2)
        await asyncio.sleep(0.5)
    assert subjects(bus) == ["Order 1", "Order 2"]


async def test_of_a_new_mailbox_what_is_unread_and_not_old_is_taken(reader, bus, server):
    await put(server, a_mail(1), flags="\\Seen")
    await put(server, a_mail(2), at=datetime.now(UTC) - timedelta(days=40))
    await put(server, a_mail(3))
    async with reader():
        await until(lambda: len(bus.published) == 1)
        await asyncio.sleep(0.5)
    assert subjects(bus) == ["Order 3"]


async def test_numbers_that_are_given_anew_lose_no_mail_and_each_is_still_one_message(reader, bus, bucket, server):
    async with reader():
        await until(lambda: is_up() == 1)
        await put(server, a_mail(1))
        await until(lambda: len(bus.published) == 1)
        await until(lambda: marked(bucket) == 1)
    await put(server, a_mail(2), flags="\\Seen")
    await asyncio.to_thread(server.begin_anew)
    async with reader():
        await until(lambda: "Order 2" in subjects(bus))
    assert len({event.id for event, _ in bus.published}) == 2


async def test_a_poison_mail_is_told_and_those_behind_it_are_taken(reader, bus, server):
    await put(server, a_mail(1), b"Subject: nobody's\r\n\r\nx\r\n", a_mail(3))
    async with reader():
        await until(lambda: "Order 3" in subjects(bus))
    assert subjects(bus) == ["Order 1", "nobody's", "Order 3"]
    note = bus.published[1][0].data
    assert "could not be taken in: This mail has no From field" in note.text


async def test_a_mail_that_breaks_our_reading_is_told_and_those_behind_it_are_taken(reader, bus, server, monkeypatch):
    from onethread.gateway_email.parsing import mime

    parse = mime.parse

    def breaks(raw: bytes) -> Any:
        if b"a bug" in raw and b"could not" not in raw:
            raise RecursionError
        return parse(raw)

    monkeypatch.setattr(mime, "parse", breaks)
    await put(server, a_mail(1, said="a bug"), a_mail(2))
    async with reader():
        await until(lambda: "Order 2" in subjects(bus), 20)
    assert len(bus.published) == 2


async def test_a_mail_over_the_limit_is_told_and_not_fetched(reader, bus, server):
    await put(server, a_mail(1, said="x" * 70 + "\r\n" + "y" * 300_000), a_mail(2))
    async with reader():
        await until(lambda: "Order 2" in subjects(bus))
    note = bus.published[0][0].data
    assert "200000 are the most that is taken" in note.text
    assert "number 1" in note.text
    assert not note.attachments


async def test_a_bus_that_is_away_stops_the_bookmark_and_loses_nothing(reader, bus, server):
    bus.away = True
    await put(server, a_mail(1), a_mail(2))
    async with reader():
        await asyncio.sleep(1)
        bus.away = False
        await until(lambda: len(bus.published) == 2)
    assert subjects(bus) == ["Order 1", "Order 2"]


@pytest.mark.parametrize(("after", "left"), [("seen", True), ("deleted", False)])
async def test_what_was_taken_is_marked_or_deleted_where_the_setting_says_so(reader, bus, server, after, left):
    await put(server, a_mail(1))
    async with reader(imap_after=after):
        await until(lambda: len(bus.published) == 1)
        async with asyncio.timeout(20):
            while (await asyncio.to_thread(seen, server)) != ([True] if left else []):
                await asyncio.sleep(0.05)


def seen(server: Dovecot) -> list[bool]:
    return ["Seen" in one for one in server.flags()]


async def test_a_server_that_restarts_is_read_again(reader, bus, server):
    async with reader():
        await until(lambda: is_up() == 1)
        await asyncio.to_thread(server.stop)
        await until(lambda: is_up() == 0)
        await asyncio.to_thread(server.start)
        await put(server, a_mail(1))
        await until(lambda: len(bus.published) == 1)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
async def test_a_connection_that_breaks_off_without_a_word_is_noticed(reader, bus, server):
    async with reader():
        await until(lambda: is_up() == 1)
        await put(server, a_mail(1))
        await until(lambda: len(bus.published) == 1)
        await asyncio.to_thread(server.drop)
        await until(lambda: is_up() == 0)
        await until(lambda: is_up() == 1)
        await put(server, a_mail(2))
        await until(lambda: len(bus.published) == 2)


async def test_a_login_that_is_refused_is_told_in_words_after_an_hour_and_once(reader, bus, server, monkeypatch):
    monkeypatch.setattr(reading, "TOLD_AFTER", timedelta(seconds=0.3))
    url = f"imap+plain://{quote(USER)}:wrong@127.0.0.1:{server.port}"
    async with reader(imap_url=url):
        await until(lambda: len(bus.published) >= 2, 30)
    assert len({event.id for event, _ in bus.published}) == 1
    note = bus.published[0][0].data
    assert (note.subject, note.automatic) == ("A mailbox cannot be read", True)
    assert "The server refuses the login" in note.text
    assert "wrong" not in note.text


async def test_one_replica_reads_and_another_goes_on_when_it_stops(reader, bus, server, monkeypatch):
    monkeypatch.setattr(reading, "LEASE_SECONDS", 0.6)
    async with reader():
        await until(lambda: is_up() == 1)
        async with reader():
            await put(server, a_mail(1))
            await until(lambda: len(bus.published) == 1)
            await asyncio.sleep(0.5)
            assert len(bus.published) == 1
    async with reader():
        await put(server, a_mail(2))
        await until(lambda: len(bus.published) == 2)


async def test_a_lease_ends_by_itself_and_only_one_gets_it():
    now, bucket = [0.0], MemoryBucket()
    first, second = (Bookmarks(lambda: bucket, name, lambda: now[0]) for name in ("a", "b"))
    assert [await first.hold("x"), await second.hold("x"), await first.hold("x")] == [True, False, True]
    now[0] = LEASE_SECONDS + 1
    assert [await second.hold("x"), await first.hold("x")] == [True, False]
    await second.let_go("x")
    assert await first.hold("x")


def by_sign_in(server: Dovecot, provider: SignIn, refresh_token: str = "refresh-1") -> dict[str, Any]:
    return {
        "imap_url": f"imap+plain://{quote(USER)}@127.0.0.1:{server.port}", "imap_token_url": provider.url,
        "imap_client_id": "an-app", "imap_client_secret": "its secret", "imap_refresh_token": refresh_token,
    }  # fmt: skip


async def told_of(bucket: MemoryBucket) -> Any:
    place = next(json.loads(value)["place"] for key, (value, _) in bucket.kept.items() if key.endswith(".state"))
    return await Bookmarks(lambda: bucket, "a").state("email-local", place)  # type: ignore[arg-type]


async def test_google_and_microsoft_are_signed_in_to_without_a_password(reader, bus, bucket, server, provider):
    await put(server, a_mail(1))
    provider.rotates = True
    async with reader(**by_sign_in(server, provider)):
        await until(lambda: len(bus.published) == 1)
        await until(lambda: marked(bucket) == 1)
    await put(server, a_mail(2))
    # The first refresh token is good no more: the newest was kept.
    async with reader(**by_sign_in(server, provider)):
        await until(lambda: len(bus.published) == 2)
    assert provider.refresh_tokens == {"refresh-3"}


async def test_a_refresh_token_is_unreadable_where_it_is_kept(reader, bus, bucket, server, provider):
    await test_google_and_microsoft_are_signed_in_to_without_a_password(reader, bus, bucket, server, provider)
    assert "email-local.token" in bucket.kept
    assert all(b"refresh-" not in value for value, _ in bucket.kept.values())
    sealed = Seal(("a secret", "an older one")).close("refresh-2")
    assert Seal(("a newer secret", "a secret")).open(sealed) == "refresh-2"
    assert Seal(("another",)).open(sealed) is None


async def test_a_rotated_token_is_kept_where_the_mailbox_cannot_be_opened(reader, bus, server, provider, monkeypatch):
    monkeypatch.setattr(bookmarks, "LEASE_SECONDS", 0.6)  # a stop in the midst of a failure leaves it
    provider.rotates = True
    to_nowhere = by_sign_in(server, provider)
    to_nowhere["imap_url"] += "/Nowhere"
    async with reader(**to_nowhere):
        await until(lambda: provider.refresh_tokens == {"refresh-2"})
        await asyncio.sleep(0.1)
    await put(server, a_mail(1))
    async with reader(**by_sign_in(server, provider)):
        await until(lambda: len(bus.published) == 1)
    assert provider.asked == ["refresh-1", "refresh-2"]


async def test_a_look_at_the_mailbox_keeps_the_token_that_it_is_given(reader, bus, bucket, server, provider, settings):
    provider.rotates = True
    of_check = settings.model_copy(update=by_sign_in(server, provider))
    desks = SimpleNamespace(get=lambda *_: own_desk(of_check), own=None)
    checking = Checking(of_check, desks, Bookmarks(lambda: bucket, "a"))  # type: ignore[arg-type]
    asked = CheckMailbox(workspace="local", channel="email-local")
    assert (await checking.check(asked)).ok
    assert (await checking.check(asked)).ok
    assert provider.refresh_tokens == {"refresh-3"}
    just_made = await checking.check(asked.model_copy(update={"access_token": "access-2"}))
    assert (just_made.ok, provider.refresh_tokens) == (True, {"refresh-3"})
    await put(server, a_mail(1))
    async with reader(**by_sign_in(server, provider)):
        await until(lambda: len(bus.published) == 1)


async def test_a_kept_token_goes_to_no_other_place_and_no_other_sign_in(reader, bus, server, provider):
    """Whoever may set the mailbox would be sent it, by naming a place of theirs to exchange it at."""
    provider.rotates = True
    async with reader(**by_sign_in(server, provider)):
        await until(lambda: is_up() == 1)
    provider.asked = []
    with sign_in() as elsewhere:
        async with reader(**by_sign_in(server, elsewhere, "theirs")):
            await until(lambda: len(elsewhere.asked) > 0)
            await asyncio.sleep(0.3)
        assert set(elsewhere.asked) == {"theirs"}
    provider.refresh_tokens.add("signed-in-again")
    async with reader(**by_sign_in(server, provider, "signed-in-again")):
        await until(lambda: is_up() == 1)
    assert provider.asked == ["signed-in-again"]


async def test_a_sign_in_that_was_revoked_is_told_in_words(reader, bus, bucket, server, provider, monkeypatch):
    monkeypatch.setattr(reading, "TOLD_AFTER", timedelta(seconds=0.1))
    provider.refresh_tokens = set()
    async with reader(**by_sign_in(server, provider)):
        await until(lambda: bool(bus.published))
        state = await told_of(bucket)
        assert "Sign in again" in bus.published[0][0].data.text
        assert (state.sign_in_again, "Sign in again" in state.error) == (True, True)
        provider.refresh_tokens = {"refresh-1"}
        await until(lambda: is_up() == 1)
        await put(server, a_mail(1))
        await until(lambda: "Order 1" in subjects(bus))
    assert (await told_of(bucket)).sign_in_again is False


async def test_an_app_whose_secret_has_ended_is_told_as_that(reader, bus, bucket, server, provider, monkeypatch):
    monkeypatch.setattr(reading, "TOLD_AFTER", timedelta(seconds=0.1))
    provider.refresh_tokens, provider.error = set(), "invalid_client"
    async with reader(**by_sign_in(server, provider)):
        await until(lambda: bool(bus.published))
    assert "does not take the app any more: its client secret has ended" in bus.published[0][0].data.text


async def test_a_password_that_is_refused_asks_for_no_sign_in(reader, bus, bucket, server):
    async with reader(imap_url=f"imap+plain://{quote(USER)}:wrong@127.0.0.1:{server.port}"):
        await until(lambda: "email-local.state" in bucket.kept)
    assert (await told_of(bucket)).sign_in_again is False


@pytest.mark.parametrize("scheme", ["imaps", "imap"])
async def test_tls_is_used_and_the_servers_name_checked(reader, bus, server, monkeypatch, scheme):
    monkeypatch.setattr(reading, "TOLD_AFTER", timedelta(seconds=0.1))
    port = server.tls_port if scheme == "imaps" else server.port
    await put(server, a_mail(1))
    async with reader(imap_url=f"{scheme}://{quote(USER)}:{quote(PASSWORD)}@localhost:{port}/INBOX"):
        await until(lambda: subjects(bus) == ["Order 1"])
    bus.published.clear()
    async with reader(imap_url=f"{scheme}://{quote(USER)}:{quote(PASSWORD)}@127.0.0.1:{port}"):
        await until(lambda: bool(bus.published))
    assert "certificate is not valid: " in bus.published[0][0].data.text


async def test_a_channel_may_have_a_mailbox_but_not_in_our_own_network(reader, bus, server, settings):
    config = ChannelConfig(
        id="acme-help", workspace="acme", kind="email", name="Help", secrets={"imap_password": PASSWORD},
        settings={
            "address": "help@acme.example",
            "imap": {"host": "127.0.0.1", "port": server.tls_port, "user": USER, "security": "tls"},
        },
    )  # fmt: skip
    bus.channels = [config]
    async with reader(imap_url=None) as app:
        await asyncio.sleep(0.3)
        assert not bus.published
        assert app
    box = desk_box(config, settings)
    with pytest.raises(session.UnreadableError, match=r"port \d+ is not among those allowed"):
        session.Session(box, None)
    inner = desk_box(
        config.model_copy(update={"settings": config.settings | {"imap": {"host": "127.0.0.1", "user": USER}}}),
        settings,
    )
    with pytest.raises(session.UnreadableError, match="may not be asked"):
        session.Session(inner, None)


def desk_box(config: ChannelConfig, settings: Settings) -> Mailbox:
    from onethread.gateway_email.desks import desk_of

    box = desk_of(config, settings).mailbox
    assert box
    return box


async def test_a_mailbox_that_is_taken_away_or_changed_is_read_no_more(bus, server, settings, monkeypatch):
    began: list[str] = []

    async def run(self) -> None:
        began.append(self._desk.id)
        try:
            await asyncio.sleep(60)
        finally:
            began.append("ended")

    monkeypatch.setattr(reading.Reader, "run", run)
    box = Mailbox.at("imaps://u:p@mail.example", "nothing", "", "", "", {})
    desks = [SimpleNamespace(id="a", mailbox=box), SimpleNamespace(id="b", mailbox=None)]
    boxes = keeper.Mailboxes(desks, None, None, ("a secret",), 1)  # type: ignore[arg-type]
    boxes.agree()
    assert not began, "not before it is started"
    boxes.start()
    await asyncio.sleep(0)
    boxes.agree()
    desks[0] = SimpleNamespace(id="a", mailbox=box)
    boxes.agree()
    await until(lambda: sorted(began) == ["a", "a", "ended"])
    desks.clear()
    boxes.agree()
    await until(lambda: sorted(began) == ["a", "a", "ended", "ended"])
    await boxes.stop()


async def test_what_the_mailboxs_server_says_of_the_sender_is_believed_where_it_is_named(reader, bus, server):
    results = "Authentication-Results: mx.provider.example; dmarc={} header.from=customer.example\r\n"
    received = "Received: from mail.customer.example by mx.provider.example; Mon, 02 Nov 2026 09:59:59 +0000\r\n"
    await put(
        server,
        a_mail(1, more=received + results.format("pass")),
        a_mail(2, more=received + results.format("fail") + results.format("pass")),
        a_mail(3, more=received + results.format("none").replace("provider", "other") + results.format("pass")),
    )
    async with reader(imap_authserv_id="mx.provider.example"):
        await until(lambda: len(bus.published) == 3)
    assert [event.data.identities[0].trust for event, _ in bus.published] == ["verified", "asserted", "asserted"]


async def test_a_reply_token_in_the_address_of_delivery_names_the_thread(reader, bus, server):
    from onethread.gateway_email.tokens import Signer

    thread = uuid4()
    token = Signer(("a secret of a test",), "local").token(thread, "ann@customer.example")
    await put(server, a_mail(1, more=f"Delivered-To: support+{token}@desk.example\r\n"))
    async with reader():
        await until(lambda: len(bus.published) == 1)
    assert bus.published[0][0].data.thread_token == thread


@pytest.mark.parametrize("url", ["https://u:p@mail.example", "imaps://mail.example", "imaps:///INBOX"])
def test_an_address_of_a_mailbox_that_is_none_stops_the_start(url: str):
    with pytest.raises(ValueError, match="imaps://user:password@host/folder"):
        Settings(reply_secret="a secret of a test", imap_url=url)


def test_the_password_is_in_no_repr():
    box = Mailbox.at("imaps://u:hunter2@mail.example/Support%20desk", "nothing", "", "", "", {})
    assert (box.folder, box.port, box.password) == ("Support desk", 993, "hunter2")
    assert "hunter2" not in repr(box)
