"""The agent looks up an order in the shop's own API, with every service in between: for its customer alone."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from plugins.customers import Desk, Mailer, Person, eventually, somebody
from plugins.local_site import LocalSite, serving
from plugins.stack import SHOP, Stack

from onethread.agent.config import KEPT_SECONDS

pytestmark = pytest.mark.connected
ANSWER = "Your order 1042 is packed and leaves us on Friday."
KEY = "Bearer key-of-the-shop"


class Shop:
    """It knows one order, and tells only its owner's address about it."""

    def __init__(self, site: LocalSite) -> None:
        self.site = site

    def sold_to(self, owner: Person) -> None:
        order = json.dumps({"status": "packed", "leaves": "Friday", "card": "4111 1111 1111 1111"})
        self.site.pages = {}
        self.site.asked.clear()
        self.site.put(f"/orders/1042?email={quote(owner.email.lower(), safe='')}", order)


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Iterator[Shop]:
    with serving(stack.port(SHOP)) as site, stack.api() as api:
        tool = {
            "name": "order_status", "title": "our order system", "examples": ["where is my order 1042?"],
            "url": f"{site.url}/orders/{{order}}", "bindings": {"email": "email"},
            "parameters": {
                "type": "object", "required": ["order"],
                "properties": {"order": {"type": "string", "title": "order number", "pattern": "^[0-9]{4,8}$"}},
            },
            "fields": {"status": "/status", "leaves": "/leaves"},
            "answer": "Your order {order} is {status} and leaves us on {leaves}.",
            "secret_headers": {"Authorization": KEY},
        }  # fmt: skip
        made = api.post("agent/tools", json=tool)
        assert made.status_code == 201, made.text
        time.sleep(KEPT_SECONDS + 0.2)  # for so long the agent goes by what it was told before
        yield Shop(site)
        api.delete(f"agent/tools/{made.json()['id']}").raise_for_status()


async def answered(desk: Desk, email: str, wanted: str) -> dict[str, Any]:
    thread = await desk.thread(email)
    return await desk.message(thread["id"], lambda m: m["author"]["kind"] == "agent" and re.search(wanted, m["text"]))


async def test_a_signed_in_customer_gets_the_answer_of_the_shop_and_another_nothing(
    stack: Stack, desk: Desk, shop: Shop, visitor: Any
) -> None:
    ana, ben = somebody("Ana"), somebody("Ben")
    shop.sold_to(ana)
    theirs, others = visitor(ana), visitor(ben)
    await theirs.connect()
    await theirs.say("Where is my order 1042?")
    said = await answered(desk, ana.email, "order")
    assert said["text"] == ANSWER
    assert [source["title"] for source in said["sources"]] == ["our order system"]
    assert shop.site.asked[0][1]["authorization"] == KEY
    await others.connect()
    await others.say("Where is my order 1042?")
    nothing = await answered(desk, ben.email, "nothing like that")
    assert "packed" not in nothing["text"]
    assert "key-of-the-shop" not in stack.said()


async def test_a_visitor_proves_who_they_are_in_the_chat_and_gets_the_answer(
    stack: Stack, desk: Desk, shop: Shop, visitor: Any
) -> None:
    ana = somebody("Ana")
    shop.sold_to(ana)
    browser, mailer = visitor(), Mailer(stack, ana)
    await browser.connect()
    await browser.say("Where is my order 1042?")
    await browser.message("agent", text="Which email address")
    await browser.say(ana.email)

    async def mailed() -> Any:
        return next((mail for mail in await mailer.inbox() if mail["subject"] == "Your confirmation code"), None)

    mail = await eventually(mailed, what="the mail with the code")
    assert shop.site.asked == []
    await browser.message("agent", text="a code of six digits")  # the mail may be there before it
    await browser.say(re.search(r"Your code is (\d{6})", mail["text"])[1])
    await browser.message("agent", text=ANSWER)
