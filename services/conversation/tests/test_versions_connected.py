"""A change may name the version that it was made from. A lost update is refused, whatever is changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from plugins.conversation_world import received, verified

pytestmark = pytest.mark.connected
ADMIN = {"email": "admin@onethread.localhost", "password": "pw-of-admin"}
MARA = {"email": "mara@shop.example", "name": "Mara Lind", "password": "a good password"}


async def a_thread(driver: Any) -> str:
    said = await driver.hear(received("email", "my lamp", verified("email", "ana@pineandpaper.example")))
    return f"threads/{said['thread_id']}"


async def a_customer(driver: Any) -> str:
    said = await driver.hear(received("email", "my lamp", verified("email", "ana@pineandpaper.example")))
    return f"customers/{said['customer_id']}"


async def a_channel(driver: Any) -> str:
    channel = {"kind": "email", "name": "Sales", "settings": {"address": "sales@shop.example"}}
    return f"channels/{(await driver.post('channels', **channel))['id']}"


async def an_address(driver: Any) -> str:
    return (await a_channel(driver)).replace("channels", "email/addresses")


async def the_ways_to_an_address(driver: Any) -> str:
    return f"{await an_address(driver)}/ways"


async def a_teammate(driver: Any) -> str:
    return f"teammates/{(await driver.post('teammates', **MARA))['id']}"


async def a_workspace(_: Any) -> str:
    return "workspaces/local"


async def a_tool(driver: Any) -> str:
    tool = {"name": "stock", "title": "our stock", "url": "https://shop.example/stock", "answer": "It is there."}
    return f"agent/tools/{(await driver.post('agent/tools', **tool, identified=False))['id']}"


async def a_question(driver: Any) -> str:
    return f"agent/questions/{(await driver.post('agent/questions', question='How long is delivery?'))['id']}"


async def a_session(_: Any) -> str:
    return "session"


MAILBOX = {"host": "imap.shop.example", "user": "help@shop.example"}
Make = Callable[[Any], Awaitable[str]]
CHANGEABLE: dict[str, tuple[Make, dict[str, Any], dict[str, Any]]] = {
    "/api/v1/threads/{thread_id}": (a_thread, {"priority": "high"}, {"priority": "low"}),
    "/api/v1/customers/{customer_id}": (a_customer, {"language": "es"}, {"language": "de"}),
    "/api/v1/channels/{channel_id}": (a_channel, {"name": "One"}, {"name": "Two"}),
    "/api/v1/email/addresses/{address_id}": (an_address, {"signature": "One"}, {"signature": "Two"}),
    "/api/v1/email/addresses/{address_id}/ways": (
        the_ways_to_an_address,
        {"imap": MAILBOX | {"folder": "One"}},
        {"imap": MAILBOX | {"folder": "Two"}},
    ),
    "/api/v1/teammates/{teammate_id}": (a_teammate, {"name": "One"}, {"name": "Two"}),
    "/api/v1/workspaces/{slug}": (a_workspace, {"settings": {"undo_seconds": 5}}, {"settings": {"undo_seconds": 9}}),
    "/api/v1/agent/tools/{tool_id}": (a_tool, {"active": False}, {"definition": {"answer": "It is gone."}}),
    "/api/v1/agent/questions/{question_id}": (a_question, {"note": "One"}, {"note": "Two"}),
    "/api/v1/session": (a_session, {"name": "One"}, {"name": "Two"}),
}
"""By each path that takes PATCH: what makes a thing to change, and two changes of it."""
CARRIED = "/api/v1/knowledge/{path}"
"""To knowledge, where a lost update is refused too: `test_knowledge_by_way_of_conversation.py`."""


@pytest.fixture
async def admin(driver: Any) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(driver.app)
    async with httpx.AsyncClient(transport=transport, base_url="https://inbox/api/v1/") as browser:
        assert (await browser.post("session", json=ADMIN)).status_code == 200
        yield browser


async def test_everything_that_can_be_changed_is_tried_here(driver: Any) -> None:
    paths = driver.app.openapi()["paths"].items()
    assert {path for path, methods in paths if "patch" in methods} == {*CHANGEABLE, CARRIED}


@pytest.mark.parametrize("path", CHANGEABLE)
async def test_a_lost_update_is_refused_and_changes_nothing(driver: Any, admin: httpx.AsyncClient, path: str) -> None:
    make, one, other = CHANGEABLE[path]
    thing = await make(driver)
    read = (await admin.get(thing)).headers["etag"]
    first = await admin.patch(thing, json=one, headers={"If-Match": read})
    assert first.status_code == 200, first.text
    written = await admin.get(thing)
    assert first.headers["etag"] == written.headers["etag"] != read
    lost = await admin.patch(thing, json=other, headers={"If-Match": read})
    assert (lost.status_code, lost.headers["content-type"]) == (412, "application/problem+json")
    assert (await admin.get(thing)).content == written.content
    again = await admin.patch(thing, json=other, headers={"If-Match": written.headers["etag"]})
    assert again.status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/teammates/{teammate_id}", "/api/v1/workspaces/{slug}", "/api/v1/session"])
async def test_of_two_changes_at_once_to_one_version_one_is_refused(
    driver: Any, admin: httpx.AsyncClient, path: str
) -> None:
    make, *changes = CHANGEABLE[path]
    thing = await make(driver)
    headers = {"If-Match": (await admin.get(thing)).headers["etag"]}
    answers = await asyncio.gather(*(admin.patch(thing, json=change, headers=headers) for change in changes))
    assert sorted(answer.status_code for answer in answers) == [200, 412]


async def test_one_teammate_is_read_by_whoever_may_read_and_an_unknown_one_is_not_there(
    driver: Any, admin: httpx.AsyncClient
) -> None:
    mara = await a_teammate(driver)
    await driver.patch(mara, active=False)
    shown = (await admin.get(mara)).json()
    assert (shown["email"], shown["active"], shown["version"]) == (MARA["email"], False, 2)
    missing = await admin.get(f"teammates/{uuid4()}")
    assert (missing.status_code, missing.json()["title"]) == (404, "There is no such teammate")


async def test_the_password_of_the_settings_is_a_change_too(driver: Any, admin: httpx.AsyncClient) -> None:
    read = (await admin.get("session")).headers["etag"]
    await driver.app.state.teammates.ensure_first()
    assert (await admin.get("session")).headers["etag"] == read, "a restart alone changes nothing"
    await driver.rows("update workspace set settings = settings - 'first_password'")
    await driver.app.state.teammates.ensure_first()
    assert (await admin.get("session")).status_code == 401
    await admin.post("session", json=ADMIN)
    assert (await admin.get("session")).headers["etag"] != read
