"""A visitor has their order cancelled in the shop's own system, as people do it: chat, code, approval, answer."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from plugins.customers import Person, somebody
from plugins.local_site import serving
from plugins.stack import SECRETS, SHOP, Stack

from onethread.agent.config import KEPT_SECONDS

pytestmark = [pytest.mark.browser, pytest.mark.connected]
PATH = "/orders/1042/cancel"


class Shop:
    """It counts how often it cancelled, and for whom."""

    def __init__(self) -> None:
        self.cancelled: list[tuple[str, str]] = []
        self.goes_on = threading.Event()
        self.goes_on.set()

    def cancel(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["content-length"])).decode()
        self.cancelled.append((body, request.headers["idempotency-key"]))
        self.goes_on.wait(30)
        said = b'{"status": "cancelled"}'
        request.send_response(200)
        request.send_header("content-length", str(len(said)))
        request.end_headers()
        request.wfile.write(said)


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Iterator[Shop]:
    with serving(stack.port(SHOP)) as site, stack.api() as api:
        shop = Shop()
        site.pages[PATH] = shop.cancel
        tool = {
            "name": "cancel_order", "title": "our order system", "examples": ["please cancel my order 1042"],
            "method": "POST", "access": "writes", "url": f"{site.url}/orders/{{order}}/cancel",
            "parameters": {
                "type": "object", "required": ["order"],
                "properties": {"order": {"type": "string", "title": "order number", "pattern": "^[0-9]{4,8}$"}},
            },
            "bindings": {"email": "email"}, "fields": {"status": "/status"},
            "answer": "Your order {order} is {status}.",
        }  # fmt: skip
        made = api.post("agent/tools", json=tool)
        assert made.status_code == 201, made.text
        time.sleep(KEPT_SECONDS + 0.2)  # for so long the agent goes by what it was told before
        yield shop
        shop.goes_on.set()
        api.delete(f"agent/tools/{made.json()['id']}").raise_for_status()


@pytest.fixture
def inbox(browser: Browser, stack: Stack) -> Iterator[Page]:
    own = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB", timezone_id="UTC")
    page = own.new_page()
    page.goto(stack.url(8000))
    page.get_by_label("Email").fill(SECRETS["ONETHREAD_ADMIN_EMAIL"])
    page.get_by_label("Password").fill(SECRETS["ONETHREAD_ADMIN_PASSWORD"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Conversations")).to_be_visible()
    yield page
    own.close()


def asks_in_the_chat(context: BrowserContext, stack: Stack, ana: Person) -> Page:
    """A visitor who is not signed in, up to the sentence that a colleague was asked."""
    chat = context.new_page()
    chat.goto(stack.url(8080))
    chat.locator("onethread-chat .launcher").click()
    says(chat, "Please cancel my order 1042")
    expect(messages(chat)).to_contain_text("Which email address do you use with us?")
    says(chat, ana.email)
    expect(messages(chat)).to_contain_text("What is the code?")
    says(chat, the_code(stack, ana))
    expect(messages(chat)).to_contain_text("I have asked a colleague to approve this")
    return chat


def says(chat: Page, text: str) -> None:
    chat.get_by_label("Your message").fill(text)
    chat.keyboard.press("Enter")


def messages(chat: Page):
    return chat.get_by_role("log", name="Messages")


def the_code(stack: Stack, ana: Person) -> str:
    def mailed() -> str | None:
        mails = httpx.get(stack.url(8080, f"/api/mail/{ana.email}"), timeout=30).json()["items"]
        found = [re.search(r"Your code is (\d{6})", mail["text"]) for mail in mails]
        return next((one[1] for one in found if one), None)

    return stack.until(mailed, what="the mail with the code")


def open_the_thread(inbox: Page, stack: Stack, ana: Person) -> None:
    with stack.api() as api:
        [thread] = api.get("threads", params={"status": "all", "q": ana.email}).json()["items"]
    inbox.goto(stack.url(8000, f"/inbox/all/{thread['id']}"))


def test_an_order_is_cancelled_once_when_a_teammate_approves_and_its_customer_is_told(
    stack: Stack, shop: Shop, context: BrowserContext, inbox: Page
) -> None:
    ana = somebody("Ana")
    chat = asks_in_the_chat(context, stack, ana)
    assert shop.cancelled == []
    open_the_thread(inbox, stack, ana)
    wants = inbox.get_by_role("region", name="The AI wants to do something")
    expect(wants).to_contain_text("The AI wants to: cancel order: order 1042")
    wants.get_by_role("button", name="Approve").click()
    expect(inbox.get_by_text("Done. The customer was told.")).to_be_visible()
    expect(messages(chat)).to_contain_text("Your order 1042 is cancelled.")
    expect(wants).to_have_count(0)
    [(body, key)] = shop.cancelled
    assert ana.email.lower() in body
    assert key


def test_an_approval_in_the_middle_of_which_the_service_is_killed_is_pointed_out_and_not_made_twice(
    stack: Stack, shop: Shop, context: BrowserContext, inbox: Page
) -> None:
    ana = somebody("Ana")
    asks_in_the_chat(context, stack, ana)
    open_the_thread(inbox, stack, ana)
    shop.cancelled.clear()
    shop.goes_on.clear()
    inbox.get_by_role("button", name="Approve").click()
    stack.until(lambda: shop.cancelled, what="the request to the shop")
    stack.end("conversation", signal.SIGKILL)
    shop.goes_on.set()
    stack.until_ready("conversation", 8000)
    two_minutes_pass(stack)
    unclear = inbox.get_by_role("region", name="It is not known whether it was done")
    expect(unclear).to_contain_text("cancel order: order 1042")
    expect(inbox.get_by_role("log")).to_contain_text("our service ended before an answer came")
    unclear.get_by_role("button", name="It was done").click()
    expect(unclear).to_have_count(0)
    assert len(shop.cancelled) == 1


def two_minutes_pass(stack: Stack) -> None:
    """For calls that are under way."""
    url = f"postgresql://postgres@127.0.0.1:{stack.port(5433)}/onethread"
    with psycopg.connect(url) as connection:
        left = "update tool_call set began_at = began_at - interval '2 minutes' where state = 'running'"
        assert connection.execute(left).rowcount == 1
