"""What administrators are told of the ways by which mail comes, on a real IMAP server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import closing
from ipaddress import ip_network
from typing import Any

import pytest

from onethread.contracts.channels import ChannelConfig, ImapSettings
from onethread.contracts.mail import CheckMailbox, MailboxChecked, Ways, WaysOf
from onethread.contracts.subjects import EMAIL_MAILBOX, EMAIL_WAYS
from onethread.gateway_email.mailboxes import checking, reading, session
from onethread.gateway_email.settings import Settings
from onethread.runtime.fetching import Guard

from .imap_server import PASSWORD, PROGRAM, USER, Dovecot
from .test_mailboxes import a_mail, bucket, provider, put, reader, running, server, until  # noqa: F401 fixtures

pytestmark = [pytest.mark.imap, pytest.mark.skipif(PROGRAM is None, reason="Dovecot is not installed")]
HELP = "acme-help"


@pytest.fixture(autouse=True)
def anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Administrators may name the machine of this test."""
    everywhere = Guard((ip_network("127.0.0.0/8"),), frozenset(range(1, 65_536)))
    monkeypatch.setattr(Settings, "mailbox_guard", property(lambda _: everywhere))


@pytest.fixture
def check(reader: Callable[..., Any], bus: Any, server: Dovecot) -> Callable[..., Any]:  # noqa: F811
    async def check(password: str = PASSWORD, channel: str = HELP, **imap: Any) -> MailboxChecked:
        known = {"host": "localhost", "port": server.tls_port, "user": USER} | imap
        asked = CheckMailbox(
            workspace="acme", channel=channel, imap=ImapSettings(**known), secrets={"imap_password": password}
        )
        bus.channels = []
        async with reader(imap_url=None):
            return await bus.handlers[EMAIL_MAILBOX](asked)

    return check


def config(server: Dovecot, **imap: Any) -> ChannelConfig:  # noqa: F811
    known = {"host": "localhost", "port": server.tls_port, "user": USER} | imap
    return ChannelConfig(
        id=HELP, workspace="acme", kind="email", name="Help", secrets={"imap_password": PASSWORD},
        settings={"address": "help@acme.example", "imap": known},
    )  # fmt: skip


async def test_a_mailbox_that_can_be_read_is_told_with_what_waits_in_it(check, server) -> None:  # noqa: F811
    await put(server, a_mail(1), a_mail(2))
    found = await check(after="deleted")
    assert (found.ok, found.words) == (True, [
        f"Signed in as {USER}. The folder INBOX can be read.", "2 unread mails wait there.",
        "New mail is heard of at once.",
    ])  # fmt: skip
    assert "Seen" not in "".join(await asyncio.to_thread(server.flags))


@pytest.mark.parametrize(
    ("imap", "words"),
    [
        ({"host": "nowhere.invalid"}, "the name nowhere.invalid is not known"),
        ({"host": "127.0.0.1"}, "The server's certificate is not valid: IP address mismatch"),
        ({"folder": "Support"}, "There is no folder Support that can be opened. The mailbox has: INBOX."),
        ({"port": 1}, "Nothing listens at localhost on port"),
        ({"security": "tls", "port": None}, "does not speak TLS. Port 993 mostly does; 143 is for STARTTLS."),
        ({"user": "nobody@provider.example"}, "The server refuses the login."),
    ],
)
async def test_what_is_wrong_is_said_in_words(check, server, imap: dict[str, Any], words: str) -> None:  # noqa: F811
    imap = {name: server.port if value is None else value for name, value in imap.items()}
    found = await check(**imap)
    assert not found.ok
    assert words in " ".join(found.words)


async def test_what_the_server_says_to_a_login_is_passed_on_but_no_password_is(check, caplog) -> None:
    found = await check("hunter-of-canaries")
    assert found.words[1] == "It said: [AUTHENTICATIONFAILED] Authentication failed."
    assert "hunter" not in " ".join(found.words) + caplog.text


async def test_a_server_without_idle_or_starttls_is_told(check, server, monkeypatch) -> None:  # noqa: F811
    has = session._Client.has_capability
    monkeypatch.setattr(session._Client, "has_capability", lambda self, name: name != "IDLE" and has(self, name))
    assert "no IDLE" in (await check()).words[2]
    monkeypatch.setattr(session._Client, "has_capability", lambda *_: False)
    found = await check(security="starttls", port=server.port)
    assert found.words == ["The server offers no STARTTLS. Port 993 mostly has TLS from the beginning."]


async def test_a_server_that_says_nothing_is_given_up(check, monkeypatch) -> None:
    monkeypatch.setattr(checking, "SECONDS", 0.3)
    monkeypatch.setattr(session, "CONNECT_SECONDS", 1.0)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        found = await check(security="starttls", port=silent.getsockname()[1])
    assert (found.ok, found.words) == (False, [checking.SLOW])


async def test_a_sign_in_is_tried_as_the_reader_would(reader, bus, server, provider) -> None:  # noqa: F811
    imap = ImapSettings(
        host="localhost", port=server.tls_port, user=USER, token_url="https://provider.example", client_id="an-app"
    ).model_copy(update={"token_url": provider.url})
    secrets = {"imap_refresh_token": "refresh-1", "imap_client_secret": "its secret"}
    bus.channels = []
    async with reader(imap_url=None):
        asked = CheckMailbox(workspace="acme", channel=HELP, imap=imap, secrets=secrets)
        assert (await bus.handlers[EMAIL_MAILBOX](asked)).ok
        provider.refresh_tokens = set()
        assert "Sign in again" in (await bus.handlers[EMAIL_MAILBOX](asked)).words[0]


async def test_how_far_a_mailbox_is_read_is_told_by_any_replica(reader, bus, server, monkeypatch) -> None:  # noqa: F811
    monkeypatch.setattr(reading, "TELL_EACH", 1)
    await put(server, a_mail(1), a_mail(2))
    bus.channels = [config(server)]

    async def ways() -> Ways:
        return await bus.handlers[EMAIL_WAYS](WaysOf(workspace="acme", channel=HELP))

    async with reader(imap_url=None):
        await until(lambda: len(bus.published) == 2)
        while not (state := (await ways()).state) or state.waiting:
            await asyncio.sleep(0.05)
        assert (state.has_idle, state.error) == (True, None)
        assert state.read_at
    bus.channels = [config(server).model_copy(update={"secrets": {"imap_password": "wrong"}})]
    async with reader(imap_url=None):
        while not (state := (await ways()).state) or not state.error:
            await asyncio.sleep(0.05)
        assert "refuses the login" in state.error
        assert (state.read_at is not None, state.since is not None) == (True, True)
    bus.channels = [config(server, folder="Elsewhere")]
    async with reader(imap_url=None):
        while not (state := (await ways()).state) or not state.error:
            await asyncio.sleep(0.05)
        assert state.read_at is None, "of another folder nothing was read"


async def test_another_workspace_learns_nothing_of_a_mailbox(reader, bus, server) -> None:  # noqa: F811
    bus.channels = [config(server)]
    async with reader(imap_url=None):
        await until(lambda: len(bus.channels) == 1)
        await asyncio.sleep(0.3)
        assert (await bus.handlers[EMAIL_WAYS](WaysOf(workspace="other", channel=HELP))).state is None
        asked = CheckMailbox(workspace="other", channel=HELP)
        assert (await bus.handlers[EMAIL_MAILBOX](asked)).words == [checking.NONE]


async def test_the_own_address_has_the_operators_mailbox_or_the_administrators(reader, bus, server) -> None:  # noqa: F811
    own = config(server).model_copy(update={"id": "email-local", "workspace": "local"})
    bus.channels = [own]
    asked = WaysOf(workspace="local", channel="email-local")
    async with reader(imap_url=None, inbound_postmark="me:correct-horse", inbound_url="https://mail.desk.example/"):
        await put(server, a_mail(1))
        await until(lambda: len(bus.published) == 1)
        told = await bus.handlers[EMAIL_WAYS](asked)
        assert (told.operators_mailbox, told.operators_providers) == (None, ["postmark"])
        assert told.url == "https://mail.desk.example"
    async with reader():
        told = await bus.handlers[EMAIL_WAYS](asked)
        assert told.operators_mailbox == f"{USER} at 127.0.0.1"
        checked = await bus.handlers[EMAIL_MAILBOX](CheckMailbox(workspace="local", channel="email-local"))
        assert checked.words[0].startswith(f"Signed in as {USER}.")
