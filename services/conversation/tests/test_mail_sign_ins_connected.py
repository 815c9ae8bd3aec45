"""Signing in to mailboxes at Google and Microsoft: what is kept, what is tried, and what attackers bring."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from plugins.conversation_world import running
from plugins.sign_in_provider import TENANT, LookAlike, query_of

from onethread.contracts.channels import Channels, ChannelsOf
from onethread.contracts.mail import CheckMailbox, MailboxChecked, Ways, WaysOf
from onethread.contracts.subjects import CONVERSATION_CHANNELS, EMAIL_MAILBOX, EMAIL_WAYS
from onethread.conversation.access import WORKSPACE_HEADER
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.bus import Bus

pytestmark = pytest.mark.connected
OWN = "email/addresses/email-local"
ADMIN = {"email": "admin@onethread.localhost", "password": "pw-of-admin"}
MARA = {"email": "mara@shop.example", "name": "Mara Lind", "password": "a good password"}
INBOX = "https://inbox.shop.example"
AN_APP = {"client_id": "an-app", "client_secret": "its secret"}
OPERATORS = {"google_client_id": "an-app", "google_client_secret": "its secret"}


class Gateway:
    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.tried: list[CheckMailbox] = []

    async def ways(self, asked: WaysOf) -> Ways:
        return Ways(url="")

    async def check(self, asked: CheckMailbox) -> MailboxChecked:
        self.tried.append(asked)
        return MailboxChecked(ok=True, words=["The folder INBOX can be read."])

    async def secrets_of(self, channel: str) -> dict[str, str]:
        answer = await self.bus.ask(CONVERSATION_CHANNELS, ChannelsOf(kind="email"), Channels)
        return next((one.secrets for one in answer.items if one.id == channel), {})


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"secret": "a secret of the installation", "public_url": INBOX}


@pytest.fixture
async def app(nats_url: str, database_url: str, settings: dict[str, Any]) -> AsyncIterator[Any]:
    async with running(nats_url, database_url, **settings) as app:
        yield app


@pytest.fixture
async def gateway(nats_url: str, app: Any) -> AsyncIterator[Gateway]:
    bus = Bus("gateway", ConversationSettings(nats_url=nats_url, api_key="key", admin_password="pw"))
    gateway = Gateway(bus)
    bus.answer(EMAIL_WAYS, WaysOf, gateway.ways)
    bus.answer(EMAIL_MAILBOX, CheckMailbox, gateway.check)
    await bus.start()
    yield gateway
    await bus.stop()


@pytest.fixture
def provider(sign_in_provider: LookAlike) -> LookAlike:
    sign_in_provider.redirect_uris = {f"{INBOX}/inbox/email/addresses/{name}" for name in ("google", "microsoft")}
    return sign_in_provider


@asynccontextmanager
async def a_session(app: Any, login: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://inbox/api/v1/") as browser:
        answer = await browser.post("session", json={name: login[name] for name in ("email", "password")})
        assert answer.status_code == 200, answer.text
        yield browser


@pytest.fixture
async def admin(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with a_session(app, ADMIN) as browser:
        yield browser


async def begin(admin: httpx.AsyncClient, name: str = "google", **more: Any) -> str:
    wanted = {"provider": name, "user": "help@shop.example"} | AN_APP | more
    answer = await admin.post(f"{OWN}/sign-in", json=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()["url"]


async def finish(admin: httpx.AsyncClient, said: dict[str, str], name: str = "google") -> httpx.Response:
    return await admin.post("email/sign-ins", json={"provider": name} | said)


def words(answer: httpx.Response) -> str:
    assert answer.status_code in {409, 503}, answer.text
    return f"{answer.json()['title']}. {answer.json()['detail']}"


async def ways(admin: httpx.AsyncClient) -> dict[str, Any]:
    return (await admin.get(f"{OWN}/ways")).json()


async def test_a_sign_in_keeps_a_refresh_token_and_tries_the_mailbox_at_once(
    admin: httpx.AsyncClient, gateway: Gateway, provider: LookAlike, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = await begin(admin)
    asked = query_of(url)
    assert (asked["access_type"], asked["code_challenge_method"], asked["login_hint"]) == (
        "offline", "S256", "help@shop.example",
    )  # fmt: skip
    assert asked["redirect_uri"] == f"{INBOX}/inbox/email/addresses/google"
    said = provider.allow(url)
    caplog.clear()  # what the look-alike's browser logs
    answer = await finish(admin, said)
    assert answer.json() == {
        "address_id": "email-local", "account": "help@shop.example",
        "checked": {"ok": True, "words": ["The folder INBOX can be read."]},
    }  # fmt: skip
    [tried] = gateway.tried
    assert (tried.access_token, tried.secrets, tried.imap and tried.imap.host) == (
        "access-canary", {}, "imap.gmail.com",
    )  # fmt: skip
    [refresh] = provider.refresh_tokens
    assert await gateway.secrets_of("email-local") == {
        "imap_refresh_token": refresh, "imap_client_secret": "its secret",
    }  # fmt: skip
    seen = await ways(admin)
    assert seen["secrets"] == ["imap_client_secret", "imap_refresh_token"]
    assert (seen["imap"]["user"], seen["imap"]["signed_in_as"]) == ("help@shop.example", "help@shop.example")
    assert [one["is_used"] for one in seen["sign_ins"]] == [True, False]
    told = [str(seen), (await admin.get("audit")).text, answer.text, caplog.text]
    for secret in (refresh, "access-canary", "its secret", asked["state"]):
        assert not any(secret in one for one in told)


async def test_a_password_of_before_goes_and_the_folder_stays(
    admin: httpx.AsyncClient, gateway: Gateway, provider: LookAlike
) -> None:
    imap = {"host": "imap.gmail.com", "user": "help@shop.example", "folder": "Support", "after": "seen"}
    set_ = {"imap": imap, "secrets": {"imap_password": "canary", "inbound_postmark": "hook:correct-horse"}}
    assert (await admin.patch(f"{OWN}/ways", json=set_)).status_code == 200
    assert (await finish(admin, provider.allow(await begin(admin)))).status_code == 200
    seen = await ways(admin)
    assert (seen["imap"]["folder"], seen["imap"]["after"]) == ("Support", "seen")
    assert seen["secrets"] == ["imap_client_secret", "imap_refresh_token", "inbound_postmark"]


async def test_a_shared_mailbox_at_microsoft_is_read_by_who_may_open_it(
    admin: httpx.AsyncClient, gateway: Gateway, provider: LookAlike
) -> None:
    provider.account = "Mara@shop.example"
    url = await begin(admin, "microsoft", account="mara@shop.example", tenant=TENANT)
    assert f"/{TENANT}/authorize?" in url
    assert "offline_access" in query_of(url)["scope"]
    answer = await finish(admin, provider.allow(url), "microsoft")
    assert answer.json()["account"] == "mara@shop.example", answer.text
    imap = (await ways(admin))["imap"]
    assert (imap["host"], imap["user"], imap["signed_in_as"]) == (
        "outlook.office365.com", "help@shop.example", "mara@shop.example",
    )  # fmt: skip
    assert (await ways(admin))["sign_ins"][1]["tenant"] == TENANT
    again = await begin(admin, "microsoft", account="mara@shop.example", tenant=TENANT, client_secret="")
    assert (await finish(admin, provider.allow(again), "microsoft")).status_code == 200, "the secret was kept"


class TestTheOperatorsApp:
    @pytest.fixture
    def settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        return settings | OPERATORS

    async def test_needs_nothing_typed_and_its_secret_is_kept_in_no_channel(
        self, admin: httpx.AsyncClient, gateway: Gateway, provider: LookAlike, app: Any
    ) -> None:
        url = await begin(admin, client_id="", client_secret="")
        assert (await finish(admin, provider.allow(url))).status_code == 200
        assert (await ways(admin))["secrets"] == ["imap_refresh_token"]
        assert (await gateway.secrets_of("email-local"))["imap_client_secret"] == "its secret"
        imap = (await ways(admin))["imap"]
        await admin.post(f"{OWN}/check", json={"imap": imap})
        assert gateway.tried[-1].secrets["imap_client_secret"] == "its secret"

    @pytest.mark.parametrize("change", [{"token_url": "https://evil.example/token"}, {"client_id": "another"}])
    async def test_gives_its_secret_to_no_other_machine_and_for_no_other_app(
        self, admin: httpx.AsyncClient, gateway: Gateway, provider: LookAlike, change: dict[str, str]
    ) -> None:
        imap = {"host": "imap.gmail.com", "user": "x", "client_id": "an-app", "token_url": f"{provider.url}/token"}
        for one, has in ((imap, True), (imap | change, False)):
            wanted = {"imap": one, "secrets": {"imap_refresh_token": "mine"}}
            await admin.post(f"{OWN}/check", json=wanted)
            assert ("imap_client_secret" in gateway.tried[-1].secrets) is has
            await admin.patch(f"{OWN}/ways", json=wanted)
            assert ("imap_client_secret" in await gateway.secrets_of("email-local")) is has


async def test_without_any_app_it_is_said_what_is_missing(admin: httpx.AsyncClient) -> None:
    answer = await admin.post(f"{OWN}/sign-in", json={"provider": "google", "user": "help@shop.example"})
    assert "There is no app to sign in with" in words(answer)


async def test_a_secret_that_is_kept_goes_to_no_other_app_or_organisation(
    admin: httpx.AsyncClient, gateway: Gateway, provider: LookAlike
) -> None:
    await finish(admin, provider.allow(await begin(admin, "microsoft")), "microsoft")
    provider.clients["another"] = ""
    for other in ({"client_id": "another"}, {"tenant": "evil.example"}):
        url = await begin(admin, "microsoft", **{"client_secret": ""} | other)
        answer = await finish(admin, provider.allow(url), "microsoft")
        if "tenant" in other:
            assert "client secret" in words(answer)
        else:
            assert answer.status_code == 200, answer.text


class TestAState:
    async def test_is_good_once(self, admin: httpx.AsyncClient, gateway: Gateway, provider: LookAlike) -> None:
        url = await begin(admin)
        first = provider.allow(url)
        assert (await finish(admin, first)).status_code == 200
        assert "This sign-in is over" in words(await finish(admin, first))
        assert "This sign-in is over" in words(await finish(admin, provider.allow(url)))

    async def test_of_another_session_brings_nobody_elses_mailbox(
        self, admin: httpx.AsyncClient, app: Any, gateway: Gateway, provider: LookAlike
    ) -> None:
        """An attacker who begins, and has an administrator's browser end it, would have the desk read their mailbox."""
        async with a_session(app, ADMIN) as attacker:
            said = provider.allow(await begin(attacker))
            assert "This sign-in is over" in words(await finish(admin, said))
            assert "This sign-in is over" in words(await finish(attacker, said)), "it is used up"
        assert (await ways(admin))["imap"] is None

    async def test_that_was_made_up_is_refused_and_leads_nowhere(
        self, admin: httpx.AsyncClient, provider: LookAlike
    ) -> None:
        assert "This sign-in is over" in words(await finish(admin, {"state": "x" * 64, "code": "y"}))
        assert (await finish(admin, {"code": "y"})).status_code == 422
        wanted = {"provider": "google", "user": "x", "redirect_uri": "https://evil.example"} | AN_APP
        assert (await admin.post(f"{OWN}/sign-in", json=wanted)).status_code == 422

    async def test_is_over_after_a_quarter_of_an_hour_and_is_not_kept(
        self, admin: httpx.AsyncClient, provider: LookAlike, database_url: str
    ) -> None:
        said = provider.allow(await begin(admin))
        with psycopg.connect(database_url, autocommit=True) as database:
            database.execute("update mailbox_sign_in set created_at = now() - interval '16 minutes'")
            kept = str(database.execute("select * from mailbox_sign_in").fetchall())
            assert not [one for one in (said["state"], "its secret", "help@shop.example") if one in kept]
            assert "This sign-in is over" in words(await finish(admin, said))
            await begin(admin)
            database.execute("update mailbox_sign_in set created_at = now() - interval '16 minutes'")
            await begin(admin)
            assert database.execute("select count(*) from mailbox_sign_in").fetchone() == (1,)

    async def test_of_another_workspace_is_not_known(
        self, admin: httpx.AsyncClient, app: Any, provider: LookAlike
    ) -> None:
        said = provider.allow(await begin(admin))
        transport, key = httpx.ASGITransport(app), {"Authorization": "Bearer key"}
        async with httpx.AsyncClient(transport=transport, base_url="https://inbox/api/v1/", headers=key) as root:
            await root.post("workspaces", json={"slug": "beta", "name": "Beta"})
            root.headers[WORKSPACE_HEADER] = "beta"
            assert "This sign-in is over" in words(await finish(root, said))
            assert (await root.post(f"{OWN}/sign-in", json={"provider": "google", "user": "x"})).status_code == 404


async def test_a_code_of_another_sign_in_is_not_taken(
    admin: httpx.AsyncClient, gateway: Gateway, provider: LookAlike
) -> None:
    """A code that was stolen, or is the attacker's own, was given for another verifier and nonce."""
    stolen = provider.allow(await begin(admin))
    own = provider.allow(await begin(admin))
    assert "It takes the code no more" in words(await finish(admin, own | {"code": stolen["code"]}))
    assert (await ways(admin))["imap"] is None


async def test_the_answer_of_one_provider_is_not_taken_for_anothers(
    admin: httpx.AsyncClient, gateway: Gateway, provider: LookAlike
) -> None:
    assert "This sign-in is over" in words(await finish(admin, provider.allow(await begin(admin)), "microsoft"))
    named = provider.allow(await begin(admin)) | {"iss": "https://evil.example"}
    assert "This sign-in is over" in words(await finish(admin, named))
    right = provider.allow(await begin(admin)) | {"iss": provider.url}
    assert (await finish(admin, right)).status_code == 200


async def test_an_id_token_that_is_not_of_this_sign_in_proves_nothing(
    admin: httpx.AsyncClient, gateway: Gateway, provider: LookAlike
) -> None:
    for wrong in (
        {"nonce": "another"}, {"nonce": None}, {"aud": "another-app"}, {"iss": "https://evil.example"}, {"exp": 1},
        {"azp": "another-app"},
    ):  # fmt: skip
        provider.claims = wrong
        said = words(await finish(admin, provider.allow(await begin(admin))))
        assert "does not prove who has signed in" in said, wrong
    provider.claims, provider.signs_with = {}, rsa.generate_private_key(65537, 2048)
    assert "does not prove who has signed in" in words(await finish(admin, provider.allow(await begin(admin))))
    assert (await ways(admin))["secrets"] == []


async def test_an_organisation_that_the_app_is_not_for_proves_nothing(
    admin: httpx.AsyncClient, gateway: Gateway, provider: LookAlike
) -> None:
    other = TENANT.replace("1", "9")
    url = await begin(admin, "microsoft", tenant=other)
    assert "does not prove who" in words(await finish(admin, provider.allow(url), "microsoft"))


async def test_another_account_than_the_mailboxs_is_named_and_not_kept(
    admin: httpx.AsyncClient, gateway: Gateway, provider: LookAlike
) -> None:
    provider.account = "mara@shop.example"
    said = words(await finish(admin, provider.allow(await begin(admin))))
    assert "You signed in at Google as mara@shop.example, not as help@shop.example." in said
    provider.account, provider.claims = "help@shop.example", {"email_verified": False}
    assert "That is another account" in words(await finish(admin, provider.allow(await begin(admin))))
    assert (await ways(admin))["imap"] is None


class TestInWords:
    async def test_that_somebody_chose_cancel(self, admin: httpx.AsyncClient, provider: LookAlike) -> None:
        said = words(await finish(admin, provider.cancel(await begin(admin))))
        assert "Google did not sign you in. The sign-in was not allowed: somebody chose Cancel" in said

    async def test_and_nothing_of_what_stands_in_the_address(
        self, admin: httpx.AsyncClient, provider: LookAlike
    ) -> None:
        back = provider.cancel(await begin(admin)) | {"error": "Call us at evil.example"}
        assert "It said: an error." in words(await finish(admin, back))

    async def test_that_there_is_no_refresh_token(
        self, admin: httpx.AsyncClient, gateway: Gateway, provider: LookAlike
    ) -> None:
        provider.said = {"refresh_token": None}
        assert "It gave no refresh token" in words(await finish(admin, provider.allow(await begin(admin))))
        assert (await ways(admin))["imap"] is None

    async def test_that_the_mail_was_not_ticked(
        self, admin: httpx.AsyncClient, gateway: Gateway, provider: LookAlike
    ) -> None:
        provider.said = {"scope": "openid email"}
        assert "Reading the mail was not allowed" in words(await finish(admin, provider.allow(await begin(admin))))

    async def test_that_the_client_secret_is_wrong(self, admin: httpx.AsyncClient, provider: LookAlike) -> None:
        said = words(await finish(admin, provider.allow(await begin(admin, client_secret="wrong"))))
        assert "It does not take the client secret." in said
        assert "It said: invalid_client (AADSTS7000215)." in said
        assert "<b>" not in said

    async def test_that_the_provider_is_away(self, admin: httpx.AsyncClient, provider: LookAlike) -> None:
        url = await begin(admin)
        said = provider.allow(url)
        provider.is_away = True
        answer = await finish(admin, said)
        assert (answer.status_code, "Google cannot be reached" in words(answer)) == (503, True)

    async def test_that_the_gateway_was_not_there_to_try(self, admin: httpx.AsyncClient, provider: LookAlike) -> None:
        checked = (await finish(admin, provider.allow(await begin(admin)))).json()["checked"]
        assert (checked["ok"], "was not tried" in checked["words"][0]) == (False, True)
        assert (await ways(admin))["imap"]["host"] == "imap.gmail.com"


async def test_a_teammate_without_the_right_begins_and_ends_none(
    admin: httpx.AsyncClient, app: Any, provider: LookAlike
) -> None:
    said = provider.allow(await begin(admin))
    assert (await admin.post("teammates", json=MARA)).status_code == 201
    async with a_session(app, MARA) as mara:
        assert (await mara.post(f"{OWN}/sign-in", json={"provider": "google", "user": "x"} | AN_APP)).status_code == 403
        assert (await finish(mara, said)).status_code == 403
    foreign = {"sec-fetch-site": "cross-site"}
    assert (await admin.post("email/sign-ins", json={"provider": "google"} | said, headers=foreign)).status_code == 403


class TestWithoutASecretOfItsOwn:
    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {"public_url": INBOX}

    async def test_the_installation_begins_none(self, admin: httpx.AsyncClient, provider: LookAlike) -> None:
        answer = await admin.post(f"{OWN}/sign-in", json={"provider": "google", "user": "x"} | AN_APP)
        assert "This installation keeps no secrets" in words(answer)
