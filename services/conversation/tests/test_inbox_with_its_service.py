"""The inbox in a real Chromium on the real service: what a teammate rearranges is so in the database, and goes back."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect
from plugins.conversation_world import received, verified
from plugins.inbox_service import PASSWORD, Service, open_thread, sign_in, unhurried
from plugins.inbox_story import log, pane, until

from onethread.contracts import messages as m

pytestmark = [pytest.mark.browser, pytest.mark.connected, pytest.mark.usefixtures("built_ui")]


@pytest.fixture
def service(inbox_service: Service) -> Service:
    return inbox_service


@pytest.fixture
def page(service: Service, context: BrowserContext) -> Page:
    return sign_in(service, context)


def tell_of_two(service: Service) -> tuple[dict[str, Any], dict[str, Any]]:
    """Ana, whom the site vouches for, by chat and mail; and Bo, who only says that Ana's address is theirs."""
    ana = verified("site_user", "ana-1"), verified("email", "ana@fern.example")
    says = m.Identity(kind="email", value="ana@fern.example", trust="asserted", evidence="typed in the chat")
    service.hear(
        received("widget", "My pot is broken", *ana, name="Ana Ruiz"),
        received("email", "Here is a picture", ana[1], name="Ana Ruiz"),
        received("widget", "It is me, from the phone", verified("visitor", "v-bo"), says, name="Bo"),
    )
    return service.thread_of("Ana Ruiz"), service.thread_of("Bo")


def test_a_suggested_customer_is_linked_unmerged_and_both_are_as_before(page, service):
    ana, bo = tell_of_two(service)
    open_thread(page, service, ana)
    expect(log(page)).to_contain_text("Continued by email")
    page.get_by_role("region", name="May be Bo").get_by_role("button", name="Link").click()
    dialog = page.get_by_role("dialog", name="What will move")
    expect(dialog).to_contain_text("The two open conversations become one.")
    dialog.get_by_role("button", name="Merge").click()
    expect(log(page)).to_contain_text("It is me, from the phone")
    expect(pane(page)).to_contain_text("Bo (widget visitor), joined by")
    assert len(service.customer("Ana")["merges"]) == 1
    pane(page).get_by_role("button", name="Unmerge Bo").click()
    expect(log(page)).not_to_contain_text("It is me, from the phone")
    expect(page.get_by_role("region", name="May be Bo")).to_have_count(0)
    assert service.texts(ana["id"]) == ["My pot is broken", "Here is a picture"]
    assert service.texts(bo["id"]) == ["It is me, from the phone"]


def test_a_merge_with_a_found_customer_is_undone_from_the_notice(page, service):
    ana, bo = tell_of_two(service)
    open_thread(page, service, bo)
    pane(page).get_by_role("button", name="Merge with another customer").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("searchbox").fill("ruiz")
    dialog.get_by_role("button", name="Ana Ruiz").click()
    dialog.get_by_role("button", name="Merge").click()
    expect(log(page)).to_contain_text("Here is a picture")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone.")).to_be_visible()
    assert service.texts(ana["id"]) == ["My pot is broken", "Here is a picture"]
    assert service.texts(bo["id"]) == ["It is me, from the phone"]


def test_a_split_is_undone_and_messages_stand_where_they_stood(page, service):
    ana, _ = tell_of_two(service)
    open_thread(page, service, ana)
    log(page).focus()
    page.keyboard.press("x")
    expect(log(page).get_by_role("checkbox").last).to_be_focused()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Split off").click()
    expect(log(page)).not_to_contain_text("Here is a picture")
    expect(page.get_by_text("1 message is now a conversation of its own.")).to_be_visible()
    assert service.texts(ana["id"]) == ["My pot is broken"]
    page.keyboard.press("z")
    expect(log(page)).to_contain_text("Here is a picture")
    assert service.texts(ana["id"]) == ["My pot is broken", "Here is a picture"]


def test_a_reply_that_is_taken_back_never_stands_in_the_thread(page, service):
    ana, _ = tell_of_two(service)
    open_thread(page, service, ana)
    with unhurried(page):
        page.get_by_role("textbox", name="Reply").fill("Too soon")
        page.keyboard.press("Control+Enter")
        expect(log(page).locator(".pending")).to_contain_text("Too soon")
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_role("textbox", name="Reply")).to_have_value("Too soon")
    page.get_by_role("textbox", name="Reply").fill("In time")
    page.keyboard.press("Control+Enter")
    until(lambda: len(service.texts(ana["id"])) == 3, page, "it goes out")
    expect(log(page).locator(".pending")).to_have_count(0)
    expect(log(page).locator(".message").last).to_contain_text("In time")
    assert service.texts(ana["id"]) == ["My pot is broken", "Here is a picture", "In time"]


def test_what_another_teammate_rearranges_appears_by_itself(page, service):
    ana, bo = tell_of_two(service)
    open_thread(page, service, ana)
    kept = f"/customers/{ana['customer']['id']}"
    act = service.api.post(f"{kept}/merge", json={"other_id": bo["customer"]["id"]}).json()["act_id"]
    expect(log(page)).to_contain_text("It is me, from the phone")
    expect(pane(page)).to_contain_text("Bo (widget visitor), joined by")
    service.api.post(f"{kept}/unmerge", json={"act_id": act}).raise_for_status()
    expect(log(page)).not_to_contain_text("It is me, from the phone")
    expect(pane(page)).not_to_contain_text("joined by")
    last = service.api.get(f"/threads/{ana['id']}/messages").json()["items"][-1]
    split = service.api.post(f"/threads/{ana['id']}/split", json={"message_ids": [last["id"]]}).json()
    expect(log(page)).not_to_contain_text("Here is a picture")
    expect(pane(page).get_by_role("link", name="Here is a picture")).to_be_visible()
    service.api.post(f"/acts/{split['act_id']}/undo").raise_for_status()
    expect(log(page)).to_contain_text("Here is a picture")


def test_tags_in_use_are_suggested(page, service):
    ana, bo = tell_of_two(service)
    service.api.patch(f"/threads/{bo['id']}", json={"tags": ["refund"]}).raise_for_status()
    open_thread(page, service, ana)
    field = page.get_by_role("combobox", name="Add a tag")
    field.focus()
    expect(pane(page).locator("option[value=refund]")).to_have_count(1)
    field.fill("refund")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Remove the tag refund")).to_be_visible()


def test_proof_of_an_address_is_asked_for_and_refused_in_words(page, service):
    _, bo = tell_of_two(service)
    open_thread(page, service, bo)
    expect(pane(page)).to_contain_text("says: ana@fern.example")
    pane(page).get_by_role("button", name="Ask for proof").click()
    expect(pane(page)).to_contain_text("Not asked.")


def test_what_another_changed_meanwhile_is_shown_and_what_was_typed_stays(page, service):
    ana, _ = tell_of_two(service)
    page.route("**/api/v1/events", lambda route: route.abort())  # The inbox hears of nothing by itself.
    page.goto(f"{service.origin}/inbox/all/{ana['id']}")
    topic = page.get_by_role("textbox", name="Topic")
    topic.fill("Broken pot")
    service.api.patch(f"/threads/{ana['id']}", json={"priority": "high"}).raise_for_status()
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name="Priority")).to_have_value("high")
    until_topic(page, service, "Broken pot")  # Two changes of two things both hold.

    topic.fill("Pot of the fern")
    service.api.patch(f"/threads/{ana['id']}", json={"topic": "Lisbon"}).raise_for_status()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("changed this meanwhile: the topic is Lisbon.")
    expect(topic).to_have_value("Pot of the fern")
    assert service.thread_of("Ana Ruiz")["topic"] == "Lisbon"
    topic.press("Enter")
    expect(page.get_by_role("alert")).to_have_count(0)
    until_topic(page, service, "Pot of the fern")


def until_topic(page: Page, service: Service, wanted: str) -> None:
    for _ in range(1_000):
        if service.thread_of("Ana Ruiz")["topic"] == wanted:
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"the topic never became {wanted!r}")


def test_the_documentation_of_the_api_comes_from_here_alone_and_asks_as_who_is_signed_in(
    page: Page, service: Service
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{service.origin}/api/docs#/session/who_am_i_api_v1_session_get")
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table")).to_contain_text(service.settings.admin_email)
    assert [url for url in asked if not url.startswith((service.origin, "data:"))] == []


def test_a_teammate_changes_their_name_and_password(page: Page, service: Service) -> None:
    page.get_by_role("button", name="Admin").click()
    dialog = page.get_by_role("dialog", name="Your account")
    dialog.get_by_label("Name").fill("Mara Lind")
    dialog.get_by_label("New password").fill("a longer one")
    dialog.get_by_label("Current password").fill("not this")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("This is not your current password")
    dialog.get_by_label("Current password").fill(PASSWORD)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("region", name="Notices")).to_contain_text("signed out everywhere else")
    page.reload()
    expect(page.get_by_role("button", name="Mara Lind")).to_be_visible()
    login = {"email": service.settings.admin_email, "password": "a longer one"}
    assert service.api.post("/session", json=login).status_code == httpx.codes.OK


def lose_answers(page: Page, path: str, times: int) -> None:
    """The server does it, and its answer is lost on the way. The inbox tries once more by itself."""

    def lose(route: Route) -> None:
        route.fetch()
        route.abort("connectionreset")

    page.route(f"**/api/v1/{path}", lose, times=times)


def test_a_note_whose_answer_was_lost_is_there_once_by_itself_and_before_the_next(page, service):
    ana, _ = tell_of_two(service)
    open_thread(page, service, ana)
    page.get_by_role("tab", name="Internal note").click()
    lose_answers(page, f"threads/{ana['id']}/messages", 1)
    page.get_by_role("textbox", name="Internal note").fill("She called")
    page.keyboard.press("Control+Enter")
    expect(log(page).get_by_text("She called")).to_have_count(1)
    page.get_by_role("textbox", name="Internal note").fill("She called again")
    page.keyboard.press("Control+Enter")
    until(lambda: "She called again" in service.texts(ana["id"]), page, "the second is kept")
    expect(log(page).locator(".note")).to_have_count(2)
    assert service.texts(ana["id"])[2:] == ["She called", "She called again"]


def test_a_side_mail_whose_answers_were_lost_is_sent_once_and_the_same_again_later_twice(page, service):
    ana, _ = tell_of_two(service)
    open_thread(page, service, ana)
    lose_answers(page, f"threads/{ana['id']}/side", 2)
    for sides in (1, 2):
        page.get_by_role("button", name="Ask somebody else by mail").click()
        form = page.get_by_role("dialog", name="Ask somebody else by mail")
        form.get_by_label("To").fill("max@maker.example")
        form.get_by_label("Subject").fill("Pot 12")
        form.get_by_label("Message").fill("Do you still make it?")
        form.get_by_role("button", name="Send").click()
        if sides == 1:
            expect(form.get_by_role("alert")).to_contain_text("Not sent. The server cannot be reached.")
            form.get_by_role("button", name="Send").click()
        expect(form).to_be_hidden()
        assert len(service.api.get(f"/threads/{ana['id']}").json()["sides"]) == sides


def test_what_was_split_off_while_the_answer_was_lost_is_split_off_once(page, service):
    ana, _ = tell_of_two(service)
    open_thread(page, service, ana)
    lose_answers(page, f"threads/{ana['id']}/split", 1)
    log(page).focus()
    page.keyboard.press("x")
    expect(log(page).get_by_role("checkbox").last).to_be_focused()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Split off").click()
    expect(page.get_by_text("1 message is now a conversation of its own.")).to_be_visible()
    assert service.texts(ana["id"]) == ["My pot is broken"]
    assert len(service.threads()) == 3
