"""Mails as their senders laid them out, from their bytes to a teammate's screen; and what hostile ones do there."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import UUID

import pytest
from playwright.sync_api import BrowserContext, FrameLocator, Page, Route, expect
from plugins.inbox_service import Service, open_thread, sign_in
from plugins.inbox_story import log
from plugins.local_site import LocalSite, serving

from onethread.contracts.ids import received_id
from onethread.contracts.messages import MessageReceived
from onethread.conversation.mail_page import HEADERS
from onethread.conversation.mail_page import page as page_of
from onethread.conversation.pictures import Pictures
from onethread.gateway_email import convert
from onethread.gateway_email.convert import Arrival
from onethread.gateway_email.desks import Desk
from onethread.gateway_email.parsing import mime
from onethread.gateway_email.sender.authenticity import Edge
from onethread.gateway_email.showing.shown import shown
from onethread.gateway_email.tokens import Signer
from onethread.runtime.fetching import Guard

pytestmark = [pytest.mark.browser]
ROOT = Path(__file__).parents[1]
PAYLOADS = ROOT.parent / "shared/fixtures/email/html_xss/payloads.json"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63d8f2e72f000414021d"
    "3ed0bab50000000049454e44ae426082"
)
EDGE = Edge.parse("127.0.0.0/8", "mx.desk.example")
DESK = Desk("email-local", "local", "support@desk.example", "Support", EDGE, Signer(("a secret",), "local"))
NEVER_SEEN = UUID("00000000-0000-4000-8000-000000000000")


def mail(html: str, name: str = "Ann") -> MessageReceived:
    """As the gateway takes it in."""
    raw = (
        f"From: {name} <{name.lower()}@customer.example>\r\nTo: support@desk.example\r\nSubject: Lamp\r\n"
        f"Message-ID: <{abs(hash(html))}@customer.example>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: text/html; charset=utf-8\r\n\r\n{html}"
    )
    arrival = Arrival("127.0.0.1", "ann@customer.example", ("support@desk.example",), datetime.now(UTC))
    data = convert.received(mime.parse(raw.encode()), arrival, DESK)
    return MessageReceived(
        id=received_id("local", DESK.channel.id, data.external_id),
        source="/gateway-email",
        workspaceid="local",
        data=data,
    )


# In the inbox


@pytest.fixture
def site() -> Iterator[LocalSite]:
    with serving() as site:
        site.put("/lamp.png", PNG, content_type="image/png")
        yield site


@pytest.fixture
def service(inbox_service: Service, site: LocalSite) -> Service:
    guard = Guard((ipaddress.ip_network("127.0.0.1"),), frozenset({site.port}), lambda *_: ["127.0.0.1"])
    inbox_service.app.state.pictures = Pictures(guard)
    return inbox_service


@pytest.fixture
def page(service: Service, context: BrowserContext, built_ui: None) -> Page:
    return sign_in(service, context)


def shown_mail(page: Page, service: Service, html: str) -> FrameLocator:
    service.hear(mail(html))
    open_thread(page, service, service.thread_of("Ann"))
    return page.frame_locator("iframe[title='Mail of Ann']")


@pytest.mark.connected
def test_a_mail_is_shown_as_it_was_laid_out_and_as_its_text(page: Page, service: Service):
    frame = shown_mail(page, service, "<p>Two lamps:</p><table><tr><td>Red</td><td><b>9 EUR</b></td></tr></table>")
    expect(frame.locator("td b")).to_have_text("9 EUR")
    expect(log(page).locator(".words p")).to_have_count(0)
    log(page).get_by_role("button", name="Plain text").click()
    expect(log(page).locator(".mail")).to_contain_text("Red")
    expect(log(page).locator("iframe")).to_have_count(0)
    log(page).get_by_role("button", name="As it was sent").click()
    expect(frame.locator("td b")).to_have_text("9 EUR")


@pytest.mark.connected
def test_history_is_folded_and_the_frame_grows_with_it(page: Page, service: Service):
    old = "".join(f"<p>Old line {n}</p>" for n in range(20))
    frame = shown_mail(page, service, f"<p>Thanks!</p><blockquote type=cite>{old}</blockquote>")
    expect(frame.get_by_text("Thanks!")).to_be_visible()
    expect(frame.get_by_text("Old line 7")).not_to_be_visible()
    low = log(page).locator("iframe").bounding_box()
    frame.get_by_text("Earlier messages").click()
    expect(frame.get_by_text("Old line 19")).to_be_visible()
    page.wait_for_function(
        "h => document.querySelector('iframe').clientHeight > h + 300", arg=low["height"] if low else 0
    )
    page.wait_for_function(
        "(f => f.contentDocument.documentElement.scrollHeight <= f.clientHeight + 1)(document.querySelector('iframe'))"
    )


@pytest.mark.connected
def test_pictures_are_fetched_when_asked_for_and_not_by_the_browser(page: Page, service: Service, site: LocalSite):
    address = f"http://shop.example:{site.port}/lamp.png"
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    frame = shown_mail(page, service, f'<p>Look</p><img src="{address}" alt="A lamp">')
    expect(frame.get_by_alt_text("A lamp")).to_be_visible()
    assert site.asked == []
    log(page).get_by_role("button", name="Show pictures").click()
    expect(frame.get_by_alt_text("A lamp")).to_have_js_property("naturalWidth", 1)
    assert site.paths() == ["/lamp.png"]
    assert {urlsplit(url).netloc for url in asked} == {urlsplit(service.origin).netloc}
    expect(log(page).get_by_role("button", name="Show pictures")).to_have_count(0)


@pytest.mark.connected
def test_a_link_says_where_it_leads_and_opens_apart(page: Page, service: Service, context: BrowserContext):
    context.route("https://evil.example/**", lambda route: route.fulfill(body="There"))
    frame = shown_mail(page, service, '<p>Pay at <a href="https://evil.example/x">bank.example</a></p>')
    expect(frame.get_by_role("link")).to_contain_text("leads to evil.example")
    with context.expect_page() as opened:
        frame.get_by_role("link").click()
    expect(opened.value.locator("body")).to_have_text("There")
    assert opened.value.evaluate("window.opener") is None


@pytest.mark.connected
def test_where_the_page_does_not_come_the_text_stays(page: Page, service: Service, context: BrowserContext):
    context.route("**/page", lambda route: route.fulfill(status=503, json={"title": "The database is away"}))
    shown_mail(page, service, "<p>The <b>text</b> alone</p>")
    expect(log(page).locator(".words p")).to_have_text("The text alone")


# Hostile mails: each of the locks is tried without the others


class Trial:
    """Each document in a frame of one page. What ran is in `ran`, what was asked for in `fetched`."""

    def __init__(self, page: Page, sandbox: str) -> None:
        self.page, self.sandbox = page, sandbox
        self.documents: list[tuple[str, dict[str, str]]] = []
        self.fetched: list[str] = []
        self.ran: list[str] = []
        page.expose_function("tell", self.tell)
        page.context.route("**/*", self._answer)

    def tell(self, where: str) -> None:
        self.ran.append(where)

    def _answer(self, route: Route) -> None:
        url = urlsplit(route.request.url)
        if url.path == "/":
            frames = "".join(f'<iframe {self.sandbox} src="/frame/{n}"></iframe>' for n in range(len(self.documents)))
            route.fulfill(body=frames, content_type="text/html")
        elif url.netloc == "inbox.test" and url.path.removeprefix("/frame/").isdecimal():
            body, headers = self.documents[int(url.path.removeprefix("/frame/"))]
            route.fulfill(body=body, headers=headers, content_type="text/html; charset=utf-8")
        else:
            self.fetched.append(unquote(route.request.url))
            route.abort()

    def run(self) -> None:
        self.page.goto("http://inbox.test/", wait_until="load", timeout=90_000)
        for event in ("mouseover", "focus", "error"):
            for frame in self.page.frames[1:]:
                if not frame.is_detached():
                    frame.evaluate(FIRE, event)
        self.page.wait_for_timeout(500)


FIRE = "name => document.querySelectorAll('*').forEach(e => e.dispatchEvent(new Event(name, {bubbles: true})))"
ASKS = ["alert", "confirm", "prompt", "print"]
LISTEN = f"for (const name of {ASKS}) window[name] = () => {{ tell(location.pathname); }};"
INBOX = ROOT / "services/conversation/inbox/src/components/Mail.tsx"


def sandbox_of_the_inbox() -> str:
    found = re.search(r'sandbox="[^"]+"', INBOX.read_text())
    assert found
    return found[0]


@pytest.fixture
def hostile() -> list[str]:
    if not PAYLOADS.exists():
        pytest.skip(f"no {PAYLOADS}")
    return [one["payload"] for one in json.loads(PAYLOADS.read_text())]


@pytest.fixture
def trial(context: BrowserContext) -> Trial:
    context.add_init_script(LISTEN)
    return Trial(context.new_page(), "")


def cleaned(payload: str) -> str:
    raw = b"From: a@x.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + payload.encode()
    return shown(mime.parse(raw)) or ""


def test_the_hostile_mails_are_hostile(trial: Trial, hostile: list[str]):
    """Unlocked, they run and fetch: the tests below can fail."""
    trial.documents = [(payload, {}) for payload in hostile]
    trial.run()
    assert len(set(trial.ran)) > 20
    assert len(trial.fetched) > 5


def test_what_the_gateway_keeps_of_hostile_mails_runs_and_fetches_nothing_anywhere(trial: Trial, hostile: list[str]):
    """Without a frame's sandbox and without a policy: the first lock alone."""
    trial.documents = [(cleaned(payload), {}) for payload in hostile]
    assert len(trial.documents) > 100
    trial.run()
    assert (trial.ran, trial.fetched) == ([], [])


def test_the_frame_and_its_policy_hold_hostile_mails_as_they_were_sent(trial: Trial, hostile: list[str]):
    """As if nothing had been taken out of them: the other two locks alone."""
    trial.sandbox = sandbox_of_the_inbox()
    trial.documents = [(payload, HEADERS) for payload in hostile]
    trial.run()
    assert trial.ran == []
    assert {urlsplit(url).netloc for url in trial.fetched} <= {"inbox.test"}  # pictures of our own server, at most


def test_hostile_mails_shown_to_a_teammate_run_and_fetch_nothing(trial: Trial, hostile: list[str]):
    trial.sandbox = sandbox_of_the_inbox()
    trial.documents = [(page_of(NEVER_SEEN, cleaned(payload), pictures=False), HEADERS) for payload in hostile]
    trial.run()
    assert (trial.ran, trial.fetched) == ([], [])
