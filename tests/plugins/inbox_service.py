"""The inbox in a browser on the real conversation service, and the customers and the agent who write to it."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from plugins.browser import PATIENCE
from plugins.servers import fresh_bus

from onethread.contracts import messages as m
from onethread.contracts.envelope import Contract
from onethread.contracts.ids import derived_id, lane
from onethread.contracts.replies import Decision, ProposedReply, ReplyProposed
from onethread.conversation.app import create_app
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.bus import Bus

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Route

PASSWORD = "pw-of-admin"


class Service:
    """The conversation service at `origin`, and the customers who write to it."""

    def __init__(self, origin: str, settings: ConversationSettings, app: FastAPI) -> None:
        self.origin, self.settings, self.app = origin, settings, app
        self.api = httpx.Client(base_url=f"{origin}/api/v1", headers={"Authorization": "Bearer key"}, timeout=30)

    def hear(self, *events: m.MessageReceived) -> None:
        """Customers say something, each after the one before stands in a thread."""
        for number, event in enumerate(events, 1):
            aside(self._publish(event))
            until(lambda: self.said() == number, "the message in a thread")  # noqa: B023 called at once

    async def _publish(self, event: m.MessageReceived | ReplyProposed, *tokens: str) -> None:
        bus = Bus("test", self.settings)
        await bus.start()
        if isinstance(event, m.MessageReceived):
            tokens = event.data.channel.kind, lane(event.data.identities[0].value)
        await bus.publish(event, *tokens)
        await bus.stop()

    def propose(self, text: str, decision: Decision = "answer", **more: Any) -> dict[str, Any]:
        """The agent proposes something to the newest message of the newest thread. Returns the proposal, once kept."""
        thread = self.threads()[0]
        asked = self.api.get(f"/threads/{thread['id']}/messages").json()["items"][-1]["id"]
        data = ProposedReply(
            message_id=asked, reply_id=derived_id(UUID(asked), "reply"), decision=decision, text=text, confidence=0.9,
            **more,
        )  # fmt: skip
        event = ReplyProposed(id=uuid4(), source="/agent", workspaceid="local", threadid=thread["id"], data=data)
        aside(self._publish(event))
        kept = lambda: next((p for p in self.proposals(thread["id"]) if p["id"] == str(data.reply_id)), None)  # noqa: E731
        return until(kept, "the proposal")

    def proposals(self, thread_id: str) -> list[dict[str, Any]]:
        return self.api.get(f"/threads/{thread_id}/proposals").json()["items"]

    def agent(self, **choices: Any) -> None:
        self.api.patch("/workspaces/local", json={"settings": {"agent": choices}}).raise_for_status()

    def threads(self) -> list[dict[str, Any]]:
        return self.api.get("/threads", params={"status": "all"}).json()["items"]

    def thread_of(self, name: str) -> dict[str, Any]:
        return next(thread for thread in self.threads() if thread["customer"]["name"] == name)

    def said(self) -> int:
        """How many messages stand in threads."""
        return sum(len(self.texts(one["id"])) for one in self.threads())

    def texts(self, thread_id: str) -> list[str]:
        return [message["text"] for message in self.api.get(f"/threads/{thread_id}/messages").json()["items"]]

    def customer(self, name: str) -> dict[str, Any]:
        found = self.api.get("/customers", params={"q": name}).json()["items"]
        return self.api.get(f"/customers/{found[0]['id']}").json()


def until(find: Callable[[], Any], what: str) -> Any:
    """What `find` returns, once it is true."""
    end = time.monotonic() + PATIENCE / 1000
    while not (found := find()):
        assert time.monotonic() < end, f"never came: {what}"
        time.sleep(0.02)
    return found


@contextmanager
def answering(service: Service, answers: Mapping[str, tuple[type[Contract], Callable[[Any], Any]]]) -> Iterator[None]:
    """What stands for another service: by subject, which question it takes and what it answers."""
    over, ready = threading.Event(), threading.Event()

    async def answer() -> None:
        bus = Bus("other", service.settings)
        for subject, (kind, words) in answers.items():
            bus.answer(subject, kind, words)
        await bus.start()
        ready.set()
        while not over.is_set():
            await asyncio.sleep(0.02)
        await bus.stop()

    thread = threading.Thread(target=lambda: asyncio.run(answer()))
    thread.start()
    assert ready.wait(PATIENCE / 1000)
    try:
        yield
    finally:
        over.set()
        thread.join()


def aside(work: Coroutine[Any, Any, Any]) -> None:
    """In a thread of its own: Playwright's event loop runs in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


@pytest.fixture
def inbox_settings() -> dict[str, Any]:
    """Settings of the service beyond the usual; a module's own fixture of this name says more."""
    return {}


@pytest.fixture
def inbox_service(
    servers: tuple[str, str], database_url: str, serve_app: Callable[[Any], str], inbox_settings: dict[str, Any]
) -> Iterator[Service]:
    aside(fresh_bus(servers[0]))
    settings = ConversationSettings(
        nats_url=servers[0], database_url=database_url, api_key="key", admin_password=PASSWORD, **inbox_settings
    )
    app = create_app(settings)
    service = Service(serve_app(app), settings, app)
    yield service
    service.api.close()


def sign_in(service: Service, context: BrowserContext) -> Page:
    from playwright.sync_api import expect

    page = context.new_page()
    page.goto(service.origin)
    page.get_by_label("Email").fill(service.settings.admin_email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("region", name="Conversations")).to_be_visible()
    return page


@contextmanager
def unhurried(page: Page) -> Iterator[None]:
    """Replies can be taken back for the longest time there is: a busy machine may be slower than five seconds."""

    def longer(route: Route) -> None:
        asked = route.request.post_data_json if route.request.method == "POST" else {}
        route.continue_(post_data=asked | {"undo_seconds": 30}) if "undo_seconds" in asked else route.continue_()

    replies = re.compile(r"/api/v1/(threads/[^/]+/messages|proposals/[^/]+/use)$")
    page.route(replies, longer)
    yield
    page.unroute(replies, longer)


def open_thread(page: Page, service: Service, thread: dict[str, Any]) -> None:
    from playwright.sync_api import expect

    page.goto(f"{service.origin}/inbox/all/{thread['id']}")
    expect(page.get_by_role("log").locator(".bubble").first).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("Live")
