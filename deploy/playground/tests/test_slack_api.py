"""The look-alike, spoken to by Slack's own client library and told to by a person."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from itertools import pairwise

import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

ANA, BOT, SUPPORT = "U0ANARUIZ01", "U0ONETHREAD", "C0ACMESUPPT"
METADATA = {"event_type": "onethread_message", "event_payload": {"message_id": "m1"}}


@pytest.fixture
def slack(playground) -> AsyncWebClient:
    return AsyncWebClient("xoxb-test", base_url=f"{playground.url}/slack/api/")


def say(playground, text="Hello", channel="dm", user="ana", **more) -> dict[str, str]:
    said = httpx.post(f"{playground.url}/api/slack/say", json={"user": user, "channel": channel, "text": text, **more})
    assert said.status_code == 201, said.text
    return said.json()


def wait_for(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.01)
    assert found, "it did not happen in time"
    return found


async def test_auth_test_names_team_and_bot(slack):
    answer = await slack.auth_test()
    assert (answer["user_id"], answer["bot_id"]) == (BOT, "B0ONETHREAD")
    assert "chat:write" in answer.headers["x-oauth-scopes"]


async def test_a_wrong_token_is_refused(slack):
    slack.token = "xoxb-other"
    with pytest.raises(SlackApiError, match="invalid_auth"):
        await slack.auth_test()


def test_no_token_is_refused(playground):
    assert httpx.post(f"{playground.url}/slack/api/auth.test").json() == {"ok": False, "error": "not_authed"}


def test_a_token_in_the_form_is_taken_as_slack_does(playground):
    answer = httpx.post(f"{playground.url}/slack/api/auth.test", data={"token": "xoxb-test"})
    assert answer.json()["ok"] is True


async def test_an_unknown_method_is_named(slack):
    with pytest.raises(SlackApiError, match="unknown_method"):
        await slack.api_call("chat.scream")


async def test_a_person_has_a_profile_with_email_and_time_zone(slack):
    user = (await slack.users_info(user=ANA))["user"]
    assert user["profile"]["email"] == "ana@pineandpaper.example"
    assert (user["real_name"], user["tz"], user["team_id"]) == ("Ana Ruiz", "Europe/Lisbon", "T0ACMEPLAY1")
    assert (await slack.users_lookupByEmail(email="Ana@pineandpaper.example"))["user"]["id"] == ANA
    with pytest.raises(SlackApiError, match="user_not_found"):
        await slack.users_info(user="U404")


@pytest.mark.parametrize("as_form", [True, False])
async def test_a_message_is_found_again_by_its_metadata(playground, slack, as_form):
    question = say(playground, "@onethread hello", "#acme-support")
    args = {"channel": SUPPORT, "text": "Hi", "thread_ts": question["ts"], "metadata": METADATA}
    form = {"data": {**args, "metadata": json.dumps(METADATA)}}
    posted = await slack.api_call("chat.postMessage", **(form if as_form else {"json": args}))
    assert posted["message"]["metadata"] == METADATA
    replies = await slack.conversations_replies(channel=SUPPORT, ts=question["ts"], include_all_metadata=True)
    root, answer = replies["messages"]
    assert (root["reply_count"], root["thread_ts"]) == (1, question["ts"])
    assert (answer["ts"], answer["metadata"], answer["bot_id"]) == (posted["ts"], METADATA, "B0ONETHREAD")
    bare = await slack.conversations_replies(channel=SUPPORT, ts=question["ts"])
    assert "metadata" not in bare["messages"][1]


async def test_a_message_can_be_changed_and_deleted_by_the_bot_alone(playground, slack):
    mine = await slack.chat_postMessage(channel=SUPPORT, text="Lookin")
    await slack.chat_update(channel=SUPPORT, ts=mine["ts"], text="Looking")
    [shown] = (await slack.conversations_history(channel=SUPPORT))["messages"]
    assert shown["text"] == "Looking"
    assert shown["edited"]["user"] == BOT
    with pytest.raises(SlackApiError, match="cant_update_message"):
        await slack.chat_update(channel=SUPPORT, ts=say(playground, "Mine", "#acme-support")["ts"], text="Not yours")
    await slack.chat_delete(channel=SUPPORT, ts=mine["ts"])
    assert len((await slack.conversations_history(channel=SUPPORT))["messages"]) == 1


async def test_history_is_read_in_pages_newest_first(playground, slack):
    sent = [say(playground, f"m{n}", "#general")["ts"] for n in range(5)]
    first = await slack.conversations_history(channel="C0GENERAL01", limit=3)
    assert first["has_more"]
    rest = await slack.conversations_history(
        channel="C0GENERAL01", limit=3, cursor=first["response_metadata"]["next_cursor"]
    )
    assert [m["ts"] for m in first["messages"] + rest["messages"]] == sent[::-1]
    assert not rest["has_more"]


@pytest.mark.parametrize(
    ("method", "args", "error"),
    [
        ("chat.postMessage", {"channel": "C404", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": SUPPORT}, "no_text"),
        ("chat.postMessage", {"channel": SUPPORT, "text": "x" * 40_001}, "msg_too_long"),
        ("chat.postMessage", {"channel": SUPPORT, "text": "x", "metadata": {"a": 1}}, "invalid_metadata_format"),
        ("conversations.replies", {"channel": SUPPORT, "ts": "1.1"}, "thread_not_found"),
        ("conversations.history", {"channel": SUPPORT, "cursor": "%"}, "invalid_cursor"),
        ("conversations.history", {"channel": SUPPORT, "limit": "many"}, "invalid_limit"),
        ("conversations.open", {}, "users_list_not_supplied"),
        ("reactions.add", {"channel": SUPPORT, "timestamp": "1.1", "name": "eyes"}, "message_not_found"),
    ],
)
async def test_mistakes_get_slacks_own_words(slack, method, args, error):
    with pytest.raises(SlackApiError) as refused:
        await slack.api_call(method, json=args)
    assert refused.value.response["error"] == error


async def test_direct_messages_are_opened_and_described(slack):
    opened = (await slack.conversations_open(users=ANA))["channel"]["id"]
    assert (await slack.conversations_info(channel=opened))["channel"]["is_im"]
    assert (await slack.conversations_members(channel=opened))["members"] == [ANA, BOT]
    assert (await slack.chat_postMessage(channel=ANA, text="To you"))["channel"] == opened
    assert (await slack.conversations_info(channel=SUPPORT))["channel"]["name"] == "acme-support"


async def test_small_courtesies_are_taken(playground, slack):
    ts = say(playground)["ts"]
    assert (await slack.reactions_add(channel="D0ANARUIZ01", timestamp=ts, name="eyes"))["ok"]
    assert (await slack.assistant_threads_setStatus(channel_id="D0ANARUIZ01", thread_ts=ts, status="is thinking"))["ok"]
    assert (await slack.api_test())["ok"]


def test_a_mention_is_signed_and_told_as_two_events_in_the_same_thread(playground, slack_app):
    root = say(playground, "Anyone?", "#acme-support", user="bob")
    reply = say(playground, "@onethread do you know?", "#acme-support", thread_ts=root["ts"])
    wait_for(lambda: len(slack_app.heard) == 3)
    for headers, body in slack_app.heard:
        assert SignatureVerifier("signing-secret").is_valid_request(body, headers)
    events = [body["event"] for body in slack_app.bodies()[1:]]
    assert sorted(e["type"] for e in events) == ["app_mention", "message"]
    assert {(e["ts"], e["thread_ts"], e["parent_user_id"]) for e in events} == {
        (reply["ts"], root["ts"], "U0BOBSTONE1")
    }


def test_a_failing_app_is_asked_again_as_slack_does(playground, slack_app):
    slack_app.answers = [503, 503]
    say(playground)
    wait_for(lambda: len(slack_app.heard) == 3)
    tries = [(h.get("x-slack-retry-num"), h.get("x-slack-retry-reason")) for h, _ in slack_app.heard]
    assert tries == [(None, None), ("1", "http_error"), ("2", "http_error")]
    assert len({body["event_id"] for body in slack_app.bodies()}) == 1


def deliveries(playground) -> list[str]:
    listed = httpx.get(f"{playground.url}/api/slack/messages", params={"channel": "D0ANARUIZ01"}).json()
    return [m["delivery"] for m in listed["items"]]


def test_after_three_retries_the_message_is_shown_as_not_delivered(playground, slack_app):
    slack_app.answers = [500] * 4
    say(playground)
    wait_for(lambda: deliveries(playground) == ["failed"])
    assert len(slack_app.heard) == 4


def test_the_messages_of_one_place_are_told_in_the_order_in_which_they_were_said(playground, slack_app):
    sent = [say(playground, f"m{n}")["ts"] for n in range(20)]
    wait_for(lambda: len(slack_app.heard) == 20)
    assert [body["event"]["ts"] for body in slack_app.bodies()] == sent
    assert all(a < b for a, b in pairwise(sent))


def test_an_event_under_way_is_sent_again_after_a_restart(settings, start, slack_app):
    slack_app.answers = [500] * 2
    with start(settings.model_copy(update={"playground_slack_retries": (0, 60)})) as playground:
        say(playground)
        wait_for(lambda: len(slack_app.heard) == 2)
        assert deliveries(playground) == ["pending"]
    with start(settings) as playground:
        wait_for(lambda: deliveries(playground) == ["delivered"])
    assert len({body["event_id"] for body in slack_app.bodies()}) == 1


def test_a_timestamp_is_never_given_twice_even_when_the_clock_goes_back(settings, start):
    with start(settings):
        pass
    with sqlite3.connect(settings.data_folder / "playground.sqlite") as db:
        db.execute(
            "insert into slack_messages values ('C0GENERAL01', '9999999998.999999', null, '{\"ts\": \"\"}', null)"
        )
    db.close()
    with start(settings) as playground:
        assert say(playground)["ts"] == "9999999999.000000"


def test_nobody_writes_in_another_persons_direct_messages(playground):
    body = {"user": "bob", "channel": "D0ANARUIZ01", "text": "x"}
    assert httpx.post(f"{playground.url}/api/slack/say", json=body).status_code == 403
    assert httpx.post(f"{playground.url}/api/slack/say", json={**body, "user": "eve"}).status_code == 404
    assert httpx.post(f"{playground.url}/api/slack/say", json={**body, "channel": "#none"}).status_code == 404


async def test_open_pages_are_told_live(playground):
    async with httpx.AsyncClient() as client, client.stream("GET", f"{playground.url}/live", timeout=30) as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        ts = (await asyncio.to_thread(say, playground))["ts"]
        async for line in lines:
            if ts in line:
                break
        else:
            pytest.fail("the page was not told")
