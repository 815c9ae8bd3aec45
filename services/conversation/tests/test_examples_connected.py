"""The examples of answers whose schema names no fields are what is really answered."""

from __future__ import annotations

from typing import Any

import pytest
from plugins.conversation_world import received, verified

from onethread.conversation import examples

pytestmark = pytest.mark.connected
ANA, BO = verified("email", "ana@pineandpaper.example"), verified("visitor", "bo")
CUSTOMER = "/customers/{customer_id}"


def misfits(example: Any, answer: Any, where: str = "") -> list[str]:
    """Fields that only one of them has. An empty object or list, and null, say nothing of what stands there."""
    if not example or not answer:
        return []
    if isinstance(example, list) and isinstance(answer, list):
        return misfits(example[0], answer[0], f"{where}[]")
    if not isinstance(example, dict) or not isinstance(answer, dict):
        return []
    apart = [f"{where}.{name}" for name in example.keys() ^ answer.keys()]
    both = example.keys() & answer.keys()
    return apart + [one for name in both for one in misfits(example[name], answer[name], f"{where}.{name}")]


async def test_of_customers_and_threads(driver: Any) -> None:
    said = await driver.hear(received("email", "I am Ana", ANA, name="Ana Ruiz"))
    other = await driver.hear(received("widget", "I am Bo", verified("site_user", "bo-17"), BO, name="Bo"))
    [identity] = await driver.rows("select id from identity where kind = 'site_user'")
    ana, bo, asked = said["customer_id"], other["customer_id"], {"identity_id": str(identity["id"])}
    get = {
        CUSTOMER: f"customers/{ana}", "/customers": "customers", "/threads/{thread_id}": f"threads/{said['thread_id']}",
        f"{CUSTOMER}/merge-preview": f"customers/{ana}/merge-preview?other={bo}",
    }  # fmt: skip
    answers = {("get", name): (await driver.api.get(f"/api/v1/{path}")).json() for name, path in get.items()}
    answers["patch", CUSTOMER] = await driver.patch(f"customers/{ana}", attributes={"plan": "gold"})
    answers["post", f"{CUSTOMER}/unlink"] = await driver.post(f"customers/{bo}/unlink", **asked)
    answers["post", f"{CUSTOMER}/link"] = await driver.post(f"customers/{ana}/link", **asked)
    answers["post", f"{CUSTOMER}/merge"] = merged = await driver.post(f"customers/{ana}/merge", other_id=str(bo))
    answers["post", f"{CUSTOMER}/unmerge"] = await driver.post(f"customers/{ana}/unmerge", act_id=merged["act_id"])
    answers["post", f"{CUSTOMER}/export"] = await driver.post(f"customers/{ana}/export")
    for endpoint, answer in answers.items():
        assert misfits(examples.ANSWERS[endpoint], answer) == [], endpoint
    elsewhere = {("get", "/events"), ("get", "/dead-letters"), ("post", "/dead-letters")}
    elsewhere |= {endpoint for endpoint in examples.ANSWERS if endpoint[1] == examples.KNOWLEDGE}  # knowledge's own
    elsewhere |= {endpoint for endpoint in examples.ANSWERS if endpoint[1].startswith("/messages/")}  # files and pages
    assert examples.ANSWERS.keys() - answers.keys() == elsewhere
