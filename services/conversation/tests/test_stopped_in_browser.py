"""Addresses to which nothing goes any more, in a real Chromium on the real service."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect
from plugins.conversation_world import received, verified
from plugins.inbox_service import Service, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.connected, pytest.mark.usefixtures("built_ui")]
ADD = """insert into suppression (id, workspace_id, address, scope, report, reason, since, message_id)
    values (%s, 'local', %s, %s, %s, %s, now(), %s)"""
LONG = "somebody.with-a-very-long-name-before-the-sign@a-very-long-domain-of-a-very-large-company.example"


@pytest.fixture
def page(inbox_service: Service, context: BrowserContext) -> Page:
    page = sign_in(inbox_service, context)
    page.get_by_role("link", name="Email: Stopped addresses").click()
    return page


def stop(service: Service, address: str, reason: str, report: str = "hard", message: Any = None) -> None:
    scope = "automatic" if report == "complaint" else "all"
    with psycopg.connect(service.settings.database) as connection:
        connection.execute(ADD, [uuid4(), address, scope, report, reason, message])


def test_where_nothing_came_back_it_says_so(page: Page) -> None:
    expect(page.get_by_text("Mail goes to every address.")).to_be_visible()


def test_an_address_is_found_understood_and_written_to_again(page: Page, inbox_service: Service) -> None:
    inbox_service.hear(received("email", "hi", verified("email", "ana@fern.example"), name="Ana"))
    thread = inbox_service.thread_of("Ana")
    [message] = inbox_service.api.get(f"/threads/{thread['id']}/messages").json()["items"]
    stop(inbox_service, "ana@fern.example", "The mailbox does not exist (5.1.1)", message=message["id"])
    stop(inbox_service, "bo@fern.example", "Reported as spam", "complaint")
    stop(inbox_service, LONG, "The mailbox is full (5.2.2)", "soft")
    page.reload()
    expect(page.get_by_text("3 found")).to_be_visible()
    bo = page.get_by_role("listitem", name="bo@fern.example")
    expect(bo).to_contain_text("Reported as spam. What a teammate writes is sent.")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert [one["id"] for one in Axe().run(page).response["violations"]] == []
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.querySelector('.page .content').scrollWidth") <= 360
    page.get_by_label("Search by address or reason").fill("Exist")
    expect(page.get_by_text("1 found")).to_be_visible()
    ana = page.get_by_role("listitem", name="ana@fern.example")
    expect(ana).to_contain_text("The mailbox does not exist (5.1.1). Nothing is sent.")
    ana.get_by_role("button", name="Send there again").click()
    expect(page.get_by_text("Mail goes to ana@fern.example again")).to_be_visible()
    expect(page.get_by_text("No stopped address has these words.")).to_be_visible()
    kept = inbox_service.api.get("/audit").json()["items"]
    assert [(one["action"], one["by"]["kind"]) for one in kept][:1] == [("address.released", "teammate")]


def test_on_a_phone_the_pages_scroll_and_ones_own_account_stays_in_reach(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    page.get_by_role("button", name="Keys and account").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Email: Addresses").click()
    expect(page.get_by_role("heading", name="Email: addresses")).to_be_visible()


def test_the_mail_that_came_back_is_a_click_away(page: Page, inbox_service: Service) -> None:
    inbox_service.hear(received("email", "hi", verified("email", "ana@fern.example"), name="Ana"))
    thread = inbox_service.thread_of("Ana")
    [message] = inbox_service.api.get(f"/threads/{thread['id']}/messages").json()["items"]
    stop(inbox_service, "ana@fern.example", "The mailbox does not exist (5.1.1)", message=message["id"])
    page.reload()
    page.get_by_role("link", name="Open the mail that came back").click()
    expect(page.get_by_role("log")).to_contain_text("hi")


def test_a_long_list_is_paged_on(page: Page, inbox_service: Service) -> None:
    for number in range(101):
        stop(inbox_service, f"a{number}@fern.example", "The mailbox does not exist (5.1.1)")
    page.reload()
    stopped = page.get_by_role("listitem").filter(has_text="Dead address")
    expect(page.get_by_text("The latest 100")).to_be_visible()
    expect(stopped).to_have_count(100)
    page.get_by_role("button", name="Show more").click()
    expect(page.get_by_text("101 found")).to_be_visible()
    expect(stopped).to_have_count(101)
    expect(page.get_by_role("button", name="Show more")).to_have_count(0)
