"""How mail comes to an address, in a real Chromium on the real service, with a gateway that tries what it is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, expect
from plugins.inbox_service import Service, answering, sign_in

from onethread.contracts import subjects
from onethread.contracts.mail import (
    CheckMailbox,
    CheckRecords,
    MailboxChecked,
    MailboxState,
    RecordsChecked,
    Ways,
    WaysOf,
)

pytestmark = [pytest.mark.browser, pytest.mark.connected, pytest.mark.usefixtures("built_ui")]
OWN = "support@onethread.localhost"
URL = "https://mail.a-rather-long-name-of-a-company.example"
REFUSED = [
    "The server refuses the login. Check user and password, or sign in again.",
    "It said: [AUTHENTICATIONFAILED]",
]


@dataclass
class Gateway:
    tried: list[CheckMailbox] = field(default_factory=list[CheckMailbox])
    state: MailboxState | None = None
    operators: str | None = None

    async def ways(self, _: WaysOf) -> Ways:
        return Ways(url=URL, operators_mailbox=self.operators, operators_providers=["ses"], state=self.state)

    async def check(self, asked: CheckMailbox) -> MailboxChecked:
        self.tried.append(asked)
        right = asked.imap is None or asked.secrets == {"imap_password": "right"}
        words = ["Signed in. The folder INBOX can be read.", "2 unread mails wait there."]
        return MailboxChecked(ok=right, words=words if right else REFUSED)

    async def records(self, _: CheckRecords) -> RecordsChecked:
        return RecordsChecked()


@pytest.fixture
def inbox_settings() -> dict[str, Any]:
    return {"secret": "a secret of sixteen"}


@pytest.fixture
def gateway(inbox_service: Service) -> Iterator[Gateway]:
    told = Gateway()
    answers = {
        subjects.EMAIL_WAYS: (WaysOf, told.ways),
        subjects.EMAIL_MAILBOX: (CheckMailbox, told.check),
        subjects.EMAIL_RECORDS: (CheckRecords, told.records),
    }
    with answering(inbox_service, answers):
        yield told


@pytest.fixture
def page(inbox_service: Service, gateway: Gateway, context: BrowserContext) -> Page:
    page = sign_in(inbox_service, context)
    page.get_by_role("link", name="Email: Addresses").click()
    page.get_by_role("button", name=OWN).click()
    return page


def violations(page: Page) -> list[str]:
    """In light and in dark."""
    found: list[str] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme} {one['id']}" for one in Axe().run(page).response["violations"]]
    return found


def mailbox(page: Page) -> Locator:
    return page.get_by_role("form", name="Mailbox")


def fill(form: Locator, password: str = "wrong") -> None:
    form.get_by_label("Server").fill("imap.shop.example")
    form.get_by_label("User").fill("help@shop.example")
    form.get_by_label("Password", exact=True).fill(password)


def test_a_mailbox_is_tried_mended_saved_and_watched(page: Page, gateway: Gateway) -> None:
    form = mailbox(page)
    expect(form.get_by_text("No mailbox is read for this address.")).to_be_visible()
    fill(form)
    form.get_by_role("button", name="Check now").click()
    expect(form.get_by_text(REFUSED[0])).to_be_visible()
    expect(form.get_by_text(REFUSED[1])).to_be_visible()
    assert violations(page) == []
    form.get_by_label("Password", exact=True).fill("right")
    form.get_by_role("button", name="Check now").click()
    expect(form.get_by_text("2 unread mails wait there.")).to_be_visible()
    gateway.state = MailboxState(read_at=datetime(2026, 11, 26, 12, tzinfo=UTC), waiting=2, has_idle=False)
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. The mailbox is read within a few seconds.")).to_be_visible()
    expect(form.get_by_role("status").first).to_contain_text("It is read. It was last read to its end on")
    expect(form.get_by_role("status").first).to_contain_text("2 mails wait in it. Its server does not tell of new mail")
    gateway.state = MailboxState(error="Nothing listens at imap.shop.example on port 993.", since=datetime.now(UTC))
    expect(form.get_by_role("status").first).to_contain_text("Nothing listens at imap.shop.example")
    assert violations(page) == []


def test_a_password_that_is_kept_is_not_shown_and_not_sent_to_another_server(page: Page, gateway: Gateway) -> None:
    form = mailbox(page)
    fill(form, "right")
    form.get_by_role("button", name="Save").click()
    kept = form.get_by_label("Password. One is kept; type to replace it")
    expect(kept).to_have_value("")
    form.get_by_label("Folder").fill("Support")
    form.get_by_role("button", name="Check now").click()
    expect(form.get_by_text("2 unread mails wait there.")).to_be_visible()
    form.get_by_label("Server").fill("imap.evil.example")
    expect(form.get_by_label("Password", exact=True)).to_have_attribute("required", "")
    form.get_by_role("button", name="Check now").click()
    expect(form.get_by_text(REFUSED[0])).to_be_visible()
    assert [one.secrets for one in gateway.tried] == [{"imap_password": "right"}, {}]
    form.get_by_role("button", name="Read no more").click()
    page.get_by_role("dialog").get_by_role("button", name="Read no more").click()
    expect(form.get_by_text("No mailbox is read for this address.")).to_be_visible()


def test_a_sign_in_takes_the_passwords_place(page: Page, inbox_service: Service) -> None:
    form = mailbox(page)
    form.get_by_label("Server").fill("imap.gmail.com")
    form.get_by_label("User").fill("help@shop.example")
    form.get_by_label("How we sign in").select_option("token")
    form.get_by_label("Client id of the app").fill("an-app")
    form.get_by_label("Refresh token").fill("refresh-1")
    form.get_by_label("Client secret of the app").fill("its-secret")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_label("Refresh token. One is kept")).to_be_visible()
    ways = inbox_service.api.get("/email/addresses/email-local/ways").json()
    assert (ways["secrets"], ways["imap"]["client_id"]) == (["imap_client_secret", "imap_refresh_token"], "an-app")


def test_a_provider_is_given_a_url_and_heard_by_its_key(page: Page, inbox_service: Service) -> None:
    page.locator("summary", has_text="Postmark").click()
    form = page.get_by_role("form", name="Postmark")
    expect(form.get_by_text(f"{URL}/inbound/postmark/email-local")).to_be_visible()
    form.get_by_label("user:password").fill("hook:short")
    form.get_by_role("button", name="Save key").click()
    expect(form.get_by_role("alert")).to_contain_text("Not saved.")
    form.get_by_label("user:password").fill("hook:correct-horse")
    form.get_by_role("button", name="Save key").click()
    expect(page.get_by_text("Saved. Mail that Postmark brings is taken")).to_be_visible()
    expect(page.get_by_text("Heard, by the installation's settings")).to_be_visible()
    assert inbox_service.api.get("/email/addresses/email-local/ways").json()["secrets"] == ["inbound_postmark"]
    page.locator("summary", has_text="Postmark").click()
    assert violations(page) == []
    form.get_by_role("button", name="Hear it no more").click()
    expect(page.get_by_text("Postmark is heard no more.")).to_be_visible()


def test_how_mails_look_can_be_saved_after_the_ways_were_and_typing_is_kept(page: Page) -> None:
    look = page.get_by_role("form", name=OWN)
    look.get_by_label("Sender of a reply").fill("{name} at Acme")
    fill(mailbox(page), "right")
    mailbox(page).get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. The mailbox is read")).to_be_visible()
    expect(look.get_by_label("Sender of a reply")).to_have_value("{name} at Acme")
    look.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. Replies look like this")).to_be_visible()


def test_the_operators_mailbox_is_tried_but_not_changed_here(page: Page, gateway: Gateway) -> None:
    gateway.operators = "support@shop.example at imap.shop.example"
    page.reload()
    page.get_by_role("button", name=OWN).click()
    box = page.get_by_role("group", name="Mailbox")
    expect(box).to_contain_text("Mail is fetched from the mailbox of support@shop.example at imap.shop.example.")
    box.get_by_role("button", name="Check now").click()
    expect(box.get_by_text("2 unread mails wait there.")).to_be_visible()
    assert gateway.tried[0].imap is None
    expect(mailbox(page)).to_have_count(0)


def test_the_page_is_no_wider_than_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    fill(mailbox(page))
    mailbox(page).get_by_role("button", name="Check now").click()
    expect(mailbox(page).get_by_text(REFUSED[0])).to_be_visible()
    for name in ("Postmark", "Mailgun", "SendGrid", "Amazon SES"):
        page.locator("summary", has_text=name).click()
    assert page.evaluate("document.querySelector('.page .content').scrollWidth") <= 360
