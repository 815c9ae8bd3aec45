"""The widget and its real gateway together, in a real Chromium on a page of another origin."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from onethread.contracts.questions import Delta
from onethread.contracts.replies import ReplyDelivered
from onethread.gateway_widget.app import create_app
from onethread.gateway_widget.outbound import ADDED, DELTAS

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("built_ui")]


@pytest.fixture
def run(memory_bus) -> Callable[[Coroutine[Any, Any, None]], None]:
    """Runs a coroutine in the gateway's own loop."""
    start = memory_bus.start

    async def started() -> None:
        memory_bus.loop = asyncio.get_running_loop()
        await start()

    memory_bus.start = started
    return lambda what: asyncio.run_coroutine_threadsafe(what, memory_bus.loop).result(30)


@pytest.fixture
def page(context: BrowserContext, settings, memory_bus, run, serve_app) -> Page:
    origin = serve_app(create_app(settings, memory_bus))
    script = f'<script src="{origin}/widget.js" data-channel="local" async></script>'
    html = f'<!doctype html><html lang="en"><title>Shop</title>{script}</html>'
    site = serve_app(Starlette(routes=[Route("/", lambda _: HTMLResponse(html))]))
    page = context.new_page()
    page.goto(site)
    return page


def open_chat(page: Page) -> None:
    page.locator("onethread-chat .launcher").click()
    expect(page.get_by_label("Your message")).to_be_focused()


def until_said(page: Page, memory_bus) -> Any:
    for _ in range(1_000):
        if memory_bus.published:
            return memory_bus.published[0][0]
        page.wait_for_timeout(20)
    raise AssertionError("the message never reached the bus")


def until_seen(page: Page, memory_bus) -> None:
    for _ in range(1_000):
        if any(event.data.state == "seen" for event in memory_bus.events(ReplyDelivered)):
            return
        page.wait_for_timeout(20)
    raise AssertionError("the reply was never seen")


def test_a_question_is_asked_answered_as_it_is_written_and_still_there_after_a_reload(
    page, memory_bus, run, a_reply, a_message, a_history, added
):
    log = page.get_by_role("log")
    open_chat(page)
    page.get_by_label("Your message").fill("How long may I return it?")
    page.keyboard.press("Enter")
    event = until_said(page, memory_bus)
    visitor = event.data.place.route["visitor"]
    said = a_message(1, id=event.id, text=event.data.text, client_id=event.data.external_id)
    run(memory_bus.hears(ADDED, added(said, event.data.place.key)))
    expect(log.get_by_text("How long may I return it?")).to_have_count(1)
    expect(log).not_to_contain_text("Sending…")

    reply = a_reply(visitor)
    known = {"thread_id": reply.threadid, "place": event.data.place.key, "reply_id": reply.data.message_id}
    run(memory_bus.hears(DELTAS, Delta(kind="delta", text="Within **30", **known)))
    expect(log).to_have_attribute("aria-busy", "true")
    run(memory_bus.replies(reply))
    expect(log).to_have_attribute("aria-busy", "false")
    expect(log.locator("strong")).to_have_text("30 days")
    until_seen(page, memory_bus)
    assert [one.data.state for one in memory_bus.events(ReplyDelivered)] == ["delivered", "seen"]

    answer = a_message(4, "agent", id=reply.data.message_id, text=reply.data.text, state="delivered")
    memory_bus.history = lambda _: a_history(said, answer)
    page.reload()
    open_chat(page)
    expect(log.get_by_text("How long may I return it?")).to_have_count(1)
    expect(log.locator(".theirs")).to_have_count(1)


def test_a_message_that_the_bus_does_not_take_is_sent_again_by_itself(page, memory_bus):
    memory_bus.away = True
    open_chat(page)
    page.get_by_label("Your message").fill("Hello?")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert memory_bus.published == []
    memory_bus.away = False
    assert until_said(page, memory_bus).data.text == "Hello?"
    expect(page.get_by_role("log")).not_to_contain_text("Sending…")
