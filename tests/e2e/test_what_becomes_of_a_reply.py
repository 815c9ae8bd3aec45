"""What becomes of a teammate's reply, with every service in between: sent back by a mail server, or seen by nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from plugins.customers import Desk, Mailer, Person, Visitor, somebody
from plugins.stack import Stack

pytestmark = pytest.mark.connected

QUESTION = "How long does delivery take?"
SOON = 0.05
"""Minutes."""


@pytest.fixture
async def unseen_replies_are_mailed_soon(desk: Desk) -> AsyncIterator[Callable[[], Any]]:
    """From when it is called until the end of the test."""

    async def after(minutes: float | None) -> None:
        changed = await desk.http.patch("workspaces/local", json={"settings": {"unseen_reply_minutes": minutes}})
        assert changed.status_code == httpx.codes.OK, changed.text

    yield lambda: after(SOON)
    await after(None)


async def test_a_mail_that_comes_back_ends_its_address_and_is_sent_again_when_a_teammate_says_so(
    stack: Stack, desk: Desk
):
    domain = f"{uuid4().hex}.example"
    mail = Mailer(stack, Person("Kim", f"kim@{domain}"))
    await mail.send(mail.write(QUESTION))
    await mail.answer()
    thread = await desk.thread(mail.person.email)
    reply = await desk.reply(thread["id"], "We do, within a week.")
    came_back = await mail.answer(2)
    assert (await mail.bounce(came_back))[0] == 250
    failed = await desk.delivered(reply, "failed")
    assert failed["delivery"]["reason"] == "The mailbox does not exist (5.1.1)"
    assert failed["delivery"]["report"] == "hard"

    [channel] = (await desk.http.get(f"threads/{thread['id']}")).json()["reply_channels"]
    assert channel["stopped"]["address"] == mail.person.email
    refused = await desk.http.post(f"threads/{thread['id']}/messages", json={"text": "Are you there?"})
    assert refused.status_code == httpx.codes.CONFLICT, refused.text
    lifted = await desk.http.delete(f"suppressions/{channel['stopped']['id']}")
    assert lifted.status_code == httpx.codes.NO_CONTENT, lifted.text
    retried = await desk.http.post(f"threads/{thread['id']}/messages/{reply['id']}/retry")
    assert retried.status_code == httpx.codes.ACCEPTED, retried.text
    again = await mail.answer(3)
    assert again["headers"]["Message-ID"] == came_back["headers"]["Message-ID"]
    assert "We do, within a week." in again["text"]
    sent = await desk.delivered(reply, "sent")
    assert sent["delivery"]["reason"] is None

    assert [m["author"]["kind"] for m in await desk.messages(thread["id"])] == ["customer", "agent", "teammate"]
    for kind in ("customers", "threads"):
        assert len((await desk.http.get(kind, params={"q": domain})).json()["items"]) == 1
    assert len(await mail.inbox()) == 3


async def test_replies_that_nobody_saw_go_out_as_one_mail_whose_answer_lands_in_the_thread(
    stack: Stack, visitor: Callable[..., Visitor], desk: Desk, unseen_replies_are_mailed_soon: Callable[[], Any]
):
    ana = somebody("Ana")
    browser, mail = visitor(ana), Mailer(stack, ana)
    await browser.connect()
    await browser.say(QUESTION)
    answer = await browser.message("agent")
    thread = await desk.thread(ana.email)
    seen = await desk.reply(thread["id"], "Yours left today.")
    for shown in (answer, await browser.message("teammate")):
        await browser.send({"type": "read", "message_id": shown["id"]})
    await desk.delivered(seen, "seen")
    await browser.close()

    unseen = [await desk.reply(thread["id"], "The driver will ring twice.")]
    await unseen_replies_are_mailed_soon()
    unseen.append(await desk.reply(thread["id"], "He comes on Friday."))
    digest = await mail.answer()
    assert digest["text"].index("The driver will ring twice.") < digest["text"].index("He comes on Friday.")
    assert "Yours left today." not in digest["text"]
    assert answer["text"] not in digest["text"]
    for reply in unseen:
        told = (await desk.delivered(reply, "sent"))["delivery"]
        assert told["reason"] == f"By mail to {ana.email}, for it was not seen in the chat"

    token = digest["headers"]["Reply-To"]
    await mail.send(mail.write("Friday is fine.", To=token, Subject="Re: your order"), to=token)
    await desk.message(thread["id"], lambda m: m["text"] == "Friday is fine." and m["author"]["kind"] == "customer")
    await desk.reply(thread["id"], "See you then.")
    assert "See you then." in (await mail.answer(2))["text"]
    assert (await desk.thread(ana.email))["id"] == thread["id"]
    assert len(await mail.inbox()) == 2
