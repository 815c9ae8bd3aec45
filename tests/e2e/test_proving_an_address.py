"""A customer proves a mail address, with every service in between: a code in the widget, a link in the mail."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from plugins.customers import Desk, Mailer, eventually, somebody
from plugins.stack import Stack

pytestmark = pytest.mark.connected


async def mail_with_a_code(mailer: Mailer) -> dict[str, Any]:
    async def come() -> Any:
        return next((mail for mail in await mailer.inbox() if mail["subject"] == "Your confirmation code"), None)

    return await eventually(come, what="the mail with the code")


async def test_a_visitor_types_the_code_that_was_mailed_and_sees_their_mails_in_the_widget(
    stack: Stack, visitor: Any, desk: Desk
):
    ana = somebody("Ana")
    mailer = Mailer(stack, ana)
    await mailer.send(mailer.write("My lamp arrived broken."))
    thread = await desk.thread(ana.email)
    browser = visitor()
    await browser.connect()
    await browser.send({"type": "prove", "email": ana.email.upper()})
    started = await browser.hears(lambda f: f["type"] == "prove")
    assert started["state"] == "sent", started
    mail = await mail_with_a_code(mailer)
    assert "/prove/" not in mail["text"]  # nobody can be made to confirm for somebody else
    code = re.search(r"Your code is (\d{6})", mail["text"])[1]
    wrong = f"{(int(code) + 1) % 10**6:06}"
    await browser.send({"type": "code", "proof_id": started["proof_id"], "code": wrong})
    assert (await browser.hears(lambda f: f["type"] == "code"))["state"] == "wrong"
    await browser.send({"type": "code", "proof_id": started["proof_id"], "code": code})
    assert (await browser.hears(lambda f: f["type"] == "code" and f["state"] != "wrong"))["state"] == "proven"
    await browser.message("customer", text="My lamp arrived broken.")
    await browser.say("Here I am again.")
    await desk.message(thread["id"], lambda m: m["text"] == "Here I am again.")


async def test_an_unproven_sender_follows_the_link_and_has_one_thread_with_their_proven_mails(stack: Stack, desk: Desk):
    ana = somebody("Ana")
    proper, unproven = Mailer(stack, ana), Mailer(stack, ana, vouched=False)
    await proper.send(proper.write("My lamp arrived broken."))
    thread = await desk.thread(ana.email)
    await unproven.send(unproven.write("Any news? From my phone."))

    async def claimant() -> Any:
        found = (await desk.http.get("threads", params={"status": "all", "q": "Any news?"})).json()["items"]
        mine = [one for one in found if ana.name in str(one)]
        return mine[0]["customer"] if mine else None

    customer = await eventually(claimant, what="the unproven mail")
    asked = await desk.http.post(f"customers/{customer['id']}/prove", json={"value": ana.email})
    assert asked.status_code == 202, asked.text
    link = re.search(r"http://\S+/prove/\S+", (await mail_with_a_code(proper))["text"])[0]
    async with httpx.AsyncClient(timeout=30) as browser:
        assert "Is this your address?" in (await browser.get(link)).text
        assert (await browser.post(link)).status_code == 200
    await desk.message(thread["id"], lambda m: "From my phone" in m["text"])
