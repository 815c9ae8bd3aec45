from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest
from plugins.conversation_world import asserted, behind_its_back, received, verified

from onethread.contracts.ids import derived_id
from onethread.contracts.messages import Source
from onethread.contracts.questions import History, HistoryOfThread, HistoryOfVisitor
from onethread.contracts.replies import ReplyDelivered, ReplyFailed, ReplyOutcome, ReplyRequested
from onethread.contracts.subjects import CONVERSATION_HISTORY, CONVERSATION_VISITOR

pytestmark = pytest.mark.connected
EMAIL = verified("email", "ana@pineandpaper.example")
SLACK = verified("slack_user", "T/ana")
VISITOR = verified("visitor", "v1")
SIGNED_IN = (verified("site_user", "ana"), EMAIL, VISITOR)
NOTHING = "00000000-0000-4000-8000-000000000000"
"""An id that nothing has."""


async def the_request(outside: Any, text: str) -> ReplyRequested:
    return await outside.wait(lambda: next((r for r in outside.requested if r.data.text == text), None))


async def outcome(outside: Any, request: ReplyRequested, model: Any = ReplyDelivered, **data: Any) -> None:
    event = model(
        id=derived_id(request.id, str(data)), source="/gateway", workspaceid="local", threadid=request.threadid,
        data=ReplyOutcome(message_id=request.data.message_id, channel=request.data.channel, **data),
    )  # fmt: skip
    await outside.bus.publish(event)


async def message_where(outside: Any, thread_id: Any, **state: Any) -> dict[str, Any]:
    for _ in range(1_000):
        for message in await outside.messages(thread_id):
            if (message["delivery"] or {}).get("state") == state["state"]:
                return message
        await asyncio.sleep(0.02)
    raise AssertionError("no message got that far")


async def test_the_agents_answer_goes_back_to_the_place_of_the_question_with_its_source(outside: Any) -> None:
    added = await outside.hear(received("email", "How long?", EMAIL))
    source = Source(title="Delivery", url="https://x.example/d", document_id="d", score=0.9)
    await outside.propose(added, "answer", "Three **days**.", sources=[source])
    request = await the_request(outside, "Three **days**.")
    assert request.data.channel.kind == "email"
    assert request.data.place.route == {"to": f"email:{EMAIL.value}"}
    assert request.data.html == "<p>Three <strong>days</strong>.</p>"
    message = (await outside.messages(added.threadid))[-1]
    assert (message["author"]["kind"], message["sources"][0]["title"]) == ("agent", "Delivery")


async def test_a_proposal_delivered_twice_is_one_reply(outside: Any) -> None:
    added = await outside.hear(received("email", "How long?", EMAIL))
    for _ in range(2):
        await outside.propose(added, "answer", "Three days.")
    await the_request(outside, "Three days.")
    await asyncio.sleep(0.3)
    assert len(await outside.messages(added.threadid)) == 2


async def test_a_handoff_tells_the_customer_quiets_the_agent_and_says_why(outside: Any) -> None:
    added = await outside.hear(received("email", "My lawyer says", EMAIL))
    await outside.propose(added, "handoff", "A person will answer.", reason="Reserved topic", summary="Legal")
    await the_request(outside, "A person will answer.")
    [thread] = await outside.threads()
    assert thread["agent"] == "quiet"
    assert (thread["handoff"]["reason"], thread["handoff"]["summary"]) == ("Reserved topic", "Legal")
    assert thread["waiting_since"]
    following = await outside.hear(received("email", "Hello?", EMAIL))
    assert not following.data.agent_may_answer


async def test_the_agent_is_quiet_once_a_teammate_took_over_and_speaks_again_when_given_back(outside: Any) -> None:
    added = await outside.hear(received("email", "How long?", EMAIL))
    await log_in(outside)
    url = f"/api/v1/threads/{added.threadid}"
    taken = (await outside.api.patch(url, json={"assignee": "me", "agent": "quiet"})).json()
    assert taken["assignee"]["name"] == "Admin"
    await outside.propose(added, "answer", "Too late.")
    assert not (await outside.hear(received("email", "Still there?", EMAIL))).data.agent_may_answer
    assert "Too late." not in [m["text"] for m in await outside.messages(added.threadid)]
    await outside.api.patch(url, json={"assignee": None, "agent": "active"})
    assert (await outside.hear(received("email", "And now?", EMAIL))).data.agent_may_answer


async def log_in(outside: Any) -> None:
    outside.api.headers.pop("Authorization", None)
    login = {"email": "admin@onethread.localhost", "password": "pw-of-admin"}
    assert (await outside.api.post("/api/v1/session", json=login)).status_code == 200


async def test_a_teammate_replies_where_the_customer_is_or_on_the_channel_they_choose(outside: Any) -> None:
    await outside.hear(received("email", "by mail", EMAIL))
    await outside.hear(received("widget", "in the chat", *SIGNED_IN))
    added = await outside.hear(received("slack", "on Slack", SLACK, EMAIL))
    url = f"/api/v1/threads/{added.threadid}"
    channels = (await outside.api.get(url)).json()["reply_channels"]
    assert channels[0]["kind"] == "slack"
    assert {c["kind"] for c in channels} == {"slack", "email", "widget"}
    await outside.api.post(f"{url}/messages", json={"text": "here"})
    assert (await the_request(outside, "here")).data.channel.kind == "slack"
    for kind, id_ in (("email", "email-local"), ("widget", "local")):
        await outside.api.post(f"{url}/messages", json={"text": f"by {kind}", "channel_id": id_})
        assert (await the_request(outside, f"by {kind}")).data.channel.kind == kind
    refused = await outside.api.post(f"{url}/messages", json={"text": "?", "channel_id": "fax"})
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"


async def test_a_note_is_never_sent_and_never_shown_to_the_customer(outside: Any) -> None:
    added = await outside.hear(received("widget", "hi", *SIGNED_IN))
    url = f"/api/v1/threads/{added.threadid}/messages"
    note = (await outside.api.post(url, json={"text": "she is a VIP", "note": True})).json()
    assert (note["note"], note["channel"], note["delivery"]) == (True, None, None)
    asked = HistoryOfVisitor(workspace="local", identities=list(SIGNED_IN))
    seen = await outside.bus.ask(CONVERSATION_VISITOR, asked, History)
    assert [m.text for m in seen.messages] == ["hi"]
    assert "she is a VIP" not in [r.data.text for r in outside.requested]


async def test_a_repeated_post_with_one_idempotency_key_is_one_message(outside: Any) -> None:
    added = await outside.hear(received("email", "hi", EMAIL))
    url = f"/api/v1/threads/{added.threadid}/messages"
    headers = {"Idempotency-Key": str(uuid4())}
    made = [(await outside.api.post(url, json={"text": "once"}, headers=headers)).json()["id"] for _ in range(3)]
    assert len(set(made)) == 1
    at_once = {"Idempotency-Key": str(uuid4())}
    answers = await asyncio.gather(
        *(outside.api.post(url, json={"text": "together"}, headers=at_once) for _ in range(4))
    )
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert [m["text"] for m in await outside.messages(added.threadid)] == ["hi", "once", "together"]


async def test_delivery_states_only_go_forward_and_a_failure_says_why(outside: Any) -> None:
    added = await outside.hear(received("email", "hi", EMAIL))
    await outside.api.post(f"/api/v1/threads/{added.threadid}/messages", json={"text": "re"})
    request = await the_request(outside, "re")
    await outcome(outside, request, state="delivered")
    await message_where(outside, added.threadid, state="delivered")
    await outcome(outside, request, state="sent", external_id="<ours@x>")
    await asyncio.sleep(0.3)
    await message_where(outside, added.threadid, state="delivered")
    await outside.api.post(f"/api/v1/threads/{added.threadid}/messages", json={"text": "again"})
    await outcome(outside, await the_request(outside, "again"), ReplyFailed, state="failed", reason="No such mailbox")
    failed = await message_where(outside, added.threadid, state="failed")
    assert failed["delivery"]["reason"] == "No such mailbox"


async def test_a_mail_that_answers_a_message_of_ours_joins_its_thread_though_another_is_newer(outside: Any) -> None:
    added = await outside.hear(received("email", "first matter", EMAIL))
    await outside.api.post(f"/api/v1/threads/{added.threadid}/messages", json={"text": "re"})
    await outcome(outside, await the_request(outside, "re"), state="sent", external_id="<ours@x>")
    await message_where(outside, added.threadid, state="sent")
    await outside.api.patch(f"/api/v1/threads/{added.threadid}", json={"status": "closed"})
    answer = await outside.hear(received("email", "about that", EMAIL, answers=["<else@y>", "<ours@x>"]))
    assert answer.threadid == added.threadid


async def test_what_was_said_in_private_never_reaches_a_shared_place(outside: Any) -> None:
    private = await outside.hear(received("widget", "my PIN is 4711", *SIGNED_IN, place="widget:v1"))
    shared = await outside.hear(received("slack", "hello all", SLACK, EMAIL, place="slack:C:1", shared="#acme"))
    assert shared.threadid == private.threadid

    async def known_at(place: str) -> list[str]:
        asked = HistoryOfThread(workspace="local", thread_id=private.threadid, place=place)
        return [m.text for m in (await outside.bus.ask(CONVERSATION_HISTORY, asked, History)).messages]

    assert await known_at("slack:C:1") == ["hello all"]
    assert await known_at("widget:v1") == ["my PIN is 4711", "hello all"]
    assert await known_at("slack:C:unknown") == []


async def test_an_unproven_sender_is_told_nothing_of_the_customer_they_claim_to_be(outside: Any) -> None:
    real = await outside.hear(received("email", "my PIN is 4711", EMAIL))
    forged = asserted("email", EMAIL.value)
    await outside.hear(received("email", "as I said", forged, thread_token=real.threadid))
    asked = HistoryOfThread(workspace="local", thread_id=real.threadid, place=f"email:{EMAIL.value} (not proven)")
    assert [m.text for m in (await outside.bus.ask(CONVERSATION_HISTORY, asked, History)).messages] == ["as I said"]


async def test_a_guest_sees_only_what_was_said_in_their_browser_and_a_signed_in_person_the_whole_thread(
    outside: Any,
) -> None:
    await outside.hear(received("email", "by mail", EMAIL))
    await outside.hear(received("widget", "signed in", *SIGNED_IN, place="widget:v1"))

    async def seen(*identities: Any, after: str | None = None) -> History:
        asked = HistoryOfVisitor(workspace="local", identities=list(identities), after=after)
        return await outside.bus.ask(CONVERSATION_VISITOR, asked, History)

    whole = await seen(*SIGNED_IN)
    assert [m.text for m in whole.messages] == ["by mail", "signed in"]
    assert [m.text for m in (await seen(*SIGNED_IN, after=whole.cursors[0])).messages] == ["signed in"]
    assert [m.text for m in (await seen(VISITOR)).messages] == ["signed in"]
    assert (await seen(verified("visitor", "another"))).messages == []


async def test_whoever_is_not_signed_in_is_refused_in_words(outside: Any) -> None:
    outside.api.headers.pop("Authorization")
    answer = await outside.api.get("/api/v1/threads")
    assert answer.status_code == 401
    assert answer.json()["title"] == "Sign in first"
    wrong = await outside.api.post("/api/v1/session", json={"email": "admin@onethread.localhost", "password": "no"})
    assert (wrong.status_code, wrong.json()["title"]) == (401, "Wrong e-mail or password")
    await log_in(outside)
    assert (await outside.api.get("/api/v1/threads")).status_code == 200
    await outside.api.delete("/api/v1/session")
    assert (await outside.api.get("/api/v1/session")).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", f"/threads/{NOTHING}", None, 404),
        ("GET", f"/threads/{NOTHING}/messages", None, 404),
        ("GET", f"/customers/{NOTHING}", None, 404),
        ("GET", "/threads?cursor=nonsense", None, 422),
        ("GET", "/threads?assignee=nobody", None, 422),
        ("GET", "/threads/not-an-id", None, 422),
        ("POST", f"/threads/{NOTHING}/messages", {"text": "x"}, 404),
        ("POST", f"/threads/{NOTHING}/messages", {"text": "x", "bcc": "eve"}, 422),
        ("PATCH", f"/threads/{NOTHING}", {"workspace_id": "other"}, 422),
        ("GET", "/nothing-here", None, 404),
    ],
)
async def test_bad_requests_get_a_problem_in_words(
    outside: Any, method: str, path: str, body: Any, status: int
) -> None:
    answer = await outside.api.request(method, f"/api/v1{path}", json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in answer.text


async def test_another_workspaces_thread_does_not_exist_here(outside: Any, database_url: str) -> None:
    added = await outside.hear(received("email", "hi", EMAIL))
    for table in ("thread", "message"):
        await behind_its_back(database_url, f"update {table} set workspace_id = 'other'")
    url = f"/api/v1/threads/{added.threadid}"
    assert (await outside.api.get(url)).status_code == 404
    assert (await outside.api.post(f"{url}/messages", json={"text": "x"})).status_code == 404
    assert (await outside.api.patch(url, json={"status": "closed"})).status_code == 404


async def test_the_event_stream_replays_what_a_reader_missed(outside: Any) -> None:
    stream = outside.app.state.stream
    first = await outside.hear(received("email", "one", EMAIL))
    await outside.hear(received("email", "two", EMAIL))
    reader = stream.read("local", str(first.id))
    frames = []
    async for frame in reader:
        frames.append(frame)
        if '"two"' in frame:
            break
    await reader.aclose()
    assert any("onethread.message.added.v1" in frame for frame in frames)
    gone = stream.read("local", "not-an-id")
    assert [await anext(gone), (await anext(gone)).split("\n")[0]][1] == "event: reset"
    await gone.aclose()


async def test_pages_of_threads_neither_repeat_nor_skip(outside: Any) -> None:
    for n in range(7):
        await outside.say(received("email", "x", verified("email", f"p{n}@example.com")))
    await outside.wait(lambda: len(outside.added) == 7)
    seen, cursor = [], None
    while True:
        page = (
            await outside.api.get("/api/v1/threads", params={"limit": 3, **({"cursor": cursor} if cursor else {})})
        ).json()
        seen += [thread["id"] for thread in page["items"]]
        cursor = page["next"]
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == 7


async def test_a_dead_letter_is_put_back_once_its_cause_is_mended(outside: Any) -> None:
    event = received("email", "late", EMAIL)
    broken = json.loads(event.to_json())
    await outside.bus.publish_raw("ot.local.message.received.email.l1", b"not json", "broken")
    letters: list[Any] = []
    for _ in range(1_000):
        if letters := (await outside.api.get("/api/v1/dead-letters")).json()["items"]:
            break
        await asyncio.sleep(0.02)
    assert broken["id"]
    replay = {"json": {"id": letters[0]["id"], "action": "replay"}, "headers": {"Idempotency-Key": "k1"}}
    replayed, repeated = [await outside.api.post("/api/v1/dead-letters", **replay) for _ in range(2)]
    assert (replayed.status_code, repeated.status_code) == (202, 202)
    assert repeated.json() == replayed.json()
    audit = (await outside.api.get("/api/v1/audit")).json()["items"]
    assert [one["action"] for one in audit] == ["dead_letter.replayed"]
    unknown = await outside.api.post("/api/v1/dead-letters", json={"id": 9_999, "action": "replay"})
    assert unknown.status_code == 404


async def test_dead_letters_come_page_by_page_newest_first(outside: Any) -> None:
    for number in range(5):
        await outside.bus.publish_raw("ot.local.message.received.email.l1", b"not json", f"broken {number}")

    async def all_pages() -> list[int]:
        seen: list[int] = []
        asked = {"limit": "2"}
        while True:
            page = (await outside.api.get("/api/v1/dead-letters", params=asked)).json()
            assert len(page["items"]) <= 2
            seen += [letter["id"] for letter in page["items"]]
            if page["next"] is None:
                return seen
            asked["cursor"] = page["next"]

    for _ in range(1_000):
        if len(seen := await all_pages()) == 5:
            break
        await asyncio.sleep(0.02)
    assert len(set(seen)) == 5
    assert seen == sorted(seen, reverse=True)
    assert (await outside.api.get("/api/v1/dead-letters", params={"cursor": "x"})).status_code == 422
