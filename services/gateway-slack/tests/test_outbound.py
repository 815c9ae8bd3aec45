"""Replies out: each is posted once, whatever breaks on the way."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID, uuid4

import pytest

from onethread.contracts.ids import derived_id
from onethread.contracts.messages import Audience, Author, Channel, Place, Source
from onethread.contracts.replies import ReplyDelivered, ReplyFailed, ReplyRequested, RequestedReply
from onethread.gateway_slack.capabilities import PART_LIMIT
from onethread.runtime.bus import UnavailableError

from .conftest import TEAM, Gateway, said

THREAD = "1700000001.000100"
DIRECT = {"channel": "D1", "thread_ts": None, "team": TEAM}
IN_CHANNEL = {"channel": "C1", "thread_ts": THREAD, "team": TEAM}


def requested(text: str = "Hello **Ana**", route: dict[str, Any] | None = None, **more: Any) -> ReplyRequested:
    place = Place(key="slack:x", audience=Audience(shared=False), route=DIRECT if route is None else route)
    return ReplyRequested(
        id=uuid4(),
        source="/conversation",
        workspaceid="local",
        threadid=UUID(int=1),
        customerid=UUID(int=2),
        data=RequestedReply(
            message_id=uuid4(),
            channel=Channel(id="slack-local", kind="slack"),
            place=place,
            author=Author(kind="agent"),
            text=text,
            html="",
            sequence=2,
            **more,
        ),
    )


async def test_a_reply_is_posted_and_its_delivery_reported(gateway: Gateway):
    event = requested()
    await gateway.deliver(event)

    (post,) = gateway.slack.made("chat.postMessage")
    assert (post["channel"], post["text"]) == ("D1", "Hello *Ana*")
    assert "thread_ts" not in post
    assert (post["unfurl_links"], post["link_names"]) == (False, False)
    payload = {"message_id": str(event.data.message_id), "part": 0}
    assert post["metadata"] == {"event_type": "onethread_message", "event_payload": payload}
    (delivered,) = gateway.bus.published
    assert isinstance(delivered, ReplyDelivered)
    assert delivered.id == derived_id(event.id, "delivered")
    assert (delivered.workspaceid, delivered.threadid, delivered.customerid) == ("local", UUID(int=1), UUID(int=2))
    assert delivered.causationid == event.id
    assert (delivered.data.state, delivered.data.external_id) == ("sent", "D1:1700000000.000000")
    assert delivered.data.message_id == event.data.message_id
    assert delivered.data.place == event.data.place
    assert delivered.traceparent


async def test_an_answer_in_a_channel_goes_into_the_thread_and_what_follows_there_is_for_us(gateway: Gateway):
    await gateway.deliver(requested(route=IN_CHANNEL))
    assert gateway.slack.made("chat.postMessage")[0]["thread_ts"] == THREAD
    await gateway.hear(said("thanks", channel="C1", ts="1700000009.000100", thread_ts=THREAD))
    assert [e.data.text for e in gateway.bus.published[1:]] == ["thanks"]


async def test_a_first_post_in_a_channel_starts_the_thread_that_it_reports(gateway: Gateway):
    await gateway.deliver(requested(route={**IN_CHANNEL, "thread_ts": None}))
    place = gateway.bus.published[0].data.place
    assert place.key == "slack:C1:1700000000.000000"
    assert place.route["thread_ts"] == "1700000000.000000"


async def test_sources_stand_in_one_short_line_and_only_those_that_the_text_does_not_link(gateway: Gateway):
    sources = [
        Source(title="Returns <now>", url="https://help.example/returns?a=1&b=2", document_id="a", score=0.9),
        Source(title="Linked", url="https://help.example/linked", document_id="b", score=0.8),
        Source(title="Inside", document_id="c", score=0.7),
        Source(title="Inside", document_id="c", score=0.6),
    ]
    await gateway.deliver(requested("See [it](https://help.example/linked).", sources=sources))
    assert gateway.slack.made("chat.postMessage")[0]["text"] == (
        "See <https://help.example/linked|it>.\n\n"
        "→ <https://help.example/returns?a=1&amp;b=2|Returns &lt;now&gt;> · Inside"
    )


async def test_a_reply_that_is_delivered_again_is_not_posted_again(gateway: Gateway):
    event = requested()
    for _ in range(3):
        await gateway.deliver(event)
    assert len(gateway.slack.posts) == 1
    assert len(gateway.bus.published) == 1


@pytest.mark.parametrize("route", [DIRECT, IN_CHANNEL])
async def test_a_connection_that_breaks_after_slack_took_the_post_does_not_post_twice(
    gateway: Gateway, route: dict[str, Any]
):
    gateway.slack.broken["chat.postMessage"] = ["posted, then cut off"]
    event = requested(route=route)
    with pytest.raises(UnavailableError):
        await gateway.deliver(event)
    await gateway.deliver(event)

    assert len(gateway.slack.posts) == 1
    assert [e.data.external_id for e in gateway.bus.published] == [f"{route['channel']}:1700000000.000000"]
    looked = gateway.slack.made("conversations.replies" if route["thread_ts"] else "conversations.history")
    assert [call["include_all_metadata"] for call in looked] == ["1"]


async def test_a_crash_before_the_post_does_not_lose_it(gateway: Gateway):
    event = requested()
    gateway.slack.broken["chat.postMessage"] = [(503, {}, "down")]
    with pytest.raises(UnavailableError):
        await gateway.deliver(event)
    await gateway.deliver(event)
    assert len(gateway.slack.posts) == 1
    assert len(gateway.bus.published) == 1


async def test_a_bus_that_goes_away_after_the_post_does_not_post_twice(gateway: Gateway):
    event = requested()
    publish = gateway.bus.publish

    async def fails(*_: Any) -> None:
        raise UnavailableError("gone")

    gateway.bus.publish = fails
    with pytest.raises(UnavailableError):
        await gateway.deliver(event)
    gateway.bus.publish = publish
    await gateway.deliver(event)
    assert len(gateway.slack.posts) == 1
    assert len(gateway.bus.published) == 1


async def test_nothing_is_posted_while_the_ledger_is_away(gateway: Gateway):
    gateway.bus.away = True
    with pytest.raises(UnavailableError):
        await gateway.deliver(requested())
    assert gateway.slack.calls == []


async def test_a_rate_limit_is_waited_out_for_as_long_as_slack_says(gateway: Gateway):
    gateway.slack.broken["chat.postMessage"] = [(429, {"Retry-After": "1"}, '{"ok":false,"error":"ratelimited"}')]
    started = time.monotonic()
    await gateway.deliver(requested())
    assert time.monotonic() - started >= 1
    assert len(gateway.slack.posts) == 1
    assert [e.data.state for e in gateway.bus.published] == ["sent"]


@pytest.mark.parametrize(
    "answer", [(500, {}, "oops"), (502, {}, "{}"), (200, {}, "<html>"), "internal_error", "service_unavailable"]
)
async def test_a_trouble_of_slacks_is_tried_again_later(gateway: Gateway, answer: Any):
    gateway.slack.broken["chat.postMessage"] = [answer]
    with pytest.raises(UnavailableError):
        await gateway.deliver(requested())
    assert gateway.bus.published == []


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("channel_not_found", "cannot see"),
        ("is_archived", "archived"),
        ("invalid_auth", "An operator must connect Slack again."),
        ("never_heard_of_it", "Slack refused the message. (never_heard_of_it)"),
    ],
)
async def test_a_refusal_for_good_is_reported_in_words_and_not_tried_again(gateway: Gateway, code: str, words: str):
    gateway.slack.broken["chat.postMessage"] = [code]
    event = requested()
    for _ in range(2):
        await gateway.deliver(event)

    assert len(gateway.slack.made("chat.postMessage")) == 1
    (failed,) = gateway.bus.published
    assert isinstance(failed, ReplyFailed)
    assert failed.id == derived_id(event.id, "failed")
    assert (failed.data.state, failed.data.external_id) == ("failed", None)
    assert words in failed.data.reason


async def test_a_retry_posts_what_was_refused_and_only_what_is_not_there_yet(gateway: Gateway):
    event = requested("x" * (PART_LIMIT + 10))
    gateway.slack.broken["chat.postMessage"] = [None, "is_archived"]
    await gateway.deliver(event)
    assert gateway.bus.published[-1].data.state == "failed"
    again = event.model_copy(update={"id": uuid4(), "data": event.data.model_copy(update={"attempt": 2})})
    for _ in range(2):
        await gateway.deliver(again)
    sent = gateway.bus.published[-1]
    assert (sent.data.state, sent.data.attempt) == ("sent", 2)
    parts = [post["metadata"]["event_payload"]["part"] for post in gateway.slack.made("chat.postMessage")]
    assert parts == [0, 1, 1]


async def test_a_reply_that_names_no_conversation_fails_with_a_reason(gateway: Gateway):
    await gateway.deliver(requested(route={}))
    assert "does not say which" in gateway.bus.published[0].data.reason


async def test_where_slack_does_not_let_us_look_the_teammate_is_told_that_it_may_be_there(gateway: Gateway):
    event = requested()
    gateway.slack.broken["chat.postMessage"] = ["posted, then cut off"]
    gateway.slack.broken["conversations.history"] = ["missing_scope"]
    with pytest.raises(UnavailableError):
        await gateway.deliver(event)
    await gateway.deliver(event)
    assert len(gateway.slack.posts) == 1
    assert "may have been posted" in gateway.bus.published[0].data.reason


async def test_a_long_reply_goes_on_from_the_part_that_broke(gateway: Gateway):
    event = requested("\n\n".join(f"{n} " + "word " * 300 for n in range(5)))
    gateway.slack.broken["chat.postMessage"] = ["posted, then cut off"]
    with pytest.raises(UnavailableError):
        await gateway.deliver(event)
    await gateway.deliver(event)

    texts = [post["text"] for post in gateway.slack.posts]
    assert len(texts) == 3
    assert all(len(text) <= PART_LIMIT for text in texts)
    assert "\n\n".join(texts).split() == event.data.text.split()
    assert [e.data.external_id for e in gateway.bus.published] == ["D1:1700000000.000000"]
