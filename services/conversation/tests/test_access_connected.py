from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from fastapi.routing import APIRoute
from plugins.conversation_world import behind_its_back, running

from onethread.contracts.envelope import now
from onethread.conversation import access

pytestmark = pytest.mark.connected
ADMIN = {"email": "admin@onethread.localhost", "password": "pw-of-admin"}
MARA = {"email": "mara@shop.example", "name": "Mara Lind", "password": "a good password"}
KEY = {"name": "CRM", "scopes": ["read"]}
OPEN = {("POST", "/api/v1/session"), ("DELETE", "/api/v1/session")}
"""What everybody may ask for."""


@pytest.fixture
async def app(nats_url: str, database_url: str) -> AsyncIterator[Any]:
    async with running(nats_url, database_url) as app:
        yield app


def client(app: Any, key: str | None = None, **headers: str) -> httpx.AsyncClient:
    bearer = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="https://inbox/api/v1/", headers=bearer | headers
    )


@asynccontextmanager
async def signed_in(app: Any, login: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    async with client(app) as browser:
        login = {name: login[name] for name in ("email", "password")}
        assert (await browser.post("session", json=login)).status_code == 200
        yield browser


async def a_key(app: Any, **more: Any) -> dict[str, Any]:
    async with client(app, "key") as root:
        answer = await root.post("api-keys", json=KEY | more)
        assert answer.status_code == 201, answer.text
        return answer.json()


async def a_teammate(app: Any, **more: Any) -> dict[str, Any]:
    async with client(app, "key") as root:
        return (await root.post("teammates", json=MARA | more)).json()


def endpoints(app: Any) -> list[tuple[str, str, list[str]]]:
    """(method, path, tags) of every endpoint, as the OpenAPI document has it."""
    return [
        (method.upper(), path, one.get("tags", []))
        for path, methods in app.openapi()["paths"].items()
        for method, one in methods.items()
    ]


async def call(who: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
    """With ids that nothing has, and an empty body."""
    parts = [str(uuid4()) if part.startswith("{") else part for part in path.removeprefix("/api/v1/").split("/")]
    return await who.request(method, "/".join(parts), json=None if method == "GET" else {})


class TestEveryEndpoint:
    async def test_is_closed_to_those_who_do_not_say_who_they_are(self, app: Any) -> None:
        async with client(app) as nobody, client(app, "wrong") as wrong, client(app, "ot_local_guess") as guess:
            for method, path, _ in endpoints(app):
                if (method, path) in OPEN:
                    continue
                for who in (nobody, wrong, guess):
                    assert (await call(who, method, path)).status_code == 401, f"{method} {path}"

    async def test_of_the_application_is_in_the_document_or_no_part_of_the_api(self, app: Any) -> None:
        documented = {(method, path) for method, path, _ in endpoints(app)}
        routes = [route for route in app.routes if isinstance(route, APIRoute) and route.path.startswith("/api/v1")]
        assert {(method, route.path) for route in routes for method in route.methods} <= documented

    @pytest.mark.parametrize("scopes", [["read"], ["write"], ["read", "write"], ["admin"]])
    async def test_asks_for_its_scope(self, app: Any, scopes: list[str]) -> None:
        has = {"read", "write", "admin"} if "admin" in scopes else set(scopes)
        async with client(app, (await a_key(app, scopes=scopes))["key"]) as caller:
            for method, path, tags in endpoints(app):
                if (method, path) in OPEN or path.endswith("/events"):
                    continue
                refused = (await call(caller, method, path)).status_code == 403
                assert refused == (access.needed(method, tags) not in has), f"{method} {path}"

    async def test_of_an_administrator_is_closed_to_a_teammate(self, app: Any) -> None:
        await a_teammate(app)
        async with signed_in(app, MARA) as mara:
            for path in ("dead-letters", "api-keys", "audit", "workspaces/local", "workspaces"):
                assert (await mara.get(path)).json()["title"] == "Only an administrator may do this", path
            assert (await mara.post("teammates", json=MARA)).status_code == 403
            assert (await mara.get("teammates")).status_code == 200


class TestKeys:
    async def test_is_shown_once_and_works(self, app: Any) -> None:
        made = await a_key(app)
        assert made["key"].startswith("ot_local_")
        async with client(app, made["key"]) as caller, client(app, "key") as root:
            assert (await caller.get("session")).json()["id"] == made["id"]
            listed = (await root.get("api-keys")).json()["items"]
        assert [one["id"] for one in listed] == [made["id"]]
        assert "key" not in listed[0]
        assert listed[0]["last_used_at"]

    async def test_notes_its_use_once_a_minute(self, app: Any, database_url: str) -> None:
        made = await a_key(app)
        ago = "update api_key set last_used_at = now() - make_interval(secs => %s) returning last_used_at"
        for seconds, noted in ((30, False), (90, True)):
            with psycopg.connect(database_url) as connection:
                before = connection.execute(ago, [seconds]).fetchone()
            async with client(app, made["key"]) as caller:
                await caller.get("session")
            with psycopg.connect(database_url) as connection:
                assert (connection.execute("select last_used_at from api_key").fetchone() != before) == noted

    async def test_is_nowhere_in_the_database(self, app: Any, database_url: str) -> None:
        made = await a_key(app)
        with psycopg.connect(database_url) as connection:
            kept = connection.execute("select a::text from api_key a union all select a::text from audit a").fetchall()
        assert made["key"].split("_")[2] not in str(kept)

    async def test_opens_nothing_once_it_is_revoked_or_has_expired(self, app: Any, database_url: str) -> None:
        made, short = await a_key(app), await a_key(app, expires_at=(now() + timedelta(days=1)).isoformat())
        await behind_its_back(database_url, "update api_key set expires_at = now() where id = %s", short["id"])
        async with client(app, "key") as root:
            assert (await root.delete(f"api-keys/{made['id']}")).status_code == 204
            assert (await root.delete(f"api-keys/{made['id']}")).status_code == 404
        for one in (made, short):
            async with client(app, one["key"]) as caller:
                assert (await caller.get("session")).status_code == 401

    async def test_of_another_workspace_is_found_in_that_one_only(self, app: Any) -> None:
        key = (await a_key(app))["key"]
        async with client(app, "key") as root:
            await root.post("workspaces", json={"slug": "beta", "name": "Beta"})
        async with client(app, key.replace("_local_", "_beta_")) as caller:
            assert (await caller.get("session")).status_code == 401
        async with client(app, key, **{access.WORKSPACE_HEADER: "beta"}) as caller:
            assert (await caller.get("session")).status_code == 404

    @pytest.mark.parametrize(
        "key", ["", "ot_", "ot__x", "ot_\x01_x", "ot_LOCAL_x", "ot_local", "ot_a.b_x", "ot_no-such_x"]
    )
    async def test_that_is_no_key_is_refused(self, app: Any, key: str) -> None:
        async with client(app, key or " ") as caller:
            assert (await caller.get("session")).status_code == 401

    async def test_repeated_with_one_idempotency_key_is_made_once(self, app: Any) -> None:
        once = {"Idempotency-Key": "k1"}
        async with client(app, "key") as root:
            first, again = [await root.post("api-keys", json=KEY, headers=once) for _ in range(2)]
            other = await root.post("api-keys", json=KEY | {"name": "Other"}, headers=once)
            assert len((await root.get("api-keys")).json()["items"]) == 1
        assert again.json() == first.json() | {"key": None}
        assert (other.status_code, other.json()["title"]) == (422, "This Idempotency-Key was used for another request")

    async def test_that_would_have_expired_or_may_do_nothing_is_refused(self, app: Any) -> None:
        async with client(app, "key") as root:
            for more in ({"expires_at": "2020-01-01T00:00:00Z"}, {"scopes": []}, {"scopes": ["root"]}, {"id": 1}):
                assert (await root.post("api-keys", json=KEY | more)).status_code == 422


class TestSessions:
    async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(self, app: Any) -> None:
        async with client(app) as browser:
            cookie = (await browser.post("session", json=ADMIN)).headers["set-cookie"]
        assert all(word in cookie for word in ("HttpOnly", "SameSite=lax", "Secure", "Path=/"))

    async def test_is_another_one_after_each_login(self, app: Any) -> None:
        async with signed_in(app, ADMIN) as browser, client(app) as thief:
            old = browser.cookies[access.COOKIE]
            await browser.post("session", json=ADMIN)
            assert browser.cookies[access.COOKIE] != old
            thief.cookies.set(access.COOKIE, old)
            assert (await thief.get("session")).status_code == 401

    async def test_a_token_that_somebody_else_chose_is_not_taken_over(self, app: Any) -> None:
        chosen = "local.chosen-by-somebody-else"
        async with client(app) as browser, client(app, Cookie=f"{access.COOKIE}={chosen}") as thief:
            answer = await browser.post("session", json=ADMIN, headers={"Cookie": f"{access.COOKIE}={chosen}"})
            assert answer.status_code == 200
            assert "chosen" not in answer.headers["set-cookie"]
            assert (await thief.get("session")).status_code == 401

    async def test_another_site_cannot_make_a_signed_in_browser_change_something(self, app: Any) -> None:
        async with signed_in(app, ADMIN) as browser:
            for headers, status in (
                ({"Sec-Fetch-Site": "cross-site"}, 403),
                ({"Sec-Fetch-Site": "same-site", "Origin": "https://inbox"}, 403),
                ({"Origin": "https://evil.example"}, 403),
                ({"Origin": "null"}, 403),
                ({"Origin": "https://inbox"}, 201),
                ({"Sec-Fetch-Site": "same-origin"}, 201),
                ({}, 201),
            ):
                assert (await browser.post("api-keys", json=KEY, headers=headers)).status_code == status, headers
            assert (await browser.get("session", headers={"Sec-Fetch-Site": "cross-site"})).status_code == 200
        async with client(app) as browser:
            foreign = await browser.post("session", json=ADMIN, headers={"Origin": "https://evil.example"})
            assert foreign.status_code == 403

    async def test_ends_with_a_new_password_and_with_deactivation(self, app: Any) -> None:
        mara = await a_teammate(app)
        for change in ({"password": "another password"}, {"active": False}):
            login = MARA if "password" in change else MARA | {"password": "another password"}
            async with signed_in(app, login) as browser, client(app, "key") as root:
                changed = await root.patch(f"teammates/{mara['id']}", json=change)
                assert changed.status_code == 200
                assert (await browser.get("session")).status_code == 401
                again = await browser.post("session", json={name: login[name] for name in ("email", "password")})
                assert again.status_code == 401

    async def test_guessing_is_slowed_down_for_one_account_and_for_one_address(self, app: Any) -> None:
        async with client(app) as browser:
            answers = [await browser.post("session", json=ADMIN | {"password": f"{n}"}) for n in range(11)]
            assert [a.status_code for a in answers] == [401] * 10 + [429]
            assert int(answers[-1].headers["Retry-After"]) > 800
            assert (await browser.post("session", json=ADMIN)).status_code == 429
            more = [await browser.post("session", json={"email": f"{n}@x.example", "password": "x"}) for n in range(40)]
            assert more[-1].status_code == 429

    async def test_an_unknown_address_is_answered_like_a_wrong_password(self, app: Any) -> None:
        async with client(app) as browser:
            unknown = await browser.post("session", json={"email": "nobody@x.example", "password": "x"})
            wrong = await browser.post("session", json=ADMIN | {"password": "x"})
            elsewhere = await browser.post("session", json=ADMIN | {"workspace": "no-such"})
        assert unknown.content == wrong.content == elsewhere.content


class TestOpenStreams:
    async def lines(self, app: Any, who: httpx.AsyncClient, begun: asyncio.Event, ended: asyncio.Event) -> None:
        """Reads as the transport does; httpx's own for ASGI hands over only what is complete."""
        headers = [(name.lower(), value) for name, value in who.build_request("GET", "events").headers.raw]
        scope = {
            "type": "http", "method": "GET", "path": "/api/v1/events", "raw_path": b"/api/v1/events",
            "query_string": b"", "headers": headers, "scheme": "https", "server": ("inbox", 443), "root_path": "",
            "client": ("test", 1), "http_version": "1.1", "asgi": {"version": "3.0"},
        }  # fmt: skip
        gone = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                assert message["status"] == 200
                begun.set()

        await app(scope, receive, send)
        ended.set()

    @pytest.mark.parametrize("how", ["signed out", "deactivated", "password", "expired", "revoked", "key expired"])
    async def test_end_within_seconds_when_their_reader_may_no_longer_read(
        self, app: Any, database_url: str, how: str
    ) -> None:
        mara, key = await a_teammate(app), await a_key(app)
        async with signed_in(app, MARA) as browser, client(app, "key") as root, client(app, key["key"]) as program:
            begun, (ended, others) = [asyncio.Event() for _ in range(2)], [asyncio.Event() for _ in range(2)]
            reader = program if how in {"revoked", "key expired"} else browser
            readers = zip((reader, root), begun, (ended, others), strict=True)
            tasks = [asyncio.create_task(self.lines(app, *one)) for one in readers]
            for one in begun:
                await asyncio.wait_for(one.wait(), 20)
            if how == "signed out":
                await browser.delete("session")
            elif how in {"deactivated", "password"}:
                change = {"active": False} if how == "deactivated" else {"password": "another password"}
                await root.patch(f"teammates/{mara['id']}", json=change)
            elif how == "revoked":
                await root.delete(f"api-keys/{key['id']}")
            else:
                table = "session" if how == "expired" else "api_key"
                await behind_its_back(database_url, f"update {table} set expires_at = now()")
            await asyncio.wait_for(ended.wait(), 20)
            assert not others.is_set()
            for task in tasks:
                task.cancel()


class TestTeammates:
    async def test_are_added_changed_and_listed(self, app: Any) -> None:
        mara = await a_teammate(app, email="Mara@Shop.example")
        assert (mara["email"], mara["role"], mara["active"]) == ("mara@shop.example", "teammate", True)
        async with client(app, "key") as root:
            assert (await root.post("teammates", json=MARA)).status_code == 409
            changed = await root.patch(f"teammates/{mara['id']}", json={"role": "admin", "name": "Mara"})
            assert (changed.json()["role"], changed.json()["name"]) == ("admin", "Mara")
            await root.patch(f"teammates/{mara['id']}", json={"active": False})
            active = (await root.get("teammates")).json()["items"]
            everyone = (await root.get("teammates", params={"deactivated": True})).json()["items"]
            assert (len(active), len(everyone)) == (1, 2)
            await root.patch(f"teammates/{mara['id']}", json={"active": True})
            for body in ({"email": "new@x.example"}, {"id": str(uuid4())}, {"role": "owner"}, {"password": "short"}):
                assert (await root.patch(f"teammates/{mara['id']}", json=body)).status_code == 422, body
            assert (await root.patch(f"teammates/{uuid4()}", json={"name": "x"})).status_code == 404
        async with signed_in(app, MARA) as browser:
            assert (await browser.get("audit")).status_code == 200

    async def test_cannot_lock_themselves_out(self, app: Any) -> None:
        async with signed_in(app, ADMIN) as admin, client(app, "key") as root:
            me = (await admin.get("session")).json()["id"]
            for body in ({"active": False}, {"role": "teammate"}):
                assert (await admin.patch(f"teammates/{me}", json=body)).status_code == 409
                assert (await root.patch(f"teammates/{me}", json=body)).json()[
                    "title"
                ] == "This is the last administrator"
            await a_teammate(app, role="admin")
            assert (await admin.patch(f"teammates/{me}", json={"active": False})).status_code == 409
            assert (await root.patch(f"teammates/{me}", json={"active": False})).status_code == 200

    async def test_two_last_administrators_cannot_both_leave(self, app: Any) -> None:
        mara = await a_teammate(app, role="admin")
        async with client(app, "key") as root:
            everyone = (await root.get("teammates")).json()["items"]
            leave = [root.patch(f"teammates/{one['id']}", json={"active": False}) for one in everyone]
            assert sorted(answer.status_code for answer in await asyncio.gather(*leave)) == [200, 409]
        assert mara["id"] in {one["id"] for one in everyone}

    async def test_a_password_of_their_own_outlives_a_restart_and_a_new_one_in_the_settings_replaces_it(
        self, app: Any, nats_url: str, database_url: str
    ) -> None:
        async with signed_in(app, ADMIN) as admin:
            me = (await admin.get("session")).json()["id"]
            assert (await admin.patch(f"teammates/{me}", json={"password": "my own password"})).status_code == 200
        async with running(nats_url, database_url) as again, client(again) as browser:
            assert (await browser.post("session", json=ADMIN)).status_code == 401
            assert (await browser.post("session", json=ADMIN | {"password": "my own password"})).status_code == 200
        async with running(nats_url, database_url, admin_password="set anew") as again, client(again) as other:
            other.cookies = browser.cookies
            assert (await other.get("session")).status_code == 401
            assert (await other.post("session", json=ADMIN | {"password": "set anew"})).status_code == 200


class TestAudit:
    async def test_tells_who_did_what_and_nothing_secret(self, app: Any) -> None:
        mara = await a_teammate(app, role="admin")
        async with signed_in(app, MARA) as browser:
            key = (await browser.post("api-keys", json=KEY)).json()
            await browser.patch(f"teammates/{mara['id']}", json={"name": "Mara", "password": "a better password"})
        async with client(app, "key") as root:
            answer = await root.get("audit")
            newest, *_, oldest = answer.json()["items"]
            first = (await root.get("audit", params={"limit": 2})).json()
            rest = (await root.get("audit", params={"cursor": first["next"]})).json()
        assert (newest["action"], newest["target"]) == ("teammate.changed", mara["id"])
        assert newest["by"] == {"kind": "teammate", "id": mara["id"], "name": "Mara Lind"}
        assert (oldest["action"], oldest["by"]["kind"]) == ("teammate.created", "api_key")
        assert [one["action"] for one in first["items"] + rest["items"]] == [
            "teammate.changed", "api_key.created", "teammate.created",
        ]  # fmt: skip
        assert "a better password" not in answer.text
        assert key["key"] not in answer.text

    @pytest.mark.parametrize("act", ["update audit set action = 'x'", "delete from audit", "truncate audit"])
    async def test_cannot_be_changed_by_the_application(self, app: Any, act: str) -> None:
        await a_teammate(app)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with app.state.database.transaction("local") as connection:
                await connection.execute(act)


class TestWorkspaces:
    async def test_are_made_by_the_installations_key_and_worked_in_by_its_header(self, app: Any) -> None:
        async with client(app, "key") as root:
            made = await root.post("workspaces", json={"slug": "beta", "name": "Beta"})
            assert (made.status_code, made.json()["slug"]) == (201, "beta")
            assert (await root.post("workspaces", json={"slug": "beta", "name": "Again"})).status_code == 409
            for slug in ("", "UPPER", "a_b", "a.b", "-a", "a-", "a" * 41, "a b", "a\n"):
                answer = await root.post("workspaces", json={"slug": slug, "name": "x"})
                assert answer.status_code == 422, slug
            assert [one["slug"] for one in (await root.get("workspaces")).json()["items"]] == ["beta", "local"]
            page = (await root.get("workspaces", params={"limit": 1})).json()
            assert (page["items"][0]["slug"], page["next"]) == ("beta", "beta")
            header = {access.WORKSPACE_HEADER: "beta"}
            assert (await root.get("session", headers=header)).json()["workspace"] == "beta"
            assert (await root.get("teammates", headers=header)).json()["items"] == []
            created = (await root.get("audit", headers=header)).json()["items"]
            assert [one["action"] for one in created] == ["workspace.created"]
            assert (await root.get("workspaces/beta")).json()["name"] == "Beta"
            assert (await root.get("workspaces/no-such")).status_code == 404
            assert (await root.get("session", headers={access.WORKSPACE_HEADER: "no-such"})).status_code == 404
            assert (await root.get("session", headers={access.WORKSPACE_HEADER: "a b"})).status_code == 404

    async def test_have_teammates_and_keys_of_their_own(self, app: Any) -> None:
        async with client(app, "key") as root:
            await root.post("workspaces", json={"slug": "beta-2", "name": "Beta"})
            beta = {access.WORKSPACE_HEADER: "beta-2"}
            await root.post("teammates", json=MARA | {"role": "admin"}, headers=beta)
        async with client(app) as browser:
            assert (await browser.post("session", json={k: MARA[k] for k in ("email", "password")})).status_code == 401
            login = {"email": MARA["email"], "password": MARA["password"], "workspace": "beta-2"}
            assert (await browser.post("session", json=login)).json()["workspace"] == "beta-2"
            key = (await browser.post("api-keys", json=KEY)).json()["key"]
            assert key.startswith("ot_beta-2_")
            assert (await browser.get("workspaces/local")).status_code == 404
            assert (await browser.get("workspaces")).status_code == 403
        async with client(app, key) as program:
            assert (await program.get("session")).json()["workspace"] == "beta-2"

    async def test_settings_are_changed_one_by_one_and_nothing_else_is(self, app: Any) -> None:
        async with signed_in(app, ADMIN) as admin:
            await admin.patch("workspaces/local", json={"settings": {"reopen_days": 3}})
            changed = await admin.patch("workspaces/local", json={"settings": {"undo_seconds": 10}, "name": "Shop"})
            of_replies = {"unseen_reply_minutes": None, "undo_seconds": 10, "approval_hours": None}
            assert changed.json()["settings"] == {"reopen_days": 3, **of_replies, "agent": None}
            cleared = await admin.patch("workspaces/local", json={"settings": {"reopen_days": None}})
            assert (cleared.json()["settings"]["reopen_days"], cleared.json()["name"]) == (None, "Shop")
            for body in (
                {"slug": "x"}, {"settings": {"first_password": "x"}}, {"settings": {"undo_seconds": 31}},
                {"settings": {"reopen_days": -1}}, {"id": "b"},
            ):  # fmt: skip
                assert (await admin.patch("workspaces/local", json=body)).status_code == 422, body
        async with signed_in(app, ADMIN) as admin:
            assert (await admin.get("session")).status_code == 200
