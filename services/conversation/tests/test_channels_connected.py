from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest
from plugins.conversation_world import behind_its_back, running
from pydantic import SecretStr

from onethread.contracts.channels import Channels, ChannelsOf
from onethread.contracts.subjects import CONVERSATION_CHANNELS
from onethread.conversation.access import WORKSPACE_HEADER
from onethread.conversation.sealing import Seal
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.bus import Bus
from onethread.runtime.errors import Problem

pytestmark = pytest.mark.connected
SECRET = "a secret of the installation"
WIDGET = {"kind": "widget", "name": "Shop", "settings": {"origins": ["https://shop.example"]}}
EMAIL = {"kind": "email", "name": "Sales", "settings": {"address": "Sales@Shop.Example"}}
SLACK = {
    "kind": "slack", "name": "Acme", "settings": {"team_id": "T01"},
    "secrets": {"bot_token": "xoxb-canary", "signing_secret": "signing-canary"},
}  # fmt: skip


def client(app: Any, **headers: str) -> httpx.AsyncClient:
    own = {"Authorization": "Bearer key"} | headers
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://inbox/api/v1/", headers=own)


@pytest.fixture
async def app(nats_url: str, database_url: str) -> AsyncIterator[Any]:
    async with running(nats_url, database_url, secret=SECRET) as app:
        yield app


@pytest.fixture
async def api(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with client(app) as api:
        yield api


@pytest.fixture
async def gateway(nats_url: str) -> AsyncIterator[Bus]:
    bus = Bus("gateway", ConversationSettings(nats_url=nats_url, api_key="key", admin_password="pw"))
    await bus.start()
    yield bus
    await bus.stop()


async def told(gateway: Bus, kind: Any) -> dict[str, Any]:
    answer = await gateway.ask(CONVERSATION_CHANNELS, ChannelsOf(kind=kind), Channels)
    return {channel.id: channel for channel in answer.items}


async def create(api: httpx.AsyncClient, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = await api.post("channels", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_widget_gets_a_secret_that_is_shown_once_and_told_to_its_gateway(
    api: httpx.AsyncClient, gateway: Bus
) -> None:
    made = await create(api, WIDGET)
    assert len(made["secrets"]["identity_secret"]) >= 32
    told_of = (await told(gateway, "widget"))[made["id"]]
    assert told_of.secrets == made["secrets"]
    assert (told_of.workspace, told_of.settings["origins"]) == ("local", ["https://shop.example"])
    for path in ("channels", f"channels/{made['id']}", "audit"):
        assert made["secrets"]["identity_secret"] not in (await api.get(path)).text
    assert await told(gateway, "email") == {}


async def test_an_address_is_written_one_way_and_unique_in_the_installation(
    api: httpx.AsyncClient, gateway: Bus
) -> None:
    made = await create(api, EMAIL | {"id": "sales"})
    assert (made["id"], made["settings"]["address"], made["secrets"]) == ("sales", "sales@shop.example", {})
    await api.post("workspaces", json={"slug": "beta", "name": "Beta"})
    for body, what in ((EMAIL, "address"), (WIDGET | {"id": "sales"}, "id")):
        for headers in ({}, {WORKSPACE_HEADER: "beta"}):
            answer = await api.post("channels", json=body, headers=headers)
            assert (answer.status_code, answer.json()["title"]) == (409, f"This {what} is another channel's already")
    other = await create(api, EMAIL | {"settings": {"address": "sales@beta.example"}}, **{WORKSPACE_HEADER: "beta"})
    assert (await api.patch("channels/sales", json={"settings": {"address": "sales@beta.example"}})).status_code == 409
    assert {one.workspace for one in (await told(gateway, "email")).values()} == {"local", "beta"}
    for path in (f"channels/{other['id']}",):
        assert (await api.get(path)).status_code == (await api.delete(path)).status_code == 404
        assert (await api.patch(path, json={"name": "x"})).status_code == 404
    assert [one["id"] for one in (await api.get("channels")).json()["items"]] == ["sales"]


async def test_a_slack_installations_secrets_are_unreadable_in_the_database_and_in_every_answer(
    api: httpx.AsyncClient, gateway: Bus, database_url: str
) -> None:
    made = await create(api, SLACK)
    assert (await told(gateway, "slack"))[made["id"]].secrets == SLACK["secrets"]
    listed = (await api.get("channels")).text + str(made) + (await api.get("audit")).text
    with psycopg.connect(database_url) as connection:
        kept = str(connection.execute("select c::text from channel c").fetchall())
    assert "canary" not in listed + kept
    new = {"bot_token": "xoxb-new", "signing_secret": "new"}
    await api.patch(f"channels/{made['id']}", json={"secrets": new})
    assert (await told(gateway, "slack"))[made["id"]].secrets == new


async def test_the_secrets_of_a_support_address_are_changed_one_by_one_and_never_shown(
    api: httpx.AsyncClient, gateway: Bus, database_url: str
) -> None:
    made = await create(api, EMAIL | {"secrets": {"inbound_postmark": "canary:canary-horse"}})
    assert (await told(gateway, "email"))[made["id"]].secrets == {"inbound_postmark": "canary:canary-horse"}
    path, topic = f"channels/{made['id']}", "arn:aws:sns:eu-west-1:1:mail"
    await api.patch(path, json={"secrets": {"inbound_ses": topic}})
    both = {"inbound_postmark": "canary:canary-horse", "inbound_ses": topic}
    assert (await told(gateway, "email"))[made["id"]].secrets == both
    await api.patch(path, json={"secrets": {"inbound_postmark": None}, "name": "Sales"})
    assert (await told(gateway, "email"))[made["id"]].secrets == {"inbound_ses": topic}
    with psycopg.connect(database_url) as connection:
        kept = str(connection.execute("select c::text from channel c").fetchall())
    assert topic not in (await api.get("channels")).text + str(made) + (await api.get("audit")).text + kept
    for wrong in ({"inbound_postmark": "no-password"}, {"inbound_fax": "x"}, SLACK["secrets"]):
        assert (await api.patch(path, json={"secrets": wrong})).status_code == 422


async def test_changes_are_told_at_once_and_a_lost_update_is_refused(api: httpx.AsyncClient, gateway: Bus) -> None:
    heard: list[str] = []

    async def on_notice(message: Any) -> None:
        heard.append(f"{message.subject} {message.data.decode()}")

    await gateway.listen("live.>", on_notice)
    made = await create(api, WIDGET)
    etag = (await api.get(f"channels/{made['id']}")).headers["etag"]
    change = {"settings": {"greeting": "Good day!"}, "name": "The shop"}
    changed = await api.patch(f"channels/{made['id']}", json=change, headers={"If-Match": etag})
    assert changed.json()["settings"] == made["settings"] | {"greeting": "Good day!"}
    late = await api.patch(f"channels/{made['id']}", json={"name": "Late"}, headers={"If-Match": etag})
    assert late.status_code == 412
    renewed = await api.patch(f"channels/{made['id']}", json={"new_identity_secret": True})
    assert (await told(gateway, "widget"))[made["id"]].secrets == renewed.json()["secrets"] != made["secrets"]
    await api.patch(f"channels/{made['id']}", json={"active": False})
    assert not (await told(gateway, "widget"))[made["id"]].active
    assert (await api.delete(f"channels/{made['id']}")).status_code == 204
    assert await told(gateway, "widget") == {}
    async with asyncio.timeout(20):
        while len(heard) < 5:
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    assert heard == [f'live.local.channels.widget {{"id":"{made["id"]}"}}'] * 5
    actions = [one["action"] for one in (await api.get("audit")).json()["items"]]
    assert actions == ["channel.removed", *["channel.changed"] * 3, "channel.created"]


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "fax", "name": "x"},
        WIDGET | {"secrets": {"identity_secret": "x" * 40}},
        WIDGET | {"settings": {"origins": ["javascript:alert(1)"]}},
        WIDGET | {"settings": {"origins": ["https://shop.example/path"]}},
        WIDGET | {"settings": {"brand": "red"}},
        WIDGET | {"settings": {"workspace": "beta"}},
        WIDGET | {"workspace_id": "beta"},
        WIDGET | {"id": "a.b"},
        WIDGET | {"id": ">"},
        WIDGET | {"name": " "},
        EMAIL | {"settings": {}},
        EMAIL | {"settings": {"address": "a+b@shop.example"}},
        EMAIL | {"settings": {"address": "two@x.example, other@x.example"}},
        EMAIL | {"settings": {"address": "x\r\nBcc: y@x.example"}},
        SLACK | {"settings": {"team_id": "t01"}},
        {"kind": "slack", "name": "x", "settings": {"team_id": "T01"}},
    ],
)
async def test_what_no_gateway_could_serve_is_refused(api: httpx.AsyncClient, body: dict[str, Any]) -> None:
    answer = await api.post("channels", json=body)
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize(
    "change",
    [
        {"settings": {"origins": "everywhere"}}, {"settings": {"address": "x@x.example"}}, {"id": "y"},
        {"kind": "email"}, {"secrets": {"bot_token": "x", "signing_secret": "y"}}, {"version": 7},
    ],
)  # fmt: skip
async def test_a_change_that_does_not_fit_is_refused(api: httpx.AsyncClient, change: dict[str, Any]) -> None:
    made = await create(api, WIDGET)
    assert (await api.patch(f"channels/{made['id']}", json=change)).status_code == 422
    assert (await api.get(f"channels/{made['id']}")).json()["version"] == 1


async def test_the_installations_own_ids_are_not_given_away_and_a_repeated_post_makes_one(
    api: httpx.AsyncClient,
) -> None:
    assert (await api.post("channels", json=WIDGET | {"id": "local"})).status_code == 409
    once = {"Idempotency-Key": "k"}
    first, again = [await create(api, WIDGET, **once) for _ in range(2)]
    assert again == first | {"secrets": {}}
    assert (await api.post("channels", json=EMAIL, headers=once)).status_code == 422
    assert len((await api.get("channels")).json()["items"]) == 1


async def test_without_a_secret_of_the_installation_none_is_kept_and_the_rest_works(
    nats_url: str, database_url: str
) -> None:
    async with running(nats_url, database_url) as app, client(app) as api:
        refused = await api.post("channels", json=WIDGET)
        assert (refused.status_code, refused.json()["title"]) == (409, "This installation keeps no secrets")
        await create(api, EMAIL)


async def test_a_new_secret_of_the_installation_opens_what_the_old_one_sealed(
    api: httpx.AsyncClient, nats_url: str, database_url: str, gateway: Bus
) -> None:
    made = await create(api, SLACK)
    sealed = Seal(SecretStr(SECRET)).close("x", {"a": "b"})
    assert Seal(SecretStr(f"the newer secret of it, {SECRET}")).open("x", sealed) == {"a": "b"}
    for secret, owner in (("another secret altogether", "x"), (SECRET, "y")):
        with pytest.raises(ValueError, match="sealed with another ONETHREAD_SECRET"):
            Seal(SecretStr(secret)).open(owner, sealed)
    with pytest.raises(Problem):
        Seal(None).close("x", {"a": "b"})
    await behind_its_back(database_url, "update channel set secrets = 'broken' where id = %s", made["id"])
    await create(api, SLACK | {"settings": {"team_id": "T02"}})
    assert [one.settings["team_id"] for one in (await told(gateway, "slack")).values()] == ["T02"]
