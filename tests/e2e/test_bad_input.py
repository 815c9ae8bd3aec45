"""Bad input: each with a clear answer, and nothing lost."""

from __future__ import annotations

import asyncio
import json
import time
from uuid import uuid4

import httpx
import jwt
import nats
import pytest
from plugins.customers import SECONDS, Desk, Mailer, Slack, eventually, somebody
from plugins.stack import SECRETS, Stack

from onethread.contracts.ids import received_id
from onethread.contracts.replies import ProposedReply, ReplyProposed

pytestmark = pytest.mark.connected

COVERED = "How long does delivery take?"
LARGEST_MAIL = 25 * 1024 * 1024


class TestSocket:
    async def test_a_malformed_frame_is_refused_and_the_socket_lives_on(self, stack: Stack, visitor):
        browser = visitor()
        await browser.connect()
        for broken in ("{not json", '{"type":"dance"}', '{"type":"message","text":"no client id"}', "[]", ""):
            before = len(browser.frames)
            await browser.send(broken)
            refusal = await browser.hears(lambda f: f["type"] == "error", since=before)
            assert refusal["code"] == "malformed"
            assert refusal["message"].endswith("Nothing was stored.")
        assert (await browser.say(COVERED))["type"] == "ack"

    async def test_a_message_that_is_too_long_is_refused_with_its_client_id(self, stack: Stack, visitor):
        browser = visitor()
        await browser.connect()
        refusal = await browser.say("x" * 8_001)
        assert (refusal["type"], refusal["code"]) == ("error", "too_long")
        refusal = await browser.say("x" * 40_000)
        assert (refusal["type"], refusal["code"]) == ("error", "too_large")
        assert (await browser.say("x" * 8_000))["type"] == "ack"

    @pytest.mark.parametrize("claims", [{"exp": 1}, {"aud": "somebody else"}])
    async def test_a_bad_or_expired_session_token_closes_with_4401_and_a_new_session_is_given(
        self, stack: Stack, visitor, claims
    ):
        browser = visitor()
        await browser.session()
        good = jwt.decode(browser.token, options={"verify_signature": False})
        browser.token = jwt.encode(good | claims, SECRETS["ONETHREAD_SESSION_SECRET"], "HS256")
        await browser.connect()
        await asyncio.wait_for(browser.socket.wait_closed(), SECONDS)
        assert browser.socket.close_code == 4401
        refused = browser.token
        assert (await browser.session())["session_token"] != refused
        await browser.connect()
        assert (await browser.say(COVERED))["type"] == "ack"

    @pytest.mark.parametrize(
        ("claims", "secret"),
        [({"exp": 1}, SECRETS["ONETHREAD_WIDGET_SECRET"]), ({"exp": 2**31}, "not the secret of this channel, no")],
    )
    async def test_an_identity_that_is_not_proven_is_refused(self, stack: Stack, claims, secret):
        token = jwt.encode({"sub": "1", "email": "ana@pineandpaper.example"} | claims, secret, "HS256")
        async with httpx.AsyncClient(timeout=SECONDS) as http:
            asked = {"channel_id": "local", "identity_token": token}
            answer = await http.post(stack.url(8010, "/v1/session"), json=asked)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"


class TestSlack:
    async def test_a_wrong_signature_or_an_old_timestamp_is_refused(self, stack: Stack):
        slack = Slack(stack)
        body = slack.event("never heard")
        wrong = await slack.bring(body, signature="v0=" + "0" * 64)
        old = await slack.bring(body, stamp=str(int(time.time()) - 301))
        assert (wrong.status_code, old.status_code) == (401, 401)
        assert "signature is wrong" in wrong.text
        assert "too old" in old.text

    async def test_what_is_no_event_is_refused(self, stack: Stack):
        slack = Slack(stack)
        for body in (b"{", b"[]", b"\xff", b'{"type":"event_callback"}'):
            assert (await slack.bring(body)).status_code == 400


class TestMail:
    async def test_a_mail_without_message_id_is_taken_once(self, stack: Stack, desk: Desk):
        mail = Mailer(stack, somebody())
        raw = mail.write("Do you sell left-handed scissors?", Message_ID="")
        first, second = await mail.send(raw), await mail.send(raw)
        assert first[0] == 250
        assert first == second
        await mail.answer()
        thread = await desk.thread(mail.person.email)
        own = [m for m in await desk.messages(thread["id"]) if m["author"]["kind"] == "customer"]
        assert len(own) == 1

    async def test_a_mail_without_from_is_refused_in_words(self, stack: Stack):
        mail = Mailer(stack, somebody())
        code, words = await mail.send(mail.write("Who am I?", From=""))
        assert code == 550
        assert "no From field" in words

    async def test_an_unknown_recipient_is_refused(self, stack: Stack):
        mail = Mailer(stack, somebody())
        for to in (
            "nobody@onethread.localhost",
            "support@elsewhere.example",
            "support@onethread.localhost.evil.example",
        ):
            code, words = await mail.send(mail.write("Hello"), to=to)
            assert code == 550
            assert "no such address" in words

    async def test_an_oversize_mail_is_refused(self, stack: Stack):
        mail = Mailer(stack, somebody())
        raw = mail.write("Hello") + b"x" * 70 + b"\r\n"
        raw += (b"y" * 70 + b"\r\n") * (LARGEST_MAIL // 72 + 1)
        assert (await mail.send(raw))[0] == 552

    async def test_a_bounce_or_an_autoreply_is_kept_and_never_answered(self, stack: Stack, desk: Desk):
        mail = Mailer(stack, somebody())
        await mail.send(mail.write(COVERED, Auto_Submitted="auto-replied"))
        thread = await desk.thread(mail.person.email)
        await asyncio.sleep(1.5)
        assert len(await desk.messages(thread["id"])) == 1
        assert await mail.inbox() == []


class TestBus:
    async def test_a_poison_event_is_parked_with_its_reason_and_can_be_replayed(
        self, stack: Stack, visitor, desk: Desk
    ):
        poison = json.dumps({"id": str(uuid4()), "data": f"nothing that anyone can read {uuid4().hex}"}).encode()
        subject = "ot.local.message.received.widget.l0"
        await _publish(stack, subject, poison)
        letter = await eventually(lambda: _letter(desk, poison.decode()), what="the dead letter")
        assert letter["service"] == "conversation"
        assert letter["subject"] == subject
        assert "ValidationError" in letter["reason"]
        assert "nothing that anyone" not in letter["reason"]
        # It does not block what is behind it, whatever the lane.
        for _ in range(3):
            browser = visitor()
            await browser.connect()
            await browser.say(COVERED)
            await browser.message("agent")

        answer = await desk.http.post("dead-letters", json={"id": letter["id"], "action": "replay"})
        assert answer.status_code == 202
        again = await eventually(lambda: _letter(desk, poison.decode(), but=letter["id"]), what="its return")
        assert again["id"] > letter["id"]
        missing = await desk.http.post("dead-letters", json={"id": letter["id"], "action": "replay"})
        assert missing.status_code == 404

    async def test_a_replay_works_once_its_cause_is_mended(self, stack: Stack, visitor, desk: Desk):
        """A proposal for a message that does not exist yet: it is parked, then the message comes."""
        browser, client_id, text = visitor(somebody()), str(uuid4()), f"An answer that was early {uuid4().hex}"
        await browser.connect()
        own = jwt.decode(browser.token, options={"verify_signature": False})
        message_id = received_id("local", "local", f"{own['v']}:{client_id}")
        data = ProposedReply(message_id=message_id, reply_id=uuid4(), decision="answer", text=text, confidence=1)
        early = ReplyProposed(id=uuid4(), source="/agent", workspaceid="local", data=data)
        await _publish(stack, "ot.local.reply.proposed", early.to_json())
        letter = await eventually(lambda: _letter(desk, early.to_json().decode()), what="the dead letter")
        assert "does not exist" in letter["reason"]
        await browser.say(COVERED, client_id)
        await browser.message("agent")
        await desk.http.post("dead-letters", json={"id": letter["id"], "action": "replay"})
        await browser.message("agent", text=text)


async def _publish(stack: Stack, subject: str, body: bytes) -> None:
    connection = await nats.connect(f"nats://127.0.0.1:{stack.port(4222)}")
    try:
        await connection.jetstream().publish(subject, body, headers={"Nats-Msg-Id": uuid4().hex})
    finally:
        await connection.close()


async def _letter(desk: Desk, body: str, but: int = 0) -> dict | None:
    items = (await desk.http.get("dead-letters")).json()["items"]
    return next((one for one in items if one["body"] == body and one["id"] != but), None)


async def test_without_knowledge_the_agent_hands_off_and_says_so(stack: Stack, visitor, desk: Desk):
    person = somebody()
    browser = visitor(person)
    await browser.connect()
    with stack.away("knowledge"):
        await browser.say(COVERED)
        told = await browser.message("agent")
    assert told["sources"] == []
    thread = await desk.thread(person.email)
    assert "knowledge base is away" in thread["handoff"]["reason"]
    await asyncio.to_thread(stack.until_ready, "knowledge", 8050)
    another = visitor()
    await another.connect()
    await another.say(COVERED)
    assert (await another.message("agent"))["sources"]
