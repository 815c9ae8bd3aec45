"""The page of gaps in a real Chromium, on the real conversation and knowledge."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect
from plugins.inbox_service import Service, sign_in, until

from onethread.contracts.knowledge import KnowledgeGap, KnowledgeGapFound
from onethread.knowledge.app import create_app
from onethread.knowledge.settings import Settings
from onethread.runtime.bus import Bus

pytestmark = [pytest.mark.browser, pytest.mark.connected, pytest.mark.usefixtures("built_ui")]
PARROT = "Do you deliver parrots to Portugal?"
PARROT_TOO = "Can you deliver a parrot to Portugal?"
PARKING = "Where can I park my car?"
THREAD = uuid4()


@pytest.fixture
def service(inbox_service: Service, serve_app: Callable[[Any], str], tmp_path: Path) -> Service:
    """With knowledge beside it, that has heard of two gaps."""
    settings = Settings(api_key="key", home=tmp_path, NATS_URL=inbox_service.settings.nats_url)
    serve_app(create_app(settings))
    with ThreadPoolExecutor(1) as thread:  # Playwright has a loop running in this one
        asked = (PARROT, THREAD), (PARROT_TOO, uuid4()), (PARKING, uuid4())
        thread.submit(lambda: asyncio.run(told(settings, *asked))).result()
    return inbox_service


async def told(settings: Settings, *asked: tuple[str, UUID]) -> None:
    bus = Bus("test", settings)
    await bus.start()
    for question, thread in asked:
        event = KnowledgeGapFound(
            id=uuid4(), source="/agent", subject=str(uuid4()), workspaceid="local", threadid=thread, customerid=uuid4(),
            data=KnowledgeGap(question=question, confidence=0.2, channel="widget"),
        )  # fmt: skip
        await bus.publish(event)
    await bus.stop()


@pytest.fixture
def page(service: Service, context: BrowserContext) -> Page:
    page = sign_in(service, context)
    gaps = lambda: service.api.get("/knowledge/gaps").json()["items"]  # noqa: E731
    until(lambda: sum(gap["count"] for gap in gaps()) == 3, "what was told of the gaps")
    page.goto(f"{service.origin}/inbox/knowledge/gaps")
    return page


def looked_at(page: Page, name: str) -> list[str]:
    """What is wrong with it in light and in dark, and wide and narrow. Pictures, where somebody wants to see them."""
    found: list[str] = []
    for scheme, width in (("light", 1440), ("dark", 360)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 860})
        found += [f"{scheme} {one['id']} {one['nodes'][0]['html']}" for one in Axe().run(page).response["violations"]]
        wide = page.evaluate("document.documentElement.scrollWidth")
        found += [f"{wide} px wide"] if wide > width else []
        if folder := os.environ.get("ONETHREAD_PICTURES"):
            page.screenshot(path=f"{folder}/{name}-{scheme}-{width}.png")
    page.set_viewport_size({"width": 1440, "height": 860})
    return found


def test_a_gap_is_opened_drafted_and_closed_by_publishing(page: Page, service: Service) -> None:
    rows = page.get_by_role("region", name="Gaps").locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first.locator("td").first).to_have_text("2")
    assert looked_at(page, "gaps") == []
    rows.first.get_by_role("link").click()
    expect(page.get_by_text("Asked 2 times by 2 customers")).to_be_visible()
    asked = page.get_by_role("list", name="How it was asked")
    expect(asked).to_contain_text(PARROT_TOO)
    thread = asked.get_by_role("listitem").filter(has_text=PARROT).get_by_role("link")
    expect(thread).to_have_attribute("href", f"/inbox/all/{THREAD}")
    assert looked_at(page, "gap") == []

    page.get_by_role("button", name="Draft an article").click()
    editor = page.get_by_role("form", name="Article")
    expect(editor).to_contain_text("no teammate has answered it so far: the text is for you to write")
    expect(page.get_by_label("Text, in Markdown")).to_have_value("")
    page.get_by_role("button", name="Approve and publish").click()
    expect(page.get_by_role("alert").filter(has_text="Not saved")).to_contain_text("Write the answer first.")
    assert looked_at(page, "draft") == []
    page.get_by_label("Text, in Markdown").fill("Yes, by train, on Mondays.")
    page.get_by_role("button", name="Approve and publish").click()
    expect(editor).to_contain_text("Published")

    page.goto(f"{service.origin}/inbox/knowledge/gaps")
    expect(rows).to_have_count(1)
    page.get_by_label("Show").select_option("closed")
    expect(rows.first).to_contain_text("Closed")
    rows.first.get_by_role("link").click()
    expect(page.get_by_role("link", name="Open its article")).to_be_visible()


def test_a_gap_is_ignored_and_reopened_and_proposing_is_switched_off(page: Page, service: Service) -> None:
    page.get_by_role("link", name=PARKING).click()
    page.get_by_role("button", name="Ignore").click()
    expect(page.get_by_role("region", name="Notices")).to_contain_text("Ignored, also when it is asked again.")
    expect(page.get_by_role("article").locator(".state").first).to_have_text("Ignored")
    page.get_by_role("button", name="Reopen").click()
    expect(page.get_by_role("article").locator(".state").first).to_have_text("Open")
    page.get_by_role("link", name="All gaps").click()
    choice = page.get_by_label("When a conversation with a gap is closed")
    choice.select_option("off")
    expect(page.get_by_role("region", name="Notices")).to_contain_text("Saved.")
    page.reload()
    expect(choice).to_have_value("off")
    assert service.api.get("/knowledge/gaps/settings").json() == {"proposals": "off"}


def test_a_gap_that_is_not_there_and_knowledge_that_is_away_are_told(page: Page, service: Service) -> None:
    page.goto(f"{service.origin}/inbox/knowledge/gaps/gap_nothing")
    expect(page.get_by_role("alert")).to_contain_text("The gap could not be read. No such gap")
