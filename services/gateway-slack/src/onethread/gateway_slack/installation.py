"""Our app in a Slack team: one channel each, in whichever workspace. And which of them a request is for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from onethread.contracts.channels import ChannelConfig, SlackSecrets, SlackSettings
from onethread.gateway_slack import signing
from onethread.gateway_slack.capabilities import CHANNEL_ID
from onethread.gateway_slack.people import People
from onethread.gateway_slack.settings import Settings
from onethread.gateway_slack.web_api import code_of, new_client
from onethread.runtime.bus import UnavailableError
from onethread.runtime.channels import ChannelBook
from onethread.runtime.errors import Problem

NAMELESS_LIMIT = 4096
"""Characters. Slack's question whether an address is ours names no team, and is tried with every secret."""


class Bot(NamedTuple):
    team: str
    user: str


class Installation:
    """`address` is the Slack team; empty for the one of the settings, of which Slack is asked."""

    def __init__(
        self, id_: str, workspace: str, address: str, secret: str, slack: AsyncWebClient, domains: list[str] | None
    ) -> None:
        self.id, self.workspace, self.address = id_, workspace, address
        self.slack, self.people = slack, People(slack)
        self._secret, self._domains = secret, domains
        self._asked = asyncio.Lock()
        self._bot: Bot | None = None

    def has_signed(self, headers: Mapping[str, str], body: str) -> bool:
        return signing.is_signed(self._secret, headers, body)

    def doubt(self, address: str) -> str | None:
        """Why the profile address of a colleague here proves nothing, in words; None when it does."""
        if self._domains is None or address.rpartition("@")[2] in self._domains:
            return None
        return "its domain is not one that was named as your own" if self._domains else "it is not trusted here"

    def thread(self, channel: str, thread_ts: str) -> str:
        """Key of a thread. Several teams may share a Slack channel, each with a bot of its own."""
        return ".".join(filter(None, (self.address, channel, thread_ts)))

    async def bot_in(self, body: dict[str, Any]) -> Bot:
        """Who we are in a signed event. Raises `UnavailableError` when nobody says: Slack will send it again."""
        for entry in body.get("authorizations") or []:
            if entry.get("is_bot") and entry.get("user_id"):
                return Bot(entry.get("team_id") or body.get("team_id") or "", entry["user_id"])
        return await self.bot()

    async def bot(self) -> Bot:
        """As Slack says; asked once. Raises `UnavailableError`."""
        async with self._asked:
            self._bot = self._bot or await self._ask()
            return self._bot

    async def _ask(self) -> Bot:
        try:
            answer = await self.slack.auth_test()
        except SlackApiError as error:
            raise UnavailableError(f"Slack does not say who the bot is: {code_of(error)}") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UnavailableError(f"Slack does not answer: {type(error).__name__}") from error
        return Bot(answer.get("team_id", ""), answer.get("user_id", ""))


def own_installation(settings: Settings, session: aiohttp.ClientSession) -> Installation:
    slack = new_client(settings.slack_bot_token.get_secret_value(), settings.api_url, session)
    secret = settings.slack_signing_secret.get_secret_value()
    domains = None if settings.slack_trust_emails else []
    return Installation(CHANNEL_ID, settings.workspace, "", secret, slack, domains)


def installation_of(config: ChannelConfig, settings: Settings, session: aiohttp.ClientSession) -> Installation:
    """Raises `ValidationError` for a channel that is no installation."""
    known, secrets = SlackSettings.model_validate(config.settings), SlackSecrets.model_validate(config.secrets)
    slack = new_client(secrets.bot_token, settings.api_url, session)
    domains = [domain.strip().lower() for domain in known.own_domains]
    return Installation(config.id, config.workspace, known.team_id, secrets.signing_secret, slack, domains)


async def installation_for(book: ChannelBook[Installation], headers: Mapping[str, str], body: str) -> Installation:
    """Raises a `Problem` where Slack has not signed it or the team is not installed; `UnavailableError` where nobody
    knows yet. One app may be in several teams under one secret, so that the secret alone never says whose it is.
    """
    names = _teams_in(body)
    ours = book.own.has_signed(headers, body)
    if ours and (not names or (await book.own.bot()).team in names):
        return book.own
    named = [found for name in names if (found := book.at(name))]
    if not names and len(body) <= NAMELESS_LIMIT:
        named = list(book)
    for installation in named:
        if installation.has_signed(headers, body):
            return installation
    if ours and not named:
        raise Problem(404, "This Slack team is not connected", "Nothing was kept. An administrator can connect it.")
    raise signing.wrong()


def _teams_in(body: str) -> list[str]:
    """The teams that an event names, the installed one first. Nothing of it is believed before it is signed."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return []
    if not isinstance(event, dict):
        return []
    said = cast("dict[str, Any]", event)
    entries = said.get("authorizations")
    known = (
        [entry for entry in cast("list[Any]", entries) if isinstance(entry, dict)] if isinstance(entries, list) else []
    )
    named = [where.get(key) for where in (*known, said) for key in ("team_id", "enterprise_id")]
    return [name for name in named if isinstance(name, str) and name]
