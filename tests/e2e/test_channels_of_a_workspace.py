"""A second company on the same installation: its channels are made by REST, and serve it and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from plugins.customers import SECONDS, Desk, Mailer, Slack, Visitor, eventually, somebody
from plugins.stack import SECRETS, Stack

pytestmark = pytest.mark.connected
SIGNING_SECRET = "signing-secret-of-the-other-company"


@pytest.fixture
async def other(stack: Stack, desk: Desk) -> AsyncIterator[Desk]:
    """The desk of a company that nobody has heard of before."""
    slug = f"other-{uuid4().hex[:8]}"
    made = await desk.http.post("workspaces", json={"slug": slug, "name": "Other"})
    assert made.status_code == 201, made.text
    headers = {"Authorization": f"Bearer {SECRETS['ONETHREAD_API_KEY']}", "X-Onethread-Workspace": slug}
    async with httpx.AsyncClient(base_url=stack.url(8000, "/api/v1/"), headers=headers, timeout=SECONDS) as http:
        yield Desk(http)


async def a_channel(desk: Desk, kind: str, **more: Any) -> dict[str, Any]:
    made = await desk.http.post("channels", json={"kind": kind, "name": "Other", **more})
    assert made.status_code == 201, made.text
    return made.json()


async def only_thread(other: Desk, desk: Desk) -> dict[str, Any]:
    """The first one that the other company has, which this one does not know."""

    async def threads() -> list[dict[str, Any]]:
        return (await other.http.get("threads", params={"status": "all"})).json()["items"]

    [thread] = await eventually(threads, what="the thread")
    assert (await desk.http.get(f"threads/{thread['id']}")).status_code == httpx.codes.NOT_FOUND
    return thread


async def test_its_widget_takes_messages_for_it_brings_its_replies_and_ends_when_it_is_removed(
    stack: Stack, desk: Desk, other: Desk, visitor: Any
):
    channel = (await a_channel(other, "widget", settings={"greeting": "Hello from Other"}))["id"]
    browser: Visitor = visitor()

    async def session() -> dict[str, Any] | None:
        async with httpx.AsyncClient(timeout=SECONDS) as http:
            answer = await http.post(stack.url(8010, "/v1/session"), json={"channel_id": channel})
        return answer.json() if answer.is_success else None

    opened = await eventually(session, what="the widget's first session")
    assert opened["config"]["greeting"] == "Hello from Other"
    browser.token = opened["session_token"]
    await browser.connect()
    assert (await browser.say("Who are you?"))["type"] == "ack"
    thread = await only_thread(other, desk)
    assert thread["channel"]["id"] == channel
    reply = await other.reply(thread["id"], "We are Other.")
    answer = await browser.message("teammate", text="We are Other.")
    await browser.send({"type": "read", "message_id": answer["id"]})
    seen = lambda message: message["id"] == reply["id"] and message["delivery"]["state"] == "seen"  # noqa: E731
    await other.message(thread["id"], seen)

    assert (await other.http.delete(f"channels/{channel}")).status_code == 204
    assert browser.socket
    await asyncio.wait_for(browser.socket.wait_closed(), SECONDS)
    assert browser.socket.close_code == 4401
    assert await session() is None


async def test_its_address_takes_mail_for_it_and_its_replies_leave_from_there(stack: Stack, desk: Desk, other: Desk):
    address = f"help-{uuid4().hex[:8]}@other.example"
    await a_channel(other, "email", settings={"address": address, "display_name": "Other help"})
    mailer = Mailer(stack, somebody("Otto"))

    async def taken() -> bool:
        return (await mailer.send(mailer.write("My lamp is broken.", To=address), to=address))[0] == 250

    await eventually(taken, what="the first mail")
    thread = await only_thread(other, desk)
    assert thread["customer"]["email"] == mailer.person.email
    assert await desk.threads(mailer.person.email) == []
    await other.reply(thread["id"], "A new one is on its way.")
    answer = await mailer.answer()
    assert address in answer["sender"]
    assert (await mailer.send(mailer.write("x", To=f"no{address}"), to=f"no{address}"))[0] == 550


async def test_its_slack_team_is_heard_under_its_own_secret_alone(stack: Stack, desk: Desk, other: Desk):
    team = f"T0{uuid4().hex[:8].upper()}"
    secrets = {"bot_token": "xoxb-of-other", "signing_secret": SIGNING_SECRET}
    await a_channel(other, "slack", settings={"team_id": team}, secrets=secrets)
    theirs, ours = Slack(stack, secret=SIGNING_SECRET), Slack(stack)
    event = theirs.event("Hello from our team.", team=team)
    event |= {"team_id": team, "authorizations": [event["authorizations"][0] | {"team_id": team}]}

    async def heard() -> bool:
        return (await theirs.bring(event)).status_code == 200

    await eventually(heard, what="the first event")
    thread = await only_thread(other, desk)
    assert thread["channel"]["kind"] == "slack"
    assert (await ours.bring(event)).status_code == 401
