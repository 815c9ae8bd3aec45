"""The widget in a real Chromium, on a page of another origin, against a stand-in that speaks the protocol."""

from __future__ import annotations

import base64
import gzip
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

STATIC = Path(__file__).parents[1] / "src/onethread/gateway_widget/static"
TWO_FRAMES = "() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
STORED_KEYS = "() => Object.keys(localStorage).concat(Object.keys(sessionStorage))"

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("built_ui")]


@pytest.fixture
def page(shop: Callable[..., str], context: BrowserContext) -> Page:
    """Closed before the servers it is connected to."""
    return context.new_page()


def launcher(page: Page) -> Locator:
    return page.locator("onethread-chat .launcher")


def log(page: Page) -> Locator:
    return page.get_by_role("log")


def open_chat(page: Page, address: str) -> None:
    page.goto(address)
    launcher(page).click()
    expect(page.get_by_label("Your message")).to_be_focused()


def say(page: Page, text: str) -> None:
    page.get_by_label("Your message").fill(text)
    page.keyboard.press("Enter")


def until(happened: Callable[[], Any], page: Page, what: str) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline, f"never happened: {what}"
        page.wait_for_timeout(20)


def test_the_page_keeps_nothing_and_asks_nothing_before_the_customer_reaches_for_the_chat(page, gateway, shop):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(shop())
    expect(launcher(page)).to_have_accessible_name("Open chat")
    page.wait_for_timeout(300)
    assert [url for url in asked if "favicon" not in url][1:] == [asked[1]]
    assert asked[1].endswith("/widget.js")

    launcher(page).click()
    expect(page.get_by_label("Your message")).to_be_focused()
    until(lambda: gateway.sockets, page, "the socket opens")
    page.get_by_label("Your message").fill("Half a thought")
    assert page.evaluate(STORED_KEYS) == []
    assert page.context.cookies() == []

    say(page, "Where is my order?")
    until(lambda: gateway.messages, page, "the message arrives")
    assert any(key.endswith(":session") for key in page.evaluate(STORED_KEYS))
    assert page.context.cookies() == []


def test_memory_only_keeps_nothing_even_after_a_message(page, gateway, shop):
    open_chat(page, shop('data-storage="none"'))
    say(page, "Hello")
    until(lambda: gateway.messages, page, "the message arrives")
    assert page.evaluate(STORED_KEYS) == []


def test_a_chat_that_is_opened_while_its_server_restarts_comes_by_itself(page, gateway, shop):
    tries: list[str] = []

    def away_at_first(route: Route) -> None:
        tries.append(route.request.url)
        if len(tries) < 3:
            route.abort("connectionrefused")
        else:
            route.continue_()

    page.route("**/widget/panel.js*", away_at_first)
    page.goto(shop())
    launcher(page).click()
    expect(page.get_by_label("Your message")).to_be_focused()
    assert len(set(tries)) == 3, "some browsers remember an address that could not be had"


def test_escape_closes_the_chat_and_gives_the_focus_back(page, shop):
    open_chat(page, shop())
    expect(page.get_by_role("dialog", name="Petal & Stem")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(launcher(page)).to_be_focused()
    expect(launcher(page)).to_have_attribute("aria-expanded", "false")


def test_the_answer_appears_as_it_is_written_and_ends_whole_with_its_sources(page, gateway, shop):
    open_chat(page, shop())
    say(page, "How do I return a plant?")
    until(lambda: gateway.messages, page, "the message arrives")
    gateway.push({"type": "typing", "author": {"kind": "agent", "name": None}})
    expect(log(page)).to_contain_text("AI assistant is writing")
    gateway.push(
        {"type": "delta", "reply_id": "reply-1", "text": "You can return it "},
        {"type": "delta", "reply_id": "reply-1", "text": "within **30 days**"},
    )
    expect(log(page)).to_contain_text("You can return it within 30 days")
    expect(log(page)).to_have_attribute("aria-busy", "true")

    source = {"title": "Returns", "url": "https://shop.example/help/returns"}
    whole = gateway.store("agent", "You can return it within **30 days**.", id="reply-1", sources=[source])
    gateway.push({"type": "message", "message": whole})
    expect(log(page)).to_have_attribute("aria-busy", "false")
    expect(log(page).locator(".theirs")).to_have_count(1)
    expect(log(page).locator("strong")).to_have_text("30 days")
    expect(page.get_by_role("link", name="Returns")).to_have_attribute("href", source["url"])
    expect(log(page)).not_to_contain_text("never used")


def test_files_of_ours_are_saved_and_pictures_are_shown(page, gateway, shop):
    picture = {"name": "lamp.png", "type": "image/png", "size": len(PNG), "sha256": "a" * 64}
    terms = {"name": "Bedingungen größer.pdf", "type": "application/pdf", "size": 12_345, "sha256": "b" * 64}
    liar = {"name": "liar.png", "type": "image/png", "size": 7, "sha256": "c" * 64}
    gateway.files = {"a" * 64: PNG, "b" * 64: b"%PDF-1.7", "c" * 64: b"<script>"}
    gateway.store("teammate", "", attachments=[picture, terms, liar])
    open_chat(page, shop())
    files = log(page).get_by_role("list", name="Files")
    expect(files.get_by_role("img", name="lamp.png")).to_be_visible()
    expect(files.get_by_role("listitem")).to_have_text(["", "Bedingungen größer.pdf12 kB", "liar.png7 B"])
    expect(files.get_by_role("img")).to_have_count(1)
    with page.expect_download() as saving:
        files.get_by_role("button", name="Bedingungen größer.pdf").click()
    assert saving.value.suggested_filename == "Bedingungen größer.pdf"
    assert Path(saving.value.path()).read_bytes() == b"%PDF-1.7"
    gateway.files.clear()
    files.get_by_role("button", name="Bedingungen größer.pdf").click()
    expect(files.get_by_role("alert")).to_have_text("Could not be had. Try again.")


def test_an_answer_is_judged_and_the_word_is_told_again_until_the_gateway_has_it(page, gateway, shop):
    source = {"title": "Returns", "url": None}
    answer = gateway.store("agent", "Within **30 days**.", sources=[source])
    gateway.store("agent", "I pass this on to my colleagues.")
    open_chat(page, shop())
    expect(page.get_by_role("group", name="Was this helpful?")).to_have_count(1)

    gateway.deaf_to = {"feedback"}
    page.get_by_role("button", name="Not helpful").click()
    expect(page.get_by_role("button", name="Not helpful")).to_have_attribute("aria-pressed", "true")
    why = page.get_by_role("textbox", name="What was wrong?")
    expect(why).to_be_focused()
    why.fill("It is 60 days for members")
    page.keyboard.press("Enter")
    expect(why).to_be_hidden()
    expect(log(page)).to_contain_text("Thank you.")
    until(lambda: len(gateway.sent("feedback")) == 2, page, "the word is sent")

    gateway.deaf_to = set()
    gateway.cut()
    until(lambda: len(gateway.sent("feedback")) == 3, page, "it is told again, the last word alone")
    told = gateway.sent("feedback")[-1]
    assert (told["message_id"], told["score"], told["comment"]) == (answer["id"], -1, "It is 60 days for members")
    assert told["client_id"] == gateway.sent("feedback")[1]["client_id"]
    page.wait_for_timeout(300)
    gateway.cut()
    until(lambda: len(gateway.sent("resume")) >= 3, page, "it is back")
    assert len(gateway.sent("feedback")) == 3, "what was acknowledged is not told again"


def test_the_thumb_given_before_is_shown_after_a_reload(page, gateway, shop):
    gateway.store("agent", "Within **30 days**.", sources=[{"title": "Returns", "url": None}], feedback=1)
    open_chat(page, shop())
    expect(page.get_by_role("button", name="Helpful", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Not helpful")).to_have_attribute("aria-pressed", "false")


def test_an_answer_that_is_not_coming_is_taken_away(page, gateway, shop):
    open_chat(page, shop())
    say(page, "How do I return a plant?")
    until(lambda: gateway.messages, page, "the message arrives")
    gateway.push({"type": "delta", "reply_id": "reply-1", "text": "You can return it "})
    expect(log(page)).to_contain_text("You can return it")
    gateway.push({"type": "stop", "reply_id": "reply-1"})
    expect(log(page)).not_to_contain_text("You can return it")
    expect(log(page)).to_have_attribute("aria-busy", "false")
    gateway.push({"type": "message", "message": gateway.store("teammate", "Mara here, let me look.")})
    expect(log(page)).to_contain_text("Mara here")


def test_a_lost_ack_and_a_reload_neither_lose_nor_double_the_message(page, gateway, shop):
    gateway.acks_to_lose = 1
    open_chat(page, shop())
    say(page, "My parcel is broken")
    until(lambda: gateway.messages, page, "the message arrives")
    expect(log(page)).to_contain_text("Sending…")

    page.reload()
    launcher(page).click()
    until(lambda: len(gateway.sent()) >= 2, page, "the message is sent again")
    assert gateway.sent()[0]["client_id"] == gateway.sent()[1]["client_id"]
    expect(log(page).get_by_text("My parcel is broken")).to_have_count(1)
    expect(log(page)).not_to_contain_text("Sending…")
    assert len(gateway.messages) == 1
    assert not [key for key in page.evaluate(STORED_KEYS) if "unsent" in key]


def test_messages_written_while_the_gateway_is_down_are_kept_over_a_reload_and_sent_in_order(page, gateway, shop):
    open_chat(page, shop())
    say(page, "one")
    until(lambda: gateway.messages, page, "the first arrives")
    gateway.down = True
    gateway.cut()
    say(page, "two")
    say(page, "three")
    expect(page.get_by_role("button", name="Retry")).to_have_count(2)
    expect(log(page)).to_contain_text("Not sent.")
    expect(page.get_by_role("status")).to_contain_text("Your messages are kept")

    page.reload()
    launcher(page).click()
    expect(log(page).get_by_text("three")).to_be_visible()
    gateway.down = False
    until(lambda: len(gateway.messages) == 3, page, "all arrive")
    assert [message["text"] for message in gateway.messages] == ["one", "two", "three"]
    expect(page.get_by_role("button", name="Retry")).to_have_count(0)


def test_a_browser_that_was_offline_sends_when_it_is_back(page, gateway, shop):
    open_chat(page, shop())
    say(page, "before")
    until(lambda: gateway.messages, page, "the first arrives")
    page.context.set_offline(True)
    say(page, "written in a tunnel")
    expect(page.get_by_role("button", name="Retry")).to_be_visible()
    page.context.set_offline(False)
    until(lambda: len(gateway.messages) == 2, page, "the second arrives")
    expect(page.get_by_role("button", name="Retry")).to_have_count(0)


def test_after_a_lost_connection_it_resumes_behind_the_last_message_it_saw(page, gateway, shop):
    open_chat(page, shop())
    say(page, "Anyone there?")
    until(lambda: gateway.messages, page, "the message arrives")
    first = gateway.store("agent", "Yes, how can I help?")
    gateway.push({"type": "message", "message": first})
    expect(log(page)).to_contain_text("how can I help")
    gateway.cut()
    gateway.store("teammate", "Mara here.", author={"kind": "teammate", "name": "Mara"})
    expect(log(page)).to_contain_text("Mara · 09:41Mara here.")
    resumes = [frame for frame in gateway.frames if frame["type"] == "resume"]
    assert resumes[-1]["after"] == first["cursor"]
    expect(log(page).get_by_text("Yes, how can I help?")).to_have_count(1)
    expect(page.get_by_role("button", name="Talk to a person")).to_be_hidden()


def test_a_message_refused_for_now_is_sent_again_by_itself_under_the_same_id(page, gateway, shop):
    gateway.errors = [{"code": "try_again", "message": "Please wait."}]
    open_chat(page, shop())
    say(page, "Hello")
    until(lambda: gateway.messages, page, "the second try is taken")
    first, second = gateway.sent()
    assert first["client_id"] == second["client_id"]


def test_a_message_refused_for_good_stays_with_its_reason_and_can_be_tried_again(page, gateway, shop):
    gateway.errors = [{"code": "too_long", "message": "It is longer than 8,000 characters."}]
    open_chat(page, shop())
    say(page, "A long story")
    expect(log(page)).to_contain_text("Not sent. It is longer than 8,000 characters.")
    say(page, "A short one")
    until(lambda: gateway.messages, page, "the next one is not held up")
    page.get_by_role("button", name="Retry").click()
    until(lambda: len(gateway.messages) == 2, page, "the retried one arrives")


def test_text_that_is_too_long_is_not_sent_and_not_cut(page, gateway, shop):
    open_chat(page, shop())
    say(page, "x" * 8001)
    expect(page.get_by_role("alert")).to_contain_text("1 characters too long")
    assert len(page.get_by_label("Your message").input_value()) == 8001
    assert gateway.sent() == []


def test_a_refused_token_is_renewed_without_losing_the_message(page, gateway, shop):
    gateway.refuse_next_token = True
    open_chat(page, shop())
    say(page, "Hello")
    until(lambda: gateway.messages, page, "the message arrives")
    assert len(gateway.sessions) == 2


def test_a_channel_that_is_removed_and_comes_back_says_so_and_keeps_what_was_written(page, gateway, shop):
    open_chat(page, shop())
    say(page, "one")
    until(lambda: gateway.messages, page, "the first arrives")
    gateway.removed = True
    gateway.cut(4401)
    expect(page.get_by_role("status")).to_contain_text("This chat is not available.")
    say(page, "two")
    # Before it is back: from then on the widget may send by itself at any moment, and the button is gone.
    page.get_by_role("button", name="Retry").click()
    gateway.removed = False
    until(lambda: len(gateway.messages) == 2, page, "the second arrives")
    expect(page.get_by_role("status")).to_have_text("")


def test_messages_of_other_channels_say_which_and_hostile_text_stays_text(page, gateway, shop):
    hostile = '<img src=x onerror="window.hacked=1"> [click](javascript:alert(1)) `code`'
    gateway.store("customer", "By mail now", channel="email")
    gateway.store("agent", hostile, sources=[{"title": "Bad", "url": "javascript:alert(1)"}])
    open_chat(page, shop())
    expect(log(page).get_by_text("You · Email")).to_be_visible()
    expect(log(page)).to_contain_text('<img src=x onerror="window.hacked=1">')
    expect(log(page).locator("img, a")).to_have_count(0)
    assert page.evaluate("window.hacked") is None


def test_calls_made_before_the_script_has_loaded_are_carried_out(page, gateway, shop):
    open_early = "window.Onethread = [['identify', 'signed-token'], ['open']]"
    page.goto(shop(before=open_early))
    expect(page.get_by_label("Your message")).to_be_focused()
    until(lambda: gateway.sessions, page, "the session opens")
    assert gateway.sessions[0]["identity_token"] == "signed-token"
    assert gateway.sessions[0]["channel_id"] == "local"


def test_another_person_on_the_same_browser_starts_with_nothing_of_the_one_before(page, gateway, shop):
    open_chat(page, shop('data-identity="of-ana"'))
    say(page, "I am Ana")
    until(lambda: gateway.messages, page, "the message arrives")
    page.goto(shop(before="window.Onethread = [['logout'], ['identify', 'of-bob'], ['open']]"))
    expect(page.get_by_label("Your message")).to_be_focused()
    until(lambda: gateway.sessions[-1].get("identity_token") == "of-bob", page, "Bob's session opens")
    assert "session_token" not in gateway.sessions[-1]
    assert page.evaluate(STORED_KEYS) == []


def test_a_forged_identity_is_reported_and_the_talk_goes_on_without_it(page, gateway, shop):
    page.goto(shop('data-identity="forged"'))
    page.evaluate("window.errors = []; Onethread.on('error', (error) => errors.push(error.code)); Onethread.open()")
    say(page, "Hello")
    until(lambda: gateway.messages, page, "the message arrives")
    assert page.evaluate("errors") == ["identity_refused"]
    assert "identity_token" not in gateway.sessions[-1]


def test_the_page_can_drive_the_chat_and_hear_it(page, gateway, shop):
    page.goto(shop())
    page.evaluate("""window.heard = [];
      for (const name of ['ready', 'open', 'close', 'message', 'unread'])
        Onethread.on(name, () => heard.push(name));
      Onethread.toggle()""")
    expect(page.get_by_label("Your message")).to_be_focused()
    say(page, "Hello")
    until(lambda: gateway.messages, page, "the message arrives")
    page.evaluate("Onethread.close()")
    gateway.push({"type": "message", "message": gateway.store("agent", "Hi!")})
    expect(launcher(page)).to_have_accessible_name("Open chat, 1 unread message")
    assert page.evaluate("heard") == ["ready", "open", "close", "message", "unread"] or page.evaluate("heard") == [
        "open",
        "ready",
        "close",
        "message",
        "unread",
    ]

    page.reload()
    expect(launcher(page)).to_have_accessible_name("Open chat, 1 unread message")
    page.evaluate("Onethread.open()")
    expect(log(page)).to_contain_text("Hi!")
    page.evaluate("Onethread.logout()")
    assert page.evaluate(STORED_KEYS) == []
    page.evaluate("Onethread.destroy()")
    expect(page.locator("onethread-chat")).to_have_count(0)


def test_by_keyboard_alone_a_visitor_proves_their_address_and_gets_the_whole_thread(page, gateway, shop):
    gateway.answers = [
        {"state": "refused", "message": "That was a lot. Please wait a minute."},
        {"state": "sent", "message": "We have sent you a code."},
        {"state": "wrong", "message": "That is not the code that we sent."},
        {"state": "proven", "message": "Thank you, that was the right code."},
    ]
    open_chat(page, shop())
    say(page, "Hello")
    until(lambda: gateway.messages, page, "the message arrives")
    page.get_by_role("button", name="Continue by email").focus()
    page.keyboard.press("Enter")
    email = page.get_by_label("Your email address")
    expect(email).to_be_focused()
    page.keyboard.type("ana@shop.example")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("That was a lot. Please wait a minute.")
    expect(email).to_be_focused()
    expect(email).to_have_accessible_description("That was a lot. Please wait a minute.")
    page.keyboard.press("Enter")
    code = page.get_by_label("Code from the mail")
    expect(code).to_be_focused()
    expect(page.get_by_role("form").get_by_role("status")).to_have_text("We have sent you a code.")
    for digits in ("000000", "042137"):
        code.fill(digits)
        page.keyboard.press("Enter")
        until(lambda: [frame["code"] for frame in gateway.sent("code")][-1:] == [digits], page, "the code is tried")  # noqa: B023
        if digits == "000000":
            expect(page.get_by_role("alert")).to_have_text("That is not the code that we sent.")
            earlier = gateway.store("teammate", "By mail last week.", channel="email")
            gateway.messages = [earlier, gateway.messages[0]]
    expect(page.get_by_label("Your message")).to_be_focused()
    gateway.push(*({"type": "message", "message": message} for message in gateway.messages))
    expect(log(page).locator(".item")).to_have_text(
        ["Support team · Email · 09:41By mail last week.", "You · 09:41Hello"]
    )
    expect(page.get_by_text("Thank you, that was the right code.")).to_be_visible()
    expect(page.get_by_role("button", name="Continue by email")).to_be_hidden()
    assert [frame["email"] for frame in gateway.sent("prove")] == ["ana@shop.example"] * 2
    page.reload()
    launcher(page).click()
    expect(page.get_by_label("Your message")).to_be_focused()
    expect(page.get_by_role("button", name="Continue by email")).to_be_hidden()


def test_a_proof_that_is_over_or_interrupted_or_left_goes_on_in_words(page, gateway, shop):
    gateway.answers = [{"state": "sent", "message": "Sent."}, {"state": "over", "message": "Please ask for a new one."}]
    open_chat(page, shop())
    page.get_by_role("button", name="Continue by email").click()
    page.get_by_label("Your email address").fill("no address")
    page.keyboard.press("Enter")
    assert gateway.sent("prove") == []
    page.get_by_label("Your email address").fill("ana@shop.example")
    page.keyboard.press("Enter")
    page.get_by_label("Code from the mail").fill("111111")
    page.get_by_role("button", name="It’s me").click()
    expect(page.get_by_role("alert")).to_have_text("Please ask for a new one.")
    page.get_by_label("Your email address").fill("ana@shop.example")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="One moment…")).to_be_visible()
    gateway.cut()
    expect(page.get_by_role("alert")).to_contain_text("There is no connection just now.")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("form")).to_be_hidden()
    expect(page.get_by_label("Your message")).to_be_focused()


def test_whoever_the_site_names_is_not_asked_for_an_address(page, gateway, shop):
    open_chat(page, shop('data-identity="of-ana"'))
    expect(page.get_by_role("button", name="Continue by email")).to_be_hidden()


def test_a_message_is_read_when_it_is_within_sight_of_an_open_chat_in_a_tab_that_is_shown(page, gateway, shop):
    open_chat(page, shop())
    say(page, "Hello")
    until(lambda: gateway.messages, page, "the message arrives")

    def reads() -> list[str]:
        return [frame["message_id"] for frame in gateway.sent("read")]

    def has_read(*messages: str) -> None:
        """These, and a moment later still no more."""
        until(lambda: reads() == list(messages), page, f"{messages} are read")
        page.wait_for_timeout(300)
        assert reads() == list(messages)

    def answer(text: str) -> str:
        message = gateway.store("agent", text)
        gateway.push({"type": "message", "message": message})
        expect(page.locator(".log")).to_contain_text(text)
        return message["id"]

    first = answer("In sight.")
    has_read(first)
    page.keyboard.press("Escape")
    second = answer("Behind a closed door.")
    has_read(first)
    launcher(page).click()
    has_read(first, second)
    page.evaluate("Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true })")
    third = answer("In another tab.")
    has_read(first, second)
    page.evaluate("delete document.visibilityState; document.dispatchEvent(new Event('visibilitychange'))")
    has_read(first, second, third)
    long = answer("A long story. " * 600)
    log(page).evaluate("element => element.scrollTo(0, 0)")
    page.evaluate(TWO_FRAMES)  # The chat hears of it with the next; until then it follows what arrives.
    below = answer("Far below.")
    page.wait_for_timeout(300)
    assert below not in reads()
    log(page).evaluate("element => element.scrollTo(0, element.scrollHeight)")
    until(lambda: reads()[-1] == below, page, "what was below is read")
    assert long


def test_on_a_phone_the_chat_is_modal_and_fills_the_screen(page, gateway, shop):
    page.set_viewport_size({"width": 390, "height": 780})
    open_chat(page, shop())
    box = page.get_by_role("dialog").bounding_box()
    assert box == {"x": 0, "y": 0, "width": 390, "height": 780}
    for _ in range(8):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.tagName") in {"ONETHREAD-CHAT", "BODY"}
    page.get_by_role("dialog").get_by_role("button", name="Close chat").click()
    expect(page.get_by_role("dialog")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_open_chat_has_no_accessibility_violation(page, gateway, shop, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 860})
    tell_a_story(gateway)
    open_chat(page, shop().replace("require-trusted", "x-require-trusted"))
    expect(log(page)).to_contain_text("replacement")
    page.get_by_role("button", name="Not helpful").click()
    expect(page.get_by_role("textbox", name="What was wrong?")).to_be_visible()
    gateway.errors = [{"code": "too_long", "message": "It is too long."}]
    say(page, "And one more thing")
    expect(log(page)).to_contain_text("Not sent.")
    assert violations(page) == []
    gateway.answers = [{"state": "refused", "message": "Please wait a minute."}, {"state": "sent", "message": "Sent."}]
    page.get_by_role("button", name="Continue by email").click()
    page.get_by_label("Your email address").fill("ana@shop.example")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Please wait")
    assert violations(page) == []
    page.keyboard.press("Enter")
    expect(page.get_by_label("Code from the mail")).to_be_visible()
    assert violations(page) == []


def tell_a_story(gateway) -> None:
    source = {"title": "Damaged plants and replacements", "url": "https://shop.example/help/damaged"}
    gateway.store("customer", "My fern arrived with a broken pot. What can I do?")
    gateway.store(
        "agent",
        "Sorry about that! We send a **replacement** free of charge:\n\n1. Take a photo\n2. Send it here",
        sources=[source],
    )
    gateway.store("customer", "Here is the photo, from my mail.", channel="email")
    mara = {"kind": "teammate", "name": "Mara Lind"}
    gateway.store("teammate", "Thank you Ana, it leaves today.", author=mara)


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {[node['html'][:120] for node in one['nodes']]}" for one in found]


def test_the_files_stay_within_their_sizes():
    def packed(name: str) -> int:
        return len(gzip.compress((STATIC / name).read_bytes(), 9))

    assert packed("widget.js") <= 2_000
    assert packed("panel.js") <= 25_000
