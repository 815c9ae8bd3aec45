"""Signed events in: what is kept, what is ignored, and when Slack gets its receipt."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import structlog

from onethread.contracts.ids import lane, received_id

from .conftest import ANA, BOT, TEAM, FakeSlack, Gateway, envelope, fixture, said, started


async def test_a_direct_message_is_published_with_everything_slack_says_of_it(gateway: Gateway):
    answer = await gateway.hear(said("Where is my *order*?"))

    assert answer.status_code == 200
    (event,) = gateway.bus.published
    assert event.id == received_id("local", "slack-local", "D1:1700000001.000100")
    assert gateway.bus.events[event.id][1] == ("slack", lane("U111"))
    data = event.data
    assert (data.channel.id, data.channel.kind, data.external_id) == ("slack-local", "slack", "D1:1700000001.000100")
    assert [(i.kind, i.value, i.trust) for i in data.identities] == [
        ("slack_user", f"{TEAM}/U111", "verified"),
        ("email", "ana@pineandpaper.example", "verified"),
    ]
    assert all(i.evidence for i in data.identities)
    assert (data.name, data.text, data.answers, data.participants) == ("Ana Ruiz", "Where is my order?", [], [])
    assert data.place.key == "slack:D1"
    assert not data.place.audience.shared
    assert data.place.route == {"channel": "D1", "thread_ts": None, "team": TEAM}
    assert data.sent_at.timestamp() == pytest.approx(1700000001.0001)
    assert event.traceparent


async def test_a_mention_at_top_level_starts_a_thread_in_a_place_that_others_see(gateway: Gateway):
    await gateway.hear(said(f"<@{BOT}> hi there", type="app_mention", channel="C1"))

    (event,) = gateway.bus.published
    assert event.data.text == "hi there"
    assert event.data.place.key == "slack:C1:1700000001.000100"
    assert event.data.place.route["thread_ts"] == "1700000001.000100"
    assert event.data.place.audience.model_dump() == {"shared": True, "name": "#acme-support"}
    assert event.data.answers == []


@pytest.mark.parametrize("first", ["message", "app_mention"])
async def test_mention_and_message_of_one_gesture_are_one_event(gateway: Gateway, first: str):
    mention = said(f"<@{BOT}> hi", type="app_mention", channel="C1")
    del mention["channel_type"]  # as Slack sends it
    both = [mention, said(f"<@{BOT}> hi", channel="C1")]
    both.sort(key=lambda event: event["type"] != first)

    answers = await asyncio.gather(*(gateway.hear(event) for event in both))

    assert [a.status_code for a in answers] == [200, 200]
    assert gateway.bus.attempts == 2
    assert len(gateway.bus.published) == 1


async def test_what_follows_in_the_thread_of_a_mention_is_for_us(gateway: Gateway):
    await gateway.hear(said(f"<@{BOT}> hi", channel="C1"))
    await gateway.hear(said("anyone?", channel="C1", ts="1700000002.000100", thread_ts="1700000001.000100"))

    _, reply = gateway.bus.published
    assert reply.data.answers == ["C1:1700000001.000100"]
    assert reply.data.place.key == "slack:C1:1700000001.000100"


async def test_talk_among_people_is_not_for_us(gateway: Gateway):
    await gateway.hear(said("lunch?", channel="C1"))
    await gateway.hear(said("yes", channel="C1", ts="1700000002.000100", thread_ts="1700000001.000100"))

    assert gateway.bus.published == []


async def test_a_thread_in_direct_messages_is_its_own_place(gateway: Gateway):
    await gateway.hear(said("and this?", ts="1700000002.000100", thread_ts="1700000001.000100"))

    (event,) = gateway.bus.published
    assert event.data.place.key == "slack:D1:1700000001.000100"
    assert not event.data.place.audience.shared
    assert event.data.answers == ["D1:1700000001.000100"]


IGNORED = {
    "assistant_thread_context_changed": "not a message",
    "assistant_thread_started": "not a message",
    "message_changed": "not a new message: message_changed",
    "message_channel": "said in a channel, not to the bot",
    "message_channel_2": "said in a channel, not to the bot",
    "message_deleted": "not a new message: message_deleted",
    "message_file_share": "our own message",
    "message_from_bot_classic": "said by a bot",
    "message_from_bot_new_style": "our own message",
    "message_user_with_blocks": "our own message",
    "other_app_bot_message": "said by a bot",
    "reaction_added": "not a message",
    "self_bot_message": "said by a bot",
    "self_reaction_added": "not a message",
    "thread_broadcast": "said in a channel, not to the bot",
}


@pytest.mark.parametrize(("name", "reason"), IGNORED.items())
async def test_what_is_no_customer_message_is_acknowledged_and_ignored_with_a_reason(
    gateway: Gateway, name: str, reason: str
):
    with structlog.testing.capture_logs() as lines:
        answer = await gateway.send(fixture(f"events/{name}.json"))

    assert answer.status_code == 200
    assert gateway.bus.published == []
    assert [line["reason"] for line in lines if line["event"] == "slack.ignored"] == [reason]


@pytest.mark.parametrize("name", ["message_im_in_assistant_thread", "message_im_with_assistant_thread_field"])
async def test_a_message_to_the_assistant_is_published(gateway: Gateway, name: str):
    assert (await gateway.send(fixture(f"events/{name}.json"))).status_code == 200

    (event,) = gateway.bus.published
    assert event.data.text == "When Slack was released?"
    assert event.data.place.key == "slack:D111:1726133698.626339"


async def test_an_event_that_does_not_name_the_installation_has_slack_asked_once(gateway: Gateway):
    body = fixture("events/app_mention.json")  # has no `authorizations`
    assert (await gateway.send(body)).status_code == 200
    assert (await gateway.send(body)).status_code == 200

    (event,) = gateway.bus.published
    assert event.data.text == "@W111 Hi there!"  # W111 is not this bot
    assert len(gateway.slack.made("auth.test")) == 1


@pytest.mark.parametrize("name", ["thread_broadcast", "message_file_share"])
async def test_a_broadcast_and_a_file_are_each_one_message(gateway: Gateway, name: str):
    body = fixture(f"events/{name}.json")
    body["authorizations"] = envelope({})["authorizations"]
    body["event"]["text"] = f"<@{BOT}> " + body["event"]["text"]
    await gateway.send(body)
    await gateway.send(body)

    (event,) = gateway.bus.published
    assert event.data.text.startswith(("Hi there!", "Here is your file!\n[File: test.png]"))


async def test_slack_gets_its_receipt_only_after_the_event_is_kept(gateway: Gateway):
    kept: list[str] = []
    publish, may_go = gateway.bus.publish, asyncio.Event()

    async def slowly(event: Any, *tokens: str) -> None:
        await may_go.wait()
        await publish(event, *tokens)
        kept.append("kept")

    gateway.bus.publish = slowly
    request = asyncio.create_task(gateway.hear(said("hello")))
    await asyncio.sleep(0.2)
    assert not request.done()
    may_go.set()
    assert (await request).status_code == 200
    assert kept == ["kept"]


async def test_slack_is_told_to_retry_while_the_bus_is_away_and_the_retry_is_kept_once(gateway: Gateway):
    gateway.bus.away = True
    for event in (said("hello"), said(f"<@{BOT}> hello", channel="C1")):
        answer = await gateway.hear(event)
        assert answer.status_code == 503
        assert "Nothing was kept" in answer.json()["detail"]
        assert answer.headers["content-type"] == "application/problem+json"
    gateway.bus.away = False
    body = envelope(said("hello"))
    for number in ("1", "2"):
        assert (await gateway.send(body, **{"X-Slack-Retry-Num": number})).status_code == 200
    assert len(gateway.bus.published) == 1


async def test_a_fault_of_ours_makes_slack_retry_and_tells_nothing_of_the_message(gateway: Gateway):
    async def fails(*_: Any) -> None:
        raise ValueError("secret words")

    gateway.bus.publish = fails
    answer = await gateway.hear(said("hello"))
    assert answer.status_code == 500
    assert "secret" not in answer.text


async def test_nobody_knowing_who_the_bot_is_makes_slack_retry(gateway: Gateway):
    gateway.slack.broken["auth.test"] = ["invalid_auth"]
    answer = await gateway.hear(said("hello"), authorizations=[])
    assert answer.status_code == 503
    assert (await gateway.hear(said("hello"), authorizations=[])).status_code == 200


@pytest.mark.parametrize(
    ("how", "title"),
    [
        ({"secret": "another"}, "signature is wrong"),
        ({"age": 301}, "too old"),
        ({"age": -301}, "too old"),
        ({"X-Slack-Request-Timestamp": "soon"}, "too old"),
        ({"X-Slack-Request-Timestamp": ""}, "not signed"),
        ({"X-Slack-Signature": ""}, "not signed"),
        ({"X-Slack-Signature": "v0=é"}, "signature is wrong"),
    ],
)
async def test_a_request_that_is_not_slacks_is_refused_and_says_why(gateway: Gateway, how: dict[str, Any], title: str):
    signature = how.get("X-Slack-Signature")
    how = {**how, "X-Slack-Signature": signature.encode()} if signature else how
    answer = await gateway.send(envelope(said("hello")), **how)

    assert answer.status_code == 401
    assert title in answer.json()["title"]
    assert "Nothing was kept" in answer.json()["detail"]
    assert gateway.bus.published == []


@pytest.mark.parametrize(
    "body",
    [b"{", b"[1]", b"\xff\xfe", b"null", b'{"type":"event_callback"}', b'{"type":"event_callback","event":["x"]}', b""],
)
async def test_a_malformed_body_is_refused(gateway: Gateway, body: bytes):
    answer = await gateway.send(body)
    assert answer.status_code == 400
    assert answer.json()["title"] == "The body is not a Slack event"


async def test_an_oversize_body_is_refused(gateway: Gateway):
    assert (await gateway.send(b"x" * 1024 * 1024 + b"x")).status_code == 413


async def test_slack_can_verify_the_url(gateway: Gateway):
    body = fixture("events/url_verification.json")
    answer = await gateway.send(body)
    assert (answer.status_code, answer.json()) == (200, {"challenge": body["challenge"]})
    assert (await gateway.send(body, secret="another")).status_code == 401


async def test_a_notice_about_the_events_themselves_is_acknowledged(gateway: Gateway):
    assert (await gateway.send({"type": "app_rate_limited", "minute_rate_limited": 1})).status_code == 200


async def test_a_profile_that_slack_does_not_give_in_time_costs_the_email_and_not_the_message(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("onethread.gateway_slack.people.LOOKUP_SECONDS", 0.1)
    gateway.slack.slow["users.info"] = 0.4
    await gateway.hear(said("first"))
    (first,) = gateway.bus.published
    assert [i.kind for i in first.data.identities] == ["slack_user"]
    assert first.data.name is None

    monkeypatch.setattr("onethread.gateway_slack.people.LOOKUP_SECONDS", 20)  # the call went on
    await gateway.hear(said("second", ts="1700000002.000100"))
    assert [i.kind for i in gateway.bus.published[1].data.identities] == ["slack_user", "email"]
    assert len(gateway.slack.made("users.info")) == 1


@pytest.mark.parametrize("failure", ["user_not_found", (500, {}, "oops"), (503, {}, "{}")])
async def test_a_profile_that_slack_refuses_costs_the_email_and_not_the_message(gateway: Gateway, failure: Any):
    gateway.slack.broken["users.info"] = [failure]
    gateway.slack.broken["conversations.info"] = [failure]
    await gateway.hear(said(f"<@{BOT}> hi", channel="C1"))

    (event,) = gateway.bus.published
    assert "slack_user" in {i.kind for i in event.data.identities}
    assert event.data.place.audience.shared  # a channel of unknown name is never private


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"team_id": "T999"}, "another Slack workspace"),
        ({"is_stranger": True}, "another Slack workspace"),
        ({"is_bot": True}, "a bot"),
        ({"is_email_confirmed": False}, "not confirmed"),
        ({"deleted": True}, "deactivated"),
    ],
)
async def test_an_email_that_nobody_vouches_for_is_asserted(gateway: Gateway, change: dict[str, Any], words: str):
    gateway.slack.users["U111"] = {**ANA, **change}
    await gateway.hear(said("hello"))

    email = gateway.bus.published[0].data.identities[1]
    assert (email.kind, email.trust) == ("email", "asserted")
    assert words in email.evidence


async def test_where_the_operator_does_not_trust_the_emails_none_is_verified(slack: FakeSlack):
    async with started(slack, slack_trust_emails=False) as gateway:
        await gateway.hear(said("hello"))
    trusts = {i.kind: i.trust for i in gateway.bus.published[0].data.identities}
    assert trusts == {"slack_user": "verified", "email": "asserted"}


async def test_a_group_conversation_is_shared(gateway: Gateway):
    gateway.slack.group = True
    await gateway.hear(said(f"<@{BOT}> hi", channel="G1", channel_type="mpim"))
    audience = gateway.bus.published[0].data.place.audience
    assert (audience.shared, audience.name) == (True, "a group conversation")


async def test_logs_hold_no_words_and_no_addresses(gateway: Gateway, caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO")
    with structlog.testing.capture_logs() as lines:
        await gateway.hear(said("my private words"))
        await gateway.send(envelope(said("my private words")), secret="another")
        await gateway.hear({"type": "message", "text": "my private words", "channel": "C9"})
    logged = caplog.text + str(lines)
    assert "private" not in logged
    assert "pineandpaper" not in logged.lower()
