"""Who wrote and what a channel is called, as the Web API tells it. Kept for a few minutes; never waited for long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from onethread.contracts.messages import Audience, Identity, Trust
from onethread.gateway_slack.capabilities import LOOKUP_SECONDS
from onethread.gateway_slack.web_api import code_of

T = TypeVar("T")
KEPT_SECONDS = 300
KEPT_ENTRIES = 10_000

log = structlog.get_logger()


@dataclass(frozen=True)
class Person:
    name: str | None
    email: str | None
    doubt: str | None
    """Why the email proves nothing, in words; None when it is a confirmed colleague's."""

    def email_identity(self, doubt_of: Callable[[str], str | None]) -> Identity | None:
        """`doubt_of`: why this installation's word for an address proves nothing, in words; None when it does."""
        if self.email is None:
            return None
        doubt = self.doubt or doubt_of(self.email)
        trust: Trust = "asserted" if doubt else "verified"
        evidence = (
            f"Slack profile email, but {doubt}" if doubt else "Profile email in the Slack workspace that you trust"
        )
        return Identity(kind="email", value=self.email, trust=trust, evidence=evidence)


class People:
    """Answers None when Slack does not say in time: a message without a name is better than no message."""

    def __init__(self, slack: AsyncWebClient) -> None:
        self._slack = slack
        self._people: _Lookups[dict[str, Any]] = _Lookups(self._user)
        self._channels: _Lookups[Audience] = _Lookups(self._channel)

    async def person(self, user_id: str, team: str) -> Person | None:
        """`team`: the workspace that the app is installed in."""
        user = await self._people.find(user_id)
        return person_of(user, team) if user else None

    async def names(self, user_ids: set[str]) -> dict[str, str]:
        ids = sorted(user_ids)
        users = await asyncio.gather(*(self._people.find(user_id) for user_id in ids))
        named = {user_id: _name(user) for user_id, user in zip(ids, users, strict=True) if user}
        return {user_id: name for user_id, name in named.items() if name}

    async def audience(self, channel: str) -> Audience:
        return await self._channels.find(channel) or Audience(shared=True)

    def close(self) -> None:
        self._people.close()
        self._channels.close()

    async def _user(self, user_id: str) -> dict[str, Any]:
        return (await self._slack.users_info(user=user_id)).get("user", {})

    async def _channel(self, channel: str) -> Audience:
        info: dict[str, Any] = (await self._slack.conversations_info(channel=channel)).get("channel", {})
        if info.get("is_mpim"):
            return Audience(shared=True, name="a group conversation")
        return Audience(shared=not info.get("is_im", False), name=f"#{info['name']}" if info.get("name") else None)


def person_of(user: dict[str, Any], team: str) -> Person:
    email = str(user.get("profile", {}).get("email") or "").strip().lower()
    return Person(name=_name(user), email=email if "@" in email else None, doubt=_doubt(user, team))


def _name(user: dict[str, Any]) -> str | None:
    profile = user.get("profile", {})
    return user.get("real_name") or profile.get("real_name") or profile.get("display_name") or user.get("name") or None


def _doubt(user: dict[str, Any], team: str) -> str | None:
    teams = {user.get("team_id"), *user.get("enterprise_user", {}).get("teams", [])}
    if team not in teams or user.get("is_stranger"):
        return "they belong to another Slack workspace"
    if user.get("is_bot"):
        return "it belongs to a bot"
    if user.get("deleted"):
        return "the account is deactivated"
    if user.get("is_email_confirmed") is False:
        return "they have not confirmed it to Slack"
    return None


class _Lookups(Generic[T]):
    """One call for all who ask at once. A call that takes too long goes on, for the next who ask."""

    def __init__(self, look: Callable[[str], Awaitable[T]]) -> None:
        self._look = look
        self._calls: dict[str, tuple[float, asyncio.Future[T]]] = {}

    async def find(self, key: str) -> T | None:
        try:
            return await asyncio.wait_for(asyncio.shield(self._call(key)), LOOKUP_SECONDS)
        except (SlackApiError, aiohttp.ClientError, OSError, TimeoutError) as error:
            why = code_of(error) if isinstance(error, SlackApiError) else type(error).__name__
            log.warning("slack.lookup_failed", of=key, error=why)
            return None

    def close(self) -> None:
        for _, call in self._calls.values():
            call.cancel()

    def _call(self, key: str) -> asyncio.Future[T]:
        until, call = self._calls.get(key, (0.0, None))
        failed = call is not None and call.done() and (call.cancelled() or call.exception() is not None)
        if call is None or failed or (call.done() and until < time.monotonic()):
            call = asyncio.ensure_future(self._look(key))
            call.add_done_callback(_noticed)
            self._calls.pop(key, None)
            self._calls[key] = (time.monotonic() + KEPT_SECONDS, call)
            if len(self._calls) > KEPT_ENTRIES:
                del self._calls[next(iter(self._calls))]
        return call


def _noticed(call: asyncio.Future[Any]) -> None:
    """Whoever asked may have gone: asyncio would otherwise complain that nobody read the error."""
    if not call.cancelled():
        call.exception()
