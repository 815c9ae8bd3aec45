"""The test bench in a real Chromium, on the real conversation, knowledge and agent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect
from plugins.conversation_world import received, verified
from plugins.inbox_service import Service, sign_in, until

from onethread.agent.app import create_app as create_agent
from onethread.agent.settings import Settings as AgentSettings
from onethread.knowledge.app import create_app as create_knowledge
from onethread.knowledge.settings import Settings as KnowledgeSettings

pytestmark = [pytest.mark.browser, pytest.mark.connected, pytest.mark.usefixtures("built_ui")]
QUESTION = "How long may I return a pen?"
ANSWERS = "You may return a pen within 30 days of delivery. We pay the way back."
SECONDS = 60_000
"""Milliseconds that a run may take on a busy machine."""


@pytest.fixture(autouse=True)
def soon_after_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONETHREAD_BENCH_SETTLE_SECONDS", "0.5")


@pytest.fixture
def service(inbox_service: Service, serve_app: Callable[[Any], str], tmp_path: Path) -> Service:
    nats_url = inbox_service.settings.nats_url
    serve_app(create_knowledge(KnowledgeSettings(api_key="key", home=tmp_path, NATS_URL=nats_url)))
    serve_app(create_agent(AgentSettings(api_key="key", NATS_URL=nats_url)))
    return inbox_service


@pytest.fixture
def article(service: Service) -> str:
    """Published, and found."""
    made = service.api.post(
        "/knowledge/articles", json={"title": "Returning a pen", "text": ANSWERS, "state": "published"}
    )
    service.api.post(
        "/knowledge/articles", json={"title": "Shipping", "text": "It costs 4 euros.", "state": "published"}
    )
    until(lambda: service.api.get("/knowledge/status").json()["passages"] >= 2, "the articles in search")
    return made.json()["id"]


@pytest.fixture
def page(service: Service, context: BrowserContext, article: str) -> Page:
    page = sign_in(service, context)
    page.get_by_role("link", name="Knowledge", exact=True).click()
    tabs = page.get_by_role("navigation", name="Knowledge")
    tabs.get_by_role("link", name="Test bench").click()
    expect(page.get_by_role("heading", name="Knowledge: test bench")).to_be_visible()
    return page


def violations(page: Page) -> list[str]:
    """In light and in dark; and what a phone would have to scroll sideways for."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme} {one['id']} {one['nodes'][0]['html']}" for one in Axe().run(page).response["violations"]]
    page.set_viewport_size({"width": 360, "height": 780})
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size({"width": 1440, "height": 860})
    return found + ([f"{wide} px wide"] if wide > 360 else [])


def test_a_question_is_kept_run_tried_with_a_draft_and_judged(page: Page, service: Service, article: str) -> None:
    page.get_by_role("link", name="Questions").click()
    page.get_by_role("button", name="Add a question").click()
    form = page.get_by_role("form", name="New question")
    form.get_by_label("What a customer asks").fill(QUESTION)
    form.get_by_label("What is expected").select_option("answer")
    form.get_by_label("Words that the answer must have").fill("30 days")
    assert violations(page) == []
    form.get_by_role("button", name="Save the question").click()
    questions = page.get_by_role("list", name="Questions")
    expect(questions).to_contain_text("It answers · says “30 days”")
    page.get_by_role("link", name="Runs").click()
    page.get_by_role("button", name="Run now").click()
    first = page.get_by_role("list", name="Questions").get_by_role("listitem").filter(has_text=QUESTION)
    expect(first).to_contain_text("Right", timeout=SECONDS)
    expect(page.get_by_role("list", name="Last runs")).to_contain_text("All right", timeout=SECONDS)

    service.api.patch(f"/knowledge/articles/{article}", json={"title": "About us", "text": "We sell pens and ink."})
    page.goto(f"{service.origin}/inbox/knowledge/articles/{article}")
    page.get_by_role("button", name="Try it on the test bench").click()
    expect(page.get_by_text("1 question: 1 worse")).to_be_visible(timeout=SECONDS)
    page.get_by_role("link", name="See each answer").click()
    worse = page.get_by_role("list", name="Questions").get_by_role("listitem").filter(has_text=QUESTION).first
    expect(worse.get_by_role("region", name="Before")).to_contain_text("30 days")
    expect(worse.get_by_role("region", name="With the change")).to_be_visible()
    assert violations(page) == []

    service.api.patch(f"/knowledge/articles/{article}", json={"state": "published"})
    expect(page.get_by_text("One question gets a worse answer than before.")).to_be_visible(timeout=SECONDS)
    page.get_by_role("link", name="See what changed").click()
    expect(page.get_by_role("region", name="After a change: About us")).to_be_visible()
    page.get_by_role("button", name="It is right").click()
    expect(page.get_by_text("Admin says that it is right.")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_tested_answer_becomes_a_question(page: Page, service: Service) -> None:
    page.get_by_role("navigation", name="Knowledge").get_by_role("link", name="Test an answer").click()
    page.get_by_label("What a customer asks").fill(QUESTION)
    page.get_by_role("button", name="Ask", exact=True).click()
    page.get_by_role("button", name="Save as a question of the test bench").click(timeout=SECONDS)
    expect(page.get_by_role("button", name="In the test bench")).to_be_visible()
    [kept] = service.api.get("/agent/questions").json()["items"]
    assert (kept["question"], kept["expect"]) == (QUESTION, "answer")


def test_a_threshold_is_tried_before_it_is_saved(page: Page, service: Service) -> None:
    service.api.post("/agent/questions", json={"question": QUESTION})
    page.get_by_role("link", name="AI agent: Settings").click()
    page.get_by_label("Sure enough to answer").fill("100")
    page.get_by_label("It may ask back").uncheck()
    page.get_by_role("button", name="Try it on the test bench").click()
    expect(page.get_by_text("1 question: 1 worse")).to_be_visible(timeout=SECONDS)
    assert service.api.get("/workspaces/local").json()["settings"]["agent"] is None


def test_what_a_customer_wrote_becomes_a_question_where_it_is_read(
    inbox_service: Service, context: BrowserContext
) -> None:
    inbox_service.hear(received("email", QUESTION, verified("email", "ana@pineandpaper.example"), name="Ana Ruiz"))
    [thread] = inbox_service.threads()
    page = sign_in(inbox_service, context)
    page.goto(f"{inbox_service.origin}/inbox/all/{thread['id']}")
    expect(page.get_by_role("log")).to_contain_text(QUESTION)
    page.keyboard.press("x")
    page.get_by_role("log").get_by_role("checkbox").first.click()
    page.get_by_role("region", name="Chosen messages").get_by_role("button", name="Add to the test bench").click()
    expect(page.get_by_text("It is a question of the test bench now.")).to_be_visible()
    [kept] = inbox_service.api.get("/agent/questions").json()["items"]
    assert (kept["question"], kept["channel"], kept["from_message"]) == (QUESTION, "email", True)
