"""What teammates change about themselves: their name, and their password."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from onethread.conversation.access import COOKIE

pytestmark = pytest.mark.connected
OLD, NEW = "a good password", "a better password"
MARA = {"email": "mara@shop.example", "name": "Mara Lind", "password": OLD}
CHANGE = {"password": NEW, "current_password": OLD}


def client(driver: Any, **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(driver.app)
    return httpx.AsyncClient(transport=transport, base_url="https://inbox/api/v1/", headers=headers)


async def log_in(browser: httpx.AsyncClient, password: str) -> int:
    return (await browser.post("session", json={"email": MARA["email"], "password": password})).status_code


@asynccontextmanager
async def signed_in(driver: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with client(driver) as browser:
        assert await log_in(browser, OLD) == 200
        yield browser


@pytest.fixture
async def mara(driver: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Her browser: a teammate's, no administrator's."""
    await driver.post("teammates", **MARA)
    async with signed_in(driver) as browser:
        yield browser


async def test_a_new_password_ends_the_other_sessions_and_renews_this_one(driver: Any, mara: Any) -> None:
    old = mara.cookies[COOKIE]
    async with signed_in(driver) as elsewhere, client(driver) as thief:
        answer = await mara.patch("session", json=CHANGE)
        assert (answer.status_code, answer.json()["email"]) == (200, MARA["email"])
        assert all(word in answer.headers["set-cookie"] for word in ("HttpOnly", "SameSite=lax", "Secure", "Path=/"))
        assert mara.cookies[COOKIE] != old
        thief.cookies.set(COOKIE, old)
        assert (await mara.get("session")).status_code == 200
        assert [(await who.get("session")).status_code for who in (elsewhere, thief)] == [401, 401]
        assert [await log_in(elsewhere, password) for password in (OLD, NEW)] == [401, 200]


async def test_a_new_name_is_told_and_needs_no_password(driver: Any, mara: Any) -> None:
    cookie = mara.cookies[COOKIE]
    answer = await mara.patch("session", json={"name": "Mara"})
    assert (answer.status_code, answer.json()["name"]) == (200, "Mara")
    assert "set-cookie" not in answer.headers
    assert mara.cookies[COOKIE] == cookie
    assert (await mara.get("session")).json()["name"] == "Mara"
    assert await log_in(mara, OLD) == 200


async def test_a_new_password_needs_the_current_one(driver: Any, mara: Any) -> None:
    for body, status, title in (
        ({"password": NEW}, 422, "Say your current password, too"),
        ({"password": NEW, "current_password": "a guess"}, 403, "This is not your current password"),
    ):
        refused = await mara.patch("session", json=body | {"name": "Changed"})
        assert (refused.status_code, refused.json()["title"]) == (status, title)
    for body in ({"role": "admin"}, {"email": "other@shop.example"}, {"active": True}, CHANGE | {"password": "short"}):
        assert (await mara.patch("session", json=body)).status_code == 422, body
    assert (await mara.get("session")).json()["name"] == MARA["name"]
    assert await log_in(mara, OLD) == 200


async def test_guessing_the_current_password_is_slowed_down_as_a_login_is(driver: Any, mara: Any) -> None:
    guess = CHANGE | {"current_password": "a guess"}
    guesses = [(await mara.patch("session", json=guess)).status_code for _ in range(5)]
    logins = [await log_in(mara, "a guess") for _ in range(5)]
    assert (guesses, logins) == ([403] * 5, [401] * 5)
    late = await mara.patch("session", json=CHANGE)
    assert late.status_code == 429
    assert int(late.headers["Retry-After"]) > 800
    assert await log_in(mara, OLD) == 429


async def test_of_two_new_passwords_at_once_one_is_taken(driver: Any, mara: Any) -> None:
    async with signed_in(driver) as elsewhere:
        changes = [who.patch("session", json=CHANGE) for who in (mara, elsewhere)]
        assert sorted(answer.status_code for answer in await asyncio.gather(*changes)) in ([200, 401], [200, 403])
        assert await log_in(elsewhere, NEW) == 200


async def test_a_program_has_nothing_of_its_own_to_change(driver: Any) -> None:
    key = (await driver.post("api-keys", name="CRM", scopes=["write"]))["key"]
    async with client(driver, Authorization=f"Bearer {key}") as program:
        refused = await program.patch("session", json={"name": "Mara"})
    assert (refused.status_code, refused.json()["title"]) == (409, "An API key is no teammate")


async def test_another_site_cannot_change_it(driver: Any, mara: Any) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await mara.patch("session", json={"name": "Evil"}, headers=headers)).status_code == 403


async def test_the_audit_tells_of_it_without_a_password(driver: Any, mara: Any) -> None:
    await mara.patch("session", json=CHANGE | {"name": "Mara"})
    answer = await driver.api.get("/api/v1/audit")
    newest = answer.json()["items"][0]
    assert (newest["action"], newest["by"]["name"]) == ("teammate.changed", MARA["name"])
    assert newest["target"] == newest["by"]["id"]
    assert newest["detail"] == {"name": "Mara", "password": "new"}
    assert OLD not in answer.text
    assert NEW not in answer.text
