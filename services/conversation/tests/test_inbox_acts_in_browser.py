"""What a teammate rearranges and takes back in the inbox, in a real Chromium, against a stand-in for the service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from plugins.inbox_story import log, open_thread, pane, row, tell_a_story, until

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("built_ui")]


@pytest.fixture
def origin(conversation, serve_app: Callable[[Any], str]) -> str:
    tell_a_story(conversation)
    return serve_app(conversation.app())


@pytest.fixture
def page(origin: str, context: BrowserContext) -> Page:
    """Closed before the servers it is connected to."""
    return context.new_page()


def test_a_suggestion_is_linked_after_it_was_told_what_moves(page, origin):
    open_thread(page, origin, "ana")
    maybe = page.get_by_role("region", name="May be Ana Ruiz")
    expect(maybe).to_contain_text("says that ana@example.org is theirs, unproven")
    maybe.get_by_role("button", name="Link").click()
    dialog = page.get_by_role("dialog", name="What will move")
    expect(dialog).to_contain_text("Ana Ruiz before@example.org becomes part of Ana Martínez ana@example.org.")
    expect(dialog).to_contain_text("Closed, 1 message")
    dialog.get_by_role("button", name="Merge").click()
    expect(dialog).to_have_count(0)
    expect(maybe).to_have_count(0)
    expect(pane(page)).to_contain_text("Ana Ruiz (email), joined by Mara Lind on 3 Nov")
    expect(pane(page).get_by_role("link", name="Closed")).to_be_visible()
    pane(page).get_by_role("button", name="Unmerge Ana Ruiz").click()
    expect(page.get_by_role("region", name="Notices")).to_contain_text("a customer of their own again")
    expect(maybe).to_be_visible()


def test_whoever_only_claims_becomes_part_of_the_one_who_has_proven(page, origin, conversation):
    ana, before = conversation.customers["customer-ana"], conversation.customers["customer-before"]
    before["identities"] = [{"kind": "email", "value": "ana@example.org", "trust": "asserted"}]
    person = {name: ana[name] for name in ("id", "name", "email")}
    before["maybe"] = [{**person, "reason": "Both use ana@example.org."}]
    open_thread(page, origin, "before", "closed")
    page.get_by_role("region", name="May be Ana Martínez").get_by_role("button", name="Link").click()
    dialog = page.get_by_role("dialog", name="What will move")
    expect(dialog).to_contain_text("Ana Ruiz before@example.org becomes part of Ana Martínez ana@example.org.")
    dialog.get_by_role("button", name="Merge").click()
    expect(pane(page)).to_contain_text("Ana Ruiz (email), joined by Mara Lind")
    expect(page.get_by_role("region", name="Notices")).to_contain_text("are one customer now")


def test_a_suggestion_is_dismissed(page, origin):
    open_thread(page, origin, "ana")
    maybe = page.get_by_role("region", name="May be Ana Ruiz")
    maybe.get_by_role("button", name="Dismiss").click()
    expect(maybe).to_have_count(0)


def test_a_customer_is_found_and_merged_with_a_preview_and_the_merge_undone(page, origin, conversation):
    conversation.acts.warnings = ["Both have a verified address, and they differ."]
    open_thread(page, origin, "ana")
    pane(page).get_by_role("button", name="Merge with another customer").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("searchbox").fill("jonas")
    dialog.get_by_role("button", name="Jonas Keller").click()
    expect(dialog).to_contain_text("Careful: Both have a verified address, and they differ.")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert "customer-jonas" in conversation.customers, "Esc merges nobody"
    pane(page).get_by_role("button", name="Merge with another customer").click()
    dialog.get_by_role("searchbox").fill("jonas")
    dialog.get_by_role("button", name="Jonas Keller").click()
    dialog.get_by_role("button", name="Merge all the same").click()
    expect(pane(page)).to_contain_text("Jonas Keller (email), joined by Mara Lind")
    expect(row(page, "Jonas Keller")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone.")).to_be_visible()
    expect(row(page, "Jonas Keller")).to_be_visible()
    expect(pane(page)).not_to_contain_text("joined by")


def test_messages_are_chosen_by_keys_split_off_and_brought_back(page, origin, conversation):
    open_thread(page, origin, "ana")
    texts = [message["text"] for message in conversation.messages["ana"]]
    page.keyboard.press("x")
    boxes = log(page).get_by_role("checkbox")
    expect(boxes.last).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowUp")
    expect(boxes.nth(-2)).to_be_focused()
    page.keyboard.press("Space")
    chosen = page.get_by_role("region", name="Chosen messages")
    expect(chosen).to_contain_text("2 chosen")
    chosen.get_by_role("button", name="Split off").click()
    expect(page.get_by_text("2 messages are now a conversation of their own.")).to_be_visible()
    expect(log(page)).not_to_contain_text("Send it to Lisbon instead!")
    assert [message["text"] for message in conversation.messages["split"]] == texts[-2:]
    expect(log(page)).to_be_focused()
    page.keyboard.press("z")
    expect(log(page)).to_contain_text("Send it to Lisbon instead!")
    assert [message["text"] for message in conversation.messages["ana"]] == texts
    page.keyboard.press("x")
    page.keyboard.press("Escape")
    expect(log(page).get_by_role("checkbox")).to_have_count(0)
    expect(page).to_have_url(f"{origin}/inbox/all/ana")


def test_messages_move_to_another_thread_of_the_customer(page, origin, conversation):
    second = conversation.add_thread("second", "Ana Martínez", "email", topic="Lisbon")
    conversation.customers["customer-ana"]["threads"].append(second)
    open_thread(page, origin, "ana")
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Select messages").click()
    log(page).get_by_text("Send it to Lisbon instead!").click()
    page.get_by_role("button", name="Move to").click()
    dialog = page.get_by_role("dialog", name="Move to another conversation")
    dialog.get_by_role("radio", name="Lisbon").check()
    dialog.get_by_role("button", name="Move").click()
    expect(page.get_by_text("1 message is moved.")).to_be_visible()
    expect(log(page)).not_to_contain_text("Send it to Lisbon instead!")
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Merge another conversation").click()
    dialog = page.get_by_role("dialog", name="Merge another conversation")
    dialog.get_by_role("radio", name="Lisbon").check()
    dialog.get_by_role("button", name="Merge").click()
    expect(log(page)).to_contain_text("Send it to Lisbon instead!")
    page.get_by_role("button", name="Undo").click()
    expect(log(page)).not_to_contain_text("Send it to Lisbon instead!")


def test_a_reply_can_be_taken_back_before_it_goes_out(page, origin, conversation):
    conversation.holds = True
    open_thread(page, origin, "ana")
    page.get_by_role("textbox", name="Reply").fill("Too soon")
    page.keyboard.press("Control+Enter")
    expect(log(page).locator(".pending")).to_contain_text("Goes out in")
    assert conversation.sent[0]["undo_seconds"] == 5
    page.get_by_role("button", name="Undo").click()
    expect(log(page).locator(".pending")).to_have_count(0)
    expect(page.get_by_role("textbox", name="Reply")).to_have_value("Too soon")
    expect(page.get_by_role("textbox", name="Reply")).to_be_focused()
    assert conversation.pending["ana"] == []
    page.keyboard.press("Control+Enter")
    expect(log(page).locator(".pending")).to_be_visible()
    page.reload()
    expect(log(page).locator(".pending")).to_contain_text("Too soon")
    expect(page.get_by_role("status")).to_have_text("Live")
    conversation.release("ana")
    expect(log(page).locator(".pending")).to_have_count(0)
    expect(log(page).get_by_text("Too soon")).to_have_count(1)


def test_a_delivery_says_how_far_it_got_and_can_be_tried_again(page, origin, conversation):
    late = {"state": "retrying", "reason": "the mailbox is full", "retry_at": "2026-11-23T16:02:00Z"}
    said = conversation.add_message("ana", "teammate", "It leaves today.", delivery=late)
    open_thread(page, origin, "ana")
    last = log(page).locator(".message").last
    expect(last).to_contain_text("Not delivered yet: the mailbox is full. Trying again at 16:02")
    expect(page.get_by_role("status")).to_have_text("Live")
    said["delivery"] = {"state": "failed", "reason": "there is no such address", "retry_at": None}
    conversation.emit("message.updated", {"message": said})
    expect(last).to_contain_text("Not delivered: there is no such address")
    last.get_by_role("button", name="Retry").click()
    expect(last).to_contain_text("Sending")
    until(lambda: conversation.retried == [said["id"]], page, "the server hears it")
    conversation.emit("message.updated", {"message": {**said, "delivery": {"state": "seen", "reason": None}}})
    expect(last).to_contain_text("Seen")


def test_a_colleague_s_reply_is_seen_while_it_waits_and_until_it_is_taken_back(page, origin, conversation):
    open_thread(page, origin, "ana")
    expect(page.get_by_role("status")).to_have_text("Live")
    sam = {"kind": "teammate", "id": "sam", "name": "Sam Ode"}
    reply = {"id": "held", "thread_id": "ana", "text": "I am on it.", "author": sam, "send_at": "2099-01-01T00:00:00Z"}
    conversation.emit("reply.pending", {"thread_id": "ana", "id": "held", "reply": {**reply, "channel_id": None}})
    expect(log(page)).to_contain_text("I am on it.")
    expect(log(page)).to_contain_text("Sam Ode sends this")
    expect(log(page).get_by_role("button", name="Undo")).to_have_count(0)
    conversation.emit("reply.pending", {"thread_id": "ana", "id": "held", "reply": None})
    expect(log(page)).not_to_contain_text("I am on it.")


def test_a_thread_is_snoozed_and_described(page, origin, conversation):
    open_thread(page, origin, "ana")
    page.get_by_role("textbox", name="Topic").fill("Broken pot")
    page.keyboard.press("Enter")
    page.get_by_role("combobox", name="Priority").select_option("High")
    page.get_by_role("combobox", name="Add a tag").fill("Warranty")
    page.keyboard.press("Enter")
    until(lambda: len(conversation.changes) == 3, page, "the server hears it")
    thread = conversation.threads["ana"]
    assert (thread["topic"], thread["priority"], thread["tags"]) == ("Broken pot", "high", ["Refund", "Warranty"])
    expect(row(page, "Ana Martínez")).to_contain_text("High")
    page.keyboard.press("Escape")
    page.keyboard.press("h")
    page.get_by_role("menuitem", name="Tomorrow").click()
    expect(row(page, "Ana Martínez")).to_have_count(0)
    until(lambda: thread["status"] == "snoozed", page, "the server hears it")
    page.get_by_role("link", name="Snoozed").click()
    expect(row(page, "Ana Martínez")).to_contain_text("Snoozed until")


def test_a_change_that_somebody_else_made_meanwhile_is_not_lost(page, origin, conversation):
    open_thread(page, origin, "ana")
    ana, sam = conversation.threads["ana"], {"kind": "teammate", "id": "sam", "name": "Sam Ode"}
    topic = page.get_by_role("textbox", name="Topic")
    expect(page.get_by_role("status")).to_have_text("Live")
    topic.fill("Broken pot")
    ana |= {"priority": "low", "version": 2}
    topic.press("Enter")
    until(lambda: ana["topic"] == "Broken pot", page, "both changes hold")
    expect(page.get_by_role("combobox", name="Priority")).to_have_value("low")

    topic.fill("Pot of the fern")
    changed = {"topic": "Lisbon", "priority": "urgent"}
    ana |= changed | {"version": ana["version"] + 1, "sequence": ana["sequence"] + 1}
    conversation.emit("onethread.thread.updated.v1", {"data": {"thread": {**ana}, "by": sam}})
    expect(page.get_by_role("combobox", name="Priority")).to_have_value("urgent")  # the event has arrived
    expect(page.get_by_role("alert")).to_have_count(0)
    topic.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Sam Ode changed this meanwhile: the topic is Lisbon.")
    assert ana["topic"] == "Lisbon"
    expect(topic).to_have_value("Pot of the fern")
    topic.press("Escape")
    expect(topic).to_have_value("Lisbon")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_profile_is_edited_and_keeps_what_was_typed_when_somebody_was_faster(page, origin, conversation):
    open_thread(page, origin, "ana")
    ana = conversation.customers["customer-ana"]
    page.get_by_role("button", name="Edit the customer").click()
    page.get_by_role("textbox", name="Language").fill("pt")
    ana |= {"name": "Ana M.", "version": 2}
    page.get_by_role("button", name="Save").click()
    expect(pane(page).get_by_role("alert")).to_contain_text("changed this meanwhile: name Ana M.")
    expect(page.get_by_role("textbox", name="Language")).to_have_value("pt")
    page.get_by_role("button", name="Save").click()
    expect(pane(page)).to_contain_text("Portuguese")
    assert (ana["name"], ana["language"]) == ("Ana M.", "pt")


def test_proof_of_a_claimed_address_is_asked_for(page, origin, conversation):
    open_thread(page, origin, "ana")
    pane(page).get_by_role("button", name="Ask for proof").click()
    expect(pane(page)).to_contain_text("A mail that asks for it is on its way there.")
    assert conversation.acts.asked == ["ana@work.example"]
