"""The page "Knowledge: search" in a real Chromium: judged answers on the real knowledge, models on a played API."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect
from plugins.inbox_service import Service, sign_in, until

from onethread.knowledge.app import create_app as create_knowledge
from onethread.knowledge.confidence import FEATURES, shipped
from onethread.knowledge.minilm import MODEL_ID
from onethread.knowledge.settings import Settings as KnowledgeSettings

pytestmark = [pytest.mark.browser, pytest.mark.connected, pytest.mark.usefixtures("built_ui")]
SHIPPED = shipped(MODEL_ID)
DELIVERY = {
    "title": "Delivery times",
    "text": "Delivery within Germany takes three working days.",
    "state": "published",
}
MIDDLE = np.array([1.44, 0.35, 0.22, 1.13, 0.28, 0.04])


def a_model(id_: str, name: str, **more: Any) -> dict[str, Any]:
    usual = {
        "kind": "built_in", "languages": "English", "available": True, "why_not": None, "calibrated": True,
        "sends_text_to": None,
    }  # fmt: skip
    return {"id": id_, "name": name} | usual | more


class Models:
    """The API of embedding models, played: what is chosen is built until the test says that it is done."""

    def __init__(self) -> None:
        self.models = [
            a_model("minilm", "English"),
            a_model("e5", "Multilingual", languages="About 100"),
            a_model("openai/large", "Large", kind="openai", calibrated=False, sends_text_to="models.example"),
            a_model("ollama/n", "Nomic", kind="ollama", available=False, why_not="ONETHREAD_EMBEDDING_URL is not set."),
        ]
        self.live, self.chosen = "minilm", list[str]()
        self.building: dict[str, Any] | None = None
        self.refuses = False
        self.error: str | None = None

    def __call__(self, route: Route) -> None:
        if route.request.method == "PUT":
            if self.refuses:
                problem = {"title": "models.example cannot be reached", "status": 422, "detail": "Nothing was changed."}
                route.fulfill(status=422, content_type="application/problem+json", body=json.dumps(problem))
                return
            self.choose(route.request.post_data_json["model"])
        body = {"models": self.models, "live": self.live, "building": self.building, "error": self.error}
        route.fulfill(status=200, content_type="application/json", body=json.dumps(body))

    def choose(self, model: str) -> None:
        self.chosen.append(model)
        self.building = None if model == self.live else {"model": model, "passages": 120, "of": 5_000, "error": None}


@pytest.fixture
def service(inbox_service: Service, serve_app: Callable[[Any], str], tmp_path: Path) -> Service:
    nats_url = inbox_service.settings.nats_url
    serve_app(create_knowledge(KnowledgeSettings(api_key="key", home=tmp_path, NATS_URL=nats_url)))
    inbox_service.api.post("/knowledge/articles", json=DELIVERY).raise_for_status()
    until(lambda: inbox_service.api.get("/knowledge/status").json()["passages"], "the article in search")
    return inbox_service


@pytest.fixture
def models() -> Models:
    return Models()


@pytest.fixture
def page(service: Service, context: BrowserContext, models: Models) -> Page:
    context.route("**/api/v1/knowledge/embedding", models)
    page = sign_in(service, context)
    page.get_by_role("link", name="Knowledge", exact=True).click()
    page.get_by_role("navigation", name="Knowledge").get_by_role("link", name="Search", exact=True).click()
    expect(page.get_by_role("heading", name="Knowledge: search")).to_be_visible()
    return page


def confidence(page: Page) -> Locator:
    return page.get_by_role("region", name="Confidence", exact=True)


def card(page: Page, name: str) -> Locator:
    cards = page.get_by_role("list", name="Embedding models")
    return cards.get_by_role("listitem").filter(has=page.get_by_role("heading", name=name, exact=True))


def judge_many(service: Service, n: int = 240) -> None:
    """What is shipped is far too sure: one in three is right. Every fourth is of a search that it is unsure of."""
    for i in range(n):
        middle = MIDDLE * (1 if i % 4 else 0.7)
        numbers = (middle * (1 + 0.2 * np.random.default_rng(i).normal(size=len(FEATURES)))).tolist()
        evidence = {"model": SHIPPED.model_id, "calibration": SHIPPED.version, "numbers": numbers}
        said = {"query": f"question {i}", "right": i % 3 == 0, "evidence": evidence, "origin": "bench"}
        service.api.post("/knowledge/judgements", json=said).raise_for_status()


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


def test_a_refit_is_looked_at_adopted_and_taken_back(page: Page, service: Service) -> None:
    expect(confidence(page)).to_contain_text(f"Calibration {SHIPPED.version}")
    expect(confidence(page)).to_contain_text("A refit needs 200 judged answers. There are 0.")
    judge_many(service)
    page.reload()
    expect(confidence(page)).to_contain_text("240 judged answers: 80 right, 160 wrong")
    expect(confidence(page)).to_contain_text("Test bench: 240")
    expect(page.get_by_role("region", name="How sure and how right")).to_contain_text("Too sure")
    offer = page.get_by_role("region", name="Offer")
    expect(offer).to_contain_text("workspace-1")
    assert violations(page) == []
    offer.get_by_role("button", name="Use it…").click()
    page.get_by_role("dialog").get_by_role("button", name="Use it", exact=True).click()
    expect(confidence(page)).to_contain_text("Calibration workspace-1")
    expect(confidence(page)).to_contain_text("Adopted by Admin")
    expect(offer).to_have_count(0)
    found = service.api.post("/knowledge/search", json={"query": "How long is delivery?"}).json()
    assert found["calibration"] == "workspace-1"
    confidence(page).get_by_role("button", name="Go back").click()
    page.get_by_role("dialog").get_by_role("button", name="Go back").click()
    expect(confidence(page)).to_contain_text("Shipped with Onethread")
    expect(offer).to_contain_text("workspace-2")


def test_the_figures_are_at_the_workspaces_own_threshold(page: Page, service: Service) -> None:
    judge_many(service)
    service.agent(confidence=0.35)
    page.reload()
    expect(page.get_by_role("region", name="Offer")).to_contain_text("At 35 % and more it answers")


def test_an_offer_that_changed_since_it_was_shown_is_not_adopted(page: Page, service: Service) -> None:
    judge_many(service)
    page.reload()
    page.get_by_role("region", name="Offer").get_by_role("button", name="Use it…").click()
    judge_many(service, 241)
    numbers = MIDDLE.tolist()
    evidence = {"model": SHIPPED.model_id, "calibration": SHIPPED.version, "numbers": numbers}
    service.api.post("/knowledge/judgements", json={"query": "late", "right": True, "evidence": evidence})
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Use it", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("Look at it again")
    assert service.api.get("/knowledge/calibration").json()["in_use"]["version"] == SHIPPED.version


def test_a_search_is_judged_by_hand(page: Page, service: Service) -> None:
    judging = page.get_by_role("region", name="Judge a search")
    judging.get_by_label("What a customer asks").fill("How long does delivery take?")
    judging.get_by_role("button", name="Search").click()
    expect(judging).to_contain_text("Delivery times")
    assert violations(page) == []
    judging.get_by_role("button", name="Yes, right").click()
    expect(judging).to_contain_text("Counted as right.")
    expect(confidence(page)).to_contain_text("1 judged answer: 1 right, 0 wrong")
    expect(confidence(page)).to_contain_text("Searches judged here: 1")


def test_a_model_is_chosen_its_progress_seen_and_the_change_stopped(page: Page, models: Models) -> None:
    expect(card(page, "English")).to_contain_text("In use")
    expect(card(page, "Multilingual")).to_contain_text("About 100")
    expect(card(page, "Nomic")).to_contain_text("ONETHREAD_EMBEDDING_URL is not set.")
    expect(card(page, "Nomic").get_by_role("button")).to_have_count(0)
    card(page, "Multilingual").get_by_role("button").click()
    status = page.get_by_role("status").filter(has_text="passages")
    expect(status).to_contain_text("120 of 5,000 passages")
    expect(status).to_contain_text("Search goes on with English until it is done.")
    expect(card(page, "Multilingual")).to_contain_text("Being prepared")
    assert violations(page) == []
    status.get_by_role("button", name="Stop it").click()
    expect(status).to_have_count(0)
    assert models.chosen == ["e5", "minilm"]
    card(page, "Multilingual").get_by_role("button").click()
    models.live, models.building = "e5", None
    expect(card(page, "Multilingual")).to_contain_text("In use")


def test_where_texts_go_is_said_before_a_remote_model_is_chosen(page: Page, models: Models) -> None:
    expect(card(page, "Large")).to_contain_text("Articles and questions are sent to models.example.")
    expect(card(page, "Large")).to_contain_text("without a measured confidence")
    card(page, "Large").get_by_role("button").click()
    dialog = page.get_by_role("dialog", name="Use Large?")
    expect(dialog).to_contain_text("every question of your customers, in their own words")
    assert violations(page) == []
    dialog.get_by_role("button", name="Keep it").click()
    assert models.chosen == []
    models.refuses = True
    card(page, "Large").get_by_role("button", name="Use Large").click()
    dialog.get_by_role("button", name="Send texts to models.example").click()
    expect(dialog.get_by_role("alert")).to_contain_text("models.example cannot be reached")
    models.refuses = False
    dialog.get_by_role("button", name="Send texts to models.example").click()
    expect(card(page, "Large")).to_contain_text("Being prepared")


def test_what_holds_a_change_up_is_said_until_it_goes_on(page: Page, models: Models) -> None:
    models.building = {"model": "e5", "passages": 120, "of": 5_000, "error": "The disk is full."}
    page.reload()
    status = page.get_by_role("status").filter(has_text="Search goes on")
    expect(status).to_contain_text("held up. The disk is full. It is tried again by itself.")
    models.building["error"] = None
    expect(status).to_contain_text("120 of 5,000 passages")


def test_that_the_model_in_use_is_away_is_said_until_it_is_there(page: Page, models: Models) -> None:
    models.error = "models.example does not answer."
    page.reload()
    alert = page.get_by_role("alert").filter(has_text="Nothing can be searched now")
    expect(alert).to_contain_text("models.example does not answer.")
    models.error = None
    expect(alert).to_have_count(0)


def test_who_is_no_administrator_reads_and_judges_and_changes_nothing(
    page: Page, service: Service, context: BrowserContext
) -> None:
    judge_many(service)
    new = {"email": "ben@x.example", "name": "Ben", "role": "teammate", "password": "correct horse battery"}
    service.api.post("/teammates", json=new).raise_for_status()
    context.clear_cookies()
    page.goto(f"{service.origin}/inbox/knowledge/search")
    page.get_by_label("Email").fill("ben@x.example")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Knowledge", exact=True).click()
    page.get_by_role("navigation", name="Knowledge").get_by_role("link", name="Search", exact=True).click()
    expect(page.get_by_role("region", name="Offer")).to_contain_text("An administrator decides.")
    expect(page.get_by_role("region", name="Offer").get_by_role("button", name="Use it…")).to_have_count(0)
    expect(card(page, "Multilingual").get_by_role("button")).to_have_count(0)
    page.get_by_label("What a customer asks").fill("How long does delivery take?")
    page.get_by_role("button", name="Search", exact=True).last.click()
    page.get_by_role("button", name="No, wrong").click()
    expect(page.get_by_text("Counted as wrong.")).to_be_visible()


def test_when_the_models_cannot_be_read_the_confidence_is_shown_all_the_same(
    page: Page, context: BrowserContext
) -> None:
    context.route("**/api/v1/knowledge/embedding", lambda route: route.abort())
    page.reload()
    expect(page.get_by_role("alert").filter(has_text="The models could not be read.")).to_be_visible()
    expect(confidence(page)).to_contain_text(f"Calibration {SHIPPED.version}")
