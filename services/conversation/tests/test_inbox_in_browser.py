"""The inbox in a real Chromium, against a stand-in that speaks the REST API and its events."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect
from plugins.inbox_story import EMAIL, log, open_thread, row, tell_a_story, until

STATIC = Path(__file__).parents[1] / "src/onethread/conversation/static"

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("built_ui")]


@pytest.fixture
def origin(conversation, serve_app: Callable[[Any], str]) -> str:
    tell_a_story(conversation)
    return serve_app(conversation.app())


@pytest.fixture
def page(origin: str, context: BrowserContext) -> Page:
    """Closed before the servers it is connected to."""
    return context.new_page()


def test_a_teammate_signs_in_and_out(page, origin, conversation):
    conversation.signed_in = False
    page.goto(origin)
    page.get_by_label("Email").fill("mara@shop.example")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("do not match")
    page.get_by_label("Password").fill("secret")
    page.keyboard.press("Enter")
    expect(row(page, "Ana Martínez")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to your inbox")).to_be_visible()


def test_each_view_shows_its_threads_and_has_an_address(page, origin):
    views = {
        "mine": ["Priya Osei"],
        "unassigned": ["Ana Martínez", "Visitor"],
        "all": ["Ana Martínez", "Jonas Keller", "Visitor", "Priya Osei"],
        "ai": ["Jonas Keller"],
        "waiting": [],
        "snoozed": [],
        "closed": ["Tomás Lima", "Ana Ruiz"],
    }
    for view, names in views.items():
        page.goto(f"{origin}/inbox/{view}")
        rows = page.get_by_role("region", name="Conversations").get_by_role("listitem")
        expect(rows).to_have_count(len(names))
        for name in names:
            expect(row(page, name)).to_be_visible()
    page.get_by_role("link", name="Mine").click()
    row(page, "Priya Osei").click()
    expect(page).to_have_url(f"{origin}/inbox/mine/priya")
    page.go_back()
    expect(page).to_have_url(f"{origin}/inbox/mine")


def test_the_thread_tells_channels_sources_handoff_trust_and_notes(page, origin):
    open_thread(page, origin, "ana")
    expect(log(page).get_by_role("region", name="Handoff")).to_contain_text("asked for a person")
    expect(log(page)).to_contain_text("She wants the replacement sent to a new address.")
    expect(log(page)).to_contain_text("Continued by email")
    expect(log(page).get_by_role("link", name="Damaged plants")).to_have_attribute(
        "href", "https://shop.example/help/damaged"
    )
    expect(log(page)).to_contain_text("Proven: passed DMARC for example.org")
    expect(log(page)).to_contain_text("Not proven: this mail only claims to be from ana@example.org (nobody vouched")
    expect(log(page).get_by_text("Not proven")).to_have_count(1)
    expect(log(page).locator(".note")).to_contain_text("Note · You")
    expect(log(page)).to_contain_text("Delivered")
    expect(log(page)).not_to_contain_text("never used")
    customer = page.get_by_role("complementary", name="Customer")
    expect(customer).to_contain_text("ana@example.orgProven: passed DMARC for example.org")
    expect(customer).to_contain_text("says: ana@work.exampleNot proven")
    expect(customer).to_contain_text("May be Ana Ruiz")


def test_a_forged_mail_is_marked_in_the_list_and_told_in_words_with_what_may_deceive(page, origin, conversation):
    conversation.add_thread("false", "Rita Moss", "email", verdict="forged", trust="asserted")
    sender = {"kind": "email", "value": "rita@bank.example", "trust": "asserted"}
    conversation.add_message(
        "false", "customer", "Send the list to my new address.", identity=sender | {"evidence": "failed DMARC"},
        channel={"id": "email-1", "kind": "email"}, verdict="forged",
        warnings=["The sender's name is another address: boss@desk.example."],
    )  # fmt: skip
    open_thread(page, origin, "false")
    expect(row(page, "Rita Moss")).to_contain_text("Forged")
    expect(row(page, "Rita Moss")).not_to_contain_text("Not proven")
    expect(log(page)).to_contain_text(
        "Forged: this mail says that it is from rita@bank.example, and that domain does not"
    )
    expect(log(page)).to_contain_text("stand for it (failed DMARC).")
    expect(log(page)).to_contain_text("Careful: The sender's name is another address: boss@desk.example.")


def test_the_subject_of_a_mail_stands_above_it_where_it_is_another_than_before(page, origin, conversation):
    conversation.add_thread("mail", "Rita Moss", "email")
    for subject, text in (
        ("Lamp 12 is broken", "See above."),
        ("Re: Lamp 12 is broken", "Nobody answers?"),
        ("AW: RE[2]: Lamp 12 is broken", "Hello?"),
        ("Invoice 7", "Is this right?"),
    ):
        conversation.add_message("mail", "customer", text, subject=subject)
    open_thread(page, origin, "mail")
    expect(log(page)).to_contain_text("Is this right?")
    assert log(page).locator(".subject").all_inner_texts() == ["Lamp 12 is broken", "Invoice 7"]


def test_a_reply_shows_at_once_and_goes_out_once(page, origin, conversation):
    open_thread(page, origin, "ana")
    page.keyboard.press("r")
    expect(page.get_by_role("textbox", name="Reply")).to_be_focused()
    page.keyboard.type("It leaves today.")
    page.keyboard.press("Control+Enter")
    expect(log(page).get_by_text("It leaves today.")).to_have_count(1)
    until(lambda: conversation.messages["ana"][-1]["author"]["kind"] == "teammate", page, "it is sent")
    sent = conversation.messages["ana"][-1]
    assert (sent["text"], sent["channel"]["kind"]) == ("It leaves today.", "email")
    sent["delivery"] = {"state": "delivered", "reason": None}
    conversation.emit("message.updated", {"message": sent})
    expect(log(page).locator(".message").last).to_contain_text("Delivered")
    sent["delivery"] = {"state": "failed", "reason": "mailbox full"}
    conversation.emit("message.updated", {"message": sent})
    expect(log(page).locator(".message").last).to_contain_text("Not delivered: mailbox full")
    expect(log(page).get_by_text("It leaves today.")).to_have_count(1)


def test_a_reply_goes_where_the_teammate_picks(page, origin, conversation):
    open_thread(page, origin, "ana")
    expect(page.get_by_role("tab", name="Reply on Email")).to_be_visible()
    expect(page.get_by_text("Only Ana Martínez will see this.")).to_be_visible()
    page.get_by_role("combobox", name="Reply on").select_option("widget-1")
    expect(page.get_by_role("tab", name="Reply on Chat")).to_be_visible()
    page.get_by_role("textbox", name="Reply").fill("Here too.")
    page.get_by_role("button", name="Send").click()
    until(lambda: conversation.sent, page, "it is sent")
    assert conversation.sent[0]["channel_id"] == "widget-1"


def test_the_composer_says_that_others_will_read_it(page, origin):
    open_thread(page, origin, "priya")
    expect(page.get_by_text("Everyone in #acme-support will see this.")).to_be_visible()
    expect(log(page)).to_contain_text("seen by everyone in #acme-support")


def test_a_reply_by_mail_goes_to_those_who_are_seen_above_it(page, origin, conversation):
    mail = conversation.reply_channels["ana"][0]
    mail |= {"to": "ana@example.org", "cc": ["bob@example.org", "cid@example.org"]}
    open_thread(page, origin, "ana")
    readers = page.get_by_role("group", name="Who gets it")
    expect(readers).to_contain_text("bob@example.org")
    readers.get_by_role("button", name="Leave out cid@example.org").click()
    readers.get_by_role("button", name="Add Cc").click()
    readers.get_by_label("Address for the copy").fill("Dan@example.org")
    page.keyboard.press("Enter")
    expect(
        page.get_by_text("Only ana@example.org and bob@example.org and dan@example.org will see this.")
    ).to_be_visible()
    page.get_by_role("textbox", name="Reply").fill("To all of you.")
    page.get_by_role("button", name="Send").click()
    until(lambda: conversation.sent, page, "it is sent")
    assert conversation.sent[0]["cc"] == ["bob@example.org", "dan@example.org"]


def test_a_third_party_is_asked_by_side_mail_which_stands_beside_the_conversation(page, origin, conversation):
    open_thread(page, origin, "ana")
    page.get_by_role("button", name="Ask somebody else by mail").click()
    form = page.get_by_role("dialog", name="Ask somebody else by mail")
    form.get_by_label("To").fill("max@maker.example")
    form.get_by_label("Subject").fill("Cup 12")
    form.get_by_label("Message").fill("Do you still make it?")
    conversation.down = True
    form.get_by_role("button", name="Send").click()
    expect(form.get_by_role("alert")).to_contain_text("Not sent. The database is away.")
    conversation.down = False
    form.get_by_role("button", name="Send").click()
    expect(form).to_be_hidden()
    assert conversation.sent == [{"to": "max@maker.example", "subject": "Cup 12", "text": "Do you still make it?"}]
    expect(page.get_by_role("link", name="max@maker.example: Cup 12")).to_be_visible()


def test_a_message_that_was_not_let_into_a_thread_says_why_and_leads_there(page, origin, conversation):
    why = {"remarks": ["It names a message of another thread."], "may_belong_to": "priya"}
    conversation.add_message("ana", "customer", "Me too", **why)
    open_thread(page, origin, "ana")
    expect(log(page)).to_contain_text("It names a message of another thread.")
    log(page).get_by_role("link", name="Open that conversation").click()
    expect(page.get_by_text("Everyone in #acme-support will see this.")).to_be_visible()


def test_a_note_stays_inside(page, origin, conversation):
    open_thread(page, origin, "ana")
    page.keyboard.press("n")
    expect(page.get_by_role("tab", name="Internal note")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("textbox", name="Internal note")).to_be_focused()
    page.keyboard.type("She called too.")
    page.keyboard.press("Control+Enter")
    until(lambda: conversation.sent, page, "it is kept")
    assert conversation.sent[0]["note"] is True
    assert "channel_id" not in conversation.sent[0]
    expect(log(page).locator(".note").last).to_contain_text("She called too.")


def test_a_reply_that_cannot_be_sent_is_kept_over_a_reload_and_not_sent_twice(page, origin, conversation):
    open_thread(page, origin, "ana")
    conversation.answers_to_lose = 1
    page.get_by_role("textbox", name="Reply").fill("Once only.")
    page.keyboard.press("Control+Enter")
    until(lambda: conversation.sent, page, "it is sent")
    expect(log(page).get_by_text("Once only.")).to_have_count(1)

    conversation.down = True
    page.get_by_role("textbox", name="Reply").fill("Later.")
    page.keyboard.press("Control+Enter")
    expect(log(page)).to_contain_text("Not sent. The database is away.")
    page.reload()
    expect(log(page)).to_contain_text("Later.")
    conversation.down = False
    page.get_by_role("button", name="Retry").last.click()
    until(lambda: conversation.messages["ana"][-1]["text"] == "Later.", page, "it is sent at last")
    expect(log(page)).not_to_contain_text("Not sent")
    texts = [message["text"] for message in conversation.messages["ana"]]
    assert texts.count("Once only.") == texts.count("Later.") == 1


def test_drafts_belong_to_their_thread_and_mode_and_survive_a_reload(page, origin):
    open_thread(page, origin, "ana")
    page.get_by_role("textbox", name="Reply").fill("Dear Ana")
    page.get_by_role("tab", name="Internal note").click()
    expect(page.get_by_role("textbox", name="Internal note")).to_have_value("")
    page.get_by_role("textbox", name="Internal note").fill("check stock")
    row(page, "Priya Osei").click()
    expect(page.get_by_role("textbox", name="Reply")).to_have_value("")
    expect(row(page, "Ana Martínez")).to_contain_text("Draft: Dear Ana")
    page.reload()
    row(page, "Ana Martínez").click()
    expect(page.get_by_role("textbox", name="Reply")).to_have_value("Dear Ana")


def test_taking_over_quiets_the_ai_and_giving_back_lets_it_answer(page, origin, conversation):
    open_thread(page, origin, "jonas")
    expect(page.get_by_text("AI is answering")).to_be_visible()
    page.keyboard.press("t")
    expect(page.get_by_role("button", name="Give back to AI")).to_be_visible()
    until(lambda: conversation.changes, page, "the server hears it")
    assert conversation.changes == [{"assignee": "me", "agent": "quiet"}]
    page.get_by_role("button", name="Give back to AI").click()
    expect(page.get_by_text("AI is answering")).to_be_visible()
    until(lambda: len(conversation.changes) == 2, page, "the server hears it")
    assert conversation.changes[1] == {"assignee": None, "agent": "active"}


def test_closing_goes_to_the_next_and_can_be_undone(page, origin, conversation):
    open_thread(page, origin, "ana")
    expect(row(page, "Jonas Keller")).to_be_visible()
    page.keyboard.press("e")
    expect(page).to_have_url(f"{origin}/inbox/all/jonas")
    expect(row(page, "Ana Martínez")).to_have_count(0)
    page.get_by_role("link", name="Closed").click()
    row(page, "Ana Martínez").click()
    page.get_by_role("button", name="Reopen").click()
    until(lambda: conversation.threads["ana"]["status"] == "open", page, "it is open again")


def test_a_message_that_the_ai_did_not_answer_waits_for_a_person(page, origin, conversation):
    handoff = {"reason": "The sender is not verified", "summary": "Send it!", "at": conversation.later(0)}
    conversation.add_thread("forged", "Ana Martínez", "email", agent="active", handoff=handoff)
    conversation.threads["forged"]["waiting_since"] = conversation.later(0)
    conversation.add_message("forged", "customer", "Send it!", created_at=conversation.later(0))
    open_thread(page, origin, "forged", "unassigned")
    expect(row(page, "Send it!")).to_contain_text("AI handed over")
    expect(page.get_by_text("The AI did not answer this. A person should.")).to_be_visible()
    lines = log(page).locator(":scope > .message, :scope > .handoff")
    expect(lines.last).to_contain_text("The sender is not verified")


def test_a_refused_change_goes_back_and_says_why(page, origin, conversation):
    open_thread(page, origin, "jonas")
    conversation.down = True
    page.get_by_role("button", name="Take over").click()
    expect(page.get_by_role("alert")).to_contain_text("Could not take over. The database is away.")
    expect(page.get_by_text("AI is answering")).to_be_visible()


def test_what_happens_elsewhere_appears_live(page, origin, conversation):
    open_thread(page, origin, "ana")
    expect(page.get_by_role("status")).to_have_text("Live")
    conversation.tell(conversation.add_message("ana", "customer", "Are you there?", channel=EMAIL))
    expect(log(page)).to_contain_text("Are you there?")
    conversation.add_thread("new", "Nina New", "slack")
    conversation.tell(conversation.add_message("new", "customer", "Hello from Slack"))
    expect(row(page, "Nina New")).to_contain_text("Hello from Slack")

    live = {"kind": "delta", "threadid": "ana", "reply_id": "r1"}
    conversation.emit("live", {**live, "text": "It is "})
    conversation.emit("live", {**live, "text": "on its way"})
    expect(log(page)).to_contain_text("AI assistant is writing")
    expect(log(page)).to_contain_text("It is on its way")
    conversation.tell(conversation.add_message("ana", "agent", "It is on its way."))
    expect(log(page)).not_to_contain_text("is writing")
    expect(log(page).get_by_text("It is on its way")).to_have_count(1)


def test_a_replayed_event_does_not_undo_what_was_told_since(page, origin, conversation):
    open_thread(page, origin, "ana")
    expect(page.get_by_role("status")).to_have_text("Live")
    delivery = {"state": "queued", "reason": None}
    said = conversation.add_message("ana", "agent", "On its way.", delivery=delivery)
    conversation.tell(said)
    conversation.emit("message.updated", {"message": {**said, "delivery": {"state": "sent", "reason": None}}})
    expect(log(page).locator(".message").last).to_contain_text("Sent")
    conversation.tell(said)
    conversation.emit("live", {"kind": "read", "threadid": "ana"})
    conversation.emit("live", {"kind": "typing", "threadid": "ana"})
    expect(log(page)).to_contain_text("The customer is writing")
    expect(log(page).locator(".message").last).to_contain_text("Sent")
    conversation.add_message("ana", "customer", "Never told by an event", channel=EMAIL)
    conversation.emit("reset", {})
    expect(log(page)).to_contain_text("Never told by an event")


def test_what_was_missed_while_the_events_were_cut_is_there_afterwards(page, origin, conversation):
    open_thread(page, origin, "ana")
    expect(page.get_by_role("status")).to_have_text("Live")
    conversation.down = True
    conversation.cut()
    expect(page.get_by_role("status")).to_contain_text("Offline")
    conversation.add_message("ana", "customer", "Said in the gap", channel=EMAIL)
    conversation.add_thread("gap", "Gus Gap")
    conversation.threads["jonas"]["status"] = "closed"
    conversation.down = False
    expect(page.get_by_role("status")).to_have_text("Live")
    expect(log(page)).to_contain_text("Said in the gap")
    expect(row(page, "Gus Gap")).to_be_visible()
    expect(row(page, "Jonas Keller")).to_have_count(0)


def test_the_list_is_walked_by_keys_that_stay_out_of_the_fields(page, origin):
    page.goto(f"{origin}/inbox/all")
    expect(row(page, "Ana Martínez")).to_be_visible()
    for key, thread in (("j", "ana"), ("j", "jonas"), ("k", "ana")):
        page.keyboard.press(key)
        expect(page).to_have_url(f"{origin}/inbox/all/{thread}")
    page.keyboard.press("i")
    expect(page.get_by_text("Yours")).to_be_visible()
    page.keyboard.press("Enter")
    expect(log(page)).to_be_focused()
    page.keyboard.press("r")
    expect(page.get_by_role("textbox", name="Reply")).to_be_focused()
    page.keyboard.type("jken?")
    expect(page.get_by_role("textbox", name="Reply")).to_have_value("jken?")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{origin}/inbox/all")


def test_search_finds_by_words_and_has_an_address(page, origin):
    page.goto(f"{origin}/inbox/all")
    expect(row(page, "Ana Martínez")).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox").first).to_be_focused()
    page.keyboard.type("invoice")
    expect(page).to_have_url(f"{origin}/inbox/search?q=invoice")
    expect(row(page, "Jonas Keller")).to_be_visible()
    expect(row(page, "Ana Martínez")).to_have_count(0)


def test_on_a_phone_one_pane_shows_at_a_time(page, origin):
    page.set_viewport_size({"width": 390, "height": 780})
    page.goto(f"{origin}/inbox/all")
    expect(log(page)).to_be_hidden()
    row(page, "Ana Martínez").click()
    expect(log(page)).to_be_visible()
    expect(row(page, "Ana Martínez")).to_be_hidden()
    page.get_by_role("button", name="Customer").click()
    expect(page.get_by_role("complementary", name="Customer")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Back to the list").click()
    expect(row(page, "Ana Martínez")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("width", [1440, 1000, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_screen_has_an_accessibility_violation(page, origin, conversation, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 860})
    conversation.signed_in = False
    page.goto(origin)
    page.get_by_role("heading", name="Sign in").wait_for()
    assert violations(page) == []
    conversation.signed_in = True
    page.goto(f"{origin}/inbox/all")
    expect(row(page, "Ana Martínez")).to_be_visible()
    assert violations(page) == []
    for thread in ("ana", "jonas", "priya"):
        open_thread(page, origin, thread)
        page.get_by_role("tab").first.wait_for()
        assert violations(page) == []
    page.keyboard.press("n")
    expect(page.get_by_role("textbox", name="Internal note")).to_be_focused()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    open_thread(page, origin, "ana")
    page.keyboard.press("x")
    expect(log(page).get_by_role("checkbox").last).to_be_focused()
    page.keyboard.press("Space")
    expect(page.get_by_role("region", name="Chosen messages")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("h")
    expect(page.get_by_role("menuitem").first).to_be_focused()
    assert violations(page) == []
    page.keyboard.press("Escape")
    conversation.acts.warnings = ["The names are written almost alike."]
    if width < 1280:
        page.get_by_role("button", name="Customer").click()
    page.get_by_role("button", name="Edit the customer").click()
    page.get_by_role("button", name="Link").click()
    expect(page.get_by_role("button", name="Merge all the same")).to_be_visible()
    assert violations(page) == []


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {[node['html'][:160] for node in one['nodes']]}" for one in found]


def test_a_page_that_cannot_be_fetched_says_so_and_can_be_loaded_again(page, origin, conversation):
    page.route("**/assets/AgentPages-*.js", lambda route: route.abort())
    page.goto(f"{origin}/inbox/agent/report")
    expect(page.get_by_role("alert")).to_contain_text("This page could not be loaded.")
    page.unroute("**/assets/AgentPages-*.js")
    page.get_by_role("button", name="Load again").click()
    expect(page.get_by_role("heading", name="AI agent: report")).to_be_visible()


def test_the_first_route_stays_within_its_size():
    page = (STATIC / "index.html").read_text()
    files = [path for path in (STATIC / "assets").iterdir() if path.suffix in {".js", ".css"} and path.name in page]
    assert len(files) >= 2
    assert sum(len(gzip.compress(path.read_bytes(), 9)) for path in files) <= 80_000
