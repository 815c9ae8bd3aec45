"""Slack's Web API client, as it may be used here."""

from __future__ import annotations

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

SECONDS = 15
RATE_LIMIT_TRIES = 50
"""Each waits for as long as Slack says; what waits for its turn is not in trouble."""
TOO_MANY = 429
SERVER_ERROR = 500


def new_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS))


def new_client(token: str, api_url: str, session: aiohttp.ClientSession) -> AsyncWebClient:
    """Waits as long as a 429 says. The client's default, to repeat a call whose connection broke, would post twice."""
    return AsyncWebClient(
        token=token,
        base_url=api_url,
        session=session,
        retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=RATE_LIMIT_TRIES)],
    )


def code_of(error: SlackApiError) -> str:
    """Slack's own word for the refusal. An answer that is not Slack's (a proxy's page) has none."""
    answer = getattr(error.response, "data", error.response)
    return str(answer.get("error") or "no_reason") if isinstance(answer, dict) else "not_json"


def status_of(error: SlackApiError) -> int:
    answer = error.response
    return int(getattr(answer, "status_code", 0) or getattr(answer, "status", 0) or 0)
