from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest
from plugins.conversation_world import asserted, behind_its_back, received, running, verified
from plugins.replicas import HOLD, replica, waiting_for_a_lock

from onethread.contracts import subjects
from onethread.contracts.files import FileOf
from onethread.contracts.ids import derived_id
from onethread.contracts.originals import Original
from onethread.contracts.replies import ReplyDelivered, ReplyFailed, ReplyOutcome, ReplyRequested
from onethread.conversation.replay import verify
from onethread.conversation.unseen import DECLINE

pytestmark = pytest.mark.connected
EMAIL = verified("email", "ana@pineandpaper.example")
VISITOR = verified("visitor", "v1")
SIGNED_IN = (verified("site_user", "ana"), EMAIL, VISITOR)


async def minutes_pass(outside: Any, database_url: str) -> None:
    """The time of all that waits to be mailed has come."""
    await behind_its_back(database_url, "update message set mail_at = now() where mail_at is not null")
    outside.app.state.timers.poke()


async def reply(outside: Any, thread_id: Any, text: str) -> ReplyRequested:
    await outside.api.post(f"/api/v1/threads/{thread_id}/messages", json={"text": text})
    return await outside.wait(lambda: next((r for r in outside.requested if r.data.text == text), None))


def mails(outside: Any) -> list[ReplyRequested]:
    return [r for r in outside.requested if r.data.channel.kind == "email"]


async def a_mail(outside: Any, number: int = 1) -> ReplyRequested:
    return (await outside.wait(lambda: len(mails(outside)) >= number and mails(outside)))[number - 1]


def said_in(mail: ReplyRequested) -> str:
    """Without the line by which it can be declined."""
    said, _, decline = mail.data.text.rpartition("\n\n")
    assert decline == DECLINE.format(stop=mail.data.unsubscribe)
    return said


async def tell(outside: Any, request: ReplyRequested, state: str, **data: Any) -> None:
    outcome = ReplyOutcome(message_id=request.data.message_id, channel=request.data.channel, state=state, **data)
    event = (ReplyFailed if state == "failed" else ReplyDelivered)(
        id=derived_id(request.id, state), source="/gateway", workspaceid="local", threadid=request.threadid,
        data=outcome,
    )  # fmt: skip
    await outside.bus.publish(event)


async def deliveries_when(outside: Any, thread_id: Any, *states: str) -> list[dict[str, Any]]:
    for _ in range(1_000):
        found = [m["delivery"] for m in await outside.messages(thread_id) if m["delivery"]]
        if [one["state"] for one in found] == list(states):
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"{[one['state'] for one in found]} did not become {states}")


async def test_what_was_not_seen_in_the_chat_goes_out_as_one_mail_and_its_answer_lands_in_the_thread(
    outside: Any, database_url: str
) -> None:
    added = await outside.hear(received("widget", "how long?", *SIGNED_IN))
    await outside.propose(added, "answer", "Three days.")
    await outside.wait(lambda: outside.requested or None)
    delivered = await reply(outside, added.threadid, "Or two, **with luck**.")
    await tell(outside, delivered, "delivered")  # a browser took it, and nobody looked
    await deliveries_when(outside, added.threadid, "queued", "delivered")
    await minutes_pass(outside, database_url)
    mail = await a_mail(outside)
    assert said_in(mail) == "**AI assistant:**\n\nThree days.\n\n**API:**\n\nOr two, **with luck**."
    assert "<strong>with luck</strong>" in mail.data.html
    assert mail.data.place.key == f"email:{EMAIL.value}"
    assert (mail.data.place.route, mail.data.place.audience.shared) == ({"to": EMAIL.value}, False)
    queued = await deliveries_when(outside, added.threadid, "queued", "queued")
    assert {one["reason"] for one in queued} == {f"By mail to {EMAIL.value}, for it was not seen in the chat"}
    await tell(outside, mail, "sent", external_id="<ours@x>", attempt=1)
    sent = await deliveries_when(outside, added.threadid, "sent", "sent")
    assert sent[0]["reason"] == queued[0]["reason"]
    answer = await outside.hear(received("email", "thanks", EMAIL, answers=["<ours@x>"]))
    assert answer.threadid == added.threadid
    await minutes_pass(outside, database_url)
    await asyncio.sleep(1)
    assert len(mails(outside)) == 1
    assert [difference async for difference in verify(database_url, "local")] == []


async def test_whoever_wants_no_such_mail_says_so_by_one_post_and_still_finds_it_in_the_chat(
    outside: Any, database_url: str
) -> None:
    added = await outside.hear(received("widget", "how long?", *SIGNED_IN))
    await reply(outside, added.threadid, "three days")
    await minutes_pass(outside, database_url)
    mail = await a_mail(outside)
    stop = "/" + str(mail.data.unsubscribe).split("/", 3)[3]
    shown = await outside.api.get(stop)  # a scanner that follows links declines nothing
    assert "what you missed in the chat" in shown.text
    await reply(outside, added.threadid, "or four")
    await minutes_pass(outside, database_url)
    await a_mail(outside, 2)
    done = await outside.api.post(stop, data={"List-Unsubscribe": "One-Click"})
    assert (done.status_code, "waits for you there" in done.text) == (200, True)
    await reply(outside, added.threadid, "or five")
    await minutes_pass(outside, database_url)
    await asyncio.sleep(1)
    assert len(mails(outside)) == 2
    assert [m["text"] for m in await outside.messages(added.threadid)][-1] == "or five"
    by_mail = await outside.hear(received("email", "thanks", EMAIL))
    await reply(outside, by_mail.threadid, "an answer to a mail still comes")
    await a_mail(outside, 3)


async def test_what_was_seen_or_answered_meanwhile_is_not_mailed(outside: Any, database_url: str) -> None:
    added = await outside.hear(received("widget", "how long?", *SIGNED_IN))
    seen = await reply(outside, added.threadid, "three days")
    await tell(outside, seen, "seen")
    await deliveries_when(outside, added.threadid, "seen")
    await reply(outside, added.threadid, "or two")
    await outside.hear(received("widget", "ah, good", *SIGNED_IN))
    await reply(outside, added.threadid, "you are welcome")
    await minutes_pass(outside, database_url)
    mail = await a_mail(outside)
    assert said_in(mail) == "you are welcome"
    assert mail.data.author.kind == "teammate"
    await tell(outside, mail, "sent")
    await asyncio.sleep(1)
    assert len(mails(outside)) == 1


async def test_whoever_has_proven_no_address_is_sent_no_mail_nor_is_whom_a_teammate_takes_them_for(
    outside: Any, database_url: str
) -> None:
    guest = await outside.hear(received("widget", "hi", VISITOR, asserted("email", EMAIL.value)))
    ana = await outside.hear(received("email", "by mail", EMAIL))
    merge = f"/api/v1/customers/{ana.customerid}/merge"
    merged = await outside.api.post(merge, json={"other_id": str(guest.customerid)})
    assert merged.status_code == 200, merged.text
    [thread] = [t for t in await outside.threads() if not t["merged_into_id"]]
    await outside.api.post(
        f"/api/v1/threads/{thread['id']}/messages", json={"text": "for the chat alone", "channel_id": "local"}
    )
    await outside.wait(lambda: any(r.data.text == "for the chat alone" for r in outside.requested))
    await minutes_pass(outside, database_url)
    await asyncio.sleep(1)
    assert mails(outside) == []


async def test_a_workspace_may_want_none_of_it(outside: Any, database_url: str) -> None:
    never = "update workspace set settings = settings || '{\"unseen_reply_minutes\": 0}'"
    await behind_its_back(database_url, never)
    added = await outside.hear(received("widget", "how long?", *SIGNED_IN))
    await reply(outside, added.threadid, "three days")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select mail_at from message where author_kind = 'teammate'").fetchone() == (None,)


async def test_a_mail_that_failed_is_tried_again_as_it_was(outside: Any, database_url: str) -> None:
    added = await outside.hear(received("widget", "how long?", *SIGNED_IN))
    await reply(outside, added.threadid, "three days")
    await reply(outside, added.threadid, "or two")
    await minutes_pass(outside, database_url)
    mail = await a_mail(outside)
    await tell(outside, mail, "failed", reason="The mailbox is full (5.2.2)", attempt=1)
    failed = await deliveries_when(outside, added.threadid, "failed", "failed")
    assert failed[1]["reason"] == "The mailbox is full (5.2.2)"
    newest = (await outside.messages(added.threadid))[-1]
    retry = await outside.api.post(f"/api/v1/threads/{added.threadid}/messages/{newest['id']}/retry")
    assert retry.status_code == 202
    again = await a_mail(outside, 2)
    assert (again.data.text, again.data.message_id, again.data.attempt) == (mail.data.text, mail.data.message_id, 2)
    await deliveries_when(outside, added.threadid, "queued", "queued")


async def test_two_replicas_of_which_one_is_killed_in_the_middle_send_one_mail(
    outside: Any, nats_url: str, database_url: str
) -> None:
    added = await outside.hear(received("widget", "how long?", *SIGNED_IN))
    with (
        replica(nats_url, database_url) as other,
        psycopg.connect(database_url, autocommit=True) as looking,
        psycopg.connect(database_url) as holding,
    ):
        await reply(outside, added.threadid, "three days")
        await asyncio.to_thread(holding.execute, HOLD, [added.threadid])
        await minutes_pass(outside, database_url)
        for _ in range(1_200):
            if len(waiting_for_a_lock(looking, "select * from thread%")) == 2:
                break
            await asyncio.sleep(0.1)
        assert len(waiting_for_a_lock(looking, "select * from thread%")) == 2
        other.kill()
        holding.rollback()
        await a_mail(outside)
    async with running(nats_url, database_url):
        await asyncio.sleep(2)
    assert len(mails(outside)) == 1


async def test_files_that_were_not_seen_go_along_and_what_is_too_large_for_a_mail_is_named(
    outside: Any, database_url: str
) -> None:
    added = await outside.hear(received("widget", "and the terms?", *SIGNED_IN))
    asked = {"thread_id": str(added.threadid)}
    for name, content in (("terms.pdf", b"%PDF-1.7"), ("film.mp4", bytes(19_999_999))):
        file = (await outside.api.post("/api/v1/files", params=asked | {"name": name}, content=content)).json()
        new = {"text": f"Here is {name}", "files": [file["id"]]}
        await outside.api.post(f"/api/v1/threads/{added.threadid}/messages", json=new)
    await minutes_pass(outside, database_url)
    mail = await a_mail(outside)
    assert [one.name for one in mail.data.attachments] == ["terms.pdf"]
    assert "\n\n`film.mp4` is too large for this mail. It is in the chat.\n\n" in mail.data.text
    question = FileOf(workspace="local", message_id=mail.data.message_id, sha256=mail.data.attachments[0].sha256)
    answer = await outside.bus.ask(subjects.CONVERSATION_FILE, question, Original)
    assert answer.body.inline == b"%PDF-1.7"
