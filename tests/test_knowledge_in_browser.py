"""The pages of knowledge in a real Chromium, on the real conversation, knowledge and agent."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, FilePayload, Locator, Page, expect
from plugins.inbox_service import Service, sign_in, until
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from onethread.agent.app import create_app as create_agent
from onethread.agent.settings import Settings as AgentSettings
from onethread.knowledge.app import create_app as create_knowledge
from onethread.knowledge.settings import Settings as KnowledgeSettings

pytestmark = [pytest.mark.browser, pytest.mark.connected, pytest.mark.usefixtures("built_ui")]
PASSWORD = "correct horse battery"
DELIVERY = "Delivery within Germany takes three working days. To Spain it takes five working days."


class Site:
    """A help centre whose pages come when they are let: the third one never does."""

    def __init__(self) -> None:
        self.let = threading.Event()

    async def page(self, request: Request) -> Response:
        number = int(request.path_params["number"] or 0)
        if number:
            await asyncio.to_thread(self.let.wait, 60)
        links = "".join(f'<a href="/help/{one}">{one}</a>' for one in range(1, 5))
        text = f"<h1>Page {number}</h1><p>What the help centre says on matter number {number}.</p>{links}"
        return HTMLResponse(f"<html><body><main>{text}</main></body></html>", 500 if number == 3 else 200)


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.let.set()


@pytest.fixture
def help_centre(site: Site, serve_app: Callable[[Any], str]) -> str:
    return f"{serve_app(Starlette(routes=[Route('/help/{number:path}', site.page)]))}/help/"


@pytest.fixture
def service(inbox_service: Service, serve_app: Callable[[Any], str], help_centre: str, tmp_path: Path) -> Service:
    """With knowledge and the agent beside it."""
    nats_url = inbox_service.settings.nats_url
    settings = KnowledgeSettings(
        api_key="key",
        home=tmp_path,
        NATS_URL=nats_url,
        knowledge_allowed_networks="127.0.0.0/8",
        knowledge_allowed_ports=f"80,443,{urlsplit(help_centre).port}",
    )
    serve_app(create_knowledge(settings))
    serve_app(create_agent(AgentSettings(api_key="key", NATS_URL=nats_url)))
    return inbox_service


@pytest.fixture
def page(service: Service, context: BrowserContext) -> Page:
    page = sign_in(service, context)
    page.get_by_role("link", name="Knowledge", exact=True).click()
    expect(page.get_by_role("heading", name="Knowledge: articles")).to_be_visible()
    return page


def to(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Knowledge").get_by_role("link", name=name).click()


def notice(page: Page) -> Locator:
    return page.get_by_role("region", name="Notices")


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


def a_file(name: str, text: str) -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": text.encode()}


def test_an_article_is_written_published_changed_and_taken_back(page: Page, service: Service) -> None:
    page.get_by_role("link", name="Write an article").click()
    page.get_by_label("Title").fill("Delivery times")
    page.get_by_label("Text, in Markdown").fill(f"**Soon.** {DELIVERY}")
    page.get_by_label("Questions that it answers").fill("When does my parcel come?\nHow long is delivery?")
    expect(page.get_by_role("region", name="As a chat shows it").locator("strong")).to_have_text("Soon.")
    assert violations(page) == []
    page.get_by_role("button", name="Save draft").click()
    expect(notice(page)).to_contain_text("Saved as a draft.")
    editor = page.get_by_role("form", name="Article")
    expect(editor).to_contain_text("Draft")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(editor).to_contain_text("Published")
    page.get_by_label("Title").fill("How long delivery takes")
    page.get_by_role("button", name="Save draft").click()
    expect(editor).to_contain_text("customers are told version 1")
    page.get_by_role("button", name="Version 1").click()
    expect(page.get_by_role("list", name="Versions")).to_contain_text("Delivery times")
    page.get_by_role("link", name="All articles").click()
    expect(page.get_by_role("list", name="Articles")).to_contain_text("Later draft")
    page.get_by_label("Search in titles").fill("parrots")
    expect(page.get_by_text("Nothing fits.")).to_be_visible()
    page.get_by_label("Search in titles").fill("long")
    page.get_by_label("Show").select_option("published")
    page.get_by_role("link", name="How long delivery takes").click()
    page.get_by_role("button", name="Unpublish").click()
    expect(editor.locator(".state")).to_have_text(["Draft"])
    [article] = service.api.get("/knowledge/articles").json()["items"]
    assert (article["state"], article["author"]) == ("draft", "Admin")
    assert article["wordings"] == ["When does my parcel come?", "How long is delivery?"]


def written(service: Service, **more: str) -> str:
    article = {"title": "Delivery times", "text": DELIVERY, **more}
    return service.api.post("/knowledge/articles", json=article).raise_for_status().json()["id"]


def test_of_two_who_change_an_article_the_slower_one_is_told_and_keeps_their_words(
    page: Page, service: Service
) -> None:
    article = written(service)
    page.goto(f"{service.origin}/inbox/knowledge/articles/{article}")
    page.get_by_label("Text, in Markdown").fill("Mine")
    service.api.patch(f"/knowledge/articles/{article}", json={"text": "Theirs"}).raise_for_status()
    page.get_by_role("button", name="Save draft").click()
    alert = page.get_by_role("alert").filter(has_text="Not saved")
    expect(alert).to_contain_text("your text is still here. The article changed meanwhile.")
    to(page, "Sources")
    page.go_back()
    expect(page.get_by_label("Text, in Markdown")).to_have_value("Mine")
    page.get_by_role("button", name="Save draft").click()
    alert.get_by_role("button", name="Give up mine").click()
    expect(page.get_by_label("Text, in Markdown")).to_have_value("Theirs")
    page.get_by_label("Text, in Markdown").fill("Mine again")
    service.api.patch(f"/knowledge/articles/{article}", json={"text": "Theirs again"}).raise_for_status()
    page.get_by_role("button", name="Save draft").click()
    alert.get_by_role("button", name="Keep mine").click()
    page.get_by_role("button", name="Save draft").click()
    expect(notice(page)).to_contain_text("Saved as a draft.")
    texts = [one["text"] for one in service.api.get(f"/knowledge/articles/{article}/versions").json()["items"]]
    assert texts == ["Mine again", "Theirs again", "Theirs", DELIVERY]


def test_a_list_goes_on_past_two_hundred(page: Page, service: Service) -> None:
    for number in range(205):
        draft = {"title": f"Draft {number}", "text": "To be written."}
        service.api.post("/knowledge/articles", json=draft).raise_for_status()
    page.reload()
    rows = page.get_by_role("list", name="Articles").get_by_role("listitem")
    for shown in (100, 200, 205):
        expect(rows).to_have_count(shown)
        more = page.get_by_role("button", name="Show more")
        if shown < 205:
            more.click()
    expect(more).to_have_count(0)


def test_files_are_uploaded_each_with_what_came_of_it(page: Page, service: Service) -> None:
    to(page, "Sources")
    files = [a_file("hours.md", "# Hours\n\nWe are open from nine to five."), a_file("setup.exe", "MZ")]
    page.get_by_label("Files for Uploads").set_input_files(files)
    sent = page.get_by_role("list", name="Sent to Uploads")
    expect(sent).to_contain_text("Kept")
    expect(sent).to_contain_text("this kind of file cannot be read")
    card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Uploads"))
    expect(card).to_contain_text("Up to date")
    expect(card).to_contain_text("1 article")
    card.get_by_role("button", name="All files (1)").click()
    assert violations(page) == []
    card.get_by_role("link", name="hours.md").click()
    expect(page.get_by_text("Read only: it comes from uploaded files")).to_be_visible()
    expect(page.get_by_text("We are open from nine to five.")).to_be_visible()


def test_a_file_that_is_dropped_and_cannot_be_read_is_named_with_the_reason(page: Page, service: Service) -> None:
    to(page, "Sources")
    drop = page.evaluate_handle(
        """() => {
            const files = new DataTransfer();
            files.items.add(new File(["not a pdf"], "manual.pdf"));
            return files;
        }"""
    )
    page.locator(".drop").dispatch_event("drop", {"dataTransfer": drop})
    card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Uploads"))
    expect(card.get_by_text("Pages that could not be read")).to_be_visible()
    expect(card.locator(".pages").last).to_contain_text("manual.pdf")
    expect(card.locator(".reason").last).not_to_be_empty()


def test_a_source_is_added_changed_and_removed_after_a_question(page: Page, service: Service) -> None:
    to(page, "Sources")
    page.get_by_role("button", name="Add a source").click()
    dialog = page.get_by_role("dialog", name="Add a source")
    dialog.get_by_label("Address where the help pages begin").fill("http://10.0.0.1/help")
    dialog.get_by_role("button", name="Add it").click()
    expect(dialog.get_by_role("alert")).to_contain_text("This address cannot be a source.")
    assert violations(page) == []
    dialog.get_by_label("Kind").select_option("git")
    dialog.get_by_label("Address of the public repository").fill("https://git.nowhere.example/help.git")
    dialog.get_by_label("Name").fill("Handbook")
    dialog.get_by_label("Read it again").select_option("10080")
    dialog.get_by_role("button", name="Add it").click()
    card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Handbook"))
    expect(card).to_contain_text("every week")
    expect(card).to_contain_text("The last reading failed")
    card.get_by_role("button", name="Change Handbook").click()
    page.get_by_label("Who may read it").select_option("internal")
    changing = page.get_by_role("dialog", name="Change Handbook").element_handle()
    page.get_by_role("button", name="Save").click()
    expect(card).to_contain_text("Teammates only")
    card.get_by_role("button", name="Remove Handbook").click()
    question = page.get_by_role("dialog", name="Remove Handbook?")
    changing.evaluate("dialog => dialog.dispatchEvent(new Event('close'))")  # a slow browser tells of it so late
    expect(question).to_contain_text("out of every search at once")
    question.get_by_role("button", name="Keep it").click()
    expect(card).to_be_visible()
    card.get_by_role("button", name="Remove Handbook").click()
    question.get_by_role("button", name="Remove it").click()
    expect(card).to_have_count(0)
    assert service.api.get("/knowledge/sources").json()["items"] == []


def test_a_website_shows_how_far_its_reading_is_and_names_the_page_that_failed(
    page: Page, site: Site, help_centre: str
) -> None:
    to(page, "Sources")
    page.get_by_role("button", name="Add a source").click()
    page.get_by_label("Address where the help pages begin").fill(help_centre)
    page.get_by_label("Name, if not the address").fill("Help centre")
    page.get_by_role("button", name="Add it").click()
    card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Help centre"))
    expect(card).to_contain_text("Reading now")
    expect(card).to_contain_text("1 of 5 pages")
    site.let.set()
    expect(card).to_contain_text("1 not read")
    expect(card).to_contain_text("4 articles")
    failed = card.locator(".pages li")
    expect(failed).to_have_count(1)
    expect(failed).to_contain_text("/help/3")
    expect(failed.locator(".reason")).to_contain_text("500")


def proposed(service: Service, title: str) -> None:
    proposal = {"title": title, "text": DELIVERY, "why": "Nine customers asked.", "questions": ["When does it come?"]}
    service.api.post("/knowledge/proposals", json=proposal).raise_for_status()


def test_proposals_are_approved_edited_and_dismissed(page: Page, service: Service) -> None:
    for title in ("Delivery", "Returns"):
        proposed(service, title)
    to(page, "Proposals")
    expect(page.get_by_text("Nine customers asked.")).to_have_count(2)
    assert violations(page) == []
    card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Returns"))
    card.get_by_role("button", name="Dismiss").click()
    expect(card).to_have_count(0)
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Title").fill("Delivery times")
    page.get_by_role("button", name="Approve and publish").click()
    expect(page.get_by_role("form", name="Article").locator(".state")).to_have_text(["Published"])
    to(page, "Proposals")
    expect(page.get_by_text("Nothing waits for a yes.")).to_be_visible()
    states = {one["title"]: one["state"] for one in service.api.get("/knowledge/articles").json()["items"]}
    assert states == {"Delivery times": "published", "Returns": "dismissed"}


def test_a_proposal_that_changed_since_it_was_shown_is_not_approved(page: Page, service: Service) -> None:
    proposed(service, "Delivery")
    to(page, "Proposals")
    approve = page.get_by_role("button", name="Approve and publish")
    expect(approve).to_be_visible()
    [article] = service.api.get("/knowledge/articles").json()["items"]
    service.api.patch(f"/knowledge/articles/{article['id']}", json={"text": "Something else"}).raise_for_status()
    approve.click()
    expect(page.get_by_role("alert").filter(has_text="Somebody changed it meanwhile.")).to_be_visible()
    assert service.api.get("/knowledge/articles").json()["items"][0]["state"] == "proposed"


def test_an_answer_is_tested_with_all_that_led_to_it(page: Page, service: Service) -> None:
    article = written(service, state="published")
    service.agent(confidence=0.2)
    until(lambda: service.api.get("/knowledge/status").json()["passages"], "the article in search")
    to(page, "Test an answer")
    page.get_by_label("What a customer asks").fill("How long does delivery within Germany take?")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("region", name="Decision")).to_contain_text("Answers")
    expect(page.get_by_role("region", name="Decision")).to_contain_text("it answers by itself from 20 %")
    expect(page.get_by_role("region", name="What the customer reads")).to_contain_text("three working days")
    found = page.get_by_role("region", name="What was found")
    expect(found.get_by_role("link", name="Delivery times")).to_have_attribute("href", re.compile(f"/{article}$"))
    expect(found).to_contain_text("version 1")
    assert violations(page) == []
    page.get_by_role("button", name="Add what was said before").click()
    page.get_by_label("What was said before, line 1").fill("Hello, I have a question.")
    page.get_by_label("Channel").select_option("email")
    page.get_by_label("What a customer asks").fill("I want to speak to a person")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("region", name="Decision")).to_contain_text("Hands over to a person")
    expect(page.get_by_role("region", name="What the teammate gets")).to_be_visible()


def test_who_is_no_administrator_writes_and_does_not_publish(service: Service, context: BrowserContext) -> None:
    mara = {"email": "mara@shop.example", "name": "Mara Lind", "password": PASSWORD, "role": "teammate"}
    service.api.post("/teammates", json=mara).raise_for_status()
    page = context.new_page()
    page.goto(f"{service.origin}/inbox/knowledge/articles/new")
    page.get_by_label("Email").fill(mara["email"])
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Title").fill("Returns")
    page.get_by_label("Text, in Markdown").fill("Send it back within 30 days.")
    expect(page.get_by_role("button", name="Publish")).to_have_count(0)
    page.get_by_role("button", name="Save draft").click()
    expect(notice(page)).to_contain_text("Saved as a draft.")
    assert service.api.get("/knowledge/articles").json()["items"][0]["author"] == "Mara Lind"
    to(page, "Sources")
    expect(page.get_by_text("An administrator adds sources.")).to_be_visible()
    expect(page.get_by_role("button", name="Add a source")).to_have_count(0)
