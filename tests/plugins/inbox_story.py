"""What the tests of the inbox share: a story of customers, and where a teammate looks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect
from plugins.browser import PATIENCE

SLACK = {"id": "slack-1", "kind": "slack"}
EMAIL = {"id": "email-1", "kind": "email"}
FILES = {"number": 20, "bytes": 20_000_000}
EVERYONE = {"shared": True, "name": "#acme-support"}


def tell_a_story(conversation) -> None:
    """Ana across three channels, handed over; Jonas with the AI; a visitor; Priya in a shared place; one closed."""
    conversation.add_thread("closed", "Tomás Lima", "email", status="closed")
    conversation.add_message("closed", "customer", "Thank you, that was all.")
    priya = conversation.add_thread("priya", "Priya Osei", "slack", assignee={"id": "mara", "name": "Mara Lind"})
    conversation.add_message("priya", "customer", "Does the warranty cover pots?", audience=EVERYONE)
    conversation.reply_channels["priya"] = [{**SLACK, "label": "Slack #acme-support", "audience": EVERYONE}]
    priya["tags"] = ["Warranty"]
    conversation.add_thread("visitor", None, "widget")
    conversation.add_message("visitor", "customer", "Hi, is anyone there?")
    conversation.customers["customer-visitor"]["identities"] = [{"kind": "visitor", "value": "v", "trust": "asserted"}]
    conversation.add_thread("jonas", "Jonas Keller", "email", agent="active")
    conversation.add_message("jonas", "customer", "Re: Invoice 20418. The VAT number is still wrong.")
    tell_of_ana(conversation)


def tell_of_ana(conversation) -> None:
    ana = conversation.add_thread("ana", "Ana Martínez", "widget")
    source = {
        "title": "Damaged plants and replacements",
        "url": "https://shop.example/help/damaged",
        "document_id": "d",
        "score": 1,
    }
    known = {"kind": "email", "value": "ana@example.org", "trust": "verified"} | {
        "evidence": "passed DMARC for example.org"
    }
    conversation.add_message("ana", "customer", "My fern arrived with a broken pot. What can I do?")
    answer = "Sorry about that! We send a **replacement** free of charge."
    delivered = {"state": "delivered", "reason": None}
    conversation.add_message("ana", "agent", answer, sources=[source], delivery=delivered)
    conversation.add_message("ana", "customer", "Please let me talk to a person.")
    summary = "Her pot arrived broken. She wants the replacement sent to a new address."
    ana["handoff"] = {"reason": "asked_for_a_person", "summary": summary, "at": conversation.later()}
    ana["waiting_since"] = conversation.later()
    conversation.later(17 * 60)
    conversation.add_message("ana", "customer", "Can you send it to the new address?", channel=EMAIL, identity=known)
    mara = {"kind": "teammate", "id": "mara", "name": "Mara Lind"}
    conversation.add_message("ana", "teammate", "New address is on her profile.", note=True, author=mara, channel=None)
    claim = {**known, "trust": "asserted", "evidence": "nobody vouched for this mail"}
    conversation.add_message("ana", "customer", "Send it to Lisbon instead!", channel=EMAIL, identity=claim)
    conversation.reply_channels["ana"] = [
        {**EMAIL, "label": "Email to ana@example.org", "audience": {"shared": False, "name": None}, "files": FILES},
        {"id": "widget-1", "kind": "widget", "label": "Chat", "audience": {"shared": False, "name": None}},
    ]
    ana["tags"] = ["Refund"]
    before = conversation.add_thread("before", "Ana Ruiz", "email", status="closed")
    conversation.add_message("before", "customer", "Is the fern in stock again?")
    person = {name: before["customer"][name] for name in ("id", "name", "email")}
    conversation.customers["customer-ana"] |= {
        "maybe": [{**person, "reason": "says that ana@example.org is theirs, unproven"}],
        "identities": [known],
        "claims": [{"kind": "email", "value": "ana@work.example"}],
    }


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name="Conversations").get_by_role("listitem").filter(has_text=name)


def log(page: Page) -> Locator:
    return page.get_by_role("log")


def until(happened: Callable[[], Any], page: Page, what: str) -> None:
    deadline = time.monotonic() + PATIENCE / 1000
    while not happened():
        assert time.monotonic() < deadline, f"never happened: {what}"
        page.wait_for_timeout(20)


def open_thread(page: Page, origin: str, thread: str, view: str = "all") -> None:
    page.goto(f"{origin}/inbox/{view}/{thread}")
    expect(log(page).locator(".bubble").first).to_be_visible()
    expect(page.locator("nav .light")).to_have_text("Live")  # On a phone it is not in sight.


def pane(page: Page) -> Locator:
    return page.get_by_role("complementary", name="Customer")
