"""One customer, three channels, one thread: by the protocols that browsers, mail servers and Slack speak."""

from __future__ import annotations

import asyncio
import json
from email import message_from_string
from typing import Any
from uuid import uuid4

import httpx
import pytest
from plugins.customers import SECONDS, Desk, Mailer, Person, Slack, eventually, somebody
from plugins.stack import SECRETS, Stack

pytestmark = pytest.mark.connected

COVERED = "How long does delivery take?"
NOT_COVERED = "Do you sell left-handed scissors?"
MEI = Person("Mei Tanaka", "mei@harbourbooks.example")


def said(*parts: str) -> Any:
    return lambda message: all(part in message["text"] for part in parts)


async def test_three_channels_are_one_thread_of_one_customer(stack: Stack, visitor, desk: Desk):
    browser, mail, slack = visitor(MEI), Mailer(stack, MEI), Slack(stack)
    await browser.connect()
    assert (await browser.say(COVERED))["type"] == "ack"
    answer = await browser.message("agent")
    assert answer["sources"][0]["url"].startswith("https://pineandpaper.example/help/")

    assert (await mail.send(mail.write("Do you accept PayPal?")))[0] == 250
    assert "PayPal" in (await mail.answer())["text"]
    await slack.say("do you offer gift wrapping?")
    assert await slack.answered(said("wrap"))

    thread = await desk.thread(MEI.email)
    messages = await desk.messages(thread["id"])
    assert [m["channel"]["kind"] for m in messages if m["author"]["kind"] == "customer"] == ["widget", "email", "slack"]
    assert [m["channel"]["kind"] for m in messages if m["author"]["kind"] == "agent"] == ["widget", "email", "slack"]
    assert {m["identity"]["trust"] for m in messages if m["identity"]} == {"verified"}

    where = await desk.http.get(f"threads/{thread['id']}")
    assert [c["kind"] for c in where.json()["reply_channels"]] == ["slack", "email", "widget"]
    mine = f"A person here. {uuid4().hex}"
    for channel in ("slack-local", "email-local", "local"):
        await desk.reply(thread["id"], f"{mine} {channel}", channel_id=channel)
    await slack.answered(said(mine, "slack-local"))
    assert f"{mine} email-local" in (await mail.answer(2))["text"]
    await browser.message("teammate", text=f"{mine} local")

    async def all_delivered() -> bool:
        states = [m["delivery"]["state"] for m in await desk.messages(thread["id"]) if m["delivery"]]
        return len(states) == 6 and set(states) <= {"sent", "delivered"}

    await eventually(all_delivered, what="the delivery of every reply")


async def test_what_the_agent_cannot_answer_goes_to_people_and_the_customer_is_told(stack: Stack, visitor, desk: Desk):
    person = somebody()
    browser = visitor(person)
    await browser.connect()
    await browser.say(NOT_COVERED)
    told = await browser.message("agent")
    assert told["sources"] == []
    assert any(word in told["text"].lower() for word in ("person", "team", "colleague"))
    thread = await desk.thread(person.email)
    assert thread["handoff"]["reason"]
    assert thread["agent"] == "quiet"
    assert thread["waiting_since"]


async def test_an_anonymous_visitor_is_answered_too(stack: Stack, visitor):
    browser = visitor()
    await browser.connect()
    await browser.say(COVERED)
    assert (await browser.message("agent"))["sources"]


class TestMail:
    async def test_the_answer_has_the_headers_that_mail_programs_thread_by(self, stack: Stack):
        mail = Mailer(stack, somebody())
        await mail.send(mail.write(COVERED, Subject="Delivery", Message_ID="<first@customers.example>",
                                   References="<older@customers.example>"))  # fmt: skip
        answer = await mail.answer()
        headers = message_from_string(answer["raw_headers"])
        assert headers["In-Reply-To"] == "<first@customers.example>"
        *known, own = headers["References"].split()
        assert known == ["<older@customers.example>", "<first@customers.example>"]
        assert own == headers["Message-ID"], "kept where a provider writes another Message-ID over it"
        assert headers["Auto-Submitted"] == "auto-replied"
        assert headers["Subject"] == "Re: Delivery"
        assert headers["Reply-To"].startswith("support+")
        assert headers["Reply-To"].endswith("@onethread.localhost")
        assert headers["Message-ID"].endswith("@onethread.localhost>")
        assert "pineandpaper.example/help/" in answer["text"]
        assert '<a href="https://pineandpaper.example/help/' in answer["html"]

    async def test_a_reply_to_the_token_alone_joins_the_thread(self, stack: Stack, desk: Desk):
        mail = Mailer(stack, somebody())
        await mail.send(mail.write(NOT_COVERED))
        token = (await mail.answer())["headers"]["Reply-To"]
        thread = await desk.thread(mail.person.email)
        await desk.http.patch(f"threads/{thread['id']}", json={"status": "closed"})
        code, _ = await mail.send(mail.write("One more thing", To=token, Subject="Something else"), to=token)
        assert code == 250
        await desk.message(thread["id"], said("One more thing"))
        assert (await desk.thread(mail.person.email))["status"] == "open"

    async def test_a_reply_that_names_our_mail_joins_its_thread(self, stack: Stack, desk: Desk):
        mail = Mailer(stack, somebody())
        await mail.send(mail.write(NOT_COVERED))
        ours = (await mail.answer())["headers"]["Message-ID"]
        await mail.send(mail.write("Following up", In_Reply_To=ours, References=ours))
        thread = await desk.thread(mail.person.email)
        await desk.message(thread["id"], said("Following up"))

    async def test_the_same_mail_twice_is_one_message(self, stack: Stack, desk: Desk):
        mail = Mailer(stack, somebody())
        raw = mail.write(NOT_COVERED)
        first, second = await mail.send(raw), await mail.send(raw)
        assert first == second
        await mail.answer()
        thread = await desk.thread(mail.person.email)
        await mail.send(mail.write("the marker"))
        await desk.message(thread["id"], said("the marker"))
        assert [m["text"] for m in await desk.messages(thread["id"]) if m["author"]["kind"] == "customer"] == [
            NOT_COVERED, "the marker",
        ]  # fmt: skip
        assert len(await mail.inbox()) == 1

    async def test_a_mail_that_only_claims_the_address_is_another_customers(self, stack: Stack, visitor, desk: Desk):
        person, canary = somebody(), uuid4().hex
        browser = visitor(person)
        await browser.connect()
        await browser.say(f"My secret is {canary}")
        await browser.message("agent")
        forged = Mailer(stack, person, vouched=False)
        await forged.send(forged.write(COVERED))
        found = await eventually(lambda: _two(desk, person.email), what="the forged thread")
        by_trust = {(await desk.messages(one["id"]))[0]["identity"]["trust"]: one for one in found}
        assert set(by_trust) == {"asserted", "verified"}
        forged_thread = by_trust["asserted"]
        assert forged_thread["customer"]["id"] != by_trust["verified"]["customer"]["id"]
        await asyncio.sleep(2)
        assert [m["author"]["kind"] for m in await desk.messages(forged_thread["id"])] == ["customer"]
        assert canary not in json.dumps(await desk.messages(forged_thread["id"]))
        assert await forged.inbox() == []


async def _two(desk: Desk, email: str) -> list[dict[str, Any]]:
    found = await desk.threads(email)
    return found if len(found) == 2 else []


class TestSocket:
    async def test_the_same_client_id_is_acknowledged_twice_and_stored_once(self, stack: Stack, visitor, desk: Desk):
        browser = visitor(somebody())
        await browser.connect()
        client_id = str(uuid4())
        first = await browser.say(NOT_COVERED, client_id)
        second = await browser.say(NOT_COVERED, client_id)
        assert first["message_id"] == second["message_id"]
        await browser.say("the marker")
        thread = await desk.thread(browser._person.email)
        await desk.message(thread["id"], said("the marker"))
        texts = [m["text"] for m in await desk.messages(thread["id"]) if m["author"]["kind"] == "customer"]
        assert texts == [NOT_COVERED, "the marker"]

    async def test_what_was_missed_comes_after_a_resume(self, stack: Stack, visitor, desk: Desk):
        person = somebody()
        browser = visitor(person)
        await browser.connect()
        await browser.say(NOT_COVERED)
        seen = await browser.message("agent")
        await browser.close()
        thread = await desk.thread(person.email)
        for number in range(3):
            await desk.reply(thread["id"], f"missed {number}")
        again = visitor(person)
        again.token = browser.token
        await again.connect()
        await again.send({"type": "resume", "after": seen["cursor"]})
        await again.message("teammate", text="missed 2")
        came = {f["message"]["id"]: f["message"]["text"] for f in again.frames if f["type"] == "message"}
        assert list(came.values()) == [f"missed {n}" for n in range(3)]

    async def test_a_stored_session_finds_its_history_again(self, stack: Stack, visitor):
        browser = visitor()
        await browser.connect()
        await browser.say(COVERED)
        answer = await browser.message("agent")
        again = visitor()
        again.token = browser.token
        found = await again.session()
        assert found["thread"]["status"] == "open"
        assert [m["text"] for m in found["messages"]] == [COVERED, answer["text"]]

    async def test_the_answer_appears_as_it_is_written(self, stack: Stack, visitor):
        browser = visitor()
        await browser.connect()
        await browser.say(COVERED)
        answer = await browser.message("agent")
        await browser.hears(lambda frame: frame["type"] == "delta")
        pieces = [frame for frame in browser.frames if frame["type"] == "delta"]
        assert {frame["reply_id"] for frame in pieces} == {answer["id"]}


class TestSlack:
    async def test_the_same_event_twice_is_one_message(self, stack: Stack, desk: Desk):
        slack, marker = Slack(stack, "U0BOBSTONE1"), uuid4().hex
        body = slack.event(f"left-handed scissors? {marker}")
        assert (await slack.bring(body)).status_code == 200
        assert (await slack.bring(body, **{"X-Slack-Retry-Num": "1"})).status_code == 200
        assert (await slack.bring(slack.event(f"the marker {marker}"))).status_code == 200
        thread = await desk.thread("bob@pineandpaper.example")
        await desk.message(thread["id"], said("the marker", marker))
        found = [
            m for m in await desk.messages(thread["id"]) if marker in m["text"] and m["author"]["kind"] == "customer"
        ]
        assert len(found) == 2

    async def test_an_answer_in_a_shared_channel_uses_nothing_said_in_private(self, stack: Stack, visitor, desk: Desk):
        person = Person("Ana Ruiz", "ana@pineandpaper.example")
        browser, slack, canary = visitor(person), Slack(stack, "U0ANARUIZ01"), f"canary{uuid4().hex}"
        await browser.connect()
        await browser.say(f"How long does delivery of my project {canary} take?")
        await browser.message("agent")
        thread = await desk.thread(person.email)
        await desk.http.patch(f"threads/{thread['id']}", json={"agent": "active", "assignee": None})
        asked = await slack.say(f"@onethread {COVERED}", "#acme-support")
        answer = await slack.answered(lambda m: m.get("thread_ts") == asked["ts"], "C0ACMESUPPT")
        assert "pineandpaper.example/help/" in json.dumps(answer)
        assert canary not in json.dumps(await slack.messages("C0ACMESUPPT"))
        shared = [m for m in await desk.messages(thread["id"]) if m["audience"]["shared"]]
        assert [m["author"]["kind"] for m in shared[-2:]] == ["customer", "agent"]
        assert {m["audience"]["name"] for m in shared} == {"#acme-support"}


class TestApi:
    async def test_a_wrong_password_or_key_opens_nothing(self, stack: Stack):
        async with httpx.AsyncClient(base_url=stack.url(8000, "/api/v1/"), timeout=SECONDS) as http:
            wrong = {"email": SECRETS["ONETHREAD_ADMIN_EMAIL"], "password": "wrong"}
            assert (await http.post("session", json=wrong)).status_code == 401
            assert (await http.get("threads")).status_code == 401
            assert (await http.get("threads", headers={"Authorization": "Bearer wrong"})).status_code == 401
            right = wrong | {"password": SECRETS["ONETHREAD_ADMIN_PASSWORD"]}
            assert (await http.post("session", json=right)).json()["email"] == SECRETS["ONETHREAD_ADMIN_EMAIL"]
            assert (await http.get("threads")).status_code == 200

    async def test_a_thread_that_does_not_exist_is_not_found(self, desk: Desk):
        for call in (desk.http.get(f"threads/{uuid4()}"), desk.http.get(f"threads/{uuid4()}/messages"),
                     desk.http.post(f"threads/{uuid4()}/messages", json={"text": "x"}),
                     desk.http.patch(f"threads/{uuid4()}", json={"status": "closed"})):  # fmt: skip
            answer = await call
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/problem+json"

    async def test_a_repeated_request_with_its_idempotency_key_sends_once(self, stack: Stack, visitor, desk: Desk):
        person = somebody()
        browser = visitor(person)
        await browser.connect()
        await browser.say(NOT_COVERED)
        thread = await desk.thread(person.email)
        key = uuid4().hex
        first = await desk.reply(thread["id"], "Once only", key=key)
        second = await desk.reply(thread["id"], "Once only", key=key)
        assert first["id"] == second["id"]
        await desk.reply(thread["id"], "the marker")
        await browser.message("teammate", text="the marker")
        shown = [frame["message"] for frame in browser.frames if frame["type"] == "message"]
        assert {message["id"] for message in shown if message["text"] == "Once only"} == {first["id"]}

    async def test_a_note_never_reaches_the_customer(self, stack: Stack, visitor, desk: Desk):
        person = somebody()
        browser = visitor(person)
        await browser.connect()
        await browser.say(NOT_COVERED)
        thread = await desk.thread(person.email)
        await desk.reply(thread["id"], "between us", note=True)
        await desk.reply(thread["id"], "the marker")
        await browser.message("teammate", text="the marker")
        assert "between us" not in json.dumps(browser.frames)
        assert "between us" not in json.dumps(await browser.session())


class TestEvents:
    async def test_events_come_live_and_what_was_missed_is_replayed(self, stack: Stack, visitor, desk: Desk):
        person = somebody()
        browser = visitor(person)
        await browser.connect()
        async with desk.http.stream("GET", "events") as stream:
            lines = stream.aiter_lines()
            await browser.say(NOT_COVERED)
            first = await _event(
                lines, lambda e: e["type"].startswith("onethread.message") and NOT_COVERED in json.dumps(e)
            )
        thread = await desk.thread(person.email)
        assert first["type"] == "onethread.message.added.v1"
        assert first["threadid"] == thread["id"]
        await desk.reply(thread["id"], "while you were away")
        async with desk.http.stream("GET", "events", headers={"Last-Event-ID": first["id"]}) as stream:
            missed = await _event(stream.aiter_lines(), lambda e: "while you were away" in json.dumps(e))
        assert missed["data"]["message"]["author"]["kind"] == "teammate"


async def _event(lines: Any, wanted: Any) -> dict[str, Any]:
    async with asyncio.timeout(SECONDS):
        async for line in lines:
            if line.startswith("data: ") and wanted(event := json.loads(line[6:])):
                return event
    raise AssertionError("the stream ended")
