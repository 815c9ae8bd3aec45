"""What came back, and what machines wrote, as a teammate sees it in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from plugins.inbox_story import EMAIL, open_thread, row, tell_a_story

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("built_ui")]
DEAD = "The mailbox does not exist (5.1.1)"


@pytest.fixture
def page(conversation, serve_app: Callable[[Any], str], context: BrowserContext) -> Page:
    tell_a_story(conversation)
    bounced = {"state": "failed", "reason": DEAD, "report": "hard"}
    conversation.add_message("ana", "teammate", "It left today.", channel=EMAIL, delivery=bounced)
    conversation.add_message("ana", "customer", "I am away until Monday.\n\nBest", channel=EMAIL, machine="auto_reply")
    conversation.reply_channels["ana"][0]["stopped"] = {
        "id": "s", "address": "ana@example.org", "scope": "all", "report": "hard", "reason": DEAD,
        "since": conversation.later(),
    }  # fmt: skip
    page = context.new_page()
    open_thread(page, serve_app(conversation.app()), "ana")
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_composer_says_that_nothing_arrives_before_anybody_writes(
    page: Page, scheme: Any, width: int, tmp_path: Path
):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    composer = page.get_by_role("region", name="Write")
    expect(composer.get_by_role("alert")).to_contain_text(f"Nothing is sent to ana@example.org: {DEAD}")
    composer.get_by_label("Reply", exact=True).fill("Are you there?")
    expect(composer.get_by_role("button", name="Send", exact=False).last).to_have_attribute("aria-disabled", "true")
    expect(page.get_by_text(f"Came back: {DEAD}")).to_be_visible()
    expect(page.get_by_text("Automatic reply")).to_be_visible()
    page.screenshot(path=tmp_path / f"{scheme}-{width}.png")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    composer.get_by_label("Reply on").select_option("widget-1")
    expect(composer.get_by_role("alert")).to_have_count(0)


def test_a_thread_that_a_machine_opened_does_not_say_that_the_ai_answers(
    conversation, serve_app, context: BrowserContext
):
    thread = conversation.add_thread("away", "Jonas Keller", "email", agent="active", machine="auto_reply")
    conversation.add_message("away", "customer", "I am away until Monday.", channel=EMAIL, machine="auto_reply")
    page = context.new_page()
    page.goto(f"{serve_app(conversation.app())}/inbox/all/away")
    expect(page.get_by_text("Automatic reply: the AI does not answer it.")).to_be_visible()
    expect(row(page, "Jonas Keller")).to_contain_text("Automatic reply")
    expect(page.get_by_text("AI answering")).to_have_count(0)
    expect(page.get_by_text("AI is answering")).to_have_count(0)
    assert thread["agent"] == "active"


def test_an_automatic_reply_is_a_line_until_somebody_wants_to_read_it(page: Page):
    folded = page.locator("details.by-machine")
    expect(folded.locator(".bubble")).to_be_hidden()
    folded.locator("summary").click()
    expect(folded.locator(".bubble")).to_contain_text("I am away until Monday.")
