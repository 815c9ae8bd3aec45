"""Which bot in which Slack workspace we are."""

from __future__ import annotations

from typing import Any, NamedTuple

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from onethread.gateway_slack.web_api import code_of
from onethread.runtime.bus import UnavailableError


class Installation(NamedTuple):
    team: str
    bot: str
    """The bot's user id."""


class Installations:
    """A signed event names its installation; only where it does not is Slack asked, once."""

    def __init__(self, slack: AsyncWebClient) -> None:
        self._slack = slack
        self._own: Installation | None = None

    async def of(self, body: dict[str, Any]) -> Installation:
        """Raises `UnavailableError` when nobody says who we are: Slack will send the event again."""
        for entry in body.get("authorizations") or []:
            if entry.get("is_bot") and entry.get("user_id"):
                return Installation(entry.get("team_id") or body.get("team_id") or "", entry["user_id"])
        if self._own is None:
            self._own = await self._ask()
        return self._own

    async def _ask(self) -> Installation:
        try:
            answer = await self._slack.auth_test()
        except SlackApiError as error:
            raise UnavailableError(f"Slack does not say who the bot is: {code_of(error)}") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UnavailableError(f"Slack does not answer: {type(error).__name__}") from error
        return Installation(answer.get("team_id", ""), answer.get("user_id", ""))
