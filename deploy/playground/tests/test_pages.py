"""The pages in a real Chromium: what a person does on them, on a wide screen and a narrow one, in light and dark."""

from __future__ import annotations

import json
import smtplib
import threading
import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
ANA = "ana@pineandpaper.example"
INJECTIONS = Path(__file__).resolve().parents[4] / "shared" / "fixtures" / "slack" / "mrkdwn" / "injection.json"
# Stands for the widget: notes what the page says to it.
WIDGET = b"""
window.told = [["start", document.currentScript.dataset.identity ?? null]];
const early = window.Onethread ?? [];
window.Onethread = { push: (...calls) => window.told.push(...calls) };
window.Onethread.push(...early);
"""


@pytest.fixture
def widget_url() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript")
            self.end_headers()
            self.wfile.write(WIDGET)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def settings(settings, widget_url):
    return settings.model_copy(update={"playground_widget_url": widget_url})


@pytest.fixture
def page(browser, playground) -> Iterator[Page]:
    page = browser.new_page(base_url=playground.url, viewport={"width": 1280, "height": 860})
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    page.close()
    assert faults == []


def answer(html: str) -> EmailMessage:
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = "Pine & Paper Support <support@onethread.localhost>"
    message["To"] = ANA
    message["Reply-To"] = "support+k3t@onethread.localhost"
    message["Subject"] = "Ink"
    message["Message-ID"] = "<m2@onethread.localhost>"
    message["References"] = "<q1@pineandpaper.example>"
    message.set_content("Two days.")
    message.add_alternative(html, subtype="html")
    return message


def deliver(playground, html: str = "<p>Two days.</p>") -> None:
    with smtplib.SMTP("127.0.0.1", playground.smtp_port, timeout=30) as server:
        server.send_message(answer(html))


def bot_says(playground, **message) -> dict:
    headers = {"Authorization": "Bearer xoxb-test"}
    return httpx.post(f"{playground.url}/slack/api/chat.postMessage", json=message, headers=headers).json()


def told(slack_app, number: int) -> list[dict]:
    """The events, once there are so many: the page does not wait for them."""
    end = time.monotonic() + 30
    while len(bodies := slack_app.bodies()) < number:
        assert time.monotonic() < end, f"{len(bodies)} of {number} events came"
        time.sleep(0.01)
    return bodies


def test_signing_in_at_the_shop_tells_the_widget_and_signing_out_makes_it_forget(page):
    page.goto("/")
    expect(page.get_by_text("Browsing as a guest")).to_be_visible()
    page.wait_for_function("window.told")
    assert page.evaluate("told") == [["start", None]]
    page.get_by_text("Browsing as a guest").click()
    page.get_by_role("button", name="Ana Ruiz").click()
    expect(page.get_by_text("Signed in as Ana Ruiz")).to_be_visible()
    page.wait_for_function("told.length > 1")
    assert [call[0] for call in page.evaluate("told")] == ["start", "identify"]
    page.reload()
    page.wait_for_function("window.told")
    assert page.evaluate("told")[0][1].startswith("ey")
    page.get_by_text("Signed in as Ana Ruiz").click()
    page.get_by_role("button", name="Bob Stone").click()
    expect(page.get_by_text("Signed in as Bob Stone")).to_be_visible()
    page.wait_for_function("told.length > 2")
    assert [call[0] for call in page.evaluate("told")] == ["start", "logout", "identify"]


def test_a_shop_without_its_widget_says_so(browser, settings, start):
    with start(settings.model_copy(update={"playground_widget_url": "http://127.0.0.1:9"})) as playground:
        page = browser.new_page()
        page.goto(playground.url)
        expect(page.get_by_role("alert")).to_contain_text("The chat could not be loaded")
        page.close()


def test_a_mail_arrives_by_itself_and_its_script_does_not_run(page, playground):
    page.goto("/mail")
    expect(page.get_by_text("No mails yet")).to_be_visible()
    deliver(playground, "<p>Two days.</p><script>top.pwned = 1</script><img src=x onerror='top.pwned = 1'>")
    page.locator("#mails").get_by_role("button", name="Ink").click()
    expect(page.frame_locator("iframe").get_by_text("Two days.")).to_be_visible()
    assert page.evaluate("window.pwned") is None
    page.get_by_text("Headers").click()
    expect(page.locator("dd", has_text="support+k3t@onethread.localhost")).to_be_visible()


def test_a_reply_names_its_parent_and_goes_to_the_reply_address(page, playground, mail_server):
    deliver(playground)
    page.goto("/mail")
    page.locator("#mails").get_by_role("button", name="Ink").click()
    page.get_by_role("button", name="Reply").click()
    page.get_by_label("Text").fill("Thank you")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".letter .who", has_text="to support+k3t@onethread.localhost")).to_be_visible()
    sent = message_from_bytes(mail_server.taken[0][2], policy=policy.default)
    assert (sent["To"], sent["Subject"]) == ("support+k3t@onethread.localhost", "Re: Ink")
    assert sent["In-Reply-To"] == "<m2@onethread.localhost>"
    assert sent["References"] == "<q1@pineandpaper.example> <m2@onethread.localhost>"


def test_a_refused_mail_is_explained_and_kept_and_can_then_be_sent_forged(page, mail_server):
    mail_server.refusal = "451 4.3.0 Try later"
    page.goto("/mail")
    page.get_by_role("button", name="Write").click()
    page.get_by_label("Text").fill("A long story")
    page.get_by_label("Forge the sender").check()
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("can't take mail now (451)")
    expect(page.get_by_label("Text")).to_have_value("A long story")
    mail_server.refusal = ""
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".letter .forged")).to_be_visible()
    assert b"dmarc=fail" in mail_server.taken[0][2]


def test_a_direct_message_is_answered_before_the_persons_eyes(page, playground, slack_app):
    page.goto("/slack")
    page.get_by_label("Message Pine & Paper Support").fill("Where is my order?")
    page.keyboard.press("Enter")
    expect(page.locator("#said").get_by_text("Where is my order?")).to_be_visible()
    [event] = [body["event"] for body in told(slack_app, 1)]
    bot_says(
        playground,
        channel=event["channel"],
        text="On its *way*, <https://pineandpaper.example/help/track-your-order|see>",
    )
    expect(page.locator("#said b", has_text="way")).to_be_visible()
    expect(page.locator("#said").get_by_role("link", name="see")).to_be_visible()


def test_a_mention_is_answered_in_its_thread(page, playground, slack_app):
    page.goto("/slack")
    page.get_by_role("button", name="acme-support").click()
    page.get_by_role("button", name="@onethread").first.click()
    page.keyboard.type("can it be engraved?")
    page.get_by_role("button", name="Send").first.click()
    said = page.locator("#said .message", has_text="can it be engraved?")
    expect(said).to_be_visible()
    ts = said.get_attribute("data-ts")
    bot_says(playground, channel="C0ACMESUPPT", thread_ts=ts, text="Yes.")
    page.get_by_role("button", name="1 reply").click()
    expect(page.locator("#thread-said").get_by_text("Yes.")).to_be_visible()
    page.get_by_label("Reply", exact=True).fill("Thank you")
    page.keyboard.press("Enter")
    expect(page.locator("#thread-said").get_by_text("Thank you")).to_be_visible()
    events = [body["event"] for body in told(slack_app, 3)]
    assert {event["type"] for event in events if event["ts"] == ts} == {"message", "app_mention"}
    assert [event["thread_ts"] for event in events if event["text"] == "Thank you"] == [ts]


HOSTILE = [
    "<img src=x onerror=pwned=1>",
    "<javascript:pwned=1|click>",
    "&lt;script&gt;pwned=1&lt;/script&gt;",
    '<https://a.example/"onmouseover="pwned=1|x>',
    "*_~`" * 3000,
    "<" * 5000,
]


def test_nothing_in_a_message_becomes_more_than_text_and_safe_links(page, playground):
    texts = list(HOSTILE)
    if INJECTIONS.exists():
        texts += [json.dumps(case) for case in json.loads(INJECTIONS.read_text())]
    for text in texts:
        bot_says(playground, channel="D0ANARUIZ01", text=text)
    page.goto("/slack")
    expect(page.locator("#said .message")).to_have_count(len(texts))
    assert page.evaluate("window.pwned") is None
    assert page.locator("#said .content :is(img, script, iframe, [onmouseover], [onerror])").count() == 0
    links = page.locator("#said .content a").evaluate_all("links => links.map((a) => a.protocol)")
    assert set(links) <= {"http:", "https:", "mailto:"}


def test_a_source_leads_to_the_article_in_the_shops_own_help_centre(page, playground):
    bot_says(
        playground, channel="D0ANARUIZ01", text="<https://pineandpaper.example/help/delivery-times|Delivery times>"
    )
    page.goto("/slack")
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Delivery times").click()
    expect(opened.value.get_by_role("heading", name="How long does shipping take?")).to_be_visible()


def fill_with_examples(playground) -> None:
    deliver(playground)
    for text in ("Can *this* be `engraved`?", "@onethread can it?"):
        body = {"user": "ana", "channel": "#acme-support", "text": text}
        said = httpx.post(f"{playground.url}/api/slack/say", json=body).json()
    bot_says(
        playground, channel="C0ACMESUPPT", thread_ts=said["ts"], text="> Yes.\n<@U0ANARUIZ01> <https://a.example|more>"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_an_accessibility_fault_or_scrolls_sideways(browser, playground, scheme):
    fill_with_examples(playground)
    page = browser.new_page(base_url=playground.url, color_scheme=scheme, viewport={"width": 1280, "height": 860})
    for path, act in [
        ("/", None),
        ("/", "summary"),
        ("/help/delivery-times", None),
        ("/mail", None),
        ("/mail", "#mails button"),
        ("/mail", "#compose"),
        ("/slack", None),
        ("/slack?channel=C0ACMESUPPT", "text=1 reply"),
    ]:
        page.set_viewport_size({"width": 1280, "height": 860})
        page.goto(path)
        if act:
            page.locator(act).first.click()
        page.wait_for_timeout(250)
        found = [(v["id"], [n["html"][:160] for n in v["nodes"]]) for v in Axe().run(page).response["violations"]]
        assert found == [], f"{path} {act}"
        for width in (390, 320):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} {act} at {width}"
    page.close()
