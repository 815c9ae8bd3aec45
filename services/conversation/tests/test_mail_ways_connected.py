"""How mail comes to a support address: what administrators set, see and try, and what never comes out again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from plugins.conversation_world import running

from onethread.contracts.channels import Channels, ChannelsOf
from onethread.contracts.mail import CheckMailbox, MailboxChecked, MailboxState, Ways, WaysOf
from onethread.contracts.subjects import CONVERSATION_CHANNELS, EMAIL_MAILBOX, EMAIL_WAYS
from onethread.conversation.access import WORKSPACE_HEADER
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.bus import Bus

pytestmark = pytest.mark.connected
SECRET = "a secret of the installation"
IMAP = {"host": "imap.shop.example", "user": "help@shop.example"}
OWN = "email/addresses/email-local"


class Gateway:
    """Its part: tells how far it reads, and tries what it is given."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.tried: list[CheckMailbox] = []

    async def ways(self, asked: WaysOf) -> Ways:
        state = MailboxState(waiting=3, has_idle=True)
        return Ways(url="https://mail.shop.example", operators_providers=["ses"], state=state)

    async def check(self, asked: CheckMailbox) -> MailboxChecked:
        self.tried.append(asked)
        return MailboxChecked(ok=False, words=["The server refuses the login."])

    async def secrets_of(self, channel: str) -> dict[str, str]:
        answer = await self.bus.ask(CONVERSATION_CHANNELS, ChannelsOf(kind="email"), Channels)
        return next(one.secrets for one in answer.items if one.id == channel)


@pytest.fixture
async def api(nats_url: str, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with running(nats_url, database_url, secret=SECRET) as app:
        transport, key = httpx.ASGITransport(app), {"Authorization": "Bearer key"}
        async with httpx.AsyncClient(transport=transport, base_url="http://inbox/api/v1/", headers=key) as api:
            yield api


@pytest.fixture
async def gateway(nats_url: str, api: httpx.AsyncClient) -> AsyncIterator[Gateway]:
    bus = Bus("gateway", ConversationSettings(nats_url=nats_url, api_key="key", admin_password="pw"))
    gateway = Gateway(bus)
    bus.answer(EMAIL_WAYS, WaysOf, gateway.ways)
    bus.answer(EMAIL_MAILBOX, CheckMailbox, gateway.check)
    await bus.start()
    yield gateway
    await bus.stop()


async def change(api: httpx.AsyncClient, path: str = OWN, **what: Any) -> dict[str, Any]:
    answer = await api.patch(f"{path}/ways", json=what)
    assert answer.status_code == 200, answer.text
    assert "canary" not in answer.text
    return answer.json()


async def test_a_mailbox_and_a_provider_are_set_told_to_the_gateway_and_not_shown_again(
    api: httpx.AsyncClient, gateway: Gateway
) -> None:
    secrets = {"imap_password": "canary", "inbound_postmark": "canary:canary-horse"}
    set_ = await change(api, imap=IMAP, secrets=secrets)
    assert (set_["imap"]["port"], set_["secrets"]) == (993, ["imap_password", "inbound_postmark"])
    postmark, mailgun, _, ses = set_["providers"]
    assert postmark == {
        "name": "postmark", "url": "https://mail.shop.example/inbound/postmark/email-local", "is_set": True,
        "by_operator": False,
    }  # fmt: skip
    assert (mailgun["is_set"], ses["is_set"], ses["by_operator"]) == (False, False, True)
    assert (set_["answers"], set_["state"]["waiting"], set_["state"]["has_idle"]) == (True, 3, True)
    assert await gateway.secrets_of("email-local") == secrets
    for path in (f"{OWN}/ways", "audit", "channels/email-local"):
        assert "canary" not in (await api.get(path)).text
    without = await change(api, secrets={"inbound_postmark": None})
    assert (without["secrets"], without["imap"]["host"]) == (["imap_password"], "imap.shop.example")
    assert (await change(api, imap=None))["secrets"] == []


async def test_a_password_that_is_kept_goes_to_no_other_server(api: httpx.AsyncClient, gateway: Gateway) -> None:
    """Whoever may administer would learn it by having us sign in to a machine of theirs."""
    await change(api, imap=IMAP, secrets={"imap_password": "canary"})
    elsewhere = IMAP | {"host": "imap.evil.example"}
    by_token = IMAP | {"token_url": "https://evil.example/token"}
    for imap in (IMAP | {"folder": "Help"}, elsewhere, by_token, IMAP | {"port": 143, "security": "starttls"}):
        assert (await api.post(f"{OWN}/check", json={"imap": imap})).status_code == 200
    assert [one.secrets for one in gateway.tried] == [{"imap_password": "canary"}, {}, {}, {}]
    assert (await change(api, imap=IMAP | {"folder": "Help"}))["secrets"] == ["imap_password"]
    assert (await change(api, imap=elsewhere))["secrets"] == []
    assert await gateway.secrets_of("email-local") == {}
    await change(api, imap=IMAP, secrets={"imap_password": "canary"})
    await api.patch("channels/email-local", json={"settings": {"imap": elsewhere}})
    assert await gateway.secrets_of("email-local") == {}


async def test_a_mailbox_is_tried_as_it_is_typed_and_nothing_of_it_is_kept(
    api: httpx.AsyncClient, gateway: Gateway
) -> None:
    await change(api, secrets={"inbound_postmark": "canary:canary-horse"})
    typed = {"imap": IMAP, "secrets": {"imap_password": "typed"}}
    answer = await api.post(f"{OWN}/check", json=typed)
    assert answer.json() == {"ok": False, "words": ["The server refuses the login."]}
    [asked] = gateway.tried
    assert (asked.workspace, asked.channel, asked.secrets) == ("local", "email-local", {"imap_password": "typed"})
    assert (await api.get(f"{OWN}/ways")).json()["imap"] is None


async def test_what_is_no_mailbox_or_key_is_refused_in_words(api: httpx.AsyncClient) -> None:
    for wrong in (
        {"imap": IMAP | {"host": "a b"}}, {"imap": IMAP | {"port": 0}}, {"secrets": {"inbound_postmark": "short"}},
        {"secrets": {"other": "x"}},
    ):  # fmt: skip
        assert (await api.patch(f"{OWN}/ways", json=wrong)).status_code == 422
    assert (await api.get("email/addresses/nobody/ways")).status_code == 404


async def test_while_the_gateway_is_away_all_that_is_kept_is_shown_and_nothing_can_be_tried(
    api: httpx.AsyncClient,
) -> None:
    shown = await change(api, imap=IMAP, secrets={"imap_password": "canary"})
    assert (shown["answers"], shown["state"], shown["secrets"]) == (False, None, ["imap_password"])
    tried = await api.post(f"{OWN}/check", json={"imap": IMAP})
    assert (tried.status_code, tried.json()["title"]) == (503, "The mail gateway does not answer")


async def test_another_workspace_sees_nothing_of_it(api: httpx.AsyncClient, gateway: Gateway) -> None:
    await api.post("workspaces", json={"slug": "beta", "name": "Beta"})
    beta = {WORKSPACE_HEADER: "beta"}
    assert (await api.get(f"{OWN}/ways", headers=beta)).status_code == 404
    assert (await api.post(f"{OWN}/check", json={"imap": IMAP}, headers=beta)).status_code == 404
    assert (await api.patch(f"{OWN}/ways", json={"imap": IMAP}, headers=beta)).status_code == 404
    assert gateway.tried == []
