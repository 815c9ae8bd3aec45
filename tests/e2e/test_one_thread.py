"""The main job, as people do it, in a real Chromium: widget, mail and Slack on one side, the inbox on the other."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from plugins.stack import SECRETS, Stack

pytestmark = [pytest.mark.browser, pytest.mark.connected]

JONAS = ("jonas", "Jonas Keller", "jonas@keller.example")


@pytest.fixture
def shoot(tmp_path: Path) -> Callable[[Page, str], None]:
    """Keeps a picture of the page in the test's folder."""
    return lambda page, name: page.screenshot(path=tmp_path / f"{name}.png") and None


@pytest.fixture
def customer(context: BrowserContext) -> BrowserContext:
    return context


@pytest.fixture
def inbox(browser: Browser, stack: Stack) -> Iterator[Page]:
    """A teammate in their own browser, signed in by e-mail and password."""
    own = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB", timezone_id="UTC")
    page = own.new_page()
    page.goto(stack.url(8000))
    page.get_by_label("Email").fill(SECRETS["ONETHREAD_ADMIN_EMAIL"])
    page.get_by_label("Password").fill(SECRETS["ONETHREAD_ADMIN_PASSWORD"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Conversations")).to_be_visible()
    yield page
    own.close()


# The customer's three places


def open_shop(customer: BrowserContext, stack: Stack, name: str) -> Page:
    """The shop, where the customer signs in and opens the chat."""
    shop = customer.new_page()
    shop.goto(stack.url(8080))
    shop.locator(".account summary").click()
    shop.locator("#people").get_by_role("button", name=name).click()
    expect(shop.locator("#account-label")).to_have_text(f"Signed in as {name}")
    shop.locator("onethread-chat .launcher").click()
    return shop


def ask_in_chat(shop: Page, text: str) -> None:
    shop.get_by_label("Your message").fill(text)
    shop.keyboard.press("Enter")


def chat(shop: Page) -> Locator:
    return shop.get_by_role("log", name="Messages")


def write_mail(mail: Page, subject: str, text: str, *, forge: bool = False) -> None:
    mail.locator("#compose").click()
    mail.locator("form [name=subject]").fill(subject)
    mail.locator("form [name=text]").fill(text)
    if forge:
        mail.get_by_label("Forge the sender").check()
    mail.locator("form .primary").click()
    expect(mail.locator("article.letter")).to_be_visible()


def mails(mail: Page, words: str) -> Locator:
    return mail.locator("#mails").get_by_role("listitem").filter(has_text=words)


def write_on_slack(slack: Page, text: str) -> None:
    slack.locator("#say textarea").fill(text)
    slack.keyboard.press("Enter")


def opens_in_the_help_centre(customer: BrowserContext, source: Locator) -> None:
    with customer.expect_page() as opened:
        source.click()
    expect(opened.value).to_have_url(re.compile(r"/help/delivery-times$"))
    expect(opened.value.locator("h1").last).to_be_visible()
    opened.value.close()


def sees_nothing_of(words: str, *pages: Page) -> None:
    for page in pages:
        page.reload()
        expect(page.locator("body")).not_to_contain_text(words)


# The teammate's


def conversations(inbox: Page, name: str) -> Locator:
    return inbox.get_by_role("region", name="Conversations").get_by_role("listitem").filter(has_text=name)


def thread(inbox: Page) -> Locator:
    return inbox.get_by_role("log", name="Messages")


def reply(inbox: Page, text: str, channel: str | None = None) -> None:
    if channel:
        inbox.get_by_label("Reply on", exact=True).select_option(value=channel)
    inbox.get_by_role("textbox", name="Reply").fill(text)
    inbox.get_by_role("button", name="Send").click()
    expect(thread(inbox).get_by_text(text)).to_be_visible()


def note(inbox: Page, text: str) -> None:
    inbox.get_by_role("tab", name="Internal note").click()
    inbox.get_by_role("textbox", name="Internal note").fill(text)
    inbox.get_by_role("button", name="Add note").click()
    expect(thread(inbox).locator(".note")).to_contain_text(text)


def threads_of(stack: Stack, email: str) -> list[tuple[str, str]]:
    """(status, customer's name) of each."""
    with stack.api() as api:
        found = api.get("/threads", params={"status": "all", "q": email}).json()["items"]
    return [(one["status"], one["customer"]["name"]) for one in found]


def test_one_customer_on_three_channels_is_one_thread_that_a_teammate_answers(
    stack: Stack, customer: BrowserContext, inbox: Page, shoot: Callable[[Page, str], None]
):
    key, name, email = JONAS
    shop = open_shop(customer, stack, name)
    ask_in_chat(shop, "How long does delivery take?")
    source = chat(shop).get_by_role("list", name="Sources").get_by_role("link").first
    expect(source).to_be_visible()
    shoot(shop, "1-widget-answer")
    opens_in_the_help_centre(customer, source)

    mail = customer.new_page()
    mail.goto(stack.url(8080, f"/mail?of={email}"))
    write_mail(mail, "Paying", "Do you accept PayPal?")
    mails(mail, "Re: Paying").click()
    expect(mail.frame_locator("iframe").locator("body")).to_contain_text("PayPal")
    shoot(mail, "2-mail-answer")

    slack = customer.new_page()
    slack.goto(stack.url(8080, f"/slack?as={key}"))
    write_on_slack(slack, "do you offer gift wrapping?")
    expect(slack.locator("#said li.message")).to_have_count(2)
    shoot(slack, "3-slack-answer")

    expect(conversations(inbox, name)).to_have_count(1)
    conversations(inbox, name).get_by_role("link").click()
    for channel in ("widget", "email", "slack"):
        expect(thread(inbox).locator(f".theirs .channel-{channel}")).to_have_count(1)
        expect(thread(inbox).locator(f".by-agent .channel-{channel}")).to_have_count(1)
    shoot(inbox, "4-inbox-one-thread")

    inbox.get_by_role("button", name="Take over").click()
    expect(inbox.get_by_text("The AI is quiet here")).to_be_visible()
    words = {where: f"A person on {where} {uuid4().hex[:6]}" for where in ("slack", "email", "widget")}
    reply(inbox, words["slack"])
    expect(slack.locator("#said")).to_contain_text(words["slack"])
    reply(inbox, words["email"], "email-local")
    expect(mails(mail, "Re: Paying")).to_have_count(2)
    mails(mail, "Re: Paying").first.click()
    expect(mail.frame_locator("iframe").locator("body")).to_contain_text(words["email"])
    reply(inbox, words["widget"], "local")
    expect(chat(shop)).to_contain_text(words["widget"])

    note(inbox, "Only we know this")
    shoot(inbox, "5-inbox-replies-and-note")
    shoot(shop, "6-widget-whole-thread")
    sees_nothing_of("Only we know this", mail, slack, shop)
    shop.locator("onethread-chat .launcher").click()
    expect(chat(shop)).to_contain_text(words["widget"])
    expect(chat(shop)).not_to_contain_text("Only we know this")

    inbox.get_by_role("button", name="Close", exact=True).click()
    expect(conversations(inbox, name)).to_have_count(0)
    stack.until(lambda: threads_of(stack, email) == [("closed", name)], what="the closing")
    shoot(inbox, "7-inbox-closed")


def test_a_forged_mail_is_another_thread_marked_and_not_answered(
    stack: Stack, customer: BrowserContext, inbox: Page, shoot: Callable[[Page, str], None]
):
    email = JONAS[2]
    mail = customer.new_page()
    mail.goto(stack.url(8080, f"/mail?of={email}"))
    question = f"How long does delivery take? It is for {uuid4().hex[:6]}"
    write_mail(mail, "Urgent", question, forge=True)
    shoot(mail, "1-forged")
    row = conversations(inbox, question)
    expect(row).to_have_count(1)
    row.get_by_role("link").click()
    expect(thread(inbox).locator(".unproven")).to_contain_text(f"Forged: this mail says that it is from {email}")
    inbox.wait_for_timeout(2000)
    expect(thread(inbox).locator(".by-agent")).to_have_count(0)
    shoot(inbox, "2-inbox-forged")
    expect(inbox.get_by_text(f"{email} did not write this, and would get your answer.")).to_be_visible()


def test_an_answer_in_a_shared_channel_is_given_in_place_and_the_composer_says_who_sees_it(
    stack: Stack, customer: BrowserContext, inbox: Page, shoot: Callable[[Page, str], None]
):
    slack = customer.new_page()
    slack.goto(stack.url(8080, "/slack?as=ana&channel=C0ACMESUPPT"))
    write_on_slack(slack, "@onethread How long do I have to return something?")
    mine = slack.locator("#said li.message").filter(has_text="return something").last
    mine.get_by_role("button", name="1 reply").click()
    expect(slack.locator("#thread-said li.message")).to_have_count(2)
    shoot(slack, "1-slack-channel")
    conversations(inbox, "Ana Ruiz").first.get_by_role("link").click()
    expect(thread(inbox).get_by_text("seen by everyone in #acme-support").first).to_be_visible()
    expect(inbox.get_by_text("Everyone in #acme-support will see this.")).to_be_visible()
    shoot(inbox, "2-inbox-shared")


def test_neither_side_needs_a_reload_after_a_restart(
    stack: Stack, customer: BrowserContext, inbox: Page, shoot: Callable[[Page, str], None]
):
    name, email = f"Noor {uuid4().hex[:6]}", f"noor.{uuid4().hex[:8]}@customers.example"
    shop = customer.new_page()
    shop.goto(stack.url(8080))
    shop.locator(".account summary").click()
    shop.locator("#other [name=name]").fill(name)
    shop.locator("#other [name=email]").fill(email)
    shop.locator("#other button").click()
    shop.locator("onethread-chat .launcher").click()
    for service in ("gateway-widget", "conversation"):
        stack.end(service, signal.SIGKILL)
    ask_in_chat(shop, "How long do I have to return something?")
    shoot(shop, "1-widget-while-away")
    expect(chat(shop).get_by_role("list", name="Sources")).to_have_count(1, timeout=40_000)
    expect(chat(shop).get_by_text("How long do I have to return something?")).to_have_count(1)
    expect(conversations(inbox, name)).to_have_count(1, timeout=40_000)
    conversations(inbox, name).get_by_role("link").click()
    ask_in_chat(shop, "Do you accept PayPal?")
    expect(thread(inbox).get_by_text("Do you accept PayPal?")).to_have_count(1)
    shoot(inbox, "2-inbox-after")
