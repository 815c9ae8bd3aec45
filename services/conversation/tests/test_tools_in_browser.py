"""Tools in a real Chromium on the real service: written, tried, and approved by a teammate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, expect
from plugins.conversation_world import received, verified
from plugins.inbox_service import Service, aside, open_thread, sign_in
from plugins.local_site import LocalSite, serving

from onethread.contracts import subjects
from onethread.contracts.tools import CallTool, ToolResult
from onethread.runtime.bus import Bus

pytestmark = [pytest.mark.browser, pytest.mark.connected, pytest.mark.usefixtures("built_ui")]
BO = verified("email", "bo@fern.example")


@pytest.fixture
def site() -> Iterator[LocalSite]:
    with serving() as site:
        site.put("/orders/1042?email=bo%40fern.example", '{"status": "packed"}')
        site.put("/orders/1042/cancel", '{"status": "cancelled"}')
        yield site


@pytest.fixture
def inbox_settings(site: LocalSite) -> dict[str, Any]:
    return {"tool_networks": "127.0.0.0/8", "tool_ports": str(site.port), "secret": "a secret of sixteen"}


@pytest.fixture
def page(inbox_service: Service, context: BrowserContext) -> Page:
    return sign_in(inbox_service, context)


def violations(page: Page) -> list[str]:
    """In light and in dark."""
    found: list[str] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme} {one['id']}" for one in Axe().run(page).response["violations"]]
    return found


def test_an_administrator_writes_a_tool_and_tries_it_as_a_customer(
    page: Page, inbox_service: Service, site: LocalSite
) -> None:
    inbox_service.hear(received("email", "Hello there", BO, name="Bo"))
    page.get_by_role("link", name="AI agent: Tools").click()
    expect(page.get_by_text("With a tool the agent answers what no article knows")).to_be_visible()
    page.get_by_role("button", name="New tool").click()
    form = page.get_by_role("form", name="New tool")
    form.get_by_label("Address; {order} stands for a parameter").fill("http://{order}.shop.example/")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("Not saved.")
    form.get_by_label("Address; {order} stands for a parameter").fill(f"{site.url}/orders/{{order}}")
    form.get_by_label("Secret headers, never shown again").fill("Authorization: Bearer key-of-the-shop")
    form.get_by_role("button", name="Save").click()
    saved = page.get_by_role("form", name="order_status")
    expect(saved.get_by_label("Authorization: kept")).to_be_visible()
    assert "key-of-the-shop" not in page.content()
    trial = page.get_by_role("form", name="Try it")
    trial.get_by_label("Find a customer").fill("Bo")
    trial.get_by_label("Ask as").select_option(label="Bo (bo@fern.example)")
    trial.get_by_label("What they say").fill("order: 1042")
    trial.get_by_role("button", name="Ask the system").click()
    expect(trial.get_by_role("status")).to_contain_text("Your order 1042 is packed.")
    assert site.asked[0][1]["authorization"] == "Bearer key-of-the-shop"
    assert violations(page) == []


def wants_to_cancel(page: Page, inbox_service: Service, site: LocalSite) -> Locator:
    tool = {
        "name": "cancel_order", "title": "our order system", "method": "POST", "access": "writes",
        "url": f"{site.url}/orders/{{order}}/cancel", "bindings": {"email": "email"}, "fields": {"status": "/status"},
        "parameters": {"type": "object", "required": ["order"], "properties": {"order": {"type": "string"}}},
        "answer": "Your order {order} is {status}.",
    }  # fmt: skip
    inbox_service.api.post("/agent/tools", json=tool).raise_for_status()
    asked = received("email", "Please cancel my order 1042", BO, name="Bo")
    inbox_service.hear(asked)
    open_thread(page, inbox_service, inbox_service.thread_of("Bo"))

    async def agent_asks() -> ToolResult:
        bus = Bus("test", inbox_service.settings)
        await bus.start()
        call = CallTool(workspace="local", message_id=asked.id, tool="cancel_order", arguments={"order": "1042"})
        result = await bus.ask(subjects.CONVERSATION_TOOL, call, ToolResult)
        await bus.stop()
        return result

    aside(agent_asks())
    wants = page.get_by_role("region", name="The AI wants to do something")
    expect(wants).to_contain_text("The AI wants to: cancel order: order 1042")
    return wants


def test_a_teammate_approves_what_the_agent_wants_to_do(page: Page, inbox_service: Service, site: LocalSite) -> None:
    wants = wants_to_cancel(page, inbox_service, site)
    assert site.asked == []
    assert violations(page) == []
    wants.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("log")).to_contain_text("Your order 1042 is cancelled.")
    expect(wants).to_have_count(0)
    assert site.paths() == ["/orders/1042/cancel"]


def test_a_teammate_says_whether_it_was_done_where_the_system_did_not(
    page: Page, inbox_service: Service, site: LocalSite
) -> None:
    site.put("/orders/1042/cancel", "", 502)
    wants_to_cancel(page, inbox_service, site).get_by_role("button", name="Approve").click()
    unclear = page.get_by_role("region", name="It is not known whether it was done")
    expect(unclear).to_contain_text("cancel order: order 1042")
    expect(unclear).to_contain_text("Look in our order system: it answered with HTTP 502")
    expect(page.get_by_role("log")).to_contain_text("It is not known whether this was done")
    assert violations(page) == []
    unclear.get_by_role("button", name="It was done").click()
    expect(unclear).to_have_count(0)
    expect(page.get_by_text("The customer knows nothing of it: write to them.")).to_be_visible()
    assert site.paths() == ["/orders/1042/cancel"]


def test_an_administrator_says_how_long_a_change_may_wait(page: Page, inbox_service: Service, site: LocalSite) -> None:
    wants_to_cancel(page, inbox_service, site)
    page.get_by_role("link", name="AI agent: Tools").click()
    form = page.get_by_role("form", name="How long a change waits")
    form.get_by_role("spinbutton").fill("48")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    assert inbox_service.api.get("/workspaces/local").json()["settings"]["approval_hours"] == 48
    assert violations(page) == []
