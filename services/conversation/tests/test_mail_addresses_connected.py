"""How mails from a support address look, and the keys that sign them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest
from plugins.conversation_world import behind_its_back, running, verified
from plugins.conversation_world import received as a_message

from onethread.contracts.channels import Channels, ChannelsOf, EmailSettings
from onethread.contracts.mail import Before, BeforeMessage, CheckRecords, DnsRecord, RecordsChecked
from onethread.contracts.subjects import CONVERSATION_BEFORE, CONVERSATION_CHANNELS, EMAIL_RECORDS
from onethread.conversation.access import WORKSPACE_HEADER
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.bus import Bus

pytestmark = pytest.mark.connected
SECRET = "a secret of the installation"
SALES = {"kind": "email", "name": "Sales", "settings": {"address": "sales@shop.example"}}
OWN = "onethread.localhost"


class Dns:
    """The gateway's part: tells of each key whether the DNS shows it."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.shown: set[str] = set()
        self.away = False
        self.asked: list[str] = []

    async def __call__(self, asked: CheckRecords) -> RecordsChecked:
        self.asked.append(asked.domain)
        return RecordsChecked(items=[self._record(asked.domain, key.selector) for key in asked.keys])

    def _record(self, domain: str, selector: str) -> DnsRecord:
        state = "unknown" if self.away else "right" if selector in self.shown else "missing"
        name = f"{selector}._domainkey.{domain}"
        return DnsRecord(kind="dkim", type="TXT", name=name, value="v", state=state, words="", selector=selector)

    async def key_of(self, channel: str) -> str | None:
        answer = await self.bus.ask(CONVERSATION_CHANNELS, ChannelsOf(kind="email"), Channels)
        known = {one.id: one.secrets.get("dkim_selector") for one in answer.items}
        return known.get(channel)


@pytest.fixture
async def app(nats_url: str, database_url: str) -> AsyncIterator[Any]:
    async with running(nats_url, database_url, secret=SECRET) as app:
        yield app


@pytest.fixture
async def api(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    transport, key = httpx.ASGITransport(app), {"Authorization": "Bearer key"}
    async with httpx.AsyncClient(transport=transport, base_url="http://inbox/api/v1/", headers=key) as api:
        yield api


@pytest.fixture
async def dns(nats_url: str, app: Any) -> AsyncIterator[Dns]:
    bus = Bus("gateway", ConversationSettings(nats_url=nats_url, api_key="key", admin_password="pw"))
    dns = Dns(bus)
    bus.answer(EMAIL_RECORDS, CheckRecords, dns)
    await bus.start()
    yield dns
    await bus.stop()


async def post(api: httpx.AsyncClient, path: str, status: int = 200, **more: Any) -> dict[str, Any]:
    answer = await api.post(path, **more)
    assert answer.status_code == status, answer.text
    return answer.json()


async def make_key(api: httpx.AsyncClient, domain: str = "shop.example") -> str:
    return (await post(api, f"email/domains/{domain}/keys", 201))["keys"][0]["selector"]


async def check(api: httpx.AsyncClient, domain: str = "shop.example") -> dict[str, dict[str, Any]]:
    return {key["selector"]: key for key in (await post(api, f"email/domains/{domain}/check"))["keys"]}


@pytest.fixture
async def sales(api: httpx.AsyncClient) -> str:
    return (await post(api, "channels", 201, json=SALES))["id"]


async def test_the_installations_own_address_is_listed_and_its_mails_look_as_is_wished(
    api: httpx.AsyncClient, dns: Dns, sales: str
) -> None:
    own, made = (await api.get("email/addresses")).json()["items"]
    assert (own["address"], own["installation"], own["sender"]) == (f"support@{OWN}", True, "{name}")
    assert (made["id"], made["domain"], made["installation"]) == (sales, "shop.example", False)
    written = {"sender": "{name} at Acme", "signature": "**{name}** <b>x</b>", "quotes_history": True}
    saved = await api.patch(f"email/addresses/{own['id']}", json=written)
    assert saved.status_code == 200, saved.text
    assert (await api.get("email/addresses")).json()["items"][0] | written == saved.json()
    answer = await dns.bus.ask(CONVERSATION_CHANNELS, ChannelsOf(kind="email"), Channels)
    told = next(EmailSettings.model_validate(one.settings) for one in answer.items if one.id == own["id"])
    assert told.signature_html == "<p><strong>{name}</strong> &lt;b&gt;x&lt;/b&gt;</p>"
    # It stays the installation's own: it is not among those that an administrator made, and cannot be removed.
    assert [one["id"] for one in (await api.get("channels")).json()["items"]] == [sales]
    assert [one["id"] for one in (await api.get("agent")).json()["channels"]].count("email-local") == 1


async def test_nobody_sends_html_of_their_own_as_a_signature(api: httpx.AsyncClient, dns: Dns) -> None:
    evil = {"address": "evil@shop.example", "signature": "*a*", "signature_html": "<script>x</script>"}
    made = await post(api, "channels", 201, json={"kind": "email", "name": "E", "settings": evil})
    assert made["settings"]["signature_html"] == "<p><em>a</em></p>"


async def test_addresses_elsewhere_that_forward_here_are_told_to_the_gateway_in_one_spelling(
    api: httpx.AsyncClient, dns: Dns, sales: str
) -> None:
    saved = await api.patch(f"email/addresses/{sales}", json={"aliases": [" Help@Exämple.com "]})
    assert saved.json()["aliases"] == ["help@xn--exmple-cua.com"]
    answer = await dns.bus.ask(CONVERSATION_CHANNELS, ChannelsOf(kind="email"), Channels)
    assert next(one.settings for one in answer.items if one.id == sales)["aliases"] == ["help@xn--exmple-cua.com"]
    for wrong in ("help", "help@shop", "a b@shop.example", "@shop.example"):
        refused = await api.patch(f"email/addresses/{sales}", json={"aliases": [wrong]})
        assert refused.status_code == 422
        assert f"{wrong} is not of the form name@domain" in refused.text


async def test_a_change_made_from_an_old_version_is_refused(api: httpx.AsyncClient, sales: str) -> None:
    await api.patch(f"email/addresses/{sales}", json={"sender": "{name} at Acme"})
    late = await api.patch(f"email/addresses/{sales}", json={"sender": "x"}, headers={"If-Match": '"1"'})
    assert late.status_code == 412
    assert (await api.get("email/addresses")).json()["items"][1]["sender"] == "{name} at Acme"
    assert (await api.patch("email/addresses/none", json={})).status_code == 404
    assert (await api.patch(f"email/addresses/{sales}", json={"address": "x@y.example"})).status_code == 422


async def test_a_key_signs_from_when_the_dns_shows_it(api: httpx.AsyncClient, dns: Dns, sales: str) -> None:
    selector = await make_key(api)
    assert await dns.key_of(sales) is None
    dns.shown = {selector}
    key = (await check(api))[selector]
    assert (key["in_use"], bool(key["seen_at"])) == (True, True)
    assert await dns.key_of(sales) == selector


async def test_a_new_key_takes_over_when_it_is_shown_and_the_old_one_is_kept_for_a_week(
    api: httpx.AsyncClient, dns: Dns, sales: str, database_url: str
) -> None:
    old = await make_key(api)
    dns.shown = {old}
    await check(api)
    new = await make_key(api)
    assert new != old
    assert await dns.key_of(sales) == old
    dns.shown = {old, new}
    keys = await check(api)
    assert await dns.key_of(sales) == new
    assert (keys[new]["keep_until"], bool(keys[old]["keep_until"])) == (None, True)
    week = "update mail_key set seen_at = now() - interval '8 days' where selector = %s"
    await behind_its_back(database_url, week, new)
    assert set(await check(api)) == {new}


async def test_a_key_that_the_dns_shows_no_more_signs_nothing(api: httpx.AsyncClient, dns: Dns, sales: str) -> None:
    old = await make_key(api)
    dns.shown = {old}
    await check(api)
    new = await make_key(api)
    dns.shown = {old, new}
    await check(api)
    dns.shown = {old}
    await check(api)
    assert await dns.key_of(sales) == old
    dns.away = True
    await check(api)
    assert await dns.key_of(sales) == old, "that the DNS does not answer says nothing of the key"


async def test_a_key_is_looked_for_without_anybody_asking(
    api: httpx.AsyncClient, dns: Dns, sales: str, database_url: str
) -> None:
    dns.shown = {await make_key(api)}
    await behind_its_back(database_url, "update mail_key set check_at = now()")
    for _ in range(1_000):
        if await dns.key_of(sales):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"nobody looked; asked were {dns.asked}")


async def test_the_own_address_is_signed_too_and_a_strange_domain_has_no_key(
    api: httpx.AsyncClient, dns: Dns, sales: str
) -> None:
    dns.shown = {await make_key(api, OWN)}
    await check(api, OWN)
    assert await dns.key_of("email-local") in dns.shown
    assert await dns.key_of(sales) is None
    for path in ("keys", "check"):
        await post(api, f"email/domains/other.example/{path}", 404)


async def test_the_private_half_is_sealed_and_told_to_nobody_but_the_gateway(
    api: httpx.AsyncClient, dns: Dns, sales: str, database_url: str
) -> None:
    made = await post(api, "email/domains/shop.example/keys", 201)
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("select * from mail_key").fetchall()
    assert "PRIVATE KEY" not in str(made) + str(rows) + (await api.get("audit")).text


async def test_three_keys_that_nobody_published_are_enough(api: httpx.AsyncClient, dns: Dns, sales: str) -> None:
    for _ in range(3):
        await make_key(api)
    refused = await post(api, "email/domains/shop.example/keys", 409)
    assert "not in the DNS yet" in refused["title"]


async def test_without_its_gateway_a_check_changes_nothing_and_says_so(api: httpx.AsyncClient, sales: str) -> None:
    refused = await post(api, "email/domains/shop.example/check", 503)
    assert refused["title"] == "The mail gateway did not answer"


async def test_another_workspace_sees_neither_addresses_nor_keys(api: httpx.AsyncClient, dns: Dns, sales: str) -> None:
    await make_key(api)
    await post(api, "workspaces", 201, json={"slug": "acme", "name": "Acme"})
    acme = {WORKSPACE_HEADER: "acme"}
    assert (await api.get("email/addresses", headers=acme)).json()["items"] == []
    assert (await api.patch(f"email/addresses/{sales}", json={}, headers=acme)).status_code == 404
    assert (await api.patch("email/addresses/email-local", json={}, headers=acme)).status_code == 404
    await post(api, "email/domains/shop.example/check", 404, headers=acme)


# History


ANN = verified("email", "ann@customer.example")


async def before(outside: Any, message_id: str) -> Before:
    asked = BeforeMessage(workspace="local", message_id=message_id)
    return await outside.bus.ask(CONVERSATION_BEFORE, asked, Before)


async def reply(outside: Any, thread: Any, text: str, **more: Any) -> dict[str, Any]:
    answer = await outside.api.post(f"/api/v1/threads/{thread}/messages", json={"text": text, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_below_a_reply_stands_what_its_readers_had_read_last(outside: Any) -> None:
    first = await outside.hear(a_message("email", "My first mail", ANN))
    await outside.hear(a_message("email", "My second mail", ANN))
    await reply(outside, first.threadid, "A note", note=True)
    said = (await before(outside, (await reply(outside, first.threadid, "Answer"))["id"])).said
    assert said is not None
    assert (said.text, said.address, said.html) == ("My second mail", "ann@customer.example", None)


async def test_what_was_said_elsewhere_or_before_others_is_no_history(outside: Any) -> None:
    """One thread on three places: nothing of one stands below a reply in another."""
    alone = await outside.hear(a_message("email", "A secret for you alone", ANN))
    cc = {"place": "email:ann@customer.example:cc", "shared": "Email with cc bob@customer.example"}
    await outside.hear(a_message("email", "For all of us", ANN, **cc))
    shared = await reply(outside, alone.threadid, "To all of you")
    said = (await before(outside, shared["id"])).said
    assert said is not None
    assert said.text == "For all of us"
    # The same place, but another has joined since: they have not read what was said before.
    await outside.hear(
        a_message("email", "Eve is here now", ANN, place=cc["place"], shared="Email with cc eve@x.example")
    )
    url = outside.app.state.settings.database
    await behind_its_back(url, "delete from message where text = 'Eve is here now'")
    joined = await reply(outside, alone.threadid, "Welcome")
    assert (await before(outside, joined["id"])).said is None


async def test_a_reply_that_did_not_arrive_is_no_history(outside: Any) -> None:
    first = await outside.hear(a_message("email", "Hello", ANN))
    await reply(outside, first.threadid, "Never sent")
    second = await reply(outside, first.threadid, "Once more")
    said = (await before(outside, second["id"])).said
    assert said is not None
    assert said.text == "Hello"
    assert (await before(outside, "4f0c0ce5-8f65-4a0e-9a6b-0d3f1a1b2c3d")).said is None
