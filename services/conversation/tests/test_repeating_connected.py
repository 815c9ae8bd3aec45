"""A POST that is sent twice with one `Idempotency-Key`: it is done once, and answered twice."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from plugins.conversation_world import received, verified

pytestmark = pytest.mark.connected
ANA = verified("email", "ana@pineandpaper.example")
BO = verified("visitor", "bo")
SITE_USER = verified("site_user", "bo-17")
KEPT = "select message_id, answer from idempotency"


async def twice(driver: Any, path: str, **body: Any) -> tuple[httpx.Response, httpx.Response]:
    """Both were taken."""
    headers = {"Idempotency-Key": uuid4().hex}
    first, again = [await driver.api.post(f"/api/v1/{path}", json=body, headers=headers) for _ in range(2)]
    assert first.is_success, first.text
    assert again.status_code == first.status_code, again.text
    return first, again


async def ana_and_bo(driver: Any) -> tuple[str, str]:
    """Ana by mail and Bo by widget, each with a thread."""
    ana = await driver.hear(received("email", "I am Ana", ANA, name="Ana Ruiz"))
    bo = await driver.hear(received("widget", "I am Bo", SITE_USER, BO, name="Bo"))
    return str(ana["customer_id"]), str(bo["customer_id"])


async def acts(driver: Any) -> int:
    return (await driver.rows("select count(*) as acts from act"))[0]["acts"]


async def kept(driver: Any) -> list[dict[str, Any]]:
    return [row["answer"] for row in await driver.rows(KEPT)]


async def test_a_merge(driver: Any) -> None:
    ana, bo = await ana_and_bo(driver)
    first, again = await twice(driver, f"customers/{ana}/merge", other_id=bo, reason="she told us")
    assert again.json() == first.json()
    assert again.headers["etag"] == first.headers["etag"] == f'"{first.json()["customer"]["version"]}"'
    assert await acts(driver) == 1


async def test_an_unmerge(driver: Any) -> None:
    ana, bo = await ana_and_bo(driver)
    merged = await driver.post(f"customers/{ana}/merge", other_id=bo)
    first, again = await twice(driver, f"customers/{ana}/unmerge", act_id=merged["act_id"])
    assert again.json() == first.json()
    assert (first.json()["customer"]["id"], first.json()["other"]["id"]) == (ana, bo)


async def test_an_unlink_and_the_link_that_takes_it_back(driver: Any) -> None:
    _, bo = await ana_and_bo(driver)
    [identity] = await driver.rows("select id from identity where kind = 'site_user'")
    asked = {"identity_id": str(identity["id"])}
    first, again = await twice(driver, f"customers/{bo}/unlink", **asked)
    assert again.json() == first.json()
    assert await driver.rows("select count(*) as customers from customer") == [{"customers": 3}]
    first, again = await twice(driver, f"customers/{bo}/link", **asked)
    assert again.json() == first.json()
    assert await acts(driver) == 2


async def test_a_dismissal_which_changes_nothing_that_was_decided_since(driver: Any) -> None:
    ana, bo = await ana_and_bo(driver)
    headers = {"Idempotency-Key": "k1"}

    async def dismiss() -> int:
        path = f"/api/v1/customers/{ana}/dismiss"
        return (await driver.api.post(path, json={"other_id": bo}, headers=headers)).status_code

    assert await dismiss() == 204
    await driver.post(f"customers/{ana}/merge", other_id=bo)
    assert await dismiss() == 204
    assert await driver.rows("select * from apart") == []


async def test_an_undo(driver: Any) -> None:
    ana, bo = await ana_and_bo(driver)
    merged = await driver.post(f"customers/{ana}/merge", other_id=bo)
    first, again = await twice(driver, f"acts/{merged['act_id']}/undo")
    assert again.json() == first.json()
    refused = await driver.api.post(f"/api/v1/acts/{merged['act_id']}/undo")
    assert (refused.status_code, refused.json()["title"]) == (409, "This was undone before")


async def test_a_teammate_and_a_workspace_as_they_are_by_now(driver: Any) -> None:
    mara = {"email": "mara@shop.example", "name": "Mara Lind", "password": "a good password"}
    headers = {"Idempotency-Key": "k1"}
    made = await driver.api.post("/api/v1/teammates", json=mara, headers=headers)
    await driver.patch(f"teammates/{made.json()['id']}", name="Mara")
    again = await driver.api.post("/api/v1/teammates", json=mara, headers=headers)
    assert (again.status_code, again.json()["id"], again.json()["name"]) == (201, made.json()["id"], "Mara")
    first, again = await twice(driver, "workspaces", slug="beta", name="Beta")
    assert again.json() == first.json()
    assert "Mara" not in str(await kept(driver))


async def test_what_is_sent_at_once_is_done_once(driver: Any) -> None:
    ana, bo = await ana_and_bo(driver)
    path, headers = f"/api/v1/customers/{ana}/merge", {"Idempotency-Key": "k1"}
    answers = await asyncio.gather(*(driver.api.post(path, json={"other_id": bo}, headers=headers) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["act_id"] for answer in answers}) == 1
    assert await acts(driver) == 1
    await driver.check()


async def test_a_repetition_is_answered_with_what_is_known_by_now(driver: Any) -> None:
    ana, bo = await ana_and_bo(driver)
    path, asked = f"/api/v1/customers/{ana}/merge", {"json": {"other_id": bo}, "headers": {"Idempotency-Key": "k1"}}
    first = (await driver.api.post(path, **asked)).json()
    await driver.patch(f"customers/{ana}", language="es")
    again = (await driver.api.post(path, **asked)).json()
    assert (again["act_id"], again["customer"]["language"]) == (first["act_id"], "es")


async def test_one_key_for_something_else_is_refused_and_a_refusal_uses_none_up(driver: Any) -> None:
    ana, bo = await ana_and_bo(driver)
    path, headers = f"/api/v1/customers/{ana}/merge", {"Idempotency-Key": "k1"}
    refused = await driver.api.post(path, json={"other_id": str(uuid4())}, headers=headers)
    assert refused.status_code == 404
    assert (await driver.api.post(path, json={"other_id": bo}, headers=headers)).status_code == 200
    other = await driver.api.post(f"/api/v1/customers/{bo}/unmerge", json={}, headers=headers)
    assert (other.status_code, other.json()["title"]) == (422, "This Idempotency-Key was used for another request")
    assert await acts(driver) == 1


async def test_only_ids_are_kept_and_none_of_an_erased_customer(driver: Any) -> None:
    ana, bo = await ana_and_bo(driver)
    await twice(driver, f"customers/{ana}/merge", other_id=bo, reason="Ana told us")
    thread = (await driver.rows("select id from thread where merged_into_id is null"))[0]["id"]
    await twice(driver, f"threads/{thread}/messages", text="Ana is a VIP", note=True)
    await twice(driver, f"threads/{thread}/split", message_ids=[await last_said(driver, thread)], subject="Bo's")
    assert all(UUID(id_) for answer in await kept(driver) for id_ in (answer or {}).values())
    await twice(driver, "api-keys", name="CRM", scopes=["read"])
    erased = await driver.api.post(f"/api/v1/customers/{ana}/erase")
    assert erased.status_code == 202
    [left] = await kept(driver)
    assert left["name"] == "CRM"


async def last_said(driver: Any, thread: Any) -> str:
    query = "select id from message where thread_id = %s and not note order by position desc limit 1"
    return str((await driver.rows(query, thread))[0]["id"])


async def test_a_key_is_forgotten_after_a_week_and_not_before(driver: Any) -> None:
    ana, bo = await ana_and_bo(driver)
    await twice(driver, f"customers/{ana}/dismiss", other_id=bo)
    timers = driver.app.state.timers
    for age, left in (("6 days 23 hours", 1), ("7 days 1 minute", 0)):
        await driver.rows(f"update idempotency set created_at = now() - interval '{age}'")
        await timers._round()
        assert len(await kept(driver)) == left
