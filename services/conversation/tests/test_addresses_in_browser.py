"""Support addresses in a real Chromium on the real service, with a gateway that tells what the DNS shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect
from plugins.inbox_service import Service, answering, sign_in

from onethread.contracts import subjects
from onethread.contracts.mail import CheckRecords, DnsRecord, RecordsChecked

pytestmark = [pytest.mark.browser, pytest.mark.connected, pytest.mark.usefixtures("built_ui")]
OWN = "support@onethread.localhost"
MX = DnsRecord(
    kind="mx", type="MX", name="onethread.localhost", value="", state="unknown", words="Mail goes elsewhere."
)


@pytest.fixture
def inbox_settings() -> dict[str, Any]:
    return {"secret": "a secret of sixteen"}


@pytest.fixture
def shown(inbox_service: Service) -> Iterator[set[str]]:
    """The selectors that the DNS shows."""
    shown: set[str] = set()

    async def records(asked: CheckRecords) -> RecordsChecked:
        return RecordsChecked(items=[*(_record(asked.domain, key.selector, shown) for key in asked.keys), MX])

    with answering(inbox_service, {subjects.EMAIL_RECORDS: (CheckRecords, records)}):
        yield shown


def _record(domain: str, selector: str, shown: set[str]) -> DnsRecord:
    state, words = ("right", "It is there.") if selector in shown else ("missing", "Add this record.")
    name = f"{selector}._domainkey.{domain}"
    return DnsRecord(
        kind="dkim", type="TXT", name=name, value=f"v=DKIM1; k=rsa; p={'M' * 392}", state=state, words=words,
        selector=selector,
    )  # fmt: skip


@pytest.fixture
def page(inbox_service: Service, shown: set[str], context: BrowserContext) -> Page:
    page = sign_in(inbox_service, context)
    page.get_by_role("link", name="Email: Addresses").click()
    return page


def violations(page: Page) -> list[str]:
    """In light and in dark."""
    found: list[str] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme} {one['id']}" for one in Axe().run(page).response["violations"]]
    return found


def test_an_administrator_says_how_mails_look(page: Page, inbox_service: Service) -> None:
    page.get_by_role("button", name=OWN).click()
    form = page.get_by_role("form", name=OWN)
    form.get_by_label("Sender of a reply").fill("{name} at Acme")
    expect(form.get_by_text(f"Kim at Acme <{OWN}>")).to_be_visible()
    form.get_by_label("Signature below each reply").fill("**{name}**, Acme")
    form.get_by_label("Below a reply stands").check()
    form.get_by_label("Addresses elsewhere").fill("help\nhelp@shop.example")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("Not saved.")
    expect(form.get_by_role("alert")).to_contain_text("help is not of the form name@domain")
    form.get_by_label("Addresses elsewhere").fill("help@shop.example")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. Replies look like this")).to_be_visible()
    page.reload()
    page.get_by_role("button", name=OWN).click()
    expect(form.get_by_label("Signature below each reply")).to_have_value("**{name}**, Acme")
    expect(form.get_by_label("Below a reply stands")).to_be_checked()
    expect(form.get_by_label("Addresses elsewhere")).to_have_value("help@shop.example")
    expect(form.get_by_role("button", name="Remove")).to_have_count(0)
    assert violations(page) == []


def test_an_address_is_made_and_removed(page: Page, inbox_service: Service) -> None:
    page.get_by_role("button", name="New address").click()
    form = page.get_by_role("form", name="New address")
    form.get_by_label("Address").fill("sales@shop.example")
    form.get_by_label("What teammates call it").fill("Sales")
    form.get_by_role("button", name="Make it").click()
    made = page.get_by_role("form", name="sales@shop.example")
    expect(page.get_by_role("region", name="DNS of shop.example")).to_be_visible()
    made.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("button", name="sales@shop.example")).to_have_count(0)
    assert inbox_service.api.get("/channels").json()["items"] == []


def test_a_key_is_made_shown_by_the_dns_and_used(page: Page, shown: set[str]) -> None:
    dns = page.get_by_role("region", name="DNS of onethread.localhost")
    expect(dns.get_by_text("Mail is not signed: there is no key yet.")).to_be_visible()
    dns.get_by_role("button", name="Make a key").click()
    expect(dns.get_by_text("the DNS does not show the key")).to_be_visible()
    name = dns.get_by_text("_domainkey.onethread.localhost").inner_text()
    expect(dns.get_by_text("One record is missing or wrong.")).to_be_visible()
    assert violations(page) == []
    shown.add(name.split(".")[0])
    dns.get_by_role("button", name="Check now").click()
    expect(dns.get_by_text(f"Mail is signed with the key {name.split('.')[0]}")).to_be_visible()
    expect(dns.get_by_text("Nothing is missing.")).to_be_visible()


def test_the_page_is_no_wider_than_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    page.get_by_role("button", name=OWN).click()
    page.get_by_role("region", name="DNS of onethread.localhost").get_by_role("button", name="Make a key").click()
    expect(page.get_by_text("Add this record.")).to_be_visible()
    assert page.evaluate("document.querySelector('.page .content').scrollWidth") <= 360
