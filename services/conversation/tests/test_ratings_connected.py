"""The mail that asks how our help was, and the pages behind its links."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from plugins.conversation_world import Outside, asserted, behind_its_back, received, verified

from onethread.contracts.replies import RequestedReply
from onethread.conversation.app import create_app
from onethread.conversation.mail_links import MailLinks
from onethread.conversation.settings import ConversationSettings

pytestmark = pytest.mark.connected
ANN = verified("email", "ann@customer.example")
QUIET_SECONDS = 1.5
"""Timers that are poked have looked by then."""


async def closed(
    outside: Outside, database_url: str, *, identity: Any = ANN, answered: bool = True, **more: Any
) -> Any:
    """A conversation by mail that was closed six minutes ago."""
    wanted = await outside.api.patch("/api/v1/email/addresses/email-local", json={"asks_rating": True})
    assert wanted.status_code == 200, wanted.text
    thread = (await outside.hear(received("email", "Where is it?", identity, **more))).threadid
    if answered:
        said = await outside.api.post(f"/api/v1/threads/{thread}/messages", json={"text": "On its way."})
        assert said.status_code == 201, said.text
        await behind_its_back(database_url, "update message set delivery_state = 'sent' where author_kind = 'teammate'")
    await outside.api.patch(f"/api/v1/threads/{thread}", json={"status": "closed"})
    await behind_its_back(
        database_url, "update thread set closed_at = now() - interval '6 minutes' where id = %s", thread
    )
    outside.app.state.timers.poke()
    return thread


def asking(outside: Outside) -> RequestedReply | None:
    return next((event.data for event in outside.requested if event.data.unsubscribe), None)


async def asked(outside: Outside) -> RequestedReply:
    return await outside.wait(lambda: asking(outside))


async def is_not_asked(outside: Outside) -> None:
    outside.app.state.timers.poke()
    with pytest.raises(AssertionError, match="did not happen in time"):
        await outside.wait(lambda: asking(outside), seconds=QUIET_SECONDS)


def path(mail: RequestedReply, words: str) -> str:
    """Of the link with these words."""
    found = re.search(rf"\[{re.escape(words)}\]\(http://[^/]+(/mail/[^)]+)\)", mail.text)
    assert found, mail.text
    return found[1]


async def test_the_customer_of_a_closed_conversation_is_asked_once_and_what_they_say_stands_at_the_answer(
    outside: Outside, database_url: str
) -> None:
    thread = await closed(outside, database_url)
    mail = await asked(outside)
    assert (mail.place.route["to"], mail.author.kind) == (f"email:{ANN.value}", "system")
    assert "Where is it" not in mail.text, "nothing that a customer wrote"
    page = path(mail, "How was our help?")
    shown = await outside.api.get(page)
    assert (shown.status_code, "Very good" in shown.text) == (200, True)

    async def feedback() -> Any:
        return next((one["feedback"] for one in await outside.messages(thread) if one["feedback"]), None)

    assert await feedback() is None, "a scanner that follows links has no opinion"
    thanks = await outside.api.post(page, data={"score": "4"})
    assert "Thank you" in thanks.text
    for _ in range(1_000):
        if given := await feedback():
            break
        await asyncio.sleep(0.02)
    assert (given["score"], given["scale"], given["comment"]) == (4, "csat", None)
    await outside.api.post(page, data={"score": "2", "comment": "Too <late>"})
    for _ in range(1_000):
        if (given := await feedback())["score"] == 2:
            break
        await asyncio.sleep(0.02)
    assert given["comment"] == "Too <late>"
    outside.requested.clear()
    await is_not_asked(outside)


async def test_whoever_wants_no_such_mail_says_so_by_one_post_and_gets_none(
    outside: Outside, database_url: str
) -> None:
    await closed(outside, database_url)
    mail = await asked(outside)
    stop = "/" + str(mail.unsubscribe).split("/", 3)[3]
    assert path(mail, "Do not ask me again") == stop
    await outside.api.get(stop)
    one_click = await outside.api.post(stop, data={"List-Unsubscribe": "One-Click"})
    assert (one_click.status_code, "We ask you no more" in one_click.text) == (200, True)
    await behind_its_back(database_url, "update rating_request set asked_at = now() - interval '1 year'")
    await behind_its_back(database_url, "update thread set closed_at = now() - interval '90 days'")
    outside.requested.clear()
    await closed(outside, database_url)
    await is_not_asked(outside)


async def test_one_address_is_asked_once_a_week(outside: Outside, database_url: str) -> None:
    await closed(outside, database_url)
    await asked(outside)
    await behind_its_back(database_url, "update thread set closed_at = now() - interval '90 days'")
    outside.requested.clear()
    await closed(outside, database_url)
    await is_not_asked(outside)


@pytest.mark.parametrize(
    "more",
    [
        {"identity": asserted("email", "ann@customer.example")},
        {"shared": "Email with cc bob@customer.example"},
        {"answered": False},
    ],
    ids=["unproven", "others read along", "nobody answered"],
)
async def test_nobody_is_asked_who_might_not_be_the_one(
    outside: Outside, database_url: str, more: dict[str, Any]
) -> None:
    await closed(outside, database_url, **more)
    await is_not_asked(outside)


async def test_who_opens_a_conversation_again_is_not_asked(outside: Outside, database_url: str) -> None:
    thread = (await outside.hear(received("email", "Hello", ANN))).threadid
    await outside.api.patch("/api/v1/email/addresses/email-local", json={"asks_rating": True})
    await outside.api.post(f"/api/v1/threads/{thread}/messages", json={"text": "Hi"})
    await behind_its_back(database_url, "update message set delivery_state = 'sent' where author_kind = 'teammate'")
    await outside.api.patch(f"/api/v1/threads/{thread}", json={"status": "closed"})
    await outside.api.patch(f"/api/v1/threads/{thread}", json={"status": "open"})
    await is_not_asked(outside)


async def test_a_link_that_nobody_made_does_nothing(outside: Outside, database_url: str) -> None:
    await closed(outside, database_url)
    page = path(await asked(outside), "How was our help?")
    other = page.replace("/mail/local.rate.", "/mail/local.off.")
    for wrong in (
        page[:-1],
        page[:-1] + ("0" if page[-1] != "0" else "1"),
        other,
        "/mail/x",
        "/mail/..rate.",
        f"{page}.a",
    ):
        for method in ("GET", "POST"):
            answer = await outside.api.request(method, wrong, data={"score": "1"} if method == "POST" else None)
            assert answer.status_code in (404, 405, 410), wrong
    for nonsense in ({"score": "9"}, {"score": "x"}, {}, {"score": "5" * 30_000}):
        assert "How was our help" in (await outside.api.post(page, data=nonsense)).text
    assert not [one for event in outside.added if (one := event.data.message.feedback)]


def test_a_link_names_no_address_and_is_of_one_installation() -> None:
    ours, theirs = (MailLinks(ConversationSettings(api_key=key, admin_password="p")) for key in ("a", "b"))
    link = ours.to_stop("local", "Ann@Customer.example")
    assert "ann" not in link.lower()
    assert link == ours.to_stop("local", "ann@customer.example")
    token = link.rsplit("/", 1)[1]
    assert ours.read(token)
    assert theirs.read(token) is None


def test_the_pages_stand_in_no_document() -> None:
    app = create_app(ConversationSettings(api_key="k", admin_password="p"))
    assert not [path for path in app.openapi()["paths"] if path.startswith("/mail")]
