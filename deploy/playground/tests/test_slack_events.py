"""Events as Slack would send them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from slack_sdk.signature import SignatureVerifier

from onethread.playground import slack_text
from onethread.playground.people import BOT_USER, TEAM_ID, find_place
from onethread.playground.slack_events import changed_event, envelope, events_for, signed_headers

FIXTURES = Path(__file__).resolve().parents[4] / "shared" / "fixtures" / "slack"
CHANNEL, DIRECT = find_place("#acme-support"), find_place("D0ANARUIZ01")


def message(text: str, **more):
    return {
        "type": "message", "ts": "1732345678.000100", "user": "U0ANARUIZ01", "team": TEAM_ID, "client_msg_id": "c1",
        "text": text, "delivery": None, **more,
    }  # fmt: skip


def test_a_direct_message_is_one_message_event():
    [event] = events_for(DIRECT, message("Hello"))
    assert (event["type"], event["channel_type"], event["channel"]) == ("message", "im", "D0ANARUIZ01")
    assert event["ts"] == event["event_ts"] == "1732345678.000100"
    assert "delivery" not in event


def test_a_mention_in_a_channel_is_told_twice_with_one_ts_and_two_event_ids():
    said, named = events_for(CHANNEL, message(f"<@{BOT_USER}> Hello"))
    assert (said["type"], named["type"]) == ("message", "app_mention")
    assert said["ts"] == named["ts"]
    assert said["client_msg_id"] == named["client_msg_id"]
    assert envelope(said)["event_id"] != envelope(named)["event_id"]
    assert "channel_type" not in named


def test_the_bots_own_message_is_never_a_mention():
    assert len(events_for(CHANNEL, message(f"I am <@{BOT_USER}>", bot_id="B1"))) == 1


def test_a_direct_message_that_names_the_bot_is_no_mention():
    assert len(events_for(DIRECT, message(f"<@{BOT_USER}>"))) == 1


def test_an_envelope_sent_again_keeps_its_id():
    [event] = events_for(DIRECT, message("Hello"))
    assert envelope(event) == envelope(dict(event))


@pytest.mark.parametrize("name", ["message_channel", "message_user_with_blocks", "app_mention"])
def test_an_envelope_has_every_key_of_a_real_one(name):
    path = FIXTURES / "events" / f"{name}.json"
    if not path.exists():
        pytest.skip(f"the shared Slack fixtures are not beside this clone: {path.name}")
    real = json.loads(path.read_text())
    blocks = slack_text.rich_text(slack_text.elements("Hello"), "b1")
    events = {e["type"]: e for e in events_for(CHANNEL, message(f"<@{BOT_USER}>", blocks=blocks))}
    ours = envelope(events[real["event"]["type"]])
    # An enterprise's id and the retired list of users are not in what Slack sends to a plain workspace today.
    assert real.keys() - {"enterprise_id", "authed_users"} <= ours.keys()
    assert real["event"].keys() <= ours["event"].keys()


def test_an_edit_names_both_texts():
    before, after = message("old"), message("new", edited={"user": BOT_USER, "ts": "1.2"})
    event = changed_event(CHANNEL, before, after, "1732345679.000200")
    assert (event["subtype"], event["message"]["text"], event["previous_message"]["text"]) == (
        "message_changed",
        "new",
        "old",
    )
    assert event["ts"] != before["ts"]


def test_slacks_own_verifier_accepts_the_signature_and_no_other():
    body = b'{"type":"event_callback"}'
    headers = signed_headers("secret", body, now=1732345678.9)
    check = {"body": body, "timestamp": headers["X-Slack-Request-Timestamp"], "signature": headers["X-Slack-Signature"]}

    class Clock:
        def now(self):
            return 1732345679

    assert SignatureVerifier("secret", Clock()).is_valid(**check)
    assert not SignatureVerifier("other", Clock()).is_valid(**check)


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("@onethread where is it?", f"<@{BOT_USER}> where is it?"),
        ("Hi @Pine & Paper Support, and Bob", f"Hi <@{BOT_USER}>, and Bob"),
        ("ask @Bob Stone, please", "ask <@U0BOBSTONE1>, please"),
        (f"<@{BOT_USER}> hi", f"<@{BOT_USER}> hi"),
        ("<@U0STRANGER> & <!channel>", "&lt;@U0STRANGER&gt; &amp; &lt;!channel&gt;"),
        ("see https://a.example/x?a=1&b=2.", "see <https://a.example/x?a=1&amp;b=2>."),
        ("mail ana@onethread.localhost", "mail ana@onethread.localhost"),
    ],
)
def test_typed_text_becomes_what_slack_sends(typed, sent):
    assert slack_text.mrkdwn(slack_text.elements(typed)) == sent
