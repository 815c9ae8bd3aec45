"""What Slack can carry, as data."""

from __future__ import annotations

PART_LIMIT = 3900
"""Characters of one posted message, counted after escaping. Slack advises 4,000 for `text`."""
SOURCES_SHOWN = 3
EVENT_LIMIT = 1024 * 1024
"""Bytes of one event. Slack's largest, a message of 40,000 characters with its blocks, stays well below."""
LOOKUP_SECONDS = 2.0
"""How long a message waits for its sender's profile. Slack wants its answer within three seconds."""
METADATA_TYPE = "onethread_message"
CHANNEL_ID = "slack-local"

HUMAN_SUBTYPES = frozenset({"file_share", "thread_broadcast", "me_message"})
"""Subtypes that a person's new message may have; all others are edits, deletions and notices."""

TRANSIENT = frozenset(
    {
        "fatal_error",
        "internal_error",
        "rate_limited",
        "ratelimited",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
    }
)
"""Error codes of the Web API after which the same call may work."""

_TOKEN = "Slack no longer accepts the bot's token. An operator must connect Slack again."  # noqa: S105 a sentence
REASONS = {
    "channel_not_found": "The bot cannot see this Slack conversation any more. Invite it again, or answer elsewhere.",
    "not_in_channel": "The bot is not in this Slack channel. Invite it there, then send the reply again.",
    "is_archived": "This Slack channel is archived. Answer on another channel.",
    "thread_not_found": "This Slack thread is gone. Answer on another channel.",
    "user_not_found": "This person is no longer in the Slack workspace. Answer on another channel.",
    "restricted_action": "The rules of this Slack workspace do not let the bot post here.",
    "missing_scope": "The Slack app lacks a permission that this needs. An operator must add it and reinstall the app.",
    "account_inactive": _TOKEN,
    "invalid_auth": _TOKEN,
    "not_authed": _TOKEN,
    "token_expired": _TOKEN,
    "token_revoked": _TOKEN,
}
"""Why Slack refused a message for good, in words that a teammate reads."""
