"""Files in the composer: chosen, dropped, pasted, removed, sent, taken back, refused. In a real Chromium."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, expect
from plugins.inbox_story import log, open_thread, tell_a_story, until

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("built_ui")]
PDF = {"name": "Rechnung größer.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 " + bytes(12_000)}
TABLE = {"name": "table.csv", "mimeType": "text/csv", "buffer": b"a;b\n"}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
HOLD = """([kind, type, name, content]) => {
    const held = new DataTransfer();
    const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
    held.items.add(new File([bytes], name, { type }));
    if (kind === "words too") held.setData("text/plain", "words");
    return held;
}"""


@pytest.fixture
def page(conversation, serve_app: Callable[[Any], str], context: BrowserContext) -> Page:
    tell_a_story(conversation)
    page = context.new_page()
    open_thread(page, serve_app(conversation.app()), "ana")
    return page


def choose(page: Page, *files: Any) -> None:
    page.locator("input[type=file]").set_input_files(list(files))


def along(page: Page) -> Locator:
    return page.get_by_role("list", name="Files that go along").get_by_role("listitem")


def send(page: Page) -> Locator:
    return page.get_by_role("button", name="Send")


def test_chosen_files_go_with_the_reply_and_stand_in_the_thread(page, conversation):
    choose(page, PDF, TABLE)
    expect(along(page)).to_have_text([
        "Rechnung größer.pdf12 kB×", "table.csv4 B×",
    ])  # fmt: skip
    page.get_by_label("Reply", exact=True).fill("Here they are.")
    send(page).click()
    expect(along(page)).to_have_count(0)
    said = log(page).locator(".message", has_text="Here they are.")
    expect(said.get_by_role("link", name="Rechnung größer.pdf 12 kB")).to_be_visible()
    sent = [conversation.files[id_]["name"] for id_ in conversation.sent[-1]["files"]]
    assert sent == [PDF["name"], TABLE["name"]]


def test_a_reply_may_be_nothing_but_a_file(page, conversation):
    expect(send(page)).to_have_attribute("aria-disabled", "true")
    choose(page, PDF)
    expect(send(page)).to_have_attribute("aria-disabled", "false")
    send(page).click()
    last = log(page).locator(".message.ours").last
    expect(last.get_by_role("link", name="Rechnung größer.pdf")).to_be_visible()
    expect(last.locator(".bubble")).to_have_count(0)


def test_nothing_is_sent_while_a_file_is_on_its_way(page, conversation):
    conversation.uploads_pass.clear()
    page.get_by_label("Reply", exact=True).fill("Soon")
    choose(page, PDF)
    expect(page.get_by_role("progressbar", name="Rechnung größer.pdf on its way")).to_be_visible()
    expect(send(page)).to_have_attribute("aria-disabled", "true")
    conversation.loop.call_soon_threadsafe(conversation.uploads_pass.set)
    expect(page.get_by_role("progressbar")).to_have_count(0)
    expect(send(page)).to_have_attribute("aria-disabled", "false")


def test_a_file_that_is_removed_on_its_way_holds_up_nothing(page, conversation):
    conversation.uploads_pass.clear()
    choose(page, PDF, TABLE)
    page.get_by_role("button", name="Remove Rechnung größer.pdf").click()
    conversation.loop.call_soon_threadsafe(conversation.uploads_pass.set)
    expect(along(page)).to_have_text(["table.csv4 B×"])
    page.get_by_role("button", name="Remove table.csv").click()
    until(
        lambda: all(file["name"] != "table.csv" for file in conversation.files.values()), page, "it is gone there, too"
    )
    expect(along(page)).to_have_count(0)


def test_a_pasted_picture_is_attached_and_shown_small(page):
    paste(page, "picture alone")
    expect(along(page)).to_contain_text(["image.png"])
    expect(along(page).locator("img")).to_have_attribute("src", f"data:image/png;base64,{PNG}")


def test_a_copy_of_words_that_brings_a_picture_of_them_pastes_words(page):
    paste(page, "words too")
    expect(along(page)).to_have_count(0)


def paste(page: Page, kind: str) -> None:
    held = page.evaluate_handle(HOLD, [kind, "image/png", "image.png", PNG])
    page.get_by_label("Reply", exact=True).evaluate(
        "(field, held) => field.dispatchEvent(new ClipboardEvent('paste', "
        "{ clipboardData: held, bubbles: true, cancelable: true }))",
        held,
    )


def test_a_file_may_be_dropped_anywhere_and_the_page_stays(page):
    address = page.url
    held = page.evaluate_handle(HOLD, ["file", "application/pdf", "offer.pdf", PNG])
    page.dispatch_event("[role=log]", "dragover", {"dataTransfer": held})
    expect(page.locator(".composer.dropping")).to_be_visible()
    page.dispatch_event("[role=log]", "drop", {"dataTransfer": held})
    expect(along(page)).to_contain_text(["offer.pdf"])
    expect(page.locator(".dropping")).to_have_count(0)
    assert page.url == address


def test_what_is_too_large_is_said_before_it_is_sent(page, conversation, tmp_path):
    film = tmp_path / "film.mp4"
    film.write_bytes(bytes(20_000_001))
    choose(page, film)
    expect(along(page).get_by_role("alert")).to_have_text("Not attached: too large: at most 20.0 MB")
    expect(send(page)).to_have_attribute("aria-disabled", "true")
    assert conversation.files == {}
    page.get_by_role("button", name="Remove film.mp4").click()
    expect(along(page)).to_have_count(0)


def test_what_is_too_much_together_is_said(page, tmp_path):
    halves = [tmp_path / f"{n}.bin" for n in range(2)]
    for half in halves:
        half.write_bytes(bytes(11_000_000))
    choose(page, *halves)
    expect(page.get_by_role("alert")).to_have_text("Together they have 22.0 MB; at most 20.0 MB go with one message.")
    expect(send(page)).to_have_attribute("aria-disabled", "true")


def test_an_upload_that_fails_says_why(page, conversation):
    conversation.down = True
    choose(page, PDF)
    expect(along(page).get_by_role("alert")).to_have_text("Not attached: The database is away.")


def test_a_channel_without_files_says_so_before_anybody_writes(page):
    choose(page, TABLE)
    expect(along(page)).to_have_text(["table.csv4 B×"])
    page.get_by_label("Reply on").select_option("Chat")
    expect(page.get_by_text("Chat takes no files.", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Attach files")).to_have_count(0)
    expect(page.get_by_role("alert")).to_have_text("Chat takes no files. Remove them, or reply on another channel.")
    expect(send(page)).to_have_attribute("aria-disabled", "true")


def test_files_of_a_reply_are_not_those_of_a_note(page):
    choose(page, TABLE)
    expect(along(page)).to_have_text(["table.csv4 B×"])
    page.get_by_role("tab", name="Internal note").click()
    expect(along(page)).to_have_count(0)
    page.get_by_role("tab", name="Reply").click()
    expect(along(page)).to_have_count(1)


def test_a_reply_that_is_taken_back_brings_its_files_back(page, conversation):
    conversation.holds = True
    choose(page, TABLE)
    page.get_by_label("Reply", exact=True).fill("Look")
    expect(along(page)).to_have_text(["table.csv4 B×"])
    send(page).click()
    expect(log(page).locator(".pending")).to_contain_text("table.csv")
    page.get_by_role("button", name="Undo").click()
    expect(along(page)).to_contain_text(["table.csv"])
    expect(page.get_by_label("Reply", exact=True)).to_have_value("Look")


def test_files_that_wait_are_there_after_a_reload(page):
    choose(page, TABLE)
    expect(along(page)).to_have_text(["table.csv4 B×"])
    page.reload()
    expect(along(page)).to_contain_text(["table.csv"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_composer_with_files_fits_a_phone_and_can_be_read_by_all(page, scheme: str):
    page.set_viewport_size({"width": 360, "height": 740})
    page.emulate_media(color_scheme=scheme)
    choose(page, PDF, {**TABLE, "name": "a very long name of a file that goes on and on without an end.csv"})
    expect(along(page).get_by_role("progressbar")).to_have_count(0)
    expect(along(page)).to_contain_text(["12 kB", "4 B"])
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]}).response["violations"]
    assert [one["id"] for one in found] == []
