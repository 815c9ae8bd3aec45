"""What a mail brings with it, as the inbox shows it, in a real Chromium."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect
from plugins.inbox_story import EMAIL, log, open_thread, tell_a_story

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("built_ui")]
DOT = base64.b64decode("R0lGODlhAQABAIAAAAUEBAAAACwAAAAAAQABAAACAkQBADs=")
LOGO = {"name": "logo.gif", "type": "image/gif", "size": 42, "sha256": "a" * 64, "inline": True}
PHOTO = {"name": "broken pot.jpg", "type": "image/jpeg", "size": 2_345_678, "sha256": "b" * 64}
TERMS = {"name": "terms.pdf", "type": "application/pdf", "size": 12_345, "sha256": "c" * 64}
LIAR = {"name": "liar.png", "type": "image/png", "size": 7, "sha256": "d" * 64}


def answer(route: Route) -> None:
    if route.request.url.endswith(LIAR["sha256"]):
        route.fulfill(status=200, content_type="application/octet-stream", body="<script>")
    else:
        route.fulfill(status=200, content_type="image/gif", body=DOT)


@pytest.fixture
def page(conversation, serve_app: Callable[[Any], str], context: BrowserContext) -> Page:
    tell_a_story(conversation)
    first, second = [LOGO, PHOTO, TERMS, LIAR], [LOGO, PHOTO]
    conversation.add_message("ana", "customer", "Look at this.", channel=EMAIL, attachments=first)
    conversation.add_message("ana", "customer", "And once more.", channel=EMAIL, attachments=second)
    conversation.add_message("ana", "customer", "", channel=EMAIL, attachments=[TERMS], html=None)
    page = context.new_page()
    page.route("**/api/v1/messages/**", answer)
    open_thread(page, serve_app(conversation.app()), "ana")
    return page


def attachments_of(page: Page, text: str) -> Any:
    return log(page).locator(".message", has_text=text).last.get_by_role("list", name="Attachments")


def test_attachments_are_pictures_and_links_with_their_size(page):
    shown = attachments_of(page, "Look at this.")
    expect(shown.get_by_role("img", name="logo.gif, 42 B")).to_be_visible()
    expect(shown.get_by_role("img", name="broken pot.jpg, 2.3 MB")).to_be_visible()
    link = shown.get_by_role("link", name="terms.pdf 12 kB")
    expect(link).to_have_attribute("target", "_blank")
    assert link.get_attribute("href").endswith(f"/attachments/{TERMS['sha256']}")


def test_what_only_says_that_it_is_a_picture_is_a_link(page):
    expect(attachments_of(page, "Look at this.").get_by_role("link", name="liar.png 7 B")).to_be_visible()


def test_the_logo_of_a_signature_is_shown_once_and_a_photo_as_often_as_it_is_sent(page):
    shown = attachments_of(page, "And once more.")
    expect(shown.get_by_role("img", name="broken pot.jpg")).to_be_visible()
    expect(shown.get_by_role("img")).to_have_count(1)


def test_the_mail_can_be_had_as_it_came(page):
    link = attachments_of(page, "And once more.").get_by_role("link", name="Original mail")
    assert link.get_attribute("href").endswith("/raw")
    expect(log(page).get_by_role("link", name="Original mail")).to_have_count(5)


def test_a_mail_of_nothing_but_a_file_has_no_empty_bubble(page):
    last = log(page).locator(".message.theirs").last
    expect(last.get_by_role("link", name="terms.pdf 12 kB")).to_be_visible()
    expect(last.locator(".bubble")).to_have_count(0)
