"""Signing in to a mailbox in a real Chromium: from the inbox to the provider's page, and back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from plugins.inbox_service import Service, answering, sign_in
from plugins.sign_in_provider import LookAlike

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
ENDED = "The provider takes the sign-in no more: it was revoked. Sign in again."


@dataclass
class Gateway:
    tried: list[CheckMailbox] = field(default_factory=list[CheckMailbox])
    state: MailboxState | None = None
    is_refused: bool = False

    async def ways(self, _: WaysOf) -> Ways:
        return Ways(url="", state=self.state)

    async def check(self, asked: CheckMailbox) -> MailboxChecked:
        self.tried.append(asked)
        if self.is_refused:
            return MailboxChecked(ok=False, words=["The server refuses the login."])
        return MailboxChecked(ok=True, words=["The folder INBOX can be read.", "2 unread mails wait there."])

    async def records(self, _: CheckRecords) -> RecordsChecked:
        return RecordsChecked()


@pytest.fixture
def inbox_settings() -> dict[str, Any]:
    """Google's app is the operator's, Microsoft's is typed in."""
    app = {"google_client_id": "an-app", "google_client_secret": "its secret"}
    return {"secret": "a secret of sixteen"} | app


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
def provider(sign_in_provider: LookAlike, inbox_service: Service) -> LookAlike:
    inbox_service.settings.public_url = inbox_service.origin
    at = f"{inbox_service.origin}/inbox/email/addresses"
    sign_in_provider.redirect_uris = {f"{at}/google", f"{at}/microsoft"}
    sign_in_provider.account = OWN
    return sign_in_provider


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """It takes the look-alike's certificate."""
    fresh = browser.new_context(
        viewport={"width": 1440, "height": 860}, locale="en-GB", timezone_id="UTC", ignore_https_errors=True
    )
    yield fresh
    fresh.close()


@pytest.fixture
def page(inbox_service: Service, gateway: Gateway, provider: LookAlike, context: BrowserContext) -> Page:
    page = sign_in(inbox_service, context)
    page.get_by_role("link", name="Email: Addresses").click()
    page.get_by_role("button", name=OWN).click()
    return page


def box(page: Page) -> Locator:
    return page.get_by_role("region", name="Sign-in to the mailbox")


def violations(page: Page, name: str) -> list[str]:
    """In light and in dark, with a picture of each where `SHOTS` names a folder for them."""
    found: list[str] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme} {one['id']}" for one in Axe().run(page).response["violations"]]
        if folder := os.environ.get("SHOTS"):
            box(page).scroll_into_view_if_needed()
            page.screenshot(path=f"{folder}/{name}-{scheme}-{page.viewport_size['width']}.png")  # type: ignore[index]
    return found


def start(page: Page, label: str) -> Locator:
    box(page).get_by_role("button", name=f"Sign in with {label}").click()
    return box(page).get_by_role("form", name=f"Sign in with {label}")


def test_an_administrator_signs_in_at_google_and_the_mailbox_is_read(
    page: Page, gateway: Gateway, inbox_service: Service
) -> None:
    form = start(page, "Google")
    expect(form.get_by_label("Mailbox")).to_have_value(OWN)
    assert violations(page, "google") == []
    form.get_by_role("button", name="Go to Google").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_role("link", name="Allow").click()
    outcome = page.get_by_label("The sign-in", exact=True)
    expect(outcome).to_contain_text(f"Signed in at Google as {OWN}. The mailbox is read from now on.")
    expect(outcome).to_contain_text("2 unread mails wait there.")
    assert page.url == f"{inbox_service.origin}/inbox/email/addresses", "no code stays in the address bar"
    expect(box(page)).to_contain_text(f"Signed in at Google as {OWN}.")
    expect(page.get_by_label("How we sign in")).to_have_value("token")
    expect(page.get_by_label("Refresh token")).to_have_count(0)
    assert violations(page, "signed-in") == []
    assert [one.access_token for one in gateway.tried] == ["access-canary"]
    page.reload()
    expect(page.get_by_role("button", name=OWN)).to_be_visible()
    expect(page.get_by_label("The sign-in", exact=True)).to_have_count(0)


def test_what_is_saved_of_the_mailbox_afterwards_leaves_the_sign_in_as_it_is(
    page: Page, inbox_service: Service
) -> None:
    start(page, "Google").get_by_role("button", name="Go to Google").click()
    page.get_by_role("link", name="Allow").click()
    mailbox = page.get_by_role("form", name="Mailbox", exact=True)
    mailbox.get_by_label("Folder").fill("Support")
    mailbox.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. The mailbox is read")).to_be_visible()
    ways = inbox_service.api.get("/email/addresses/email-local/ways").json()
    assert (ways["imap"]["folder"], ways["imap"]["signed_in_as"], ways["secrets"]) == (
        "Support", OWN, ["imap_refresh_token"],
    )  # fmt: skip


def test_a_sign_in_that_ended_says_so_with_a_button(page: Page, gateway: Gateway, provider: LookAlike) -> None:
    start(page, "Google").get_by_role("button", name="Go to Google").click()
    page.get_by_role("link", name="Allow").click()
    expect(box(page)).to_contain_text("Signed in at Google")
    gateway.state = MailboxState(error=ENDED, since=datetime.now(UTC), sign_in_again=True)
    again = box(page).get_by_role("button", name="Sign in again")
    expect(again).to_be_visible()
    expect(box(page)).to_contain_text(ENDED)
    assert violations(page, "ended") == []
    again.click()
    page.get_by_role("link", name="Allow").click()
    expect(page.get_by_label("The sign-in", exact=True)).to_contain_text("2 unread mails wait there.")
    assert len(provider.refresh_tokens) == 2


def test_an_app_of_ones_own_is_typed_in_with_the_redirect_uri_to_copy(
    page: Page, inbox_service: Service, provider: LookAlike
) -> None:
    provider.account = "mara@shop.example"
    form = start(page, "Microsoft")
    expect(form.get_by_text(f"{inbox_service.origin}/inbox/email/addresses/microsoft")).to_be_visible()
    form.get_by_label("Who signs in").fill("mara@shop.example")
    form.get_by_label("Client id").fill("an-app")
    form.get_by_label("Client secret").fill("its secret")
    assert violations(page, "microsoft") == []
    form.get_by_role("button", name="Go to Microsoft").click()
    page.get_by_role("link", name="Allow").click()
    expect(page.get_by_label("The sign-in", exact=True)).to_contain_text("Signed in at Microsoft as mara@shop.example.")
    again = start(page, "Microsoft")
    expect(again.get_by_label("Client id")).to_have_value("an-app")
    expect(again.get_by_label("Client secret. One is kept")).to_be_visible()


def test_what_went_wrong_is_told_where_it_was_begun(page: Page, provider: LookAlike) -> None:
    provider.account = "mara@shop.example"
    start(page, "Google").get_by_role("button", name="Go to Google").click()
    page.get_by_role("link", name="Allow").click()
    alert = page.get_by_role("alert", name="The sign-in")
    expect(alert).to_contain_text(f"You signed in at Google as mara@shop.example, not as {OWN}.")
    assert violations(page, "another-account") == []
    start(page, "Google").get_by_role("button", name="Go to Google").click()
    page.get_by_role("link", name="Cancel").click()
    expect(alert).to_contain_text("The sign-in was not allowed: somebody chose Cancel")
    expect(box(page)).to_be_visible()


def test_a_mailbox_that_lets_nobody_in_is_told_as_that(page: Page, gateway: Gateway) -> None:
    gateway.is_refused = True
    start(page, "Google").get_by_role("button", name="Go to Google").click()
    page.get_by_role("link", name="Allow").click()
    alert = page.get_by_role("alert", name="The sign-in")
    expect(alert).to_contain_text("The mailbox cannot be read yet.")
    expect(alert).to_contain_text("The server refuses the login.")


def test_at_another_address_of_the_inbox_it_is_said_where_to_begin(page: Page, inbox_service: Service) -> None:
    inbox_service.settings.public_url = "https://support.shop.example"
    page.reload()
    page.get_by_role("button", name=OWN).click()
    form = start(page, "Google")
    expect(form).to_contain_text("Google leads back to https://support.shop.example (ONETHREAD_PUBLIC_URL)")
    expect(form.get_by_role("button", name="Go to Google")).to_be_disabled()


def test_it_is_no_wider_than_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    start(page, "Microsoft")
    assert violations(page, "microsoft") == []
    assert page.evaluate("document.querySelector('.page .content').scrollWidth") <= 360
    form = start(page, "Google")
    form.get_by_role("button", name="Go to Google").click()
    page.get_by_role("link", name="Allow").click()
    expect(page.get_by_label("The sign-in", exact=True)).to_be_visible()
    assert violations(page, "signed-in") == []
    assert page.evaluate("document.querySelector('.page .content').scrollWidth") <= 360
